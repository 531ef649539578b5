"""The three simulators, and how many histories of each the test suite plays: ten thousand together.

A history of the whole operator costs thirty times as much as one of its judging alone, so most are of that kind. The
figures can be set by TRADEWIND_OPERATOR_HISTORIES and so on; `make soak` plays as many as you like.
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
