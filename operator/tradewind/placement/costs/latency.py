"""What the distance to those who are served is worth.

latency = usdPerRoundTripMillisecondHour x mean round trip [clients, cluster] x T_run          ms and hours

The mean is weighted by the clients' shares. T_run is the policy's pricingHorizon for work without an end. Round trips
are those of the links from the clients' locations to the cluster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

if TYPE_CHECKING:
    from tradewind.placement.columns import AskColumns
    from tradewind.placement.links import Links
    from tradewind.placement.table import Floats, Ints
    from tradewind.placement.terms import CostContext


class Latency:
    """USD for round trips."""

    NAME: ClassVar[str] = "latency"

    def usd(self, context: CostContext, /) -> Floats:
        """Price the mean round trip for as long as the work runs."""
        return round_trip_usd(
            context.asks, links=context.links, cluster_of=context.table.cluster_of, run_h=context.run_h
        )


def round_trip_usd(asks: AskColumns, *, links: Links, cluster_of: Ints, run_h: Floats) -> Floats:
    """Price round trips over the run, per ask and offer."""
    if not asks.clients.any():
        return np.zeros(run_h.shape)
    per_hour = links.clients_round_trip_ms[asks.clients]
    per_hour *= asks.usd_per_round_trip_ms_hour
    usd = per_hour.take(cluster_of, axis=1)
    usd *= run_h
    return usd
