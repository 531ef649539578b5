"""The way back to where an outage drove work from: when it may, and whether it does.

It never flaps: the home must have taken work for the whole of `failback.after` without a break, cooldown and
maxMovesPerHour hold as for any move, it leaves at a checkpoint only, and only for that one cluster. Once it is back, or
has moved for another reason, that home is forgotten.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.decide import checkpoints, rebalance
from tradewind.decide.step import Need, Wish, earliest
from tradewind.model.fleet import Scheduling
from tradewind.model.placement import CopyState
from tradewind.model.plan import Wake
from tradewind.model.policy import Failback, Guarantee
from tradewind.outage.moves import OUTAGES

if TYPE_CHECKING:
    from tradewind.decide.part import Part
    from tradewind.decide.sight import Sight
    from tradewind.model.decision import Decision
    from tradewind.model.placement import Placement, Record
    from tradewind.model.policy import EffectivePolicy
    from tradewind.model.workload import Workload

FAILBACK = "Failback"
AGAIN_S = 60.0
"""A home that is healthy and has no room, or is too dear, is looked at again after this time."""


def considered(
    part: Part, record: Record, sight: Sight, *, placement: Placement, workload: Workload, policy: EffectivePolicy
) -> Part:
    """Have work that runs away from its home wish to go back, when it may; and looked at when it may.

    `part` is what its place needs otherwise; a wish to save money is kept for the case that it does not go back.
    """
    home = home_of(record, placement)
    # Without checkpoints nobody knows when it may leave without loss, as when it moves for money.
    settled = placement.state is CopyState.RUNNING and not part.deliver and rebalance.compares(workload)
    if policy.failback is Failback.NEVER or not home or not settled:
        return part
    now_s = sight.snapshot.now_s
    part = replace(part, wakes_on=part.wakes_on | {Wake.HEALTH, Wake.CLUSTER})
    free_s = rebalance.free_from_s(record, placement, policy=policy, now_s=now_s)
    well_s = _well_since_s(home, sight, policy)
    if free_s is None or well_s is None:
        return part
    due_s = checkpoints.first_from_s(workload, placement, from_s=max(free_s, well_s + policy.failback_after_s))
    if due_s > now_s:
        return replace(part, retry_s=earliest(part.retry_s, checkpoints.looked_at_s(workload, due_s)))
    again_s = checkpoints.first_from_s(workload, placement, from_s=now_s + AGAIN_S)
    part = replace(part, retry_s=earliest(part.retry_s, checkpoints.looked_at_s(workload, again_s)))
    if checkpoints.next_s(workload, placement, now_s=now_s) is not None:
        return part
    wish = Wish(Need.RETURN, placement.cluster, FAILBACK, detected_s=well_s, home=home, saves=part.wish is not None)
    return replace(part, wish=wish)


def home_of(record: Record, placement: Placement) -> str:
    """Name the cluster that outages, one after the other, have driven work from to where it is; "" for none."""
    found = placement.cluster
    for move in record.moves:
        if move.to_cluster != found or move.reason not in OUTAGES:
            break
        found = move.from_cluster
    return "" if found == placement.cluster else found


def worth_usd(decision: Decision, policy: EffectivePolicy) -> float | None:
    """Say what going back saves; None where it should stay.

    WhenHealthy asks for no saving, so it is 0. WhenCheaper asks for any: that the home was chosen once, by the same
    prices, is reason enough not to ask for the thresholds of a move for money.
    """
    if decision.chosen is None:
        return None
    if policy.failback is Failback.WHEN_HEALTHY:
        return 0.0
    compared = decision.compared()
    saved_usd = 0.0 if compared is None else compared.stays_usd - compared.moves_usd
    return saved_usd if saved_usd > 0 else None


def _well_since_s(home: str, sight: Sight, policy: EffectivePolicy) -> float | None:
    """Find since when the home takes such work; None while it does not."""
    cluster = sight.clusters.get(home)
    if cluster is None or cluster.convicted or cluster.scheduling is not Scheduling.ENABLED:
        return None
    takes = cluster.health.takes(at_most_once=policy.guarantee is Guarantee.AT_MOST_ONCE)
    return cluster.health.since_s if takes else None
