"""Prometheus metrics: base units, bounded labels (cluster, verb, code; never a workload's name)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from tradewind import __version__
from tradewind.model.health import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)


class FigureTimes(Collector):
    """Says at each scrape how old measured figures are: a metric that is not declared any more leaves nothing behind.

    Attributes:
        read: gives (cluster, field, time of the oldest sample that is believed).
    """

    def __init__(self) -> None:
        self.read: Callable[[], Iterable[tuple[str, str, float]]] = tuple

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give prometheus_client what it asks for."""
        family = GaugeMetricFamily(
            "tradewind_figure_sample_timestamp_seconds",
            "When the oldest sample of a cluster that is believed was taken, by field; 0 where none ever was.",
            labels=["cluster", "field"],
        )
        for cluster, field, at_s in self.read():
            family.add_metric([cluster, field], at_s)
        yield family


class Metrics:
    """All metrics of one operator, in a registry of its own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        build = Gauge("tradewind_build_info", "Version of the operator.", ["version"], registry=registry)
        build.labels(__version__).set(1)
        self.placement_seconds = Histogram(
            "tradewind_placement_duration_seconds",
            "From an AIWorkload's creation to its copy being accepted by a member.",
            buckets=SECONDS,
            registry=registry,
        )
        self.move_seconds = Histogram(
            "tradewind_move_duration_seconds",
            "From a cluster's being declared lost to the new copy being accepted elsewhere.",
            buckets=SECONDS,
            registry=registry,
        )
        self.phase_seconds = Histogram(
            "tradewind_move_phase_duration_seconds",
            "Moves, by phase: decided since detected, delivered since decided, running since delivered; and of each "
            "cluster that is lost, detected since it fell silent.",
            ["phase"],
            buckets=SECONDS,
            registry=registry,
        )
        self.decision_seconds = Histogram(
            "tradewind_decision_duration_seconds",
            "One round of decisions, over all workloads of the round.",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
            registry=registry,
        )
        self.requests = Counter(
            "tradewind_api_requests_total",
            "Requests to API servers; code 0 stands for no answer.",
            ["cluster", "verb", "code"],
            registry=registry,
        )
        self.queue = Gauge("tradewind_queue_depth", "Workloads that wait to be looked at.", registry=registry)
        self.in_flight = Gauge("tradewind_steps_in_flight", "Decisions being carried out.", registry=registry)
        self.workloads = Gauge("tradewind_workloads", "AIWorkloads by phase.", ["phase"], registry=registry)
        self.verdict = Gauge(
            "tradewind_cluster_verdict", "1 for a cluster's present verdict.", ["cluster", "verdict"], registry=registry
        )
        self.figure_failures = Counter(
            "tradewind_figure_failures_total",
            "Answers to queries of metrics that are not believed, by the reason that status gives.",
            ["cluster", "reason"],
            registry=registry,
        )
        self.figure_times = FigureTimes()
        registry.register(self.figure_times)
        self.feed_failures = Counter(
            "tradewind_feed_failures_total",
            "Readings of status feeds that were not understood, by the reason that the policy's status gives.",
            ["provider", "reason"],
            registry=registry,
        )
        self.feed_time = Gauge(
            "tradewind_feed_read_timestamp_seconds",
            "When a provider's status feed was last read, and understood.",
            ["provider"],
            registry=registry,
        )
        self.watch_restarts = Counter(
            "tradewind_hub_watch_restarts_total",
            "How often the hub's watches had to be started again.",
            registry=registry,
        )
        self.leader = Gauge("tradewind_leader", "1 while this operator holds the lease.", registry=registry)

    def count_request(self, cluster: str, verb: str, code: int) -> None:
        """Count one request."""
        self.requests.labels(cluster, verb, str(code)).inc()

    def count_answer(self, cluster: str, reason: str) -> None:
        """Count one answer of a Prometheus server; `reason` is "" for a sample that is believed."""
        if reason:
            self.figure_failures.labels(cluster, reason).inc()

    def count_reading(self, provider: str, reason: str, at_s: float) -> None:
        """Count one reading of a status feed; `reason` is "" for one that was understood."""
        if reason:
            self.feed_failures.labels(provider, reason).inc()
        else:
            self.feed_time.labels(provider).set(at_s)

    def show_verdict(self, cluster: str, verdict: Verdict | None) -> None:
        """Show a cluster's verdict; None once it is no longer declared."""
        for each in Verdict:
            if verdict is None:
                self.verdict.remove(cluster, each.value)
            else:
                self.verdict.labels(cluster, each.value).set(each is verdict)

    def show_phases(self, phases: dict[str, int]) -> None:
        """Show how many workloads are in each phase; phases that are empty now show 0."""
        for labels in list(self.workloads._metrics):  # noqa: SLF001 - prometheus_client has no way to list children
            if labels[0] not in phases:
                self.workloads.labels(*labels).set(0)
        for phase, count in phases.items():
            self.workloads.labels(phase).set(count)

    def text(self) -> bytes:
        """Write all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
