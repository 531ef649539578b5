"""One place of work that is wanted: kept going, released, or left."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING

from tradewind.decide import checkpoints, failback, ledger, rebalance
from tradewind.decide.part import Part
from tradewind.decide.placing import copy_may_run
from tradewind.decide.sight import PRESENT, is_promised
from tradewind.decide.step import Need, Wish, earliest
from tradewind.model.fleet import Scheduling
from tradewind.model.health import Verdict
from tradewind.model.placement import CopyState, Situation
from tradewind.model.plan import Ask, Wake
from tradewind.model.policy import Guarantee
from tradewind.outage.moves import Held, may_leave
from tradewind.placement.engine import standing
from tradewind.placement.filters.certification import next_expiry_s

if TYPE_CHECKING:
    from tradewind.decide.sight import Sight
    from tradewind.model.placement import Placement, Record
    from tradewind.model.plan import Refusal
    from tradewind.model.policy import EffectivePolicy
    from tradewind.model.snapshot import View
    from tradewind.model.workload import Workload

SETTLE_S = 10.0
"""A copy that does not run after this long is worth a write that says why."""
SAME_PRICE = 0.01
"""A price that changes by less than this share is not worth a write."""
ENDS_RETRY_S = 10.0
"""The end of pods wakes whoever waits for room; this is for an end that nobody told of."""
PASSING = frozenset({Verdict.UNKNOWN, Verdict.SUSPECT, Verdict.RECOVERING, Verdict.HEALTHY, Verdict.AGENT_DOWN})
"""Verdicts that will be others soon: what the status says holds until then."""
DRAINING = "Draining"


def keep(
    view: View, record: Record, sight: Sight, *, placement: Placement, workload: Workload, policy: EffectivePolicy
) -> Part:
    """Keep a place going, or find out that it must be left."""
    name = placement.cluster
    if placement.state is CopyState.RELEASING and sight.gone(view, name):
        return Part(None)
    if sight.left(name, policy.guarantee):
        return _flee(view, record, sight, placement=placement, policy=policy)
    if name not in sight.clusters:
        message = f"The spec of FederatedCluster {name} can't be understood; nothing moves meanwhile."
        return Part(placement, Situation("Running", "ClusterUnseen", message, placed=True))
    refusals = refused_there(placement, sight, workload=workload, policy=policy)
    if refusals or placement.state is CopyState.RELEASING:
        return leave(view, sight, placement=placement, why=refusals[0] if refusals else None)
    if not sight.reachable(name):
        health = sight.clusters[name].health
        if health.verdict in PASSING:
            return Part(placement)
        message = f"{name} is {health.verdict}: {health.message}"
        until_s = sight.partitioned_until_s(name, policy.guarantee)
        retry_s = until_s if isfinite(until_s) else None
        return Part(placement, Situation("Running", "ClusterUnseen", message, placed=True), retry_s=retry_s)
    part = _follow(view, record, sight, placement=placement, workload=workload, policy=policy)
    copy = view.copies.get(name)
    if copy is None or part.placement is None or part.placement.state not in PRESENT:
        return part
    if copy.state is CopyState.RELEASING or not is_promised(copy, uid=view.uid, record=record):
        return part
    if sight.clusters[name].scheduling is Scheduling.DRAINING:
        return _drained(part, sight, placement=part.placement, workload=workload)
    compared = _compared(part, record, sight, placement=part.placement, workload=workload, policy=policy)
    return failback.considered(compared, record, sight, placement=part.placement, workload=workload, policy=policy)


def refused_there(
    placement: Placement, sight: Sight, *, workload: Workload, policy: EffectivePolicy
) -> tuple[Refusal, ...]:
    """Say what forbids the work to be where it is, such as a law or a certificate that has expired."""
    cluster, conditions = sight.clusters[placement.cluster], sight.snapshot.conditions
    return standing(Ask(workload, policy), cluster=cluster, market=placement.market, conditions=conditions)


def leave(view: View, sight: Sight, *, placement: Placement, why: Refusal | None) -> Part:
    """Remove the copy from where it is, and wait for its end; it is given a new place after that."""
    reason, message = (why.reason, why.message) if why else ("Replacing", "it is made anew.")
    situation = Situation("Moving", reason, f"Leaves {placement.cluster}: {message}", placed=True, reconciling=True)
    here = [view.copies[placement.cluster]] if placement.cluster in view.copies else []
    # It may not be here, wherever else it can be. One that is Leaving has its move recorded, and its successor.
    departs = why.reason if why is not None and placement.state in PRESENT else ""
    releasing = replace(placement, state=CopyState.RELEASING)
    return Part(releasing, situation, release=sight.removable(*here), departs=departs)


def _flee(view: View, record: Record, sight: Sight, *, placement: Placement, policy: EffectivePolicy) -> Part:
    """The cluster is lost: move, or say what holds the work."""
    cluster = placement.cluster
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
            held = copy_may_run(sight, cluster)
    if held is not None:
        return Part(placement, Situation("Waiting", held.reason, held.message, placed=True), retry_s=held.retry_s)
    return Part(placement, wish=Wish(Need.FLEE, cluster, reason, detected_s))


def _follow(
    view: View, record: Record, sight: Sight, *, placement: Placement, workload: Workload, policy: EffectivePolicy
) -> Part:
    """The cluster can be seen: the record follows its copy, and the copy is made where it is missing."""
    copy = view.copies.get(placement.cluster)
    where = f"{placement.offer} on {placement.cluster}"
    if copy is None and placement.state is not CopyState.DELIVERING:
        return _vanished(view, record, sight, placement=placement, policy=policy)
    if copy is not None and not is_promised(copy, uid=view.uid, record=record):
        message = f"Waits for its old copy on {copy.cluster} to end."
        return Part(placement, Situation("Moving", "Replacing", message, placed=True, reconciling=True))
    if copy is not None and copy.state is CopyState.RELEASING:
        return leave(view, sight, placement=placement, why=None)
    refused = view.vetoes.get(placement.cluster) if copy is not None else None
    if copy is not None and copy.generation != view.generation and refused is not None:
        situation = Situation("Running", refused.reason, refused.message, placed=True, stalled=True)
        return Part(replace(placement, state=copy.state), situation)
    if copy is None or copy.generation != view.generation:
        situation = Situation("Delivering", "Delivering", f"Goes to {where}.", placed=True, reconciling=True)
        return Part(replace(placement, generation=view.generation), situation, deliver=True)
    settles_s = placement.since_s + SETTLE_S
    if placement.state is CopyState.DELIVERING and copy.state is CopyState.PENDING and sight.snapshot.now_s < settles_s:
        # Most copies run within seconds: writing that they start, and then that they run, would double the writes.
        # What the decision wrote says where they go, and why.
        return Part(placement, retry_s=settles_s)
    if (placement.state, placement.generation) != (copy.state, copy.generation):
        placement = replace(placement, state=copy.state, generation=copy.generation)
    if copy.state is CopyState.RUNNING:
        placement = _running(placement, sight, workload=workload, changed_s=view.changed_s)
        return Part(placement, Situation("Running", "Running", f"Runs with {where}.", placed=True, ready=True))
    pods = f"{sight.snapshot.inventories[copy.cluster].bound_of(copy)} of {copy.pods_wanted} pods have a node"
    return Part(
        placement, Situation("Starting", "Starting", f"Starts with {where}: {pods}.", placed=True, reconciling=True)
    )


def _vanished(view: View, record: Record, sight: Sight, *, placement: Placement, policy: EffectivePolicy) -> Part:
    """Place it anew: its copy was there, and is gone without an end that anyone saw, so it is known not to run.

    Who else removes a copy may leave its pods to end after it; we never do. Work that may run only once waits for them.
    """
    bound = sight.snapshot.inventories[placement.cluster].bound
    left = sum(bound.get((uid, placement.epoch), 0) for uid in {view.uid, record.adopted_uid})
    if not left or policy.guarantee is not Guarantee.AT_MOST_ONCE:
        return Part(None)
    message = f"Its copy on {placement.cluster} was removed by somebody else; pods of it that have not ended: {left}."
    situation = Situation("Moving", "Replacing", message, placed=True, reconciling=True)
    return Part(placement, situation, wakes_on=frozenset({Wake.CAPACITY}), retry_s=sight.snapshot.now_s + ENDS_RETRY_S)


def _running(placement: Placement, sight: Sight, *, workload: Workload, changed_s: float) -> Placement:
    """Note when a copy ran first, and what it costs now. It may have run for a while: in an outage others go first."""
    now_s = sight.snapshot.now_s
    since_s = placement.running_since_s or min(now_s, max(placement.since_s, changed_s or now_s))
    offers = sight.clusters[placement.cluster].offers
    usd = next(
        (
            ledger.usd_per_hour(workload.pods, o, replicas=placement.replicas)
            for o in offers
            if o.name == placement.offer
        ),
        placement.usd_per_hour,
    )
    if abs(usd - placement.usd_per_hour) <= SAME_PRICE * placement.usd_per_hour:
        usd = placement.usd_per_hour
    if (since_s, usd) == (placement.running_since_s, placement.usd_per_hour):
        return placement
    return replace(placement, running_since_s=since_s, usd_per_hour=usd)


def _drained(part: Part, sight: Sight, *, placement: Placement, workload: Workload) -> Part:
    """Its cluster is to be emptied: it leaves at its next checkpoint, if there is another place."""
    now_s = sight.snapshot.now_s
    at_s = checkpoints.next_s(workload, placement, now_s=now_s)
    wish = Wish(Need.DRAIN, placement.cluster, DRAINING, now_s, at_s=at_s)
    return replace(part, wish=wish, retry_s=earliest(part.retry_s, at_s))


def _compared(
    part: Part, record: Record, sight: Sight, *, placement: Placement, workload: Workload, policy: EffectivePolicy
) -> Part:
    """It runs well: it is compared with other places when it may move, and looked at again when the next turn comes."""
    snapshot = sight.snapshot
    now_s, expires_s = snapshot.now_s, _expires_s(sight, placement, workload)
    if expires_s is not None:
        part = replace(part, retry_s=earliest(part.retry_s, expires_s))
    rate = snapshot.policy.rebalance
    settled = placement.state is CopyState.RUNNING and not part.deliver
    if not settled or rate.moves_per_minute <= 0 or not rebalance.compares(workload):
        return part
    again_s = rebalance.compared_at_s(workload, record, placement, policy=policy, every_s=rate.interval_s, now_s=now_s)
    may_move = rebalance.may_move(workload, record, placement, policy=policy, now_s=now_s)
    return replace(
        part,
        wish=Wish(Need.SAVE, placement.cluster, rebalance.CHEAPER, now_s) if may_move else None,
        wakes_on=frozenset({Wake.PRICE}),
        retry_s=earliest(part.retry_s, again_s),
    )


def _expires_s(sight: Sight, placement: Placement, workload: Workload) -> float | None:
    """When the first of the certificates that the work needs there expires: nothing else will tell of it."""
    at_s = next_expiry_s(workload, sight.clusters[placement.cluster])
    return at_s if isfinite(at_s) else None
