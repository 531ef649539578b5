"""Ends: work that is deleted, also while its cluster is dead, and work that has finished."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_fleet import path
from tests.lab.operator_manifests import a_config, a_job, a_service, job_template
from tests.lab.operator_waiting import until

if TYPE_CHECKING:
    from tests.lab.operator_fleet import Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]


def test_a_dead_cluster_holds_up_no_delete_and_is_swept_on_its_return_also_after_a_crash(fleet: Fleet) -> None:
    fleet.submit(a_config("Secret", "bucket", key="value"))
    template = job_template(container={"envFrom": [{"secretRef": {"name": "bucket"}}]})
    names = [f"once-{number}" for number in range(8)]
    fleet.submit(*(a_job(name, template=template) for name in names), a_service("chat"))
    for name in names:
        fleet.until_runs(name, "aws")
    fleet.until_runs("chat", "aws", kind="Deployment")
    fleet.lab.kill("aws")
    fleet.until_verdict("aws", "Down")
    fleet.until_runs("chat", "gcp", epoch=2, kind="Deployment")

    fleet.hub.server.delete(path("AIWorkload", fleet.namespace))
    until("the first is gone", lambda: len(fleet.hub.list("AIWorkload", fleet.namespace)) <= len(names))
    fleet.crash()
    fleet.operator.start()
    until("all are gone", lambda: not fleet.hub.list("AIWorkload", fleet.namespace))
    assert not fleet.copies("chat", kind="Deployment", on=("gcp",))
    assert {each["name"] for each in orphans(fleet)} == {*names, "chat"}

    fleet.lab.resume("aws")
    until("the copies are swept", lambda: not any(fleet.copies(name) for name in names))
    until("the Deployment is swept", lambda: not fleet.copies("chat", kind="Deployment"))
    until("nothing is left to sweep", lambda: orphans(fleet) == [])
    assert fleet.members["aws"].find("Secret", fleet.namespace, "bucket") is None


def test_work_made_again_under_the_name_of_an_orphan_is_work_of_its_own(fleet: Fleet) -> None:
    fleet.submit(a_job("train", run_for="8s"))
    fleet.until_runs("train", "aws")
    old = fleet.workload("train")["metadata"]["uid"]
    fleet.lab.cut("aws")
    fleet.until_verdict("aws", "Down")
    fleet.delete("train")
    fleet.until_gone("train")
    until("the orphan has succeeded", lambda: fleet.copy("aws", "train")["status"].get("succeeded"))
    # Nothing but aws would do, so that it still has no place when aws and the orphan on it are back.
    fleet.submit(a_job("train", accelerators=8, constraints={"providers": {"allow": ["aws"]}}))
    fleet.until_reason("train", "Unschedulable")
    fleet.lab.heal("aws")
    until("the new one runs", lambda: fleet.phase("train") == "Running", within_s=45)
    [copy] = fleet.copies("train")
    marks = fleet.copy("aws", "train")["metadata"]["labels"]
    assert marks["tradewind.dev/uid"] == fleet.workload("train")["metadata"]["uid"] != old
    assert not copy.going


def test_a_success_is_never_run_again(fleet: Fleet) -> None:
    fleet.submit(a_job("done", run_for="1s"))
    until("it has succeeded", lambda: fleet.phase("done") == "Succeeded")
    finished = fleet.status("done")["finished"]
    assert (finished["cluster"], finished["result"]) == ("aws", "Succeeded")
    fleet.mark()
    fleet.members["aws"].delete("Job", fleet.namespace, "done")
    until("its copy is gone", lambda: not fleet.copies("done"))
    fleet.operator.end(signal.SIGTERM)
    fleet.operator.start()
    # A later one is the clock: when it has run and ended, the first has been looked at too.
    fleet.submit(a_job("clock", run_for="1s"))
    until("the clock has run", lambda: fleet.phase("clock") == "Succeeded")
    assert fleet.made() == {"clock": 1}
    assert fleet.status("done")["finished"] == finished


def test_a_failed_job_says_so_and_is_not_run_again(fleet: Fleet) -> None:
    template = job_template()
    template["spec"] |= {"backoffLimit": 0, "activeDeadlineSeconds": 2}
    fleet.submit(a_job("train", template=template))
    until("it has failed", lambda: fleet.phase("train") == "Failed")
    assert fleet.status("train")["finished"]["result"] == "Failed"
    assert "deadline" in fleet.message("train")
    assert [(copy.cluster, copy.epoch) for copy in fleet.copies("train")] == [("aws", 1)]
    assert [event["type"] for event in fleet.events("train")] == ["Normal", "Warning"]


def orphans(fleet: Fleet) -> list[Manifest]:
    found: list[Manifest] = fleet.hub.get("FederatedCluster", name="aws")["status"].get("orphans", [])
    return found
