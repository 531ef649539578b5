"""Bad input: it is named with its next step, disturbs nothing else, and shows no secret."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.lab.operator_manifests import a_cluster, a_config, a_job, a_service, an_offer, guarantee, job_template
from tests.lab.operator_waiting import until

from tradewind.lab.kubeapi import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.operator_fleet import Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]

MARK = "hunter2-correct-horse"


def kubeconfig(*, server: str = "https://127.0.0.1:1", user: Any = None, cluster: Any = None) -> str:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server, **(cluster or {})}}],
        "users": [{"name": "u", "user": {"token": MARK} if user is None else user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    text: str = yaml.safe_dump(document)
    return text


BAD: dict[str, tuple[str | bytes, str]] = {
    "exec": (kubeconfig(user={"exec": {"command": "sh", "args": [MARK]}}), "KubeconfigRefused"),
    "file": (kubeconfig(user={"tokenFile": "/etc/passwd"}), "KubeconfigRefused"),
    "plain": (kubeconfig(server=f"http://{MARK}.invalid"), "KubeconfigRefused"),
    "unverified": (kubeconfig(cluster={"insecure-skip-tls-verify": True}), "KubeconfigRefused"),
    "half": (kubeconfig()[:-40] + f"\n\t{MARK}: [", "KubeconfigInvalid"),
    "list": (f"- {MARK}", "KubeconfigInvalid"),
    "nonsense": (kubeconfig(user={"client-certificate-data": MARK, "client-key-data": "%"}), "KubeconfigInvalid"),
    "garbage": (
        kubeconfig(user={"client-certificate-data": "aGk=", "client-key-data": "aHVudGVyMg=="}),
        "KubeconfigInvalid",
    ),
    "newline": (kubeconfig(user={"token": f"{MARK}\nX-Other: 1"}), "KubeconfigInvalid"),
    "accent": (kubeconfig(user={"token": f"{MARK}…"}), "KubeconfigInvalid"),
    "binary": (b"\xff\xfe\x00", "KubeconfigInvalid"),
}


@pytest.fixture
def bad_clusters(fleet: Fleet) -> Iterator[dict[str, str]]:
    """Declared clusters that can't be used, with the reason that each of them must give."""
    for name, (text, _) in BAD.items():
        fleet.put_kubeconfig(f"bad-{name}", text)
    reasons = {f"bad-{name}": reason for name, (_, reason) in BAD.items()}
    reasons |= {"bad-missing": "SecretNotFound", "bad-twin": "DuplicateCluster"}
    fleet.put_kubeconfig("bad-twin", fleet.kubeconfig("aws"))
    for name in reasons:
        fleet.hub.create(a_cluster(name, an_offer("h100", "H100-80GB", "0.01")))
    yield reasons
    for name in reasons:
        fleet.hub.delete("FederatedCluster", "", name)
        fleet.hub.delete("Secret", "tradewind-system", name)


def test_clusters_that_cannot_be_used_say_why_and_disturb_nobody(fleet: Fleet, bad_clusters: dict[str, str]) -> None:
    fleet.submit(a_config("Secret", "bucket", key=MARK))
    fleet.submit(a_job("train", template=job_template(container={"envFrom": [{"secretRef": {"name": "bucket"}}]})))
    fleet.until_runs("train", "aws")
    for name, reason in bad_clusters.items():
        until(f"{name} says {reason}", partial(says, fleet, name, (reason,)))
        status = fleet.hub.get("FederatedCluster", name=name)["status"]
        stalled = next(each for each in status["conditions"] if each["type"] == "Stalled")
        assert (stalled["status"], stalled["reason"]) == ("True", reason)
        assert len(stalled["message"]) > 20
    missing = fleet.hub.get("FederatedCluster", name="bad-missing")["status"]["message"]
    assert "kubectl -n tradewind-system create secret generic bad-missing --from-file=kubeconfig=" in missing
    assert all(fleet.verdict(member) == "Healthy" for member in fleet.members)
    assert "Traceback" not in fleet.operator.log()
    said = json.dumps([fleet.hub.list("FederatedCluster"), fleet.hub.list("Event", fleet.namespace)])
    for text in (fleet.operator.log(), said, json.dumps(fleet.workload("train")), fleet.operator.get("/metrics")[1]):
        assert MARK not in text


def test_clusters_that_were_never_reached_do_not_hide_the_death_of_another(fleet: Fleet) -> None:
    # A resolver that works says that there are no such names, which is silence; one that is not there says nothing.
    tried = ("NeverReached", "ApiServerSilent")
    names = ["bad-name-1", "bad-name-2", "bad-address-1", "bad-address-2", "bad-address-3"]
    try:
        for name in names:
            host = f"{name}.invalid" if "name" in name else "127.0.0.1:1"
            fleet.put_kubeconfig(name, kubeconfig(server=f"https://{host}"))
            fleet.hub.create(a_cluster(name))
        fleet.submit(a_job("often", **guarantee("AtLeastOnce")))
        fleet.until_runs("often", "aws")
        for name in names:
            until(f"{name} was tried", partial(says, fleet, name, tried if "name" in name else tried[1:]))
        fleet.lab.cut("aws")
        fleet.until_runs("often", "gcp", epoch=2)
    finally:
        for name in names:
            fleet.hub.delete("FederatedCluster", "", name)
            fleet.hub.delete("Secret", "tradewind-system", name)


def test_an_unknown_accelerator_is_answered_with_the_one_that_was_meant(fleet: Fleet) -> None:
    fleet.submit(a_job("train", kind="H100-80G"))
    fleet.until_reason("train", "Unschedulable")
    refused = {each["reason"]: each["message"] for each in fleet.status("train")["refused"]}
    assert "did you mean H100-80GB?" in refused["AcceleratorUnknown"]


def test_a_policy_that_is_not_there_is_named_and_waited_for(fleet: Fleet) -> None:
    fleet.submit(a_job("train", policyRef={"name": "careful"}))
    fleet.until_reason("train", "PolicyNotFound")
    assert "PlacementPolicy careful" in fleet.message("train")
    fleet.submit(
        {"apiVersion": "tradewind.dev/v1alpha1", "kind": "PlacementPolicy", "metadata": {"name": "careful"}, "spec": {}}
    )
    fleet.until_runs("train", "aws")


def test_a_priority_class_that_is_not_there_is_named_and_waited_for(fleet: Fleet) -> None:
    fleet.submit(a_job("train", priorityClassName="operator-test"))
    fleet.until_reason("train", "PriorityClassNotFound")
    assert fleet.status("train")["conditions"][3]["status"] == "True"
    body = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "operator-test"}}
    fleet.hub.create({**body, "value": 10})
    fleet.until_runs("train", "aws")
    fleet.hub.delete("PriorityClass", "", "operator-test")


def test_a_template_that_cannot_be_read_is_named_by_its_field(fleet: Fleet) -> None:
    broken = job_template()
    broken["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": "lots"}}
    fleet.submit(a_job("train", template=broken), a_job("fine"))
    fleet.until_reason("train", "InvalidSpec")
    assert "nvidia.com/gpu" in fleet.message("train")
    fleet.until_runs("fine", "aws")


@pytest.mark.parametrize(
    ("template", "why"),
    [
        pytest.param({"apiVersion": "v1", "kind": "Pod"}, "the kind must be one of", id="a kind that is not delivered"),
        pytest.param(
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"},
            "the kind must be one of",
            id="a cluster-scoped kind",
        ),
        pytest.param(
            {**job_template(), "metadata": {"name": "other"}}, "leave out metadata.name", id="a name of its own"
        ),
    ],
)
def test_the_api_server_refuses(fleet: Fleet, template: Manifest, why: str) -> None:
    with pytest.raises(ApiError, match=why):
        fleet.submit(a_job("train", template=template))


def test_work_that_every_member_refuses_says_what_they_say(fleet: Fleet) -> None:
    template = job_template()
    template["spec"]["template"]["spec"]["containers"][0]["name"] = "Not_A_Name"
    fleet.submit(a_job("train", template=template))
    until("it was refused", lambda: fleet.reason("train") == "Unschedulable" and fleet.status("train")["refused"])
    refused = {each["reason"]: each["message"] for each in fleet.status("train")["refused"]}
    assert "Not_A_Name" in refused["RefusedByMember"]


def test_a_change_that_the_member_refuses_is_shown_and_leaves_alone_what_runs(fleet: Fleet) -> None:
    fleet.submit(a_service("chat", run=None, template=a_deployment("one")))
    fleet.until_runs("chat", "aws", kind="Deployment")
    [copy] = fleet.copies("chat", kind="Deployment")
    fleet.change("chat", {"template": a_deployment("two")})
    fleet.until_reason("chat", "RefusedByMember")
    assert "immutable" in fleet.message("chat")
    before = fleet.operator.metric("tradewind_api_requests_total", cluster="aws")
    fleet.submit(a_job("clock", run_for="4s"))
    until("some seconds have passed", lambda: fleet.phase("clock") == "Succeeded")
    assert fleet.operator.metric("tradewind_api_requests_total", cluster="aws") - before < 40
    assert fleet.copies("chat", kind="Deployment") == [copy]

    fleet.change("chat", {"template": a_deployment("one")})
    fleet.until_runs("chat", "aws", kind="Deployment")
    assert fleet.copies("chat", kind="Deployment") == [copy]


def test_a_bad_network_map_says_so_and_leaves_the_others_in_force(fleet: Fleet) -> None:
    body = {"apiVersion": "tradewind.dev/v1alpha1", "kind": "NetworkMap"}
    link = {"from": "aws/eu-south-2", "to": "gcp/europe-west4", "bandwidth": "5G", "egressUSDPerGB": "0.02"}
    fleet.hub.create({**body, "metadata": {"name": "good"}, "spec": {"links": [link]}})
    fleet.hub.create({**body, "metadata": {"name": "bad"}, "spec": {"csv": [{"name": "nowhere", "key": "links.csv"}]}})
    try:
        until("the good one is in force", lambda: condition(fleet, "good", "Ready")["status"] == "True")
        until("the bad one is not", lambda: condition(fleet, "bad", "Stalled")["status"] == "True")
        assert "nowhere" in condition(fleet, "bad", "Stalled")["message"]
        assert fleet.hub.get("NetworkMap", name="good")["status"]["links"] >= 1
    finally:
        fleet.hub.delete("NetworkMap", "", "good")
        fleet.hub.delete("NetworkMap", "", "bad")


def a_deployment(app: str) -> Manifest:
    resources = {"limits": {"nvidia.com/gpu": "1"}}
    pod = {"containers": [{"name": "main", "image": "example.org/chat:1", "resources": resources}]}
    template = {"metadata": {"labels": {"app": app}}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": app}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec}


def condition(fleet: Fleet, network_map: str, kind: str) -> Manifest:
    conditions = fleet.hub.get("NetworkMap", name=network_map)["status"]["conditions"]
    found: Manifest = next(each for each in conditions if each["type"] == kind)
    return found


def says(fleet: Fleet, cluster: str, reasons: tuple[str, ...]) -> bool:
    """Whether a FederatedCluster's status has one of these reasons; raises what it says instead, to be shown."""
    status = fleet.hub.get("FederatedCluster", name=cluster).get("status") or {}
    if status.get("reason") not in reasons:
        raise KeyError(f"{status.get('reason')}: {status.get('message')}")
    return True
