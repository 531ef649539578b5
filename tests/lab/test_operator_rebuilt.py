"""A hub that has lost its memory, rebuilt from manifests: what runs is taken over, and nothing is started twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_manifests import a_job, a_service, only_on, the_fleet
from tests.lab.operator_waiting import until

if TYPE_CHECKING:
    from tests.lab.operator_fleet import Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]


def test_a_rebuilt_hub_adopts_what_runs_and_starts_nothing_twice(fleet: Fleet) -> None:
    fleet.submit(a_job("train"), a_service("chat", replicas=2))
    fleet.until_runs("train", "aws")
    fleet.until_runs("chat", "aws", kind="Deployment")
    # Their generation is now 2; that of objects made anew is 1.
    fleet.change("train", {"failover": {"maxMovesPerHour": 1}})
    fleet.change("chat", {"failover": {"maxMovesPerHour": 1}})
    until("the change was seen", lambda: fleet.status("train")["placements"][0]["generation"] == 2)
    until("the change was seen", lambda: fleet.status("chat")["placements"][0]["generation"] == 2)
    uids = {name: fleet.workload(name)["metadata"]["uid"] for name in ("train", "chat")}
    copies = fleet.copies("train"), fleet.copies("chat", kind="Deployment")
    pods = pod_uids(fleet, "aws")
    fleet.mark()

    fleet.operator.end()
    fleet.submit(fleet.lose("train"), fleet.lose("chat"))
    fleet.operator.start()
    fleet.until_runs("train", "aws")
    fleet.until_runs("chat", "aws", kind="Deployment")
    assert {name: fleet.status(name)["adoptedUID"] for name in uids} == uids
    assert (fleet.copies("train"), fleet.copies("chat", kind="Deployment")) == copies
    assert pod_uids(fleet, "aws") == pods
    assert not fleet.made()

    fleet.change("chat", {"run": {"image": "example.org/chat:2"}})
    until("an adopted Deployment follows its spec", lambda: images(fleet, "chat") == {"example.org/chat:2"})
    fleet.until_runs("chat", "aws", kind="Deployment")


@pytest.mark.parametrize("wanted", ["AtMostOnce", "AtLeastOnce"])
def test_a_cluster_that_is_renamed_keeps_its_work(fleet: Fleet, wanted: str) -> None:
    fleet.submit(a_job("train", failover={"guarantee": wanted}))
    fleet.until_runs("train", "aws")
    copies = fleet.copies("train")
    fleet.rename("aws", "aws-renamed")
    try:
        until("the record names it", lambda: places(fleet, "train") == ["aws-renamed"])
        assert fleet.copies("train") == copies
    finally:
        fleet.rename("aws-renamed", "aws")
    until("and back", lambda: places(fleet, "train") == ["aws"])
    assert fleet.copies("train") == copies


def places(fleet: Fleet, name: str) -> list[str]:
    return [place["cluster"] for place in fleet.status(name)["placements"]]


def images(fleet: Fleet, workload: str) -> set[str]:
    pods = [p for p in living_pods(fleet, "aws") if p["metadata"]["labels"]["tradewind.dev/workload"] == workload]
    return {pod["spec"]["containers"][0]["image"] for pod in pods}


def pod_uids(fleet: Fleet, cluster: str) -> set[str]:
    return {pod["metadata"]["uid"] for pod in living_pods(fleet, cluster)}


def living_pods(fleet: Fleet, cluster: str) -> list[Manifest]:
    pods = fleet.members[cluster].list("Pod", fleet.namespace)
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]


def test_a_rebuilt_hub_waits_for_a_member_that_it_cannot_see(fleet: Fleet) -> None:
    fleet.submit(a_job("near"), a_job("far", **only_on("gcp")))
    fleet.until_runs("near", "aws")
    fleet.until_runs("far", "gcp")
    [near], [far] = fleet.copies("near"), fleet.copies("far")

    fleet.operator.end()
    lost = [{**fleet.lose("far"), "spec": a_job("far")["spec"]}, fleet.lose("near")]
    for cluster in the_fleet():
        fleet.hub.delete("FederatedCluster", "", cluster["metadata"]["name"])
        fleet.hub.create(cluster)
    fleet.lab.cut("gcp")
    # As a GitOps tool brings them back: one after the other, and the one whose copy can't be seen first.
    fleet.operator.start()
    fleet.until_verdict("aws", "Healthy")
    fleet.submit(lost[0])
    fleet.until_reason("far", "AdoptionPending")
    assert "gcp" in fleet.message("far")
    fleet.submit(lost[1])
    fleet.until_runs("near", "aws")
    assert fleet.copies("near") == [near]

    fleet.lab.heal("gcp")
    fleet.until_runs("far", "gcp")
    assert fleet.copies("far") == [far]
