"""Ninety seconds in which either of two operators is killed, paused or ended again and again, by a seed."""

from __future__ import annotations

import os
import random
import signal
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_manifests import a_job
from tests.lab.operator_waiting import until

if TYPE_CHECKING:
    from tests.lab.operator_fleet import Fleet, Manifest
    from tests.lab.operator_pair import Pair
    from tests.lab.operator_process import Operator

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_pair_fixtures"]

SEED = int(os.environ.get("TRADEWIND_HA_SEED", "1"))
FOR_S = float(os.environ.get("TRADEWIND_HA_SECONDS", "90"))
MAX_JOBS = 100
MAX_PAUSE_S = 25.0
"""Longer than the lease, now and then."""
RESTART_S = 2.0


class Trouble:
    """Does things to operators, and mends them later."""

    def __init__(self, pair: Pair, chance: random.Random) -> None:
        self.done: list[str] = []
        self._pair = pair
        self._chance = chance
        self._paused: dict[Operator, float] = {}
        self._ended: dict[Operator, float] = {}

    def make(self) -> None:
        """Kill, end or pause one of them, be it the one that leads or the other."""
        victim = self._chance.choice(self._pair.both)
        if victim in self._paused or not victim.runs:
            return
        how = self._chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP, signal.SIGSTOP))
        self.done.append(f"{how.name} {self._pair.both.index(victim)}")
        if how is signal.SIGSTOP:
            self._paused[victim] = time.monotonic() + self._chance.uniform(1.0, MAX_PAUSE_S)
        victim.send(how)

    def mend(self) -> None:
        """Let go on what has been paused for long enough, and start again what has ended, as a kubelet does."""
        now = time.monotonic()
        for each in [each for each, end_s in self._paused.items() if now > end_s]:
            del self._paused[each]
            each.send(signal.SIGCONT)
        for each in self._pair.both:
            if each.runs:
                self._ended.pop(each, None)
            elif now > self._ended.setdefault(each, now) + RESTART_S:
                each.start(wait=False)


def _places(fleet: Fleet, name: str) -> list[Manifest]:
    places: list[Manifest] = fleet.status(name).get("placements") or []
    return places


def test_whatever_happens_to_either_operator_each_job_is_made_once(pair: Pair) -> None:
    fleet, chance = pair.fleet, random.Random(SEED)  # noqa: S311 - a replayable choice
    trouble = Trouble(pair, chance)
    fleet.mark()
    names: list[str] = []
    until_s = time.monotonic() + FOR_S
    next_s = 0.0
    while time.monotonic() < until_s:
        trouble.mend()
        if time.monotonic() > next_s:
            next_s = time.monotonic() + chance.uniform(0.5, 6.0)
            trouble.make()
        if len(names) < MAX_JOBS and chance.random() < 0.3:
            names.append(f"job-{len(names)}")
            fleet.submit(a_job(names[-1]))
        time.sleep(0.2)
    print(f"seed {SEED}: {', '.join(trouble.done)}; {len(names)} jobs")  # noqa: T201 - pytest shows it

    pair.up()
    for name in names:
        [place] = until(f"{name} has a place", partial(_places, fleet, name), within_s=60)
        fleet.until_runs(name, place["cluster"], within_s=60)
        assert fleet.status(name)["epoch"] == 1
    assert fleet.made() == dict.fromkeys(names, 1)
    assert "Traceback" not in "".join(each.log() for each in pair.both)
