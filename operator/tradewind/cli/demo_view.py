"""How the demo looks: numbered steps, a timeline as it happens, tables. Plain lines where there is no terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tradewind.cli.plantables import WIDE
from tradewind.cli.whyrender import PIPED_WIDTH
from tradewind.model.units import format_usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.status import Status

    from tradewind.cli.demo_audit import Count
    from tradewind.cli.demo_checks import Check
    from tradewind.cli.demo_outage import Outage
    from tradewind.cli.demo_picture import Work

STYLES = {
    "killed": "bold red",
    "suspect": "yellow",
    "detected": "bold red",
    "decided": "cyan",
    "delivered": "cyan",
    "running": "bold green",
    "waits": "yellow",
    "restarted": "cyan",
    "recovering": "yellow",
    "removed": "magenta",
    "runs on": "green",
    "healthy": "bold green",
}


class Screen:
    """Where the demo is told. With `to_stderr`, stdout stays free for JSON."""

    def __init__(self, *, to_stderr: bool = False) -> None:
        console = Console(stderr=to_stderr, highlight=False)
        self.console = console if console.is_terminal else Console(stderr=to_stderr, highlight=False, width=PIPED_WIDTH)
        self._steps = 0

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._steps += 1
        self.console.print(Text.assemble(f"\n{self._steps}. ", title, style="bold"))

    def say(self, text: str, style: str = "") -> None:
        """Say one thing."""
        self.console.print(_indented(Text(text, style=style)))

    def mark(self, seconds: float, what: str, text: str) -> None:
        """Write one line of the timeline."""
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(width=9, justify="right", style="dim")
        line.add_column(width=10, style=STYLES.get(what, ""))
        line.add_column()
        line.add_row(f"{seconds:.1f} s", what, Text(text))
        self.console.print(line)

    def waiting(self, what: str) -> Status:
        """Show on a terminal what is waited for."""
        return self.console.status(Text(what, style="dim"))

    def decisions(self, works: Iterable[Work]) -> None:
        """Show the priced table: one row a workload, with the terms of its price and the next best offer."""
        wide = self.console.width >= WIDE
        table = _table("WORKLOAD", "PLACED ON")
        for name in ("TOTAL", *(("COMPUTE", "EGRESS", "DELAY") if wide else ())):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("NEXT BEST")
        for work in sorted(works, key=lambda work: (not work.cluster, work.cluster, work.key)):
            if not work.cluster:
                blanks = [Text("-", style="dim")] * (5 if wide else 2)
                table.add_row(Text(work.key), *blanks, Text(f"{work.reason}: {work.message}", style="yellow"))
                continue
            terms = [_term(work, name) for name in ("compute", "egress", "delay")] if wide else []
            place = Text(f"{work.cluster}/{work.offer}", style="green")
            table.add_row(Text(work.key), place, Text(format_usd(work.usd), style="bold"), *terms, _next_best(work))
        self.console.print(_indented(table))

    def closing(self, counted: Count, outage: Outage, *, works: Mapping[str, Work]) -> None:
        """Show what kubectl counts on the members, beside what moved and waited."""
        table = _table("MEMBER")
        for name in ("COPIES", "PODS RUNNING", "MOVED HERE", "MOVED AWAY", "WAITED", "STALE"):
            table.add_column(name, justify="right", no_wrap=True)
        for member in counted.members:
            here = sum(works[key].cluster == member.cluster for key in outage.movable)
            lost = member.cluster == outage.lost.name
            away, waited = (len(outage.movable), len(outage.waited)) if lost else (0, 0)
            figures = (len(member.copies), member.pods_running, here, away, waited, len(member.stale))
            table.add_row(member.cluster, *(Text(str(figure), style="" if figure else "dim") for figure in figures))
        self.console.print(_indented(table))
        self.say(f"workloads with copies on more than one member: {len(counted.double)}")

    def checks(self, checks: Sequence[Check]) -> None:
        """Show each check with a tick or a cross."""
        for check in checks:
            sign = Text("✓", style="bold green") if check.holds else Text("✗", style="bold red")
            line = Table.grid(padding=(0, 1, 0, 0))
            line.add_row(sign, Text.assemble(f"{check.text}: ", (check.detail, "" if check.holds else "red")))
            self.console.print(_indented(line))

    def last(self, text: str, *, good: bool) -> None:
        """Write the closing line, in one piece."""
        self.console.print(Text(f"\n{text}", style="bold green" if good else "bold red"), soft_wrap=True)


def _indented(what: Text | Table) -> Padding:
    return Padding(what, (0, 0, 0, 3), expand=False)


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in names:
        table.add_column(name, no_wrap=True)
    return table


def _term(work: Work, name: str) -> Text:
    chosen = next((each for each in work.candidates if each.get("chosen")), {})
    usd = float((chosen.get("usd") or {}).get(name, 0))
    return Text(format_usd(usd)) if usd else Text("-", style="dim")


def _next_best(work: Work) -> Text:
    """Name the next best offer with what it would cost more, or what stands against all others."""
    second = next((each for each in work.candidates if not each.get("chosen")), None)
    if second is not None:
        more = format_usd(float(second["totalUSD"]) - work.usd)
        egress = float(second["usd"]["egress"])
        moving = f", with {format_usd(egress)} for moving its data" if egress else ""
        return Text(f"{second['cluster']}/{second['offer']} +{more}{moving}")
    reasons = ", ".join(f"{each['count']} {each['reason']}" for each in work.refused)
    return Text(f"no other: {reasons}", style="dim")
