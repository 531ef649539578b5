"""Which replica serves each input: the choice that makes the sum of all terms least.

Inputs are read at the same time, so the time is that of the slowest one. Choosing each replica by itself would pay for
speed that another input's slowness wastes; so every time that could be the slowest is tried, and for each of them the
cheapest replicas that are no slower. That is exact, and one pass per replica over all asks and offers.

Most work has one input with one location, where there is nothing to choose: that is a gather by index, per cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from tradewind.model.units import BYTES_PER_GB
from tradewind.model.workload import Access
from tradewind.placement.figures import not_negative
from tradewind.placement.links import NOTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.plan import Ask
    from tradewind.placement.links import Links
    from tradewind.placement.table import Floats, Ints
    from tradewind.placement.worth import UsdOf


Source: TypeAlias = tuple[float, tuple[int, ...]]
"""An input of an ask: its GB, and the replicas that can be read, by index."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What reading inputs takes; arrays have an entry per ask and cluster, or offer.

    Attributes:
        hours: until the slowest is there.
        usd: egress. grams: what the transfer emits.
    """

    hours: Floats
    usd: Floats
    grams: Floats


def sources_of(ask: Ask, links: Links) -> tuple[list[Source], list[Source]]:
    """List what is copied before the start, and what is read over the run.

    The checkpoint counts as an input where the work resumes. Of a stream, what is left of the work reads its share.
    """
    before: list[Source] = []
    during: list[Source] = []
    for one in ask.workload.data:
        gb, replicas = one.size_bytes / BYTES_PER_GB, links.readable(one.locations)
        if one.access is Access.STAGE:
            before.append((gb, replicas))
        else:
            during.append((gb * ask.left, replicas))
    saved = ask.workload.checkpoint
    if ask.resumes and saved is not None:
        before.append((saved.size_bytes / BYTES_PER_GB, links.readable(saved.locations)))
    return before, during


class Inputs:
    """What a batch of asks reads at one time, sorted by whether there is a choice.

    Attributes:
        groups: asks with a choice, by index, with their inputs; those of a group have equally many replicas each.
    """

    __slots__ = ("_slots", "groups")

    def __init__(self) -> None:
        self._slots: list[tuple[list[int], list[int], list[float]]] = []
        self.groups: dict[tuple[int, ...], list[tuple[int, list[Source]]]] = {}

    def add(self, ask: int, sources: list[Source]) -> None:
        """Add what one ask reads."""
        for _, replicas in sources:
            if len(replicas) > 1:
                self.groups.setdefault(tuple(len(each) for _, each in sources), []).append((ask, sources))
                return
        while len(self._slots) < len(sources):
            self._slots.append(([], [], []))
        for (asks, places, sizes), (gb, replicas) in zip(self._slots, sources, strict=False):
            asks.append(ask)
            places.append(replicas[0])
            sizes.append(gb)

    def __bool__(self) -> bool:
        """Whether some ask reads anything."""
        return bool(self._slots or self.groups)

    def gather(self, links: Links, *, asks: int, price: str = "usd_per_gb") -> Moved:
        """Price the inputs that leave no choice, per ask and cluster."""
        per_gb = [links.matrix(name) for name in ("hours_per_gb", price, "grams_per_gb")]
        moved = None
        for indexes, places, sizes in self._slots:
            source = np.full(asks, NOTHING, dtype=np.int64)
            source[indexes] = places
            gb = np.zeros((asks, 1))
            gb[indexes, 0] = not_negative(np.array(sizes, dtype=np.float64))
            more = Moved(*(matrix[source] * gb for matrix in per_gb))
            if moved is not None:
                np.maximum(moved.hours, more.hours, out=more.hours)
                np.add(moved.usd, more.usd, out=more.usd)
                np.add(moved.grams, more.grams, out=more.grams)
            moved = more
        return moved or Moved(*(np.zeros((asks, matrix.shape[1])) for matrix in per_gb))


@dataclass(frozen=True, slots=True)
class Chosen:
    """How inputs get to every offer, and from where.

    Attributes:
        moved: per ask and offer; `hours` is never less than the floor that was given.
        picks: per input, the number of its replica that serves it, per ask and offer.
    """

    moved: Moved
    picks: tuple[Ints, ...]


def choose(
    inputs: Sequence[Sequence[Source]],
    *,
    links: Links,
    at: Ints,
    floor_h: Floats,
    usd_of: UsdOf,
    usd_per_gram: Floats,
) -> Chosen:
    """Choose the replicas of inputs that are read at the same time, for asks of one shape.

    Args:
        inputs: per ask, all staged, or all streamed; at least one.
        links: the network.
        at: the cluster of each offer.
        floor_h: (asks, offers) time that passes anyway: 0 for staging, T_run for streaming.
        usd_of: what such a time costs, in machines, in delay and in whatever else grows with it.
        usd_per_gram: (asks, 1) what emissions cost.
    """
    places = np.array([[index for _, replicas in sources for index in replicas] for sources in inputs], dtype=np.int64)
    gb = not_negative(np.array([[gb for gb, replicas in sources for _ in replicas] for sources in inputs]))
    hours, usd, grams = (
        (links.matrix(name)[places] * gb[:, :, None]).take(at, axis=2)
        for name in ("hours_per_gb", "usd_per_gb", "grams_per_gb")
    )
    counts = [len(replicas) for _, replicas in inputs[0]]
    parts = [slice(end - count, end) for end, count in zip(accumulate(counts), counts, strict=True)]
    return _cheapest(Moved(hours, usd, grams), parts=parts, floor_h=floor_h, usd_of=usd_of, usd_per_gram=usd_per_gram)


def _cheapest(
    replicas: Moved,
    *,
    parts: Sequence[slice],
    floor_h: Floats,
    usd_of: UsdOf,
    usd_per_gram: Floats,
) -> Chosen:
    """Try every replica's time as the slowest, with the cheapest replicas that are no slower."""
    shape = floor_h.shape
    price = replicas.usd + replicas.grams * usd_per_gram[:, :, None]
    best = Chosen(
        Moved(np.full(shape, np.inf), np.full(shape, np.inf), np.full(shape, np.inf)),
        tuple(np.zeros(shape, dtype=np.int64) for _ in parts),
    )
    best_usd = np.full(shape, np.inf)
    for number in range(replicas.hours.shape[1]):
        within_h = np.maximum(replicas.hours[:, number], floor_h)
        able, picks = _no_slower(replicas.hours, price, number, within_h, parts)
        usd, grams = (_sum(column, picks, parts) for column in (replicas.usd, replicas.grams))
        total = _sum(able, picks, parts) + usd_of(within_h)
        # Where time costs nothing, the faster of two equal totals is still the better one.
        better = (total < best_usd) | ((total == best_usd) & (within_h < best.moved.hours))
        np.copyto(best_usd, total, where=better)
        for old, new in zip((best.moved.hours, best.moved.usd, best.moved.grams), (within_h, usd, grams), strict=True):
            np.copyto(old, new, where=better)
        for pick, replica in zip(best.picks, picks, strict=True):
            np.copyto(pick, replica, where=better)
    return best


def _no_slower(
    hours: Floats, price: Floats, number: int, within_h: Floats, parts: Sequence[slice]
) -> tuple[Floats, Sequence[Ints | int]]:
    """Choose the cheapest replica of each input that takes no longer; the prices are infinite for those that do."""
    if len(parts) == 1:
        # Of one input a cheaper replica that is no slower wins when its own time is tried.
        return price, [number]
    able = np.where((hours <= within_h[:, None]) & (price >= 0), price, np.inf)
    return able, [able[:, part].argmin(axis=1) if part.stop - part.start > 1 else 0 for part in parts]


def _sum(figures: Floats, picks: Sequence[Ints | int], parts: Sequence[slice]) -> Floats:
    """Add up, per ask and offer, the figures of the replicas that were picked."""
    total = None
    for part, pick in zip(parts, picks, strict=True):
        column = figures[:, part]
        figure = column[:, pick] if isinstance(pick, int) else _picked(column, pick)
        total = figure if total is None else total + figure
    return np.zeros(figures[:, 0].shape) if total is None else total


def _picked(figures: Floats, pick: Ints) -> Floats:
    """Take, per ask and offer, the figure of the replica that was picked; there are few to go through."""
    found = figures[:, 0]
    for number in range(1, figures.shape[1]):
        found = np.where(pick == number, figures[:, number], found)
    return found
