"""What a cost term and a priced filter are: the contracts that every file in `costs/`, and some in `filters/`, keep.

Both work on a batch: arrays have the shape (asks, offers), and what is an ask's alone (asks, 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from tradewind.model.plan import Ask, Refusal, Wake
    from tradewind.placement.columns import AskColumns
    from tradewind.placement.links import Links
    from tradewind.placement.table import Floats, Mask, OfferTable
    from tradewind.placement.worth import Worth


@dataclass(frozen=True, slots=True)
class CostContext:
    """A batch of asks before all offers; times in hours.

    Attributes:
        usd_per_hour: what the pods' accelerators, or cores, cost for an hour.
        run_h: T_run. transfer_h: T_move. loss_h: E_loss.
        hours: all of them and T_queue: from the decision to the end.
        egress_usd: what moving inputs, checkpoints and outputs costs, each input from its best replica.
        grams_co2: what running and moving emit.
        worth: what hours cost, where a choice of replicas depends on it.
    """

    asks: AskColumns
    table: OfferTable
    links: Links
    usd_per_hour: Floats
    run_h: Floats
    transfer_h: Floats
    loss_h: Floats
    hours: Floats
    egress_usd: Floats
    grams_co2: Floats
    worth: Worth

    def ask(self, index: int) -> Ask:
        """Return one ask of the batch."""
        return self.asks.asks[index]


class Cost(Protocol):
    """A term of the total cost, in USD.

    Attributes:
        NAME: its field in `model.decision.Usd`.
    """

    NAME: ClassVar[str]

    def usd(self, context: CostContext, /) -> Floats:
        """Price all asks on all offers; what can't be priced is not finite, and is refused.

        The array may be one of the context's: nobody writes into it.
        """


class PricedFilter(Protocol):
    """A hard limit on what the price is made of, so it can't be held against an offer before that is known.

    Attributes:
        NAME: the name that people see in the documentation.
        REASONS: the reasons of its refusals.
        HOLDS_WHILE_RUNNING: running work must leave a place that this filter has come to refuse.
        WAKES_ON: the kind of change that could cure its refusals.
    """

    NAME: ClassVar[str]
    REASONS: ClassVar[tuple[str, ...]]
    HOLDS_WHILE_RUNNING: ClassVar[bool]
    WAKES_ON: ClassVar[Wake]

    def mask(self, context: CostContext, /) -> Mask | None:
        """Say where each ask may go; None where no ask of the batch has such a limit."""

    def refusals(self, context: CostContext, index: int, row: int, /) -> tuple[Refusal, ...]:
        """Say why one ask may not go to one offer; empty where it may."""
