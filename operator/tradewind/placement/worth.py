"""What hours cost an ask, where a choice of replicas depends on it: everything in its total that grows with them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from tradewind.placement.costs.carbon import running_grams
from tradewind.placement.costs.delay import lateness_usd
from tradewind.placement.costs.latency import round_trip_usd
from tradewind.placement.costs.loss import intervals_h, lost_hours
from tradewind.placement.writes import written

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.placement.columns import AskColumns
    from tradewind.placement.figures import Figures
    from tradewind.placement.links import Links
    from tradewind.placement.table import Floats, Ints


UsdOf: TypeAlias = "Callable[[Floats], Floats]"
"""What hours cost: (asks, offers) of hours to as many USD."""


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

    def of_run(self, indexes: list[int]) -> UsdOf:
        """Return the price of a T_run: machines, delay, loss, carbon, round trips, checkpoints, and being late.

        T_move is not known yet, so lateness counts as if there were nothing to stage.
        """
        asks = self.asks.of(indexes)
        hourly = self.usd_per_hour[indexes] + asks.usd_per_delay_hour
        queue_h = np.broadcast_to(self.queue_h, self.usd_per_hour.shape)[indexes]
        figures, links, at = self.figures, self.links, self.cluster_of
        interval_h = intervals_h(asks, figures=figures, links=links, cluster_of=at)
        lost_h = partial(lost_hours, asks, figures=figures, links=links, cluster_of=at, interval_h=interval_h)
        round_trips = partial(round_trip_usd, asks, links=links, cluster_of=at)
        writes = partial(written, asks, links=links, cluster_of=at, interval_h=interval_h)

        def usd_of(run_h: Floats) -> Floats:
            busy_h = run_h + lost_h(run_h=run_h)
            usd = busy_h * hourly
            usd += running_grams(asks, figures=figures, busy_h=busy_h) * asks.usd_per_gram
            usd += round_trips(run_h=run_h)
            saved = writes(run_h=run_h)
            if saved is not None:
                usd[saved.asks] += saved.usd + saved.grams * asks.usd_per_gram[saved.asks]
            late_usd = lateness_usd(asks, hours=busy_h + queue_h)
            return usd if late_usd is None else usd + late_usd

        return usd_of

    def of_wait(self, rest_h: Floats, indexes: list[int]) -> UsdOf:
        """Return the price of a T_move: machines, delay, and being late after all the other hours."""
        asks, rest_h = self.asks.of(indexes), rest_h[indexes]
        hourly = self.usd_per_hour[indexes] + asks.usd_per_delay_hour

        def usd_of(wait_h: Floats) -> Floats:
            usd: Floats = wait_h * hourly
            late_usd = lateness_usd(asks, hours=rest_h + wait_h)
            return usd if late_usd is None else usd + late_usd

        return usd_of
