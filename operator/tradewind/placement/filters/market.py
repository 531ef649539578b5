"""The work may rule out markets, such as Spot."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake
from tradewind.placement.wording import field_of, listed

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

MARKET_NOT_ALLOWED = "MarketNotAllowed"


class InMarket:
    """The offer's market is one of those that the work names, if it names any."""

    NAME: ClassVar[str] = "market"
    REASONS: ClassVar[tuple[str, ...]] = (MARKET_NOT_ALLOWED,)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = True
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, ask: Ask, /) -> Hashable | None:
        """The markets."""
        return ask.workload.constraints.markets or None

    def sees(self, _cluster: Cluster, offer: Offer, /) -> Hashable:
        """The market."""
        return offer.market

    def words(self, ask: Ask, /) -> str:
        """Name the field."""
        return field_of("constraints.markets", ask.workload.constraints.markets)

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse other markets."""
        markets, market = context.workload.constraints.markets, context.offer.market
        if market in markets:
            return None
        return Refusal(
            MARKET_NOT_ALLOWED,
            f"market {market} is not among those allowed: {listed(markets)}",
            self.WAKES_ON,
        )
