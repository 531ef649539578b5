"""The owner of a cluster may keep new work away."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.fleet import Scheduling
from tradewind.model.plan import Refusal, Wake

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

CLUSTER_CORDONED = "ClusterCordoned"


class NotCordoned:
    """The cluster's `scheduling` is Enabled. What runs there stays."""

    NAME: ClassVar[str] = "scheduling"
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, _ask: Ask, /) -> Hashable:
        """Nothing."""
        return ()

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse a cluster that is closed to new work."""
        scheduling = context.cluster.scheduling
        if scheduling is Scheduling.ENABLED:
            return None
        return Refusal(
            CLUSTER_CORDONED,
            f"the cluster takes no new work: its spec.scheduling is {scheduling}; set it to {Scheduling.ENABLED}",
            self.WAKES_ON,
        )
