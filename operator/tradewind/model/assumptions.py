"""What stands in for figures that nobody has given. Every one is shown where it is used; policies can say better."""

from __future__ import annotations

from dataclasses import dataclass

from tradewind.model.workload import Market

INTERRUPTIONS_PER_HOUR = {
    # Once in 20 hours. AWS' Spot Advisor ends at "over 20 % a month", which is once in five months, but it counts all
    # types; V100 traces (skypilot-org/spot-traces, 45 days of 2023) show median runs of half an hour to 1.4 hours in
    # zones where they are scarce.
    Market.SPOT: 0.05,
    # Hardware: a node fails every six weeks. Llama 3's training saw 419 interruptions of 16,384 GPUs in 54 days: for a
    # node of eight that is once in nine months; six times as often, since not every host is that well kept.
    Market.ON_DEMAND: 0.001,
    Market.RESERVED: 0.001,
    Market.OWNED: 0.001,
}
"""Per node."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What stands in for figures that nobody has given: pessimistic, so that what is known is preferred, and shown."""

    # Above the yearly mean of all 97 cloud regions with figures (Green Software Foundation, real-time-cloud: 3 to 749
    # in 2023 and 2024), and below that of coal alone (about 860, IEA).
    grams_co2_per_kwh: float = 800.0
    # The Uptime Institute's survey has found a mean of 1.55 to 1.59 in every year since 2020; clouds say 1.1 to 1.5.
    pue: float = 1.6
    # An H100 SXM (700 W) with its share of an eight-way machine (NVIDIA's DGX H100: 10.2 kW at most).
    watts_per_accelerator: float = 1275.0
    # A virtual core at full load draws 3.5 to 4.3 W, and a GB of memory 0.4 W (Cloud Carbon Footprint, methodology,
    # from SPECpower): 8 W with 8 GB and its fans and power supply, rounded up.
    watts_per_cpu_core: float = 10.0
    # Between data centres: 0.001 kWh per GB (Cloud Carbon Footprint, methodology, "Networking"). The Internet's core
    # took 0.004 in 2015 (Aslan et al. 2018), and half as much every two years.
    transfer_kwh_per_gb: float = 0.001
    # To write a checkpoint: a quarter of what one VM gets at the median between clouds (4.4 Gbit/s, Skyplane's tables).
    checkpoint_gbps: float = 1.0
    # From an interruption's being known to running again on nodes that are there: decision, delivery, image, start.
    restart_s: float = 120.0
