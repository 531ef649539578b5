"""The loop: a batch of marked workloads, one snapshot, one decision, and its steps set going."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.decide.pacing import moves_onto
from tradewind.decide.plan import decide, moves_in, savings_in
from tradewind.kube.waiting import set_within
from tradewind.outage.moves import MoveBucket
from tradewind.runtime.collector import put_off
from tradewind.state.picture import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.apply.executor import Executor
    from tradewind.decide.step import Step
    from tradewind.model.policy import MoveBudget
    from tradewind.model.snapshot import Snapshot
    from tradewind.model.workload import Key
    from tradewind.outage.inflow import Pace
    from tradewind.runtime.metrics import Metrics
    from tradewind.state.store import Store

log = logging.getLogger(__name__)

IDLE_S = 0.05
"""A batch closes when nothing was marked for this long,"""
MAX_BATCH_S = 0.5
"""or after this time."""
TICK_S = 0.25
"""How often reminders are looked at while nothing is marked."""
BUSY = 16
"""From this many steps in flight on, statuses that only follow their copies wait,"""
MOVING_S = 1.0
"""and for so long after a round that moved work out of a lost cluster,"""
MAX_FOLLOW_S = 5.0
"""but not longer than this, counted from the first move."""
LOOKED_AT_AGAIN_S = 0.5
"""So soon a status that has to wait is looked at again,"""
MAX_FOLLOWING = 32
"""and so many are written when they may wait no longer: to the hub each costs as much as the move that it holds up."""
MAX_FOLLOWING_AT_REST = 256
"""So many are written at a time when nothing presses: what becomes urgent meanwhile does not queue behind more."""
PUT_OFF_S = 60.0
"""A workload that no decision can be made on is looked at again after this time."""
MAX_WAIT_FOR_MEMBERS_S = 30.0
"""A member that answers and can't be listed must not keep the others waiting for ever."""


class Loop:
    """Decides for as long as it runs. `wake()` is called whenever a workload is marked."""

    def __init__(self, store: Store, executor: Executor, metrics: Metrics, *, may_write: Callable[[], bool]) -> None:
        self.started = False
        self._store = store
        self._executor = executor
        self._metrics = metrics
        self._may_write = may_write
        self._marked = asyncio.Event()
        self._moving = MoveBucket()
        self._saving = MoveBucket()
        self._followed_s = 0.0
        self._moved_s = -MOVING_S

    def wake(self) -> None:
        """Learn that something is marked."""
        self._marked.set()

    async def run(self, tasks: asyncio.TaskGroup) -> None:
        """Wait until the picture is complete, then decide for ever."""
        await self.wait_for_members()
        self.started = True
        self._store.mark_all()
        while True:
            self._store.dirty.ring(time.time())
            await self._batch()
            if len(self._store.dirty) and self._may_write():
                began_s = asyncio.get_running_loop().time()
                self._round(tasks)
                self._store.stalls.note(began_s, asyncio.get_running_loop().time())

    async def wait_for_members(self) -> None:
        """Never decide before each member has been listed, or is known not to answer."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + MAX_WAIT_FOR_MEMBERS_S
        while late := [name for name, entry in self._store.clusters.items() if not entry.ready_to_decide]:
            if loop.time() > deadline_s:
                log.warning("going on without members=%s", ",".join(late))
                return
            self._marked.clear()
            await set_within(self._marked, TICK_S)

    async def _batch(self) -> None:
        """Wait for marks, then for them to cease, but not for long."""
        await set_within(self._marked, TICK_S)
        loop = asyncio.get_running_loop()
        closes_s = loop.time() + MAX_BATCH_S
        while self._marked.is_set() and loop.time() < closes_s:
            self._marked.clear()
            await set_within(self._marked, IDLE_S)

    def _decide(self, picture: Snapshot, tokens: int, saving_tokens: int, inflow: dict[str, Pace]) -> list[Step]:
        """Decide; a workload that nobody thought of must not keep all others from being decided on."""
        try:
            return decide(picture, move_tokens=tokens, saving_tokens=saving_tokens, inflow=inflow)
        except Exception:
            log.exception("a round failed; it is done again without the workloads that make it fail")
        sound = []
        for view in picture.views:
            try:
                decide(replace(picture, views=(view,)), move_tokens=0)
            except Exception:  # noqa: BLE001 - said above
                log.error("not decided on workload=%s", view.key)  # noqa: TRY400 - said above
                self._store.dirty.remind(view.key, time.time() + PUT_OFF_S)
            else:
                sound.append(view)
        picture = replace(picture, views=tuple(sound))
        return decide(picture, move_tokens=tokens, saving_tokens=saving_tokens, inflow=inflow)

    def _urgent_first(self, keys: set[Key], now_s: float) -> set[Key]:
        """Work that waits for a place, or has left a copy behind, goes before statuses that follow."""
        busy = len(self._executor.in_flight) >= BUSY or now_s - self._moved_s < MOVING_S
        if not busy and len(keys) <= MAX_FOLLOWING_AT_REST:
            return keys
        urgent = self._store.urgent(keys)
        following: list[Key] = []
        if not busy or now_s - self._followed_s > MAX_FOLLOW_S:
            self._followed_s = now_s
            following = list(keys - urgent)[: MAX_FOLLOWING if busy else MAX_FOLLOWING_AT_REST]
        taken = urgent.union(following)
        if busy:
            # Not in every round: to find out that it is not urgent costs each of a thousand time that others flee in.
            again_s = time.time() + LOOKED_AT_AGAIN_S
            for key in keys - taken:
                self._store.dirty.remind(key, again_s)
        else:
            self._store.dirty.put_back(keys - taken)
            self.wake()
        return taken

    def _inflow(self, budget: MoveBudget, now_s: float) -> dict[str, Pace]:
        """Say how many moves each cluster lets through; each by the measure of how it has taken our writes."""
        rate, burst = budget.per_target_per_minute, budget.burst
        return {
            name: entry.inflow.pace(per_minute=rate, burst=burst, now_s=now_s)
            for name, entry in self._store.clusters.items()
        }

    def _round(self, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        # 1. The marked workloads, but for those that are still being worked on.
        keys = self._urgent_first(self._store.dirty.take(but=self._executor.in_flight), started_s)
        if not keys:
            return
        # 2. One picture.
        picture = snapshot(self._store, keys, now_s=time.time())
        # 3. One decision.
        budget, rate = picture.policy.moves, picture.policy.rebalance.moves_per_minute
        tokens = self._moving.available(per_minute=budget.per_minute, burst=budget.burst, now_s=started_s)
        # One at a time: the next one must see what the last has done to room and prices.
        saving_tokens = self._saving.available(per_minute=rate, burst=min(1, rate), now_s=started_s)
        inflow = self._inflow(budget, started_s)
        with put_off():
            steps = self._decide(picture, tokens, saving_tokens, inflow)
        if moves := moves_in(steps):
            self._moving.spend(moves)
            if started_s - self._moved_s > MAX_FOLLOW_S:
                self._followed_s = started_s  # the first seconds of a flight are for those that flee
            self._moved_s = started_s
        self._saving.spend(savings_in(steps))
        for name, moves in moves_onto(steps).items():
            self._store.clusters[name].inflow.spend(moves)
        # 4. Its steps.
        self._executor.start(steps, tasks)
        self._metrics.decision_seconds.observe(loop.time() - started_s)
        self._metrics.queue.set(len(self._store.dirty))
        self._metrics.in_flight.set(len(self._executor.in_flight))
        phases = Counter(
            (entry.raw.get("status") or {}).get("phase") or "New" for entry in self._store.hub.workloads.values()
        )
        self._metrics.show_phases(dict(phases))
