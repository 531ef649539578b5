"""Which replica serves each input: the choice that is cheapest in egress and time together.

Inputs are read at the same time, so the time is that of the slowest one. Choosing each replica by itself would pay for
speed that another input's slowness wastes; so every time that could be the slowest is tried, and for each of them the
cheapest replicas that are no slower. That is exact, and one pass per replica over all asks and offers.

Most work has one input with one location, where there is nothing to choose: that is a gather by index, per cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

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

CHECKPOINT = "checkpoint"
"""What the checkpoint that is read at the start is called among the inputs."""


class Source(NamedTuple):
    """An input of an ask: its name, its size, and the replicas that can be read, by index."""

    name: str
    gb: float
    replicas: tuple[int, ...]


@dataclass(slots=True)
class Moved:
    """What reading inputs takes; arrays have an entry per ask and cluster, or offer.

    Attributes:
        hours: until the slowest is there.
        usd: egress. grams: what the transfer emits.
    """

    hours: Floats
    usd: Floats
    grams: Floats


def staged(ask: Ask, links: Links) -> list[Source]:
    """List what is copied before the start: inputs, and the checkpoint where the work resumes."""
    found = [
        Source(one.name, one.size_bytes / BYTES_PER_GB, links.readable(one.locations))
        for one in ask.workload.data
        if one.access is Access.STAGE
    ]
    saved = ask.workload.checkpoint
    if ask.resumes and saved is not None:
        found.append(Source(CHECKPOINT, saved.size_bytes / BYTES_PER_GB, links.readable(saved.locations)))
    return found


def streamed(ask: Ask, links: Links) -> list[Source]:
    """List what is read over the run; of work that has gone some of the way, what is left of it."""
    return [
        Source(one.name, one.size_bytes / BYTES_PER_GB * ask.left, links.readable(one.locations))
        for one in ask.workload.data
        if one.access is Access.STREAM
    ]


def gather(inputs: Sequence[Sequence[Source]], links: Links, *, price: str = "usd_per_gb") -> Moved:
    """Price inputs that have one replica each, per ask and cluster; an ask may have none."""
    slots = _slots(inputs)
    per_gb = [links.matrix(name) for name in ("hours_per_gb", price, "grams_per_gb")]
    zero = np.zeros((len(inputs), per_gb[0].shape[1]))
    moved = Moved(zero, zero, zero)
    for number, (source, gb) in enumerate(slots):
        hours, usd, grams = (matrix[source] for matrix in per_gb)
        for column in (hours, usd, grams):
            np.multiply(column, gb, out=column)
        if number:
            np.maximum(moved.hours, hours, out=hours)
            usd += moved.usd
            grams += moved.grams
        moved = Moved(hours, usd, grams)
    return moved


def _slots(inputs: Sequence[Sequence[Source]]) -> list[tuple[Ints, Floats]]:
    """Lay the first inputs of all asks side by side, then the second ones, ...: index and GB of each."""
    slots = []
    for number in range(max(map(len, inputs), default=0)):
        source = [one[number].replicas[0] if number < len(one) else NOTHING for one in inputs]
        gb = [one[number].gb if number < len(one) else 0.0 for one in inputs]
        slots.append((np.array(source, dtype=np.int64), not_negative(np.array(gb, dtype=np.float64))[:, None]))
    return slots


def has_choice(sources: Sequence[Source]) -> bool:
    """Whether some input can be read from more than one place."""
    return any(len(one.replicas) > 1 for one in sources)


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
    inputs: Sequence[Sequence[Source]], *, links: Links, cluster_of: Ints, floor_h: Floats, usd_per_hour: Floats
) -> Chosen:
    """Choose the replicas of inputs that are read at the same time, for asks of one shape.

    Args:
        inputs: per ask, all staged, or all streamed; at least one.
        links: the network.
        cluster_of: the cluster of each offer.
        floor_h: (asks, offers) time that passes anyway: 0 for staging, T_run for streaming.
        usd_per_hour: (asks, offers) what each hour costs, in machines and in delay.
    """
    replicas = np.array([[index for one in sources for index in one.replicas] for sources in inputs], dtype=np.int64)
    gb = not_negative(np.array([[one.gb for one in sources for _ in one.replicas] for sources in inputs]))
    hours, usd, grams = (
        (links.matrix(name)[replicas] * gb[:, :, None])[:, :, cluster_of]
        for name in ("hours_per_gb", "usd_per_gb", "grams_per_gb")
    )
    ends = np.cumsum([len(one.replicas) for one in inputs[0]])
    parts = [slice(end - len(one.replicas), end) for end, one in zip(ends.tolist(), inputs[0], strict=True)]
    hours_at, picks = _cheapest(hours, usd, parts=parts, floor_h=floor_h, usd_per_hour=usd_per_hour)
    moved = Moved(hours_at, np.zeros(hours_at.shape), np.zeros(hours_at.shape))
    for part, pick in zip(parts, picks, strict=True):
        moved.usd += _picked(usd[:, part], pick)
        moved.grams += _picked(grams[:, part], pick)
    return Chosen(moved, tuple(picks))


def _cheapest(
    hours: Floats, usd: Floats, *, parts: Sequence[slice], floor_h: Floats, usd_per_hour: Floats
) -> tuple[Floats, list[Ints]]:
    """Try every replica's time as the slowest; return the time, and per input the replica, per ask and offer."""
    shape = floor_h.shape
    best_usd, best_h = np.full(shape, np.inf), np.full(shape, np.inf)
    picks = [np.zeros(shape, dtype=np.int64) for _ in parts]
    for number in range(hours.shape[1]):
        within_h = np.maximum(hours[:, number], floor_h)
        total = usd_per_hour * within_h
        trial = []
        for part in parts:
            price = np.where(hours[:, part] <= within_h[:, None], usd[:, part], np.inf)
            price[np.isnan(price)] = np.inf
            pick = price.argmin(axis=1)
            total += _picked(price, pick)
            trial.append(pick)
        # Where time costs nothing, the faster of two equal totals is still the better one.
        better = (total < best_usd) | ((total == best_usd) & (within_h < best_h))
        np.copyto(best_usd, total, where=better)
        np.copyto(best_h, within_h, where=better)
        for new, old in zip(trial, picks, strict=True):
            np.copyto(old, new, where=better)
    return best_h, picks


def _picked(figures: Floats, pick: Ints) -> Floats:
    """Take, per ask and offer, the figure of the replica that was picked."""
    return np.take_along_axis(figures, pick[:, None], axis=1)[:, 0]
