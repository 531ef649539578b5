"""The law of what the work writes: checkpoints and outputs hold the data that it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake
from tradewind.placement.law import NO_LIMITS, UNSAID, bound_inputs, limits_of, misspelt, trespass
from tradewind.placement.wording import field_of, listed

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.model.workload import Workload
    from tradewind.placement.framework import FilterContext
    from tradewind.placement.law import Limits

WRITTEN_OUTSIDE_LAW = "WrittenOutsideLaw"
WRITTEN_WHERE_LAW_IS_UNKNOWN = "WrittenWhereLawIsUnknown"


class LawfulPath:
    """Every checkpoint's location suits the law of the work and of its data, every output's that of its data.

    It says the same of every offer, so no move could cure it, and what runs stays. It fails closed: the law of a
    location is that of a FederatedCluster there, or what a NetworkMap says of it.
    """

    NAME: ClassVar[str] = "law of what is written"
    REASONS: ClassVar[tuple[str, ...]] = (WRITTEN_OUTSIDE_LAW, WRITTEN_WHERE_LAW_IS_UNKNOWN)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.DATA

    def reads(self, ask: Ask, /) -> Hashable | None:
        """The locations, and the law of the work and of its data."""
        work = ask.workload
        if work.checkpoint is None and not work.outputs:
            return None
        own, bound = _own(work), tuple([limits_of(one.residency) for one in bound_inputs(work)])
        if not bound and (own == NO_LIMITS or work.checkpoint is None):
            return None
        checkpoints = work.checkpoint.locations if work.checkpoint else ()
        return checkpoints, own, bound, tuple([output.location for output in work.outputs])

    def sees(self, _cluster: Cluster, _offer: Offer, /) -> Hashable:
        """Nothing."""
        return ()

    def words(self, ask: Ask, /) -> str:
        """Name the fields, and whose law it is."""
        fields: dict[str, set[str]] = {}
        laws = {law for _, _, _, law in _written(ask.workload)}
        for field, place, _, _ in _written(ask.workload):
            fields.setdefault(field, set()).add(place)
        written = " and ".join(field_of(field, places) for field, places in fields.items())
        return f"{written} under the law of {listed(laws)}"

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse for the first location whose law is broken or can't be checked."""
        for field, place, limits, whose in _written(context.workload):
            found = trespass(context.fleet.laws.get(place, UNSAID), limits)
            if found is None or misspelt(limits):  # of a name that nobody knows, the filter of the place itself speaks
                continue
            why = f"{field} {place} must suit the law of {whose}, and it {found.why}"
            if found.unknown:
                cure = "say it in spec.locations of a NetworkMap"
                return Refusal(WRITTEN_WHERE_LAW_IS_UNKNOWN, f"{why}: {cure}", self.WAKES_ON)
            return Refusal(WRITTEN_OUTSIDE_LAW, f"{why}: name another location", self.WAKES_ON)
        return None


def _own(work: Workload) -> Limits:
    where, who = work.constraints.jurisdictions, work.constraints.operator_jurisdictions
    return where.allow, where.deny, who.allow, who.deny


def _written(work: Workload) -> Iterator[tuple[str, str, Limits, str]]:
    """Yield the field, the location, the law and whose law it is, for all that is written."""
    own, bound = _own(work), [(limits_of(one.residency), f"data {one.name}") for one in bound_inputs(work)]
    for place in work.checkpoint.locations if work.checkpoint else ():
        for limits, whose in [(own, "the work"), *bound] if own != NO_LIMITS else bound:
            yield "checkpoint.locations", place, limits, whose
    for output in work.outputs:
        for limits, whose in bound:
            yield "outputs", output.location, limits, whose
