"""Who is where, while bids of equal pods trade: prices by place, edges between places, and what a move changes."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.units import SECONDS_PER_HOUR
from tradewind.placement.choices import Choices

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tradewind.placement.bids import Bid, Market
    from tradewind.placement.capacity import Capacity, Taken
    from tradewind.placement.choices import Place
    from tradewind.placement.table import Floats, Ints

NOWHERE = -1


class Floor:
    """The state of a trade; places are known by their index.

    Bids of one profile would pay the same everywhere: what is compared is profiles, of which there are fewer.

    Attributes:
        places: all that somebody has, or that have room.
        edges: from place to place: what the bid there that minds least would pay more; infinite where nobody is.
        paid_usd: what all that have a place pay.
    """

    def __init__(self, capacity: Capacity, market: Market, bids: Sequence[Bid]) -> None:
        self._capacity = capacity
        profiles = list(dict.fromkeys(bid.profile for bid in bids))
        number = {profile: index for index, profile in enumerate(profiles)}
        self._any = profiles[0]
        self._choices = Choices(market, profiles, used={bid.row for bid in bids if bid.row >= 0})
        self._spare_of: dict[int, Place] = {}
        self._find_spare(self._choices.rows)
        used = {(bid.row, bid.waits_h) for bid in bids if bid.row >= 0}
        self.places = sorted(used.union(self._spare_of.values()))
        self._index = {place: at for at, place in enumerate(self.places)}
        self._usd = self._choices.usd(self.places)
        self._numbers, self._crowds = np.zeros(len(profiles)), np.zeros(len(self.places))
        self.paid_usd = 0.0
        self._members: dict[int, dict[int, list[Bid]]] = {}
        for bid in bids:
            at, which = self._index[bid.row, bid.waits_h] if bid.row >= 0 else NOWHERE, number[bid.profile]
            self._members.setdefault(at, {}).setdefault(which, []).append(bid)
            self._numbers[which] += 1
            if at >= 0:
                self._usd[which, at] = bid.total_usd
                self._crowds[at] += 1
                self.paid_usd += bid.total_usd
        self.edges = np.full((len(self.places), len(self.places)), inf)
        self._update(self._members)

    def least_usd(self, places: Ints, rents: Floats) -> float:
        """Return what they pay at the least, however they trade; for when all of them have a place.

        A rent makes a place dearer and is given to whoever has it, which changes no sum. Nobody can do better than to
        go where it is the cheapest then, and where all do, what the places take in is what is left of the rents.

        Args:
            places: all that are full or have room.
            rents: for each of them, 0 where there is room.
        """
        cheapest = (self._usd[:, places] + rents).min(axis=1)
        return float(self._numbers @ cheapest - self._crowds[places] @ rents)

    def spare(self) -> Ints:
        """Return the places that have room for one more."""
        found = [self._index[place] for place in self._spare_of.values()]
        found.sort()
        return np.array(found, dtype=np.int64)

    def full(self) -> Ints:
        """Return the places that somebody has, and that have room for nobody else."""
        spare = {self._index[place] for place in self._spare_of.values()}
        found = [at for at, here in self._members.items() if here and at >= 0 and at not in spare]
        found.sort()
        return np.array(found, dtype=np.int64)

    def outside(self) -> Floats | None:
        """Return what the cheapest of those that have nothing would pay, by place; None where all have something."""
        waiting = self._members.get(NOWHERE)
        return self._usd[list(waiting)].min(axis=0) if waiting else None

    def swap(self, ring: Sequence[int]) -> None:
        """Let one bid of each place take the room of one at the next, round a ring."""
        self._move(ring, [*ring[1:], ring[0]], None)

    def shift(self, chain: Sequence[int]) -> None:
        """Let one bid of each place take the room of one at the next; the last has room, the first one's is left."""
        row = self.places[chain[-1]][0]
        fresh = self._capacity.reserve(row, self._any.ask.workload.pods, self._any.shape)
        left = self._move(chain[:-1], chain[1:], fresh)
        rows = set(self._capacity.beside(row))
        if left is not None:
            self._capacity.release(left)
            rows.update(self._capacity.beside(left.row))
        self._find_spare(rows & set(self._choices.rows))
        self._admit(place for place in self._spare_of.values() if place not in self._index)

    def _move(self, starts: Sequence[int], ends: Sequence[int], fresh: Taken | None) -> Taken | None:
        """Let one bid of each start go to its end, all at once.

        The last one takes the fresh room, or that of the first. Returns the first one's room where nobody takes it.
        """
        movers = [self._leave(start, end) for start, end in zip(starts, ends, strict=True)]
        rooms = [bid.taken for _, bid in movers]
        after = [*rooms[1:], rooms[0] if fresh is None else fresh]
        for (which, bid), end, room in zip(movers, ends, after, strict=True):
            usd = float(self._usd[which, end])
            self.paid_usd += usd - (bid.total_usd if bid.row >= 0 else 0.0)
            bid.row, bid.waits_h = self.places[end]
            bid.total_usd, bid.taken = usd, room
            self._members.setdefault(end, {}).setdefault(which, []).append(bid)
            self._crowds[end] += 1
        self._update({*starts, *ends})
        return None if fresh is None else rooms[0]

    def _leave(self, start: int, end: int) -> tuple[int, Bid]:
        """Take out the bid that minds least to go from one place to another."""
        here = self._members[start]
        if len(here) == 1:
            (which,) = here
        else:
            usd = self._usd[list(here)]
            which = list(here)[int((usd[:, end] - (usd[:, start] if start >= 0 else 0.0)).argmin())]
        alike = here[which]
        bid = alike.pop()
        if start >= 0:
            self._crowds[start] -= 1
        if not alike:
            del here[which]
        return which, bid

    def _update(self, changed: Iterable[int]) -> None:
        for at in changed:
            here = self._members.get(at)
            if at >= 0:
                usd = self._usd[list(here)] if here else None
                self.edges[at] = inf if usd is None else (usd - usd[:, at, None]).min(axis=0)
                self.edges[at, at] = inf

    def _find_spare(self, rows: Iterable[int]) -> None:
        for row in rows:
            wait_s = self._capacity.wait_s(row, self._any.shape, self._any.count)
            if wait_s is None:
                self._spare_of.pop(row, None)
            else:
                self._spare_of[row] = row, wait_s / SECONDS_PER_HOUR

    def _admit(self, places: Iterable[Place]) -> None:
        """Take in places that were not there before."""
        for place in sorted(places):
            self._index[place] = len(self.places)
            self.places.append(place)
            self._usd = np.column_stack([self._usd, self._choices.usd([place])])
            self._crowds = np.append(self._crowds, 0.0)
            self.edges = np.pad(self.edges, (0, 1), constant_values=inf)
            self._update(self._members)
