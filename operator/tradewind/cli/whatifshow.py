"""The output of `tradewind whatif`: tables or JSON, and the exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from tradewind.cli.forecast import Outcome, forecast
from tradewind.cli.loss import lost_in, parse
from tradewind.cli.planning import noted, told_to_people
from tradewind.cli.present import present
from tradewind.cli.whyrender import console, grams_text, hours_text, plain_table, stderr_console, usd_text
from tradewind.model.units import format_usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from tradewind.cli.bill import Bill
    from tradewind.cli.forecast import Fate, Forecast
    from tradewind.cli.planning import Source

OPTION = "--lose"
EXIT_STRANDED = 3
SHOWN_NAMES = 6


def show_whatif(source: Source, *, lose: Sequence[str], output: str) -> int:
    """Forecast and print; returns the exit code."""
    with told_to_people():
        losses = [parse(text, option=OPTION) for text in lose]
        now = present(source)
        lost = lost_in(now.world, losses, option=OPTION)
        with stderr_console().status("Forecasting ..."):
            found = forecast(now, lost)
        noted(found.notes)
        if output == "json":
            click.echo(json.dumps(forecast_json(found), indent=2, allow_nan=False))
        else:
            screen = console()
            for part in forecast_parts(found):
                screen.print(part)
    return EXIT_STRANDED if found.of(Outcome.STRANDED) else 0


def forecast_json(found: Forecast) -> dict[str, Any]:
    """Write a forecast: the interface that scripts rely on. Fields are only ever added."""
    moves, stranded = found.of(Outcome.MOVES), found.of(Outcome.STRANDED)
    return {
        "lost": {
            "losses": [str(loss) for loss in found.lost.losses],
            "clusters": sorted(found.lost.clusters),
            "locations": sorted(found.lost.locations),
        },
        "workloads": [fate_json(fate) for fate in found.fates],
        "totals": {
            **{outcome.lower(): len(found.of(outcome)) for outcome in Outcome},
            "movesBeforeUSD": total_usd(fate.before for fate in moves),
            "movesAfterUSD": total_usd(fate.after for fate in moves),
            "usdPerHourBefore": sum(one.usd_per_hour for fate in found.fates if (one := fate.before)),
            "usdPerHourAfter": sum(one.usd_per_hour for fate in found.fates if (one := fate.after)),
            "transferHours": sum(one.transfer_h for fate in moves if (one := fate.after)),
            "longestTransferHours": max((one.transfer_h for fate in moves if (one := fate.after)), default=0.0),
            "movesBeforeGramsCO2": total_grams(fate.before for fate in moves),
            "movesAfterGramsCO2": total_grams(fate.after for fate in moves),
            "strandedUSD": total_usd(fate.before for fate in stranded),
        },
        "notes": list(found.notes),
    }


def fate_json(fate: Fate) -> dict[str, Any]:
    """Write one workload's fate; amounts are USD, times hours, both not rounded."""
    return {
        "namespace": fate.key.namespace,
        "name": fate.key.name,
        "outcome": fate.outcome.value,
        "reason": fate.reason,
        "message": fate.message,
        "before": fate.before.as_json() if fate.before else None,
        "after": fate.after.as_json() if fate.after else None,
        "ifReleased": fate.released.as_json() if fate.released else None,
        "extraUSD": fate.after.usd_total - fate.before.usd_total if fate.before and fate.after else None,
        "warnings": list(fate.warnings),
    }


def total_usd(bills: Iterable[Bill | None]) -> float:
    """Sum up what is known."""
    return sum(one.usd_total for one in bills if one)


def total_grams(bills: Iterable[Bill | None]) -> float:
    """Sum up what is known."""
    return sum(one.grams_co2 for one in bills if one)


def forecast_parts(found: Forecast) -> Iterator[RenderableType]:
    """Say what moves, what is stranded and why, and what stays."""
    names = ", ".join(sorted(found.lost.clusters)) or "no cluster, only data"
    yield Text.assemble(("Lost: ", "bold"), f"{found.lost} ({names})")
    moves, stranded = found.of(Outcome.MOVES), found.of(Outcome.STRANDED)
    if moves:
        yield Text(f"\nMoves ({len(moves)})", style="bold green")
        yield moves_table(moves)
    if stranded:
        yield Text(f"\nStranded ({len(stranded)})", style="bold red")
        yield _stranded_table(stranded)
        yield from _reasons(stranded)
    yield from _rest(found)
    for fate in found.fates:
        for warning in fate.warnings:
            yield Text.assemble((f"{fate.key}: ", "bold"), (warning, "yellow"))
    yield Text(f"\n{summary(found)}")


def moves_table(moves: Sequence[Fate]) -> Table:
    """One row for each workload that moves, and their sum."""
    table = plain_table("WORKLOAD", "FROM", "TO", right=("BEFORE", "AFTER", "EXTRA", "TRANSFER", "CO2"))
    for fate in moves:
        table.add_row(str(fate.key), _where(fate.before), _where(fate.after), *_figures([fate]))
    if len(moves) > 1:
        table.add_row("", "", "", *(Text(cell, style="bold") for cell in _figures(moves)))
    return table


def _figures(moves: Sequence[Fate]) -> list[str]:
    before, after = total_usd(fate.before for fate in moves), total_usd(fate.after for fate in moves)
    return [
        format_usd(before),
        format_usd(after),
        _signed(after - before),
        hours_text(sum(fate.after.transfer_h for fate in moves if fate.after)),
        grams_text(total_grams(fate.after for fate in moves)),
    ]


def _stranded_table(stranded: Sequence[Fate]) -> Table:
    table = plain_table("WORKLOAD", "WAS ON", right=("COST", "$/H"))
    table.add_column("REASON", overflow="fold")
    table.add_column("IF RELEASED", overflow="fold")
    for fate in stranded:
        before, released = fate.before, fate.released
        table.add_row(
            str(fate.key),
            _where(before),
            usd_text(before.usd_total if before else 0.0),
            usd_text(before.usd_per_hour if before else 0.0),
            Text(fate.reason, style="yellow"),
            f"{released.where}, {format_usd(released.usd_total)}" if released else "-",
        )
    return table


def _reasons(stranded: Sequence[Fate]) -> Iterator[Text]:
    """Say each reason once: work of one cluster is mostly held by the same words."""
    told: dict[str, list[str]] = {}
    for fate in stranded:
        told.setdefault(fate.message, []).append(str(fate.key))
    for message, names in told.items():
        yield Text.assemble(("  " + _names(names) + ": ", "bold"), message)


def _rest(found: Forecast) -> Iterator[Text]:
    stays, unplaced = found.of(Outcome.STAYS), found.of(Outcome.UNPLACED)
    if stays:
        names = _names([str(fate.key) for fate in stays])
        yield Text.assemble((f"\nStays where it is ({len(stays)}): ", "bold"), names)
    if unplaced:
        yield Text(f"\nHad no place before ({len(unplaced)})", style="bold")
        for fate in unplaced:
            yield Text.assemble((f"  {fate.key}: ", "bold"), f"{fate.reason}: {fate.message}")


def summary(found: Forecast) -> str:
    """Say it in one sentence."""
    moves, stranded = found.of(Outcome.MOVES), found.of(Outcome.STRANDED)
    if not moves and not stranded:
        return f"Nothing runs there; {len(found.of(Outcome.STAYS))} untouched."
    before, after = total_usd(fate.before for fate in moves), total_usd(fate.after for fate in moves)
    parts = [
        f"{len(moves)} of {len(moves) + len(stranded)} workloads that are hit move"
        + (f", for {format_usd(after)} instead of {format_usd(before)} ({_signed(after - before)})" if moves else ""),
        f"{len(stranded)} stranded",
        f"{len(found.of(Outcome.STAYS))} untouched",
    ]
    return "; ".join(parts) + "."


def _where(bill: Bill | None) -> str:
    return bill.where if bill else "-"


def _signed(usd: float) -> str:
    return f"-{format_usd(-usd)}" if usd < 0 else f"+{format_usd(usd)}"


def _names(names: Sequence[str]) -> str:
    more = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")
