"""What an ask could have, cheapest first: its bid in the round.

Pricing an ask on all offers is dear, and only its cheapest few matter: they are kept, sorted, and looked at again when
their turn comes. Capacity only shrinks while asks are served, and waiting for nodes only grows, so prices only rise:
what is the cheapest on the list after a second look is the cheapest of all that are not dearer than the list's end.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.units import SECONDS_PER_HOUR
from tradewind.placement.registry import ACCELERATOR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tradewind.model.plan import Ask
    from tradewind.placement.capacity import Capacity, Shape, Taken
    from tradewind.placement.columns import AskColumns
    from tradewind.placement.evidence import Part
    from tradewind.placement.pricing import Pricer, Prices
    from tradewind.placement.quotas import Quotas
    from tradewind.placement.screen import Screen
    from tradewind.placement.table import Floats, Ints, Mask, OfferTable

KEPT = 16
"""Offers on a list: with fewer asks fall off its end sooner and are priced again, with more all of them take longer."""
CELLS = 60_000
"""Asks x offers that are priced at once: a matrix of them fits a core's second-level cache several times."""


@dataclass(frozen=True, slots=True)
class Patience:
    """What waiting costs an ask, in USD; times from now, in hours.

    The same as in `costs.delay` and `filters.deadline`, for one ask: the price of a row is corrected by it, not redone.
    """

    usd_per_hour: float
    usd_per_hour_late: float
    prefer_h: float
    require_h: float

    def later(self, hours: float, *, by_h: float) -> float:
        """Say what it adds if all takes longer than the `hours` that it was to take; infinite where it may not."""
        if hours + by_h > self.require_h:
            return inf
        late_h = max(0.0, hours + by_h - self.prefer_h) - max(0.0, hours - self.prefer_h)
        return self.usd_per_hour * by_h + self.usd_per_hour_late * late_h


class Bid:
    """One ask in a round.

    Attributes:
        index: of the ask in the round's input. rank: by age, then by key.
        shape, count: what its pods are, and how many.
        limited: whether a quota limits its namespace somewhere.
        home: the row where it runs and its room is its own; -1 for none.
        rows, usd, hours, queue_h: its list, the cheapest first.
        past: the rows of earlier lists. first_usd: the price of the first choice, whether or not it was to be had.
        whole: whether the list has all that is feasible.
        row, total_usd, waits_h, taken: what it has got; -1 where it has nothing, and `taken` is None at home.
        parts: what it has got where it is spread. lacking: why it can't be.
    """

    __slots__ = (
        "ask",
        "at",
        "count",
        "first_usd",
        "home",
        "hours",
        "index",
        "lacking",
        "limit_usd",
        "limited",
        "parts",
        "past",
        "patience",
        "queue_h",
        "rank",
        "row",
        "rows",
        "shape",
        "taken",
        "total_usd",
        "usd",
        "waits_h",
        "whole",
    )

    def __init__(self, ask: Ask, *, index: int, rank: int, shape: Shape, home: int, limited: bool) -> None:
        self.ask, self.index, self.rank, self.shape = ask, index, rank, shape
        self.home, self.limited = home, limited
        self.count = ask.workload.pods.count
        self.row, self.total_usd, self.waits_h = -1, inf, 0.0
        self.taken: Taken | None = None
        self.rows: list[int] = []
        self.usd: list[float] = []
        self.hours: list[float] = []
        self.queue_h: list[float] = []
        self.patience = Patience(0.0, 0.0, inf, inf)
        self.at, self.limit_usd, self.whole = 0, inf, True
        self.past: list[list[int]] = []
        self.first_usd = inf
        self.parts: list[Part] = []
        self.lacking = ""

    def regret(self) -> float:
        """Say what it would cost not to get the first on the list; infinite where there is no second."""
        return self.usd[self.at + 1] - self.usd[self.at] if self.at + 1 < len(self.usd) else inf

    def over(self) -> bool:
        """Whether nothing on the list is left."""
        return self.at >= len(self.rows)

    def waits(self, queue_h: float) -> None:
        """Correct the first on the list: it has to wait for nodes so long; it may thereby lose its place."""
        at = self.at
        row, hours = self.rows[at], self.hours[at]
        later_h = queue_h - self.queue_h[at]
        usd = self.usd[at] + self.patience.later(hours, by_h=later_h)
        self.at += 1
        if usd == inf or (usd > self.limit_usd and not self.whole):
            return  # what is dearer than the list's end is not known: the list may run out, and be made anew
        end = at
        while end + 1 < len(self.rows) and (self.usd[end + 1], self.rows[end + 1]) < (usd, row):
            self.rows[end] = self.rows[end + 1]
            for column in (self.usd, self.hours, self.queue_h):
                column[end] = column[end + 1]
            end += 1
        self.rows[end], self.usd[end], self.hours[end], self.queue_h[end] = row, usd, hours + later_h, queue_h
        self.at = at


@dataclass(frozen=True, slots=True)
class View:
    """A batch of bids before some of the offers; arrays have the shape (bids, offers).

    Attributes:
        rows: of the table; the others are of accelerators that none of the bids can use.
        feasible: no filter refuses it, the pods fit, and it has a price. queue_h: how long they wait for nodes.
        held_back: bids with more in failing regions, which counts only where nothing else is feasible.
    """

    rows: Ints
    prices: Prices
    feasible: Mask
    queue_h: Floats
    held_back: Mask

    def usd(self) -> Floats:
        """Return the totals, infinite where it is not feasible."""
        return np.where(self.feasible, self.prices.total, inf)

    def at(self, rows: Ints) -> tuple[Floats, Floats]:
        """Return totals and hours on these rows of the table; totals are infinite where it is not feasible."""
        found = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        usd = np.where(self.rows[found] == rows, self.usd()[:, found], inf)
        return usd, self.prices.context.hours[:, found]


@dataclass(frozen=True, slots=True)
class Section:
    """Some rows of the table, and what prices them."""

    rows: Ints
    pricer: Pricer
    last_resort: Mask
    any_last_resort: bool


class Market:
    """Makes lists: masks, rooms and prices of a batch, and the cheapest few of each.

    Bids that can use the same accelerators are looked at together, on the offers that have them: the others, which are
    most of a fleet, need neither a mask nor a price.
    """

    def __init__(
        self, table: OfferTable, *, capacity: Capacity, screen: Screen, pricer: Pricer, quotas: Quotas
    ) -> None:
        self._table = table
        self._capacity, self._screen, self._pricer, self._quotas = capacity, screen, pricer, quotas
        self._sections: dict[int, Section] = {}

    def survey(self, bids: Sequence[Bid]) -> None:
        """Give every bid its list, as things stand now."""
        alike: dict[int, list[Bid]] = {}
        for bid in bids:
            alike.setdefault(self._screen.bits_of(ACCELERATOR, bid.ask), []).append(bid)
        for some in alike.values():
            for chunk in self.chunks(some):
                self._list(chunk, self.look(chunk))

    def chunks(self, bids: Sequence[Bid], section: Section | None = None) -> Iterator[Sequence[Bid]]:
        """Cut bids into batches whose matrices fit a cache."""
        size = max(1, CELLS // max(1, len((section or self._section(bids)).rows)))
        return (bids[start : start + size] for start in range(0, len(bids), size))

    def look(
        self, bids: Sequence[Bid], *, room: bool = True, last_resort: bool = False, section: Section | None = None
    ) -> View:
        """Price bids on the offers that they can use, and say what is feasible now.

        Args:
            bids: a batch.
            room: whether the pods must fit.
            last_resort: whether failing regions count where others are feasible too.
            section: the rows to look at; those with an accelerator that the bids can use, if it is not said.
        """
        section = section or self._section(bids)
        asks = [bid.ask for bid in bids]
        feasible = self._screen.masks(asks)
        if len(section.rows) < len(self._table):
            feasible = feasible[:, section.rows]
        if room:
            fits, queue_h = self._rooms(bids, section.rows)
            feasible = feasible & fits
        else:
            queue_h = np.zeros(feasible.shape)
        prices = section.pricer.price(asks, queue_h=queue_h)
        feasible = feasible & prices.valid
        feasible &= prices.within
        held_back: Mask = np.zeros(len(bids), dtype=np.bool_)
        if section.any_last_resort and not last_resort:
            usual: Mask = feasible & ~section.last_resort
            held_back = np.logical_and(np.any(usual, axis=1), np.any(feasible & ~usual, axis=1))
            feasible = feasible & (usual | ~held_back[:, None])
        return View(section.rows, prices, feasible, queue_h, held_back)

    def _section(self, bids: Sequence[Bid]) -> Section:
        bits = 0
        for types in {bid.ask.workload.accelerator_types: bid for bid in bids}.values():
            bits |= self._screen.bits_of(ACCELERATOR, types.ask)
        section = self._sections.get(bits)
        if section is None:
            rows = np.array([row for row in range(len(self._table)) if bits >> row & 1], dtype=np.int64)
            section = self._sections[bits] = self.section(rows)
        return section

    def section(self, rows: Ints) -> Section:
        """Make a section of the table."""
        last_resort = self._table.last_resort[rows]
        return Section(rows, self._pricer.part(rows), last_resort, bool(last_resort.any()))

    def _rooms(self, bids: Sequence[Bid], rows: Ints) -> tuple[Mask, Floats]:
        """Say where the pods fit, and how long they wait there, in hours."""
        kinds: dict[tuple[int, int], int] = {}
        which = [kinds.setdefault((id(bid.shape), bid.count), len(kinds)) for bid in bids]
        first = dict(zip(reversed(which), reversed(bids), strict=True))
        rooms = [self._capacity.rooms(first[kind].ask.workload.pods) for kind in range(len(kinds))]
        fits = np.array([room.fits[rows] >= first[kind].count for kind, room in enumerate(rooms)])[which]
        queue_h = np.array([room.queue_s[rows] for room in rooms])[which] / SECONDS_PER_HOUR
        for number, bid in enumerate(bids):
            if bid.limited:
                work = bid.ask.workload
                within = self._quotas.mask(work.key.namespace, work.pods, count=bid.count)
                if within is not None:
                    fits[number] &= within[rows]
            if bid.home >= 0:
                home = rows == bid.home
                fits[number, home], queue_h[number, home] = True, 0.0
        return fits, queue_h

    def _list(self, bids: Sequence[Bid], view: View) -> None:
        prices, usd = view.prices, view.usd()
        if not usd.shape[1]:
            return  # no offer has what they need
        kept = _cheapest(usd)
        best = np.take_along_axis(usd, kept, axis=1)
        hours = np.take_along_axis(prices.context.hours, kept, axis=1)
        queue_h = np.take_along_axis(view.queue_h, kept, axis=1)
        found = view.feasible.sum(axis=1).tolist()
        figures = zip(best.tolist(), hours.tolist(), queue_h.tolist(), strict=True)
        more, kept_rows = view.held_back.tolist(), view.rows[kept].tolist()
        lists = zip(found, more, _patience(prices.context.asks), kept_rows, figures, strict=True)
        for bid, (count, held_back, patience, rows, columns) in zip(bids, lists, strict=True):
            if bid.rows:
                bid.past.append(bid.rows)
            elif count:
                bid.first_usd = columns[0][0]
            bid.rows = rows[:count]
            bid.usd, bid.hours, bid.queue_h = (column[:count] for column in columns)
            bid.at, bid.patience, bid.whole = 0, patience, count <= kept.shape[1] and not held_back
            bid.limit_usd = bid.usd[-1] if count else inf


def _cheapest(usd: Floats) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Return the indexes of each row's lowest figures, in order; of equals the first."""
    if usd.shape[1] <= KEPT:
        return np.argsort(usd, axis=1, kind="stable")
    kept = np.sort(np.argpartition(usd, KEPT, axis=1)[:, :KEPT], axis=1)
    order = np.argsort(np.take_along_axis(usd, kept, axis=1), axis=1, kind="stable")
    kept = np.take_along_axis(kept, order, axis=1)
    # Among equals beyond the list's end the partition picks any. The first place is always the first of equals.
    kept[:, 0] = usd.argmin(axis=1)
    return kept


def _patience(asks: AskColumns) -> Iterator[Patience]:
    columns = (asks.usd_per_delay_hour, asks.usd_per_hour_late, asks.prefer_h, asks.require_h)
    return map(Patience, *(column[:, 0].tolist() for column in columns))
