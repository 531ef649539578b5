"""Fail-over times on real control planes: how soon work runs elsewhere, and whether it stays where it should."""

from __future__ import annotations

import asyncio
import os
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.table import Table

from tradewind.cli.bench_failover_cells import cell_of, expected_s, missing, read_results, write_results
from tradewind.cli.bench_failover_fleet import clusters, pools
from tradewind.cli.bench_failover_run import NAMESPACE, Rig, Run
from tradewind.cli.bench_lab import clients, declare, install, make_namespaces, until_healthy
from tradewind.cli.demo_stage import uninterrupted
from tradewind.cli.operator_process import OperatorProcess
from tradewind.errors import RetryableError
from tradewind.lab.lab import Lab
from tradewind.lab.state import HUB

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tradewind.cli.bench_failover_cells import Cell
    from tradewind.lab.progress import Progress

Figures = dict[str, Any]
LOG_TAIL = 4000


def measure(cells: Sequence[Cell], *, results: Path | None, progress: Progress) -> list[Figures]:
    """Make the runs that the results file does not hold yet; returns those of the matrix that it holds then.

    Each run is written as soon as it has ended, so that an interrupted matrix goes on where it stopped.

    Raises:
        InputError: the results file is none.
        LabError, TradewindError: something could not be started, or the work did not come to run.
    """
    known = read_results(results) if results is not None else []
    left = missing(cells, known)
    if left:
        needs_s = sum(map(expected_s, left))
        progress.note(f"{len(left)} of {len(cells)} runs are to be made, in about {needs_s / 60:.0f} min")
        known = _on_the_lab(left, known, results=results, progress=progress)
    wanted = set(cells)
    return [run for run in known if cell_of(run) in wanted]


def _on_the_lab(left: list[Cell], known: list[Figures], *, results: Path | None, progress: Progress) -> list[Figures]:
    jobs = max(cell.jobs for cell in left)
    lab = Lab.up(f"bench-{os.getpid()}", pools=pools(clusters(jobs)), progress=progress)
    log = lab.folder / "operator.log"
    operator = OperatorProcess(lab.kubeconfig(HUB), log=log)
    try:
        install(lab)
        return asyncio.run(_all(lab, operator, left, known, results=results, progress=progress))
    except Exception as error:
        if log.exists():
            progress.note(f"the operator's last lines:\n{log.read_text(encoding='utf-8')[-LOG_TAIL:]}")
        if isinstance(error, TimeoutError):
            message = (
                "The lab did not come to rest in time. Less other work on the machine helps; finished runs are kept."
            )
            raise RetryableError("LabTooSlow", message) from error
        raise
    finally:
        with uninterrupted(), progress.task("ending the lab"):
            operator.stop()
            lab.down()


async def _all(
    lab: Lab,
    operator: OperatorProcess,
    left: list[Cell],
    known: list[Figures],
    *,
    results: Path | None,
    progress: Progress,
) -> list[Figures]:
    runs = list(known)
    async with clients(lab) as cut, clients(lab, direct=True) as direct:
        rig = Rig(lab, cut, direct, jobs=max(cell.jobs for cell in left))
        with progress.task("starting the operator and declaring the clusters"):
            await declare(direct[HUB], lab, clusters(rig.jobs))
            await make_namespaces(direct.values(), NAMESPACE)
            await asyncio.to_thread(operator.start)
            await until_healthy(direct[HUB])
        for number, cell in enumerate(left, start=1):
            rest_s = sum(map(expected_s, left[number - 1 :]))
            with progress.task(f"run {number} of {len(left)}: {cell} (all done in about {rest_s / 60:.0f} min)"):
                run = Run(rig, cell, number=number)
                runs.append(await run.play())
                if results is not None:
                    write_results(results, runs)
                if number < len(left):
                    await run.clean()
            progress.note(told(runs[-1]))
    return runs


def told(run: Figures) -> str:
    """Say in a line what a run has shown."""
    if run["runningSeconds"] is None:
        times = f"{run['moved']} jobs moved"
    else:
        stages = ("detected", "decided", "delivered", "running")
        times = ", ".join(f"{stage} {run[f'{stage}Seconds']:.1f} s" for stage in stages if run[f"{stage}Seconds"])
        times += f"; old copies asked to go {run['staleAskedSeconds'] or 0:.1f} s after the return"
    bad = f"; needless moves {run['needlessMoves']}, lost {run['lost']}"
    return f"  {cell_of(run)}: {times}{bad}"


def table_of(runs: Sequence[Figures]) -> Table:
    """Lay out the runs by cell: the worst of each stage over its runs, and the median run's median job."""
    table = Table(box=None, header_style="bold")
    for column in ("FAULT", "SETTINGS"):
        table.add_column(column)
    for column in (
        "JOBS",
        "RUNS",
        "DETECTED",
        "DECIDED",
        "DELIVERED",
        "RUNNING",
        "P50",
        "STALE ASKED",
        "NEEDLESS",
        "LOST",
    ):
        table.add_column(column, justify="right")
    for cell in dict.fromkeys(map(cell_of, runs)):
        its = [run for run in runs if cell_of(run) == cell]
        worst = (_seconds(its, f"{stage}Seconds", max) for stage in ("detected", "decided", "delivered", "running"))
        table.add_row(
            cell.fault,
            cell.settings,
            str(cell.jobs),
            str(len(its)),
            *worst,
            _seconds(its, "p50RunningSeconds", median),
            _seconds(its, "staleAskedSeconds", max),
            str(sum(run["needlessMoves"] for run in its)),
            str(sum(run["lost"] for run in its)),
        )
    return table


def _seconds(runs: Sequence[Figures], name: str, pick: Callable[[list[float]], float]) -> str:
    """Pick from what the runs have; a dash where any has nothing."""
    found = [run.get(name) for run in runs]
    known = [each for each in found if each is not None]
    return f"{pick(known):.1f} s" if known and len(known) == len(found) else "-"
