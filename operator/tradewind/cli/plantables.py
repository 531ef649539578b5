"""Plans as tables: a row for each workload, or for each offer, with the reason next to every number.

How much is shown depends on the window: below `WIDE` columns what decides, from there on every term, hours and grams,
and from `ROOMY` on the reason stands in the row, else below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from tradewind.cli.bill import bill_of
from tradewind.cli.whyrender import (
    grams_text,
    hours_text,
    mark,
    plain_table,
    usd_text,
    why_chosen,
    why_not_chosen,
)
from tradewind.model.units import format_usd
from tradewind.placement.decisive import TERMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from tradewind.model.decision import Candidate, Decision, RefusedGroup
    from tradewind.model.workload import Key

WIDE = 150
ROOMY = 200
SHOWN_NAMES = 3


def plan_table(decisions: Sequence[Decision], promises: Mapping[Key, Sequence[str]], *, width: int) -> RenderableType:
    """One row a workload: where it goes, what it costs, when it is done, and why; `promises` are said after that."""
    wide, roomy = width >= WIDE, width >= ROOMY
    table = plain_table()
    for name in ("WORKLOAD", "PLACED ON", *(("MARKET",) if roomy else ())):
        table.add_column(name, no_wrap=wide, overflow="fold")
    terms = map(str.upper, TERMS) if wide else ("EGRESS",)
    for name in ("$/H", "TOTAL", *terms, "TRANSFER", *(("CO2",) if wide else ()), "DONE IN"):
        table.add_column(name, justify="right", no_wrap=True)
    if roomy:
        table.add_column("WHY", ratio=1, overflow="fold")
    for decision in decisions:
        cells = _plan_cells(decision, wide=wide, roomy=roomy)
        why = Text(_why(decision, promises), style="" if decision.chosen else "yellow")
        blanks = [Text("-", style="dim")] * (len(table.columns) - 1 - roomy)
        table.add_row(Text(str(decision.key)), *(cells or blanks), *((why,) if roomy else ()))
    if roomy:
        return table
    reasons = [Text.assemble((f"{decision.key}: ", "bold"), _why(decision, promises)) for decision in decisions]
    return Group(table, Text(), *reasons)


def _why(decision: Decision, promises: Mapping[Key, Sequence[str]]) -> str:
    return "; ".join((why_chosen(decision), *promises.get(decision.key, ())))


def _plan_cells(decision: Decision, *, wide: bool, roomy: bool) -> list[Text]:
    if decision.chosen is None:
        return []
    bill = bill_of(decision.shares)
    terms = [getattr(bill.usd, name) for name in TERMS] if wide else [bill.usd.egress]
    return [
        Text(bill.where, style="green"),
        *([Text(decision.chosen.market.value)] if roomy else []),
        Text(format_usd(bill.usd_per_hour)),
        Text(format_usd(bill.usd_total) + mark(bill.assumed), style="bold"),
        *(Text(usd_text(usd)) for usd in terms),
        Text(hours_text(bill.transfer_h)),
        *([Text(grams_text(bill.grams_co2))] if wide else []),
        Text(hours_text(bill.done_in_h)),
    ]


def candidate_table(decision: Decision, *, width: int) -> RenderableType:
    """One row an offer: the terms of its price, and how it compares, or what keeps the work away."""
    wide, roomy = width >= WIDE, width >= ROOMY
    table = plain_table()
    table.add_column("OFFER", no_wrap=wide, overflow="fold")
    if wide:
        table.add_column("MARKET", no_wrap=True)
    times = ("RUN", "TRANSFER", "QUEUE", "LOST", "CO2") if wide else ()
    for name in ("TOTAL", *map(str.upper, TERMS), *times):
        table.add_column(name, justify="right", no_wrap=True)
    if roomy:
        table.add_column("WHY", ratio=1, overflow="fold")
    reasons = []
    for one in decision.candidates:
        why = why_not_chosen(one, decision)
        style = ("green" if one is decision.chosen else "") if one.feasible else "dim"
        table.add_row(*(Text(cell, style=style) for cell in _price_cells(one, wide=wide)), *((why,) if roomy else ()))
        if one.feasible:
            spans = "" if wide else f"; {hours_and_grams(one)}"
            reasons.append(Text.assemble((f"{one.cluster}/{one.offer}: ", "bold"), why, spans))
    return table if roomy else Group(table, Text(), *reasons)


def _price_cells(one: Candidate, *, wide: bool) -> list[str]:
    times = (one.run_h, one.transfer_h, one.queue_h, one.loss_h) if wide else ()
    return [
        f"{one.cluster}/{one.offer}",
        *([one.market.value] if wide else []),
        format_usd(one.total_usd) + mark(one.assumed) if one.run_h else "-",
        *(usd_text(getattr(one.usd, name)) for name in TERMS),
        *map(hours_text, times),
        *([grams_text(one.grams_co2)] if wide else []),
    ]


def hours_and_grams(one: Candidate) -> str:
    """Say how the time passes, and what is emitted."""
    spans = (
        ("waits", one.queue_h),
        ("data moves", one.transfer_h),
        ("runs", one.run_h),
        ("loses", one.loss_h),
    )
    said = [f"{word} {hours_text(hours)}" for word, hours in spans if hours]
    return ", ".join([*said, f"{grams_text(one.grams_co2)} of CO2"])


def refusal_table(decision: Decision) -> Table | None:
    """One row a reason: how many offers it keeps away, which, and what it says of the first; None without refusals."""
    groups = refused_groups(decision, names=SHOWN_NAMES)
    if not groups:
        return None
    table = plain_table("REASON")
    table.add_column("OFFERS", justify="right")
    table.add_column("WHICH", overflow="fold")
    table.add_column("WHAT IT SAYS", overflow="fold")
    for group in groups:
        more = group.count - len(group.names)
        which = ", ".join(group.names) + (f" and {more} more" if more > 0 else "")
        table.add_row(Text(group.reason, style="yellow"), str(group.count), which, Text(group.message))
    return table


def refused_groups(decision: Decision, *, names: int) -> list[RefusedGroup]:
    """Group the refusals by reason, the most frequent first."""
    return sorted(decision.refused_groups(names=names), key=lambda group: (-group.count, group.reason))
