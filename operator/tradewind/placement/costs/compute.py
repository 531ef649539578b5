"""What the machines cost.

compute = count x price x (T_run + T_move)                with accelerators; price per accelerator and hour
compute = pods x cores x price x (T_run + T_move)         without; price per core and hour

Formula: the first term of the total cost in docs/placement.md. T_move is in it because staged data is moved after the
pods have started: the accelerators are held, and paid, while they wait. Waiting for nodes (T_queue) costs nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

if TYPE_CHECKING:
    from tradewind.model.workload import PodSet
    from tradewind.placement.framework import CostContext
    from tradewind.placement.table import Floats, OfferTable

ASSUMED_CORES_PER_POD = 1.0
"""For pods that ask for no CPU: unknown is not zero."""


class Compute:
    """USD for accelerators or cores."""

    NAME: ClassVar[str] = "compute"

    def usd(self, context: CostContext, /) -> Floats:
        """Price the time for which the pods hold their machines."""
        return context.usd_per_hour * (context.run_h + context.transfer_h)


def usd_per_hour(pods: PodSet, *, table: OfferTable) -> Floats:
    """Price an hour of all pods on every offer; 0 where the offer is of the other kind, which a filter refuses."""
    if pods.accelerators:
        return np.where(table.without_accelerator, 0.0, pods.total_accelerators * table.usd_per_accelerator_hour)
    cores = pods.count * (pods.cpu_cores or ASSUMED_CORES_PER_POD)
    return np.where(table.without_accelerator, cores * table.usd_per_cpu_hour, 0.0)
