"""The demo's what-if: a forecast before the outage, by the code of `tradewind whatif`, held against what happened."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind.cli.demo_picture import terms_of
from tradewind.cli.forecast import Forecast, Outcome, forecast
from tradewind.cli.live import fetch
from tradewind.cli.loss import Loss, lost_in
from tradewind.cli.present import Present, of_hub
from tradewind.errors import RetryableError
from tradewind.model.units import format_usd

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tradewind.cli.bill import Bill
    from tradewind.cli.demo_picture import Work
    from tradewind.cli.forecast import Fate

SETTLES_S = 20.0
"""The operator writes what is free on a cluster every ten seconds."""
LOOK_S = 1.0
CENT_USD = 0.01
WHY = {
    "compute": "other prices, or another part of it was left to run",
    "egress": "its data came another way",
    "loss": "another part of it was left to run",
    "carbon": "another part of it was left to run",
    "delay": "other nodes had to be made ready first",
    "latency": "other links",
}


def foresee(kubeconfig: Path, *, namespace: str, lost: str) -> Forecast:
    """Forecast the loss of a cluster from what the hub says, once that shows all work that runs.

    Raises:
        RetryableError: the hub's figures do not settle. TradewindError: the hub does not answer.
    """
    deadline_s = time.monotonic() + SETTLES_S
    while True:
        now = of_hub(fetch(kubeconfig=str(kubeconfig), context="", system_namespace=namespace))
        late = lagging(now)
        if not late:
            return forecast(now, lost_in(now.world, [Loss("cluster", lost)]))
        if time.monotonic() > deadline_s:
            raise RetryableError("FiguresLate", f"the hub does not show the work of {', '.join(late)} as taken room")
        time.sleep(LOOK_S)


def lagging(now: Present) -> list[str]:
    """Name the offers whose status does not show all accelerators as taken that work there holds."""
    held: dict[tuple[str, str], int] = {}
    for key, ask in now.world.asked.items():
        for place in now.places.get(key, ()):
            at = place.cluster, place.offer
            held[at] = held.get(at, 0) + place.replicas * ask.workload.pods.accelerators
    return [f"{cluster}/{offer}" for (cluster, offer), count in held.items() if _taken(now, cluster, offer) < count]


def _taken(now: Present, cluster: str, offer: str) -> int:
    raw: dict[str, Any] = now.world.clusters[cluster]
    per_node = next((each.get("perNode") or 0 for each in raw["spec"]["offers"] if each["name"] == offer), 0)
    shown: dict[str, Any] = next((each for each in raw["status"].get("offers") or () if each["name"] == offer), {})
    return int(shown.get("nodes") or 0) * int(per_node) - int(shown.get("freeAccelerators") or 0)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One workload of the lost cluster: what was forecast, and what happened.

    Attributes:
        foreseen, seen: `cluster/offer`, or why it stays.
        foreseen_usd, seen_usd: the total cost; None where it stays.
        why: why the amounts differ.
    """

    key: str
    foreseen: str
    seen: str
    foreseen_usd: float | None
    seen_usd: float | None
    why: str

    @property
    def agrees(self) -> bool:
        """Whether the work went where the forecast said."""
        return self.foreseen == self.seen

    def as_json(self) -> dict[str, Any]:
        """Write it."""
        return {
            "forecast": self.foreseen,
            "actual": self.seen,
            "forecastUSD": self.foreseen_usd,
            "actualUSD": self.seen_usd,
            "why": self.why,
        }


def compared(found: Forecast, works: Mapping[str, Work], *, lost: str) -> list[Outcomes]:
    """Hold a forecast against the work as it is after the outage: that which was on the lost cluster first."""
    fates = sorted(found.fates, key=lambda fate: (fate.outcome is Outcome.STAYS, fate.key))
    return [_outcomes(fate, works[str(fate.key)], lost=lost) for fate in fates if fate.outcome is not Outcome.UNPLACED]


def _outcomes(fate: Fate, work: Work, *, lost: str) -> Outcomes:
    held = f"waits: {fate.reason}" if fate.outcome is Outcome.STRANDED else ""
    bill = fate.after
    stays = work.cluster == lost
    seen = f"waits: {work.reason}" if stays else f"{work.cluster}/{work.offer}"
    seen_usd = None if stays else work.usd
    if bill is None or fate.outcome is Outcome.STAYS:
        return Outcomes(str(fate.key), held or (bill.where if bill else ""), seen, None, None, "")
    return Outcomes(str(fate.key), bill.where, seen, bill.usd_total, seen_usd, _why(bill, work, seen_usd))


def _why(bill: Bill, work: Work, seen_usd: float | None) -> str:
    """Explain a difference by the term that differs most."""
    if seen_usd is None or bill.where != f"{work.cluster}/{work.offer}":
        return "it went elsewhere"
    if abs(seen_usd - bill.usd_total) < CENT_USD:
        return "as forecast"
    seen = terms_of(work)
    more = {name: usd - getattr(bill.usd, name) for name, usd in seen.items()}
    term = max(more, key=lambda name: abs(more[name]))
    return f"{term} {'+' if more[term] > 0 else '-'}{format_usd(abs(more[term]))}: {WHY[term]}"
