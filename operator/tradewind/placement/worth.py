"""What hours cost an ask, where a choice of replicas depends on it: everything in its total that grows with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tradewind.placement.costs.carbon import running_grams
from tradewind.placement.costs.delay import lateness_usd
from tradewind.placement.costs.latency import round_trip_usd
from tradewind.placement.costs.loss import lost_hours

if TYPE_CHECKING:
    from tradewind.placement.columns import AskColumns
    from tradewind.placement.figures import Figures
    from tradewind.placement.links import Links
    from tradewind.placement.table import Floats, Ints


@dataclass(frozen=True, slots=True)
class Worth:
    """The price of hours, for some asks of a batch at a time.

    Attributes:
        usd_per_hour: (asks, offers) of the machines.
        queue_h: T_queue; of a shape that broadcasts to (asks, offers).
        cluster_of: per offer.
    """

    asks: AskColumns
    usd_per_hour: Floats
    queue_h: Floats
    figures: Figures
    links: Links
    cluster_of: Ints

    def of_run(self, indexes: list[int], run_h: Floats) -> Floats:
        """Price a T_run: machines, delay, what may be lost on the way, carbon, round trips, and being late.

        T_move is not known yet, so lateness counts as if there were nothing to stage.
        """
        asks = self.asks.of(indexes)
        busy_h = run_h + lost_hours(
            asks, figures=self.figures, links=self.links, cluster_of=self.cluster_of, run_h=run_h
        )
        usd = busy_h * (self.usd_per_hour[indexes] + asks.usd_per_delay_hour)
        usd += running_grams(asks, figures=self.figures, busy_h=busy_h) * asks.usd_per_gram
        usd += round_trip_usd(asks, links=self.links, cluster_of=self.cluster_of, run_h=run_h)
        late_usd = lateness_usd(asks, hours=busy_h + self._queue_h(indexes))
        return usd if late_usd is None else usd + late_usd

    def of_wait(self, rest_h: Floats, indexes: list[int], wait_h: Floats) -> Floats:
        """Price a T_move: machines, delay, and being late after all the other hours."""
        asks = self.asks.of(indexes)
        usd = wait_h * (self.usd_per_hour[indexes] + asks.usd_per_delay_hour)
        late_usd = lateness_usd(asks, hours=rest_h[indexes] + wait_h)
        return usd if late_usd is None else usd + late_usd

    def _queue_h(self, indexes: list[int]) -> Floats:
        return np.broadcast_to(self.queue_h, self.usd_per_hour.shape)[indexes]
