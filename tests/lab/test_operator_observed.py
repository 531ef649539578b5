"""What the operator shows of itself: endpoints, metrics, Events; and that it writes nothing when nothing happens."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_fleet import LEASE, SYSTEM
from tests.lab.operator_manifests import a_job, a_service, job_template
from tests.lab.operator_waiting import throughout, until

if TYPE_CHECKING:
    from tests.lab.operator_fleet import Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]

IDLE_S = 20
WRITES = ("POST", "PUT", "PATCH", "DELETE", "APPLY")


def test_the_endpoints_answer_and_the_metrics_count(fleet: Fleet) -> None:
    operator = fleet.operator
    assert operator.get("/healthz") == (200, "ok\n")
    assert operator.get("/readyz") == (200, "ok\n")
    placed = operator.metric("tradewind_placement_duration_seconds_count")
    fleet.submit(a_job("train"))
    fleet.until_runs("train", "aws")
    assert operator.metric("tradewind_placement_duration_seconds_count") == placed + 1
    assert operator.metric("tradewind_cluster_verdict", cluster="aws", verdict="Healthy") == 1
    assert operator.metric("tradewind_cluster_verdict", cluster="aws", verdict="Down") == 0
    until("the phase is counted", lambda: operator.metric("tradewind_workloads", phase="Running") == 1)
    assert operator.metric("tradewind_leader") == 1


def test_metrics_are_described_have_base_units_and_name_no_workload(fleet: Fleet) -> None:
    fleet.submit(a_job("named-in-no-metric"))
    fleet.until_runs("named-in-no-metric", "aws")
    text = fleet.operator.get("/metrics")[1]
    names = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert names == set(re.findall(r"^# HELP (\S+)", text, re.MULTILINE))
    ours = {name for name in names if name.startswith("tradewind_")}
    in_seconds = {name for name in ours if "seconds" in name}
    assert in_seconds == {name for name in ours if "duration" in name or "timestamp" in name}
    assert not any(unit in name for name in ours for unit in ("_ms", "milli", "minutes", "_kb", "_mb"))
    assert "process_resident_memory_bytes" in names
    assert "tradewind_build_info" in names
    assert "named-in-no-metric" not in text
    assert fleet.namespace not in text


def test_each_change_of_state_is_one_event(fleet: Fleet) -> None:
    fleet.submit(a_job("train"), a_service("chat"), a_job("huge", accelerators=9))
    fleet.until_runs("train", "aws")
    fleet.until_runs("chat", "aws", kind="Deployment")
    fleet.until_reason("huge", "Unschedulable")
    moved = fleet.operator.metric("tradewind_move_duration_seconds_count")
    fleet.lab.cut("aws")
    fleet.until_runs("chat", "gcp", epoch=2, kind="Deployment")
    fleet.until_reason("train", "OldCopyMayRun")
    assert fleet.operator.metric("tradewind_move_duration_seconds_count") == moved + 1
    assert fleet.operator.metric("tradewind_cluster_verdict", cluster="aws", verdict="Down") == 1
    fleet.lab.heal("aws")
    fleet.until_runs("train", "aws")
    fleet.until_verdict("aws", "Healthy")
    fleet.change("train", {"suspend": True})
    until("it is suspended", lambda: fleet.phase("train") == "Suspended" and not fleet.copies("train"))

    until("the last event is written", lambda: reasons(fleet, "train")[-1:] == ["Suspended"])
    assert reasons(fleet, "train") == ["Placed", "OldCopyMayRun", "Suspended"]
    assert reasons(fleet, "chat") == ["Placed", "Moved"]
    assert reasons(fleet, "huge") == ["Unschedulable"]
    assert [event["type"] for event in fleet.events("train")] == ["Normal", "Warning", "Normal"]
    event = fleet.events("chat")[1]
    assert event["regarding"]["uid"] == fleet.workload("chat")["metadata"]["uid"]
    assert event["reportingController"] == "tradewind.dev/operator"
    assert "gcp" in event["note"]


def test_a_fleet_at_rest_is_not_written_to(fleet: Fleet) -> None:
    fleet.submit(a_job("train"), a_service("chat"), a_job("huge", accelerators=9))
    fleet.submit(a_job("needs-a-secret", template=with_missing_secret()))
    fleet.until_runs("train", "aws")
    fleet.until_runs("chat", "aws", kind="Deployment")
    fleet.until_reason("huge", "Unschedulable")
    until("the missing Secret is named", lambda: fleet.reason("needs-a-secret") in ("SecretNotFound", "Unschedulable"))
    until("figures are up to date", lambda: are_free(fleet, [14, 16, 8]), within_s=30)

    writes = come_to_rest(fleet)
    renewals = written(fleet)["PUT"] - writes["PUT"]
    assert 0 < renewals <= IDLE_S
    assert {verb: count for verb, count in written(fleet).items() if verb != "PUT"} == {
        verb: count for verb, count in writes.items() if verb != "PUT"
    }
    assert fleet.hub.find("Lease", SYSTEM, LEASE) is not None


def are_free(fleet: Fleet, accelerators: list[int]) -> bool:
    """Whether these are free; raises those that are instead, and the pods that there are, to be shown."""
    free = [fleet.free(name) for name in fleet.members]
    if free != accelerators:
        pods = [
            f"{name}: {pod['metadata']['namespace']}/{pod['metadata']['name']} {pod['status'].get('phase')}"
            for name, member in fleet.members.items()
            for pod in member.server.get("/api/v1/pods")["items"]
        ]
        raise KeyError(f"{free}; {pods}")
    return True


def with_missing_secret() -> Manifest:
    return job_template(container={"envFrom": [{"secretRef": {"name": "nowhere"}}]})


def reasons(fleet: Fleet, name: str) -> list[str]:
    return [event["reason"] for event in fleet.events(name)]


def contents(fleet: Fleet) -> dict[str, Manifest]:
    """All that the operator may write on the hub, but for its Lease."""
    objects = fleet.hub.list("AIWorkload", fleet.namespace) + fleet.hub.list("Event", fleet.namespace)
    for kind in ("FederatedCluster", "NetworkMap", "ClusterPlacementPolicy"):
        objects += fleet.hub.list(kind)
    return {f"{each['metadata']['name']} {each['metadata']['uid']}": each for each in objects}


def come_to_rest(fleet: Fleet) -> dict[str, float]:
    """Watch until nothing has changed for a while; what earlier tests left behind may still be counted at first."""
    for last in (False, False, False, False, False, True):
        before, writes = contents(fleet), written(fleet)
        try:
            throughout("nothing on the hub changes", partial(unchanged, fleet, before), for_s=IDLE_S)
        except AssertionError:
            if last:
                raise
        else:
            return writes
    raise AssertionError


def unchanged(fleet: Fleet, before: dict[str, Manifest]) -> bool:
    now = contents(fleet)
    assert now.keys() == before.keys()
    assert [
        (before[name].get("status"), each.get("status")) for name, each in now.items() if each != before[name]
    ] == []
    return True


def written(fleet: Fleet) -> dict[str, float]:
    """The operator's requests to the hub that write, by verb."""
    return {verb: fleet.operator.metric("tradewind_api_requests_total", cluster="hub", verb=verb) for verb in WRITES}
