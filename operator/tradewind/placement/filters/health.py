"""Only a healthy cluster takes new work."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

CLUSTER_NOT_HEALTHY = "ClusterNotHealthy"


class Health:
    """The cluster's verdict is Healthy.

    It does not hold while running: work leaves a lost cluster by the rules of outages, not by those of placement.
    """

    NAME: ClassVar[str] = "health"
    REASONS: ClassVar[tuple[str, ...]] = (CLUSTER_NOT_HEALTHY,)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.HEALTH

    def reads(self, _ask: Ask, /) -> Hashable:
        """Nothing."""
        return ()

    def sees(self, cluster: Cluster, _offer: Offer, /) -> Hashable:
        """The verdict with its words."""
        return cluster.health.takes_work, cluster.health.verdict, cluster.health.reason, cluster.health.message

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse what is not healthy, with the verdict and its reason."""
        health = context.cluster.health
        if health.takes_work:
            return None
        detail = f": {health.message}" if health.message else ""
        return Refusal(CLUSTER_NOT_HEALTHY, f"the cluster is {health.verdict} ({health.reason}){detail}", self.WAKES_ON)
