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
    from tradewind.placement.columns import AskColumns
    from tradewind.placement.table import Floats
    from tradewind.placement.terms import CostContext


class Delay:
    """USD for the time until the work is done."""

    NAME: ClassVar[str] = "delay"

    def usd(self, context: CostContext, /) -> Floats:
        """Price all hours from the decision to the end, and those past the deadline once more."""
        usd = context.hours * context.asks.usd_per_delay_hour
        late_usd = lateness_usd(context.asks, hours=context.hours)
        if late_usd is not None:
            usd += late_usd
        return usd


def lateness_usd(asks: AskColumns, *, hours: Floats) -> Floats | None:
    """Price the hours past the deadline; None where no ask of the batch would pay for them."""
    if not (asks.prefer_h != np.inf).any():
        return None
    usd = hours - asks.prefer_h
    np.maximum(usd, 0.0, out=usd)
    usd *= asks.usd_per_hour_late
    return usd
