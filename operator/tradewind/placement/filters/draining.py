"""The owner of a cluster may want it empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.fleet import Scheduling
from tradewind.model.plan import Refusal, Wake

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

CLUSTER_DRAINING = "ClusterDraining"


class NotDraining:
    """The cluster's `scheduling` is not Draining.

    What runs there leaves too, but not like what breaks a rule: at its next checkpoint, and only for another place. So
    that is decided with the moves (`decide.keeping`), and not by this filter.
    """

    NAME: ClassVar[str] = "draining"
    REASONS: ClassVar[tuple[str, ...]] = (CLUSTER_DRAINING,)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, _ask: Ask, /) -> Hashable:
        """Nothing."""
        return ()

    def sees(self, cluster: Cluster, _offer: Offer, /) -> Hashable:
        """What its owner allows."""
        return cluster.scheduling

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse a cluster that is being emptied."""
        if context.cluster.scheduling is not Scheduling.DRAINING:
            return None
        return Refusal(
            CLUSTER_DRAINING,
            "the cluster is being emptied: its spec.scheduling is Draining; set it to Enabled",
            self.WAKES_ON,
        )
