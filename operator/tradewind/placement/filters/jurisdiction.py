"""The law of the place: where work and its data may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake
from tradewind.placement.jurisdictions import codes_of, meant_by

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

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
    HOLDS_WHILE_RUNNING: ClassVar[bool] = True
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, ask: Ask, /) -> Hashable:
        """The lists."""
        return ask.workload.constraints.jurisdictions

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse what is unknown first, then by the deny list, then by the allow list."""
        wanted = context.workload.constraints.jurisdictions
        if not (wanted.allow or wanted.deny):
            return None
        unknown = sorted(name for name in wanted.allow | wanted.deny if not codes_of(name))
        if unknown:
            message = f"{unknown[0]} is neither a country code (ISO 3166-1) nor a known group{meant_by(unknown[0])}"
            return Refusal(JURISDICTION_UNKNOWN, message, Wake.WORKLOAD)
        place = context.cluster.jurisdiction
        here = codes_of(place)
        if not here:
            said = f"jurisdiction {place!r} is unknown" if place else "no jurisdiction is given"
            return Refusal(
                JURISDICTION_UNKNOWN, f"the work has limits of law, and {said}: set spec.jurisdiction", self.WAKES_ON
            )
        # A cluster may give a group as its place: then any of its members is possible.
        if here & _all_of(wanted.deny):
            return Refusal(JURISDICTION_DENIED, f"the work denies {_list(wanted.deny)}; here is {place}", self.WAKES_ON)
        if wanted.allow and not here <= _all_of(wanted.allow):
            return Refusal(
                JURISDICTION_DENIED, f"{place} is not within those allowed: {_list(wanted.allow)}", self.WAKES_ON
            )
        return None


def _all_of(names: Iterable[str]) -> frozenset[str]:
    return frozenset[str]().union(*(codes_of(name) for name in names))


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
