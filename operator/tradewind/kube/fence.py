"""The fence of one operator process: whether a write may begin, and by when it has to be over.

Every client of an API server is made with a fence and asks it at each write, at the one place that all writes pass, so
that none can be forgotten. Its time is counted on a clock that goes on while the machine is suspended.

Why no write of a leader that was deposed takes effect: leadership ends at a known moment of our own clock. A write gets
a time-out that ends before, is checked once more when its bytes go out (a process may have been paused in between), may
be kept by the kernel for `WIRE_S` at most, and tells the API server to give up after the same time-out. What is left is
a pause between that last check and the system call behind it, and proxies that hold data back. Such a write is harmless
where it arrives: decisions are compared with the resourceVersion that they were made on, deletes with the uid, and
copies are created, never overwritten, under an epoch that has been used once.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.kube.errors import NotLeadingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WIRE_S = 3.0
"""Data that nobody acknowledges for this long is dropped by the kernel (TCP_USER_TIMEOUT), also while we are paused."""
SLACK_S = 2.0
"""For connecting, which lies between choosing a time-out and sending, and for clocks that differ in rate."""
MIN_WRITE_S = 1.5
"""A write that would get less time than this is not begun."""
MARGIN_S = WIRE_S + SLACK_S + MIN_WRITE_S
"""No write begins in the last seconds of leadership."""
LOOK_S = 0.02
NOT_LEADING = "The lease can't be renewed; nothing is written meanwhile."


def boot_s() -> float:
    """Read the clock of leadership, in seconds.

    Linux: CLOCK_BOOTTIME, which can't be set, as CLOCK_MONOTONIC can't, and goes on while the machine sleeps, as that
    one does not: a leader that wakes up would believe for seconds that it still leads. Elsewhere CLOCK_MONOTONIC.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Fence:
    """Closed until somebody opens it.

    Args:
        clock: monotonic, in seconds, also while the machine is suspended.
    """

    def __init__(self, clock: Callable[[], float] = boot_s) -> None:
        self.clock = clock
        self._ends_s = -math.inf
        self._under_way = 0
        self._unsure_until_s = -math.inf

    @property
    def is_open(self) -> bool:
        """Whether a write may begin."""
        return self.left_s() > MARGIN_S

    def left_s(self) -> float:
        """Say for how long nobody else can be leading."""
        return self._ends_s - self.clock()

    def open(self, ends_s: float) -> None:
        """Let writes begin that are over by then."""
        self._ends_s = ends_s

    def close(self) -> None:
        """Let none begin; those under way go on."""
        self._ends_s = -math.inf

    @contextmanager
    def write(self, *, at_most_s: float) -> Iterator[Permit]:
        """Count a write while it lasts; see `Permit` for what its maker has to tell.

        Raises:
            NotLeadingError: it may not begin.
        """
        permit = Permit(self, min(at_most_s, self.left_s() - WIRE_S - SLACK_S))
        if permit.timeout_s < min(at_most_s, MIN_WRITE_S):
            raise NotLeadingError("NotLeading", NOT_LEADING)
        self._under_way += 1
        try:
            yield permit
        finally:
            self._under_way -= 1
            if not permit.answered:
                self._unsure_until_s = max(self._unsure_until_s, permit.over_by_s)

    async def still(self, *, within_s: float) -> bool:
        """Wait until no write is under way any more, and say whether that came true in time."""
        deadline_s = self.clock() + within_s
        while self._under_way or self.clock() < self._unsure_until_s:
            if self.clock() > deadline_s:
                return False
            await asyncio.sleep(LOOK_S)
        return True


@dataclass(slots=True)
class Permit:
    """Leave for one write.

    Attributes:
        timeout_s: how long it may take, for us and for the API server.
        answered: set once an API server has answered. Before, it may still take effect: by `over_by_s` at the latest.
    """

    fence: Fence
    timeout_s: float
    answered: bool = False
    over_by_s: float = -math.inf

    def send(self) -> None:
        """Called just before its bytes go out.

        Raises:
            NotLeadingError: there is no time left for it.
        """
        if self.fence.left_s() < self.timeout_s + WIRE_S:
            raise NotLeadingError("NotLeading", NOT_LEADING)
        self.over_by_s = self.fence.clock() + self.timeout_s + WIRE_S


def unfenced() -> Fence:
    """Make a fence for a program that is no operator, or for the Lease itself: always open."""
    fence = Fence()
    fence.open(math.inf)
    return fence
