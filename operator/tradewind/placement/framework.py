"""What a filter and a cost term are: the contracts that every file in `filters/` and `costs/` keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask, Refusal, Wake
    from tradewind.model.workload import Workload
    from tradewind.placement.capacity import Shortage
    from tradewind.placement.table import Floats, OfferTable


@dataclass(frozen=True, slots=True)
class FilterContext:
    """One workload before one offer.

    Attributes:
        vetoes: clusters that refused this workload when it was delivered, by name.
        fleet_accelerators: the accelerator types that some cluster of the fleet offers.
        shortage: what the offer lacks for the pods; None where they fit, or where it was not asked.
    """

    workload: Workload
    cluster: Cluster
    offer: Offer
    vetoes: Mapping[str, Refusal] = field(default_factory=dict)
    fleet_accelerators: frozenset[str] = frozenset()
    shortage: Shortage | None = None


class Filter(Protocol):
    """A hard limit. It says why not, with figures, and which kind of change could cure it.

    Attributes:
        NAME: the name that people see in the documentation.
        HOLDS_WHILE_RUNNING: running work must leave a place that this filter has come to refuse.
        WAKES_ON: the kind of change that could cure its refusals.
    """

    NAME: ClassVar[str]
    HOLDS_WHILE_RUNNING: ClassVar[bool]
    WAKES_ON: ClassVar[Wake]

    def reads(self, ask: Ask, /) -> Hashable:
        """Return all that the filter reads of the ask: asks that agree in it share one evaluation of the fleet."""

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Say why the offer can't take the work, or None."""


@dataclass(frozen=True, slots=True)
class CostContext:
    """One ask before all offers; every array has one entry per row of the table, times in hours.

    Attributes:
        usd_per_hour: what the pods' accelerators, or cores, cost for an hour.
        run_h: T_run. transfer_h: T_move. queue_h: waiting for nodes.
        egress_usd: what moving the inputs costs, each from its best replica.
    """

    ask: Ask
    table: OfferTable
    usd_per_hour: Floats
    run_h: Floats
    transfer_h: Floats
    queue_h: Floats
    egress_usd: Floats


class Cost(Protocol):
    """A term of the total cost, in USD.

    Attributes:
        NAME: its field in `model.plan.Usd`.
    """

    NAME: ClassVar[str]

    def usd(self, context: CostContext, /) -> Floats:
        """Price every row; a row that can't be priced is not finite, and the engine refuses it."""
