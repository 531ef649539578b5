"""What the machines cost.

compute = accelerators x price x (T_run + T_move)         with accelerators; USD per accelerator and hour
compute = pods x cores x price x (T_run + T_move)         without; USD per core and hour

Formula: the first term of the total cost in docs/placement.md. T_move is in it because staged data is moved after the
pods have started: the accelerators are held, and paid, while they wait. Waiting for nodes (T_queue) costs nothing here,
and hours that interruptions waste are the term `loss`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from tradewind.placement.table import Floats
    from tradewind.placement.terms import CostContext


class Compute:
    """USD for accelerators or cores."""

    NAME: ClassVar[str] = "compute"

    def usd(self, context: CostContext, /) -> Floats:
        """Price the time for which the pods hold their machines."""
        hours = context.run_h + context.transfer_h
        hours *= context.usd_per_hour
        return hours
