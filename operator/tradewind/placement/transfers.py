"""All that a batch of asks moves: inputs and checkpoints before the start, streams over the run, outputs at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.units import BYTES_PER_GB
from tradewind.placement.sources import Inputs, Source, choose, staged, streamed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.plan import Ask
    from tradewind.placement.figures import Figures
    from tradewind.placement.links import Links
    from tradewind.placement.sources import Moved
    from tradewind.placement.table import Floats, Ints, OfferTable
    from tradewind.placement.terms import CostContext


@dataclass(frozen=True, slots=True)
class Transfers:
    """What a batch moves; every array has the shape (asks, offers).

    Attributes:
        run_h: T_run, and never less than the slowest stream takes.
        transfer_h: T_move.
        egress_usd: of inputs, checkpoint and outputs. grams: what moving all of them emits.
    """

    run_h: Floats
    transfer_h: Floats
    egress_usd: Floats
    grams: Floats


@dataclass(frozen=True, slots=True)
class Stays:
    """Asks that run on one of the offers, and the rows of those; in parallel."""

    asks: Ints
    rows: Ints


def transfers(
    asks: Sequence[Ask],
    *,
    table: OfferTable,
    links: Links,
    run_h: Floats,
    machines_usd_per_hour: Floats,
    delay_usd_per_hour: Floats,
    stays: Stays,
) -> Transfers:
    """Move what every ask needs to every offer.

    Args:
        asks: the batch.
        table: the offers.
        links: the network.
        run_h: T_run by speed; where a stream can't keep up it is made longer, in place.
        machines_usd_per_hour: what an hour of the machines costs.
        delay_usd_per_hour: what an hour of waiting costs, (asks, 1).
        stays: there nothing has to be staged.
    """
    before, during, after = _sorted_out(asks, links)
    count, at = len(asks), table.cluster_of
    # 1. What leaves no choice, per cluster and then per offer; where the work stays, nothing is staged.
    stage, stream = before.gather(links, asks=count), during.gather(links, asks=count)
    leave = after.gather(links, asks=count, price="out_usd_per_gb")
    usd, grams = stream.usd + leave.usd, stream.grams + leave.grams
    here, there = (stays.asks, stays.rows), (stays.asks, at[stays.rows])
    moved = Transfers(run_h, stage.hours[:, at], (usd + stage.usd)[:, at], (grams + stage.grams)[:, at])
    moved.transfer_h[here] = 0.0
    moved.egress_usd[here] = usd[there]
    moved.grams[here] = grams[there]
    if during:
        np.maximum(run_h, stream.hours[:, at], out=run_h)
    # 2. What leaves a choice, which depends on what an hour costs on the offer.
    for inputs, column in ((before, moved.transfer_h), (during, run_h)):
        for group in inputs.groups.values():
            indexes = [index for index, _ in group]
            chosen = choose(
                [sources for _, sources in group],
                links=links,
                at=at,
                floor_h=column[indexes],
                usd_per_hour=machines_usd_per_hour[indexes] + delay_usd_per_hour[indexes],
            ).moved
            if inputs is before:
                _stay(chosen, indexes, stays)
            column[indexes] = chosen.hours
            moved.egress_usd[indexes] += chosen.usd
            moved.grams[indexes] += chosen.grams
    return moved


def _sorted_out(asks: Sequence[Ask], links: Links) -> tuple[Inputs, Inputs, Inputs]:
    """List what is read before the start, what over the run, and what is written after it."""
    before, during, after = Inputs(), Inputs(), Inputs()
    for index, ask in enumerate(asks):
        work = ask.workload
        if ask.resumes or work.data:
            before.add(index, staged(ask, links))
            during.add(index, streamed(ask, links))
        if work.outputs:
            places = [(one, (links.index(one.location),)) for one in work.outputs]
            after.add(index, [Source(one.name, one.size_bytes / BYTES_PER_GB, place) for one, place in places])
    return before, during, after


def serving(context: CostContext, index: int, *, figures: Figures) -> list[tuple[bool, Ints]]:
    """Find what serves each input of one ask: whether it is staged, and the index of the location, per offer."""
    ask, at = context.ask(index), context.table.cluster_of
    usd_per_hour = (context.usd_per_hour[index] + context.asks.usd_per_delay_hour[index])[None]
    by_speed_h = (figures.slower_by[context.asks.slower[index]] * context.asks.run_h[index])[None]
    found = []
    for is_staged, sources, floor_h in (
        (True, staged(ask, context.links), np.zeros(usd_per_hour.shape)),
        (False, streamed(ask, context.links), by_speed_h),
    ):
        if sources:
            chosen = choose([sources], links=context.links, at=at, floor_h=floor_h, usd_per_hour=usd_per_hour)
            for one, pick in zip(sources, chosen.picks, strict=True):
                found.append((is_staged, np.array(one.replicas, dtype=np.int64)[pick[0]]))
    return found


def _stay(moved: Moved, indexes: list[int], stays: Stays) -> None:
    """Take off what would be staged where the work already is."""
    place = {index: number for number, index in enumerate(indexes)}
    for index, row in zip(stays.asks.tolist(), stays.rows.tolist(), strict=True):
        if index in place:
            for column in (moved.hours, moved.usd, moved.grams):
                column[place[index], row] = 0.0
