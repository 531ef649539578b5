"""What stands in for figures that nobody has given. Every one is shown where it is used; policies can say better."""

from __future__ import annotations

from dataclasses import dataclass

from tradewind.model.workload import Market

INTERRUPTIONS_PER_HOUR = {
    # A spot node is interrupted once in 20 hours: the worst class of AWS' Spot Advisor is over 20 % a month, and traces
    # of scarce accelerators show runs of half an hour to a day.
    Market.SPOT: 0.05,
    # Hardware: a node fails every six weeks (Llama 3: 419 interruptions of 16,384 GPUs in 54 days is 1 in 6.3 years per
    # GPU; eight GPUs and their host: about once in nine months; rounded up, since not every host is that well kept).
    Market.ON_DEMAND: 0.001,
    Market.RESERVED: 0.001,
    Market.OWNED: 0.001,
}
"""Per node."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What stands in for figures that nobody has given: pessimistic, so that what is known is preferred, and shown."""

    # Above the yearly mean of every grid with a cloud region but a few (coal: 750 to 1,000).
    grams_co2_per_kwh: float = 800.0
    # The Uptime Institute's survey has found a mean of 1.56 to 1.59 since 2020.
    pue: float = 1.6
    # An H100 SXM (700 W) with its share of an eight-way machine (10.2 kW).
    watts_per_accelerator: float = 1275.0
    # A server core under load with its share of memory, fans and power supply.
    watts_per_cpu_core: float = 10.0
    # Networks between data centres: 0.001 kWh per GB (Cloud Carbon Footprint, methodology, "Networking").
    transfer_kwh_per_gb: float = 0.001
    # A slow object store's worth of write bandwidth, for the time that a checkpoint takes.
    checkpoint_gbps: float = 1.0
    # From an interruption's being known to running again on nodes that are there: decision, delivery, image, start.
    restart_s: float = 120.0
