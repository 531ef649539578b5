"""Cycles and paths on a small graph, by hand and against all that there are."""

from __future__ import annotations

from itertools import pairwise, permutations
from math import inf

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tradewind.placement.trade import negative_cycles, shortest_path

WEIGHTS = st.integers(2, 5).flatmap(
    lambda size: st.lists(
        st.lists(st.sampled_from((-3.0, -1.0, 0.0, 1.0, 2.0, inf)), min_size=size, max_size=size),
        min_size=size,
        max_size=size,
    )
)


def length(weights: list[list[float]], ring: tuple[int, ...]) -> float:
    return sum(weights[start][end] for start, end in zip(ring, (*ring[1:], ring[0]), strict=True))


@given(weights=WEIGHTS)
def test_negative_cycles_are_found_where_there_is_one_and_nowhere_else(weights: list[list[float]]) -> None:
    size = len(weights)
    rings = [ring for count in range(1, size + 1) for ring in permutations(range(size), count)]
    found, _ = negative_cycles(np.array(weights), least=1e-9)
    if not found:
        assert min(length(weights, ring) for ring in rings) >= 0
    vertices = [vertex for ring in found for vertex in ring]
    assert len(set(vertices)) == len(vertices)
    assert all(length(weights, tuple(ring)) < 0 for ring in found)


@given(weights=WEIGHTS)
def test_the_shortest_path_is_as_short_as_any(weights: list[list[float]]) -> None:
    size = len(weights)
    positive = [[abs(each) for each in row] for row in weights]
    inner = [middle for count in range(size - 1) for middle in permutations(range(1, size - 1), count)]
    routes = [(0, *middle, size - 1) for middle in inner]
    lengths = [sum(positive[a][b] for a, b in pairwise(route)) for route in routes]
    found = shortest_path(np.array(positive), start=0, end=size - 1, least=1e-9)
    if found is None:
        assert min(lengths) == inf
    else:
        assert (found[0], found[-1]) == (0, size - 1)
        assert sum(positive[a][b] for a, b in pairwise(found)) == min(lengths)
