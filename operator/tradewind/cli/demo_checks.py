"""What must hold at the end of the demo."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.cli.demo_picture import AT_MOST_ONCE
from tradewind.model.units import format_usd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.cli.demo_audit import Count, Ledger
    from tradewind.cli.demo_forecast import Outcomes
    from tradewind.cli.demo_outage import Outage
    from tradewind.cli.demo_picture import Picture

PLACED_SHARE = 10 / 12


@dataclass(frozen=True, slots=True)
class Check:
    """One of them."""

    name: str
    text: str
    holds: bool
    detail: str


def checks_of(
    counted: Count,
    outage: Outage,
    *,
    placed: int,
    foreseen: Sequence[Outcomes],
    picture: Picture,
    ledger: Ledger,
) -> list[Check]:
    """Compare what was seen and counted with what must be; `placed` is how much had a place at first."""
    return [
        _placed(placed, len(picture.works)),
        _moved(outage, picture),
        foreseen_check(foreseen),
        _once(outage, picture, ledger),
        _clean(counted, outage, ledger),
        _complete(counted, outage, picture),
    ]


def _placed(placed: int, workloads: int) -> Check:
    least = math.ceil(PLACED_SHARE * workloads)
    return Check("placed", "placed at first", placed >= least, f"{placed} of {workloads} (at least {least})")


def _moved(outage: Outage, picture: Picture) -> Check:
    works = [picture.works[key] for key in outage.movable]
    elsewhere = [work for work in works if work.running and work.cluster != outage.lost.name]
    detail = (
        f"{len(elsewhere)} of {len(works)}, the last {outage.recovery_s:.1f} s after the kill, "
        f"which was detected after {outage.detected_s:.1f} s"
    )
    return Check("moved", "all that may move at once runs elsewhere", len(elsewhere) == len(works), detail)


def foreseen_check(foreseen: Sequence[Outcomes]) -> Check:
    """Say whether all work is where the forecast said."""
    wrong = [f"{each.key}: forecast {each.foreseen}, actual {each.seen}" for each in foreseen if not each.agrees]
    priced = [each for each in foreseen if each.foreseen_usd is not None and each.seen_usd is not None]
    said, came = sum(each.foreseen_usd or 0.0 for each in priced), sum(each.seen_usd or 0.0 for each in priced)
    fine = f"{len(foreseen)} of {len(foreseen)}; {format_usd(said)} forecast, {format_usd(came)} actual"
    return Check("forecast", "all work is where the forecast said", not wrong, "; ".join(wrong) or fine)


def _once(outage: Outage, picture: Picture, ledger: Ledger) -> Check:
    """The ledger has counted all along, and a member that can't be seen keeps its copies in it."""
    bound = [work.key for work in picture.works.values() if work.guarantee == AT_MOST_ONCE]
    twice = sorted(key for key in bound if ledger.most.get(key, 0) > 1)
    unheld = sorted(set(outage.bound) - outage.waited)
    problems = [*(f"{key} had two" for key in twice), *(f"{key} did not wait" for key in unheld)]
    fine = f"{len(bound)} watched on the members throughout; {len(outage.waited)} waited"
    return Check("once", "AtMostOnce work never had two copies", not problems, ", ".join(problems) or fine)


def _clean(counted: Count, outage: Outage, ledger: Ledger) -> Check:
    left = [*(f"{key} is stale" for key in counted.stale), *(f"{key} is on two members" for key in counted.double)]
    overlap_s = max((ledger.double_s(key) for key in outage.movable), default=0.0)
    fine = f"{len(outage.removed)} went; AtLeastOnce work ran twice for {overlap_s:.1f} s at most"
    return Check("clean", "after the return no stale copy is left", not left, ", ".join(left) or fine)


def _complete(counted: Count, outage: Outage, picture: Picture) -> Check:
    verdict = picture.members[outage.lost.name].verdict
    still = [f"{work.key} is {work.phase}" for work in picture.works.values() if work.cluster and not work.running]
    missing = [f"{key} has no copy" for key in counted.missing]
    problems = [*still, *missing, *([] if verdict == "Healthy" else [f"{outage.lost.name} is {verdict}"])]
    fine = f"{counted.placed} run, {outage.lost.name} is {verdict}"
    text = "all placed work runs, and the cloud is healthy"
    return Check("complete", text, not problems, ", ".join(problems) or fine)
