"""How fast work may move onto one target: a token bucket whose rate follows how the target takes our writes.

As TCP finds the speed of a path: halved at a sign of congestion, raised a little at a time without one. So a thousand
moves to one cluster flow at the speed that it really has, and not at one that somebody guessed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import ceil

from tradewind.outage.moves import MoveBucket

TOO_MANY_REQUESTS = 429
SLOW_S = 2.0
"""An API server that takes longer for the slowest write of a hundred is overloaded; it usually takes milliseconds."""
WINDOW_S = 10.0
"""Answers that are older say nothing about now."""
MIN_ANSWERS = 10
"""Of fewer, one slow write is no sign of anything."""
MAX_ANSWERS = 1000
MIN_SHARE = 1 / 64
"""Of the policy's rate: a move in four seconds at the default, by which it is learned that the target is well again."""
RECOVERS_S = 60.0
"""Time without a sign of overload in which the rate would rise from nothing to the policy's."""
STRAIN_S = 10.0
"""For so long after an answer that showed overload, the target's slowness is taken for the work of our own writes."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What one target, or the fleet, lets through.

    Attributes:
        moves: how many may start now.
        per_minute: how fast the rest follows.
        limit: the field of the policy that says so.
        slowed: why it is slower than the policy allows; "" where it is not.
    """

    moves: int
    per_minute: float
    limit: str
    slowed: str = ""


@dataclass(slots=True)
class Inflow:
    """One target's rate, and the answers to our writes that it follows. Every `now_s` is monotonic.

    Attributes:
        share: of the policy's rate, that it is given now.
        slowed: why it was cut last.
        answered_s: when it last answered a write: proof that its API server lives.
        strained_s: when it last answered one with 429, or slowly.
    """

    share: float = 1.0
    slowed: str = ""
    answered_s: float | None = None
    strained_s: float | None = None
    _bucket: MoveBucket = field(default_factory=MoveBucket)
    _answers: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=MAX_ANSWERS))
    _cut_s: float | None = None
    _raised_s: float = 0.0

    def see(self, status: int, *, took_s: float, now_s: float, unheard_s: float = 0.0) -> None:
        """Take the end of one write: its HTTP status, 0 where no answer came.

        No answer is slow if it was long waited for; a refused connection is no sign of overload. `unheard_s` of the
        time that it took is our own: we were too busy to hear the answer.
        """
        sent_s, took_s = now_s - took_s, took_s - unheard_s
        if status:
            self.answered_s = now_s
        elif took_s < SLOW_S:
            return
        if status and (status == TOO_MANY_REQUESTS or took_s > SLOW_S):
            self.strained_s = now_s
        if self._cut_s is not None and sent_s <= self._cut_s:
            return  # sent before the last cut, it says nothing about the rate since
        self._answers.append((now_s, took_s))
        if status == TOO_MANY_REQUESTS:
            self._cut("it answers 429, too many requests", now_s)
        elif (slowest_s := self._p99_s(now_s)) > SLOW_S:
            self._cut(f"one write in a hundred takes it longer than {SLOW_S:g} s ({slowest_s:.1f} s)", now_s)

    def pace(self, *, per_minute: float, burst: int, now_s: float) -> Pace:
        """Say how many moves may start onto it now, and how fast others follow."""
        self._rise(now_s)
        rate = per_minute * self.share
        # A target that is overloaded gets no burst: what has gathered is what one second brings.
        most = burst if self.share >= 1.0 else max(1, min(burst, ceil(rate / 60)))
        moves = self._bucket.available(per_minute=rate, burst=most, now_s=now_s)
        return Pace(moves, rate, "moves.perTargetPerMinute", self.slowed if self.share < 1.0 else "")

    def spend(self, moves: int) -> None:
        """Count moves onto it that have been decided."""
        self._bucket.spend(moves)

    def strains(self, now_s: float) -> bool:
        """Whether our own writes slow it down, so that its slowness is no evidence."""
        return self.strained_s is not None and now_s - self.strained_s < STRAIN_S

    def _cut(self, why: str, now_s: float) -> None:
        self._rise(now_s)
        self.share = max(MIN_SHARE, self.share / 2)
        self.slowed, self._cut_s = why, now_s
        self._answers.clear()

    def _rise(self, now_s: float) -> None:
        if self.share < 1.0:
            self.share = min(1.0, self.share + max(0.0, now_s - self._raised_s) / RECOVERS_S)
        self._raised_s = max(self._raised_s, now_s)

    def _p99_s(self, now_s: float) -> float:
        """Find the time that 99 of 100 of the latest writes took at most; 0 where there are too few."""
        while self._answers and now_s - self._answers[0][0] > WINDOW_S:
            self._answers.popleft()
        count = len(self._answers)
        if count < MIN_ANSWERS:
            return 0.0
        return sorted(took_s for _, took_s in self._answers)[ceil(0.99 * count) - 1]
