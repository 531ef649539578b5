"""Status feeds over real HTTP: what is announced reaches a region's clusters, and what is broken changes nothing."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from tests.edge.fakefeed import FakeFeed
from tests.edge.waiting import until
from tests.unit.outage.feeds.samples import BEGAN_S, aws, aws_event, azure, azure_item, gcp, gcp_incident
from tests.unit.state.manifests import a_cluster, a_workload, placed

from tradewind.apply.cluster_status import cluster_status
from tradewind.model.health import Judgement, Verdict
from tradewind.model.policy import FeedProvider
from tradewind.observe import status_feeds
from tradewind.observe.status_feeds import StatusFeeds
from tradewind.outage.feeds import incidents
from tradewind.outage.feeds.sources import SOURCES
from tradewind.state.picture import snapshot
from tradewind.state.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tradewind.state.fleet import ClusterEntry

Manifest = dict[str, Any]
NOW_S = BEGAN_S + 3600.0
LOST = Judgement(Verdict.DOWN, "ApiServerSilent", "No answer.")
HTML = b"<!DOCTYPE html><html><body>We'll be back soon</body></html>"


class Rig:
    """A store with a cluster in us-east-1, what was told of it, and the feed of its provider."""

    def __init__(self, server: FakeFeed) -> None:
        self.server = server
        self.store = Store()
        self.events: list[str] = []
        self.readings: list[str] = []
        self.feeds = self.a_reader()
        self.name(aws=server.url)
        self.entry = self.declare("virginia", "us-east-1")
        self.other = self.declare("ireland", "eu-west-1")

    def a_reader(self) -> StatusFeeds:
        """Make what reads feeds, as a new operator does."""
        return StatusFeeds(self.store, tell=self._tell, on_reading=self._on_reading, wall=lambda: NOW_S)

    def _tell(self, obj: Manifest, *, reason: str, note: str, warning: bool = False, **_: Any) -> None:
        self.events.append(f"{obj['metadata']['name']} {reason}{' !' if warning else ''} {note}")

    def _on_reading(self, provider: str, reason: str, at_s: float) -> None:
        assert at_s == NOW_S
        self.readings.append(f"{provider} {reason}".strip())

    def name(self, **urls: str) -> None:
        """Have the policy name these feeds."""
        feeds = [{"provider": provider, "url": url, "pollInterval": "1s"} for provider, url in urls.items()]
        kind = {"apiVersion": "tradewind.dev/v1alpha1", "kind": "ClusterPlacementPolicy"}
        self.store.see_cluster_policy({**kind, "metadata": {"name": "default"}, "spec": {"feeds": feeds}})
        assert not self.store.hub.problems
        # More often than the policy allows, so that no test waits for long.
        policy = self.store.hub.policy
        self.store.hub.policy = replace(policy, feeds=tuple(replace(f, poll_interval_s=0.1) for f in policy.feeds))

    def declare(self, name: str, region: str, *, provider: str = "aws", status: Manifest | None = None) -> ClusterEntry:
        entry = self.store.see_cluster(a_cluster(name, region=region, provider=provider, status=status))
        assert entry is not None
        assert entry.problem is None
        return entry

    def titles(self, entry: ClusterEntry | None = None) -> list[str]:
        return [event.title for event in (entry or self.entry).incidents]

    def state(self) -> tuple[str, str]:
        """What the policy's status says of the feed of aws."""
        return self.store.feeds.get(FeedProvider.AWS, ("", ""))

    async def until_read(self, times: int = 1) -> None:
        """Wait until it has been read so often again."""
        wanted = len(self.readings) + times
        await until(lambda: len(self.readings) >= wanted)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.feeds.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest_asyncio.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(status_feeds, "TICK_S", 0.02)
    async with FakeFeed() as server:
        yield Rig(server)


async def test_an_event_reaches_the_clusters_of_its_region_and_is_told_once(rig: Rig) -> None:
    rig.server.body = aws(aws_event())
    async with rig.running():
        await rig.feeds.wait_until_read(5.0)
        await until(lambda: rig.titles() == ["Increased Error Rates"])
        await rig.until_read(2)
    assert rig.titles(rig.other) == []
    words = 'aws announces "Increased Error Rates" (Amazon Elastic Compute Cloud); nothing moves for that alone.'
    assert rig.events == [f"virginia ProviderIncident ! {words}"]
    assert rig.state() == ("Read", "1 event is open that clusters may feel.")
    status = cluster_status(rig.entry, workloads=0, usd_per_hour=0.0, now_s=NOW_S)
    [shown] = status["incidents"]
    assert (shown["title"], shown["began"]) == ("Increased Error Rates", "2026-03-01T12:51:25Z")


async def test_an_event_that_ends_is_told_once_too(rig: Rig) -> None:
    rig.server.body = aws(aws_event())
    async with rig.running():
        await until(rig.titles)
        rig.server.body = aws(aws_event(status="0"))
        await until(lambda: not rig.titles())
    none = "No event is open that its provider announces for its region."
    assert rig.events[1:] == [f"virginia ProviderIncidentEnded {none}"]
    assert cluster_status(rig.entry, workloads=0, usd_per_hour=0.0, now_s=NOW_S)["incidents"] is None


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        pytest.param(aws(), 200, "Read", id="an empty feed"),
        pytest.param(HTML, 200, "WebPage", id="a web page with status 200"),
        pytest.param(b"", 200, "EmptyAnswer", id="nothing with status 200"),
        pytest.param(aws(aws_event(status="0"))[:-20], 200, "NotJSON", id="half an answer"),
        pytest.param(aws(aws_event(status="resolved")), 200, "UnknownEntries", id="a shape never seen"),
        pytest.param(b"[" + b" " * SOURCES["aws"].max_bytes + b"]", 200, "TooLarge", id="an answer without end"),
        pytest.param(aws(), 500, "ServerError", id="an error of the server"),
        pytest.param(aws(), 429, "ServerError", id="too many requests"),
        pytest.param(aws(), 403, "Refused", id="forbidden"),
        pytest.param(b"", 302, "Redirected", id="another address"),
    ],
)
async def test_a_feed_that_goes_quiet_or_breaks_ends_nothing_and_says_why(
    rig: Rig, body: bytes, status: int, reason: str
) -> None:
    rig.server.body = aws(aws_event())
    async with rig.running():
        await until(rig.titles)
        rig.server.body, rig.server.status, rig.server.headers = body, status, {"Location": "/elsewhere"}
        await rig.until_read(2)
        assert rig.state()[0] == reason
        assert rig.state()[1].endswith("1 event is open that clusters may feel.")
        assert rig.titles() == ["Increased Error Rates"]
        assert len(rig.events) == 1


async def test_a_slow_feed_is_not_awaited_and_the_others_are_read(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_feeds, "TIMEOUT_S", 0.1)
    rig.server.slow = True
    google = rig.declare("iowa", "us-central1", provider="gcp")
    async with FakeFeed(gcp(gcp_incident("us-central1-a"))) as second:
        rig.name(aws=rig.server.url, gcp=second.url)
        async with rig.running():
            await until(lambda: rig.titles(google))
            await until(lambda: rig.state()[0] == "TimedOut")


async def test_azures_prose_reaches_the_cluster_of_its_region(rig: Rig) -> None:
    west = rig.declare("west", "westus", provider="azure")
    async with FakeFeed(azure(azure_item())) as server:
        rig.name(azure=server.url)
        async with rig.running():
            await until(lambda: rig.titles(west) == ["Issues connecting to resources in West US"])


async def test_what_has_not_changed_is_not_sent_again_and_confirms_what_it_said(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incidents, "FORGOTTEN_AFTER_S", 0.6)
    rig.server.body = aws(aws_event())
    async with rig.running():
        await until(lambda: rig.server.answered[-9:] == [304] * 9)
        assert rig.titles() == ["Increased Error Rates"]
        assert "If-Modified-Since" in rig.server.asked[-1]
        assert rig.server.asked[-1]["Accept-Encoding"] == "identity"
        rig.server.body, rig.server.status = b"", 503
        await until(lambda: not rig.titles())
    assert [each.split()[1] for each in rig.events] == ["ProviderIncident", "ProviderIncidentEnded"]


async def test_304_to_somebody_who_has_nothing_is_a_problem(rig: Rig) -> None:
    rig.server.status = 304
    async with rig.running():
        await rig.until_read()
    assert rig.state()[0] == "BadAnswer"


async def test_a_feed_that_fails_is_asked_less_and_less_often(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda _low, high: high)
    rig.server.status = 500
    loop = asyncio.get_running_loop()
    times = []
    async with rig.running():
        for _ in range(3):
            await rig.until_read()
            times.append(loop.time())
        rig.server.status = 200
        await until(lambda: rig.state()[0] == "Read")
    first, second = times[1] - times[0], times[2] - times[1]
    assert 0.15 < first < second
    assert second > 0.35
    assert rig.readings == ["aws ServerError"] * 3 + ["aws"]


async def test_without_a_feed_in_the_policy_nothing_is_read_and_nobody_waits(rig: Rig) -> None:
    rig.name()
    async with rig.running():
        await asyncio.wait_for(rig.feeds.wait_until_read(60.0), 5.0)
    assert rig.server.asked == []


async def test_a_feed_that_the_policy_names_no_more_is_not_believed_any_longer(rig: Rig) -> None:
    rig.server.body = aws(aws_event())
    async with rig.running():
        await until(rig.titles)
        rig.name()
        await until(lambda: not rig.titles())
        assert rig.state() == ("", "")


async def test_a_new_operator_keeps_what_was_announced_and_tells_nothing_twice(rig: Rig) -> None:
    rig.server.body = aws(aws_event())
    async with rig.running():
        await until(rig.titles)
    status = cluster_status(rig.entry, workloads=0, usd_per_hour=0.0, now_s=NOW_S)
    rig.store, rig.server.body = Store(), HTML
    rig.feeds = rig.a_reader()
    rig.name(aws=rig.server.url)
    rig.entry = rig.declare("virginia", "us-east-1", status=status)
    async with rig.running():
        await rig.until_read()
        assert rig.titles() == ["Increased Error Rates"]
        assert len(rig.events) == 1
        rig.server.body = aws(aws_event(status="0"))
        await until(lambda: not rig.titles())
        assert [each.split()[1] for each in rig.events] == ["ProviderIncident", "ProviderIncidentEnded"]


async def test_what_is_announced_of_a_lost_cluster_has_its_work_looked_at_again(rig: Rig) -> None:
    rig.server.body = aws(aws_event())
    rig.store.see_workload(a_workload(status=placed("virginia")))
    rig.store.see_workload(a_workload("elsewhere", uid="u-2", status=placed("ireland")))
    for entry in (rig.entry, rig.other):
        entry.health = LOST
        entry.raw = {**entry.raw, "status": {"verdict": "Down"}}
    rig.store.dirty.take()
    async with rig.running():
        await until(lambda: rig.titles() == ["Increased Error Rates"])
        await rig.until_read(2)
    assert {key.name for key in rig.store.dirty.take()} == {"train"}
    fleet = snapshot(rig.store, (), now_s=NOW_S).fleet
    assert {cluster.name: cluster.announced for cluster in fleet} == {"virginia": True, "ireland": False}
