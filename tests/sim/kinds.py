"""The three simulators, and how many histories of each the test suite plays: ten thousand together.

A history of the whole operator costs thirty times as much as one of its judging alone, so most are of that kind. The
figures can be set by TRADEWIND_OPERATOR_HISTORIES and so on; `make soak` plays as many as you like, in these
proportions.
"""

from __future__ import annotations

import os

OPERATOR, LIFECYCLE, DETECTION = "operator", "lifecycle", "detection"
COUNTS = {OPERATOR: 400, LIFECYCLE: 2600, DETECTION: 7000}
BLOCKS = 20
"""Tests that share the histories of a kind, so that they are played by several processes."""


def seeds(kind: str, block: int) -> range:
    """Say which histories a block has."""
    count = int(os.environ.get(f"TRADEWIND_{kind.upper()}_HISTORIES", COUNTS[kind]))
    return range(block, count, BLOCKS)


def mix(count: int) -> dict[str, int]:
    """Divide histories over the kinds as the test suite does; what doesn't divide is of the last kind, the cheapest."""
    counts = {kind: count * each // sum(COUNTS.values()) for kind, each in COUNTS.items()}
    counts[DETECTION] += count - sum(counts.values())
    return counts


def interleaved(counts: dict[str, int], *, first: int) -> list[tuple[str, int]]:
    """Put the histories (kind, seed) of all kinds in one order, each kind from seed `first` on and evenly spread."""
    placed = [((index + 0.5) / count, kind, first + index) for kind, count in counts.items() for index in range(count)]
    return [(kind, seed) for _, kind, seed in sorted(placed)]
