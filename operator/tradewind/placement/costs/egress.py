"""What providers charge for data that leaves.

egress = sum over inputs of GB x USD per GB [replica -> cluster]
       + GB x USD per GB [replica of the checkpoint -> cluster]      where the work resumes
       + sum over outputs of GB x USD per GB [cluster -> location]
       + checkpoints x GB x sum over their locations of USD per GB [cluster -> location]

A GB is 10^9 bytes, as it is billed. Each input comes from one of its replicas, chosen in `placement.sources` for the
least USD of egress and time together. Streamed data is read once over the run. Every checkpoint is written to all of
its locations: `placement.writes` counts how many T_run leaves room for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from tradewind.placement.table import Floats
    from tradewind.placement.terms import CostContext


class Egress:
    """USD for moving inputs, checkpoints and outputs."""

    NAME: ClassVar[str] = "egress"

    def usd(self, context: CostContext, /) -> Floats:
        """Return what the chosen replicas, and the way of outputs and checkpoints, cost."""
        return context.egress_usd
