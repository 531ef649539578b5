"""Two operators of one hub, each with a log of every write that it sends."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from tests.lab.operator_fleet import LEASE, SYSTEM
from tests.lab.operator_process import LEADS
from tests.lab.operator_waiting import until

if TYPE_CHECKING:
    from tests.lab.operator_fleet import Fleet, Manifest
    from tests.lab.operator_process import Operator

JOBS = [f"job-{number}" for number in range(50)]
TAKE_OVER_S = 45.0
"""The lease's 15 s, and a busy machine."""


class Pair:
    """The fleet's operator, and a second one."""

    def __init__(self, fleet: Fleet, second: Operator) -> None:
        self.fleet = fleet
        self.both = (fleet.operator, second)

    def up(self) -> tuple[Operator, Operator]:
        """Start what does not run, and wait until one leads and the other stands by; returns them in this order."""
        for each in self.both:
            each.send(signal.SIGCONT)
            if not each.runs:
                each.start(wait=False)
        until("one leads", self.leaders, within_s=TAKE_OVER_S)
        [leader] = self.leaders()
        standby = self.other(leader)
        standby.until_warm()
        return leader, standby

    def leaders(self) -> list[Operator]:
        """Those that decide, by their own word."""
        return [each for each in self.both if each.runs and each.get("/readyz") == LEADS]

    def other(self, one: Operator) -> Operator:
        """The other one."""
        return self.both[0] if one is self.both[1] else self.both[1]

    def lease(self) -> Manifest:
        """The spec of the Lease."""
        spec: Manifest = self.fleet.hub.get("Lease", SYSTEM, LEASE)["spec"]
        return spec

    def until_leads(self, one: Operator, *, since: float) -> float:
        """Wait until it leads; returns the seconds from a time of the monotonic clock on, as pytest shows them too."""
        until("the other one leads", lambda: one.get("/readyz") == LEADS, within_s=TAKE_OVER_S)
        took_s = time.monotonic() - since
        print(f"led after {took_s:.1f} s")  # noqa: T201 - pytest shows it
        return took_s


def sent(log: str) -> list[str]:
    """The writes in an operator's log, but for those of its own Lease."""
    return [line for line in log.splitlines() if " sending cluster=" in line and f"/leases/{LEASE}" not in line]
