"""What the work may cost per hour, and in all."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tradewind.model.plan import Refusal, Wake
from tradewind.model.units import format_usd

if TYPE_CHECKING:
    from tradewind.placement.table import Floats, Mask
    from tradewind.placement.terms import CostContext

PER_HOUR_EXCEEDED = "BudgetPerHourExceeded"
TOTAL_EXCEEDED = "BudgetTotalExceeded"
_ALL = slice(None)


class Budget:
    """An hour of the machines costs no more than the limit, and the rest of the work no more than what is left of it.

    Bills count: machines, for as long as they are held, and egress. Delay, carbon and latency are worth something to
    somebody, but no provider charges for them. Servers have no end, so of their total only what comes before they serve
    is counted here; that what they spend stays within it is seen to while they run.
    """

    NAME: ClassVar[str] = "budget"
    REASONS: ClassVar[tuple[str, ...]] = (PER_HOUR_EXCEEDED, TOTAL_EXCEEDED)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.PRICE

    def mask(self, context: CostContext, /) -> Mask | None:
        """Compare what an hour, and the rest, costs with both limits."""
        asks = context.asks
        hourly, total = (asks.max_usd_per_hour != np.inf).any(), (asks.left_usd != np.inf).any()
        mask = context.usd_per_hour <= asks.max_usd_per_hour if hourly else None
        if total:
            within = _bill(context) <= asks.left_usd
            mask = within if mask is None else mask & within
        return mask

    def refusals(self, context: CostContext, index: int, row: int, /) -> tuple[Refusal, ...]:
        """Name each limit that is passed, by how much."""
        found = []
        policy = context.ask(index).policy
        usd_per_hour = float(context.usd_per_hour[index, row])
        limit = policy.max_usd_per_hour
        if limit is not None and not usd_per_hour <= limit:
            message = f"{format_usd(usd_per_hour)} per hour is over maxUSDPerHour {format_usd(limit)}"
            found.append(Refusal(PER_HOUR_EXCEEDED, message, self.WAKES_ON))
        cell = slice(index, index + 1), slice(row, row + 1)
        bill, spent = float(_bill(context, *cell)[0, 0]), context.ask(index).spent_usd
        if policy.max_total_usd is not None and not bill <= context.asks.left_usd[index, 0]:
            found.append(Refusal(TOTAL_EXCEEDED, _total(bill, spent, policy.max_total_usd), self.WAKES_ON))
        return tuple(found)


def _bill(context: CostContext, asks: slice = _ALL, rows: slice = _ALL) -> Floats:
    """Return the USD that providers will charge, per ask and offer."""
    held_h = context.run_h[asks, rows] + context.loss_h[asks, rows]
    held_h *= 1.0 - context.asks.endless[asks]
    held_h += context.transfer_h[asks, rows]
    held_h *= context.usd_per_hour[asks, rows]
    held_h += context.egress_usd[asks, rows]
    return held_h


def _total(bill: float, spent: float, limit: float) -> str:
    so_far = f" after {format_usd(spent)} spent" if spent else ""
    return (
        f"machines and egress of {format_usd(bill)}{so_far} are over maxTotalUSD {format_usd(limit)} "
        f"by {format_usd(bill + spent - limit)}"
    )
