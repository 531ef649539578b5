"""How fast decisions are made: one process per size, so that each has a peak of memory of its own."""

from __future__ import annotations

import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tradewind.cli.bench_tables import read_tables
from tradewind.cli.bench_work import asks_of
from tradewind.cli.bench_world import conditions_of, fleet_of
from tradewind.placement.engine import plan
from tradewind.runtime.collector import put_off

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZES = ((1_000, 100), (10_000, 100), (1_000, 1_000), (10_000, 1_000))
"""Workloads, clusters."""
MIXES = {"templates": 10, "distinct": 1}
"""How much work there is to a template: what fleets see, which is sweeps, arrays and charts; and the worst."""
RUNS = 7
"""The best of them counts: others share the machine, and nothing makes a program faster than it is."""
BYTES_PER_MIB = 2**20
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def speed(data: Path, *, seed: int) -> Iterator[dict[str, Any]]:
    """Measure every mix and size."""
    for mix in MIXES:
        for workloads, clusters in SIZES:
            with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as process:
                yield process.submit(measure, data, mix, workloads, clusters, seed).result()


def measure(data: Path, mix: str, workloads: int, clusters: int, seed: int) -> dict[str, Any]:
    """Plan the same round several times; the memory is the process's peak, with the fleet and the asks in it."""
    tables = read_tables(data)
    asks = asks_of(tables, workloads=workloads, seed=seed, per_template=MIXES[mix])
    fleet = fleet_of(tables, asks, clusters=clusters, seed=seed)
    conditions = conditions_of(tables)
    best_s = float("inf")
    for _ in range(RUNS):
        with put_off():  # as the operator's loop does
            before = perf_counter()
            plan(asks, fleet=fleet, conditions=conditions)
            best_s = min(best_s, perf_counter() - before)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT
    return {
        "mix": mix,
        "workloads": workloads,
        "clusters": clusters,
        "decisionsPerSecond": workloads / best_s,
        "rssMiB": peak / BYTES_PER_MIB,
    }
