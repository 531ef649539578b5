"""Rounds of queries on real HTTP: what figures do to the fleet, status and Events, and what a dead server costs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from tests.edge.fakeprometheus import FakePrometheus, vector
from tests.edge.waiting import until
from tests.unit.state.manifests import a_cluster

from tradewind.apply.cluster_status import cluster_status
from tradewind.apply.metric_status import Shown
from tradewind.model.fleet import FigureState
from tradewind.model.plan import Wake
from tradewind.model.workload import Key
from tradewind.observe import measuring
from tradewind.observe.measuring import Measuring
from tradewind.state.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tradewind.state.fleet import ClusterEntry

Manifest = dict[str, Any]
BEGAN_S = 1_800_000_000.0


class Rig:
    """A store whose clusters have metrics, a clock of our own, and what was told."""

    def __init__(self, server: FakePrometheus) -> None:
        self.server = server
        self.now_s = BEGAN_S
        self.store = Store()
        self.events: list[str] = []
        self.answers: list[str] = []
        self.measuring = Measuring(self.store, tell=self._tell, on_answer=self._on_answer, wall=lambda: self.now_s)
        self.name_server(server.url)

    def _tell(self, obj: Manifest, *, reason: str, note: str, warning: bool = False, **_: Any) -> None:
        self.events.append(f"{obj['metadata']['name']} {reason}{' !' if warning else ''} {note}")

    def _on_answer(self, cluster: str, reason: str) -> None:
        self.answers.append(f"{cluster} {reason or 'believed'}")

    def name_server(self, url: str) -> None:
        prometheus = {"interval": "1s", "timeout": "500ms", **({"url": url} if url else {})}
        policy = {"metadata": {"name": "default"}, "spec": {"prometheus": prometheus}}
        kind = {"apiVersion": "tradewind.dev/v1alpha1", "kind": "ClusterPlacementPolicy"}
        self.store.see_cluster_policy({**kind, **policy})
        assert not self.store.hub.problems

    def declare(
        self, *queries: str, name: str = "aws", generation: int = 1, status: Manifest | None = None
    ) -> ClusterEntry:
        """Declare a cluster whose price is measured by the first query, and its carbon by the second."""
        fields: list[Manifest] = [{"field": "usdPerAcceleratorHour", "offer": "h100"}, {"field": "gramsCO2PerKWh"}]
        metrics = [
            {"name": f"m{number}", **field, "prometheus": {"query": query, "maxAge": "10m"}}
            for number, (field, query) in enumerate(zip(fields, queries, strict=False))
        ]
        made = self.store.see_cluster(a_cluster(name, generation=generation, metrics=metrics, status=status))
        assert made is not None
        assert made.problem is None
        return made

    def scrape(self, **values: float) -> None:
        """Have new samples scraped, a minute later."""
        self.now_s += 60
        self.server.at_s = self.now_s
        self.server.values.update(values)

    async def until_asked(self, times: int = 1) -> None:
        """Wait until the metric of each cluster has been answered so often again."""
        wanted = len(self.answers) + times * len(self.store.clusters)
        await until(lambda: len(self.answers) >= wanted)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.measuring.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest_asyncio.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(measuring, "TICK_S", 0.02)
    async with FakePrometheus() as server:
        yield Rig(server)


def price(entry: ClusterEntry) -> float:
    cluster = entry.cluster(())
    assert cluster is not None
    return cluster.offers[0].usd_per_accelerator_hour


def states(entry: ClusterEntry) -> list[str]:
    return [each.state.value for each in entry.measured]


async def test_a_measured_price_takes_the_place_of_the_specs(rig: Rig) -> None:
    rig.scrape(price=3.0, grid=40.0)
    entry = rig.declare("price", "grid")
    rig.store.dirty.sleep(Key("research", "waits"), frozenset({Wake.PRICE}))
    async with rig.running():
        await rig.measuring.wait_until_read(5.0)
        await until(lambda: states(entry) == ["Fresh", "Fresh"])
    cluster = entry.cluster(())
    assert cluster is not None
    assert (price(entry), cluster.carbon.grams_co2_per_kwh) == (3.0, 40.0)
    assert rig.store.dirty.take() >= {Key("research", "waits")}, "who waits for a price is woken"
    assert rig.events == [], "that all is well is no news"
    assert set(rig.answers) == {"aws believed"}
    assert sorted(rig.measuring.times()) == [
        ("aws", "gramsCO2PerKWh", rig.now_s),
        ("aws", "usdPerAcceleratorHour", rig.now_s),
    ]


async def test_a_price_that_hardly_moves_wakes_nobody_and_writes_nothing(rig: Rig) -> None:
    rig.scrape(price=3.0)
    entry = rig.declare("price")
    async with rig.running():
        await until(lambda: states(entry) == ["Fresh"])
        before, said = entry.measured, status_of(entry, Shown(), rig.now_s)
        rig.store.dirty.sleep(Key("research", "waits"), frozenset({Wake.PRICE}))
        rig.scrape(price=3.02)
        await until(lambda: next(rig.measuring.times())[2] == rig.now_s)
        await rig.until_asked()
    assert entry.measured is before
    assert not rig.store.dirty.take()
    assert status_of(entry, Shown(), rig.now_s)["metrics"] == said["metrics"]


async def test_a_price_that_jumps_tenfold_is_shown_at_once_and_believed_at_the_third_scrape(rig: Rig) -> None:
    rig.scrape(price=3.0)
    entry = rig.declare("price")
    async with rig.running():
        await until(lambda: states(entry) == ["Fresh"])
        rig.scrape(price=30.0)
        await until(lambda: states(entry) == ["Jump"])
        assert price(entry) == 3.0
        assert entry.priced is not None
        assert entry.priced.offers[0].assumed == (
            "usdPerAcceleratorHour is the last good one: metric m0 is Jump (NotConfirmed)",
        )
        await rig.until_asked(2)
        assert price(entry) == 3.0, "the same scrape again is no confirmation"
        rig.scrape()
        await until(lambda: rig.answers[-1].startswith("aws") and "2 of 3" in entry.measured[0].message)
        rig.scrape()
        await until(lambda: price(entry) == 30.0)
    assert [event.split(" ")[1:3] for event in rig.events] == [["MetricJump", "!"], ["MetricFresh", "m0:"]]
    assert "From 3 to 30" in rig.events[0]


@pytest.mark.parametrize(
    ("answer", "state", "reason"),
    [
        pytest.param(vector("NaN"), "Invalid", "NotANumber", id="NaN"),
        pytest.param(vector("+Inf"), "Invalid", "Infinite", id="infinite"),
        pytest.param(vector("-1"), "Invalid", "Negative", id="negative"),
        pytest.param(vector("0"), "Invalid", "ZeroPrice", id="zero"),
        pytest.param(vector(), "Invalid", "NoSeries", id="empty"),
        pytest.param(vector(1, 2), "Invalid", "SeveralSeries", id="several"),
        pytest.param("<html>", "Unavailable", "BadAnswer", id="nonsense"),
    ],
)
async def test_whatever_else_is_answered_the_specs_price_counts_and_status_says_why(
    rig: Rig, answer: Any, state: str, reason: str
) -> None:
    rig.server.says(answer)
    entry = rig.declare("price")
    async with rig.running():
        await until(lambda: states(entry) == [state])
        await rig.until_asked(2)
    assert price(entry) == 2.0
    status = status_of(entry, Shown(), rig.now_s)
    (metric,) = status["metrics"]
    assert (metric["state"], metric["reason"], "value" in metric) == (state, reason, False)
    assert metric["message"].endswith("The spec's figure counts.")
    condition = status["conditions"][-1]
    assert (condition["type"], condition["status"], condition["reason"]) == ("MetricsReady", "False", reason)
    assert len(rig.events) == 1, "one Event, however often it is asked"


async def test_a_server_that_dies_leaves_the_last_price_for_its_time_and_then_the_specs(rig: Rig) -> None:
    rig.scrape(price=3.0)
    entry = rig.declare("price")
    async with rig.running():
        await until(lambda: states(entry) == ["Fresh"])
        await rig.server.stop()
        await until(lambda: states(entry) == ["Unavailable"])
        assert price(entry) == 3.0
        rig.now_s += 601
        await until(lambda: states(entry) == ["Stale"])
        assert price(entry) == 2.0
        await rig.server.start()
        rig.scrape(price=3.1)
        await until(lambda: states(entry) == ["Fresh"])
        assert price(entry) == 3.1
    assert [event.split(" ")[1] for event in rig.events] == ["MetricUnavailable", "MetricStale", "MetricFresh"]


async def test_a_dead_server_is_asked_ever_less_often_and_never_for_everything(rig: Rig) -> None:
    rig.server.says("", status=503)
    entries = [rig.declare("price", "grid", name=f"c{number}") for number in range(20)]
    async with rig.running():
        await until(lambda: all(states(entry) == ["Unavailable"] * 2 for entry in entries))
        first = len(rig.server.asked)
        assert first <= measuring.SILENT + measuring.AT_ONCE, "of 40 queries"
        await until(lambda: len(rig.server.asked) > first)
    server = next(iter(rig.measuring._servers.values()))  # noqa: SLF001 - pauses are not to be seen from outside
    assert server.failures >= 1


async def test_queries_are_asked_a_few_at_a_time(rig: Rig) -> None:
    rig.server.pause_s = 0.05
    rig.scrape(price=3.0, grid=40.0)
    entries = [rig.declare("price", "grid", name=f"c{number}") for number in range(20)]
    async with rig.running():
        await until(lambda: all(states(entry) == ["Fresh", "Fresh"] for entry in entries))
    assert 1 < rig.server.busiest <= measuring.AT_ONCE


async def test_without_a_server_the_status_says_what_to_do(rig: Rig) -> None:
    rig.name_server("")
    entry = rig.declare("price")
    async with rig.running():
        await rig.measuring.wait_until_read(5.0)
        await until(lambda: states(entry) == ["Unavailable"])
    assert entry.measured[0].message.startswith("NoServer: No server is named: set spec.prometheus.url")
    assert rig.answers == ["aws NoServer"]


async def test_a_metric_that_is_declared_later_does_not_wait_for_the_next_round(rig: Rig) -> None:
    rig.store.see_cluster_policy(
        {
            "apiVersion": "tradewind.dev/v1alpha1",
            "kind": "ClusterPlacementPolicy",
            "metadata": {"name": "default"},
            "spec": {"prometheus": {"url": rig.server.url, "interval": "1h"}},
        }
    )
    rig.scrape(price=3.0, dear=5.0)
    early = rig.declare("price")
    async with rig.running():
        await until(lambda: states(early) == ["Fresh"])
        late = rig.declare("dear", name="gcp")
        await until(lambda: price(late) == 5.0)
        rig.declare("dear", generation=2)
        await until(lambda: price(early) == 5.0)
    assert rig.server.asked == ["price", "dear", "dear"]


async def test_a_restart_tells_nothing_again_and_still_knows_what_a_jump_is(rig: Rig) -> None:
    written = {"name": "m0", "value": "20", "at": "2027-01-15T08:00:00Z", "state": "Jump", "reason": "NotConfirmed"}
    rig.scrape(price=3.0)
    entry = rig.declare("price", status={"observedGeneration": 1, "metrics": [written]})
    rig.server.values["price"] = 200.0
    async with rig.running():
        await until(lambda: states(entry) == ["Jump"])
    assert (rig.events, price(entry)) == ([], 20.0)


async def test_a_policy_that_is_read_again_asks_for_nothing_twice_and_takes_no_server_for_silent(rig: Rig) -> None:
    rig.scrape(price=3.0)
    entry = rig.declare("price")
    async with rig.running():
        await until(lambda: states(entry) == ["Fresh"])
        rig.name_server(rig.server.url)
        await rig.until_asked(2)
        server = rig.measuring._servers[rig.server.url]  # noqa: SLF001 - failures are not to be seen from outside
        assert (server.failures, price(entry), rig.events) == (0, 3.0, [])


async def test_metrics_that_are_not_declared_any_more_leave_nothing_behind(rig: Rig) -> None:
    rig.scrape(price=3.0)
    entry, shown = rig.declare("price"), Shown()
    async with rig.running():
        await until(lambda: states(entry) == ["Fresh"])
        entry.raw["status"] = status_of(entry, shown, rig.now_s)
        rig.declare(generation=2)
        await until(lambda: states(entry) == [])
    assert (price(entry), list(rig.measuring.times())) == (2.0, [])
    status = status_of(entry, shown, rig.now_s)
    assert status["metrics"] is None
    assert "MetricsReady" not in [each["type"] for each in status["conditions"]]


async def test_a_cluster_that_goes_ends_nothing_else(rig: Rig) -> None:
    rig.server.pause_s = 0.05
    rig.scrape(price=3.0)
    gone, stays = rig.declare("price", name="gone"), rig.declare("price")
    async with rig.running():
        await until(lambda: rig.server.asked)
        rig.store.see_cluster(gone.raw, deleted=True)
        await until(lambda: states(stays) == ["Fresh"])
        rig.store.see_cluster(stays.raw, deleted=True)
        await rig.measuring.wait_until_read(5.0)


def status_of(entry: ClusterEntry, shown: Shown, now_s: float) -> Manifest:
    measured = shown.see(entry, now_s=now_s)
    return cluster_status(entry, workloads=0, usd_per_hour=0.0, measured=measured, now_s=now_s)


async def test_status_shows_values_at_most_once_a_minute_and_states_at_once(rig: Rig) -> None:
    rig.scrape(price=3.0)
    entry = rig.declare("price")
    shown = Shown()
    assert status_of(entry, shown, rig.now_s)["metrics"] is None, "nothing, before all have been asked for"
    async with rig.running():
        await until(lambda: states(entry) == ["Fresh"])
        first = status_of(entry, shown, rig.now_s)["metrics"]
        assert first == [
            {
                "name": "m0",
                "value": "3",
                "at": "2027-01-15T08:01:00Z",
                "state": "Fresh",
                "reason": "Believed",
                "message": "The last answer counts.",
            }
        ]
        written_s = rig.now_s
        rig.scrape(price=3.5)
        await until(lambda: price(entry) == 3.5)
        assert status_of(entry, shown, written_s + 59)["metrics"] == first
        assert status_of(entry, shown, written_s + 60)["metrics"][0]["value"] == "3.5"
        rig.server.says(vector("NaN"))
        await until(lambda: states(entry) == [FigureState.INVALID])
        assert status_of(entry, shown, written_s + 61)["metrics"][0]["state"] == "Invalid"
