"""Cycles and paths that make a sum smaller, on a small dense graph. Nothing here knows what the vertices are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tradewind.placement.table import Floats, Ints


def negative_cycles(weights: Floats, *, least: float) -> tuple[list[list[int]], Floats]:
    """Find cycles whose edges sum to less than nothing, no two of them with a vertex in common.

    Args:
        weights: from row to column; infinite where there is no edge.
        least: what a way must be shorter by, to be worth it.

    Returns:
        The vertices of each in order, the first one not repeated; none where there is no such cycle. And the shortest
        ways to each vertex, as far as they were looked for: until some cycle showed.
    """
    vertices = len(weights)
    distance = np.zeros(vertices)
    before = np.full(vertices, -1, dtype=np.int64)
    inward = np.ascontiguousarray(weights.T)
    for _ in range(vertices):
        if not _relax(inward, distance, before, least=least):
            break
        cycles = _cycles(before)
        if cycles:
            return cycles, distance
    return [], distance


def shortest_path(weights: Floats, *, start: int, end: int, least: float) -> list[int] | None:
    """Find the cheapest way from one vertex to another, where no cycle is negative; None where there is none."""
    vertices = len(weights)
    distance = np.full(vertices, np.inf)
    distance[start] = 0.0
    before = np.full(vertices, -1, dtype=np.int64)
    inward = np.ascontiguousarray(weights.T)
    for _ in range(vertices):
        if not _relax(inward, distance, before, least=least) or _cycles(before):
            break
    if not np.isfinite(distance[end]) or _cycles(before):
        return None
    path = [end]
    while path[-1] != start:
        path.append(int(before[path[-1]]))
    return path[::-1]


def _relax(inward: Floats, distance: Floats, before: Ints, *, least: float) -> bool:
    """Shorten every distance by one more edge, in place; say whether any became shorter.

    The weights are from column to row: what is compared lies side by side.
    """
    through = inward + distance
    best = through.argmin(axis=1)
    found = through[np.arange(len(inward)), best]
    with np.errstate(invalid="ignore"):  # infinite less infinite
        shorter = found < distance - least
    distance[shorter], before[shorter] = found[shorter], best[shorter]
    return bool(shorter.any())


def _cycles(before: Ints) -> list[list[int]]:
    """Follow the predecessors; return the cycles among them, in the direction of the edges."""
    back = before.tolist()
    seen = [-1] * len(back)
    found = []
    for start in range(len(back)):
        vertex = start
        while vertex >= 0 and seen[vertex] < 0:
            seen[vertex] = start
            vertex = back[vertex]
        if vertex >= 0 and seen[vertex] == start:
            cycle = [vertex]
            while back[cycle[-1]] != vertex:
                cycle.append(back[cycle[-1]])
            found.append(cycle[::-1])
    return found
