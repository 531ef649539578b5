"""The owner of a cluster may keep new work away."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.fleet import Scheduling
from tradewind.model.plan import Refusal, Wake

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

CLUSTER_CORDONED = "ClusterCordoned"


class NotCordoned:
    """The cluster's `scheduling` is not Cordoned. What runs there stays."""

    NAME: ClassVar[str] = "scheduling"
    REASONS: ClassVar[tuple[str, ...]] = (CLUSTER_CORDONED,)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, _ask: Ask, /) -> Hashable:
        """Nothing."""
        return ()

    def sees(self, cluster: Cluster, _offer: Offer, /) -> Hashable:
        """What its owner allows."""
        return cluster.scheduling

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse a cluster that is closed to new work."""
        if context.cluster.scheduling is not Scheduling.CORDONED:
            return None
        return Refusal(
            CLUSTER_CORDONED,
            "the cluster takes no new work: its spec.scheduling is Cordoned; set it to Enabled",
            self.WAKES_ON,
        )
