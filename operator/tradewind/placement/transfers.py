"""All that a batch of asks moves: inputs and a checkpoint before the start, streams and checkpoints over it.

Times count before the start only, and where a stream can't keep up; what is written overlaps with the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.units import BYTES_PER_GB
from tradewind.placement.sources import Inputs, choose, sources_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tradewind.model.plan import Ask
    from tradewind.placement.links import Links
    from tradewind.placement.sources import Moved, Source
    from tradewind.placement.table import Floats, Ints, OfferTable
    from tradewind.placement.terms import CostContext
    from tradewind.placement.worth import UsdOf
    from tradewind.placement.writes import Written


@dataclass(frozen=True, slots=True)
class Stays:
    """Asks that run on one of the offers, and the rows of those; in parallel."""

    asks: Ints
    rows: Ints


class Transfers:
    """What a batch moves; every array has the shape (asks, offers).

    Inputs with a choice of replicas need to know what time costs: first `stream` is called, then `write` and `stage`.

    Attributes:
        transfer_h: T_move.
        egress_usd: of inputs, checkpoints and outputs. grams: what moving all of them emits.
    """

    def __init__(self, asks: Sequence[Ask], *, table: OfferTable, links: Links, stays: Stays) -> None:
        self._links = links
        self._at = at = table.cluster_of
        self._stays = stays
        self._before, self._during, after = _sorted_out(asks, links)
        # What leaves no choice is the same for all offers of a cluster.
        stage, self._stream = (one.gather(links, asks=len(asks)) for one in (self._before, self._during))
        leave = after.gather(links, asks=len(asks), price="out_usd_per_gb")
        usd, grams = self._stream.usd + leave.usd, self._stream.grams + leave.grams
        self.transfer_h: Floats = stage.hours.take(at, axis=1)
        self.egress_usd: Floats = (usd + stage.usd).take(at, axis=1)
        self.grams: Floats = (grams + stage.grams).take(at, axis=1)
        # Where the work stays, nothing is staged.
        here, there = (stays.asks, stays.rows), (stays.asks, at[stays.rows])
        self.transfer_h[here] = 0.0
        self.egress_usd[here] = usd[there]
        self.grams[here] = grams[there]

    def stream(self, run_h: Floats, *, usd_of: Callable[[list[int]], UsdOf], usd_per_gram: Floats) -> None:
        """Make T_run longer, in place, where the inputs that are read over it can't keep up."""
        if self._during:
            np.maximum(run_h, self._stream.hours.take(self._at, axis=1), out=run_h)
        for indexes, sources in _groups(self._during):
            moved = self._choose(indexes, sources, run_h[indexes], usd_of, usd_per_gram)
            run_h[indexes] = moved.hours
            self.egress_usd[indexes] += moved.usd
            self.grams[indexes] += moved.grams

    def write(self, written: Written | None) -> None:
        """Add the checkpoints that are written over the run, also where the work stays."""
        if written is not None:
            self.egress_usd[written.asks] += written.usd
            self.grams[written.asks] += written.grams

    def stage(self, *, usd_of: Callable[[list[int]], UsdOf], usd_per_gram: Floats) -> None:
        """Choose the replicas that are read before the start."""
        for indexes, sources in _groups(self._before):
            moved = self._choose(indexes, sources, self.transfer_h[indexes], usd_of, usd_per_gram)
            _stay(moved, indexes, self._stays)
            self.transfer_h[indexes] = moved.hours
            self.egress_usd[indexes] += moved.usd
            self.grams[indexes] += moved.grams

    def _choose(
        self,
        indexes: list[int],
        sources: list[list[Source]],
        floor_h: Floats,
        usd_of: Callable[[list[int]], UsdOf],
        usd_per_gram: Floats,
    ) -> Moved:
        return choose(
            sources,
            links=self._links,
            at=self._at,
            floor_h=floor_h,
            usd_of=usd_of(indexes),
            usd_per_gram=usd_per_gram[indexes],
        ).moved


def _groups(inputs: Inputs) -> Iterator[tuple[list[int], list[list[Source]]]]:
    for group in inputs.groups.values():
        yield [index for index, _ in group], [sources for _, sources in group]


def _sorted_out(asks: Sequence[Ask], links: Links) -> tuple[Inputs, Inputs, Inputs]:
    """List what is read before the start, what over the run, and what is written after it."""
    before, during, after = Inputs(), Inputs(), Inputs()
    for index, ask in enumerate(asks):
        if ask.resumes or ask.workload.data:
            first, then = sources_of(ask, links)
            if first:
                before.add(index, first)
            if then:
                during.add(index, then)
        if outputs := ask.workload.outputs:
            after.add(index, [(one.size_bytes / BYTES_PER_GB, (links.index(one.location),)) for one in outputs])
    return before, during, after


def serving(context: CostContext, index: int) -> list[tuple[bool, Ints]]:
    """Find what serves each input of one ask: whether it is staged, and the index of the location, per offer."""
    ask, worth = context.ask(index), context.worth
    rest_h = context.hours - context.transfer_h
    by_speed_h = worth.figures.slower_by[context.asks.slower[[index]]] * context.asks.run_h[index]
    before, during = sources_of(ask, context.links)
    found = []
    for is_staged, sources, floor_h, usd_of in (
        (True, before, np.zeros(by_speed_h.shape), partial(worth.of_wait, rest_h)),
        (False, during, by_speed_h, worth.of_run),
    ):
        if sources:
            chosen = choose(
                [sources],
                links=context.links,
                at=context.table.cluster_of,
                floor_h=floor_h,
                usd_of=usd_of([index]),
                usd_per_gram=context.asks.usd_per_gram[[index]],
            )
            for (_, replicas), pick in zip(sources, chosen.picks, strict=True):
                found.append((is_staged, np.array(replicas, dtype=np.int64)[pick[0]]))
    return found


def _stay(moved: Moved, indexes: list[int], stays: Stays) -> None:
    """Take off what would be staged where the work already is."""
    place = {index: number for number, index in enumerate(indexes)}
    for index, row in zip(stays.asks.tolist(), stays.rows.tolist(), strict=True):
        if index in place:
            for column in (moved.hours, moved.usd, moved.grams):
                column[place[index], row] = 0.0
