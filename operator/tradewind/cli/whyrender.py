"""Plans for people: what goes where, at what price, and the reason next to every number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tradewind.model.units import SECONDS_PER_HOUR, format_duration, format_usd
from tradewind.placement.decisive import decisive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.decision import Candidate, Decision

PIPED_WIDTH = 240
"""Columns where the output is no terminal: wide enough that no cell is cut."""


def console() -> Console:
    """Make a console that keeps to the terminal's width, and does not cut what goes into a pipe."""
    screen = Console(highlight=False)
    return screen if screen.is_terminal else Console(highlight=False, width=PIPED_WIDTH)


def stderr_console() -> Console:
    """Make a console beside the output: what it shows is for people who wait."""
    return Console(stderr=True, highlight=False)


def summary(decisions: Sequence[Decision]) -> str:
    """Count what is placed, and what it costs."""
    placed = [decision for decision in decisions if decision.chosen is not None]
    parts = [share.candidate for decision in placed for share in decision.shares]
    hourly, total = sum(map(usd_per_hour, parts)), sum(one.total_usd for one in parts)
    count = f"{len(placed)} of {len(decisions)} workloads placed"
    return f"{count}: {format_usd(hourly)} an hour, {format_usd(total)} in total"


def assumptions(decisions: Sequence[Decision]) -> list[str]:
    """List the figures behind chosen prices that defaults stood in for, each once, with how often."""
    counts: dict[str, int] = {}
    for decision in decisions:
        for phrase in dict.fromkeys(phrase for share in decision.shares for phrase in share.candidate.assumed):
            counts[phrase] = counts.get(phrase, 0) + 1
    return [phrase + (f" ({count} workloads)" if count > 1 else "") for phrase, count in counts.items()]


def why_chosen(decision: Decision) -> str:
    """Compare the chosen offer with the next one, and say what keeps the work from a cheaper one."""
    chosen = decision.chosen
    if chosen is None:
        return f"{decision.reason}: {decision.message}"
    feasible = [one for one in decision.candidates if one.feasible]
    parts = ["the only feasible offer"]
    if len(decision.shares) > 1:
        parts = [f"spread over {len(decision.shares)} of {len(feasible)} feasible offers"]
    elif len(feasible) > 1:
        parts = [f"cheapest of {len(feasible)}; next {_dearer(feasible[1], chosen)}"]
    better = cheaper_but_refused(decision)
    if better:
        first = better[0]
        parts.append(
            f"{first.cluster}/{first.offer} would be {format_usd(chosen.total_usd - first.total_usd)} less, "
            f"but {first.refusals[0].reason}"
        )
    return "; ".join(parts)


def why_not_chosen(one: Candidate, decision: Decision) -> Text:
    """Say how an offer compares with the one that was chosen, or what keeps the work away."""
    if not one.feasible:
        return Text(", ".join(dict.fromkeys(refusal.reason for refusal in one.refusals)), style="yellow")
    if any(one is share.candidate for share in decision.shares) or one is decision.chosen:
        return Text("chosen" if len(decision.shares) > 1 else "cheapest: chosen", style="green")
    return Text(_dearer(one, decision.chosen, named=False) if decision.chosen else "")


def _dearer(one: Candidate, than: Candidate, *, named: bool = True) -> str:
    """Say by how much an offer is dearer, and by which term."""
    name = f"{one.cluster}/{one.offer} " if named else ""
    more = one.total_usd - than.total_usd
    term = decisive(than, one).term
    return f"{name}+{format_usd(more)}" + (f", by {term}" if term else "")


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
    return candidate.queue_h + candidate.transfer_h + candidate.run_h + candidate.loss_h


def plain_table(*names: str, right: Sequence[str] = ()) -> Table:
    """Make a table without lines; `right` are columns of numbers, to the right of the others."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in names:
        table.add_column(name, overflow="fold")
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def mark(assumed: Sequence[str]) -> str:
    """Mark a figure that rests on defaults."""
    return "*" if assumed else ""


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
