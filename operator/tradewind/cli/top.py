"""`tradewind top`: the fleet at a glance, with the reason next to every number. Only the hub is asked."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import TYPE_CHECKING

import click
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tradewind.cli.topmoney import money_of
from tradewind.cli.toprows import as_json, phases, rows
from tradewind.cli.whyrender import console
from tradewind.errors import TradewindError
from tradewind.model.units import SECONDS_PER_HOUR, format_duration, format_usd
from tradewind.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.console import RenderableType

    from tradewind.cli.topmoney import Money
    from tradewind.cli.toprows import Phase, Row

    Seen = tuple[list[Row], list[Phase], Money]

EXAMPLES = """
\b
Examples:
  tradewind top
  tradewind top --watch
  tradewind top -o json
"""
WATCH_S = 2.0
SHOWN_NAMES = 3
SHOWN_BUDGETS = 8
NEARLY = 0.8
"""The share of a budget from which on it is pointed out."""
OUT_OF_REACH = ("Down", "CredentialsInvalid")
"""What was free there when it was last seen is no news; -o json still has it."""
STYLES = {
    "Healthy": "green",
    "Recovering": "yellow",
    "Suspect": "yellow",
    "Unknown": "yellow",
    "Degraded": "red",
    "CredentialsInvalid": "red",
    "Down": "bold red",
}


@click.command(epilog=EXAMPLES)
@click.option(
    "-w", "--watch", is_flag=True, help="Again every two seconds, until Ctrl-C; with -o json a line each time."
)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="How to print.")
@click.option("--kubeconfig", default="", help="The hub's kubeconfig; KUBECONFIG or ~/.kube/config if absent.")
@click.option("--context", default="", help="The context in the kubeconfig.")
def top(*, watch: bool, output: str, kubeconfig: str, context: str) -> None:
    """Show the fleet: verdicts, free accelerators, spending, the work by phase, budgets, and moves for money.

    FREE counts nodes that exist; +N is what pools may still add. Who may read the hub's AIWorkloads and
    FederatedClusters may use it; no member is asked.

    The exit code is 0 also where clusters are down, 1 where the hub does not answer, 2 for a bad kubeconfig.
    """
    # Imported late: the Kubernetes client would double the time of --help.
    from tradewind.cli.live import fetch  # noqa: PLC0415 - start-up time, see above
    from tradewind.cli.planning import told_to_people  # noqa: PLC0415 - same

    def look() -> Seen:
        found = fetch(kubeconfig=kubeconfig, context=context, system_namespace=Settings().namespace)
        money = money_of(found.workloads, now_s=time.time())
        return rows(found.clusters, found.workloads), phases(found.workloads), money

    with told_to_people():
        if watch:
            _watch(look, one_a_line=output == "json")
        elif output == "json":
            click.echo(json.dumps(as_json(*look()), indent=2))
        else:
            console().print(_tables(*look(), now_s=time.time()))


def _tables(clusters: list[Row], work: list[Phase], money: Money, *, now_s: float) -> RenderableType:
    if not clusters and not work:
        return Text("No FederatedCluster and no AIWorkload on this hub: kubectl apply -f examples/ makes some.")
    tables: list[RenderableType] = [_fleet_table(clusters, now_s=now_s), Text(), _work_table(work)]
    if money.budgets:
        tables += [Text(), _budget_table(money)]
    if money.savings:
        tables += [Text(), *_savings(money, now_s=now_s)]
    return Group(*tables)


def _fleet_table(clusters: list[Row], *, now_s: float) -> Table:
    table = _table("CLUSTER", "WHERE", "VERDICT", "SINCE")
    table.add_column("FREE")
    for name in ("RUNNING", "WAITING", "$/H"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("WHY", overflow="fold")
    for row in clusters:
        where = f"{row.provider}/{row.region}" + (f" ({row.jurisdiction})" if row.jurisdiction else "")
        fine = row.verdict == "Healthy" and row.scheduling == "Enabled"
        why = row.reason if fine else f"{row.reason}: {row.message}"
        if row.scheduling != "Enabled":
            why = f"takes no new work: scheduling is {row.scheduling}; {why}"
        table.add_row(
            Text(row.name),
            Text(where),
            Text(row.verdict, style=STYLES.get(row.verdict, "")),
            Text(_age(row.since, now_s)),
            Text(", ".join(_free(row)) or "-"),
            Text(str(row.running)),
            Text(str(row.waiting), style="yellow" if row.waiting else ""),
            Text(format_usd(row.usd_per_hour)),
            Text(why, style="" if fine else "yellow"),
        )
    figures = (sum(row.running for row in clusters), sum(row.waiting for row in clusters))
    total = format_usd(sum(row.usd_per_hour for row in clusters))
    table.add_row(
        "", "", "", "", "", *(Text(str(figure), style="bold") for figure in figures), Text(total, style="bold")
    )
    return table


def _free(row: Row) -> Iterable[str]:
    if row.verdict in OUT_OF_REACH:
        return
    for each in row.accelerators:
        yield f"{each.free}{f'+{each.growth}' if each.growth else ''} {each.type}"
    if row.free_cpu or row.growth_cpu:
        yield f"{row.free_cpu:.0f}{f'+{row.growth_cpu:.0f}' if row.growth_cpu else ''} CPU"


def _work_table(work: list[Phase]) -> Table:
    table = _table("PHASE")
    table.add_column("WORK", justify="right", no_wrap=True)
    table.add_column("WHICH", overflow="fold")
    table.add_column("WHY", overflow="fold")
    for group in work:
        fine = group.phase in ("Running", "Succeeded")
        more = len(group.names) - SHOWN_NAMES
        names = ", ".join(group.names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")
        why = group.reason if fine or not group.message else f"{group.reason}: {group.message}"
        style = "green" if fine else "yellow"
        table.add_row(Text(group.phase, style=style), Text(str(len(group.names))), Text(names), Text(why))
    return table


def _budget_table(money: Money) -> Table:
    table = _table("BUDGET")
    for name in ("SPENT", "OF", "USED", "$/H", "LASTS"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in money.budgets[:SHOWN_BUDGETS]:
        lasts = "-" if each.lasts_h is None else format_duration(each.lasts_h * SECONDS_PER_HOUR)
        style = "bold red" if each.used >= 1 else "yellow" if each.used >= NEARLY else ""
        table.add_row(
            Text(each.name),
            Text(format_usd(each.spent_usd)),
            Text(format_usd(each.of_usd)),
            Text(f"{100 * each.used:.0f} %", style=style),
            Text(format_usd(each.usd_per_hour)),
            Text(lasts),
        )
    return table


def _savings(money: Money, *, now_s: float) -> Iterable[Text]:
    saved = format_usd(sum(each.saved_usd for each in money.savings))
    yield Text(f"Moved for money: {len(money.savings)}, which saves {saved} of what staying would have cost")
    for each in money.savings[:SHOWN_NAMES]:
        where = f"{each.from_cluster} -> {each.to_cluster}, {format_usd(each.saved_usd)} less"
        yield Text(f"  {each.name}: {where}, {_age(each.at, now_s)} ago")


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in names:
        table.add_column(name, no_wrap=True)
    return table


def _age(since: str, now_s: float) -> str:
    return format_duration(max(0.0, now_s - datetime.fromisoformat(since).timestamp())) if since else "-"


def _watch(look: Callable[[], Seen], *, one_a_line: bool) -> None:
    """Look again and again; a hub that does not answer for a while ends nothing."""
    first = look()  # what is wrong from the start is no passing fault
    if one_a_line:
        for seen in _again(first, look):
            click.echo(json.dumps({"error": seen} if isinstance(seen, str) else as_json(*seen)))
        return
    screen = console()
    with Live(console=screen, screen=screen.is_terminal, auto_refresh=False) as live:
        for seen in _again(first, look):
            stamp = Text(f"{datetime.now().astimezone():%H:%M:%S}  ", style="dim")
            body = Text(seen, style="red") if isinstance(seen, str) else _tables(*seen, now_s=time.time())
            if screen.is_terminal:
                live.update(Group(stamp, body), refresh=True)
            else:
                screen.print(stamp, body, "")


def _again(first: Seen, look: Callable[[], Seen]) -> Iterable[Seen | str]:
    yield first
    while True:
        time.sleep(WATCH_S)
        try:
            yield look()
        except TradewindError as error:
            yield error.message
