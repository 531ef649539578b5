"""A cluster may have refused this work when it was delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext


class NotVetoed:
    """No earlier delivery to this cluster was refused; the veto brings its own reason, and its own cure."""

    NAME: ClassVar[str] = "veto"
    REASONS: ClassVar[tuple[str, ...]] = ()
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER  # of no effect: a veto's refusal carries what wakes it

    def reads(self, ask: Ask, /) -> Hashable | None:
        """The clusters."""
        return frozenset(ask.vetoes) if ask.vetoes else None

    def sees(self, cluster: Cluster, _offer: Offer, /) -> Hashable:
        """Its name."""
        return cluster.name

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Pass the veto on as it is."""
        return context.ask.vetoes.get(context.cluster.name)
