"""What providers charge for data that leaves.

egress = sum over inputs of GB x egress price per GB [replica, cluster]

A GB is 10^9 bytes, as it is billed. Each input comes from one of its replicas, chosen in `placement.sources` for the
least USD of egress and time together. Streamed data is read once over the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from tradewind.placement.framework import CostContext
    from tradewind.placement.table import Floats


class Egress:
    """USD for moving the inputs."""

    NAME: ClassVar[str] = "egress"

    def usd(self, context: CostContext, /) -> Floats:
        """Return what the chosen replicas cost."""
        return context.egress_usd
