"""The work may ask how fast its nodes talk to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

NODE_BANDWIDTH_TOO_LOW = "NodeBandwidthTooLow"
NODE_BANDWIDTH_UNKNOWN = "NodeBandwidthUnknown"


class FastEnough:
    """The offer's nodes have at least the bandwidth that the work asks for; what nobody has said is not enough."""

    NAME: ClassVar[str] = "node bandwidth"
    REASONS: ClassVar[tuple[str, ...]] = (NODE_BANDWIDTH_TOO_LOW, NODE_BANDWIDTH_UNKNOWN)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, ask: Ask, /) -> Hashable | None:
        """The least bandwidth."""
        return ask.workload.min_node_gbps or None

    def sees(self, _cluster: Cluster, offer: Offer, /) -> Hashable:
        """The bandwidth."""
        return offer.node_gbps

    def words(self, ask: Ask, /) -> str:
        """Name the field."""
        return f"accelerators.minNodeBandwidth {ask.workload.min_node_gbps:g}G"

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse slower nodes, and those of unknown speed."""
        wanted, has = context.workload.min_node_gbps, context.offer.node_gbps
        if has >= wanted:
            return None
        needs = f"the work needs {wanted:g} Gbit/s per node"
        if not has > 0:
            why = f"{needs}, and nobody has said what the offer's nodes have: set its nodeBandwidth"
            return Refusal(NODE_BANDWIDTH_UNKNOWN, why, self.WAKES_ON)
        return Refusal(NODE_BANDWIDTH_TOO_LOW, f"{needs}, the offer's nodes have {has:g}", self.WAKES_ON)
