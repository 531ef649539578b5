"""What the user's waiting is worth.

delay = usdPerDelayHour x (T_queue + T_move + T_run)

The price is the policy's; it is 0 until someone gives one. T_queue is the time until the nodes that the pool must add
are ready.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from tradewind.placement.framework import CostContext
    from tradewind.placement.table import Floats


class Delay:
    """USD for the time until the work is done."""

    NAME: ClassVar[str] = "delay"

    def usd(self, context: CostContext, /) -> Floats:
        """Price all hours from the decision to the end."""
        hours = context.queue_h + context.transfer_h + context.run_h
        return context.ask.policy.usd_per_delay_hour * hours
