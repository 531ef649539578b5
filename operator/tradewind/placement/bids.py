"""Bids of a round, and the market that says what they could have: one list for each profile, the cheapest first."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.plan import Ask
    from tradewind.placement.capacity import Capacity, Taken
    from tradewind.placement.evidence import Part
    from tradewind.placement.profile import Profile
    from tradewind.placement.quotas import Quotas
    from tradewind.placement.quotes import Quote, Quotes, Section
    from tradewind.placement.table import Floats, Ints, Mask

KEPT = 16
"""Offers on a list: with fewer asks fall off its end sooner and are priced again, with more all of them take longer."""


class Bid:
    """One ask in a round.

    Attributes:
        index: of the ask in the round's input. rank: by age, then by key.
        profile: what it has in common with others, among it the list of what it could have.
        row, total_usd, waits_h, taken: what it has got; -1 where it has nothing, and `taken` is None at home.
        parts: what it has got where it is spread. lacking: why it can't be.
    """

    __slots__ = ("ask", "index", "lacking", "parts", "profile", "rank", "row", "taken", "total_usd", "waits_h")

    def __init__(self, ask: Ask, profile: Profile, *, index: int, rank: int) -> None:
        self.ask, self.profile, self.index, self.rank = ask, profile, index, rank
        self.row, self.total_usd, self.waits_h = -1, inf, 0.0
        self.taken: Taken | None = None
        self.parts: Sequence[Part] = ()
        self.lacking = ""


@dataclass(frozen=True, slots=True)
class View:
    """A batch of profiles before some of the offers; arrays have the shape (profiles, offers).

    Attributes:
        rows: of the table; the others are of accelerators that none of the profiles can use.
        usd, hours: the totals, with the waiting for nodes; infinite USD where it is not feasible.
        feasible: no filter refuses it, the pods fit, and it has a price. queue_h: how long they wait for nodes.
        held_back: profiles with more in failing regions, which counts only where nothing else is feasible.
    """

    rows: Ints
    usd: Floats
    hours: Floats
    feasible: Mask
    queue_h: Floats
    held_back: Mask


class Market:
    """Makes lists: what is quoted, where there is room, and the cheapest few of each profile."""

    def __init__(self, *, quotes: Quotes, capacity: Capacity, quotas: Quotas) -> None:
        self._quotes, self._capacity, self._quotas = quotes, capacity, quotas

    def survey(self, profiles: Sequence[Profile]) -> None:
        """Give every one its list, as things stand now."""
        alike: dict[Section, list[Profile]] = {}
        for one, quote in zip(profiles, self._quotes.of(profiles), strict=True):
            one.patience = quote.patience
            alike.setdefault(quote.section, []).append(one)
        for section, some in alike.items():
            if len(section.rows):  # else no offer has what they need
                for chunk in section.chunks(some):
                    self._list(chunk, self.look(chunk))

    def quote(self, profiles: Sequence[Profile]) -> None:
        """Have profiles priced that will be looked at."""
        self._quotes.of(profiles)

    def at(self, profiles: Sequence[Profile], rows: Ints, *, last_resort: bool) -> tuple[Floats, Floats]:
        """Return totals and hours on some rows of the table: see `Quotes.at`."""
        return self._quotes.at(profiles, rows, last_resort=last_resort)

    def look(self, profiles: Sequence[Profile], *, last_resort: bool = False) -> View:
        """Say what is feasible now, and at what price.

        Args:
            profiles: a batch that can use the same accelerators.
            last_resort: whether failing regions count where others are feasible too.
        """
        quotes = self._quotes.of(profiles)
        section = quotes[0].section
        usd, hours = np.array([quote.usd for quote in quotes]), np.array([quote.hours for quote in quotes])
        fits, queue_h = self._rooms(profiles, section.rows)
        fits &= np.array([quote.allowed for quote in quotes])
        if queue_h.any():
            with np.errstate(all="ignore"):  # rows that are not allowed may have figures that can't be true
                _wait(profiles, quotes, usd=usd, hours=hours, queue_h=queue_h, feasible=fits)
        held_back: Mask = np.zeros(len(profiles), dtype=np.bool_)
        if section.any_last_resort and not last_resort:
            usual: Mask = fits & ~section.last_resort
            held_back = np.logical_and(np.any(usual, axis=1), np.any(fits & ~usual, axis=1))
            fits &= usual | ~held_back[:, None]
        usd[~fits] = inf
        return View(section.rows, usd, hours, fits, queue_h, held_back)

    def _rooms(self, profiles: Sequence[Profile], rows: Ints) -> tuple[Mask, Floats]:
        """Say where the pods fit, and how long they wait there, in hours."""
        kinds: dict[tuple[int, int], int] = {}
        which = [kinds.setdefault((id(one.shape), one.count), len(kinds)) for one in profiles]
        first = dict(zip(reversed(which), reversed(profiles), strict=True))
        rooms = [self._capacity.rooms(first[kind].ask.workload.pods, rows) for kind in range(len(kinds))]
        fits = np.array([room.fits >= first[kind].count for kind, room in enumerate(rooms)])[which]
        queue_h = np.array([room.queue_s for room in rooms])[which] / SECONDS_PER_HOUR
        for number, one in enumerate(profiles):
            if one.limited:
                work = one.ask.workload
                within = self._quotas.mask(work.key.namespace, work.pods, count=one.count)
                if within is not None:
                    fits[number] &= within[rows]
            if one.home >= 0:
                home = rows == one.home
                fits[number, home], queue_h[number, home] = True, 0.0
        return fits, queue_h

    def _list(self, profiles: Sequence[Profile], view: View) -> None:
        kept = _cheapest(view.usd)
        best = np.take_along_axis(view.usd, kept, axis=1)
        hours = np.take_along_axis(view.hours, kept, axis=1)
        queue_h = np.take_along_axis(view.queue_h, kept, axis=1)
        found = view.feasible.sum(axis=1).tolist()
        figures = zip(best.tolist(), hours.tolist(), queue_h.tolist(), strict=True)
        more, kept_rows = view.held_back.tolist(), view.rows[kept].tolist()
        lists = zip(found, more, kept_rows, figures, strict=True)
        for one, (count, held_back, rows, columns) in zip(profiles, lists, strict=True):
            if one.rows:
                one.past.append(one.rows)
            elif count:
                one.first_usd = columns[0][0]
            one.rows = rows[:count]
            one.usd, one.hours, one.queue_h = (column[:count] for column in columns)
            one.at, one.whole = 0, count <= kept.shape[1] and not held_back
            one.limit_usd = one.usd[-1] if count else inf


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


def _wait(
    profiles: Sequence[Profile],
    quotes: Sequence[Quote],
    *,
    usd: Floats,
    hours: Floats,
    queue_h: Floats,
    feasible: Mask,
) -> None:
    """Add what waiting for nodes costs, in place, and rule out what is thereby too late."""
    patience = [quote.patience for quote in quotes]
    usd_per_hour = np.array([one.usd_per_hour for one in patience])[:, None]
    late_usd_per_hour = np.array([one.usd_per_hour_late for one in patience])[:, None]
    usd += usd_per_hour * queue_h
    if late_usd_per_hour.any():
        prefer_h = np.array([one.prefer_h for one in patience])[:, None]
        late_h = np.maximum(hours + queue_h - prefer_h, 0.0) - np.maximum(hours - prefer_h, 0.0)
        usd += late_usd_per_hour * late_h
    hours += queue_h
    # Where nothing is late the replicas that serve are the same: others were dearer, and only become later.
    anew = [
        number
        for number, one in enumerate(patience)
        if not quotes[number].exact
        and (feasible[number] & (queue_h[number] > 0) & (hours[number] > one.prefer_h)).any()
    ]
    if anew:
        prices = quotes[0].section.pricer.price([profiles[number].ask for number in anew], queue_h=queue_h[anew])
        usd[anew], hours[anew] = prices.total, prices.context.hours
        feasible[anew] &= prices.valid & prices.within
    feasible &= hours <= np.array([one.require_h for one in patience])[:, None]
