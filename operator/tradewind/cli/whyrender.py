"""Plans for people: what goes where, at what price, and the reason next to every number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from tradewind.model.units import SECONDS_PER_HOUR, format_duration, format_usd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from tradewind.model.plan import Candidate, Decision

PIPED_WIDTH = 180
"""Columns where the output is no terminal: wide enough that no cell is cut."""
WIDE = 150
"""From this width on, the reason stands in the row."""


def console() -> Console:
    """Make a console that keeps to the terminal's width, and does not cut what goes into a pipe."""
    screen = Console(highlight=False)
    return screen if screen.is_terminal else Console(highlight=False, width=PIPED_WIDTH)


def stderr_console() -> Console:
    """Make a console beside the output: what it shows is for people who wait."""
    return Console(stderr=True, highlight=False)


def plan_table(decisions: Sequence[Decision], *, width: int) -> RenderableType:
    """One row a workload: where it goes, what it costs, when it is done, why; in a narrow window why is below."""
    wide = width >= WIDE
    table = plain_table()
    for name in ("WORKLOAD", *(("CLUSTER", "OFFER", "MARKET") if wide else ("PLACED ON",))):
        table.add_column(name, no_wrap=wide, overflow="fold")
    for name in ("$/H", "TOTAL", "EGRESS", "TRANSFER", "DONE IN"):
        table.add_column(name, justify="right", no_wrap=True)
    if wide:
        table.add_column("WHY", ratio=1, overflow="fold")
    for decision in decisions:
        why = Text(why_chosen(decision), style="" if decision.chosen else "yellow")
        cells = _plan_cells(decision.chosen, wide=wide)
        table.add_row(Text(str(decision.key)), *cells, *((why,) if wide else ()))
    if wide:
        return table
    reasons = [Text.assemble((f"{decision.key}: ", "bold"), why_chosen(decision)) for decision in decisions]
    return Group(table, Text(), *reasons)


def _plan_cells(chosen: Candidate | None, *, wide: bool) -> list[Text]:
    if chosen is None:
        return [Text("-", style="dim")] * (8 if wide else 6)
    place = [Text(chosen.cluster, style="green"), Text(chosen.offer), Text(chosen.market.value)]
    return [
        *(place if wide else [Text(f"{chosen.cluster}/{chosen.offer}", style="green")]),
        Text(format_usd(usd_per_hour(chosen))),
        Text(format_usd(chosen.total_usd) + _mark(chosen), style="bold"),
        Text(usd_text(chosen.usd.egress)),
        Text(hours_text(chosen.transfer_h)),
        Text(hours_text(done_in_h(chosen))),
    ]


def candidate_table(decision: Decision, *, width: int) -> RenderableType:
    """One row an offer: the terms of its price, or the price and what keeps the work away."""
    wide = width >= WIDE
    table = plain_table()
    table.add_column("OFFER", no_wrap=wide, overflow="fold")
    if wide:
        table.add_column("MARKET", no_wrap=True)
    for name in ("TOTAL", "COMPUTE", "EGRESS", "DELAY", *(("RUN", "TRANSFER", "QUEUE") if wide else ("DONE IN",))):
        table.add_column(name, justify="right", no_wrap=True)
    if wide:
        table.add_column("WHY", ratio=1, overflow="fold")
    cheapest = decision.candidates[0] if decision.candidates else None
    reasons = []
    for one in decision.candidates:
        why = _rank(one, cheapest) if one.feasible else _refused(one)
        style = ("green" if one is cheapest else "") if one.feasible else "dim"
        table.add_row(*(Text(cell, style=style) for cell in _price_cells(one, wide=wide)), *((why,) if wide else ()))
        reasons.append(Text.assemble((f"{one.cluster}/{one.offer}: ", "bold"), why))
    return table if wide else Group(table, Text(), *reasons)


def _price_cells(one: Candidate, *, wide: bool) -> list[str]:
    times = (one.run_h, one.transfer_h, one.queue_h) if wide else (done_in_h(one),)
    return [
        f"{one.cluster}/{one.offer}",
        *([one.market.value] if wide else []),
        format_usd(one.total_usd) + _mark(one) if one.run_h else "-",
        usd_text(one.usd.compute),
        usd_text(one.usd.egress),
        usd_text(one.usd.delay),
        *map(hours_text, times),
    ]


def summary(decisions: Sequence[Decision]) -> str:
    """Count what is placed, and what it costs."""
    placed = [decision.chosen for decision in decisions if decision.chosen is not None]
    hourly, total = sum(usd_per_hour(one) for one in placed), sum(one.total_usd for one in placed)
    count = f"{len(placed)} of {len(decisions)} workloads placed"
    return f"{count}: {format_usd(hourly)} an hour, {format_usd(total)} in total"


def assumptions(decisions: Sequence[Decision]) -> list[str]:
    """List the figures behind chosen prices that defaults stood in for, each once, with how often."""
    counts: dict[str, int] = {}
    for decision in decisions:
        for phrase in decision.chosen.assumed if decision.chosen else ():
            counts[phrase] = counts.get(phrase, 0) + 1
    return [phrase + (f" ({count} workloads)" if count > 1 else "") for phrase, count in counts.items()]


def why_chosen(decision: Decision) -> str:
    """Compare the chosen offer with the next one, and say what keeps the work from a cheaper one."""
    chosen = decision.chosen
    if chosen is None:
        return f"{decision.reason}: {decision.message}"
    feasible = [one for one in decision.candidates if one.feasible]
    parts = ["the only feasible offer"]
    if len(feasible) > 1:
        second = feasible[1]
        more = format_usd(second.total_usd - chosen.total_usd)
        parts = [f"cheapest of {len(feasible)}; next {second.cluster}/{second.offer} +{more}"]
    better = cheaper_but_refused(decision)
    if better:
        first = better[0]
        parts.append(
            f"{first.cluster}/{first.offer} would be {format_usd(chosen.total_usd - first.total_usd)} less, "
            f"but {first.refusals[0].reason}"
        )
    return "; ".join(parts)


def cheaper_but_refused(decision: Decision) -> list[Candidate]:
    """List refused offers that would cost less than the chosen one (all that have a price, where none was chosen)."""
    limit = decision.chosen.total_usd if decision.chosen else float("inf")
    refused = [one for one in decision.candidates if not one.feasible and one.run_h and one.total_usd < limit]
    return sorted(refused, key=lambda one: one.total_usd)


def usd_per_hour(candidate: Candidate) -> float:
    """Say what the machines cost for an hour."""
    held_h = candidate.run_h + candidate.transfer_h
    return candidate.usd.compute / held_h if held_h else 0.0


def done_in_h(candidate: Candidate) -> float:
    """Say how long it takes from the decision to the end."""
    return candidate.queue_h + candidate.transfer_h + candidate.run_h


def _rank(one: Candidate, cheapest: Candidate | None) -> Text:
    if cheapest is None or one is cheapest:
        return Text("cheapest: chosen", style="green")
    return Text(f"+{format_usd(one.total_usd - cheapest.total_usd)}")


def _refused(one: Candidate) -> Text:
    return Text("; ".join(f"{refusal.reason}: {refusal.message}" for refusal in one.refusals), style="yellow")


def plain_table(*names: str, right: Sequence[str] = ()) -> Table:
    """Make a table without lines; `right` are columns of numbers, to the right of the others."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in names:
        table.add_column(name, overflow="fold")
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _mark(candidate: Candidate) -> str:
    return "*" if candidate.assumed else ""


def usd_text(amount: float) -> str:
    """Write an amount, or a dash for none."""
    return format_usd(amount) if amount else "-"


def hours_text(hours: float) -> str:
    """Write a time, or a dash for none."""
    return format_duration(hours * SECONDS_PER_HOUR) if hours else "-"


def grams_text(grams: float) -> str:
    """Write emissions in kg, or a dash for none."""
    kilograms = grams / 1000
    return (f"{kilograms:,.0f} kg" if kilograms >= 10 else f"{kilograms:.2g} kg") if grams else "-"  # noqa: PLR2004 - two figures are enough
