"""What a round asks of placement: the places that workloads wish for, and what no place can read meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.decide import ledger, shares
from tradewind.decide.step import Need
from tradewind.model.health import Verdict
from tradewind.model.placement import CopyState
from tradewind.model.plan import Ask, Here
from tradewind.model.policy import Failback, Mode
from tradewind.model.workload import Tier
from tradewind.outage.verdict import PROVIDER_INCIDENT

if TYPE_CHECKING:
    from tradewind.decide.sight import Sight
    from tradewind.decide.step import Step, Wish
    from tradewind.model.plan import Conditions
    from tradewind.model.snapshot import Snapshot

NO_PRIORITY = -(2**40)
"""Below that of any PriorityClass."""


def ask_of(step: Step, sight: Sight) -> Ask:
    """Say what a step asks for.

    Raises:
        ValueError: it has no wish, or its workload is not understood.
    """
    workload, policy, wish = step.view.workload, step.view.policy, step.wish
    if workload is None or policy is None or wish is None:
        raise ValueError(f"{step.view.key} is not understood, and can't want a place")
    now_s, before = sight.snapshot.now_s, step.view.record
    compares = wish.need is Need.SAVE or (wish.need is Need.RETURN and policy.failback is Failback.WHEN_CHEAPER)
    here = next((p for p in step.record.placements if compares and p.cluster == wish.leaves), None)
    left = 1.0 - ledger.done(before, workload, sight)
    resumes = ledger.resumes(before, workload, sight)
    if policy.mode is Mode.RECOMMEND:
        # A place that is only shown takes no room from work that is really placed.
        workload = replace(workload, priority=NO_PRIORITY)
    return Ask(
        workload,
        policy,
        step.view.vetoes,
        resumes=resumes,
        left=left,
        spent_usd=ledger.spent_usd(before, now_s),
        here=Here(here.cluster, here.offer) if here is not None else None,
        lost=_out_of_question(step, wish, sight, stays=here is not None),
        keeps=shares.keeps(step.record, leaves=wish.leaves),
    )


def _out_of_question(step: Step, wish: Wish, sight: Sight, *, stays: bool) -> frozenset[str]:
    """Name the clusters that it leaves: the name of its copy there is taken until that has ended.

    `stays`: it may also stay where it is. What wants to go home wants to go nowhere else.
    """
    going = {
        place.cluster for place in step.record.placements if place.state in (CopyState.RELEASING, CopyState.LEAVING)
    }
    if wish.home:
        going |= sight.clusters.keys() - {wish.home, wish.leaves}
    return frozenset(going | ({wish.leaves} if wish.leaves and not stays else set()))


def with_losses(snapshot: Snapshot) -> Conditions:
    """Say which locations can't be read: those of clusters that are Down, as far as their loss says anything of them.

    A cluster's own location goes with it. A data centre or an edge does too, unless another cluster there is healthy.
    The stores of a cloud's region do not hang on one cluster's control plane: they count as lost where the region or
    the provider is convicted. If each outage took them away, work could not leave it with its data.
    """
    down = [cluster for cluster in snapshot.fleet if cluster.health.verdict is Verdict.DOWN]
    if not down:
        return snapshot.conditions
    # A provider's announcement loses nothing: by our own evidence such a cluster is well.
    well = (
        cluster for cluster in snapshot.fleet if cluster.health.takes_work or cluster.health.reason == PROVIDER_INCIDENT
    )
    alive = {cluster.location for cluster in well}
    dark = {cluster.location for cluster in down if cluster.convicted or cluster.tier is not Tier.CLOUD}
    network = snapshot.conditions.network
    lost = network.lost | {cluster.name for cluster in down} | (dark - alive)
    return replace(snapshot.conditions, network=replace(network, lost=lost))
