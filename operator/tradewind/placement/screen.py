"""Filters over the whole fleet: masks for a batch of asks, and words for the one that somebody asks about.

Asks that read alike share one answer, and so do offers that look alike: a filter is asked once per kind of wish and
kind of offer, which is a few times for most of them. Rows are kept as the bits of one integer, so that a filter that
was asked before costs a look-up and an AND.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tradewind.placement.facts import RowFacts, facts_of
from tradewind.placement.framework import ColumnFilter, FilterContext
from tradewind.placement.registry import ACCELERATOR, FILTERS, HEALTH

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from tradewind.model.plan import Ask, Conditions, Refusal
    from tradewind.placement.capacity import Shortage
    from tradewind.placement.framework import Filter
    from tradewind.placement.table import Mask, OfferTable

_READS = tuple(one.reads for one in FILTERS)
_BY_COLUMN = tuple(one if isinstance(one, ColumnFilter) else None for one in FILTERS)
_INDEX = {one.NAME: index for index, one in enumerate(FILTERS)}


@dataclass(frozen=True, slots=True)
class Screened:
    """What all filters but capacity say of one ask.

    Attributes:
        countable: rows whose capacity is worth counting: the right accelerator, on a cluster that can be seen.
        refusals: per row, in the order of the filters.
    """

    countable: Mask
    refusals: tuple[tuple[Refusal, ...], ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    """Offers that one filter can't tell apart."""

    rows: tuple[int, ...]
    bits: int


class Screen:
    """Holds asks against one table; remembers each filter's answers."""

    def __init__(self, table: OfferTable, conditions: Conditions) -> None:
        self._table = table
        self._conditions = conditions
        self._fleet = facts_of(table, conditions)
        self._facts = RowFacts(table, conditions)
        self._all = (1 << len(table)) - 1
        self._kinds: list[tuple[_Kind, ...] | None] = [None] * len(FILTERS)
        self._bits: list[dict[Hashable, int]] = [{} for _ in FILTERS]
        self._screened: dict[tuple[Hashable, ...], int] = {}

    @property
    def rows(self) -> int:
        """Count the rows of the table."""
        return len(self._table)

    def masks(self, asks: Sequence[Ask]) -> Mask:
        """Say which rows no filter refuses, without a word of why: shape (asks, rows)."""
        return self._unpack([self._accepted(ask) for ask in asks])

    def of(self, ask: Ask) -> Screened:
        """Say all that there is to say of one ask."""
        countable = self.bits_of(HEALTH, ask) & self.bits_of(ACCELERATOR, ask)
        (counted,) = self._unpack([countable])
        return Screened(counted, self.refusals(ask))

    def refusals(self, ask: Ask) -> tuple[tuple[Refusal, ...], ...]:
        """Say, for every row, why not; nothing is remembered."""
        found: list[list[Refusal]] = [[] for _ in range(len(self._table))]
        for index, one in enumerate(FILTERS):
            if one.reads(ask) is None:
                continue
            for kind in self._kinds_of(index):
                refusal = one.check(self.context(ask, kind.rows[0]))
                if refusal is not None:
                    for row in kind.rows:
                        found[row].append(refusal)
        return tuple(map(tuple, found))

    def bits_of(self, one: Filter, ask: Ask) -> int:
        """Return the rows that one filter accepts, as bits: the lowest is the first row's."""
        index = _INDEX[one.NAME]
        key = one.reads(ask)
        bits = self._bits[index].get(key)
        if bits is None:
            bits = self._bits[index][key] = self._evaluate(index, ask)
        return bits

    def context(self, ask: Ask, row: int, *, shortage: Shortage | None = None) -> FilterContext:
        """Put an ask before the offer of a row."""
        return FilterContext(ask, *self._table.rows[row], self._conditions, self._fleet, shortage)

    def _accepted(self, ask: Ask) -> int:
        reads = tuple([read(ask) for read in _READS])  # hot: a list is faster than a generator
        bits = self._screened.get(reads)
        if bits is None:
            bits = self._all
            for index, (key, known) in enumerate(zip(reads, self._bits, strict=True)):
                if key is not None:
                    answer = known.get(key)
                    if answer is None:
                        answer = known[key] = self._evaluate(index, ask)
                    bits &= answer
            self._screened[reads] = bits
        return bits

    def _evaluate(self, index: int, ask: Ask) -> int:
        one, by_column = FILTERS[index], _BY_COLUMN[index]
        if one.reads(ask) is None:
            return self._all
        if by_column is not None:
            mask = by_column.mask(ask, self._facts)
            return int.from_bytes(np.packbits(mask, bitorder="little").tobytes(), "little")
        return sum(kind.bits for kind in self._kinds_of(index) if one.check(self.context(ask, kind.rows[0])) is None)

    def _kinds_of(self, index: int) -> tuple[_Kind, ...]:
        kinds = self._kinds[index]
        if kinds is None:
            rows: dict[Hashable, list[int]] = {}
            for row, (cluster, offer) in enumerate(self._table.rows):
                rows.setdefault(FILTERS[index].sees(cluster, offer), []).append(row)
            kinds = tuple(_Kind(tuple(alike), sum(1 << row for row in alike)) for alike in rows.values())
            self._kinds[index] = kinds
        return kinds

    def _unpack(self, bits: Sequence[int]) -> Mask:
        size = -(-len(self._table) // 8)
        packed = np.frombuffer(b"".join([one.to_bytes(size, "little") for one in bits]), dtype=np.uint8)
        unpacked = np.unpackbits(packed.reshape(len(bits), size), axis=1, count=len(self._table), bitorder="little")
        return unpacked.view(np.bool_)
