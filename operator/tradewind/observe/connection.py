"""The connection to one member: its clients, informers and probes, for as long as its kubeconfig is in force."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tradewind.errors import RetryableError, TradewindError
from tradewind.kube.client import ApiServer
from tradewind.kube.kubeconfig import configuration_from_secret
from tradewind.kube.resources import COPIES, NAMESPACES, NODES, PODS, RESOURCE_QUOTAS
from tradewind.kube.waiting import set_within
from tradewind.model.health import Verdict
from tradewind.observe.discovery import Discovery
from tradewind.observe.informer import Informer
from tradewind.observe.probe import IDENTITY, probe, write
from tradewind.outage.evidence import Heard, Probe, Write, Wrote, hear, see_write
from tradewind.outage.verdict import NODES_NOT_READY
from tradewind.state.copies import HUB_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.kube.fence import Fence
    from tradewind.state.fleet import ClusterEntry
    from tradewind.state.store import Store

log = logging.getLogger(__name__)

LATE_SHARE = 0.5
"""A probe that starts later than this share of its interval says nothing about silence."""
WRITE_EVERY_S = 10.0
"""As often as one node renews its Lease."""
WRITE_TIMEOUT_S = 5.0
MIN_RETRY_S = 0.5
COPIES_FIRST_S = 5.0
"""A member that returns and can't list its copies for so long is asked for all else meanwhile."""


class Connection:
    """Runs everything that one member needs.

    Attributes:
        entry: what it fills.
        server: for reads and writes. Probes have a client of their own, so that they never queue behind writes.
    """

    def __init__(
        self, entry: ClusterEntry, store: Store, *, kubeconfig: str, hub_name: str, namespace: str, fence: Fence
    ) -> None:
        self.kubeconfig = kubeconfig
        self.server: ApiServer | None = None
        self.entry = entry
        self._store = store
        self._hub_name = hub_name
        self._namespace = namespace
        self._fence = fence
        self._write_now = asyncio.Event()
        self._informers: list[Informer] = []
        self._copies: list[Informer] = []
        self._nodes: Informer | None = None
        self._nodes_doubted = False
        self._discovery: Discovery | None = None

    async def run(self, *, on_call: Callable[[str, str, int], None]) -> None:
        """Connect, probe and watch until cancelled.

        Raises:
            TerminalError: the kubeconfig can't be used.
        """
        name = self.entry.name
        self.server, prober = [
            ApiServer(name, await configuration_from_secret(self.kubeconfig), fence=self._fence, on_call=on_call)
            for _ in range(2)
        ]
        self.server.on_write = self._written
        self.server.confirm = self._confirm
        member = self._store.connect(self.entry)
        labelled = {"labelSelector": f"{HUB_LABEL}={self._hub_name}"}
        self._copies = [
            Informer(self.server, kind, member.copy_sinks[kind.kind], params=labelled, confirm=self._identify)
            for kind in COPIES
        ]
        self._nodes = Informer(self.server, NODES, member.nodes_sink)
        self._informers = [
            self._nodes,
            Informer(self.server, PODS, member.pods_sink),
            Informer(self.server, RESOURCE_QUOTAS, member.quotas),
            *self._copies,
        ]
        self._discovery = Discovery(self.server, member.set_kinds)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._discovery.run())
                for informer in self._informers:
                    group.create_task(informer.run())
                group.create_task(self._probe_for_ever(prober, group))
                group.create_task(self._write_for_ever(prober))
        finally:
            await self.server.close()
            await prober.close()

    def list_copies_again(self) -> None:
        """Trust nothing about copies until they have been listed: another operator was making them until now."""
        if self.entry.member is not None:
            for sink in self.entry.member.copy_sinks.values():
                sink.stale()
        for informer in self._copies:
            informer.list_again()

    async def _probe_for_ever(self, prober: ApiServer, group: asyncio.TaskGroup) -> None:
        """Start a probe every interval, whatever the last one does."""
        loop = asyncio.get_running_loop()
        group.create_task(self._read_version(prober))
        due = loop.time()
        while True:
            interval_s = self.entry.detection.probe_interval_s
            late = loop.time() - due > LATE_SHARE * interval_s
            group.create_task(self._probe_once(prober, timeout_s=interval_s, on_time=not late))
            due = max(due + interval_s, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _probe_once(self, prober: ApiServer, *, timeout_s: float, on_time: bool) -> None:
        started_s = asyncio.get_running_loop().time()
        outcome = await probe(prober, timeout_s=timeout_s)
        entry = self.entry
        if entry.evidence.last is not None and entry.evidence.last.started_s > started_s:
            return  # a later probe has been heard already
        was_away = entry.evidence.last is not None and not entry.answers
        took_s = asyncio.get_running_loop().time() - started_s
        heard = Probe(started_s, outcome.heard, outcome.detail, on_time, outcome.fault, took_s)
        entry.evidence = hear(entry.evidence, heard)
        if outcome.cluster_uid:
            self._store.identify(entry, outcome.cluster_uid)
        if was_away and outcome.heard is Heard.ANSWER:
            self._write_now.set()
            await self._list_again()
        self._doubt_nodes()

    def _doubt_nodes(self) -> None:
        """Where none is ready any more list them once: a stream that died without a word does not say that they are."""
        health = self.entry.health
        doubted = (health.verdict, health.reason) == (Verdict.SUSPECT, NODES_NOT_READY)
        if doubted and not self._nodes_doubted and self._nodes is not None:
            self._nodes.list_again()
        self._nodes_doubted = doubted

    async def _identify(self) -> None:
        """Find out who it was that has listed: what another cluster lacks may well run on the one that was meant.

        Raises:
            TradewindError: it does not say. An API server that was made anew has no name in its first moments.
        """
        if self.server is None:
            raise RetryableError("NotConnected", f"There is no connection to {self.entry.name}.")
        found = await self.server.get(NAMESPACES, IDENTITY)
        self._store.identify(self.entry, str(found["metadata"]["uid"]))

    async def _confirm(self) -> None:
        """See to it that what is written reaches the cluster that was decided on, and not its successor.

        Raises:
            TradewindError: another cluster answers, or it can't be known which.
        """
        await self._identify()
        if self.entry.rebuilt:
            message = f"Another cluster answers under the name of {self.entry.name}: nothing is written to it."
            raise RetryableError("ClusterRebuilt", message)

    async def _write_for_ever(self, prober: ApiServer) -> None:
        """Write a little now and then while reads are answered, and at once when it returns; on standby not at all."""
        loop = asyncio.get_running_loop()
        while True:
            self._write_now.clear()
            if self.entry.answers and self._fence.is_open:
                started_s = loop.time()
                wrote, detail = await write(
                    prober, namespace=self._namespace, hub_name=self._hub_name, timeout_s=WRITE_TIMEOUT_S
                )
                took_s = loop.time() - started_s
                self.entry.evidence = see_write(self.entry.evidence, Write(started_s, wrote, detail, took_s))
            last = self.entry.evidence.write
            told = self.entry.answers and last is not None and last.wrote in (Wrote.WRITTEN, Wrote.REFUSED)
            # A cluster that returns waits for its first write: one that failed is soon tried again.
            pause_s = WRITE_EVERY_S if told else max(MIN_RETRY_S, self.entry.detection.probe_interval_s)
            await set_within(self._write_now, pause_s)

    def _written(self, status: int, began_s: float) -> None:
        """Learn how a write of ours has ended: it says how many more the member can take."""
        now_s = asyncio.get_running_loop().time()
        unheard_s = self._store.stalls.unheard_s(began_s, now_s)
        self.entry.inflow.see(status, took_s=now_s - began_s, now_s=now_s, unheard_s=unheard_s)

    async def _list_again(self) -> None:
        """It was away: its streams may hang on dead connections, and what they showed may be long past.

        Copies first, and alone: those that must go run until they are known, and pods are ten times as much to read.
        """
        log.info("answers again cluster=%s", self.entry.name)
        if self.entry.member is not None:
            self.entry.member.stale()
        for informer in self._copies:
            informer.list_again()
        with suppress(TimeoutError):
            async with asyncio.timeout(COPIES_FIRST_S):
                for informer in self._copies:
                    await informer.listed.wait()
        for informer in self._informers:
            if informer not in self._copies:
                informer.list_again()
        if self._discovery is not None:
            self._discovery.read_again()

    async def _read_version(self, prober: ApiServer) -> None:
        try:
            found: dict[str, Any] = await prober.request("GET", "/version")
        except TradewindError:
            return
        self.entry.version = str(found.get("gitVersion", ""))
