"""What a set of bids would pay at each place that matters to one of them."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.placement.bids import Bid, Market
    from tradewind.placement.table import Floats

Place: TypeAlias = tuple[int, float]
"""A row of the table, and for how many hours the pods would wait for their node there."""


BEYOND = 3
"""Offers of a list that count from where it stands: what it has, and where it could go if it made room."""


class Choices:
    """Prices by place, one column per place, one entry per bid; infinite where the bid may not go.

    The lists of the bids say which offers matter, but end too early to say what each would pay there: a swap may need
    somebody's twentieth choice. So all of them are priced once more.

    Attributes:
        rows: offers that somebody has, has wished for in vain, or would wish for next.
    """

    def __init__(self, market: Market, bids: Sequence[Bid]) -> None:
        mentioned = {row for bid in bids for rows in (*bid.past, bid.rows[: bid.at + BEYOND]) for row in rows}
        self.rows = sorted(mentioned | {bid.row for bid in bids if bid.row >= 0})
        self._column_of = {row: column for column, row in enumerate(self.rows)}
        section = market.section(np.array(self.rows, dtype=np.int64))
        views = [market.look(chunk, room=False, section=section) for chunk in market.chunks(bids, section)]
        self._usd = np.concatenate([view.usd() for view in views])
        self._hours = np.concatenate([view.prices.context.hours for view in views])
        patience = [bid.patience for bid in bids]
        self._usd_per_hour = np.array([one.usd_per_hour for one in patience])
        self._usd_per_hour_late = np.array([one.usd_per_hour_late for one in patience])
        self._prefer_h = np.array([one.prefer_h for one in patience])
        self._require_h = np.array([one.require_h for one in patience])

    def usd(self, places: Sequence[Place]) -> Floats:
        """Return the prices, of the shape (bids, places)."""
        columns = [self._column_of[row] for row, _ in places]
        waits_h = np.array([waits_h for _, waits_h in places])
        usd, hours = self._usd[:, columns], self._hours[:, columns]
        if not waits_h.any():
            return usd
        prefer_h = self._prefer_h[:, None]
        late_h = np.maximum(hours + waits_h - prefer_h, 0.0) - np.maximum(hours - prefer_h, 0.0)
        usd = usd + self._usd_per_hour[:, None] * waits_h + self._usd_per_hour_late[:, None] * late_h
        return np.where(hours + waits_h <= self._require_h[:, None], usd, inf)
