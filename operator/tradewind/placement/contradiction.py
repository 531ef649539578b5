"""Why no offer of the fleet can ever suit a work: the smallest set of its wishes that none satisfies together.

Only wishes count, that is, what the work's author or a cluster's owner has written; health, capacity and prices pass.
"""

from __future__ import annotations

from functools import reduce
from itertools import combinations
from operator import and_
from typing import TYPE_CHECKING

from tradewind.placement.registry import WISHES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tradewind.model.plan import Ask
    from tradewind.placement.screen import Screen

LARGEST_SEARCHED = 3
"""Sets up to this size are all tried; beyond it nobody would read the difference between smallest and small."""

_Named = tuple[str, int]
"""A wish in the words of the API, and the rows that satisfy it, as bits."""


def contradiction(ask: Ask, screen: Screen) -> str:
    """Name the smallest set of wishes that no offer satisfies together; "" where some offer satisfies all of them."""
    wishes = [(one.words(ask), screen.bits_of(one, ask)) for one in WISHES if one.reads(ask) is not None]
    if not screen.rows or _together(wishes):
        return ""
    alone = [words for words, bits in wishes if not bits]
    if alone:
        return f"no offer of the fleet satisfies {'; none satisfies '.join(alone)}"
    smallest = _smallest(wishes)
    counted = [f"{words} ({bits.bit_count()} of {screen.rows} offers)" for words, bits in smallest]
    return f"no offer of the fleet satisfies {', '.join(counted[:-1])} and {counted[-1]} together"


def _smallest(wishes: Sequence[_Named]) -> Sequence[_Named]:
    for size in range(2, LARGEST_SEARCHED + 1):
        for some in combinations(wishes, size):
            if not _together(some):
                return some
    left = list(wishes)
    for one in wishes:
        without = [other for other in left if other is not one]
        if not _together(without):
            left = without
    return left


def _together(wishes: Iterable[_Named]) -> int:
    return reduce(and_, (bits for _, bits in wishes), -1)
