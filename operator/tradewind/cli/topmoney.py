"""What work has cost, what is left of its budgets, and what has moved for money: read from the AIWorkloads of a hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind.decide.ledger import spent_usd
from tradewind.state.record import iso, record_from

if TYPE_CHECKING:
    from collections.abc import Iterable

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Budget:
    """A workload that may cost so much in all, and what its copies have cost so far."""

    name: str
    spent_usd: float
    of_usd: float
    usd_per_hour: float

    @property
    def used(self) -> float:
        """The share that is spent."""
        return self.spent_usd / self.of_usd if self.of_usd else 1.0

    @property
    def lasts_h(self) -> float | None:
        """How long the rest lasts as things are; None where nothing is being spent."""
        return max(0.0, self.of_usd - self.spent_usd) / self.usd_per_hour if self.usd_per_hour else None


@dataclass(frozen=True, slots=True)
class Saving:
    """A move for money; `at` is when it was decided, by RFC 3339."""

    name: str
    from_cluster: str
    to_cluster: str
    saved_usd: float
    at: str


@dataclass(frozen=True, slots=True)
class Money:
    """All of it.

    Attributes:
        spent_usd: of all work that the hub still has.
        budgets: the most used first.
        savings: the newest first, of those moves that statuses keep.
    """

    spent_usd: float
    budgets: tuple[Budget, ...]
    savings: tuple[Saving, ...]

    def as_json(self) -> Manifest:
        """Write it as fields for `top -o json`."""
        return {
            "spentUSD": self.spent_usd,
            "budgets": [
                {
                    "name": each.name,
                    "spentUSD": each.spent_usd,
                    "maxTotalUSD": each.of_usd,
                    "usdPerHour": each.usd_per_hour,
                    "used": each.used,
                    "lastsHours": each.lasts_h,
                }
                for each in self.budgets
            ],
            "movesForMoney": [
                {
                    "name": each.name,
                    "from": each.from_cluster,
                    "to": each.to_cluster,
                    "savedUSD": each.saved_usd,
                    "at": each.at,
                }
                for each in self.savings
            ],
        }


def money_of(workloads: Iterable[Manifest], *, now_s: float) -> Money:
    """Read statuses; `now_s` in seconds since the Unix epoch."""
    spent, budgets, savings = 0.0, [], []
    for workload in workloads:
        metadata, status = workload["metadata"], workload.get("status") or {}
        name = f"{metadata['namespace']}/{metadata['name']}"
        record = record_from(status)
        cost = spent_usd(record, now_s)
        spent += cost
        limit = (status.get("effective") or {}).get("maxTotalUSD")
        if limit is not None:
            hourly = sum(place.usd_per_hour for place in record.placements if place.running_since_s)
            budgets.append(Budget(name, cost, float(limit), 0.0 if record.finished else hourly))
        savings += [
            Saving(name, move.from_cluster, move.to_cluster, move.saving_usd, iso(move.decided_s))
            for move in record.moves
            if move.saving_usd
        ]
    budgets.sort(key=lambda each: (-each.used, each.name))
    savings.sort(key=lambda each: each.at, reverse=True)
    return Money(spent, tuple(budgets), tuple(savings))
