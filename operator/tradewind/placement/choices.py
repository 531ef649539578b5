"""What a set of bids would pay at each place that is on their lists."""

from __future__ import annotations

from collections import defaultdict
from math import inf
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.placement.bids import Bid
    from tradewind.placement.table import Floats

Place: TypeAlias = tuple[int, float]
"""A row of the table, and for how many hours the pods would wait for their node there."""


class Choices:
    """Prices by place, one column per place, one entry per bid; infinite where it is not on the bid's list."""

    def __init__(self, bids: Sequence[Bid]) -> None:
        self._size = len(bids)
        self._known: defaultdict[int, list[tuple[float, ...]]] = defaultdict(list)
        for number, bid in enumerate(bids):
            for rows, usd, hours, queue_h in (*bid.past, (bid.rows, bid.usd, bid.hours, bid.queue_h)):
                for row, *figures in zip(rows, usd, hours, queue_h, strict=True):
                    self._known[row].append((float(number), *figures))
        patience = [bid.patience for bid in bids]
        self._usd_per_hour = np.array([one.usd_per_hour for one in patience])
        self._usd_per_hour_late = np.array([one.usd_per_hour_late for one in patience])
        self._prefer_h = np.array([one.prefer_h for one in patience])
        self._require_h = np.array([one.require_h for one in patience])
        self._columns: dict[Place, Floats] = {}

    def rows(self) -> list[int]:
        """List all rows that are on somebody's list."""
        return sorted(self._known)

    def usd(self, places: Sequence[Place]) -> Floats:
        """Return the prices, of the shape (bids, places)."""
        return np.column_stack([self._column(place) for place in places])

    def _column(self, place: Place) -> Floats:
        column = self._columns.get(place)
        if column is None:
            row, waits_h = place
            known = np.array(self._known[row], dtype=np.float64)
            bids, (usd, hours, queue_h) = known[:, 0].astype(np.int64), known[:, 1:].T
            by_h = waits_h - queue_h
            prefer_h = self._prefer_h[bids]
            late_h = np.maximum(hours + by_h - prefer_h, 0.0) - np.maximum(hours - prefer_h, 0.0)
            later_usd = self._usd_per_hour[bids] * by_h + self._usd_per_hour_late[bids] * late_h
            column = np.full(self._size, inf)
            column[bids] = np.where(hours + by_h <= self._require_h[bids], usd + later_usd, inf)
            self._columns[place] = column
        return column
