"""How the demo looks: numbered steps, a timeline as it happens, tables. Plain lines where there is no terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tradewind.cli.demo_picture import candidate_of, terms_of
from tradewind.cli.plantables import WIDE
from tradewind.cli.whatifshow import forecast_parts
from tradewind.cli.whyrender import PIPED_WIDTH, grams_text, hours_text, usd_text
from tradewind.model.units import format_usd
from tradewind.placement.decisive import TERMS, decisive

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import RenderableType
    from rich.status import Status

    from tradewind.cli.demo_audit import Count
    from tradewind.cli.demo_checks import Check
    from tradewind.cli.demo_forecast import Outcomes
    from tradewind.cli.demo_outage import Outage
    from tradewind.cli.demo_picture import Work
    from tradewind.cli.forecast import Forecast

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
        for name in ("TOTAL", *(map(str.upper, TERMS) if wide else ())):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("NEXT BEST")
        for work in sorted(works, key=lambda work: (not work.cluster, work.cluster, work.key)):
            if not work.cluster:
                blanks = [Text("-", style="dim")] * (2 + (len(TERMS) if wide else 0))
                table.add_row(Text(work.key), *blanks, Text(f"{work.reason}: {work.message}", style="yellow"))
                continue
            terms = [_term(work, name) for name in TERMS] if wide else []
            place = Text(f"{work.cluster}/{work.offer}", style="green")
            table.add_row(Text(work.key), place, Text(format_usd(work.usd), style="bold"), *terms, _next_best(work))
        self.console.print(_indented(table))

    def terms(self, work: Work) -> None:
        """Show one decision whole: every term, hour and gram of the best offers, and which term decided."""
        offers = [candidate_of(each) for each in work.candidates]
        table = _table("")
        for one in offers:
            table.add_column(f"{one.cluster}/{one.offer}", justify="right", overflow="fold")
        for name in TERMS:
            table.add_row(name, *(usd_text(getattr(one.usd, name)) for one in offers))
        table.add_row("total", *(Text(format_usd(one.total_usd), style="bold") for one in offers))
        for name, hours in (("run", "run_h"), ("data moves", "transfer_h"), ("expected loss", "loss_h")):
            table.add_row(name, *(hours_text(getattr(one, hours)) for one in offers))
        table.add_row("CO2", *(grams_text(one.grams_co2) for one in offers))
        self.console.print(_indented(table))
        if len(offers) > 1:
            self.say(f"{decisive(offers[0], offers[1]).sentence}.")
        for each in work.refused:
            self.say(f"{each['count']} refused, {each['reason']}: {each['message']}", "dim")

    def forecast(self, found: Forecast) -> None:
        """Show a forecast, as `tradewind whatif` does."""
        for part in forecast_parts(found):
            self.console.print(_indented(part))

    def compared(self, outcomes: Sequence[Outcomes]) -> None:
        """Show a forecast beside what happened."""
        table = _table("WORKLOAD", "FORECAST", "ACTUAL")
        for name in ("FORECAST $", "ACTUAL $"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("WHY THEY DIFFER")
        for each in outcomes:
            style = "green" if each.agrees else "bold red"
            usd = ("-" if one is None else format_usd(one) for one in (each.foreseen_usd, each.seen_usd))
            table.add_row(each.key, each.foreseen, Text(each.seen, style=style), *usd, each.why)
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


def _indented(what: RenderableType) -> Padding:
    return Padding(what, (0, 0, 0, 3), expand=False)


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in names:
        table.add_column(name, no_wrap=True)
    return table


def _term(work: Work, name: str) -> Text:
    usd = terms_of(work).get(name, 0.0)
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
