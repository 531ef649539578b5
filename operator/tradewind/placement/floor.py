"""Who is where, while bids of equal pods trade: prices by place, edges between places, and what a move changes."""

from __future__ import annotations

from itertools import pairwise
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

    Attributes:
        places: all that somebody has, or that have room.
        edges: from place to place: what the bid there that minds least would pay more; infinite where nobody is.
    """

    def __init__(self, capacity: Capacity, market: Market, bids: Sequence[Bid]) -> None:
        self._capacity, self._bids = capacity, bids
        self._choices = Choices(market, bids)
        self._spare_of: dict[int, Place] = {}
        self._find_spare(self._choices.rows)
        used = {(bid.row, bid.waits_h) for bid in bids if bid.row >= 0}
        self.places = sorted(used.union(self._spare_of.values()))
        self._index = {place: number for number, place in enumerate(self.places)}
        self._usd = self._choices.usd(self.places)
        self._now = np.array([bid.total_usd if bid.row >= 0 else 0.0 for bid in bids])
        self._members: dict[int, list[int]] = {}
        for number, bid in enumerate(bids):
            at = self._index[bid.row, bid.waits_h] if bid.row >= 0 else NOWHERE
            self._members.setdefault(at, []).append(number)
        self.edges = np.full((len(self.places), len(self.places)), inf)
        self._update(self._members)

    def mean_usd(self) -> float:
        """Return what each pays on average."""
        return float(self._now.mean())

    def spare(self) -> Ints:
        """Return the places that have room for one more."""
        return np.array(sorted(self._index[place] for place in self._spare_of.values()), dtype=np.int64)

    def full(self) -> Ints:
        """Return the places that somebody has, and that have room for nobody else."""
        spare = {self._index[place] for place in self._spare_of.values()}
        return np.array(sorted(at for at, here in self._members.items() if here and at >= 0 and at not in spare), int)

    def outside(self) -> Floats | None:
        """Return what the cheapest of those that have nothing would pay, by place; None where all have something."""
        waiting = self._members.get(NOWHERE)
        return self._usd[waiting].min(axis=0) if waiting else None

    def swap(self, ring: Sequence[int]) -> None:
        """Let one bid of each place take the room of one at the next, round a ring."""
        movers = [self._mover(start, end) for start, end in zip(ring, [*ring[1:], ring[0]], strict=True)]
        rooms = [self._bids[mover].taken for mover in movers]
        self._move(movers, ring, [*ring[1:], ring[0]], [*rooms[1:], rooms[0]])

    def shift(self, chain: Sequence[int]) -> None:
        """Let one bid of each place take the room of one at the next; the last has room, the first one's is left."""
        movers = [self._mover(start, end) for start, end in pairwise(chain)]
        rooms = [self._bids[mover].taken for mover in movers]
        last = self._bids[movers[-1]]
        fresh = self._capacity.reserve(self.places[chain[-1]][0], last.ask.workload.pods, last.shape)
        self._move(movers, chain[:-1], chain[1:], [*rooms[1:], fresh])
        rows = set(self._capacity.beside(fresh.row))
        if rooms[0] is not None:
            self._capacity.release(rooms[0])
            rows.update(self._capacity.beside(rooms[0].row))
        self._find_spare(rows & set(self._choices.rows))
        self._admit(place for place in self._spare_of.values() if place not in self._index)

    def _mover(self, start: int, end: int) -> int:
        """Find who minds least to go from one place to another."""
        here = np.array(self._members[start])
        return int(here[(self._usd[here, end] - self._now[here]).argmin()])

    def _move(
        self, movers: Sequence[int], starts: Sequence[int], ends: Sequence[int], rooms: Sequence[Taken | None]
    ) -> None:
        for mover, start, end, room in zip(movers, starts, ends, rooms, strict=True):
            bid = self._bids[mover]
            bid.row, bid.waits_h = self.places[end]
            bid.total_usd, bid.taken = float(self._usd[mover, end]), room
            self._now[mover] = bid.total_usd
            self._members[start].remove(mover)
            self._members.setdefault(end, []).append(mover)
        self._update({*starts, *ends})

    def _update(self, changed: Iterable[int]) -> None:
        for at in changed:
            here = self._members.get(at)
            if at >= 0:
                self.edges[at] = (self._usd[here] - self._now[here, None]).min(axis=0) if here else inf
                self.edges[at, at] = inf

    def _find_spare(self, rows: Iterable[int]) -> None:
        first = self._bids[0]
        for row in rows:
            wait_s = self._capacity.wait_s(row, first.shape, first.count)
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
            self.edges = np.pad(self.edges, (0, 1), constant_values=inf)
            self._update(self._members)
