"""Plays histories by their seeds, and shrinks what fails."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from tests.sim.operator.fakeapi import OPEN
from tests.sim.operator.faults import Event, events_of, happen
from tests.sim.operator.invariants import Watchman
from tests.sim.operator.process import simulated
from tests.sim.operator.rest import Rest
from tests.sim.operator.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

REPLICAS = int(os.environ.get("TRADEWIND_OPERATOR_REPLICAS", "1"))
"""Operator processes from the beginning on; a pause that is long starts another one anyway."""
REST_S, PATIENCE_S, IDLE_S = 20.0, 500.0, 15.0


class Failure(AssertionError):  # noqa: N818 - a finding
    """A history that breaks an invariant; `what` says which, without its details."""

    def __init__(self, seed: int, events: Sequence[Event], error: BaseException, *, replicas: int) -> None:
        lines = "\n".join(map(str, events))
        replay = (
            f"make soak SEED={seed}"
            if replicas == 1
            else f"TRADEWIND_OPERATOR_REPLICAS={replicas} make soak SEED={seed}"
        )
        super().__init__(f"seed {seed}: {type(error).__name__}: {error}\n{lines}\nReplay: {replay}")
        self.seed, self.events, self.replicas = seed, list(events), replicas
        self.what = str(error).partition(":")[0] if isinstance(error, AssertionError) else type(error).__name__


class History:
    """One history."""

    def __init__(self, seed: int, events: Sequence[Event], *, replicas: int = REPLICAS) -> None:
        self.seed, self.events = seed, events
        self.world = World(seed, replicas=replicas)
        self.watchman = Watchman(self.world)

    def play(self) -> None:
        """Let it happen, then let all faults end, and see that all comes to rest."""
        world = self.world
        with simulated(world, self.seed):
            try:
                for _ in range(world.replicas):
                    world.start()
                for event in self.events:
                    self._run(1000.0 + event.at_s)
                    happen(world, event)
                    self.watchman.changed = True
                self._run(world.clock.now_s + REST_S)
                self._rest()
            finally:
                for process in world.processes:
                    process.bury()

    def _run(self, until_s: float) -> None:
        """Let time go on."""
        world, clock = self.world, self.world.clock
        while True:
            world.bury()
            due = [process.next_s for process in world.processes]
            times = [time_s for time_s in (clock.next_s(), *due) if time_s is not None]
            next_s = min(times, default=until_s)
            if next_s > until_s:
                clock.now_s = until_s
                return
            clock.now_s = max(clock.now_s, next_s)
            clock.happen()
            for process in world.processes:
                process.turn()
            self.watchman.moment()

    def _rest(self) -> None:
        world, end_s = self.world, self.world.clock.now_s + PATIENCE_S
        for name in world.members:
            world.heal(name)
        world.hub.set_link(OPEN)
        world.hub.delay_s = world.hub.twice = 0.0
        for process in world.processes:
            process.paused_until_s = 0.0
            process.crash_in = None
        self._run(world.clock.now_s + REST_S)
        for name in world.members:
            world.declare_anew(name)
        while True:
            self._run(world.clock.now_s + REST_S)
            try:
                Rest(self.watchman).check()
            except AssertionError:
                if world.clock.now_s > end_s:
                    raise
            else:
                break
        self._idle()

    def _idle(self) -> None:
        """I13: once all is well, nothing is written any more."""
        for _ in range(4):
            before = self.watchman.writes
            self._run(self.world.clock.now_s + IDLE_S)
            if self.watchman.writes == before:
                return
        raise AssertionError(f"I13: {self.watchman.writes - before} writes on an idle fleet")


def play(seed: int, events: Sequence[Event] | None = None, *, replicas: int = REPLICAS) -> None:
    """Play one history.

    Raises:
        Failure: an invariant was broken, or the operator or the simulator fell over.
    """
    logging.disable(logging.CRITICAL)
    events = events_of(seed) if events is None else events
    try:
        History(seed, events, replicas=replicas).play()
    except Exception as error:
        raise Failure(seed, events, error, replicas=replicas) from error
    finally:
        logging.disable(logging.NOTSET)


def shrink(failure: Failure) -> Failure:
    """Leave out one event after the other, as long as the same invariant is broken."""
    index = 0
    while index < len(failure.events):
        fewer = failure.events[:index] + failure.events[index + 1 :]
        try:
            play(failure.seed, fewer, replicas=failure.replicas)
        except Failure as found:
            if found.what == failure.what:
                failure = found
                continue
        index += 1
    return failure
