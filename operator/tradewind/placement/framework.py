"""What a filter is: the contract that every file in `filters/` keeps, but the priced ones (`placement.terms`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask, Conditions, Refusal, Wake
    from tradewind.model.workload import Workload
    from tradewind.placement.capacity import Shortage
    from tradewind.placement.facts import FleetFacts, RowFacts
    from tradewind.placement.table import Mask


@dataclass(frozen=True, slots=True)
class FilterContext:
    """One ask before one offer.

    Attributes:
        conditions: what holds for the whole round: the time, links, the law of places.
        fleet: what a filter may know of the other clusters; empty where one cluster is looked at alone.
        shortage: what the offer lacks for the pods; None where they fit, or where it was not asked.
    """

    ask: Ask
    cluster: Cluster
    offer: Offer
    conditions: Conditions
    fleet: FleetFacts
    shortage: Shortage | None = None

    @property
    def workload(self) -> Workload:
        """The work that asks."""
        return self.ask.workload


class Filter(Protocol):
    """A hard limit. It says why not, with figures, and which kind of change could cure it.

    `reads` and `sees` are what makes it fast: the answer must depend on nothing else, so that asks that read alike and
    offers that look alike share one answer. Both return tuples and sets of plain values, whose hashes are cheap.

    Attributes:
        NAME: the name that people see in the documentation.
        REASONS: the reasons of its refusals; empty where it passes on those of others.
        HOLDS_WHILE_RUNNING: running work must leave a place that this filter has come to refuse. Such a filter reads
            of the offer only its market, and nothing of the fleet.
        WAKES_ON: the kind of change that could cure its refusals.
    """

    NAME: ClassVar[str]
    REASONS: ClassVar[tuple[str, ...]]
    HOLDS_WHILE_RUNNING: ClassVar[bool]
    WAKES_ON: ClassVar[Wake]

    def reads(self, ask: Ask, /) -> Hashable | None:
        """Return all of the ask that the answer depends on; None where the ask has no such wish, so nothing is refused.

        What only the words of a refusal need is not among it.
        """

    def sees(self, cluster: Cluster, offer: Offer, /) -> Hashable:
        """Return all of the offer and its cluster that the answer and its words depend on."""

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Say why the offer can't take the work, or None. It is not called where `reads` is None."""


class Wish(Filter, Protocol):
    """A filter that holds the fleet against a wish of the work: only its author, or a cluster's owner, can cure it."""

    def words(self, ask: Ask, /) -> str:
        """Write the wish as the API does, such as `constraints.markets [Spot]`."""


@runtime_checkable
class ColumnFilter(Filter, Protocol):
    """A filter that knows every row at once: for wishes of which there may be as many as asks."""

    def mask(self, ask: Ask, facts: RowFacts, /) -> Mask:
        """Return the rows that it accepts. It is not called where `reads` is None."""


def refusal_of(one: Filter, context: FilterContext) -> Refusal | None:
    """Ask one filter about one offer."""
    return None if one.reads(context.ask) is None else one.check(context)
