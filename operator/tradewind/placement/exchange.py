"""What regret has missed: swaps and shifts among equal pods, as long as they make the sum smaller.

Asks of equal pods and equal priority are interchangeable on the nodes. So each place (an offer, and how long its node
is waited for) that is full is a vertex, and the edge from a to b costs what it takes to bring to b the ask at a that
minds least. A cycle whose edges sum to less than nothing is a swap that pays. All places with spare room are one more
vertex: whoever moves there takes room from nobody, and whoever leaves a full place may leave it to nobody. Where no
cycle is negative, the same asks can't be served more cheaply (Klein, 1967), as far as their lists go. The shortest path
from those that have nothing to spare room serves one more of them.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import numpy as np

from tradewind.placement.floor import NOWHERE, Floor
from tradewind.placement.trade import negative_cycles, shortest_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.placement.bids import Bid, Market
    from tradewind.placement.capacity import Capacity
    from tradewind.placement.table import Floats, Ints

MEMBERS = 512
"""Asks that trade with each other: the work grows with the square of their places, and more of them gain little."""


NEAR = 5e-4
"""Of what all pay: no more is looked for where trades can't save more than that."""
PRECISION = 1e-4
"""Of the mean price: a trade that saves less is not worth it, and much less is rounding."""


class Exchange:
    """Improves what bids of equal priority have got."""

    def __init__(self, capacity: Capacity, market: Market) -> None:
        self._capacity, self._market = capacity, market

    def improve(self, bids: Sequence[Bid]) -> None:
        """Trade within equal pods, the oldest first; nobody who has a place loses it."""
        # Every so manieth rather than runs: each part then has the same mix of wishes and of places.
        parts = -(-len(bids) // MEMBERS)
        for part in range(parts):
            members = bids[part::parts]
            if len(members) > 1:
                _trade(Floor(self._capacity, self._market, members), members=len(members))


def _trade(floor: Floor, *, members: int) -> None:
    """Improve as long as something improves.

    Each step makes the sum smaller by more than rounding, or serves one more; the limit bounds the work all the same.
    """
    least = PRECISION * floor.paid_usd / members
    for _ in range(2 * members):
        full, spare = floor.full(), floor.spare()
        weights = _weights(floor, full, spare)
        anywhere, outside = len(full), len(full) + 1
        rings, ways = negative_cycles(weights[:outside, :outside], least=least)
        if floor.outside() is None and _near_least(floor, full, spare, ways):
            break
        for ring in rings:
            if anywhere not in ring:  # nobody's room changes, so the other rings are as they were
                floor.swap(full[ring].tolist())
        for ring in rings:
            if anywhere in ring:
                start = ring.index(anywhere)
                inner = full[[*ring[start + 1 :], *ring[:start]]].tolist()
                head = _first(floor, inner[0] if inner else None, spare)
                floor.shift([*head, *inner, _last(floor, [*head, *inner][-1], spare)])
        if not rings:
            route = shortest_path(weights, start=outside, end=anywhere, least=least)
            if route is None:
                break
            inner = full[route[1:-1]].tolist()
            floor.shift([NOWHERE, *inner, _last(floor, inner[-1] if inner else NOWHERE, spare)])


def _near_least(floor: Floor, full: Ints, spare: Ints, ways: Floats) -> bool:
    """Whether all that trades could still save is little: a full place is worth what the ways to it save."""
    rents = np.zeros(len(full) + len(spare))
    rents[: len(full)] = np.maximum(0.0, ways[-1] - ways[:-1])
    least_usd = floor.least_usd(np.concatenate([full, spare]), rents)
    return floor.paid_usd - least_usd <= NEAR * floor.paid_usd


def _weights(floor: Floor, full: Ints, spare: Ints) -> Floats:
    """Return the edges among full places, all that have room (last but one), and being without a place (last)."""
    size, edges = len(full), floor.edges
    weights = np.full((size + 2, size + 2), inf)
    leaving = edges[full]
    weights[:size, :size] = leaving[:, full]
    weights[size, :size] = 0.0  # nobody has to fill what is left
    outside = floor.outside()
    if outside is not None:
        weights[size + 1, :size] = outside[full]
    if len(spare):
        moving = edges[spare].min(axis=0)  # of those that have a place with room, who minds least
        weights[:size, size] = leaving[:, spare].min(axis=1)
        weights[size, :size] = np.minimum(0.0, moving[full])
        weights[size, size] = moving[spare].min()
        if outside is not None:
            weights[size + 1, size] = outside[spare].min()
    return weights


def _first(floor: Floor, to: int | None, spare: Ints) -> list[int]:
    """Say from which place with room somebody goes to a full one that is being left, if that pays; or to another."""
    if to is None:
        return [int(spare[floor.edges[np.ix_(spare, spare)].min(axis=1).argmin()])]
    pays = floor.edges[spare, to]
    return [int(spare[pays.argmin()])] if len(spare) and pays.min() < 0 else []


def _last(floor: Floor, start: int, spare: Ints) -> int:
    """Say to which place with room the last one goes."""
    outside = floor.outside()
    usd = floor.edges[start] if start != NOWHERE or outside is None else outside
    return int(spare[usd[spare].argmin()])
