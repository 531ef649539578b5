"""A provider announces an outage where a member is: new work goes elsewhere, and nothing that runs is touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.lab.operator_manifests import REGIONS, a_job, guarantee
from tests.lab.operator_waiting import throughout, until

from tradewind.lab.loopback import Loopback, aws_events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.operator_fleet import CopyThere, Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]

TITLE = "Increased Error Rates"
WEB_PAGE = b"<!DOCTYPE html><html><body>We'll be back soon</body></html>"


def the_feed(*states: str) -> bytes:
    return aws_events(REGIONS["aws"], *states, title=TITLE)


class Feed(Loopback):
    """Serves a status feed."""

    def __init__(self) -> None:
        super().__init__(lambda: self.body)
        self.body = the_feed()


class Announced:
    """The fleet, and what is announced of aws."""

    def __init__(self, fleet: Fleet, feed: Feed) -> None:
        self.fleet = fleet
        self.feed = feed

    def announce(self) -> None:
        """Have the feed tell of an outage, and wait until aws is suspected for it."""
        self.feed.body = the_feed("3")
        until("aws is suspected", lambda: self.is_suspect() or self._not())

    def is_suspect(self) -> bool:
        return (self.fleet.verdict("aws"), self.fleet.cluster_reason("aws")) == ("Suspect", "ProviderIncident")

    def until_feed_is(self, reason: str) -> None:
        """Wait until the policy's status says so of the feed."""

        def told() -> bool:
            status = self.fleet.hub.get("ClusterPlacementPolicy", name="default")["status"]
            [feed] = status["feeds"]
            return bool(feed["provider"] == "aws" and feed["reason"] == reason)

        until(f"the feed is {reason}", told)

    def status(self) -> Manifest:
        found: Manifest = self.fleet.hub.get("FederatedCluster", name="aws")["status"]
        return found

    def events(self) -> list[str]:
        """The reasons of the Events about what is announced, oldest first."""
        found = [e for e in self.fleet.hub.list("Event", "default") if e["regarding"]["name"] == "aws"]
        told = [e["reason"] for e in sorted(found, key=lambda e: e["eventTime"])]
        return [each for each in told if each.startswith("ProviderIncident")]

    def there(self, name: str) -> tuple[list[CopyThere], list[str]]:
        """The copies of a workload, and the uids of its pods on aws."""
        pods = self.fleet.members["aws"].list("Pod", self.fleet.namespace)
        mine = [pod for pod in pods if pod["metadata"]["labels"].get("tradewind.dev/workload") == name]
        return self.fleet.copies(name), sorted(pod["metadata"]["uid"] for pod in mine)

    def _not(self) -> bool:
        raise KeyError(json.dumps(self.status().get("message")))


@pytest.fixture
def announced(fleet: Fleet) -> Iterator[Announced]:
    with Feed() as feed:
        named: Any = [{"provider": "aws", "url": feed.url, "pollInterval": "1s"}]
        fleet.hub.merge("ClusterPlacementPolicy", "", "default", {"spec": {"feeds": named}})
        made = Announced(fleet, feed)
        try:
            made.until_feed_is("Read")
            yield made
        finally:
            fleet.hub.merge("ClusterPlacementPolicy", "", "default", {"spec": {"feeds": None}})


def test_an_announced_outage_that_is_none_keeps_new_work_away_and_touches_nothing_that_runs(
    announced: Announced,
) -> None:
    fleet = announced.fleet
    fleet.submit(a_job("early", **guarantee("AtLeastOnce")))
    fleet.until_runs("early", "aws")
    before, told = announced.there("early"), len(announced.events())
    assert len(before[1]) == 1

    announced.announce()
    assert [each["title"] for each in announced.status()["incidents"]] == [TITLE]
    assert TITLE in announced.status()["message"]
    fleet.submit(a_job("late"))
    fleet.until_runs("late", "gcp")
    for body, status, reason in (
        (the_feed(), 200, "Read"),
        (WEB_PAGE, 200, "WebPage"),
        (b"", 503, "ServerError"),
        (the_feed("3")[:-30], 200, "NotJSON"),
    ):
        announced.feed.body, announced.feed.status = body, status
        announced.until_feed_is(reason)
        throughout("only suspicion stays", announced.is_suspect, for_s=1.5)
    assert announced.there("early") == before

    announced.feed.body = the_feed("0")
    fleet.until_verdict("aws", "Healthy")
    fleet.submit(a_job("later"))
    fleet.until_runs("later", "aws")
    assert announced.there("early") == before
    assert (fleet.status("early")["epoch"], fleet.status("early")["moves"]) == (1, [])
    assert "incidents" not in announced.status()
    assert fleet.operator.metric("tradewind_feed_failures_total", provider="aws", reason="WebPage") >= 1
    assert fleet.operator.metric("tradewind_feed_read_timestamp_seconds", provider="aws") > 0
    until(
        "each change is told once",
        lambda: announced.events()[told:] == ["ProviderIncident", "ProviderIncidentEnded"],
    )


def test_an_outage_that_is_one_is_found_by_our_own_evidence_as_ever(announced: Announced) -> None:
    fleet = announced.fleet
    fleet.submit(a_job("often", **guarantee("AtLeastOnce")))
    fleet.until_runs("often", "aws")
    announced.announce()
    fleet.lab.kill("aws")
    fleet.until_verdict("aws", "Down")
    fleet.until_runs("often", "gcp", epoch=2)
    fleet.lab.resume("aws")
    # Back on its feet, and still not trusted with new work: the provider has not said that it is over.
    until("aws is suspected again", announced.is_suspect, within_s=60.0)
    fleet.submit(a_job("late"))
    fleet.until_runs("late", "gcp")
