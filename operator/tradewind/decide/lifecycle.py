"""What one workload needs next: level-based, from its record and from what the members show.

Every rule may be applied again after a crash at any point; none depends on which event came first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.decide.sight import is_ours, is_promised, is_stale
from tradewind.decide.step import Step, Wish
from tradewind.model.health import Verdict
from tradewind.model.placement import CopyState, Finished, Placement, Situation
from tradewind.model.plan import Ask, Wake
from tradewind.model.policy import Guarantee, Mode
from tradewind.model.workload import Market
from tradewind.outage.moves import Held, may_leave, old_copy_may_run
from tradewind.placement.engine import standing

if TYPE_CHECKING:
    from tradewind.decide.sight import Sight
    from tradewind.model.placement import Record
    from tradewind.model.plan import Refusal
    from tradewind.model.policy import EffectivePolicy
    from tradewind.model.snapshot import View
    from tradewind.model.workload import Workload

SETTLE_S = 5.0
"""A copy that does not run after this long is worth a write that says why."""
SETTLING_RETRY_S = 1.0
"""How soon work that waits for a new cluster's first probes and lists is looked at again."""
PASSING = frozenset({Verdict.UNKNOWN, Verdict.SUSPECT, Verdict.RECOVERING, Verdict.HEALTHY})
"""Verdicts that will be others soon: what the status says holds until then."""
IDLE = Situation("Pending", "Pending", "Not decided yet.")


def review(view: View, sight: Sight) -> Step:
    """Find the next step of one workload. The order of the rules is their priority."""
    record = _with_end(view, sight.snapshot.now_s)
    # 1. A user's delete wins over everything.
    if view.deleting:
        return _delete(view, record, sight)
    # 2. A spec that can't be understood stops nothing that runs.
    if view.workload is None or view.policy is None:
        reason, message = (
            (view.problem.reason, view.problem.message) if view.problem else ("InvalidSpec", "Unreadable.")
        )
        return Step(view, record, Situation("Stalled", reason, message, placed=bool(record.placements), stalled=True))
    step = _next(view, record, sight, workload=view.workload, policy=view.policy)
    # 3. Recommend: decide and show, touch nothing.
    return _shown(view, step) if view.policy.mode is Mode.RECOMMEND else step


def _next(view: View, record: Record, sight: Sight, *, workload: Workload, policy: EffectivePolicy) -> Step:
    """Find the next step of work that is understood and wanted."""
    # 4. What has finished is never run again.
    if record.finished is not None:
        return _rest(view, record, sight, record.finished)
    # 5. A user's suspend wins over placement.
    if workload.suspended:
        return _suspend(view, record, sight)
    # 6. What has a place is kept going; what has none is adopted where it runs already, or is given one.
    newer = any(is_ours(c, uid=view.uid, record=record) and c.epoch > record.epoch for c in view.copies.values())
    if record.placements and not newer:
        step = _keep(view, record, sight, placement=record.placements[0], workload=workload, policy=policy)
    else:
        step = _adopt(view, record) or _ask(view, record, sight, policy=policy)
    # 7. What nothing promises goes, once what is promised has been recorded.
    stale = sight.removable(*(c for c in view.copies.values() if is_stale(c, view, step.record)))
    return replace(step, release=(*stale, *(c for c in step.release if c not in stale)))


def _shown(view: View, step: Step) -> Step:
    """Say what a step would do, and do nothing: the record only follows what happens by itself."""
    said = replace(step, release=())
    acts = step.deliver is not None or step.wish is not None or _places(step.record) != _places(view.record)
    if step.record.finished is not None or not acts:
        return said
    message = f"mode is Recommend, else: {step.situation.message if step.situation else ''}"
    situation = Situation("Recommended", "Recommended", message, placed=bool(view.record.placements))
    return replace(said, record=view.record, situation=situation, deliver=None, retry_s=None)


def _places(record: Record) -> list[tuple[str, int, bool]]:
    return [(p.cluster, p.epoch, p.state is CopyState.RELEASING) for p in record.placements]


def _with_end(view: View, now_s: float) -> Record:
    """Record an end when it is first seen: of the current copy, or a success of any copy of this workload."""
    record = view.record
    if record.finished is not None:
        return record
    for copy in view.copies.values():
        ours = is_ours(copy, uid=view.uid, record=record) or not record.epoch
        if copy.succeeded is not None and (is_promised(copy, uid=view.uid, record=record) or (ours and copy.succeeded)):
            ended = Finished(copy.cluster, copy.epoch, copy.succeeded, now_s, copy.message)
            old_uid = record.adopted_uid if copy.workload_uid == view.uid else copy.workload_uid
            return replace(record, finished=ended, epoch=max(copy.epoch, record.epoch), adopted_uid=old_uid)
    return record


def _delete(view: View, record: Record, sight: Sight) -> Step:
    """Remove every copy; a lost cluster never blocks the delete, it is cleaned when it returns."""
    places = {c.cluster for c in view.copies.values()} | {p.cluster for p in record.placements}
    # Where it has been, a copy may be left that no operator has seen since it was started again.
    been = record.clusters - places
    left = sorted(name for name in places if not sight.gone(view, name))
    release = sight.removable(*view.copies.values())
    asked = {copy.cluster for copy in release}
    # Where there is no node left to confirm the end of a pod, all that can be done is to have asked.
    lost = [name for name in left if sight.lost(name) and name not in asked]
    waits = [name for name in left if name not in lost]
    abandon = (*lost, *sorted(name for name in been if not sight.gone(view, name)))
    situation = Situation("Deleting", "Deleting", f"Waits for its copy on {', '.join(waits)} to end.", reconciling=True)
    return Step(view, record, situation, release=release, forget=not waits, abandon=() if waits else abandon)


def _rest(view: View, record: Record, sight: Sight, finished: Finished) -> Step:
    """It has ended: keep the copy that ended, for its logs, and remove any other."""
    phase = "Succeeded" if finished.succeeded else "Failed"
    message = finished.message or f"It ended on {finished.cluster}."
    placements = tuple(replace(p, state=CopyState.FINISHED) for p in record.placements if p.cluster == finished.cluster)
    others = sight.removable(*(c for c in view.copies.values() if c.cluster != finished.cluster))
    situation = Situation(phase, phase, message, placed=True, ready=finished.succeeded)
    return Step(view, replace(record, placements=placements), situation, release=others)


def _suspend(view: View, record: Record, sight: Sight) -> Step:
    """Remove the copies, and forget the places once they are known to be empty."""
    left = tuple(replace(p, state=CopyState.RELEASING) for p in record.placements if not sight.gone(view, p.cluster))
    waits = f" Waits for its copy on {left[0].cluster} to end." if left else ""
    situation = Situation("Suspended", "Suspended", f"spec.suspend is true.{waits}", reconciling=bool(left))
    return Step(view, replace(record, placements=left), situation, release=sight.removable(*view.copies.values()))


def _keep(
    view: View, record: Record, sight: Sight, *, placement: Placement, workload: Workload, policy: EffectivePolicy
) -> Step:
    """Keep placed work going, or find out that it must leave."""
    name = placement.cluster
    if placement.state is CopyState.RELEASING and sight.gone(view, name):
        return _ask(view, replace(record, placements=()), sight, policy=policy)
    if sight.lost(name):
        return _flee(view, record, sight, cluster=name, policy=policy)
    if name not in sight.clusters:
        message = f"The spec of FederatedCluster {name} can't be understood; nothing moves meanwhile."
        return Step(view, record, Situation("Running", "ClusterUnseen", message, placed=True))
    ask, conditions = Ask(workload, policy), sight.snapshot.conditions
    refusals = standing(ask, cluster=sight.clusters[name], market=placement.market, conditions=conditions)
    if refusals or placement.state is CopyState.RELEASING:
        return _leave(view, record, sight, placement=placement, why=refusals[0] if refusals else None)
    if not sight.reachable(name):
        health = sight.clusters[name].health
        if health.verdict in PASSING:
            return Step(view, record)
        situation = Situation("Running", "ClusterUnseen", f"{name} is {health.verdict}: {health.message}", placed=True)
        return Step(view, record, situation)
    return _follow(view, record, sight, placement=placement, policy=policy)


def _leave(view: View, record: Record, sight: Sight, *, placement: Placement, why: Refusal | None) -> Step:
    """Remove the copy from where it is, and wait for its end; it is given a new place after that."""
    reason, message = (why.reason, why.message) if why else ("Replacing", "it is made anew.")
    situation = Situation("Moving", reason, f"Leaves {placement.cluster}: {message}", placed=True, reconciling=True)
    going = replace(record, placements=(replace(placement, state=CopyState.RELEASING),))
    here = [view.copies[placement.cluster]] if placement.cluster in view.copies else []
    return Step(view, going, situation, release=sight.removable(*here))


def _flee(view: View, record: Record, sight: Sight, *, cluster: str, policy: EffectivePolicy) -> Step:
    """The cluster is lost: move, or say what holds the work."""
    known = sight.clusters.get(cluster)
    held: Held | None = None
    if known is not None:
        held = may_leave(
            known.health,
            cluster=cluster,
            policy=policy,
            moves=record.moves,
            now_s=sight.snapshot.now_s,
            gone=sight.gone(view, cluster),
        )
        reason, detected_s = known.health.reason, known.health.since_s
    else:
        reason, detected_s = "ClusterRemoved", sight.snapshot.now_s
        if policy.guarantee is Guarantee.AT_MOST_ONCE:
            held = _copy_may_run(sight, cluster)
    if held is not None:
        return Step(view, record, Situation("Waiting", held.reason, held.message, placed=True), retry_s=held.retry_s)
    return _lacking(view, record) or Step(
        view, record, IDLE, wish=Wish(leaves=cluster, reason=reason, detected_s=detected_s)
    )


def _copy_may_run(sight: Sight, name: str) -> Held:
    cluster = sight.clusters.get(name)
    if cluster is not None:
        return old_copy_may_run(name, cluster.health)
    return Held(
        "OldCopyMayRun",
        f"{name} is no longer declared, and its copy may still run there. "
        "Declare the FederatedCluster again, or set failover.guarantee: AtLeastOnce.",
    )


def _lacking(view: View, record: Record) -> Step | None:
    """Say what the hub itself lacks for this work: no cluster can cure that, so none is asked."""
    for refusal in view.vetoes.values():
        if refusal.wakes_on is Wake.CONFIG:
            placed = bool(record.placements)
            situation = Situation("Pending", refusal.reason, refusal.message, placed=placed, stalled=True)
            return Step(view, record, situation)
    return None


def _adopt(view: View, record: Record) -> Step | None:
    """Take over a copy that runs already: after a hub was rebuilt, it is all that is known."""
    found = [
        copy
        for copy in view.copies.values()
        if copy.epoch >= record.epoch
        and copy.state is not CopyState.RELEASING
        and (is_ours(copy, uid=view.uid, record=record) or not record.epoch)
    ]
    if not found:
        return None
    best = max(found, key=lambda copy: (copy.epoch, copy.state is CopyState.RUNNING, copy.cluster))
    placement = Placement(
        best.cluster, best.offer, Market(best.market), best.pods_wanted, best.epoch, best.generation, best.state
    )
    old_uid = best.workload_uid if best.workload_uid != view.uid else record.adopted_uid
    adopted = replace(record, placements=(placement,), epoch=best.epoch, adopted_uid=old_uid)
    situation = Situation(
        "Running", "Adopted", f"Its copy runs on {best.cluster} already.", placed=True, reconciling=True
    )
    return Step(view, adopted, situation)


def _ask(view: View, record: Record, sight: Sight, *, policy: EffectivePolicy) -> Step:
    """It needs a place; but a hub that has lost its memory must first have looked everywhere."""
    snapshot = sight.snapshot
    blind = sorted(name for name in snapshot.unlisted if not sight.reachable(name))
    if snapshot.rebuilt and not record.epoch and blind and policy.guarantee is Guarantee.AT_MOST_ONCE:
        message = (
            f"This hub found copies that it has no record of, and {', '.join(blind)} has never been listed: "
            "a copy of this work may run there. Make it reachable, or delete its FederatedCluster."
        )
        return Step(view, record, Situation("Waiting", "AdoptionPending", message))
    once = policy.guarantee is Guarantee.AT_MOST_ONCE
    leftovers = sorted((not sight.lost(name), name) for name in view.copies if once or not sight.lost(name))
    if leftovers:
        seen, name = leftovers[0]
        held = None if seen else _copy_may_run(sight, name)
        situation = (
            Situation("Waiting", held.reason, held.message)
            if held
            else Situation("Moving", "Replacing", f"Waits for its old copy on {name} to end.", reconciling=True)
        )
        return Step(view, record, situation)
    if snapshot.settling:
        names = ", ".join(sorted(snapshot.settling))
        situation = Situation("Pending", "FleetSettling", f"Waits for the first look at {names}, which is new.")
        return Step(view, record, situation, retry_s=snapshot.now_s + SETTLING_RETRY_S)
    return _lacking(view, record) or Step(view, record, IDLE, wish=Wish())


def _follow(view: View, record: Record, sight: Sight, *, placement: Placement, policy: EffectivePolicy) -> Step:
    """The cluster can be seen: the record follows its copy, and the copy is made where it is missing."""
    copy = view.copies.get(placement.cluster)
    where = f"{placement.offer} on {placement.cluster}"
    if copy is None and placement.state is not CopyState.DELIVERING:
        # It was there, and is gone without an end that anyone saw: known not to run, so it is placed anew.
        return _ask(view, replace(record, placements=()), sight, policy=policy)
    if copy is not None and not is_promised(copy, uid=view.uid, record=record):
        situation = Situation(
            "Moving", "Replacing", f"Waits for its old copy on {copy.cluster} to end.", placed=True, reconciling=True
        )
        return Step(view, record, situation)
    if copy is not None and copy.state is CopyState.RELEASING:
        return _leave(view, record, sight, placement=placement, why=None)
    refused = view.vetoes.get(placement.cluster) if copy is not None else None
    if copy is not None and copy.generation != view.generation and refused is not None:
        following = replace(record, placements=(replace(placement, state=copy.state),))
        situation = Situation("Running", refused.reason, refused.message, placed=True, stalled=True)
        return Step(view, following, situation)
    if copy is None or copy.generation != view.generation:
        placement = replace(placement, generation=view.generation)
        situation = Situation("Delivering", "Delivering", f"Goes to {where}.", placed=True, reconciling=True)
        return Step(view, replace(record, placements=(placement,)), situation, deliver=placement)
    settles_s = placement.since_s + SETTLE_S
    if placement.state is CopyState.DELIVERING and copy.state is CopyState.PENDING and sight.snapshot.now_s < settles_s:
        # Most copies run within seconds: writing that they start, and then that they run, would double the writes.
        situation = Situation("Delivering", "Delivering", f"Goes to {where}.", placed=True, reconciling=True)
        return Step(view, record, situation, retry_s=settles_s)
    placement = replace(placement, state=copy.state, generation=copy.generation)
    running = copy.state is CopyState.RUNNING
    record = _with_move_times(
        replace(record, placements=(placement,)),
        placement,
        running=running,
        delivered_s=view.delivered_s or sight.snapshot.now_s,
        now_s=sight.snapshot.now_s,
    )
    if running:
        return Step(view, record, Situation("Running", "Running", f"Runs with {where}.", placed=True, ready=True))
    pods = f"{sight.snapshot.inventories[copy.cluster].bound_of(copy)} of {copy.pods_wanted} pods have a node"
    situation = Situation("Starting", "Starting", f"Starts with {where}: {pods}.", placed=True, reconciling=True)
    return Step(view, record, situation)


def _with_move_times(
    record: Record, placement: Placement, *, running: bool, delivered_s: float, now_s: float
) -> Record:
    """Note when the last move was delivered, and when it ran."""
    if not record.moves or record.moves[0].epoch != placement.epoch or record.moves[0].running_s:
        return record
    last = record.moves[0]
    last = replace(last, delivered_s=last.delivered_s or delivered_s, running_s=now_s if running else 0.0)
    return replace(record, moves=(last, *record.moves[1:]))
