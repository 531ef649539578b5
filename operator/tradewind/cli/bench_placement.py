"""`tradewind bench placement`: how fast decisions are made, and how good they are, on tables of real figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.text import Text

from tradewind.cli.bench_quality import quality
from tradewind.cli.bench_speed import MIXES, SIZES, speed
from tradewind.cli.bench_tables import read_tables
from tradewind.cli.whyrender import plain_table

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType


def measure(data: Path, *, seed: int) -> dict[str, Any]:
    """Run both parts; returns the figures under the names of the JSON output."""
    tables = read_tables(data)
    console = Console(stderr=True)
    with console.status("quality: jobs before the exact optimum"):
        found = list(quality(tables))
    measured = []
    with console.status("speed") as status:
        for done, figures in enumerate(speed(data, seed=seed), 1):
            measured.append(figures)
            status.update(f"speed: {done} of {len(MIXES) * len(SIZES)} sizes")
    mixed, distinct = ([one for one in measured if one["mix"] == mix] for mix in MIXES)
    return {"speed": mixed, "speedDistinct": distinct, "quality": found}


def tables_of(figures: dict[str, Any]) -> RenderableType:
    """Show the figures to people."""
    fast = plain_table("MIX", right=("WORKLOADS", "CLUSTERS", "DECISIONS/S", "PEAK MIB"))
    for one in (*figures["speed"], *figures["speedDistinct"]):
        cells = (one["workloads"], one["clusters"], one["decisionsPerSecond"], one["rssMiB"])
        fast.add_row(one["mix"], *(f"{cell:,.0f}" for cell in cells))
    good = plain_table("MODEL", "MARKET", "CAPACITY", right=("GB", "HOURS", "JOBS", "WRONG", "OVERSPEND", "WORST"))
    for one in figures["quality"]:
        good.add_row(
            one["model"],
            one["market"],
            one["capacity"],
            *(f"{one[name]:,}" for name in ("sizeGB", "hours", "jobs")),
            f"{one['wrongShare']:.0%}",
            f"{one['meanOverspend']:.2%}",
            f"{one['maxOverspend']:.0%}",
        )
    return Group(Text("Decisions per second, all filters and cost terms"), fast, Text("\nOver the exact optimum"), good)
