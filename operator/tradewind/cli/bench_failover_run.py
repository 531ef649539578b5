"""One run of the fail-over benchmark: work on one member, a fault, what becomes of the work, a clean fleet again."""

from __future__ import annotations

import asyncio
import math
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

from tradewind.cli.bench_failover_faults import Fault
from tradewind.cli.bench_failover_fleet import LOST, a_job, clusters, ended_jobs, set_policy
from tradewind.cli.bench_failover_watch import Seen, watching
from tradewind.cli.bench_lab import POLL_S, in_bulk, insist, until_healthy
from tradewind.errors import RetryableError, TradewindError
from tradewind.kube.errors import AlreadyExistsError, NotFoundError
from tradewind.kube.resources import AIWORKLOADS, EVENTS, FEDERATED_CLUSTERS, JOBS, NAMESPACES
from tradewind.lab.state import HUB
from tradewind.state.record import seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tradewind.cli.bench_failover_cells import Cell
    from tradewind.kube.client import ApiServer
    from tradewind.lab.lab import Lab

Figures = dict[str, Any]
Manifest = dict[str, Any]
NAMESPACE = "failover"
MOVED_S = 180.0
"""So long after the fault, work that does not run elsewhere has failed to move."""
PREPARED_S = 300.0
CLEAN_S = 120.0
SETTLE_S = 2.0
SHOWN = 3
"""So many jobs that are not ready are named."""
ENDS_AFTER_S = 2.0
FIRST = 1
"""The epoch of work that has never moved."""


@dataclass(frozen=True, slots=True)
class Rig:
    """What all runs share: the lab, clients that feel its cuts and clients that don't, and its size."""

    lab: Lab
    cut: Mapping[str, ApiServer]
    direct: Mapping[str, ApiServer]
    jobs: int

    @property
    def hub(self) -> ApiServer:
        """The hub, which is never cut off from here."""
        return self.direct[HUB]


class Run:
    """One run. `play()` measures; `clean()` leaves the fleet as it was found, for the next one."""

    def __init__(self, rig: Rig, cell: Cell, *, number: int) -> None:
        self._rig = rig
        self._cell = cell
        self._prefix = f"r{number}-"
        self._moving = [f"{self._prefix}{index}" for index in range(cell.jobs)]
        self._ending = [f"{self._prefix}ends-{index}" for index in range(ended_jobs(cell.jobs))]
        self._seen = Seen(lost=LOST, prefix=self._prefix)
        self._fault = Fault(cell, rig.lab, rig.hub)
        self._list_again: Callable[[], None] = lambda: None

    async def play(self) -> Figures:
        """Make the work, break and mend the member, and say what was seen.

        Raises:
            RetryableError: the work did not come to run before the fault.
        """
        async with watching(self._rig.direct, self._seen, namespace=NAMESPACE) as self._list_again:
            await self._prepare()
            return await self._break_and_mend()

    async def clean(self) -> None:
        """Remove the work, and declare the member anew, without its past: else each loss would double `upAfter`."""
        hub = self._rig.hub
        names = list(await self._workloads())

        async def delete(index: int) -> None:
            with suppress(NotFoundError):
                await hub.delete(AIWORKLOADS, names[index], namespace=NAMESPACE, propagation="Background")

        # One by one: an API server takes a whole collection no faster, and all in one request.
        await in_bulk(len(names), delete)
        members = [server for name, server in self._rig.direct.items() if name != HUB]
        await _until_none((hub,), AIWORKLOADS)
        await _until_none(members, JOBS)
        async with asyncio.timeout(CLEAN_S):
            with suppress(NotFoundError):
                while True:
                    await insist(partial(hub.delete, FEDERATED_CLUSTERS, LOST))
                    await asyncio.sleep(POLL_S)
        anew = next(each for each in clusters(self._rig.jobs) if each["metadata"]["name"] == LOST)
        with suppress(AlreadyExistsError):
            await insist(partial(hub.create, FEDERATED_CLUSTERS, anew))
        await until_healthy(hub)

    async def _prepare(self) -> None:
        cell, hub = self._cell, self._rig.hub
        await insist(partial(set_policy, hub, cell))
        await until_healthy(hub)
        # A busy machine loses probes, and what is suspected takes no new work: that must not go to the others for good.
        await self._schedule_others("Cordoned")
        jobs = [a_job(name, guarantee=cell.guarantee) for name in self._moving]
        jobs += [a_job(name, guarantee=cell.guarantee, run_for_s=ENDS_AFTER_S) for name in self._ending]

        async def create(index: int) -> None:
            with suppress(AlreadyExistsError):  # a first attempt whose answer was lost
                await hub.create(AIWORKLOADS, jobs[index], namespace=NAMESPACE)

        await in_bulk(len(jobs), create)
        await self._until_ready()
        await self._schedule_others("Enabled")

    async def _schedule_others(self, scheduling: str) -> None:
        hub, body = self._rig.hub, {"spec": {"scheduling": scheduling}}
        for name in self._rig.direct.keys() - {HUB, LOST}:
            await insist(partial(hub.merge, FEDERATED_CLUSTERS, name, body))

    async def _until_ready(self) -> None:
        """Wait until all run, or have ended, and the operator has nothing left to write."""
        deadline_s = time.monotonic() + PREPARED_S
        before: object = None
        while True:
            works = await self._workloads()
            waiting = self._not_ready(works)
            now = await self._count(EVENTS) if not waiting else None
            if not waiting and now == before:
                return
            if time.monotonic() > deadline_s:
                message = f"{len(waiting)} of {len(works)} jobs did not come to run on {LOST}"
                raise RetryableError("NotPrepared", f"{message}: {'; '.join(waiting[:SHOWN]) or 'Events go on'}.")
            before = now
            await asyncio.sleep(SETTLE_S)

    def _not_ready(self, works: Mapping[str, Manifest]) -> list[str]:
        """Name the jobs that don't run on the member yet, or have not ended, with what is known of each."""
        running = [n for n in self._moving if _phase(works.get(n, {})) != "Running" or n not in self._seen.first_s]
        ending = [name for name in self._ending if _phase(works.get(name, {})) != "Succeeded"]
        return [self._told(name, works.get(name, {})) for name in (*running, *ending)]

    def _told(self, name: str, work: Manifest) -> str:
        places = [each["cluster"] for each in (work.get("status") or {}).get("placements") or []]
        seen = "seen" if name in self._seen.first_s else "never seen"
        return f"{name} is {_phase(work) or 'unplaced'} on {', '.join(places) or 'none'}, {seen} to run on {LOST}"

    async def _break_and_mend(self) -> Figures:
        cell, seen = self._cell, self._seen
        load = os.getloadavg()[0]
        wall_s = time.time() - time.monotonic()
        begun_s = await self._fault.begin()
        if not cell.moves:
            await self._fault.hold()
        elif cell.guarantee == "AtLeastOnce":
            await seen.until(lambda: len(seen.running_s) >= len(self._moving), within_s=MOVED_S)
        else:
            await seen.until(lambda: bool(self._down_s(begun_s)), within_s=MOVED_S)
            await asyncio.sleep(cell.held_s)
        returned_s = await self._mend()
        if cell.moves and cell.guarantee == "AtLeastOnce":
            await seen.until(lambda: self._gone() >= set(seen.running_s), within_s=CLEAN_S)
        else:
            await until_healthy(self._rig.hub)
        return await self._figures(begun_s=begun_s, returned_s=returned_s, wall_s=wall_s, load=load)

    async def _mend(self) -> float:
        """End the fault; returns when the member was first heard again, through the network that was cut."""
        heard = asyncio.create_task(self._until_heard())
        await self._fault.end()
        self._list_again()
        return await heard

    async def _until_heard(self) -> float:
        async with asyncio.timeout(CLEAN_S):
            while True:
                with suppress(TradewindError):
                    await self._rig.cut[LOST].get(NAMESPACES, "kube-system", timeout_s=0.5)
                    return time.monotonic()
                await asyncio.sleep(POLL_S / 2)

    def _down_s(self, begun_s: float) -> float | None:
        return self._seen.verdict_s(LOST, "Down", since_s=begun_s)

    def _gone(self) -> set[str]:
        """Name the jobs whose first copy was asked to go, and has no pod any more."""
        ledger = self._seen.ledger
        return {
            name
            for name in self._seen.asked_s
            if all(cluster != LOST for cluster, _ in ledger.copies(f"{NAMESPACE}/{name}"))
        }

    async def _figures(self, *, begun_s: float, returned_s: float, wall_s: float, load: float) -> Figures:
        cell, seen = self._cell, self._seen
        works = await self._workloads()
        moved = [name for name in self._moving if name in seen.running_s]
        decided = [
            seconds_of(works[name]["status"]["moves"][0]["decidedAt"]) - wall_s
            for name in moved
            if (works[name].get("status") or {}).get("moves")
        ]
        delivered = [seen.delivered_s[name] for name in moved]
        running = [seen.running_s[name] for name in moved]
        asked = [seen.asked_s.get(name, math.inf) for name in moved]
        down_s = self._down_s(begun_s)
        back_s = seen.verdict_s(LOST, "Healthy", since_s=max(begun_s, down_s or begun_s))
        again = self._ran_again(works)
        all_moved = len(moved) == len(self._moving)
        since = _Since(begun_s)
        return {
            "fault": cell.fault,
            "guarantee": cell.guarantee,
            "settings": cell.settings,
            "jobs": cell.jobs,
            "detectedSeconds": since(down_s),
            "decidedSeconds": since(_worst(decided)),
            "deliveredSeconds": since(_worst(delivered)),
            "runningSeconds": since(_worst(running)) if all_moved else None,
            "p50DecidedSeconds": since(_p50(decided)),
            "p50DeliveredSeconds": since(_p50(delivered)),
            "p50RunningSeconds": since(_p50(running)),
            "doubleRunSeconds": round(max(seen.ledger.double_s(f"{NAMESPACE}/{name}") for name in self._moving), 3),
            "staleAskedSeconds": _Since(returned_s)(_worst(asked)),
            "staleAskedBeforeBack": not asked or back_s is None or max(asked) <= back_s,
            "moved": len(moved),
            "needlessMoves": self._needless(works) + again,
            "ranAgain": again,
            "lost": self._lost(works),
            "loadBefore": round(load, 2),
            "finishedAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }

    def _needless(self, works: Mapping[str, Manifest]) -> int:
        """Count the moves beyond the one that an outage calls for."""
        called_for = FIRST + (1 if self._cell.moves else 0)
        return sum(max(0, _epoch(works[name]) - called_for) for name in self._moving if name in works)

    def _ran_again(self, works: Mapping[str, Manifest]) -> int:
        """Count the jobs that had succeeded before the fault, and were given another copy."""
        again = {name for name in self._ending if name in self._seen.delivered_s or name in self._seen.running_s}
        return len(again | {name for name in self._ending if _epoch(works[name]) != FIRST})

    def _lost(self, works: Mapping[str, Manifest]) -> int:
        """Count the jobs that neither run nor have finished, by the members' own pods and by the hub."""
        ledger = self._seen.ledger
        names = [*self._moving, *self._ending]
        here = [name for name in names if name in works]
        dead = [n for n in here if _phase(works[n]) != "Succeeded" and not ledger.copies(f"{NAMESPACE}/{n}")]
        return len(names) - len(here) + len(dead)

    async def _workloads(self) -> dict[str, Manifest]:
        items, _ = await insist(partial(self._rig.hub.list_all, AIWORKLOADS, namespace=NAMESPACE))
        return {item["metadata"]["name"]: item for item in items}

    async def _count(self, kind: Any) -> int:
        ask = partial(self._rig.hub.request, "GET", kind.path(NAMESPACE), params={"limit": "1"})
        page = await insist(ask)
        return len(page["items"]) + int(page["metadata"].get("remainingItemCount") or 0)


class _Since:
    """Seconds since a moment, rounded; None for what never came."""

    def __init__(self, zero_s: float) -> None:
        self._zero_s = zero_s

    def __call__(self, at_s: float | None) -> float | None:
        return None if at_s is None or math.isinf(at_s) else round(at_s - self._zero_s, 3)


def _worst(times_s: Iterable[float]) -> float | None:
    return max(times_s, default=None)


def _p50(times_s: list[float]) -> float | None:
    return median(times_s) if times_s else None


def _phase(obj: Manifest) -> str:
    return str((obj.get("status") or {}).get("phase", ""))


def _epoch(obj: Manifest) -> int:
    return int((obj.get("status") or {}).get("epoch") or 0)


async def _until_none(servers: Iterable[ApiServer], kind: Any) -> None:
    """Wait until a kind is gone from the namespace."""
    async with asyncio.timeout(PREPARED_S):
        for server in servers:
            left = partial(server.list_all, kind, namespace=NAMESPACE)
            while (await insist(left))[0]:  # noqa: ASYNC110 - the clusters decide when
                await asyncio.sleep(POLL_S)
