"""`tradewind bench`: measure, on real control planes of this machine or on tables of real figures."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tradewind.cli.signals import end_in_order


@click.group()
def bench() -> None:
    """Measure. Figures of one run are compared with each other; machines differ, and so do their moments.

    Example: tradewind bench e2e --workloads 500 -o json
    """
    end_in_order()


@bench.command()
@click.option(
    "--workloads", type=click.IntRange(1, 100_000), default=500, show_default=True, help="Jobs, created at once."
)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def e2e(*, workloads: int, output: str) -> None:
    """Placements per second on a hub and three members, beside what a bare client reaches for the same writes.

    Example: tradewind bench e2e --workloads 500
    """
    from tradewind.cli.bench_e2e import measure  # noqa: PLC0415 - the lab and the clients take long to import

    figures = measure(workloads)
    if output == "json":
        click.echo(json.dumps(figures))
        return
    share = figures["placementsPerSecond"] / figures["ceilingPerSecond"]
    click.echo(f"{figures['workloads']} Jobs on a hub and {figures['members']} members")
    click.echo(f"  placements     {figures['placementsPerSecond']:7.1f} /s")
    click.echo(f"  bare client    {figures['ceilingPerSecond']:7.1f} /s    of which Tradewind reaches {share:.0%}")
    click.echo(f"  create to copy {figures['p50Seconds']:7.2f} s     p50; p99 {figures['p99Seconds']:.2f} s")
    click.echo(f"  operator       {figures['operatorCPUSeconds']:7.1f} CPU s, {figures['operatorRSSMiB']:.0f} MiB")


@bench.command()
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with network/links.csv, prices/gpu_prices.csv and carbon/regions.csv.",
)
@click.option("--seed", type=int, default=42, show_default=True, help="Draws the fleet and the work of the speed part.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def placement(*, data: Path, seed: int, output: str) -> None:
    """Decisions per second, and what decisions cost beside the exact optimum and two other models.

    No cluster is needed. docs/benchmarks.md says what is in the folder, and what the figures mean.

    Example: tradewind bench placement --data ./data -o json
    """
    from tradewind.cli.bench_placement import measure, tables_of  # noqa: PLC0415 - NumPy and the tables' code
    from tradewind.cli.whyrender import console  # noqa: PLC0415 - likewise

    figures = measure(data, seed=seed)
    if output == "json":
        click.echo(json.dumps(figures, allow_nan=False))
    else:
        console().print(tables_of(figures))
