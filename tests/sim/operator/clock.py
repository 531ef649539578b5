"""Time that is made, not waited for: one queue of what happens, and an asyncio loop for each operator process.

Each process has a loop of its own, so that it can be paused, also in the middle of a request, and killed, while
everything else goes on.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

START_S = 1000.0
WALL_S = 1_798_761_600.0
"""2027-01-01, at the beginning of every history."""
MAX_TURNS = 100_000


class LivelockError(AssertionError):
    """A process works for ever without time going on."""


class ProcessLoop(asyncio.BaseEventLoop):
    """An event loop that sees only the time that it is given, and is run by `turn`."""

    # What asyncio's own base class has, and its stubs leave out.
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _timer_cancelled_count: int
    _run_once: Callable[[], None]

    def __init__(self, now_s: float) -> None:
        super().__init__()
        self._now_s = now_s
        self._selector = self
        self.set_exception_handler(lambda *_: None)

    def time(self) -> float:
        """Say the time that this process has been given."""
        return self._now_s

    def select(self, _: float | None) -> list[Any]:
        """Wait for nothing: what happens outside is put in by call_soon."""
        return []

    def _process_events(self, _: list[Any]) -> None:
        return

    def _write_to_self(self) -> None:
        return

    def next_s(self) -> float | None:
        """When there is something to do; None for never."""
        if self._ready:
            return self._now_s
        while self._scheduled and self._scheduled[0].cancelled():
            heapq.heappop(self._scheduled)
            self._timer_cancelled_count = max(0, self._timer_cancelled_count - 1)
        return self._scheduled[0].when() if self._scheduled else None

    def _ring(self) -> bool:
        """Make ready what is due; says whether anything is."""
        scheduled = self._scheduled
        while scheduled and (scheduled[0]._cancelled or scheduled[0]._when <= self._now_s):  # type: ignore[attr-defined] # noqa: SLF001 - asyncio's own handles
            handle = heapq.heappop(scheduled)
            handle._scheduled = False  # type: ignore[attr-defined] # noqa: SLF001 - as above
            if not handle._cancelled:  # noqa: SLF001 - as above
                self._ready.append(handle)
        return bool(self._ready)

    def turn(self, now_s: float) -> None:
        """Do all that can be done at this time."""
        self._now_s = max(self._now_s, now_s)
        asyncio.events._set_running_loop(self)  # noqa: SLF001 - what run_forever does, without its waiting
        try:
            for _ in range(MAX_TURNS):
                if not self._ready and not self._ring():
                    return
                for _ in range(len(self._ready)):
                    handle = self._ready.popleft()
                    if not handle._cancelled:  # noqa: SLF001 - as asyncio's own loop does
                        handle._run()  # noqa: SLF001 - as above
        finally:
            asyncio.events._set_running_loop(None)  # noqa: SLF001 - as above
        raise LivelockError(f"it never rests at {self._now_s:.1f}")


class Clock:
    """What is to happen, in order of time."""

    def __init__(self) -> None:
        self.now_s = START_S
        self.offset_s = WALL_S - START_S
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._serial = itertools.count()

    def wall(self) -> float:
        """Say what the clock on the wall says, which may have been set wrong."""
        return self.now_s + self.offset_s

    def at(self, when_s: float, act: Callable[[], object]) -> None:
        """Have something done at a time."""
        heapq.heappush(self._queue, (max(when_s, self.now_s), next(self._serial), act))

    def every(self, period_s: float, act: Callable[[], object]) -> None:
        """Have something done again and again."""

        def again() -> None:
            act()
            self.at(self.now_s + period_s, again)

        self.at(self.now_s + period_s, again)

    def next_s(self) -> float | None:
        """When something happens; None for never."""
        return self._queue[0][0] if self._queue else None

    def happen(self) -> None:
        """Do what is due."""
        while self._queue and self._queue[0][0] <= self.now_s:
            heapq.heappop(self._queue)[2]()
