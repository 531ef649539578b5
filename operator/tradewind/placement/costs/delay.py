"""What the user's waiting is worth.

delay = usdPerDelayHour x (T_queue + T_move + T_run + E_loss)
      + usdPerHourLate x hours past the deadline                     for a deadline that is preferred, not required

The prices are the policy's and the workload's; they are 0 until someone gives one. T_queue is the time until the nodes
that the pool must add are ready. The work is done at the time of the decision plus all of these hours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

if TYPE_CHECKING:
    from tradewind.placement.table import Floats
    from tradewind.placement.terms import CostContext


class Delay:
    """USD for the time until the work is done."""

    NAME: ClassVar[str] = "delay"

    def usd(self, context: CostContext, /) -> Floats:
        """Price all hours from the decision to the end, and those past the deadline once more."""
        asks = context.asks
        usd = context.hours * asks.usd_per_delay_hour
        if (asks.prefer_h != np.inf).any():
            late_h = np.maximum(context.hours - asks.prefer_h, 0.0)
            late_h *= asks.usd_per_hour_late
            usd += late_h
        return usd
