"""Most of the fleet falls silent at once: whether that is its death or the hub's own is for others to say."""

from __future__ import annotations

import contextlib
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_manifests import a_job, guarantee, only_on
from tests.lab.operator_waiting import throughout, until

from tradewind.lab.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.operator_audit import Audit
    from tests.lab.operator_fleet import Fleet

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]

TWO = ("aws", "gcp")
LONG_ENOUGH_S = 8
"""Longer than downAfterOneKind."""


@pytest.fixture
def anchors(fleet: Fleet) -> Iterator[list[Loopback]]:
    """Three addresses at some other provider, named in the policy: they answer with an error, which is an answer."""
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(Loopback(lambda: b"")) for _ in range(3)]
        for anchor in found:
            anchor.status = HTTPStatus.NOT_FOUND
        spec = {"anchors": [anchor.url for anchor in found]}
        fleet.hub.merge("ClusterPlacementPolicy", "", "default", {"spec": spec})
        try:
            yield found
        finally:
            fleet.hub.merge("ClusterPlacementPolicy", "", "default", {"spec": {"anchors": None}})


def is_frozen(fleet: Fleet, member: str) -> bool:
    return (fleet.verdict(member), fleet.cluster_reason(member)) == ("Suspect", "HubIsolated")


def lose(fleet: Fleet, *members: str) -> None:
    for member in members:
        fleet.lab.cut(member)


def find_again(fleet: Fleet, *members: str) -> None:
    for member in members:
        fleet.lab.heal(member)
    for member in members:
        fleet.until_verdict(member, "Healthy")


def submit_everywhere(fleet: Fleet) -> None:
    """One job that may run twice on each of the two that are lost, and one that may not."""
    fleet.submit(a_job("a", **guarantee("AtLeastOnce")), a_job("once"))
    fleet.submit(a_job("g", **guarantee("AtLeastOnce"), constraints={"providers": {"deny": ["aws"]}}))
    fleet.until_runs("a", "aws")
    fleet.until_runs("once", "aws")
    fleet.until_runs("g", "gcp")


def test_two_of_three_that_fall_silent_at_once_are_frozen_where_nobody_else_can_say(fleet: Fleet, audit: Audit) -> None:
    submit_everywhere(fleet)
    before = {name: fleet.copies(name) for name in ("a", "g", "once")}
    lose(fleet, *TWO)
    for member in TWO:
        until(f"{member} is frozen", partial(is_frozen, fleet, member))
    assert "maxUnhealthyPercent 60" in fleet.hub.get("FederatedCluster", name="aws")["status"]["message"]
    throughout("nobody is Down", lambda: "Down" not in map(fleet.verdict, TWO), for_s=LONG_ENOUGH_S)
    fleet.submit(a_job("new"))
    fleet.until_runs("new", "onprem")
    find_again(fleet, *TWO)
    assert {name: fleet.copies(name) for name in before} == before
    assert [fleet.status(name)["moves"] for name in before] == [[], [], []]
    assert set(audit.most.values()) == {1}


def test_two_of_three_that_are_gone_are_left_where_anchors_say_that_the_hub_is_sound(
    fleet: Fleet, audit: Audit, anchors: list[Loopback]
) -> None:
    assert len(anchors) == 3
    submit_everywhere(fleet)
    fleet.mark()
    lose(fleet, *TWO)
    for member in TWO:
        fleet.until_verdict(member, "Down")
    for name in ("a", "g"):
        fleet.until_runs(name, "onprem", epoch=2)
    fleet.until_reason("once", "OldCopyMayRun")
    find_again(fleet, *TWO)
    fleet.until_runs("once", "aws")
    assert fleet.made() == {"a": 1, "g": 1}
    for name in ("a", "g"):
        audit.until_only(name, "onprem", epoch=2)
    assert audit.most["once"] == 1


def test_with_most_anchors_out_of_reach_too_the_hub_is_cut_off_and_nothing_moves(
    fleet: Fleet, anchors: list[Loopback]
) -> None:
    fleet.submit(a_job("often", **guarantee("AtLeastOnce")))
    fleet.until_runs("often", "aws")
    [before] = fleet.copies("often")
    for anchor in anchors[1:]:
        anchor.stop()
    # One alone: without anchors this would be Down.
    lose(fleet, "aws")
    until("the hub counts as cut off", partial(is_frozen, fleet, "aws"))
    assert "only 1 of 3 anchors" in fleet.hub.get("FederatedCluster", name="aws")["status"]["message"]
    throughout("it is not Down", lambda: fleet.verdict("aws") != "Down", for_s=LONG_ENOUGH_S)
    find_again(fleet, "aws")
    assert fleet.copies("often") == [before]
    assert fleet.status("often")["moves"] == []


def test_when_all_are_gone_everything_waits_and_says_why_and_goes_on_where_it_was(
    fleet: Fleet, audit: Audit, anchors: list[Loopback]
) -> None:
    assert len(anchors) == 3
    submit_everywhere(fleet)
    fleet.submit(a_job("ends", run_for="15s", **only_on("gcp")))
    fleet.until_runs("ends", "gcp")
    before = {name: fleet.copies(name) for name in ("a", "g", "once")}
    fleet.mark()
    lose(fleet, *fleet.members)
    for member in fleet.members:
        fleet.until_verdict(member, "Down")
    for name in ("a", "g"):
        fleet.until_reason(name, "Unschedulable")
        assert "ClusterNotHealthy" in {group["reason"] for group in fleet.status(name)["refused"]}
    fleet.until_reason("once", "OldCopyMayRun")
    fleet.submit(a_job("new"))
    fleet.until_reason("new", "Unschedulable")

    find_again(fleet, *fleet.members)
    until("what came meanwhile runs where it can first", lambda: fleet.phase("new") == "Running")
    for name, cluster in (("a", "aws"), ("g", "gcp"), ("once", "aws")):
        fleet.until_runs(name, cluster)
    until("what has ended meanwhile is known", lambda: fleet.phase("ends") == "Succeeded")
    assert {name: fleet.copies(name) for name in before} == before
    assert fleet.made() == {"new": 1}
    assert set(audit.most.values()) == {1}
