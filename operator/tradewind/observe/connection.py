"""The connection to one member: its clients, informers and probes, for as long as its kubeconfig is in force."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from tradewind.errors import TradewindError
from tradewind.kube.client import ApiServer
from tradewind.kube.kubeconfig import configuration_from_secret
from tradewind.kube.resources import COPIES, NODES, PODS, RESOURCE_QUOTAS
from tradewind.observe.discovery import Discovery
from tradewind.observe.informer import Informer
from tradewind.observe.probe import probe
from tradewind.outage.evidence import Heard, Probe, hear
from tradewind.state.copies import HUB_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.state.fleet import ClusterEntry
    from tradewind.state.store import Store

log = logging.getLogger(__name__)

LATE_SHARE = 0.5
"""A probe that starts later than this share of its interval says nothing about silence."""


class Connection:
    """Runs everything that one member needs.

    Attributes:
        entry: what it fills.
        server: for reads and writes. Probes have a client of their own, so that they never queue behind writes.
    """

    def __init__(self, entry: ClusterEntry, store: Store, *, kubeconfig: str, hub_name: str) -> None:
        self.kubeconfig = kubeconfig
        self.server: ApiServer | None = None
        self.entry = entry
        self._store = store
        self._hub_name = hub_name
        self._informers: list[Informer] = []
        self._discovery: Discovery | None = None

    async def run(self, *, on_call: Callable[[str, str, int], None]) -> None:
        """Connect, probe and watch until cancelled.

        Raises:
            TerminalError: the kubeconfig can't be used.
        """
        name = self.entry.name
        self.server = ApiServer(name, await configuration_from_secret(self.kubeconfig), on_call=on_call)
        prober = ApiServer(name, await configuration_from_secret(self.kubeconfig), on_call=on_call)
        member = self._store.connect(self.entry)
        copies = {"labelSelector": f"{HUB_LABEL}={self._hub_name}"}
        self._informers = [
            Informer(self.server, NODES, member.nodes_sink),
            Informer(self.server, PODS, member.pods_sink),
            Informer(self.server, RESOURCE_QUOTAS, member.quotas),
            *(Informer(self.server, kind, member.copy_sinks[kind.kind], params=copies) for kind in COPIES),
        ]
        self._discovery = Discovery(self.server, member.set_kinds)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._discovery.run())
                for informer in self._informers:
                    group.create_task(informer.run())
                group.create_task(self._probe_for_ever(prober, group))
        finally:
            await self.server.close()
            await prober.close()

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
        entry.evidence = hear(entry.evidence, Probe(started_s, outcome.heard, outcome.detail, on_time))
        if outcome.cluster_uid:
            entry.uid = outcome.cluster_uid
        if was_away and outcome.heard is Heard.ANSWER:
            self._list_again()

    def _list_again(self) -> None:
        """It was away: its streams may hang on dead connections, and what they showed may be long past."""
        log.info("answers again cluster=%s", self.entry.name)
        if self.entry.member is not None:
            self.entry.member.stale()
        for informer in self._informers:
            informer.list_again()
        if self._discovery is not None:
            self._discovery.read_again()

    async def _read_version(self, prober: ApiServer) -> None:
        try:
            found: dict[str, Any] = await prober.request("GET", "/version")
        except TradewindError:
            return
        self.entry.version = str(found.get("gitVersion", ""))
