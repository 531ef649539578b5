"""Moves of work that must leave before another place is known, such as for a law: in the record from the first moment.

Such a move names no target until there is one, and is then completed. Until then it counts towards no limit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.decide.ledger import lost_by_leaving
from tradewind.model.placement import Move
from tradewind.outage.moves import MAX_MOVES_KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tradewind.decide.part import Part
    from tradewind.decide.sight import Sight
    from tradewind.model.placement import Placement, Record
    from tradewind.model.workload import Workload


def noted(record: Record, parts: Iterable[Part], *, workload: Workload, sight: Sight, before: Record) -> Record:
    """Write down who leaves in this round, from where and why; `before` has the places as they were."""
    now_s, was = sight.snapshot.now_s, {(place.cluster, place.epoch): place for place in before.placements}
    begun = []
    for part in parts:
        if part.departs and part.placement is not None:
            lost = lost_by_leaving(was[part.placement.cluster, part.placement.epoch], workload, sight)
            move = Move(part.placement.cluster, "", part.departs, 0, now_s, 0.0, lost_s=lost.seconds, lost_usd=lost.usd)
            begun.append(move)
    return replace(record, moves=(*begun, *record.moves)[:MAX_MOVES_KEPT]) if begun else record


def completed(moves: Sequence[Move], places: Iterable[Placement], *, now_s: float) -> tuple[Move, ...]:
    """Give moves that have begun the places that were found, the oldest first. Decided now, they are the newest."""
    found, done, others = iter(places), list[Move](), list[Move]()
    for move in reversed(moves):
        place = None if move.to_cluster else next(found, None)
        if place is None:
            others.append(move)
        else:
            done.append(replace(move, to_cluster=place.cluster, epoch=place.epoch, decided_s=now_s))
    return tuple(reversed((*others, *done)))
