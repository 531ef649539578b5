"""The work may name the providers that it trusts, and those that it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake
from tradewind.placement.wording import listed, lists_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

PROVIDER_DENIED = "ProviderDenied"


class Provider:
    """The cluster's provider is on the allow list, if there is one, and not on the deny list."""

    NAME: ClassVar[str] = "provider"
    REASONS: ClassVar[tuple[str, ...]] = (PROVIDER_DENIED,)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = True
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER  # a provider never changes, but another one's cluster may join

    def reads(self, ask: Ask, /) -> Hashable | None:
        """The lists."""
        wanted = ask.workload.constraints.providers
        return (wanted.allow, wanted.deny) if wanted.allow or wanted.deny else None

    def sees(self, cluster: Cluster, _offer: Offer, /) -> Hashable:
        """The provider."""
        return cluster.provider

    def words(self, ask: Ask, /) -> str:
        """Name the field."""
        return lists_of("constraints.providers", ask.workload.constraints.providers)

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse by the deny list first: it is the stronger wish."""
        wanted, provider = context.workload.constraints.providers, context.cluster.provider
        if provider in wanted.deny:
            return Refusal(PROVIDER_DENIED, f"the work denies provider {provider}", self.WAKES_ON)
        if wanted.allow and provider not in wanted.allow:
            return Refusal(
                PROVIDER_DENIED,
                f"provider {provider} is not among those allowed: {listed(wanted.allow)}",
                self.WAKES_ON,
            )
        return None
