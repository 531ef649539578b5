"""The member must know what is delivered to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake
from tradewind.placement.wording import field_of, listed

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

KIND_NOT_INSTALLED = "KindNotInstalled"


class KnowsKinds:
    """The member's API server knows every kind of the work. Where that has not been read, delivery will find out."""

    NAME: ClassVar[str] = "kinds"
    REASONS: ClassVar[tuple[str, ...]] = (KIND_NOT_INSTALLED,)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, ask: Ask, /) -> Hashable | None:
        """The kinds."""
        return ask.workload.kinds or None

    def sees(self, cluster: Cluster, _offer: Offer, /) -> Hashable:
        """The kinds."""
        return cluster.kinds

    def words(self, ask: Ask, /) -> str:
        """Name the kinds."""
        return field_of("kinds", ask.workload.kinds)

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse with what is missing."""
        known = context.cluster.kinds
        missing = frozenset[str]() if known is None else context.workload.kinds - known
        if not missing:
            return None
        return Refusal(KIND_NOT_INSTALLED, f"the member does not know {listed(missing)}: install it", self.WAKES_ON)
