"""Prices that are asked for once a round: of each profile on every offer that it can use, as if nobody had to wait.

What is left of nodes changes with every reservation, prices do not: but for the waiting for nodes, which is added. So
lists that are made anew, and trades, read what has been quoted.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from tradewind.placement.profile import Patience
from tradewind.placement.registry import ACCELERATOR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tradewind.placement.columns import AskColumns
    from tradewind.placement.pricing import Pricer
    from tradewind.placement.profile import Profile
    from tradewind.placement.screen import Screen
    from tradewind.placement.table import Floats, Ints, Mask, OfferTable

CELLS = 60_000
"""Asks x offers that are priced at once: a matrix of them fits a core's second-level cache several times."""


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """The rows of the table that have some accelerators; the others need neither a mask nor a price.

    Attributes:
        column_of: per row of the table, where it is among these; one more than the last where it is not.
    """

    rows: Ints
    column_of: Ints
    pricer: Pricer
    last_resort: Mask
    any_last_resort: bool

    def chunks(self, profiles: Sequence[Profile]) -> Iterator[Sequence[Profile]]:
        """Cut profiles into batches whose matrices fit a cache."""
        size = max(1, CELLS // max(1, len(self.rows)))
        return (profiles[start : start + size] for start in range(0, len(profiles), size))


@dataclass(frozen=True, slots=True, eq=False)
class Quote:
    """What one profile would pay; arrays have one entry per row of its section.

    Attributes:
        usd, hours: the totals, without waiting for nodes.
        allowed: no filter refuses it, and it has a price.
        patience: what waiting adds.
        exact: whether that is all. Else which replica serves may depend on how late it is: it must be priced anew.
    """

    section: Section
    usd: Floats
    hours: Floats
    allowed: Mask
    patience: Patience
    exact: bool


class Quotes:
    """Asks the filters and the pricer, a batch at a time."""

    def __init__(self, table: OfferTable, *, screen: Screen, pricer: Pricer) -> None:
        self._table, self._screen, self._pricer = table, screen, pricer
        self._sections: dict[int, Section] = {}
        self._quotes: dict[Profile, Quote] = {}

    def of(self, profiles: Sequence[Profile]) -> list[Quote]:
        """Return what profiles would pay, in their order."""
        alike: dict[int, list[Profile]] = {}
        for one in profiles:
            if one not in self._quotes:
                alike.setdefault(self._screen.bits_of(ACCELERATOR, one.ask), []).append(one)
        for bits, some in alike.items():
            section = self._section(bits)
            for chunk in section.chunks(some):
                self._ask(section, chunk)
        return [self._quotes[one] for one in profiles]

    def at(self, profiles: Sequence[Profile], rows: Ints, *, last_resort: bool) -> tuple[Floats, Floats]:
        """Return totals and hours on some rows, without waiting; totals are infinite where it may not go.

        Args:
            profiles: any; equal ones cost nothing more.
            rows: of the table.
            last_resort: whether failing regions count where others of the rows are feasible too.

        Returns:
            Two arrays of the shape (profiles, rows).
        """
        usd, hours = np.full((len(profiles), len(rows)), inf), np.zeros((len(profiles), len(rows)))
        alike: dict[Section, list[int]] = {}
        quotes = self.of(profiles)
        for number, quote in enumerate(quotes):
            alike.setdefault(quote.section, []).append(number)
        for section, numbers in alike.items():
            columns = section.column_of[rows]
            mine = np.flatnonzero(columns < len(section.rows))
            cells = columns[mine]
            if len(mine):
                some = [quotes[number] for number in numbers]
                allowed = np.array([quote.allowed[cells] for quote in some])
                where = np.ix_(np.array(numbers), mine)
                usd[where] = np.where(allowed, np.array([quote.usd[cells] for quote in some]), inf)
                hours[where] = np.array([quote.hours[cells] for quote in some])
        failing = self._table.last_resort[rows]
        if failing.any() and not last_resort:
            usual = np.isfinite(usd[:, ~failing]).any(axis=1)
            usd[np.ix_(usual, failing)] = inf
        return usd, hours

    def _ask(self, section: Section, profiles: Sequence[Profile]) -> None:
        asks = [one.ask for one in profiles]
        allowed = self._screen.masks(asks)[:, section.rows]
        prices = section.pricer.price(asks, queue_h=np.zeros((1, 1)))
        allowed &= prices.valid
        allowed &= prices.within
        columns = zip(prices.total, prices.context.hours, allowed, _patience(prices.context.asks), strict=True)
        for one, (usd, hours, mask, patience) in zip(profiles, columns, strict=True):
            exact = not patience.usd_per_hour_late or not one.chooses
            self._quotes[one] = Quote(section, usd, hours, mask, patience, exact)

    def _section(self, bits: int) -> Section:
        section = self._sections.get(bits)
        if section is None:
            rows = np.array([row for row in range(len(self._table)) if bits >> row & 1], dtype=np.int64)
            column_of = np.full(len(self._table), len(rows), dtype=np.int64)
            column_of[rows] = np.arange(len(rows))
            last_resort = self._table.last_resort[rows]
            section = Section(rows, column_of, self._pricer.part(rows), last_resort, bool(last_resort.any()))
            self._sections[bits] = section
        return section


def _patience(asks: AskColumns) -> Iterator[Patience]:
    columns = (asks.usd_per_delay_hour, asks.usd_per_hour_late, asks.prefer_h, asks.require_h)
    return map(Patience, *(column[:, 0].tolist() for column in columns))
