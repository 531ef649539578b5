"""Cycles and paths that make a sum smaller, on a small dense graph. Nothing here knows what the vertices are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tradewind.placement.table import Floats, Ints


def negative_cycle(weights: Floats, *, least: float) -> list[int] | None:
    """Find a cycle whose edges sum to less than nothing.

    Args:
        weights: from row to column; infinite where there is no edge.
        least: what a way must be shorter by, to be worth it.

    Returns:
        Its vertices in order, the first one not repeated; None where there is no such cycle.
    """
    vertices = len(weights)
    distance = np.zeros(vertices)
    before = np.full(vertices, -1, dtype=np.int64)
    for _ in range(vertices):
        if not _relax(weights, distance, before, least=least):
            return None
        cycle = _cycle(before)
        if cycle is not None:
            return cycle
    return None


def shortest_path(weights: Floats, *, start: int, end: int, least: float) -> list[int] | None:
    """Find the cheapest way from one vertex to another, where no cycle is negative; None where there is none."""
    vertices = len(weights)
    distance = np.full(vertices, np.inf)
    distance[start] = 0.0
    before = np.full(vertices, -1, dtype=np.int64)
    for _ in range(vertices):
        if not _relax(weights, distance, before, least=least) or _cycle(before) is not None:
            break
    if not np.isfinite(distance[end]) or _cycle(before) is not None:
        return None
    path = [end]
    while path[-1] != start:
        path.append(int(before[path[-1]]))
    return path[::-1]


def _relax(weights: Floats, distance: Floats, before: Ints, *, least: float) -> bool:
    """Shorten every distance by one more edge, in place; say whether any became shorter."""
    through = distance[:, None] + weights
    best = through.argmin(axis=0)
    found = through[best, np.arange(len(weights))]
    with np.errstate(invalid="ignore"):  # infinite less infinite
        shorter = found < distance - least
    distance[shorter], before[shorter] = found[shorter], best[shorter]
    return bool(shorter.any())


def _cycle(before: Ints) -> list[int] | None:
    """Follow the predecessors; return a cycle among them, in the direction of the edges."""
    back = before.tolist()
    seen = [-1] * len(back)
    for start in range(len(back)):
        vertex = start
        while vertex >= 0 and seen[vertex] < 0:
            seen[vertex] = start
            vertex = back[vertex]
        if vertex >= 0 and seen[vertex] == start:
            cycle = [vertex]
            while back[cycle[-1]] != vertex:
                cycle.append(back[cycle[-1]])
            return cycle[::-1]
    return None
