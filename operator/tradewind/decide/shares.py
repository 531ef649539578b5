"""The places of work as a whole: how many there are to be, how its pods are divided, and what each of them needs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.decide import departures, placing
from tradewind.decide.handover import WAITING, hand_over
from tradewind.decide.keeping import keep, leave
from tradewind.decide.part import common, join
from tradewind.decide.step import Need, earliest
from tradewind.model.placement import CopyState
from tradewind.model.plan import Kept
from tradewind.model.workload import Replicas

if TYPE_CHECKING:
    from tradewind.decide.part import Part
    from tradewind.decide.sight import Sight
    from tradewind.decide.step import Step
    from tradewind.model.placement import Placement, Record
    from tradewind.model.policy import EffectivePolicy
    from tradewind.model.snapshot import View
    from tradewind.model.workload import Workload


def wanted(workload: Workload) -> int:
    """On how many clusters it is to be."""
    spread = workload.spread
    most = workload.pods.count if spread.replicas is Replicas.DIVIDED else spread.clusters
    return max(1, min(spread.clusters, most))


def keep_all(view: View, record: Record, sight: Sight, *, workload: Workload, policy: EffectivePolicy) -> Step:
    """Keep placed work going, and have a place found for each share that has lost its own."""
    count = wanted(workload)
    record = _at(record, divided(record.placements, workload, generation=view.generation))
    # 1. What each place needs.
    parts = [
        keep(view, record, sight, placement=place, workload=workload, policy=policy)
        for place in record.placements
        if place.state not in WAITING
    ]
    parts = hand_over(view, record, sight, parts=parts, workload=workload, policy=policy, wanted=count)
    # 2. Places that are too many go.
    parts = _fewer(view, sight, parts, count=count)
    places = (part.placement for part in parts if part.placement is not None)
    kept = _at(record, tuple(sorted(places, key=lambda place: (place.epoch, place.cluster))))
    kept = departures.noted(kept, parts, workload=workload, sight=sight, before=record)
    kept = _dated(kept, delivered_s=view.delivered_s, now_s=sight.snapshot.now_s)
    # 3. Work on a lost cluster moves, unless the hub itself lacks what it needs.
    step = join(view, kept, parts, common([part for part in parts if _speaks(part)]))
    if step.wish is not None and step.wish.need is Need.FLEE:
        return placing.lacking(view, kept) or replace(step, situation=step.situation or placing.IDLE)
    # 4. Shares without a place are given one.
    there = sum(place.state is not CopyState.LEAVING for place in kept.placements)
    if there >= count:
        return step
    asks = placing.ask(view, kept, sight, policy=policy)
    return replace(asks, deliver=step.deliver, release=step.release, retry_s=earliest(asks.retry_s, step.retry_s))


def divided(placements: tuple[Placement, ...], workload: Workload, *, generation: int) -> tuple[Placement, ...]:
    """Bring the pods of each place in line with a spec that has changed; else they stay as they were decided.

    Divided pods that would all be taken by fewer places than are wanted are divided anew, so that some are left for
    those that are missing.
    """
    pods, count = workload.pods.count, wanted(workload)
    shares = [place for place in placements if place.state not in (CopyState.RELEASING, CopyState.LEAVING)]
    if not shares or all(place.generation == generation for place in shares):
        return placements
    if workload.spread.replicas is Replicas.DUPLICATED or count == 1:
        even = {place.cluster: pods for place in shares}
    elif len(shares) >= count and sum(place.replicas for place in shares) == pods:
        return placements
    else:
        slots = max(count, len(shares))
        even = {
            place.cluster: pods // slots + (index < pods % slots)
            for index, place in enumerate(sorted(shares, key=lambda place: place.cluster))
        }
    return tuple(
        replace(place, replicas=even.get(place.cluster, place.replicas)) if place in shares else place
        for place in placements
    )


def keeps(record: Record, *, leaves: str) -> tuple[Kept, ...]:
    """Name the shares that are not asked for when one leaves its cluster.

    Beside those that stay, they are those whose copy may still run where it is released, and has no successor yet: the
    work would run once too often.
    """
    others = [place for place in record.placements if place.cluster != leaves and place.state is not CopyState.LEAVING]
    released = [place for place in others if place.state is CopyState.RELEASING]
    staying = [place for place in others if place.state is not CopyState.RELEASING]
    successors = sum(place.state is CopyState.RESERVED for place in staying)
    return tuple(Kept(place.cluster, place.replicas) for place in (*staying, *released[successors:]))


def _at(record: Record, placements: tuple[Placement, ...]) -> Record:
    """Write places into a record; at rest, where nothing changes, it is the same record."""
    return record if placements == record.placements else replace(record, placements=placements)


def _dated(record: Record, *, delivered_s: float, now_s: float) -> Record:
    """Note when the copy of the last move was delivered, and when it ran."""
    last = record.moves[0] if record.moves else None
    made = (CopyState.PENDING, CopyState.RUNNING)
    place = next((p for p in record.placements if last and p.epoch == last.epoch and p.state in made), None)
    if last is None or place is None or last.running_s:
        return record
    running_s = place.running_since_s or now_s if place.state is CopyState.RUNNING else 0.0
    last = replace(last, delivered_s=last.delivered_s or delivered_s or now_s, running_s=running_s)
    return replace(record, moves=(last, *record.moves[1:]))


def _speaks(part: Part) -> bool:
    """Whether it says where the work stands: of a move, the copy that waits for the other has nothing to say."""
    place = part.placement
    return place is not None and (place.state not in WAITING or part.situation is not None)


def _fewer(view: View, sight: Sight, parts: list[Part], *, count: int) -> list[Part]:
    """Release places beyond those that are wanted: first those that can't be counted on, then the dearest pods."""
    active = [
        part.placement
        for part in parts
        if part.placement is not None and part.placement.state not in (CopyState.RELEASING, CopyState.LEAVING)
    ]
    if len(active) <= count:
        return parts
    active.sort(key=lambda p: (sight.lost(p.cluster), p.usd_per_hour / max(1, p.replicas), p.epoch, p.cluster))
    surplus = {place.cluster for place in active[count:]}
    return [
        leave(view, sight, placement=part.placement, why=None)
        if part.placement is not None and part.placement.cluster in surplus
        else part
        for part in parts
    ]
