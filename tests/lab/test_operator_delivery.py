"""What is delivered where, on real API servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_manifests import a_job, a_service, job_template
from tests.lab.operator_waiting import until

from tradewind.lab.kubeapi import ApiError

if TYPE_CHECKING:
    from tests.lab.operator_fleet import Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]


def test_a_job_goes_to_the_cheapest_cluster_marked_as_a_copy_of_its_workload(fleet: Fleet) -> None:
    fleet.submit(a_job("train"))
    fleet.until_runs("train", "aws")
    assert [copy.cluster for copy in fleet.copies("train")] == ["aws"]

    uid = fleet.workload("train")["metadata"]["uid"]
    copy = fleet.copy("aws", "train")
    marks = {"hub": "default", "workload": "train", "uid": uid, "epoch": "1"}
    labels = {f"tradewind.dev/{key}": value for key, value in marks.items()}
    assert labels.items() <= copy["metadata"]["labels"].items()
    pod = copy["spec"]["template"]
    assert labels.items() <= pod["metadata"]["labels"].items()
    assert pod["spec"]["nodeSelector"] == {"pool": "h100"}
    assert {"name": "TRADEWIND_EPOCH", "value": "1"} in pod["spec"]["containers"][0]["env"]
    assert {"name": "TRADEWIND_WORKLOAD_UID", "value": uid} in pod["spec"]["containers"][0]["env"]
    assert copy["spec"]["podReplacementPolicy"] == "Failed"


def test_a_deployment_comes_with_its_service_and_both_go_with_it(fleet: Fleet) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "chat-front"},
        "spec": {"selector": {"tradewind.dev/workload": "chat"}, "ports": [{"port": 80, "targetPort": 8000}]},
    }
    fleet.submit(a_service("chat", replicas=2, companions=[service]))
    fleet.until_runs("chat", "aws", kind="Deployment")
    front = fleet.members["aws"].get("Service", fleet.namespace, "chat-front")
    assert front["metadata"]["labels"]["tradewind.dev/workload"] == "chat"
    assert {"name": "TRADEWIND_EPOCH", "value": "1"} in _container(fleet.copy("aws", "chat", kind="Deployment"))["env"]

    fleet.change("chat", {"companions": []})
    until("the Service goes when the spec no longer names it", lambda: _missing(fleet, "Service", "chat-front"))

    fleet.change("chat", {"companions": [service]})
    until("it comes back", lambda: not _missing(fleet, "Service", "chat-front"))
    fleet.delete("chat")
    fleet.until_gone("chat")
    assert fleet.copies("chat", kind="Deployment") == []
    assert _missing(fleet, "Service", "chat-front")


def test_an_image_is_rolled_out_in_place(fleet: Fleet) -> None:
    fleet.submit(a_service("chat", replicas=2))
    fleet.until_runs("chat", "aws", kind="Deployment")
    uid = fleet.copy("aws", "chat", kind="Deployment")["metadata"]["uid"]

    fleet.change("chat", {"run": {"image": "example.org/chat:2"}})
    until("the new image runs", lambda: _rolled_out(fleet, "example.org/chat:2"))
    fleet.until_runs("chat", "aws", kind="Deployment")
    assert fleet.copy("aws", "chat", kind="Deployment")["metadata"]["uid"] == uid


def test_a_jobs_template_is_refused_while_it_may_run(fleet: Fleet) -> None:
    fleet.submit(a_job("train"))
    fleet.until_runs("train", "aws")
    template = job_template(image="example.org/batch:2")
    with pytest.raises(ApiError, match="can only be changed while suspend is true"):
        fleet.change("train", {"template": template})

    fleet.change("train", {"suspend": True})
    until("the copy is gone", lambda: not fleet.copies("train"))
    fleet.change("train", {"template": template})
    fleet.change("train", {"suspend": False})
    fleet.until_runs("train", "aws", epoch=2)
    assert _container(fleet.copy("aws", "train"))["image"] == "example.org/batch:2"


def test_a_suspended_job_goes_and_comes_back_under_a_new_epoch(fleet: Fleet) -> None:
    fleet.submit(a_job("train"))
    fleet.until_runs("train", "aws")
    fleet.change("train", {"suspend": True})
    until("no copy is left", lambda: not fleet.copies("train") and fleet.status("train")["placements"] == [])
    assert (fleet.phase("train"), fleet.reason("train")) == ("Suspended", "Suspended")

    fleet.change("train", {"suspend": False})
    fleet.until_runs("train", "aws", epoch=2)
    assert {"name": "TRADEWIND_EPOCH", "value": "2"} in _container(fleet.copy("aws", "train"))["env"]


def test_a_copy_that_somebody_deletes_is_made_anew(fleet: Fleet) -> None:
    fleet.submit(a_job("train"))
    fleet.until_runs("train", "aws")
    fleet.members["aws"].delete("Job", fleet.namespace, "train")
    fleet.until_runs("train", "aws", epoch=2)


def test_a_foreign_object_of_the_same_name_is_left_alone_and_another_cluster_taken(fleet: Fleet) -> None:
    fleet.members["aws"].create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": fleet.namespace}})
    foreign = {**job_template(0, image="example.org/theirs:1"), "metadata": {"name": "train"}}
    fleet.members["aws"].create(foreign, fleet.namespace)
    before = fleet.copy("aws", "train")

    fleet.submit(a_job("train"))
    fleet.until_runs("train", "gcp", epoch=2)
    after = fleet.copy("aws", "train")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"] == before["spec"]
    assert "tradewind.dev/hub" not in after["metadata"].get("labels", {})
    refused = {each["reason"]: each for each in fleet.status("train")["refused"]}
    assert "left alone" in refused["NameTaken"]["message"]

    fleet.delete("train")
    fleet.until_gone("train")
    assert fleet.copy("aws", "train")["metadata"]["uid"] == before["metadata"]["uid"]
    fleet.members["aws"].delete("Job", fleet.namespace, "train")


def test_a_member_that_refuses_it_by_quota_is_passed_over_and_says_why(fleet: Fleet) -> None:
    fleet.refuse("aws", "count/jobs.batch")
    fleet.submit(a_job("train"))
    fleet.until_runs("train", "gcp", epoch=2)
    refused = {each["reason"]: each for each in fleet.status("train")["refused"]}
    assert "exceeded quota" in refused["RefusedByMember"]["message"]


def _container(copy: Manifest) -> Manifest:
    container: Manifest = copy["spec"]["template"]["spec"]["containers"][0]
    return container


def _missing(fleet: Fleet, kind: str, name: str) -> bool:
    return fleet.members["aws"].find(kind, fleet.namespace, name) is None


def _rolled_out(fleet: Fleet, image: str) -> bool:
    pods = fleet.members["aws"].list("Pod", fleet.namespace)
    images = [pod["spec"]["containers"][0]["image"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    return images == [image, image]
