"""A fleet and its work for measuring speed: real regions, prices, links and grids; wishes mixed by a seed.

Shares are what a platform team of a large company might see: half of the work is training, a fifth each is batch and
inference, the rest needs no accelerators. Every wish that the API knows is somewhere in it, and every filter and cost
term has something to do.
"""

from __future__ import annotations

from math import ceil
from random import Random
from typing import TYPE_CHECKING

from tradewind.api.accelerators import BUILT_IN_ACCELERATORS
from tradewind.model.fleet import Carbon, Certification, Cluster, Node, Offer, Quota
from tradewind.model.health import Judgement, Verdict
from tradewind.model.plan import Conditions
from tradewind.model.workload import Encryption, Interconnect, Market, Tier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.cli.bench_tables import Price, Tables
    from tradewind.model.plan import Ask

NOW_S = 1.8e9
KINDS = frozenset({"batch/v1/Job", "apps/v1/Deployment"})
FABRICS = {"aws": Interconnect.EFA, "azure": Interconnect.INFINIBAND, "gcp": Interconnect.ANDROMEDA}
GPUS_PER_NODE = 8
HEADROOM = 4.0
"""Room in the fleet over what the work asks for; the cheap places fill up all the same."""


class Dice(Random):
    """Chance, from a seed."""

    def chance(self, share: float) -> bool:
        """Come true in so many cases of one."""
        return self.random() < share


def conditions_of(tables: Tables) -> Conditions:
    """Return the network, and what is known of accelerators."""
    rows = BUILT_IN_ACCELERATORS
    return Conditions(
        tables.network(),
        speeds={row.name: row.relative_speed for row in rows if row.relative_speed is not None},
        watts={row.name: row.watts for row in rows if row.watts is not None},
        now_s=NOW_S,
    )


def fleet_of(tables: Tables, asks: Sequence[Ask], *, clusters: int, seed: int) -> list[Cluster]:
    """Make clusters in the regions of the price table, round and round; together they have room for the asks."""
    dice = Dice(seed)
    offered: dict[str, list[Price]] = {}
    for price in tables.prices:
        offered.setdefault(price.location, []).append(price)
    locations = sorted(offered)
    dice.shuffle(locations)
    gpus = sum(ask.workload.pods.total_accelerators for ask in asks)
    nodes = max(1, ceil(HEADROOM * gpus / (2.5 * clusters) / GPUS_PER_NODE))
    cores = sum(
        ask.workload.pods.count * ask.workload.pods.cpu_cores for ask in asks if not ask.workload.pods.accelerators
    )
    cpu_nodes = max(1, ceil(2 * cores / clusters / 64))
    return [
        _cluster(f"{number:04d}", locations[number % len(locations)], offered, tables, dice, nodes=nodes, cpu=cpu_nodes)
        for number in range(clusters)
    ]


def _cluster(
    number: str, location: str, offered: dict[str, list[Price]], tables: Tables, dice: Dice, *, nodes: int, cpu: int
) -> Cluster:
    provider, _, region = location.partition("/")
    grid = tables.grids.get(location)
    offers = [_offer(price, market, dice, nodes=nodes) for price, market in _machines(offered[location], dice)]
    offers.append(
        Offer("cpu", Market.ON_DEMAND, usd_per_cpu_hour=dice.uniform(0.03, 0.06), max_nodes=cpu, node_cpu_cores=64.0)
    )
    exist = [
        Node(
            f"{offer.name}-{index}",
            {"pool": offer.name},
            accelerator=offer.accelerator,
            accelerator_resource="nvidia.com/gpu",
            free_accelerators=offer.per_node if dice.chance(0.7) else offer.per_node // 2,
            free_cpu_cores=offer.node_cpu_cores,
        )
        for offer in offers
        if offer.accelerator
        for index in range(nodes // 2)
    ]
    return Cluster(
        name=f"{provider}-{region}-{number}",
        provider=provider,
        region=region,
        tier=Tier.CLOUD,
        jurisdiction=grid.country if grid else "",
        labels={"env": dice.choice(("prod", "prod", "dev"))},
        offers=tuple(offers),
        nodes=tuple(exist),
        health=Judgement(Verdict.HEALTHY if dice.chance(0.98) else Verdict.DOWN, "", ""),
        operator_jurisdictions=frozenset({"US"}),
        certifications=tuple(Certification(name) for name in ("ISO27001", "SOC2", "HIPAA") if dice.chance(0.75)),
        encryption=frozenset(one for one in Encryption if dice.chance(0.85)),
        carbon=Carbon(grid.grams_co2_per_kwh, grid.pue) if grid else Carbon(),
        kinds=KINDS,
        quotas=tuple(Quota(f"team-{team}", {"nvidia.com/gpu": 64.0}) for team in range(3) if dice.chance(0.1)),
    )


def _machines(prices: Sequence[Price], dice: Dice) -> list[tuple[Price, Market]]:
    """Choose two or three of what a region has; of an accelerator its largest machine."""
    largest = {price.accelerator: price for price in sorted(prices, key=lambda one: one.count)}
    choices = [
        (price, market)
        for _, price in sorted(largest.items())
        for market, usd in ((Market.ON_DEMAND, price.usd_per_hour), (Market.SPOT, price.usd_per_hour_spot))
        if usd is not None
    ]
    return dice.sample(choices, min(len(choices), dice.choice((2, 3))))


def _offer(price: Price, market: Market, dice: Dice, *, nodes: int) -> Offer:
    usd = price.usd_per_hour if market is Market.ON_DEMAND else price.usd_per_hour_spot
    name = f"{price.accelerator}-{market}".lower()
    large = price.count >= GPUS_PER_NODE
    return Offer(
        name,
        market,
        accelerator=price.accelerator,
        per_node=price.count,
        usd_per_accelerator_hour=(usd or 0.0) / price.count * dice.uniform(0.97, 1.03),
        max_nodes=nodes,
        provisioning_s=360.0,
        node_selector={"pool": name},
        node_cpu_cores=12.0 * price.count,
        interconnect=FABRICS[price.location.partition("/")[0]] if large else None,
        node_gbps=3200.0 if large else 100.0,
        interruptions_per_hour=dice.choice((None, 0.02, 0.08)) if market is Market.SPOT else None,
    )
