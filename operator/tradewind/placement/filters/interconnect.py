"""The work may ask for a fabric between its nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake
from tradewind.model.workload import RDMA_FABRICS, Interconnect
from tradewind.placement.wording import listed

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

INTERCONNECT_MISMATCH = "InterconnectMismatch"
INTERCONNECT_UNKNOWN = "InterconnectUnknown"


class Connected:
    """The offer's nodes are connected as the work asks; `RDMA` accepts every fabric that has it.

    It holds for a single pod too: who wants no fabric names none, and a guess at what a wish was meant for would be one
    more rule to know.
    """

    NAME: ClassVar[str] = "interconnect"
    REASONS: ClassVar[tuple[str, ...]] = (INTERCONNECT_MISMATCH, INTERCONNECT_UNKNOWN)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, ask: Ask, /) -> Hashable | None:
        """The fabric."""
        return ask.workload.interconnect

    def sees(self, _cluster: Cluster, offer: Offer, /) -> Hashable:
        """The fabric."""
        return offer.interconnect

    def words(self, ask: Ask, /) -> str:
        """Name the field."""
        return f"accelerators.interconnect {ask.workload.interconnect}"

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse another fabric, and one that nobody has named."""
        wanted, has = context.workload.interconnect, context.offer.interconnect
        if has is not None and (has is wanted or (wanted is Interconnect.RDMA and has in RDMA_FABRICS)):
            return None
        needs = f"the work needs {wanted}" + (f" ({listed(RDMA_FABRICS)})" if wanted is Interconnect.RDMA else "")
        if has is None:
            why = f"{needs}, and nobody has said what connects the offer's nodes: set its interconnect"
            return Refusal(INTERCONNECT_UNKNOWN, why, self.WAKES_ON)
        return Refusal(INTERCONNECT_MISMATCH, f"{needs}, the offer's nodes have {has}", self.WAKES_ON)
