"""What measured figures make of a spec: laid over it, known again after a restart, and changed only by what matters."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.state.manifests import a_cluster

from tradewind.api.convert import cluster_from
from tradewind.model.fleet import Cluster, FigureState, Metric, MetricField
from tradewind.model.workload import Market
from tradewind.state.figures import Figure, Problem, Sample
from tradewind.state.fleet import ClusterEntry
from tradewind.state.measured import Measured, differ, lay, market_of, measure, said_by, written
from tradewind.state.store import Store

Manifest = dict[str, Any]
NOW_S = 1_800_000_000.0
OFFERS = [
    {"name": "h100", "accelerator": "H100-80GB", "perNode": 8, "market": "Spot", "usdPerAcceleratorHour": "2"},
    {"name": "cpu", "market": "OnDemand", "usdPerCPUHour": "0.04"},
]
METRICS = [
    {"name": "gpu", "offer": "h100", "field": "usdPerAcceleratorHour", "prometheus": {"query": "a"}},
    {"name": "lost", "offer": "h100", "field": "interruptionsPerHour", "prometheus": {"query": "b"}},
    {"name": "core", "offer": "cpu", "field": "usdPerCPUHour", "prometheus": {"query": "c"}},
    {"name": "grid", "field": "gramsCO2PerKWh", "prometheus": {"query": "d"}},
    {"name": "site", "field": "pue", "prometheus": {"query": "e"}},
]
SPEC = cluster_from(a_cluster(offers=OFFERS, metrics=METRICS, carbon={"gramsCO2PerKWh": 300}))
BY_NAME = {metric.name: metric for metric in SPEC.metrics}
STALE = Problem(FigureState.STALE, "TooOld", "The last good sample is older than maxAge.")


def says(name: str, value: float | None, wrong: Problem | None = None) -> Measured:
    return Measured(BY_NAME[name], None if value is None else Sample(value, NOW_S), wrong)


def figure_of(cluster: Cluster, metric: Metric) -> float | None:
    return said_by(cluster, metric)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_figure_takes_the_place_of_the_specs_and_of_no_other(name: str) -> None:
    laid = lay(SPEC, [says(name, 7.5)])
    changed = {each for each, metric in BY_NAME.items() if figure_of(laid, metric) != figure_of(SPEC, metric)}
    assert (changed, figure_of(laid, BY_NAME[name])) == ({name}, 7.5)
    assert not laid.carbon.assumed
    assert not any(offer.assumed for offer in laid.offers)


def test_a_figure_that_does_not_count_leaves_the_specs_and_says_so() -> None:
    laid = lay(SPEC, [says("gpu", None, STALE), says("grid", None, STALE)])
    gpu, core = laid.offers
    assert (gpu.usd_per_accelerator_hour, laid.carbon.grams_co2_per_kwh) == (2.0, 300.0)
    assert gpu.assumed == ("usdPerAcceleratorHour is the spec's: metric gpu is Stale (TooOld)",)
    assert laid.carbon.assumed == ("gramsCO2PerKWh is the spec's: metric grid is Stale (TooOld)",)
    assert core is SPEC.offers[1], "what no metric changes stays the same object"


def test_a_figure_that_still_counts_though_something_is_wrong_says_so_too() -> None:
    laid = lay(SPEC, [says("lost", 0.2, Problem(FigureState.JUMP, "NotConfirmed", "From 0.2 to 2."))])
    assert laid.offers[0].interruptions_per_hour == 0.2
    assert laid.offers[0].assumed == ("interruptionsPerHour is the last good one: metric lost is Jump (NotConfirmed)",)


def test_a_metric_that_is_not_declared_any_more_changes_nothing() -> None:
    gone = Measured(Metric("gpu", MetricField.USD_PER_ACCELERATOR_HOUR, "other", offer="h100"), Sample(9, NOW_S), None)
    assert lay(SPEC, [gone]) == SPEC


def test_the_specs_own_figures_and_the_market() -> None:
    assert [said_by(SPEC, metric) for metric in SPEC.metrics] == [2.0, None, 0.04, 300.0, None]
    assert [market_of(SPEC, BY_NAME[name]) for name in ("gpu", "core", "grid")] == [Market.SPOT, Market.ON_DEMAND, None]


# A change below 1 % is none.


def heard(value: float, at_s: float = NOW_S) -> Figure:
    return Figure(Sample(value, at_s))


def test_a_figure_that_hardly_moves_stays_the_very_same() -> None:
    first = measure(BY_NAME["gpu"], heard(2.0), None, now_s=NOW_S)
    assert measure(BY_NAME["gpu"], heard(2.019, NOW_S + 60), first, now_s=NOW_S + 60) is first
    assert measure(BY_NAME["gpu"], heard(1.981, NOW_S + 60), first, now_s=NOW_S + 60) is first


def test_small_steps_add_up() -> None:
    first = said = measure(BY_NAME["gpu"], heard(2.0), None, now_s=NOW_S)
    for number, value in enumerate((2.015, 2.03), start=1):
        said = measure(BY_NAME["gpu"], heard(value, NOW_S + number), said, now_s=NOW_S + number)
    assert said.counts == Sample(2.03, NOW_S + 2)
    assert differ(SPEC, [first], [said])


def test_a_state_that_changes_is_a_change_though_the_price_is_none() -> None:
    first = measure(BY_NAME["gpu"], heard(2.0), None, now_s=NOW_S)
    late = measure(BY_NAME["gpu"], heard(2.0), first, now_s=NOW_S + 601)
    assert (late.state, late.counts) == (FigureState.STALE, None)
    assert not differ(SPEC, [first], [late]), "the spec's price is the same"
    assert differ(SPEC, [says("gpu", 3.0)], [late])
    assert not differ(SPEC, [], [late])


# After a restart.


def status_with(*metrics: Manifest, generation: int = 1) -> Manifest:
    return {"observedGeneration": generation, "metrics": list(metrics)}


WRITTEN = {"name": "gpu", "value": "20", "at": "2027-01-15T08:00:00Z", "state": "Fresh", "reason": "Believed"}


def test_what_was_written_is_read_again() -> None:
    jump = {"name": "grid", "state": "Jump", "reason": "NotConfirmed", "message": "From 300 to 3000."}
    gpu, grid = written(SPEC, status_with(WRITTEN, jump, {"name": "unknown", "value": "1", "state": "Fresh"}))
    assert gpu == Measured(BY_NAME["gpu"], Sample(20.0, NOW_S), None)
    assert grid == Measured(BY_NAME["grid"], None, Problem(FigureState.JUMP, "NotConfirmed", "From 300 to 3000."))


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"name": "gpu", "value": "much", "state": "Odd"}, id="malformed"),
        pytest.param({"name": "gpu"}, id="empty"),
        pytest.param("gpu", id="no object"),
    ],
)
def test_what_can_not_be_read_counts_as_nothing(entry: Any) -> None:
    assert [each.counts for each in written(SPEC, status_with(entry))] in ([None], [])


@pytest.mark.parametrize(
    ("generation", "recalled"),
    [pytest.param(1, True, id="of this spec"), pytest.param(0, False, id="of an earlier spec")],
)
def test_a_jump_is_measured_by_what_an_earlier_operator_believed(generation: int, recalled: bool) -> None:  # noqa: FBT001 - a column
    status = status_with(WRITTEN, generation=generation)
    entry = Store().see_cluster(a_cluster(offers=OFFERS, metrics=METRICS, status=status))
    assert entry is not None
    assert (entry.told == {"gpu": FigureState.FRESH}) == recalled
    assert [figure.believed for _, figure in entry.figures.values()] == ([Sample(20.0, NOW_S)] if recalled else [])
    assert entry.priced is entry.spec, "but nothing counts before it has been asked for"


def test_a_clusters_prices_are_the_measured_ones_and_the_same_objects_until_something_changes() -> None:
    entry = ClusterEntry({"metadata": {"name": "aws"}}, SPEC)
    entry.measured = (says("gpu", 3.0),)
    cluster = entry.cluster(())
    assert cluster is not None
    assert cluster.offers[0].usd_per_accelerator_hour == 3.0
    again = entry.cluster(())
    assert again is not None
    assert again.offers is cluster.offers
    entry.measured = (says("gpu", 4.0),)
    assert entry.priced is not None
    assert entry.priced.offers[0].usd_per_accelerator_hour == 4.0
