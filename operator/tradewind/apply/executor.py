"""Carries out steps: first the record in status, which is the decision, then what it promises.

Two operators can't both win: the record is written with the resourceVersion that was decided on. A crash after the
record is harmless, since the next operator finds the promise and keeps it. That this operator still leads is seen to by
the clients of all API servers, at each write.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.apply.backoff import FIRST_VETO_S, JITTER, MAX_RETRY_S, MAX_VETO_S, RETRY_S, pause_s
from tradewind.apply.copy_writes import CopyWrites
from tradewind.apply.delivery import Refused
from tradewind.apply.status import changes
from tradewind.apply.undoing import undone, without
from tradewind.apply.workload_writes import WorkloadWrites
from tradewind.decide.sight import is_ruled_out
from tradewind.errors import ConflictError, RetryableError, TradewindError
from tradewind.kube.errors import BusyError, NotFoundError, NotLeadingError, UnreachableError
from tradewind.kube.resources import AIWORKLOADS
from tradewind.model.placement import Record
from tradewind.model.plan import Refusal, Wake
from tradewind.state.record import record_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tradewind.apply.copy_writes import Lookup
    from tradewind.apply.render import Rendered
    from tradewind.apply.report import Report
    from tradewind.decide.step import Step
    from tradewind.kube.client import ApiServer
    from tradewind.model.placement import Placement
    from tradewind.model.workload import Key
    from tradewind.state.hub import WorkloadEntry
    from tradewind.state.store import Store

Made = frozenset[tuple[str, int, int]]
"""What copies a step makes: their clusters, epochs and generations."""
log = logging.getLogger(__name__)

MAX_IN_FLIGHT = 32
WEBHOOK_TRIES = 2
"""A member's webhook that is only restarted is back after these; one that stays away keeps work out."""
CONFIG_VETO_S = 20.0
"""ConfigMaps and Secrets are not watched (a watch would read all of them), so a missing one is looked for again."""


class Executor:
    """Carries out steps with bounded concurrency; a workload is worked on by one task at a time.

    Attributes:
        in_flight: workloads that are being worked on; they are not decided on meanwhile.
        quiet: set while nothing is in flight.
    """

    def __init__(
        self,
        store: Store,
        hub: ApiServer,
        lookup: Lookup,
        report: Report,
        *,
        hub_name: str,
        wall: Callable[[], float],
    ) -> None:
        self.in_flight: set[Key] = set()
        self.quiet = asyncio.Event()
        self.quiet.set()
        self._store = store
        self._hub = hub
        self._report = report
        self._wall = wall
        self._workloads = WorkloadWrites(store, hub, report, wall=wall)
        self._copies = CopyWrites(store, hub, lookup, hub_name=hub_name)
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._failures: dict[Key, int] = {}
        self._pauses: dict[Key, tuple[float, Made]] = {}

    def start(self, steps: Iterable[Step], tasks: asyncio.TaskGroup) -> None:
        """Start a task for each step that has something to do; what it promises counts from now on."""
        freed = False
        for step in sorted(steps, key=lambda step: (not step.deliver, not step.release)):
            entry = self._store.hub.workloads.get(step.view.key)
            if entry is None or entry.uid != step.view.uid or self._pauses_still(step):
                continue
            self._sleep(step)
            # What was promised before and never recorded, as far as anybody knows, gives way to this.
            freed = freed or bool(_places(entry.promise) - _places(step.record))
            if not (changes(step, raw=entry.raw, now_s=self._wall()) or step.deliver or step.release or step.forget):
                entry.promise = None
                continue
            entry.promise = step.record
            self.in_flight.add(step.view.key)
            self.quiet.clear()
            # A copy, so that what is written is compared with what was decided on, whatever the watch shows meanwhile.
            tasks.create_task(self._guarded(step, replace(entry)))
        if freed:
            self._store.dirty.wake(Wake.CAPACITY)

    def _pauses_still(self, step: Step) -> bool:
        """Whether it would only try again, before its time, what has just failed; its reminder brings it back."""
        until_s, failed = self._pauses.get(step.view.key, (0.0, frozenset()))
        again = bool(step.deliver) and _made(step) == failed and not (step.release or step.forget)
        # A clock that was set back meanwhile makes no pause longer than it was meant to be.
        return again and 0 < until_s - self._wall() <= MAX_RETRY_S * (1 + JITTER)

    def _sleep(self, step: Step) -> None:
        """Note what is worth another look at this workload."""
        refused = step.decision is not None and step.decision.chosen is None
        wakes_on = step.wakes_on | (step.decision.wakes_on if refused and step.decision else frozenset())
        if step.situation is not None and step.situation.reason == "AdoptionPending":
            wakes_on = frozenset({Wake.HEALTH, Wake.CLUSTER})
        self._store.dirty.sleep(step.view.key, wakes_on)
        at_s = None if step.retry_s is None else max(step.retry_s, self._wall() + 1.0)
        self._store.dirty.expect(step.view.key, at_s)

    async def _guarded(self, step: Step, entry: WorkloadEntry) -> None:
        """Carry out one step, and see to it that no failure of it is lost or felt by others."""
        key, unanswered = step.view.key, False
        try:
            left = await self._sweep(step)
            if left is not step and not step.deliver:
                self._store.dirty.put_back((key,))  # its status has a turn of its own, behind all other sweeps
                return
            async with self._slots:
                await self._carry_out(left, entry)
                self._failures.pop(key, None)
                self._pauses.pop(key, None)
                if step.record != step.view.record:
                    # What was recorded may call for more, and its echo may say nothing new.
                    self._store.dirty.mark((key,))
        except ConflictError:
            await self._read_again(key)
        except NotFoundError:
            self._store.see_workload(entry.raw, deleted=True)
        except NotLeadingError:
            # Nothing is decided until this operator leads again, and then at once.
            self._store.dirty.mark((key,))
        except TradewindError as error:
            unanswered = isinstance(error, UnreachableError)
            self._put_off(key, error, made=_made(step))
        except Exception as error:
            log.exception("step failed workload=%s", key)
            self._put_off(key, error, made=_made(step))
        finally:
            self.in_flight.discard(key)
            if not self.in_flight:
                self.quiet.set()
            self._settle(step, unanswered=unanswered)

    async def _carry_out(self, step: Step, entry: WorkloadEntry) -> None:
        # 1. A workload that is gone everywhere may go.
        if step.forget:
            await self._workloads.let_go(step, entry)
            return
        # 2. What the copies need must be there before anything is promised.
        rendered = {place.cluster: self._copies.render(step, entry, place) for place in step.deliver}
        step = await self._prepared(step, entry, rendered)
        # 3. The record: this write is the decision.
        if step.record.placements:
            await self._workloads.hold(entry)
        await self._workloads.record(step, entry)
        # 4. Copies that nothing promises go.
        for copy in step.release:
            await self._copies.release(copy)
        # 5. The promised copies are made.
        for place in step.deliver:
            step = await self._deliver(step, entry, place, rendered[place.cluster])

    async def _sweep(self, step: Step) -> Step:
        """Release what the record rules out as it stands; returns what is left to do, the step itself if that was none.

        An outage leaves a thousand such copies, all of which run: they wait for no slot and no write of a status. Where
        the last attempt has failed, its write may have counted all the same: then the compare-and-swap comes first.
        """
        swept = [] if step.view.key in self._failures else [c for c in step.release if is_ruled_out(c, step.view)]
        for copy in swept:
            await self._copies.release(copy)
        return replace(step, release=tuple(c for c in step.release if c not in swept)) if swept else step

    async def _prepared(self, step: Step, entry: WorkloadEntry, rendered: dict[str, Rendered]) -> Step:
        """Check new places, those that only room is kept for too; what is missing is shown, and nothing is promised.

        Nothing is released either: work that runs well does not leave for a place that can't take it.
        """
        if step.undone is None:
            return step
        known = {(place.cluster, place.epoch) for place in step.view.record.placements}
        for place in step.record.placements:
            if (place.cluster, place.epoch) in known:
                continue
            needs = rendered.get(place.cluster) or self._copies.render(step, entry, place)
            try:
                await self._copies.prepare(step, place, needs)
            except Refused as refused:
                self._veto(step.view.key, place.cluster, refused.refusal)
                left = undone(step, refused.refusal, epoch=step.view.record.epoch)
                return replace(left, deliver=(), release=())
        return step

    async def _deliver(self, step: Step, entry: WorkloadEntry, placement: Placement, rendered: Rendered) -> Step:
        """Make one copy; returns the step, or what is left of it where the member refused."""
        if placement not in step.record.placements:
            return step
        key, is_new = step.view.key, placement.cluster not in step.view.copies
        patient = self._failures.get(key, 0) < WEBHOOK_TRIES
        try:
            await self._copies.make(step, placement, rendered, patient=patient)
        except Refused as refused:
            self._veto(key, placement.cluster, refused.refusal)
            # Nothing was made there: the promise is taken back, and the next decision looks elsewhere. An earlier
            # attempt may have made it and lost the answer, though; then its watch will say so.
            if is_new and (step.undone is not None or not await self._copies.is_made(placement, rendered)):
                step = without(step, placement, refused.refusal)
                await self._workloads.record(step, entry)
                await self._copies.take_back(placement, rendered)
            elif is_new:
                raise RetryableError(refused.refusal.reason, refused.refusal.message) from refused
            return step
        entry.refusals.pop(placement.cluster, None)
        if is_new:
            self._store.delivered(key, at_s=self._wall())
            self._report.delivered(step, placement)
        return step

    def _veto(self, key: Key, cluster: str, refusal: Refusal) -> None:
        """Remember that a cluster refused this workload, for a while; what the hub lacks, no cluster can cure."""
        entry = self._store.hub.workloads.get(key)
        if entry is None:
            return
        for_all = refusal.wakes_on is Wake.CONFIG
        name, pause = "*" if for_all else cluster, CONFIG_VETO_S
        if not for_all:
            entry.refusals[name] = entry.refusals.get(name, 0) + 1
            pause = pause_s(entry.refusals[name], first_s=FIRST_VETO_S, most_s=MAX_VETO_S)
        until_s = self._wall() + pause
        entry.vetoes[name] = (refusal, until_s)
        self._store.dirty.remind(key, until_s)
        self._store.dirty.mark((key,))

    async def _read_again(self, key: Key) -> None:
        """Somebody else wrote: take the newest, and decide again."""
        try:
            obj = await self._hub.get(AIWORKLOADS, key.name, namespace=key.namespace)
        except NotFoundError:
            entry = self._store.hub.workloads.get(key)
            if entry is not None:
                self._store.see_workload(entry.raw, deleted=True)
        except TradewindError as error:
            self._put_off(key, error)
        else:
            self._store.see_workload(obj)
            self._store.dirty.mark((key,))

    def _put_off(self, key: Key, error: Exception, *, made: Made = frozenset()) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        wish_s = error.retry_after_s if isinstance(error, BusyError) else 0.0
        pause = pause_s(failures, first_s=RETRY_S, most_s=MAX_RETRY_S, at_least_s=wish_s)
        log.warning("put off workload=%s retry_s=%.1f error=%s", key, pause, error)
        until_s = self._wall() + pause
        self._pauses[key] = until_s, made
        self._store.dirty.remind(key, until_s)

    def _settle(self, step: Step, *, unanswered: bool) -> None:
        """What was promised in memory gives way to what has really been written, and room that is free to others.

        Where the answer was lost it may have been written all the same: room is kept for both until the next decision.
        """
        entry = self._store.hub.workloads.get(step.view.key)
        record = Record()
        if entry is not None:
            entry.promise = entry.promise if unanswered else None
            record = entry.record = record_from(entry.raw.get("status") or {})
        else:
            self._failures.pop(step.view.key, None)
            self._pauses.pop(step.view.key, None)
        if (_places(step.view.record) | _places(step.record)) - _places(record):
            self._store.dirty.wake(Wake.CAPACITY)


def _places(record: Record | None) -> set[tuple[str, int]]:
    return {(place.cluster, place.epoch) for place in record.placements} if record is not None else set()


def _made(step: Step) -> Made:
    return frozenset((place.cluster, place.epoch, place.generation) for place in step.deliver)
