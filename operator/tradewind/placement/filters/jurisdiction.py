"""The law of the place: where the work may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake
from tradewind.placement.law import denied, law_of, limit_of, misspelt, not_allowed, unknown
from tradewind.placement.wording import listed, lists_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

JURISDICTION_DENIED = "JurisdictionDenied"
JURISDICTION_UNKNOWN = "JurisdictionUnknown"


class Jurisdiction:
    """The cluster stands in an allowed jurisdiction, and in none that is denied.

    It fails closed: a cluster whose jurisdiction nobody has said, and a list with a code that nobody knows, are both
    refused, since a limit of law that can't be checked must not be taken as met.
    """

    NAME: ClassVar[str] = "jurisdiction"
    REASONS: ClassVar[tuple[str, ...]] = (JURISDICTION_DENIED, JURISDICTION_UNKNOWN)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = True
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, ask: Ask, /) -> Hashable | None:
        """The lists."""
        wanted = ask.workload.constraints.jurisdictions
        return (wanted.allow, wanted.deny) if wanted.allow or wanted.deny else None

    def sees(self, cluster: Cluster, _offer: Offer, /) -> Hashable:
        """The jurisdiction."""
        return cluster.jurisdiction

    def words(self, ask: Ask, /) -> str:
        """Name the field."""
        return lists_of("constraints.jurisdictions", ask.workload.constraints.jurisdictions)

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse what is unknown first, then by the deny list, then by the allow list."""
        wanted = context.workload.constraints.jurisdictions
        limit, place, here = limit_of(wanted), context.cluster.jurisdiction, law_of(context.cluster).jurisdictions
        if wrong := misspelt(limit):
            return Refusal(JURISDICTION_UNKNOWN, wrong, Wake.WORKLOAD)
        if unknown(here, limit):
            said = f"jurisdiction {place!r} is unknown" if place else "no jurisdiction is given"
            return Refusal(
                JURISDICTION_UNKNOWN, f"the work has limits of law, and {said}: set spec.jurisdiction", self.WAKES_ON
            )
        if denied(here, limit):
            why = f"the work denies {listed(wanted.deny)}; here is {place}"
            return Refusal(JURISDICTION_DENIED, why, self.WAKES_ON)
        if not_allowed(here, limit):
            why = f"{place} is not within those allowed: {listed(wanted.allow)}"
            return Refusal(JURISDICTION_DENIED, why, self.WAKES_ON)
        return None
