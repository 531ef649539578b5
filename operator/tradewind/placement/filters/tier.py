"""The work may ask for clouds, data centres or the edge."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake
from tradewind.placement.wording import field_of, listed

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

TIER_NOT_ALLOWED = "TierNotAllowed"


class InTier:
    """The cluster's tier is one of those that the work names, if it names any."""

    NAME: ClassVar[str] = "tier"
    REASONS: ClassVar[tuple[str, ...]] = (TIER_NOT_ALLOWED,)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = True
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, ask: Ask, /) -> Hashable | None:
        """The tiers."""
        return ask.workload.constraints.tiers or None

    def sees(self, cluster: Cluster, _offer: Offer, /) -> Hashable:
        """The tier."""
        return cluster.tier

    def words(self, ask: Ask, /) -> str:
        """Name the field."""
        return field_of("constraints.tiers", ask.workload.constraints.tiers)

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse other tiers."""
        tiers, tier = context.workload.constraints.tiers, context.cluster.tier
        if tier in tiers:
            return None
        return Refusal(TIER_NOT_ALLOWED, f"tier {tier} is not among those allowed: {listed(tiers)}", self.WAKES_ON)
