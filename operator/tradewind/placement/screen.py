"""Filters over the whole fleet, each evaluated once for all asks that look alike to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tradewind.placement.framework import FilterContext
from tradewind.placement.registry import ACCELERATOR, FILTERS, HEALTH

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.plan import Ask, Refusal
    from tradewind.placement.framework import Filter
    from tradewind.placement.table import Mask, OfferTable


class Screened:
    """What all filters but capacity say of one ask.

    Attributes:
        accepted: rows that none of them refuses.
        countable: rows whose capacity is worth counting: the right accelerator, on a cluster that can be seen.
        refusals: per row, in the order of the filters.
    """

    __slots__ = ("accepted", "countable", "refusals")

    def __init__(self, by_filter: list[tuple[Filter, tuple[Refusal | None, ...]]], rows: int) -> None:
        self.refusals = tuple(
            tuple(refusal for _, column in by_filter if (refusal := column[row]) is not None) for row in range(rows)
        )
        self.accepted: Mask = np.array([not refusals for refusals in self.refusals], dtype=np.bool_)
        self.countable: Mask = np.ones(rows, dtype=np.bool_)
        for one, column in by_filter:
            if one in (HEALTH, ACCELERATOR):
                self.countable &= np.array([refusal is None for refusal in column], dtype=np.bool_)


class Screen:
    """Remembers what each filter said; a filter's `reads` is the key, so equal wishes cost one evaluation."""

    def __init__(self, table: OfferTable) -> None:
        self._table = table
        self._columns: dict[tuple[str, Hashable], tuple[Refusal | None, ...]] = {}
        self._screened: dict[tuple[Hashable, ...], Screened] = {}

    def of(self, ask: Ask) -> Screened:
        """Evaluate all filters but capacity."""
        reads = tuple(one.reads(ask) for one in FILTERS)
        screened = self._screened.get(reads)
        if screened is None:
            columns = [(one, self._column(one, ask, key)) for one, key in zip(FILTERS, reads, strict=True)]
            screened = self._screened[reads] = Screened(columns, len(self._table))
        return screened

    def _column(self, one: Filter, ask: Ask, key: Hashable) -> tuple[Refusal | None, ...]:
        column = self._columns.get((one.NAME, key))
        if column is None:
            column = tuple(
                one.check(FilterContext(ask.workload, cluster, offer, ask.vetoes, self._table.accelerators))
                for cluster, offer in self._table.rows
            )
            self._columns[one.NAME, key] = column
        return column
