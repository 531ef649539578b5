"""Writes that a cluster is lost before anything is done about it.

An operator that is killed in between must not forget: whoever takes over would find a cluster that answers again, trust
it at once, and have two copies of what has begun to move.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from tradewind.apply.cluster_status import verdict_fields, write_cluster
from tradewind.errors import TradewindError
from tradewind.kube.backoff import backoff_s
from tradewind.kube.waiting import set_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.kube.client import ApiServer
    from tradewind.state.fleet import ClusterEntry
    from tradewind.state.store import Store

log = logging.getLogger(__name__)

RETRY_S = 0.25
MAX_RETRY_S = 5.0
AT_ONCE = 16
"""Writes at the same time; the hub has others to serve."""


class Noting:
    """Runs as one task. `wake()` is called whenever a cluster is found to be lost."""

    def __init__(
        self, store: Store, hub: ApiServer, *, may_write: Callable[[], bool], wall: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._hub = hub
        self._may_write = may_write
        self._wall = wall
        self._lost = asyncio.Event()

    def wake(self) -> None:
        """Learn that a cluster is lost."""
        self._lost.set()

    async def run(self) -> None:
        """Write what is not written yet, for ever."""
        failures, pause_s = 0, RETRY_S
        while True:
            await set_within(self._lost, pause_s)
            self._lost.clear()
            failures = 0 if await self._write_all() else failures + 1
            pause_s = RETRY_S
            if failures:
                pause_s = backoff_s(failures, first_s=2 * RETRY_S, most_s=MAX_RETRY_S, least_share=0.75)

    async def _write_all(self) -> bool:
        """Write all that is due; says whether it could be."""
        due = [entry for entry in self._store.clusters.values() if not entry.noted and not entry.trouble]
        if not due or not self._may_write():
            return True
        room = asyncio.Semaphore(AT_ONCE)
        return all(await asyncio.gather(*(self._write(entry, room) for entry in due)))

    async def _write(self, entry: ClusterEntry, room: asyncio.Semaphore) -> bool:
        async with room, entry.writing:
            if entry.noted or not self._may_write():
                return True
            clock_s = asyncio.get_running_loop().time()
            fields = verdict_fields(entry, now_s=self._wall(), clock_s=clock_s)
            try:
                await write_cluster(self._hub, entry, fields)
            except TradewindError as error:
                log.warning("verdict not written, so nothing moves cluster=%s error=%s", entry.name, error)
                return False
        self._store.health_changed(entry.name)
        return True
