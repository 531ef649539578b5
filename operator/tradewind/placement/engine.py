"""Placement: every offer of every cluster is filtered and priced for each ask, and the cheapest that may take it does.

All asks are planned together under shared capacity: `assign` says who gets what where it does not suffice for all.
Nothing depends on the order of the input, on time or on chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.model.decision import Decision
from tradewind.model.fleet import Offer
from tradewind.placement.assign import Assigner
from tradewind.placement.evidence import RoundEvidence
from tradewind.placement.facts import ALONE
from tradewind.placement.framework import FilterContext, refusal_of
from tradewind.placement.registry import STANDING
from tradewind.placement.round import begin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.fleet import Cluster
    from tradewind.model.plan import Ask, Conditions, Refusal
    from tradewind.model.workload import Market
    from tradewind.placement.bids import Bid
    from tradewind.placement.round import Round

PLACED = "Placed"
UNSCHEDULABLE = "Unschedulable"
SPREAD_UNSATISFIED = "SpreadUnsatisfied"
NO_OFFERS = "NoOffers"


def plan(asks: Sequence[Ask], *, fleet: Sequence[Cluster], conditions: Conditions) -> list[Decision]:
    """Decide where each ask goes.

    Args:
        asks: workloads that want a place.
        fleet: all clusters, with what is free and what is promised on them.
        conditions: links between locations, speeds of accelerators, the time.

    Returns:
        One decision per ask, in the order of the asks.
    """
    # 1. The fleet as columns; what is promised is gone.
    round_ = begin(fleet, conditions)
    if not len(round_.table):
        message = _no_offers(len(round_.table.clusters))
        return [Decision(ask.workload.key, None, NO_OFFERS, message) for ask in asks]
    # 2. Every ask is screened and priced, and gets the best that is left when its turn comes.
    bids = Assigner(round_).assign(asks)
    # 3. Reasons and tables are made when somebody reads them.
    return [_decision(bid, round_) for bid in bids]


def standing(ask: Ask, *, cluster: Cluster, market: Market, conditions: Conditions) -> tuple[Refusal, ...]:
    """Say why running work may not stay on a cluster: the filters that hold while running, and no others.

    The market is the one that its copy was placed on; the offer itself may be gone from the cluster by now.
    """
    context = FilterContext(ask, cluster, Offer(name="", market=market), conditions, ALONE)
    return tuple(refusal for one in STANDING if (refusal := refusal_of(one, context)) is not None)


def _decision(bid: Bid, of: Round) -> Decision:
    reason = PLACED if bid.row >= 0 else SPREAD_UNSATISFIED if bid.lacking else UNSCHEDULABLE
    return Decision(bid.ask.workload.key, None, reason, evidence=RoundEvidence(of, bid))


def _no_offers(clusters: int) -> str:
    if not clusters:
        return "there are no clusters: create a FederatedCluster"
    return f"none of {clusters} clusters has an offer: add spec.offers to a FederatedCluster"
