"""What providers charge for data that leaves.

egress = sum over inputs of GB x USD per GB [replica -> cluster]
       + GB x USD per GB [replica of the checkpoint -> cluster]      where the work resumes
       + sum over outputs of GB x USD per GB [cluster -> location]

A GB is 10^9 bytes, as it is billed. Each input comes from one of its replicas, chosen in `placement.sources` for the
least USD of egress and time together. Streamed data is read once over the run. Writing checkpoints is not in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from tradewind.placement.table import Floats
    from tradewind.placement.terms import CostContext


class Egress:
    """USD for moving inputs, checkpoint and outputs."""

    NAME: ClassVar[str] = "egress"

    def usd(self, context: CostContext, /) -> Floats:
        """Return what the chosen replicas, and the way of the outputs, cost."""
        return context.egress_usd
