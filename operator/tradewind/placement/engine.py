"""Placement: every offer of every cluster is filtered and priced for each ask, and the cheapest that may take it does.

All asks are planned together under shared capacity: who comes first by priority and age takes room that later ones then
don't see. Nothing depends on the order of the input, on time or on chance.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.fleet import Offer
from tradewind.model.plan import Candidate, Decision, Refusal, Wake
from tradewind.model.units import SECONDS_PER_HOUR, format_usd
from tradewind.placement.capacity import Capacity
from tradewind.placement.facts import ALONE
from tradewind.placement.framework import FilterContext, refusal_of
from tradewind.placement.pricing import Pricer
from tradewind.placement.registry import CAPACITY, STANDING
from tradewind.placement.screen import Screen
from tradewind.placement.table import tabulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.fleet import Cluster
    from tradewind.model.plan import Ask, Conditions
    from tradewind.model.workload import Key, Market
    from tradewind.placement.pricing import Prices
    from tradewind.placement.screen import Screened
    from tradewind.placement.table import Floats, Mask

PLACED = "Placed"
UNSCHEDULABLE = "Unschedulable"
NO_OFFERS = "NoOffers"
PRICE_INVALID = "PriceInvalid"

_PRICE_INVALID = Refusal(
    PRICE_INVALID, "a price, link or run time is negative or not finite, so there is no total", Wake.CLUSTER
)


def plan(asks: Sequence[Ask], *, fleet: Sequence[Cluster], conditions: Conditions) -> list[Decision]:
    """Decide where each ask goes.

    Args:
        asks: workloads that want a place.
        fleet: all clusters, with what is free and what is promised on them.
        conditions: links between locations, speeds of accelerators, the time.

    Returns:
        One decision per ask, in the order of the asks.
    """
    planner = _Planner(fleet, conditions)
    decided = {
        index: planner.decide(asks[index]) for index in sorted(range(len(asks)), key=lambda at: _urgency(asks[at]))
    }
    return [decided[index] for index in range(len(asks))]


def standing(ask: Ask, *, cluster: Cluster, market: Market, conditions: Conditions) -> tuple[Refusal, ...]:
    """Say why running work may not stay on a cluster: the filters that hold while running, and no others.

    The market is the one that its copy was placed on; the offer itself may be gone from the cluster by now.
    """
    context = FilterContext(ask, cluster, Offer(name="", market=market), conditions, ALONE)
    return tuple(refusal for one in STANDING if (refusal := refusal_of(one, context)) is not None)


class _Planner:
    """The working copy of one call of `plan`."""

    def __init__(self, fleet: Sequence[Cluster], conditions: Conditions) -> None:
        self._table = tabulate(fleet)
        self._capacity = Capacity(self._table)
        self._screen = Screen(self._table, conditions)
        self._pricer = Pricer(self._table, conditions)

    def decide(self, ask: Ask) -> Decision:
        """Choose for one ask, and take the room."""
        if not len(self._table):
            return Decision(ask.workload.key, None, NO_OFFERS, _no_offers(len(self._table.clusters)))
        # 1. What the rules allow, and where the pods fit.
        pods = ask.workload.pods
        screened = self._screen.of(ask)
        rooms = self._capacity.rooms(pods)
        fits = screened.countable & (rooms.fits >= pods.count)
        # 2. What it costs everywhere, also where it is refused, to show what a refusal costs.
        queue_s = np.where(fits, rooms.queue_s, 0.0)
        prices = self._pricer.price([ask], queue_h=queue_s / SECONDS_PER_HOUR)
        feasible = screened.accepted & fits & prices.valid[0] & prices.within[0]
        refusals = self._refusals(ask, screened, fits=fits, prices=prices)
        candidates = self._candidates(refusals, queue_s=queue_s, prices=prices)
        # 3. The cheapest; of equals the first by cluster and offer, which is how the rows are ordered.
        if not feasible.any():
            return Decision(ask.workload.key, None, UNSCHEDULABLE, _unplaced(candidates), candidates)
        row = int(np.where(feasible, prices.total[0], np.inf).argmin())
        # 4. Its room is gone for whoever comes next.
        self._capacity.reserve(row, pods)
        return Decision(ask.workload.key, candidates[0], PLACED, _placed(candidates), candidates)

    def _candidates(
        self, refusals: Sequence[tuple[Refusal, ...]], *, queue_s: Floats, prices: Prices
    ) -> tuple[Candidate, ...]:
        """Put every row into words, the cheapest feasible first, then the refused ones, those without a price last."""
        refused = np.array([bool(one) for one in refusals])
        shown = prices.shown(0)
        price = np.where(shown, prices.total[0], np.inf)
        figures = (prices.run_h[0], prices.transfer_h[0], prices.loss_h[0], prices.grams_co2[0])
        run_h, transfer_h, loss_h, grams_co2 = np.where(shown, figures, 0.0).tolist()
        queue_h = (queue_s / SECONDS_PER_HOUR).tolist()
        usd, assumed = prices.usd(0), self._pricer.assumed(prices, 0)
        return tuple(
            Candidate(
                cluster=self._table.rows[row][0].name,
                offer=self._table.rows[row][1].name,
                market=self._table.rows[row][1].market,
                refusals=refusals[row],
                usd=usd[row],
                run_h=run_h[row],
                transfer_h=transfer_h[row],
                queue_h=queue_h[row],
                loss_h=loss_h[row],
                grams_co2=grams_co2[row],
                assumed=assumed.of(row) if shown[row] else (),
            )
            for row in np.lexsort((price, refused)).tolist()
        )

    def _refusals(self, ask: Ask, screened: Screened, *, fits: Mask, prices: Prices) -> list[tuple[Refusal, ...]]:
        found = list(screened.refusals)
        for row in np.flatnonzero(screened.countable & ~fits).tolist():
            shortage = self._capacity.shortage(row, ask.workload.pods)
            refusal = CAPACITY.check(self._screen.context(ask, row, shortage=shortage))
            found[row] = (*found[row], refusal) if refusal else found[row]
        for row in np.flatnonzero(~prices.valid[0]).tolist():
            found[row] = (*found[row], _PRICE_INVALID)
        for row in np.flatnonzero(~prices.within[0]).tolist():
            found[row] = (*found[row], *prices.refusals(0, row))
        return found


def _urgency(ask: Ask) -> tuple[int, float, Key]:
    return -ask.workload.priority, ask.workload.created_s, ask.workload.key


def _placed(candidates: tuple[Candidate, ...]) -> str:
    chosen, count = candidates[0], sum(candidate.feasible for candidate in candidates)
    rank = "the only feasible offer" if count == 1 else f"the cheapest of {count} feasible offers"
    return f"{chosen.cluster}/{chosen.offer} is {rank}: {format_usd(chosen.total_usd)} in total"


def _unplaced(candidates: tuple[Candidate, ...]) -> str:
    counts = Counter(reason for one in candidates for reason in {refusal.reason for refusal in one.refusals})
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    nearest = min(candidates, key=lambda one: len(one.refusals))
    offers = "the only offer" if len(candidates) == 1 else f"none of {len(candidates)} offers"
    takes = "can't take it" if len(candidates) == 1 else "can take it"
    why = "; ".join(refusal.message for refusal in nearest.refusals)
    reasons = ", ".join(f"{count} {reason}" for reason, count in ranked)
    return f"{offers} {takes} ({reasons}); nearest is {nearest.cluster}/{nearest.offer}: {why}"


def _no_offers(clusters: int) -> str:
    if not clusters:
        return "there are no clusters: create a FederatedCluster"
    return f"none of {clusters} clusters has an offer: add spec.offers to a FederatedCluster"
