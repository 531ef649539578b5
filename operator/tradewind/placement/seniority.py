"""Who has to wait where there is too little: not those who pay most, but those who came last.

Invariant: among asks of equal priority and equal pods, none stays without a place that a younger one has been given and
that it could use itself.
"""

from __future__ import annotations

from collections import defaultdict
from heapq import heapify, heappop, heappush
from math import inf
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.placement.bids import Bid, Market
    from tradewind.placement.choices import Place
    from tradewind.placement.quotas import Quotas
    from tradewind.placement.table import Floats


class Seniority:
    """Gives places of the young to older ones that have none."""

    def __init__(self, market: Market, quotas: Quotas) -> None:
        self._market, self._quotas = market, quotas

    def restore(self, bids: Sequence[Bid]) -> None:
        """Restore the invariant among bids of equal pods and priority."""
        waiting = [(bid.rank, bid) for bid in bids if bid.row < 0]
        if not waiting:
            return
        holders: defaultdict[Place, list[tuple[int, Bid]]] = defaultdict(list)
        for bid in bids:
            if bid.taken is not None:
                holders[bid.row, bid.waits_h].append((-bid.rank, bid))
        if not holders:
            return
        places = sorted(holders)
        for held in holders.values():
            heapify(held)
        heapify(waiting)
        youngest = np.array([-holders[place][0][0] for place in places])
        rows = np.array([row for row, _ in places])
        usd = _prices(self._market, [bid for _, bid in waiting], rows)
        while waiting and waiting[0][0] < youngest.max():
            _, bid = heappop(waiting)
            prices = usd.pop(bid.rank, None)
            if prices is None:  # it has just lost its place
                prices = _prices(self._market, [bid], rows)[bid.rank]
            evicted = self._take_over(bid, places, holders, youngest, prices)
            if evicted is not None:
                heappush(waiting, (evicted.rank, evicted))

    def _take_over(
        self,
        bid: Bid,
        places: Sequence[Place],
        holders: dict[Place, list[tuple[int, Bid]]],
        youngest: np.ndarray[tuple[int], np.dtype[np.int64]],
        prices: tuple[Floats, Floats],
    ) -> Bid | None:
        """Give the bid the place of the youngest that holds one which it can use; returns who has lost it."""
        usd, hours = prices
        usable = np.isfinite(usd) & (youngest > bid.rank)
        while usable.any():
            number = int(np.where(usable, youngest, -1).argmax())
            place = places[number]
            held = holders[place]
            other = held[0][1]
            later_usd = bid.profile.patience.later(float(hours[number]), by_h=place[1])
            if later_usd == inf or not self._exchanged_quota(bid, other):
                usable[number] = False
                continue
            bid.row, bid.waits_h, bid.taken = other.row, other.waits_h, other.taken
            bid.total_usd = float(usd[number]) + later_usd
            other.row, other.waits_h, other.taken, other.total_usd = -1, 0.0, None, inf
            heappop(held)
            heappush(held, (-bid.rank, bid))
            youngest[number] = -held[0][0]
            return other
        return None

    def _exchanged_quota(self, bid: Bid, other: Bid) -> bool:
        """Charge the bid's namespace instead of the other's, if its quota has room."""
        mine, theirs = bid.ask.workload, other.ask.workload
        if mine.key.namespace == theirs.key.namespace or not (bid.profile.limited or other.profile.limited):
            return True
        if self._quotas.fits(other.row, mine.key.namespace, mine.pods) < bid.profile.count:
            return False
        self._quotas.take(other.row, mine.key.namespace, mine.pods, count=bid.profile.count)
        self._quotas.take(other.row, theirs.key.namespace, theirs.pods, count=-other.profile.count)
        return True


def _prices(
    market: Market, bids: Sequence[Bid], rows: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> dict[int, tuple[Floats, Floats]]:
    """Return, by rank, the USD and hours of bids on some rows, without waiting; infinite where they may not go."""
    profiles = list(dict.fromkeys(bid.profile for bid in bids))
    usd, hours = market.at(profiles, rows, last_resort=True)
    found = {profile: (usd[number], hours[number]) for number, profile in enumerate(profiles)}
    return {bid.rank: found[bid.profile] for bid in bids}
