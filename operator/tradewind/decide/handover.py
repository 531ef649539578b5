"""A move in two steps: the old copy and its successor, of which one waits for the other.

Without a gap, for Deployments that may run twice: the successor is made first, and the old one, marked Leaving, goes
once that runs. One after the other, for all else: the old copy is released, and the successor, for which only room is
kept (Reserved), is made once the old one is known to be gone.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf, isfinite
from typing import TYPE_CHECKING

from tradewind.decide.keeping import keep, leave, refused_there
from tradewind.decide.part import Part
from tradewind.decide.placing import waits_for_old_copy
from tradewind.decide.step import Need
from tradewind.model.fleet import Scheduling
from tradewind.model.placement import CopyState, Situation
from tradewind.model.policy import Guarantee

if TYPE_CHECKING:
    from tradewind.decide.sight import Sight
    from tradewind.model.placement import Placement, Record
    from tradewind.model.policy import EffectivePolicy
    from tradewind.model.snapshot import View
    from tradewind.model.workload import Workload

WAITING = frozenset({CopyState.RESERVED, CopyState.LEAVING})
GIVEN_UP_S = 1800.0
"""A successor that does not run after this time, and twice that in which its pool adds nodes, will hardly ever.

Large images and models take minutes to load; meanwhile the old copy serves, and the machines of both are paid for.
"""


def hand_over(
    view: View,
    record: Record,
    sight: Sight,
    *,
    parts: list[Part],
    workload: Workload,
    policy: EffectivePolicy,
    wanted: int,
) -> list[Part]:
    """Find what becomes of copies that wait for others, `parts` being what those others need.

    Returns:
        What all places need, those that wait included. What is dropped is not among them.
    """
    for place in record.placements:
        if place.state is CopyState.LEAVING:
            parts = _after_leaving(
                view, record, sight, old=place, parts=parts, workload=workload, policy=policy, wanted=wanted
            )
        elif place.state is CopyState.RESERVED:
            parts = _after_reserved(view, record, sight, new=place, parts=parts, workload=workload, policy=policy)
    return parts


def _after_leaving(
    view: View,
    record: Record,
    sight: Sight,
    *,
    old: Placement,
    parts: list[Part],
    workload: Workload,
    policy: EffectivePolicy,
    wanted: int,
) -> list[Part]:
    """Let the old copy go once its successor runs; go back to it where that comes to nothing."""
    name = old.cluster
    # While one share is handed over the others stay; and what has just come does not think of leaving.
    parts = [replace(p, wish=None) if p.wish is not None and p.wish.need is not Need.FLEE else p for p in parts]
    sound = [part for part in parts if part.placement is not None and part.wish is None]
    if sight.gone(view, name) or (policy.guarantee is Guarantee.AT_LEAST_ONCE and sight.left(name, policy.guarantee)):
        return parts
    unseen = [part for part in sound if part.deliver and part.placement and part.placement.cluster not in view.copies]
    if unseen and policy.guarantee is Guarantee.AT_MOST_ONCE:
        # Two copies are no longer wanted: what is not made yet waits for the old one to end.
        kept = [_reserve(part) if part in unseen else part for part in parts]
        return [*kept, leave(view, sight, placement=old, why=None)]
    if len(sound) < wanted:
        back = replace(old, state=CopyState.RUNNING)
        return [*sound, keep(view, record, sight, placement=back, workload=workload, policy=policy)]
    runs = all(part.situation is not None and part.situation.ready for part in sound)
    unlawful = name in sight.clusters and refused_there(old, sight, workload=workload, policy=policy)
    if runs or unlawful:
        return [*parts, leave(view, sight, placement=old, why=unlawful[0] if unlawful else None)]
    given_up = [part for part in sound if _given_up_s(part.placement, sight) <= sight.snapshot.now_s]
    if given_up:
        back = replace(old, state=CopyState.RUNNING)
        ends = [leave(view, sight, placement=part.placement, why=None) for part in given_up if part.placement]
        stays = keep(view, record, sight, placement=back, workload=workload, policy=policy)
        return [*(part for part in parts if part not in given_up), *ends, stays]
    until_s = min((_given_up_s(part.placement, sight) for part in sound), default=inf)
    return [*parts, Part(old, retry_s=until_s if isfinite(until_s) else None)]


def _given_up_s(new: Placement | None, sight: Sight) -> float:
    """Say when a successor that does not run is given up; one that runs never is."""
    if new is None or new.state is CopyState.RUNNING:
        return inf
    cluster = sight.clusters.get(new.cluster)
    offers = cluster.offers if cluster is not None else ()
    provisioning_s = max((each.provisioning_s for each in offers if each.name == new.offer), default=0.0)
    return new.since_s + GIVEN_UP_S + 2 * provisioning_s


def _after_reserved(
    view: View,
    record: Record,
    sight: Sight,
    *,
    new: Placement,
    parts: list[Part],
    workload: Workload,
    policy: EffectivePolicy,
) -> list[Part]:
    """Make the successor once the old copy is gone, or given up for lost; else decide anew."""
    ending = [p for p in parts if p.placement is not None and p.placement.state is CopyState.RELEASING]
    waits = [part for part in ending if part.wish is None]
    if waits:
        if sight.left(new.cluster, policy.guarantee):
            return parts
        reason = record.moves[0].reason if record.moves else "Replacing"
        told = [replace(part, situation=_says(part, new, reason)) if part in waits else part for part in parts]
        return [*told, Part(new)]
    others = [part for part in parts if part not in ending]
    kept = tuple(part.placement for part in others if part.placement is not None)
    if not _takes(new, sight, workload=workload, policy=policy):
        return parts
    held = waits_for_old_copy(view, replace(record, placements=(*kept, *_places(ending))), sight, policy=policy)
    if held is not None:
        return [*others, Part(new, held)]
    made = replace(new, state=CopyState.DELIVERING, generation=view.generation, since_s=sight.snapshot.now_s)
    message = f"Goes to {new.offer} on {new.cluster}."
    situation = Situation("Delivering", "Delivering", message, placed=True, reconciling=True)
    return [*others, Part(made, situation, deliver=True)]


def _reserve(part: Part) -> Part:
    return Part(None if part.placement is None else replace(part.placement, state=CopyState.RESERVED))


def _places(parts: list[Part]) -> tuple[Placement, ...]:
    return tuple(part.placement for part in parts if part.placement is not None)


def _says(part: Part, new: Placement, reason: str) -> Situation | None:
    """Say where it goes, unless there is something worse to say."""
    if part.situation is None or part.situation.phase != "Moving" or part.placement is None:
        return part.situation
    message = f"Leaves {part.placement.cluster} for {new.offer} on {new.cluster}, once its copy has ended."
    return replace(part.situation, reason=reason, message=message)


def _takes(new: Placement, sight: Sight, *, workload: Workload, policy: EffectivePolicy) -> bool:
    """Whether what was decided a while ago still holds."""
    cluster = sight.clusters.get(new.cluster)
    if cluster is None or cluster.scheduling is not Scheduling.ENABLED:
        return False
    if not cluster.health.takes(at_most_once=policy.guarantee is Guarantee.AT_MOST_ONCE):
        return False
    return not refused_there(new, sight, workload=workload, policy=policy)
