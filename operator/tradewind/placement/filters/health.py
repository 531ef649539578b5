"""Only a healthy cluster takes new work; one without its agent takes none that may run at most once.

One that is healthy in a region or at a provider that counts as failing must also have been tried out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake
from tradewind.model.policy import Guarantee

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

CLUSTER_NOT_HEALTHY = "ClusterNotHealthy"
CANARY_AWAITED = "CanaryAwaited"


class Health:
    """The cluster's verdict is Healthy.

    It does not hold while running: work leaves a lost cluster by the rules of outages, not by those of placement.
    """

    NAME: ClassVar[str] = "health"
    REASONS: ClassVar[tuple[str, ...]] = (CLUSTER_NOT_HEALTHY, CANARY_AWAITED)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.HEALTH

    def reads(self, ask: Ask, /) -> Hashable:
        """Whether it may run at most once."""
        return ask.policy.guarantee

    def sees(self, cluster: Cluster, _offer: Offer, /) -> Hashable:
        """The verdict with its words, and those on its domain."""
        health = cluster.health
        return health.takes_work, health.verdict, health.reason, health.message, cluster.convicted, cluster.canary_lacks

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse what is not healthy, with the verdict and its reason."""
        cluster = context.cluster
        health = cluster.health
        if health.takes(at_most_once=context.ask.policy.guarantee is Guarantee.AT_MOST_ONCE):
            if not cluster.convicted or not cluster.canary_lacks:
                return None
            message = f"{cluster.convicted}; the cluster itself awaits a canary: {cluster.canary_lacks}"
            return Refusal(CANARY_AWAITED, message, self.WAKES_ON)
        detail = f": {health.message}" if health.message else ""
        return Refusal(CLUSTER_NOT_HEALTHY, f"the cluster is {health.verdict} ({health.reason}){detail}", self.WAKES_ON)
