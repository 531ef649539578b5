"""When this operator itself heard nothing: an answer that comes while a round decides waits until that has ended.

Without this a round over a thousand workloads would make each API server look as slow as the operator is.
"""

from __future__ import annotations

from collections import deque

KEPT = 64
"""Rounds; a write is given up long before as many have been made."""


class Stalls:
    """The latest times in which the event loop was kept busy. All times are monotonic, in seconds."""

    def __init__(self) -> None:
        self._latest: deque[tuple[float, float]] = deque(maxlen=KEPT)

    def note(self, began_s: float, ended_s: float) -> None:
        """Remember that nothing was heard between the two."""
        self._latest.append((began_s, ended_s))

    def unheard_s(self, since_s: float, now_s: float) -> float:
        """Say for how much of the time since then no answer could be heard."""
        return sum(max(0.0, min(ended_s, now_s) - max(began_s, since_s)) for began_s, ended_s in self._latest)
