"""The work may ask for what auditors have confirmed."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake
from tradewind.model.units import format_duration
from tradewind.placement.wording import field_of, listed

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.model.workload import Workload
    from tradewind.placement.framework import FilterContext

CERTIFICATION_MISSING = "CertificationMissing"
CERTIFICATION_EXPIRED = "CertificationExpired"


class Certified:
    """The cluster has every certificate that the work asks for, and none of them has expired."""

    NAME: ClassVar[str] = "certifications"
    REASONS: ClassVar[tuple[str, ...]] = (CERTIFICATION_MISSING, CERTIFICATION_EXPIRED)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = True
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, ask: Ask, /) -> Hashable | None:
        """The names."""
        return ask.workload.constraints.certifications or None

    def sees(self, cluster: Cluster, _offer: Offer, /) -> Hashable:
        """The certificates."""
        return frozenset((one.name, one.valid_until_s) for one in cluster.certifications)

    def words(self, ask: Ask, /) -> str:
        """Name the field."""
        return field_of("constraints.certifications", ask.workload.constraints.certifications)

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse with everything that is missing or has expired."""
        until = _valid_until_s(context.cluster)
        wanted, now_s = context.workload.constraints.certifications, context.conditions.now_s
        missing = wanted - until.keys()
        expired = sorted(name for name in wanted & until.keys() if until[name] <= now_s)
        if not missing and not expired:
            return None
        said = [f"the cluster lacks {listed(missing)}"] if missing else []
        said += [f"{name} expired {format_duration(now_s - until[name])} ago" for name in expired]
        reason = CERTIFICATION_MISSING if missing else CERTIFICATION_EXPIRED
        return Refusal(reason, f"{'; '.join(said)}: see spec.certifications", self.WAKES_ON)


def next_expiry_s(workload: Workload, cluster: Cluster) -> float:
    """Say when the first of the certificates that work needs runs out on a cluster, in seconds since the Unix epoch.

    Infinite where none does. What is renewed early counts until the later of its dates.
    """
    until = _valid_until_s(cluster)
    return min((until.get(name, inf) for name in workload.constraints.certifications), default=inf)


def _valid_until_s(cluster: Cluster) -> dict[str, float]:
    until: dict[str, float] = {}
    for one in cluster.certifications:
        until[one.name] = max(one.valid_until_s, until.get(one.name, one.valid_until_s))
    return until
