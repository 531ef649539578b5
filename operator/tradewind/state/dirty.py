"""Which workloads must be looked at again: events only mark them; one round looks at all that are marked."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tradewind.model.plan import Wake
    from tradewind.model.workload import Key

MANY_STALE = 1000
"""From this many expectations on that have been replaced by others, they are swept out."""
MAX_STEP_BACK_S = 5.0
"""A clock that is set back by more would have everything wait for longer by as much."""


class Dirty:
    """The marked keys, those that sleep until a kind of change, and those that are to be looked at again later.

    `woken` is called whenever the set of marked keys stops being empty or grows.
    """

    def __init__(self, woken: Callable[[], None]) -> None:
        self._woken = woken
        self._marked: set[Key] = set()
        self._sleeping: dict[Key, frozenset[Wake]] = {}
        self._alarms: list[tuple[float, Key]] = []
        self._expected: dict[Key, float] = {}
        self._turns: list[tuple[float, Key]] = []
        self._rang_s = 0.0

    def __len__(self) -> int:
        """How many are marked."""
        return len(self._marked)

    def mark(self, keys: Iterable[Key]) -> None:
        """Have these looked at in the next round."""
        before = len(self._marked)
        self._marked.update(keys)
        if len(self._marked) != before:
            self._woken()

    def sleep(self, key: Key, wakes_on: frozenset[Wake]) -> None:
        """Let refused work sleep until one of these kinds of change; none: forget that it slept."""
        if wakes_on:
            self._sleeping[key] = wakes_on
        else:
            self._sleeping.pop(key, None)

    def wake(self, change: Wake) -> None:
        """Mark all that sleep until this kind of change."""
        self.mark([key for key, wakes_on in self._sleeping.items() if change in wakes_on])

    def remind(self, key: Key, at_s: float) -> None:
        """Have this looked at when the clock reaches `at_s`."""
        heapq.heappush(self._alarms, (at_s, key))

    def expect(self, key: Key, at_s: float | None) -> None:
        """Have this looked at when the clock reaches `at_s`, and at no other time that was expected before."""
        if at_s is None:
            self._expected.pop(key, None)
        elif self._expected.get(key) != at_s:
            self._expected[key] = at_s
            heapq.heappush(self._turns, (at_s, key))
            if len(self._turns) > MANY_STALE + 2 * len(self._expected):
                self._turns = [(time_s, each) for each, time_s in self._expected.items()]
                heapq.heapify(self._turns)

    def ring(self, now_s: float) -> None:
        """Mark those whose time has come; all that wait for a time, where the clock has been set back."""
        set_back, self._rang_s = now_s < self._rang_s - MAX_STEP_BACK_S, now_s
        due = []
        if set_back:
            due = [*(key for _, key in self._alarms), *self._expected]
            self._alarms.clear()
            self._expected.clear()
            self._turns.clear()
        while self._alarms and self._alarms[0][0] <= now_s:
            due.append(heapq.heappop(self._alarms)[1])
        while self._turns and self._turns[0][0] <= now_s:
            at_s, key = heapq.heappop(self._turns)
            if self._expected.get(key) == at_s:
                del self._expected[key]
                due.append(key)
        if due:
            self.mark(due)

    def take(self, *, but: Iterable[Key] = ()) -> set[Key]:
        """Take the marked keys, except those that are still being worked on; they stay marked."""
        busy = self._marked.intersection(but)
        taken = self._marked - busy
        self._marked = busy
        return taken

    def put_back(self, keys: Iterable[Key]) -> None:
        """Have these looked at in a later round, without hurrying it."""
        self._marked.update(keys)

    def forget(self, key: Key) -> None:
        """Drop all that is known of a key that is gone."""
        self._marked.discard(key)
        self._sleeping.pop(key, None)
        self._expected.pop(key, None)
