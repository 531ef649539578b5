"""Work that ends, is deleted, is suspended, or has spent its budget: its copies go, and nothing takes their place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.decide import checkpoints
from tradewind.decide.sight import is_promised, may_be_adopted
from tradewind.decide.step import Step, earliest
from tradewind.model.placement import CopyState, Finished, Situation
from tradewind.model.units import format_usd

if TYPE_CHECKING:
    from tradewind.decide.sight import Sight
    from tradewind.model.placement import Record
    from tradewind.model.snapshot import View
    from tradewind.model.workload import Workload

BUDGET_EXHAUSTED = "BudgetExhausted"


def with_end(view: View, now_s: float) -> Record:
    """Record an end when it is first seen: of a current copy, or a success of any copy of this workload."""
    record = view.record
    if record.finished is not None:
        return record
    for copy in view.copies.values():
        counts = copy.succeeded and may_be_adopted(copy, view, record)
        if copy.succeeded is not None and (counts or is_promised(copy, uid=view.uid, record=record)):
            ended = Finished(copy.cluster, copy.epoch, copy.succeeded, now_s, copy.message)
            old_uid = record.adopted_uid if copy.workload_uid == view.uid else copy.workload_uid
            return replace(record, finished=ended, epoch=max(copy.epoch, record.epoch), adopted_uid=old_uid)
    return record


def delete(view: View, record: Record, sight: Sight) -> Step:
    """Remove every copy; a lost cluster never blocks the delete, it is cleaned when it returns."""
    places = {c.cluster for c in view.copies.values()} | {p.cluster for p in record.placements}
    # Where it has been, a copy may be left that no operator has seen since it was started again.
    been = (sight.clusters.keys() if view.forgotten else record.clusters) - places
    left = sorted(name for name in places if not sight.gone(view, name))
    release = sight.removable(*view.copies.values())
    asked = {copy.cluster for copy in release}
    # Where there is no node left to confirm the end of a pod, all that can be done is to have asked.
    lost = [name for name in left if sight.lost(name) and name not in asked]
    waits = [name for name in left if name not in lost]
    abandon = (*lost, *sorted(name for name in been if not sight.gone(view, name)))
    situation = Situation("Deleting", "Deleting", f"Waits for its copy on {', '.join(waits)} to end.", reconciling=True)
    return Step(view, record, situation, release=release, forget=not waits, abandon=() if waits else abandon)


def rest(view: View, record: Record, sight: Sight, finished: Finished) -> Step:
    """It has ended: keep the copy that ended, for its logs, and remove any that runs, or runs again from a backup."""
    phase = "Succeeded" if finished.succeeded else "Failed"
    message = finished.message or f"It ended on {finished.cluster}."
    placements = tuple(replace(p, state=CopyState.FINISHED) for p in record.placements if p.cluster == finished.cluster)
    ended = {c.cluster for c in view.copies.values() if c.cluster == finished.cluster and c.succeeded is not None}
    others = sight.removable(*(c for c in view.copies.values() if c.cluster not in ended))
    situation = Situation(phase, phase, message, placed=True, ready=finished.succeeded)
    return Step(view, replace(record, placements=placements), situation, release=others)


def suspend(view: View, record: Record, sight: Sight) -> Step:
    """Remove the copies, and forget the places once they are known to be empty."""
    return _withdraw(view, record, sight, Situation("Suspended", "Suspended", "spec.suspend is true."))


def exhaust(
    view: View, record: Record, sight: Sight, *, workload: Workload, limit_usd: float, spent_usd: float
) -> Step:
    """Let it go at its next checkpoint; a greater budget lets it go on from there."""
    at_s = earliest(
        *(
            checkpoints.next_s(workload, place, now_s=sight.snapshot.now_s)
            for place in record.placements
            if place.state is CopyState.RUNNING and sight.reachable(place.cluster) and place.cluster in view.copies
        )
    )
    limit = f"budget.maxTotalUSD ({format_usd(limit_usd)})"
    if at_s is not None:
        message = f"{limit} is spent: it leaves at its next checkpoint. Raise the budget to let it go on."
        return Step(
            view, record, Situation("Running", BUDGET_EXHAUSTED, message, placed=True, ready=True), retry_s=at_s
        )
    message = f"{limit} is spent. Raise it, and the work goes on from its last checkpoint."
    if not record.placements:
        # Only once nothing runs any more does the sum stand still.
        message = (
            f"It has cost {format_usd(spent_usd)} of {limit}. Raise it, and the work goes on from its last checkpoint."
        )
    return _withdraw(view, record, sight, Situation("Suspended", BUDGET_EXHAUSTED, message, stalled=True))


def _withdraw(view: View, record: Record, sight: Sight, situation: Situation) -> Step:
    left = tuple(
        replace(place, state=CopyState.RELEASING)
        for place in record.placements
        # Where only room is kept there has never been a copy.
        if place.state is not CopyState.RESERVED and not sight.gone(view, place.cluster)
    )
    if left:
        waits = f"{situation.message} Waits for its copy on {', '.join(place.cluster for place in left)} to end."
        situation = replace(situation, message=waits, reconciling=True)
    return Step(view, replace(record, placements=left), situation, release=sight.removable(*view.copies.values()))
