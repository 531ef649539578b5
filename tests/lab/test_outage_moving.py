"""Something else happens while work moves: its target dies, its old place returns, its user wishes for less."""

from __future__ import annotations

import signal
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_manifests import a_job, guarantee
from tests.lab.operator_waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.operator_audit import Audit
    from tests.lab.operator_fleet import Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]

NAMES = [f"often-{number}" for number in range(6)]
PAUSE_S = 17
"""Longer than another operator would wait for the Lease."""


@pytest.fixture
def slow_moves(fleet: Fleet) -> Iterator[None]:
    """A move every two seconds, so that much can happen between the first and the last."""
    fleet.hub.merge("ClusterPlacementPolicy", "", "default", {"spec": {"moves": {"perMinute": 30, "burst": 1}}})
    yield
    fleet.hub.merge("ClusterPlacementPolicy", "", "default", {"spec": {"moves": None}})


def statuses(fleet: Fleet) -> dict[str, Manifest]:
    return {each["metadata"]["name"]: each["status"] for each in fleet.hub.list("AIWorkload", fleet.namespace)}


def moved(fleet: Fleet) -> set[str]:
    return {name for name, status in statuses(fleet).items() if status.get("moves")}


def on_aws(fleet: Fleet) -> None:
    """Six jobs that may run twice run on aws, and one that may not."""
    fleet.submit(a_job("once"), *(a_job(name, **guarantee("AtLeastOnce")) for name in NAMES))
    for name in ("once", *NAMES):
        fleet.until_runs(name, "aws")
    fleet.mark()


def runs_on(fleet: Fleet, name: str, cluster: str) -> bool:
    status = fleet.status(name)
    return bool(status["phase"] == "Running" and status["placements"][0]["cluster"] == cluster)


def only_copy(fleet: Fleet, name: str, where: tuple[str, int]) -> bool:
    return [(copy.cluster, copy.epoch) for copy in fleet.copies(name)] == [where]


def is_suspended(fleet: Fleet, name: str) -> bool:
    return fleet.phase(name) == "Suspended" and not fleet.status(name)["placements"]


def one_copy_each(fleet: Fleet, audit: Audit, where: dict[str, tuple[str, int]]) -> None:
    """Each has the one copy that is said, all others are gone, and nothing that may run once ever ran twice."""
    for name, (cluster, epoch) in where.items():
        fleet.until_runs(name, cluster, epoch=epoch, within_s=60)
        until(f"one copy of {name} is left", partial(only_copy, fleet, name, (cluster, epoch)))
        audit.until_only(name, cluster, epoch=epoch)
    assert audit.most["once"] == 1


def test_work_whose_target_dies_before_it_has_arrived_goes_on_to_the_next(fleet: Fleet, audit: Audit) -> None:
    on_aws(fleet)
    fleet.lab.cut("aws")
    until("the first move has been decided", lambda: moved(fleet))
    fleet.lab.kill("gcp")
    fleet.until_verdict("gcp", "Down")
    for name in NAMES:
        until(f"{name} runs on onprem", partial(runs_on, fleet, name, "onprem"), within_s=60)
        # Down of the cluster that it has just moved to overrides the cooldown.
        assert [move["toCluster"] for move in fleet.status(name)["moves"]] in (["onprem"], ["onprem", "gcp"])
    fleet.lab.resume("gcp")
    fleet.lab.heal("aws")
    for member in ("aws", "gcp"):
        fleet.until_verdict(member, "Healthy")
    where = {name: ("onprem", fleet.status(name)["epoch"]) for name in NAMES}
    one_copy_each(fleet, audit, {**where, "once": ("aws", 1)})
    assert max(fleet.made().values()) <= 2


@pytest.mark.usefixtures("slow_moves")
def test_a_cluster_that_returns_in_the_midst_keeps_what_has_not_left(fleet: Fleet, audit: Audit) -> None:
    on_aws(fleet)
    before = {name: fleet.copies(name) for name in ("once", *NAMES)}
    fleet.lab.cut("aws")
    until("some have left", lambda: len(moved(fleet)) > 1)
    fleet.lab.heal("aws")
    fleet.until_verdict("aws", "Healthy")
    left = moved(fleet)
    assert 0 < len(left) < len(NAMES)
    one_copy_each(fleet, audit, {name: ("gcp", 2) if name in left else ("aws", 1) for name in before})
    assert {name: fleet.copies(name) for name in before if name not in left} == {
        name: copies for name, copies in before.items() if name not in left
    }
    assert fleet.made() == dict.fromkeys(left, 1)


@pytest.mark.usefixtures("slow_moves")
def test_an_operator_that_is_paused_in_the_midst_goes_on_where_it_stood(fleet: Fleet, audit: Audit) -> None:
    on_aws(fleet)
    pid = fleet.operator.pid
    fleet.lab.cut("aws")
    until("some have left", lambda: len(moved(fleet)) > 1)
    fleet.operator.send(signal.SIGSTOP)
    paused = time.monotonic()
    # What it believes of aws and of its own Lease is out of date when it wakes up.
    fleet.lab.heal("aws")
    until("the pause is over", lambda: time.monotonic() - paused > PAUSE_S)
    fleet.operator.send(signal.SIGCONT)
    fleet.until_verdict("aws", "Healthy")
    left = moved(fleet)
    one_copy_each(fleet, audit, {name: ("gcp", 2) if name in left else ("aws", 1) for name in ("once", *NAMES)})
    assert fleet.made() == dict.fromkeys(left, 1)
    assert (fleet.operator.pid, fleet.operator.runs) == (pid, True)


@pytest.mark.usefixtures("slow_moves")
def test_a_delete_and_a_suspend_win_over_a_move(fleet: Fleet, audit: Audit) -> None:
    on_aws(fleet)
    fleet.lab.cut("aws")
    until("the first has left", lambda: moved(fleet))
    # Some have left, one is on its way, others wait for their turn: the same is wished for all.
    deleted, suspended = NAMES[::2], NAMES[1::2]
    for name in deleted:
        fleet.delete(name)
    for name in (*suspended, "once"):
        fleet.change(name, {"suspend": True})
    for name in deleted:
        fleet.until_gone(name)
    until("no copy is left that can be reached", lambda: not any(fleet.copies(n, on=("gcp", "onprem")) for n in NAMES))

    fleet.lab.heal("aws")
    fleet.until_verdict("aws", "Healthy")
    until("the copies that were out of reach are gone", lambda: not any(fleet.copies(n) for n in ("once", *NAMES)))
    for name in (*suspended, "once"):
        until(f"{name} is suspended", partial(is_suspended, fleet, name))
    until(
        "nothing is left to sweep", lambda: not fleet.hub.get("FederatedCluster", name="aws")["status"].get("orphans")
    )
    assert audit.most["once"] == 1
    fleet.change("once", {"suspend": False})
    fleet.until_runs("once", "aws", epoch=2)


def test_a_target_that_refuses_is_passed_over_and_says_why(fleet: Fleet, audit: Audit) -> None:
    fleet.submit(a_job("often", **guarantee("AtLeastOnce")), a_job("once"))
    fleet.until_runs("often", "aws")
    fleet.until_runs("once", "aws")
    fleet.refuse("gcp", "count/jobs.batch")
    fleet.lab.cut("aws")
    until("it goes to the third", lambda: fleet.runs_on("often", "onprem", epoch=fleet.status("often")["epoch"]))
    refused = {group["reason"]: group for group in fleet.status("often")["refused"]}
    assert "gcp" in str(refused["RefusedByMember"]["names"])
    assert "exceeded quota" in refused["RefusedByMember"]["message"]
    fleet.lab.heal("aws")
    fleet.until_verdict("aws", "Healthy")
    one_copy_each(fleet, audit, {"often": ("onprem", fleet.status("often")["epoch"]), "once": ("aws", 1)})


def test_targets_that_answer_nothing_but_429_get_the_work_once_they_are_less_busy(fleet: Fleet, audit: Audit) -> None:
    fleet.submit(a_job("often", **guarantee("AtLeastOnce")), a_job("once"))
    fleet.until_runs("often", "aws")
    fleet.until_runs("once", "aws")
    fleet.mark()
    fleet.lab.cut("aws")
    fleet.until_verdict("aws", "Suspect")
    for member in ("gcp", "onprem"):
        fleet.lab.cut(member, mode="answer", status=429)
    fleet.until_verdict("aws", "Down")
    fleet.until_reason("often", "Unschedulable")
    assert "Down" not in (fleet.verdict("gcp"), fleet.verdict("onprem")), "a 429 is a sign of life"
    for member in ("gcp", "onprem"):
        fleet.lab.heal(member)
    until("it has a place", lambda: fleet.phase("often") == "Running")
    [place] = fleet.status("often")["placements"]
    assert place["cluster"] in ("gcp", "onprem")
    assert fleet.made() == {"often": 1}
    fleet.lab.heal("aws")
    fleet.until_verdict("aws", "Healthy")
    one_copy_each(fleet, audit, {"often": (place["cluster"], 2), "once": ("aws", 1)})
