"""Room: never given away twice, taken up again when it is free, and grown where a pool can grow."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_manifests import a_job, a_service, only_on
from tests.lab.operator_waiting import throughout, until

if TYPE_CHECKING:
    from tests.lab.operator_fleet import Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]


def test_twenty_jobs_for_sixteen_accelerators_leave_four_that_wake_one_by_one(fleet: Fleet) -> None:
    names = [f"job-{number:02}" for number in range(20)]
    fleet.submit(*(a_job(name, run_for="8s" if name == "job-00" else "", **only_on("aws")) for name in names))
    until("each is placed or refused", lambda: all(reason(each) in SETTLED for each in workloads(fleet)))
    counts = Counter(reason(each) for each in workloads(fleet))
    assert counts == {"Running": 16, "Unschedulable": 4}
    assert len(fleet.members["aws"].list("Job", fleet.namespace)) == 16
    assert all(pod["spec"].get("nodeName") for pod in fleet.members["aws"].list("Pod", fleet.namespace))
    waiting = next(each for each in workloads(fleet) if reason(each) == "Unschedulable")
    assert "InsufficientCapacity" in condition(waiting)["message"]

    until("the first has ended", lambda: fleet.phase("job-00") == "Succeeded")
    until("one more runs", lambda: Counter(reason(each) for each in workloads(fleet)) == AFTER_ONE_ENDED, within_s=20)
    throughout("no more are placed", lambda: len(fleet.members["aws"].list("Job", fleet.namespace)) == 17, for_s=2)


def test_work_that_waits_takes_the_room_of_work_that_is_deleted_before_its_pods_run(fleet: Fleet) -> None:
    fleet.submit(a_service("wide", replicas=16, **only_on("aws")))
    fleet.until_runs("wide", "aws", kind="Deployment")
    fleet.submit(a_job("narrow", **only_on("aws")))
    fleet.until_reason("narrow", "Unschedulable")
    fleet.delete("wide")
    fleet.until_runs("narrow", "aws")


def test_room_that_was_promised_to_refused_work_is_given_to_what_waits_for_it(fleet: Fleet) -> None:
    fleet.refuse("aws", "count/deployments.apps")
    fleet.submit(a_service("first", replicas=16, **NOT_ONPREM), a_job("second", **only_on("aws")))
    until("first has gone elsewhere", lambda: fleet.copies("first", kind="Deployment", on=("gcp",)))
    fleet.until_runs("second", "aws")


def test_a_pool_that_can_grow_from_zero_is_placed_on_and_grows(fleet: Fleet) -> None:
    assert not nodes(fleet)
    fleet.submit(a_job("small", accelerators=2, kind="L4"))
    until("its pod waits for a node", lambda: fleet.copies("small") == fleet.copies("small", on=("onprem",)) != [])
    fleet.until_runs("small", "onprem")
    assert len(nodes(fleet)) == 1
    fleet.submit(a_job("second", accelerators=2, kind="L4"), a_job("third", accelerators=2, kind="L4"))
    until("the pool is at its limit", lambda: {fleet.reason(n) for n in ("second", "third")} == RUNNING_AND_WAITING)
    assert len(nodes(fleet)) == 2


def test_work_too_large_for_any_node_says_so(fleet: Fleet) -> None:
    fleet.submit(a_job("huge", accelerators=9))
    fleet.until_reason("huge", "Unschedulable")
    assert fleet.status("huge")["candidates"] == []
    assert {each["reason"] for each in fleet.status("huge")["refused"]} >= {"InsufficientCapacity"}
    assert not fleet.copies("huge")


NOT_ONPREM: Manifest = {"constraints": {"providers": {"allow": ["aws", "gcp"]}}}
RUNNING_AND_WAITING = {"Running", "Unschedulable"}
SETTLED = ("Running", "Unschedulable")
AFTER_ONE_ENDED = {"Succeeded": 1, "Running": 16, "Unschedulable": 3}


def workloads(fleet: Fleet) -> list[Manifest]:
    return fleet.hub.list("AIWorkload", fleet.namespace)


def reason(workload: Manifest) -> str:
    return str(condition(workload).get("reason", ""))


def condition(workload: Manifest) -> Manifest:
    conditions: list[Manifest] = (workload.get("status") or {}).get("conditions") or [{}]
    return conditions[0]


def nodes(fleet: Fleet) -> list[Manifest]:
    return [node for node in fleet.members["onprem"].list("Node") if node["metadata"]["labels"].get("pool") == "l4"]
