"""`tradewind bench`: measure, on real control planes of this machine or on tables of real figures."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path

import click

from tradewind.cli import bench_failover_cells as failover_cells
from tradewind.cli.signals import end_in_order
from tradewind.errors import InputError


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


def _faults(_: click.Context, __: click.Parameter, given: str) -> tuple[str, ...]:
    """Read names between commas."""
    names = tuple(name.strip() for name in given.split(",") if name.strip())
    for name in names:
        if name not in failover_cells.FAULTS:
            near = get_close_matches(name, failover_cells.FAULTS, 1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise click.BadParameter(f"there is no fault {name!r}.{meant} Known: {', '.join(failover_cells.FAULTS)}.")
    return names


@bench.command()
@click.option(
    "--guarantee",
    type=click.Choice(["AtLeastOnce", "AtMostOnce"]),
    default="AtLeastOnce",
    show_default=True,
    help="What the jobs ask for.",
)
@click.option(
    "--jobs", type=click.IntRange(1, 5000), multiple=True, help="On the member that fails; default 100, 1000."
)
@click.option("--faults", callback=_faults, default="", help="Names between commas; default all but one-way.")
@click.option("--settings", type=click.Choice(list(failover_cells.SETTINGS)), multiple=True, help="Default: both.")
@click.option("--runs", type=click.IntRange(1, 100), help="Of each; default 3 of each outage, 1 of each other fault.")
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that keeps each run as soon as it has ended: an interrupted matrix goes on where it stopped.",
)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def failover(
    *,
    guarantee: str,
    jobs: tuple[int, ...],
    faults: tuple[str, ...],
    settings: tuple[str, ...],
    runs: int | None,
    results: Path | None,
    output: str,
) -> None:
    """Seconds from a fault of a member until its jobs run elsewhere, and moves that nobody needed.

    Outages (work must move): kill, hang, blackhole, one-way. Others (work must stay): flap, upgrade, credentials,
    feed, hub-cut. All runs share one lab: a hub and three members on this machine.

    Example: tradewind bench failover --faults kill --settings tightest --jobs 100 --runs 1
    """
    try:
        cells = failover_cells.matrix(guarantee=guarantee, faults=faults, settings=settings, jobs=jobs, runs=runs)
    except InputError as error:
        raise click.UsageError(error.message) from error
    from tradewind.cli.bench_failover import measure, table_of  # noqa: PLC0415 - the lab and the clients
    from tradewind.cli.whyrender import console  # noqa: PLC0415 - likewise
    from tradewind.lab.errors import LabError  # noqa: PLC0415 - likewise
    from tradewind.lab.progress import Progress  # noqa: PLC0415 - likewise

    try:
        figures = measure(cells, results=results, progress=Progress())
    except LabError as error:
        raise click.ClickException(str(error)) from error
    if output == "json":
        click.echo(json.dumps({"runs": figures}, allow_nan=False))
    else:
        console().print(table_of(figures))
