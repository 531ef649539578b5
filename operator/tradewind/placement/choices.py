"""What a set of profiles would pay at each place that matters to one of them."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tradewind.placement.bids import Market
    from tradewind.placement.profile import Profile
    from tradewind.placement.table import Floats

Place: TypeAlias = tuple[int, float]
"""A row of the table, and for how many hours the pods would wait for their node there."""


BEYOND = 3
"""Offers of a list that count from where it stands: what it has, and where it could go if it made room."""


class Choices:
    """Prices by place, one column per place, one line per profile; infinite where it may not go.

    The lists say which offers matter, but end too early to say what each would pay there: a swap may need somebody's
    twentieth choice. So what has been quoted is read once more.

    Attributes:
        rows: offers that somebody has, has wished for in vain, or would wish for next.
    """

    def __init__(self, market: Market, profiles: Sequence[Profile], *, used: Iterable[int]) -> None:
        mentioned = {row for one in profiles for rows in (*one.past, one.rows[: one.at + BEYOND]) for row in rows}
        self.rows = sorted(mentioned.union(used))
        self._column_of = {row: column for column, row in enumerate(self.rows)}
        self._usd, self._hours = market.at(profiles, np.array(self.rows, dtype=np.int64), last_resort=False)
        patience = [one.patience for one in profiles]
        columns = [(one.usd_per_hour, one.usd_per_hour_late, one.prefer_h, one.require_h) for one in patience]
        self._patience = np.array(columns, dtype=np.float64).T[:, :, None]

    def usd(self, places: Sequence[Place]) -> Floats:
        """Return the prices, of the shape (profiles, places)."""
        columns = [self._column_of[row] for row, _ in places]
        waits_h = np.array([waits_h for _, waits_h in places])
        usd, hours = self._usd[:, columns], self._hours[:, columns]
        if not waits_h.any():
            return usd
        usd_per_hour, usd_per_hour_late, prefer_h, require_h = self._patience
        late_h = np.maximum(hours + waits_h - prefer_h, 0.0) - np.maximum(hours - prefer_h, 0.0)
        usd = usd + usd_per_hour * waits_h + usd_per_hour_late * late_h
        return np.where(hours + waits_h <= require_h, usd, inf)
