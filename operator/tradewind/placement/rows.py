"""A matrix that grows by rows: what is the same for many asks is computed once, and gathered by index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tradewind.placement.table import Floats


class Rows:
    """Rows of equal length; the first one, of index 0, is all zeros. An index stays what it is."""

    __slots__ = ("_matrix", "_rows")

    def __init__(self, width: int) -> None:
        self._rows: list[Floats] = [np.zeros(width)]
        self._matrix: Floats = np.zeros((1, width))

    def add(self, row: Floats) -> int:
        """Append a row; return its index."""
        self._rows.append(row)
        return len(self._rows) - 1

    @property
    def matrix(self) -> Floats:
        """All rows so far."""
        if len(self._matrix) < len(self._rows):
            self._matrix = np.array(self._rows, dtype=np.float64)
        return self._matrix
