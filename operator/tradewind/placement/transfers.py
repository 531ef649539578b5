"""All that a batch of asks moves: inputs and checkpoints before the start, streams over the run, outputs at the end."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.units import BYTES_PER_GB
from tradewind.placement.sources import Source, choose, gather, has_choice, staged, streamed

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
    asks: Sequence[Ask], *, table: OfferTable, links: Links, run_h: Floats, usd_per_hour: Floats, stays: Stays
) -> Transfers:
    """Move what every ask needs to every offer.

    Args:
        asks: the batch.
        table: the offers.
        links: the network.
        run_h: T_run by speed; where a stream can't keep up it is made longer, in place.
        usd_per_hour: what an hour costs, in machines and in delay.
        stays: there nothing has to be staged.
    """
    before = [staged(ask, links) for ask in asks]
    during = [streamed(ask, links) for ask in asks]
    # 1. What leaves no choice, per cluster.
    stage = gather([() if has_choice(one) else one for one in before], links)
    stream = gather([() if has_choice(one) else one for one in during], links)
    leave = gather([_outputs(ask, links) for ask in asks], links, price="out_usd_per_gb")
    usd, grams = stream.usd + leave.usd, stream.grams + leave.grams
    # 2. The same per offer; where the work stays, nothing is staged.
    at = table.cluster_of
    here = stays.asks, stays.rows
    moved = Transfers(
        run_h, stage.hours.take(at, axis=1), (usd + stage.usd).take(at, axis=1), (grams + stage.grams).take(at, axis=1)
    )
    moved.transfer_h[here] = 0.0
    moved.egress_usd[here] = usd[stays.asks, at[stays.rows]]
    moved.grams[here] = grams[stays.asks, at[stays.rows]]
    if any(during):
        np.maximum(run_h, stream.hours.take(at, axis=1), out=run_h)
    # 3. What leaves a choice, which depends on what an hour costs on the offer.
    for group in _groups(before):
        chosen = choose(
            [before[index] for index in group],
            links=links,
            cluster_of=at,
            floor_h=np.zeros((len(group), len(at))),
            usd_per_hour=usd_per_hour[group],
        )
        _add(chosen.moved, to=moved, group=group, stays=stays)
        moved.transfer_h[group] = chosen.moved.hours
    for group in _groups(during):
        chosen = choose(
            [during[index] for index in group],
            links=links,
            cluster_of=at,
            floor_h=run_h[group],
            usd_per_hour=usd_per_hour[group],
        )
        _add(chosen.moved, to=moved, group=group, stays=None)
        run_h[group] = chosen.moved.hours
    return moved


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
            chosen = choose([sources], links=context.links, cluster_of=at, floor_h=floor_h, usd_per_hour=usd_per_hour)
            for one, pick in zip(sources, chosen.picks, strict=True):
                found.append((is_staged, np.array(one.replicas, dtype=np.int64)[pick[0]]))
    return found


def _outputs(ask: Ask, links: Links) -> list[Source]:
    """List what is brought away at the end, to where it must go."""
    return [
        Source(one.name, one.size_bytes / BYTES_PER_GB, (links.index(one.location),)) for one in ask.workload.outputs
    ]


def _groups(inputs: Sequence[Sequence[Source]]) -> list[list[int]]:
    """Group the asks that leave a choice, by index; those of a group have equally many replicas, input by input."""
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for index, sources in enumerate(inputs):
        if has_choice(sources):
            groups[tuple(len(one.replicas) for one in sources)].append(index)
    return list(groups.values())


def _add(moved: Moved, *, to: Transfers, group: list[int], stays: Stays | None) -> None:
    if stays is not None:
        place = {index: number for number, index in enumerate(group)}
        for index, row in zip(stays.asks.tolist(), stays.rows.tolist(), strict=True):
            if index in place:
                for column in (moved.hours, moved.usd, moved.grams):
                    column[place[index], row] = 0.0
    to.egress_usd[group] += moved.usd
    to.grams[group] += moved.grams
