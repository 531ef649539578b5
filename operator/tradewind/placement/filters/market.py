"""The work may rule out markets, such as Spot."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

MARKET_NOT_ALLOWED = "MarketNotAllowed"


class InMarket:
    """The offer's market is one of those that the work names, if it names any."""

    NAME: ClassVar[str] = "market"
    HOLDS_WHILE_RUNNING: ClassVar[bool] = True
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, ask: Ask, /) -> Hashable:
        """The markets."""
        return ask.workload.constraints.markets

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse other markets."""
        markets, market = context.workload.constraints.markets, context.offer.market
        if not markets or market in markets:
            return None
        return Refusal(
            MARKET_NOT_ALLOWED,
            f"market {market} is not among those allowed: {', '.join(sorted(markets))}",
            self.WAKES_ON,
        )
