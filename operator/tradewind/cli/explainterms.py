"""Every term of a price, a line each: the amount, where it comes from, and how it compares with the next best offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.cli.whyrender import grams_text, hours_text
from tradewind.model.units import format_usd
from tradewind.placement.decisive import TERMS, decisive, runner_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.cli.bill import Bill
    from tradewind.model.decision import Decision
    from tradewind.model.plan import Ask


def term_lines(bill: Bill, decision: Decision, ask: Ask | None) -> Iterator[str]:
    """Take a price apart."""
    market = f" ({decision.chosen.market})" if decision.chosen and len(bill.places) == 1 else ""
    yield f"{bill.where}{market}: {format_usd(bill.usd_total)} in total, done in {hours_text(bill.done_in_h)}"
    second = runner_up(decision.candidates) if len(bill.places) == 1 else None
    whence = _whence(bill, ask)
    for name in TERMS:
        here = getattr(bill.usd, name)
        there = getattr(second.usd, name) if second else 0.0
        if not here and not there:
            continue
        beside = f"; next best {format_usd(there)}" if second and abs(there - here) >= 0.005 else ""  # noqa: PLR2004 - half a cent
        yield f"{name:<8} {format_usd(here):>10}  {whence[name]}{beside}"
    if bill.grams_co2:
        yield f"{'CO2':<8} {grams_text(bill.grams_co2):>10}"
    if second and decision.chosen:
        yield decisive(decision.chosen, second).sentence


def _whence(bill: Bill, ask: Ask | None) -> dict[str, str]:
    co2, delay, latency = (
        (0.0, 0.0, 0.0)
        if ask is None
        else (ask.policy.usd_per_tonne_co2, ask.policy.usd_per_delay_hour, ask.policy.usd_per_round_trip_ms_hour)
    )
    return {
        "compute": f"{format_usd(bill.usd_per_hour)} an hour for {hours_text(bill.run_h + bill.transfer_h)}",
        "egress": _moved(bill),
        "loss": f"interruptions: {hours_text(bill.loss_h)} expected to be lost",
        "carbon": f"{grams_text(bill.grams_co2)} at {_price(co2)} a tonne",
        "delay": f"{_price(delay)} an hour for {hours_text(bill.done_in_h)}{_each(bill)}{_late(ask)}",
        "latency": f"{_price(latency)} a millisecond of round trip and hour",
    }


def _each(bill: Bill) -> str:
    """The shares of a spread are priced each as a work of its own."""
    return f", for each of {len(bill.places)} shares" if len(bill.places) > 1 else ""


def _moved(bill: Bill) -> str:
    moved = [f"its data is moved in {hours_text(bill.transfer_h)}"] if bill.transfer_h else []
    return "; ".join((*moved, *bill.writes)) or "data that leaves"


def _price(usd: float) -> str:
    return f"${usd:g}" if 0 < usd < 0.01 else format_usd(usd)  # noqa: PLR2004 - less than a cent is not nothing


def _late(ask: Ask | None) -> str:
    deadline = ask.workload.deadline if ask else None
    usd = deadline.usd_per_hour_late if deadline else 0.0
    return f", and {format_usd(usd)} for each past the deadline" if usd else ""
