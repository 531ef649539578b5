"""Whether work on a lost cluster is better off waiting for it: what is at stake, by its record and its new place."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from tradewind.decide import ledger
from tradewind.decide.checkpoints import serves
from tradewind.decide.step import Need
from tradewind.model.health import Verdict
from tradewind.model.placement import CopyState
from tradewind.model.units import BYTES_PER_GB, SECONDS_PER_HOUR
from tradewind.model.workload import Access, DeadlineMode
from tradewind.outage.waiting import Outage, Stakes, Wait, waits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.decide.sight import Sight
    from tradewind.decide.step import Step
    from tradewind.model.decision import Candidate, Decision
    from tradewind.model.fleet import Cluster
    from tradewind.model.placement import Placement
    from tradewind.model.plan import Ask, Conditions

REBUILT = "ClusterRebuilt"


def patience(step: Step, ask: Ask, decision: Decision, sight: Sight, *, conditions: Conditions) -> Wait | None:
    """Compare waiting with the move that was decided; None where it moves.

    Servers move at once: they have nothing to lose, and those who are served notice each minute. So does work that has
    not run yet, whose copy is known to be gone, or whose cluster will not come back as it was.

    Args:
        step: work that flees.
        ask: what was asked for it.
        decision: what was found.
        sight: the fleet.
        conditions: of the round, with what can't be read now.
    """
    wish, target = step.wish, decision.chosen
    if wish is None or wish.need is not Need.FLEE or target is None or serves(ask.workload):
        return None
    lost = sight.clusters.get(wish.leaves)
    place = next((each for each in step.view.record.placements if each.cluster == wish.leaves), None)
    if lost is None or not lost.health.lost or lost.health.reason == REBUILT or sight.gone(step.view, wish.leaves):
        return None  # what is partitioned is left since the policy says so
    if place is None or place.state is not CopyState.RUNNING or not place.running_since_s:
        return None
    stakes = _stakes(place, ask, target, sight, lost=lost, conditions=conditions)
    return waits(stakes, Outage(conditions.now_s - lost.health.since_s, lost.announced))


def _stakes(
    place: Placement, ask: Ask, target: Candidate, sight: Sight, *, lost: Cluster, conditions: Conditions
) -> Stakes:
    work, there = ask.workload, sight.clusters[target.cluster]
    offer = next((each for each in there.offers if each.name == target.offer), None)
    usd_there = ledger.usd_per_hour(work.pods, offer, replicas=place.replicas) if offer is not None else 0.0
    # Where the nodes are gone, waiting keeps nothing of it.
    kept_s = ledger.lost_by_leaving(place, work, sight).seconds if lost.health.verdict is Verdict.DOWN else 0.0
    deadline = work.deadline
    return Stakes(
        usd_per_hour=max(place.usd_per_hour, usd_there),
        usd_per_delay_hour=ask.policy.usd_per_delay_hour,
        lost_h=kept_s / SECONDS_PER_HOUR,
        transfer_h=target.transfer_h,
        queue_h=target.queue_h,
        restart_h=conditions.assumptions.restart_s / SECONDS_PER_HOUR,
        egress_usd=sum(_egress_usd(ask, target, there, conditions)),
        left_h=target.run_h,
        usd_per_hour_late=deadline.usd_per_hour_late if deadline is not None else 0.0,
        deadline_h=inf if deadline is None else (deadline.time_s - conditions.now_s) / SECONDS_PER_HOUR,
        required=deadline is not None and deadline.mode is DeadlineMode.REQUIRE,
    )


def _egress_usd(ask: Ask, target: Candidate, there: Cluster, conditions: Conditions) -> Iterator[float]:
    """Price what is copied before the start; what is streamed is paid wherever the work is."""
    network, sources = conditions.network, dict(target.sources)
    for each in ask.workload.data:
        if each.access is Access.STAGE and each.name in sources:
            link = network.link(sources[each.name], cluster=there.name, location=there.location)
            yield each.size_bytes / BYTES_PER_GB * link.egress_usd_per_gb
    saved = ask.workload.checkpoint
    if ask.resumes and saved is not None:
        links = (
            network.link(location, cluster=there.name, location=there.location)
            for location in saved.locations
            if network.readable(location)
        )
        yield saved.size_bytes / BYTES_PER_GB * min((link.egress_usd_per_gb for link in links), default=0.0)
