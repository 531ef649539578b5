"""How good decisions are: what jobs cost where each model sends them, against the exact optimum.

The truth, for every model alike. A job needs one machine of eight H100 for so many hours on any of them (p5.48xlarge,
a3-highgpu-8g and Standard_ND96isr_H100_v5 count as equally fast), and its data is in one of the 63 regions whose links
have figures. At a place it costs

    USD per hour of the machine x (hours of running + hours of moving the data) + GB x egress price per GB

where the machine is paid while it waits for its data. Prices are those of the price table, throughput and egress those
of the links table; for pairs without figures (1,152 of those listed have only a round trip) the defaults of
`bench_tables.DEFAULTS` stand in. Interruptions, carbon and delay cost nothing here: only facts of the tables count.

Models: `tradewind` is the engine itself. `price-only` takes the lowest price of the machine. `skypilot` is SkyPilot's
published model (sky/optimizer.py, release 0.14.1): price x hours, plus egress at one flat rate per cloud that the data
leaves, nothing within a cloud, and no time for the transfer. The last two decide one job after the other, and take
their next choice where the first one is full; all have the same room.

Overspend is what a model's places truly cost, over the optimum, less 1. With ample room the mean is that of the jobs'
own ratios. Under shortage it is that of the sums: what one job pays more there another may pay less, and jobs of one
home are the same to the optimum, so that for wrongShare and maxOverspend they are compared by rank.
"""

from __future__ import annotations

from collections import Counter
from math import ceil
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from tradewind.cli.bench_tables import DEFAULTS
from tradewind.model.fleet import Cluster, Offer
from tradewind.model.health import Judgement, Verdict
from tradewind.model.kind import WorkloadType
from tradewind.model.plan import Ask, Conditions
from tradewind.model.policy import PolicyLayer, resolve
from tradewind.model.workload import DataInput, Key, Market, PodSet, Workload
from tradewind.placement.engine import plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tradewind.cli.bench_tables import Tables
    from tradewind.model.network import Link
    from tradewind.placement.table import Floats, Ints

MACHINES = ("p5.48xlarge", "a3-highgpu-8g", "Standard_ND96isr_H100_v5")
H100 = "H100-80GB"
GPUS = 8
FLAT_EGRESS_USD_PER_GB = {"aws": 0.09, "gcp": 0.12, "azure": 0.0875}
"""SkyPilot's: sky/clouds/{aws,gcp,azure}.py, get_egress_cost, first tier."""
CELLS = ((100, 1), (1_000, 1), (1_000, 10), (5_000, 10), (20_000, 10), (20_000, 100), (100, 100))
"""GB of data, hours of running."""
JOBS_PER_HOME = {"ample": 1, "third": 3}
SAME = 1e-9


def quality(tables: Tables) -> Iterator[dict[str, Any]]:
    """Measure every cell."""
    for market in (Market.ON_DEMAND, Market.SPOT):
        for size_gb, hours in CELLS:
            for capacity, per_home in JOBS_PER_HOME.items():
                yield from _cell(tables, market, size_gb, hours, capacity=capacity, per_home=per_home)


def machine_prices(tables: Tables, market: Market) -> dict[str, float]:
    """Return USD per hour of one machine by place, in regions that the links table lists."""
    listed = set(tables.listed)
    found = {}
    for price in tables.prices:
        usd = price.usd_per_hour_spot if market is Market.SPOT else price.usd_per_hour
        if price.instance in MACHINES and price.location in listed and usd is not None:
            found[price.location] = usd
    return dict(sorted(found.items()))


def true_usd(tables: Tables, homes: Sequence[str], prices: dict[str, float], *, size_gb: float, hours: float) -> Floats:
    """Return what a job costs, by home and place."""
    links = [[_link(tables, home, place) for place in prices] for home in homes]
    gbps = np.array([[link.gbps for link in row] for row in links])
    egress = np.array([[link.egress_usd_per_gb for link in row] for row in links])
    moving_h = size_gb * 8 / gbps / 3600
    usd: Floats = np.array(list(prices.values())) * (hours + moving_h) + size_gb * egress
    return usd


def _link(tables: Tables, home: str, place: str) -> Link:
    if home == place:
        return DEFAULTS.same_region
    same = home.partition("/")[0] == place.partition("/")[0]
    return tables.links.get((home, place)) or (DEFAULTS.same_provider if same else DEFAULTS.other)


def price_only_usd(homes: Sequence[str], prices: dict[str, float], *, hours: float) -> Floats:
    """Return what a job costs in the eyes of one who looks at machines only."""
    return np.tile(np.array(list(prices.values())) * hours, (len(homes), 1))


def skypilot_usd(homes: Sequence[str], prices: dict[str, float], *, size_gb: float, hours: float) -> Floats:
    """Return what a job costs by SkyPilot's model."""
    from_cloud = [home.partition("/")[0] for home in homes]
    to_cloud = [place.partition("/")[0] for place in prices]
    egress = [[0.0 if a == b else FLAT_EGRESS_USD_PER_GB[a] * size_gb for b in to_cloud] for a in from_cloud]
    usd: Floats = price_only_usd(homes, prices, hours=hours) + np.array(egress)
    return usd


def rooms(usd: Floats, *, capacity: str) -> Ints:
    """Return how many jobs each place takes.

    `ample`: all of them everywhere. `third`: the places that the optimum would use with ample room hold a third of the
    jobs that it would send there; all others together hold the rest, in equal parts.
    """
    jobs, places = usd.shape
    if capacity == "ample":
        return np.full(places, jobs)
    wanted = np.bincount(usd.argmin(axis=1), minlength=places)
    room = -(-wanted // 3)
    others = np.flatnonzero(wanted == 0)
    if not len(others):
        others = np.arange(places)
    room[others] += ceil((jobs - room.sum()) / len(others))
    return room


def optimum(usd: Floats, room: Ints) -> Ints:
    """Return the place of each job in the cheapest assignment, by an exact solver."""
    try:
        from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped] # noqa: PLC0415 - an extra without types
    except ImportError as error:
        raise click.ClickException(
            "the exact optimum needs SciPy: pip install 'tradewind[dev]', or make .venv in a clone"
        ) from error
    slots = np.repeat(np.arange(usd.shape[1]), np.minimum(room, len(usd)))
    _, columns = linear_sum_assignment(usd[:, slots])
    places: Ints = slots[columns]
    return places


def greedily(usd: Floats, room: Ints) -> Ints:
    """Send one job after the other to its cheapest place that has room."""
    left = room.copy()
    places = np.empty(len(usd), dtype=np.int64)
    for job, row in enumerate(usd):
        places[job] = np.where(left > 0, row, np.inf).argmin()
        left[places[job]] -= 1
    return places


def by_tradewind(
    tables: Tables,
    homes: Sequence[str],
    prices: dict[str, float],
    room: Ints,
    *,
    market: Market,
    size_gb: float,
    hours: float,
) -> Ints:
    """Send all jobs where the engine sends them."""
    fleet = [_cluster(place, market, usd, int(most)) for (place, usd), most in zip(prices.items(), room, strict=True)]
    asks = [_ask(number, home, size_gb=size_gb, hours=hours) for number, home in enumerate(homes)]
    none = dict.fromkeys(Market, 0.0)
    conditions = Conditions(tables.network(), interruptions_per_hour=none)
    index = {place.replace("/", "-"): number for number, place in enumerate(prices)}
    chosen = [decision.chosen for decision in plan(asks, fleet=fleet, conditions=conditions)]
    return np.array([index[one.cluster] if one is not None else -1 for one in chosen])


def _cluster(place: str, market: Market, usd: float, room: int) -> Cluster:
    provider, _, region = place.partition("/")
    offer = Offer("h100", market, accelerator=H100, per_node=GPUS, usd_per_accelerator_hour=usd / GPUS, max_nodes=room)
    healthy = Judgement(Verdict.HEALTHY, "", "")
    return Cluster(place.replace("/", "-"), provider, region, offers=(offer,), health=healthy)


def _ask(number: int, home: str, *, size_gb: float, hours: float) -> Ask:
    work = Workload(
        key=Key("bench", f"job-{number:05d}"),
        uid=str(number),
        generation=1,
        created_s=float(number),
        type=WorkloadType.BATCH,
        pods=PodSet(1, accelerators=GPUS, accelerator_resource="nvidia.com/gpu"),
        overrides=PolicyLayer(),
        accelerator_types=(H100,),
        expected_runtime_s=hours * 3600,
        runtime_accelerator=H100,
        data=(DataInput("data", size_gb * 1e9, (home,)),),
    )
    return Ask(work, resolve(work.type, workload=work.overrides, namespace=PolicyLayer(), cluster=PolicyLayer()))


def _cell(
    tables: Tables, market: Market, size_gb: float, hours: float, *, capacity: str, per_home: int
) -> Iterator[dict[str, Any]]:
    homes = [home for home in tables.homes for _ in range(per_home)]
    prices = machine_prices(tables, market)
    truth = true_usd(tables, homes, prices, size_gb=size_gb, hours=hours)
    room = rooms(truth, capacity=capacity)
    best = optimum(truth, room)
    chosen = {
        "tradewind": by_tradewind(tables, homes, prices, room, market=market, size_gb=size_gb, hours=hours),
        "price-only": greedily(price_only_usd(homes, prices, hours=hours), room),
        "skypilot": greedily(skypilot_usd(homes, prices, size_gb=size_gb, hours=hours), room),
    }
    for model, places in chosen.items():
        if (places < 0).any() or any(
            Counter(places.tolist())[place] > most for place, most in enumerate(room.tolist())
        ):
            raise click.ClickException(f"{model} has left a job without a place, or given out more room than there is")
        everyone = np.arange(len(homes))
        # Jobs of a home are the same to the optimum: the cheapest with the cheapest, and so on.
        paid = np.sort(truth[everyone, places].reshape(-1, per_home), axis=1).ravel()
        least = np.sort(truth[everyone, best].reshape(-1, per_home), axis=1).ravel()
        over = paid / least - 1
        mean = over.mean() if capacity == "ample" else paid.sum() / least.sum() - 1
        yield {
            "model": model,
            "market": market.value,
            "sizeGB": size_gb,
            "hours": hours,
            "capacity": capacity,
            "jobs": len(homes),
            "wrongShare": float((over > SAME).mean()),
            "meanOverspend": float(mean),
            "maxOverspend": float(over.max()),
        }
