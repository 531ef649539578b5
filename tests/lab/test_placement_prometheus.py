"""Prices by way of a real Prometheus: new work follows them, running work stays, and its failures stop nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_manifests import a_job
from tests.lab.operator_waiting import throughout, until
from tests.lab.prometheus_process import Exporter, Prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.operator_fleet import Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]

AWS = 'node_gpu_hourly_cost{cluster="aws",instance_type="p5.48xlarge"}'
METRIC = {
    "name": "opencost",
    "offer": "h100",
    "field": "usdPerAcceleratorHour",
    "prometheus": {"query": 'node_gpu_hourly_cost{cluster="aws"}', "maxAge": "6s"},
}


class Market:
    """The fleet, with the price of aws as Prometheus tells it: 2 USD at first, as in the spec; gcp asks 3."""

    def __init__(self, fleet: Fleet, exporter: Exporter, prometheus: Prometheus) -> None:
        self.fleet = fleet
        self.prometheus = prometheus
        self._exporter = exporter

    def ask(self, usd: str) -> None:
        """Let the price of aws be this, and wait until Prometheus has seen it."""
        self._exporter.lines[AWS] = usd
        until(f"Prometheus tells {usd}", lambda: self.prometheus.value(AWS) == usd)

    def until_read(self) -> None:
        """Wait until the operator believes a sample of now."""
        now_s = time.time()
        name = "tradewind_figure_sample_timestamp_seconds"
        until("the price is read", lambda: self.fleet.operator.metric(name, cluster="aws") > now_s)

    def metric(self) -> Manifest:
        """What the status of aws says of its metric."""
        status = self.fleet.hub.get("FederatedCluster", name="aws")["status"]
        found: Manifest = next(iter(status.get("metrics") or ()), {})
        return found

    def until_says(self, state: str, *, value: str | None = None, reason: str = "") -> Manifest:
        """Wait until status says so of the metric."""

        def told() -> Manifest:
            metric = self.metric()
            if (metric["state"], metric.get("value")) != (state, value) or reason not in metric["reason"]:
                raise KeyError(str(metric))
            return metric

        return until(f"the metric is {state} with {value}", told)

    def condition(self) -> tuple[str, str]:
        """Status and reason of MetricsReady."""
        conditions = self.fleet.hub.get("FederatedCluster", name="aws")["status"]["conditions"]
        return next((c["status"], c["reason"]) for c in conditions if c["type"] == "MetricsReady")

    def events(self) -> list[str]:
        """The reasons of the Events about the metric, oldest first."""
        found = [e for e in self.fleet.hub.list("Event", "default") if e["regarding"]["name"] == "aws"]
        return [e["reason"] for e in sorted(found, key=lambda e: e["eventTime"]) if e["reason"].startswith("Metric")]

    def place(self, name: str, cluster: str) -> None:
        """Submit work, and see it run where it must."""
        self.fleet.submit(a_job(name))
        self.fleet.until_runs(name, cluster)


@pytest.fixture
def market(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with Exporter() as exporter:
        prometheus = Prometheus(exporter, tmp_path_factory.mktemp("prometheus"))
        prometheus.start()
        made = Market(fleet, exporter, prometheus)
        try:
            made.ask("2")
            asked = {"url": prometheus.url, "interval": "1s", "timeout": "900ms"}
            fleet.hub.merge("ClusterPlacementPolicy", "", "default", {"spec": {"prometheus": asked}})
            fleet.hub.merge("FederatedCluster", "", "aws", {"spec": {"metrics": [METRIC]}})
            made.until_says("Fresh", value="2")
            yield made
        finally:
            fleet.hub.merge("FederatedCluster", "", "aws", {"spec": {"metrics": None}})
            fleet.hub.merge("ClusterPlacementPolicy", "", "default", {"spec": {"prometheus": None}})
            prometheus.kill()


def test_a_price_doubles_and_new_work_goes_elsewhere_while_running_work_stays(market: Market) -> None:
    market.place("early", "aws")
    market.ask("4")
    market.until_read()
    market.place("late", "gcp")
    throughout("early stays on aws", lambda: market.fleet.runs_on("early", "aws", epoch=1), for_s=3.0)
    assert market.condition() == ("True", "AllFresh")


def test_a_price_that_jumps_tenfold_stampedes_nobody_and_is_shown(market: Market) -> None:
    market.place("early", "aws")
    market.ask("20")
    until("the jump is told", lambda: "MetricJump" in market.events())
    market.until_says("Fresh", value="20")
    market.place("late", "gcp")
    assert market.fleet.runs_on("early", "aws", epoch=1)


def test_prometheus_dies_and_the_specs_price_counts_and_work_is_placed_all_the_same(market: Market) -> None:
    market.ask("4")
    market.until_read()
    market.place("dear", "gcp")
    market.prometheus.kill()
    metric = market.until_says("Stale", reason="TooOld")
    assert "Unreachable" in metric["message"]
    assert metric["message"].endswith("The spec's figure counts.")
    assert market.condition() == ("False", "TooOld")
    market.place("late", "aws")
    assert market.fleet.operator.metric("tradewind_figure_failures_total", cluster="aws", reason="Unreachable") > 0
    market.prometheus.start()
    market.until_says("Fresh", value="4")
    market.place("later", "gcp")


@pytest.mark.parametrize(
    ("usd", "reason"),
    [
        pytest.param("NaN", "NotANumber", id="NaN"),
        pytest.param("0", "ZeroPrice", id="zero"),
        pytest.param("-1", "Negative", id="negative"),
    ],
)
def test_an_answer_that_is_no_price_is_told_and_the_specs_counts(market: Market, usd: str, reason: str) -> None:
    market.ask("4")
    market.until_read()
    market.place("dear", "gcp")
    market.ask(usd)
    market.until_says("Invalid", reason=reason)
    market.place("late", "aws")
    assert "MetricInvalid" in market.events()


def test_a_query_that_prometheus_refuses_is_told_in_its_words(market: Market) -> None:
    bad = {**METRIC, "prometheus": {"query": "sum(node_gpu_hourly_cost", "maxAge": "10s"}}
    market.fleet.hub.merge("FederatedCluster", "", "aws", {"spec": {"metrics": [bad]}})
    metric = market.until_says("Invalid", reason="BadQuery")
    assert "unclosed left parenthesis" in metric["message"]
    market.place("late", "aws")
