"""Copies that move while they run, and work with several of them, on API servers that answer as real ones do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.edge.rig import (
    CLUSTERS,
    DEPLOYMENTS,
    DOWN,
    HEALTHY,
    JOBS,
    KEY,
    Manifest,
    Rig,
    a_job,
    a_rig,
    a_server,
    with_pod,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SPREAD = {"spread": {"clusters": 2, "minProviders": 2, "replicas": "Divided"}}


@pytest.fixture
async def three() -> AsyncIterator[Rig]:
    """Three members, the dearest last."""
    async with a_rig("aws", "gcp", "own") as rig:
        yield rig


def drain(rig: Rig, name: str, scheduling: str = "Draining") -> None:
    """Let an owner have a cluster emptied."""
    known = rig.store.clusters[name].raw
    spec, metadata = known["spec"] | {"scheduling": scheduling}, known["metadata"]
    generation = metadata.get("generation", 1) + 1
    changed = known | {"spec": spec, "metadata": metadata | {"generation": generation}}
    rig.hub.objects.put(CLUSTERS, changed)
    rig.store.see_cluster(changed)


async def running(rig: Rig, work: Manifest, *clusters: str) -> None:
    """Create work, and let it run."""
    rig.create(work)
    await rig.settle()
    for cluster in clusters:
        rig.runs(cluster)
    await rig.settle()


def ended(rig: Rig, cluster: str, path: str) -> None:
    """Let the garbage collector of a member finish a deletion."""
    rig.members[cluster].objects.remove(path, "research", "train")


def places(rig: Rig) -> list[tuple[str, int, str]]:
    """What the status holds."""
    return [(place["cluster"], place["epoch"], place["state"]) for place in rig.status()["placements"]]


async def test_a_job_leaves_a_draining_cluster_and_room_is_kept_until_its_old_copy_is_gone(rig: Rig) -> None:
    await running(rig, a_job(), "aws")
    drain(rig, "aws")
    await rig.settle()
    assert places(rig) == [("aws", 1, "Releasing"), ("gcp", 2, "Reserved")]
    assert rig.copies() == ["aws/train 1"]
    assert rig.promised("gcp") == 1
    ended(rig, "aws", JOBS)
    await rig.settle()
    assert rig.copies() == ["gcp/train 2"]
    assert rig.status()["moves"][0]["reason"] == "Draining"


async def test_a_crash_in_the_middle_of_a_move_is_made_good(rig: Rig) -> None:
    await running(rig, a_job(), "aws")
    drain(rig, "aws")
    rig.members["aws"].drop("DELETE /train")
    await rig.round()
    rig.members["aws"].heal()
    assert places(rig) == [("aws", 1, "Releasing"), ("gcp", 2, "Reserved")]
    fresh = rig.restarted()
    await fresh.settle()
    ended(fresh, "aws", JOBS)
    await fresh.settle()
    assert fresh.copies() == ["gcp/train 2"]


async def test_a_deployment_is_made_there_before_it_is_removed_here(rig: Rig) -> None:
    await running(rig, a_server("train"), "aws")
    drain(rig, "aws")
    await rig.settle()
    assert places(rig) == [("aws", 1, "Leaving"), ("gcp", 2, "Delivering")]
    assert rig.copies() == ["aws/train 1", "gcp/train 2"]
    rig.runs("gcp")
    await rig.settle()
    ended(rig, "aws", DEPLOYMENTS)
    await rig.settle()
    assert places(rig) == [("gcp", 2, "Running")]


@pytest.mark.parametrize("serves", [False, True], ids=["a job", "a server"])
async def test_nothing_leaves_for_a_place_that_can_not_take_it(rig: Rig, *, serves: bool) -> None:
    work = with_pod(a_job(), serviceAccountName="trainer") if not serves else a_server("train")
    for name in ("aws", "gcp"):
        account = {"metadata": {"name": "trainer", "namespace": "research"}}
        rig.members[name].objects.put("v1/serviceaccounts", account)
    await running(rig, work, "aws")
    rig.members["gcp"].objects.remove("v1/serviceaccounts", "research", "trainer")
    if serves:
        rig.members["gcp"].answer("POST /deployments", 403)
    drain(rig, "aws")
    await rig.settle()
    assert rig.copies() == ["aws/train 1"]
    assert [place[0] for place in places(rig)] == ["aws"]
    assert rig.condition("Ready") == ("True", "DrainBlocked")


async def test_shares_are_recorded_together_and_made_with_their_replicas(three: Rig) -> None:
    work = a_server("train", **SPREAD)
    work["spec"]["run"]["replicas"] = 5
    three.create(work)
    await three.settle()
    assert three.copies() == ["aws/train 1", "gcp/train 1"]
    made = {name: three.members[name].objects.get(DEPLOYMENTS, "research", "train") for name in ("aws", "gcp")}
    assert {name: each["spec"]["replicas"] for name, each in made.items() if each} == {"aws": 3, "gcp": 2}
    assert [decision["clusterName"] for decision in three.status()["decisions"]] == ["aws", "gcp"]


async def test_a_member_that_refuses_its_share_loses_only_that(three: Rig) -> None:
    three.members["gcp"].answer("POST /deployments", 403)
    work = a_server("train", **SPREAD)
    work["spec"]["run"]["replicas"] = 4
    three.create(work)
    await three.settle()
    assert three.copies() == ["aws/train 1", "own/train 2"]
    assert [place[:2] for place in places(three)] == [("aws", 1), ("own", 2)]


async def test_of_a_lost_cluster_only_the_share_is_made_anew(three: Rig) -> None:
    work = a_server("train", **SPREAD)
    work["spec"]["run"]["replicas"] = 2
    await running(three, work, "aws", "gcp")
    three.judge("gcp", DOWN)
    await three.settle()
    assert three.copies() == ["aws/train 1", "gcp/train 1", "own/train 2"]
    three.judge("gcp", HEALTHY)
    await three.settle()
    ended(three, "gcp", DEPLOYMENTS)
    await three.settle()
    assert three.copies() == ["aws/train 1", "own/train 2"]


async def test_what_it_has_cost_is_written_when_something_else_is(rig: Rig) -> None:
    await running(rig, a_job(), "aws")
    version = rig.entry().raw["metadata"]["resourceVersion"]
    rig.store.dirty.mark((KEY,))
    await rig.settle(later_s=1800.0)
    assert rig.entry().raw["metadata"]["resourceVersion"] == version
    rig.edit(suspend=True)
    await rig.settle()
    assert float(rig.status()["spentUSD"]) == pytest.approx(0.5, abs=0.01)
