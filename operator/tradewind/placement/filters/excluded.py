"""A cluster may be out of the question for this round."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

CLUSTER_EXCLUDED = "ClusterExcluded"


class NotExcluded:
    """The cluster is not among those that the work flees, or that count as lost for it."""

    NAME: ClassVar[str] = "excluded"
    REASONS: ClassVar[tuple[str, ...]] = (CLUSTER_EXCLUDED,)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.HEALTH

    def reads(self, ask: Ask, /) -> Hashable | None:
        """The clusters."""
        return ask.lost or None

    def sees(self, cluster: Cluster, _offer: Offer, /) -> Hashable:
        """Its name."""
        return cluster.name

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse a cluster that was ruled out."""
        if context.cluster.name not in context.ask.lost:
            return None
        return Refusal(CLUSTER_EXCLUDED, "the work is leaving this cluster, or counts it as lost", self.WAKES_ON)
