"""The law of those who operate the cluster: whose courts can compel them, wherever it stands (US CLOUD Act)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake
from tradewind.placement.law import denied, limit_of, misspelt, not_allowed, unknown
from tradewind.placement.wording import listed, lists_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

OPERATOR_JURISDICTION_DENIED = "OperatorJurisdictionDenied"
OPERATOR_JURISDICTION_UNKNOWN = "OperatorJurisdictionUnknown"


class OperatorJurisdiction:
    """All who can compel the cluster's operator are allowed, and none of them is denied. It fails closed."""

    NAME: ClassVar[str] = "operator jurisdiction"
    REASONS: ClassVar[tuple[str, ...]] = (OPERATOR_JURISDICTION_DENIED, OPERATOR_JURISDICTION_UNKNOWN)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = True
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, ask: Ask, /) -> Hashable | None:
        """The lists."""
        wanted = ask.workload.constraints.operator_jurisdictions
        return (wanted.allow, wanted.deny) if wanted.allow or wanted.deny else None

    def sees(self, cluster: Cluster, _offer: Offer, /) -> Hashable:
        """The operator's jurisdictions."""
        return cluster.operator_jurisdictions

    def words(self, ask: Ask, /) -> str:
        """Name the field."""
        return lists_of("constraints.operatorJurisdictions", ask.workload.constraints.operator_jurisdictions)

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse what is unknown first, then by the deny list, then by the allow list."""
        wanted = context.workload.constraints.operator_jurisdictions
        limit, here = limit_of(wanted), context.cluster.operator_jurisdictions
        if wrong := misspelt(limit):
            return Refusal(OPERATOR_JURISDICTION_UNKNOWN, wrong, Wake.WORKLOAD)
        if unknown(here, limit):
            said = f"of {listed(here)} not all are known" if here else "nobody has said whose"
            why = f"the work limits whose courts can compel the cluster's operator, and {said}"
            return Refusal(OPERATOR_JURISDICTION_UNKNOWN, f"{why}: set spec.operatorJurisdictions", self.WAKES_ON)
        if wrong_ones := denied(here, limit):
            why = f"the cluster's operator answers to {listed(wrong_ones)}; the work denies {listed(wanted.deny)}"
            return Refusal(OPERATOR_JURISDICTION_DENIED, why, self.WAKES_ON)
        if wrong_ones := not_allowed(here, limit):
            why = f"the cluster's operator answers to {listed(wrong_ones)}, not within {listed(wanted.allow)}"
            return Refusal(OPERATOR_JURISDICTION_DENIED, why, self.WAKES_ON)
        return None
