"""A store before the judging loop, with a clock of its own."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.unit.state.manifests import a_cluster, a_node

from tradewind.outage.evidence import Heard, Probe, Write, Wrote, hear, see_write
from tradewind.runtime.judging import Judging
from tradewind.runtime.metrics import Metrics
from tradewind.state.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.model.health import Verdict
    from tradewind.state.fleet import ClusterEntry

Manifest = dict[str, Any]
FAST = {"probeInterval": "1s", "downAfterOneKind": "5s", "upAfter": "10s"}


class Court:
    """A store before the judging loop, with a clock of its own; three clusters, so that one alone may be convicted."""

    def __init__(self) -> None:
        self.store = Store()
        self.metrics = Metrics()
        self.judging = Judging(self.store, self.metrics)
        self.now_s = 1000.0
        self.writes = True
        for name in ("aws", "gcp", "own"):
            self.declare(name)

    def declare(self, name: str, **status: Any) -> ClusterEntry:
        """Declare a cluster whose member has been listed."""
        entry = self.store.see_cluster(a_cluster(name, status=status, detection=FAST))
        assert entry is not None
        self.store.identify(entry, f"kube-system-of-{name}")
        self.store.connect(entry)
        self.look(name)
        return entry

    def look(self, name: str, *copies: Manifest, ready: bool = True) -> None:
        """List a member afresh."""
        member = self.entry(name).member
        assert member is not None
        node = a_node()
        if not ready:
            node["status"]["conditions"] = []
        member.nodes_sink.replace([node])
        member.pods_sink.replace([])
        member.copy_sinks["Job"].replace(list(copies))
        member.copy_sinks["Deployment"].replace([])

    def entry(self, name: str = "aws") -> ClusterEntry:
        """What is known of a cluster."""
        return self.store.clusters[name]

    def run(self, seconds: float, *, tick_s: float = 0.5, **heard: Heard) -> Court:
        """Probe every second, and judge."""
        for step in range(round(seconds / tick_s)):
            if step % round(1 / tick_s) == 0:
                for name, entry in self.store.clusters.items():
                    probe = Probe(self.now_s, heard.get(name, Heard.ANSWER), "so it was heard")
                    entry.evidence = hear(entry.evidence, probe)
                    if probe.heard is Heard.ANSWER and self.writes:
                        entry.evidence = see_write(entry.evidence, Write(self.now_s, Wrote.WRITTEN))
            self.judging.tick()
            self.now_s += tick_s
        return self

    def verdict(self, name: str = "aws") -> Verdict:
        """The present verdict."""
        return self.entry(name).health.verdict

    def room(self, name: str = "aws") -> tuple[bool, int]:
        """Whether a cluster's room is known to those who place work, and on how many nodes."""
        cluster = self.entry(name).cluster(())
        assert cluster is not None
        return cluster.known, len(cluster.nodes)

    def shown(self) -> dict[tuple[str, str], float]:
        """What the metric says."""
        return {
            (sample.labels["cluster"], sample.labels["verdict"]): sample.value
            for metric in self.metrics.verdict.collect()
            for sample in metric.samples
        }


@contextmanager
def a_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Make an event loop that ends."""
    loop = asyncio.new_event_loop()
    try:
        yield loop
    finally:
        loop.close()
