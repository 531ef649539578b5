"""What regret has missed: swaps and shifts among equal pods, as long as they make the sum smaller.

Asks of equal pods and equal priority are interchangeable on the nodes. So each place (an offer, and how long its node
is waited for) is a vertex, and the edge from a to b costs what it takes to bring to b the ask at a that minds least. A
cycle whose edges sum to less than nothing is a swap that pays. Spare room is one more vertex: whoever moves into it
leaves room behind. Where no cycle is negative, the same asks can't be served more cheaply (Klein, 1967), as far as
their lists go. The shortest path from those that have nothing to spare room serves one more of them.
"""

from __future__ import annotations

from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.units import SECONDS_PER_HOUR
from tradewind.placement.choices import Choices
from tradewind.placement.trade import negative_cycle, shortest_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.placement.bids import Bid
    from tradewind.placement.capacity import Capacity, Taken
    from tradewind.placement.choices import Place
    from tradewind.placement.table import Floats, Ints

MEMBERS = 512
"""Asks that trade with each other: the work grows with the square of their places, and more of them gain little."""


class Exchange:
    """Improves what bids of equal priority have got."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity

    def improve(self, bids: Sequence[Bid]) -> bool:
        """Trade within equal pods; nobody who has a place loses it. Returns whether some room was left free by it."""
        freed = False
        # Every so manieth rather than runs: each part then has the same mix of wishes and of places.
        parts = -(-len(bids) // MEMBERS)
        for part in range(parts):
            members = sorted(bids[part::parts], key=lambda bid: bid.rank)
            if len(members) > 1:
                freed |= _Floor(self._capacity, members).trade()
        return freed


class _Floor:
    """One set of bids that trade with each other."""

    def __init__(self, capacity: Capacity, bids: Sequence[Bid]) -> None:
        self._capacity, self._bids = capacity, bids
        self._choices = Choices(bids)
        self._spare = self._find_spare()

    def trade(self) -> bool:
        """Improve as long as something improves; returns whether some room was left free."""
        freed = False
        # Each round makes the sum smaller by more than rounding, or serves one more; the limit bounds the work.
        for _ in range(2 * len(self._bids)):
            places, at = self._standing()
            if not places:
                break
            usd = self._choices.usd(places)
            weights = self._weights(usd, places, at)
            spare, outside = len(places), len(places) + 1
            route = negative_cycle(weights[:outside, :outside])
            if route is not None and spare in route:
                start = route.index(spare)
                self._shift([*route[start + 1 :], *route[:start]], usd, places, at)
                freed = True
            elif route is not None:
                self._swap(route, usd, places, at)
            else:
                route = shortest_path(weights, start=outside, end=spare) if (at < 0).any() else None
                if route is None:
                    break
                self._shift([-1, *route[1:-1]], usd, places, at)
        return freed

    def _find_spare(self) -> list[Place]:
        """List where one more of them would fit."""
        first = self._bids[0]
        waits_s = ((row, self._capacity.wait_s(row, first.shape, first.count)) for row in self._choices.rows())
        return [(row, wait_s / SECONDS_PER_HOUR) for row, wait_s in waits_s if wait_s is not None]

    def _standing(self) -> tuple[list[Place], Ints]:
        """List the places that somebody has, or could have; and who is where, by index, -1 for nowhere."""
        used = {(bid.row, bid.waits_h) for bid in self._bids if bid.row >= 0}
        places = sorted(used.union(self._spare))
        index = {place: number for number, place in enumerate(places)}
        at = [index[bid.row, bid.waits_h] if bid.row >= 0 else -1 for bid in self._bids]
        return places, np.array(at, dtype=np.int64)

    def _weights(self, usd: Floats, places: Sequence[Place], at: Ints) -> Floats:
        """Return the edges among places, spare room (the last but one), and being without a place (the last)."""
        size = len(places)
        weights = np.full((size + 2, size + 2), inf)
        order = np.argsort(at, kind="stable")
        present, first = np.unique(at[order], return_index=True)
        now = self._now()
        weights[np.where(present >= 0, present, size + 1), :size] = np.minimum.reduceat(
            usd[order] - now[order, None], first, axis=0
        )
        np.fill_diagonal(weights, inf)
        weights[size, present[present >= 0]] = 0.0
        for place in self._spare:
            weights[places.index(place), size] = 0.0
        return weights

    def _swap(self, ring: Sequence[int], usd: Floats, places: Sequence[Place], at: Ints) -> None:
        """Let each take the room of the next, round a ring."""
        movers = [self._mover(start, end, usd, at) for start, end in pairwise([*ring, ring[0]])]
        rooms = [self._bids[mover].taken for mover in movers]
        for mover, end, room in zip(movers, [*ring[1:], ring[0]], [*rooms[1:], rooms[0]], strict=True):
            self._move(mover, places[end], float(usd[mover, end]), room)

    def _shift(self, route: Sequence[int], usd: Floats, places: Sequence[Place], at: Ints) -> None:
        """Let each take the room of the next, and the last one spare room; the first one's is free then."""
        movers = [self._mover(start, end, usd, at) for start, end in pairwise(route)]
        rooms = [self._bids[mover].taken for mover in movers]
        last = self._bids[movers[-1]]
        fresh = self._capacity.reserve(places[route[-1]][0], last.ask.workload.pods, last.shape)
        for mover, end, room in zip(movers, route[1:], [*rooms[1:], fresh], strict=True):
            self._move(mover, places[end], float(usd[mover, end]), room)
        if rooms[0] is not None:
            self._capacity.release(rooms[0])
        self._spare = self._find_spare()

    def _now(self) -> Floats:
        """Return what each pays now; 0 for those that have nothing."""
        return np.array([bid.total_usd if bid.row >= 0 else 0.0 for bid in self._bids])

    def _mover(self, start: int, end: int, usd: Floats, at: Ints) -> int:
        """Find who minds least to go from one place to another; -1 is being without a place."""
        there = np.flatnonzero(at == start)
        return int(there[(usd[there, end] - self._now()[there]).argmin()])

    def _move(self, mover: int, place: Place, usd: float, room: Taken | None) -> None:
        bid = self._bids[mover]
        bid.row, bid.waits_h = place
        bid.total_usd, bid.taken = usd, room
