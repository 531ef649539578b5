"""What a copy needs goes with it, what is not ours is left alone, and what can't be had is said first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.edge.rig import DEPLOYMENTS, DOWN, JOBS, WORKLOADS, Rig, a_job, a_server, with_pod

if TYPE_CHECKING:
    from tests.edge.fakeapi import FakeApi

Manifest = dict[str, Any]
CONFIG, SECRETS, SERVICES, NAMESPACES = "v1/configmaps", "v1/secrets", "v1/services", "v1/namespaces"
OURS = {"tradewind.dev/hub": "default"}
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}


def put(api: FakeApi, collection: str, name: str, **fields: Any) -> None:
    api.objects.put(collection, {"metadata": {"name": name, "namespace": "research"}, **fields})


def names_config(name: str = "train", *, optional: bool = False) -> Manifest:
    sources = [
        {"configMapRef": {"name": "settings", "optional": optional}},
        {"secretRef": {"name": "bucket", "optional": optional}},
    ]
    return with_pod(a_job(name), container={"envFrom": sources})


def supply(rig: Rig) -> None:
    put(rig.hub, CONFIG, "settings", data={"mode": "fast"})
    put(rig.hub, SECRETS, "bucket", data={"key": "czNjcjN0"}, type="Opaque")


async def test_config_goes_along_and_says_whose_it_is(rig: Rig) -> None:
    supply(rig)
    rig.create(names_config())
    await rig.settle()
    aws = rig.members["aws"].objects
    settings, bucket = aws.get(CONFIG, "research", "settings"), aws.get(SECRETS, "research", "bucket")
    assert settings is not None
    assert bucket is not None
    assert (settings["data"], bucket["data"], bucket["type"]) == ({"mode": "fast"}, {"key": "czNjcjN0"}, "Opaque")
    assert OURS.items() <= settings["metadata"]["labels"].items()


async def test_config_is_there_before_the_copy(rig: Rig) -> None:
    supply(rig)
    seen: list[str] = []
    rig.members["aws"].before("POST /jobs", lambda: seen.extend(rig.members["aws"].objects.names(SECRETS)))
    rig.create(names_config())
    await rig.settle()
    assert seen == ["bucket"]


async def test_config_that_the_member_has_of_its_own_is_left_alone(rig: Rig) -> None:
    supply(rig)
    put(rig.members["aws"], CONFIG, "settings", data={"mode": "local"})
    rig.create(names_config())
    await rig.settle()
    rig.hub.objects.change(
        WORKLOADS, "research", "train", metadata={**rig.entry().raw["metadata"], "deletionTimestamp": "now"}
    )
    await rig.settle()
    rig.members["aws"].objects.finish_deletes()
    await rig.settle()
    found = rig.members["aws"].objects.get(CONFIG, "research", "settings")
    assert found is not None
    assert found["data"] == {"mode": "local"}
    assert rig.members["aws"].objects.names(SECRETS) == []


async def test_missing_config_is_said_before_anything_is_promised_and_then_nothing_is_written(rig: Rig) -> None:
    rig.create(names_config())
    await rig.settle()
    assert rig.condition("Stalled") == ("True", "ConfigMapNotFound")
    assert "Create it" in rig.status()["conditions"][0]["message"]
    assert (rig.status()["placements"], rig.status()["epoch"], rig.copies()) == ([], 0, [])
    written = len(rig.hub.writes())
    for _ in range(5):
        await rig.settle(later_s=25)
    assert len(rig.hub.writes()) == written
    supply(rig)
    await rig.settle(later_s=25)
    assert rig.copies() == ["aws/train 1"]


async def test_optional_config_may_be_missing(rig: Rig) -> None:
    rig.create(names_config(optional=True))
    await rig.settle()
    assert rig.copies() == ["aws/train 1"]


async def test_config_that_the_hub_does_not_let_us_read_is_said(rig: Rig) -> None:
    supply(rig)
    rig.hub.answer("GET /secrets/bucket", 403, reason="Forbidden", message="secrets is forbidden")
    rig.create(names_config())
    await rig.settle()
    assert rig.condition("Stalled") == ("True", "SecretUnreadable")
    assert "secrets is forbidden" in rig.status()["conditions"][0]["message"]


async def test_no_secret_is_ever_listed_or_shown(rig: Rig) -> None:
    supply(rig)
    rig.create(names_config())
    await rig.settle()
    assert not [verb for verb in rig.hub.verbs(ends="/secrets") if verb.startswith(("GET", "WATCH"))]
    assert "czNjcjN0" not in str(rig.status())


async def test_config_of_several_goes_with_the_last_of_them(rig: Rig) -> None:
    supply(rig)
    for name in ("one", "two"):
        rig.create(names_config(name))
    await rig.settle()
    aws = rig.members["aws"].objects
    for name, left in (("one", ["settings"]), ("two", [])):
        rig.hub.objects.handle(
            "DELETE", f"/apis/{WORKLOADS.replace('/aiw', '/namespaces/research/aiw')}/{name}", {}, {}, ""
        )
        await rig.settle()
        aws.finish_deletes()
        await rig.settle()
        assert aws.names(CONFIG) == left
    assert rig.hub.objects.names(WORKLOADS) == []


async def test_a_companion_that_is_config_need_not_be_on_the_hub(rig: Rig) -> None:
    companion = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"mode": "own"}}
    rig.create(with_pod(a_job(companions=[companion]), container={"envFrom": [{"configMapRef": {"name": "settings"}}]}))
    await rig.settle()
    found = rig.members["aws"].objects.get(CONFIG, "research", "settings")
    assert found is not None
    assert found["data"] == {"mode": "own"}


async def test_companions_come_and_go_with_the_copy(rig: Rig) -> None:
    rig.create(a_server(companions=[SERVICE]))
    await rig.settle()
    assert rig.members["aws"].objects.names(SERVICES) == ["web"]
    rig.edit("chat", suspend=True)
    await rig.settle()
    assert rig.members["aws"].objects.names(SERVICES) == []


async def test_the_namespace_is_made_where_it_lacks(rig: Rig) -> None:
    rig.members["aws"].objects.remove(NAMESPACES, "", "research")
    supply(rig)
    rig.create(names_config())
    await rig.settle()
    assert rig.copies() == ["aws/train 1"]
    made = rig.members["aws"].objects.get(NAMESPACES, "", "research")
    assert made is not None
    assert made["metadata"]["labels"] == OURS


async def test_a_namespace_that_may_not_be_made_is_a_refusal(rig: Rig) -> None:
    rig.members["aws"].objects.remove(NAMESPACES, "", "research")
    rig.members["aws"].answer("POST /namespaces", 403, reason="Forbidden", message="no new namespaces here")
    rig.create(a_job())
    await rig.settle()
    assert rig.copies() == ["gcp/train 2"]
    assert "no new namespaces here" in str(rig.status()["refused"])


async def test_a_foreign_object_of_the_same_name_is_never_touched(rig: Rig) -> None:
    foreign = {"metadata": {"name": "train", "namespace": "research", "labels": {"team": "other"}}, "spec": {"mine": 1}}
    before = rig.members["aws"].objects.put(JOBS, foreign)
    rig.create(a_job())
    await rig.settle()
    assert rig.members["aws"].objects.get(JOBS, "research", "train") == before
    assert rig.copies() == ["gcp/train 2"]
    assert rig.status()["refused"][0]["reason"] == "NameTaken"


async def test_a_copy_of_another_hub_is_foreign(rig: Rig) -> None:
    labels = {"tradewind.dev/hub": "staging", "tradewind.dev/workload": "train", "tradewind.dev/epoch": "1"}
    before = rig.members["aws"].objects.put(
        JOBS, {"metadata": {"name": "train", "namespace": "research", "labels": labels}}
    )
    rig.create(a_job())
    await rig.settle()
    assert rig.members["aws"].objects.get(JOBS, "research", "train") == before
    assert rig.status()["placements"][0]["cluster"] == "gcp"


@pytest.mark.parametrize("owner", ["foreign", "another workload"])
async def test_a_companions_name_that_is_taken_leaves_nothing_behind(rig: Rig, owner: str) -> None:
    supply(rig)
    aws = rig.members["aws"].objects
    labels = {} if owner == "foreign" else {**OURS, "tradewind.dev/uid": "another"}
    before = aws.put(SERVICES, {"metadata": {"name": "web", "namespace": "research", "labels": labels}, "spec": {}})
    other = {**SERVICE, "metadata": {"name": "admin"}}
    rig.create({**names_config(), "spec": {**names_config()["spec"], "companions": [other, SERVICE]}})
    await rig.settle()
    assert rig.copies() == ["gcp/train 2"]
    assert aws.get(SERVICES, "research", "web") == before
    assert (aws.names(SERVICES), aws.names(CONFIG), aws.names(SECRETS)) == (["web"], [], [])
    assert rig.members["gcp"].objects.names(SERVICES) == ["admin", "web"]


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        pytest.param({"serviceAccountName": "trainer"}, "ServiceAccountNotFound", id="a service account"),
        pytest.param(
            {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "scratch"}}]},
            "PersistentVolumeClaimNotFound",
            id="a volume claim",
        ),
    ],
)
async def test_what_only_a_member_can_have_is_looked_for_there(rig: Rig, pod: Manifest, reason: str) -> None:
    put(rig.members["gcp"], "v1/serviceaccounts", "trainer")
    put(rig.members["gcp"], "v1/persistentvolumeclaims", "scratch")
    rig.create(with_pod(a_job(), **pod))
    await rig.settle()
    assert rig.copies() == ["gcp/train 1"]
    assert rig.status()["refused"][0]["reason"] == reason
    assert rig.members["aws"].writes() == []


async def test_a_new_spec_reaches_a_running_deployment_in_its_epoch(rig: Rig) -> None:
    rig.create(a_server())
    await rig.settle()
    rig.edit("chat", run={**rig.entry("chat").raw["spec"]["run"], "image": "vllm:2"})
    await rig.settle()
    found = rig.members["aws"].objects.get(DEPLOYMENTS, "research", "chat")
    assert found is not None
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "vllm:2"
    assert rig.copies() == ["aws/chat 1"]


async def test_fields_that_a_new_spec_drops_are_given_up_by_our_create_first(rig: Rig) -> None:
    """An API server keeps whatever any manager owns, and a create owns as another than an apply does."""
    rig.create(a_server())
    await rig.settle()
    made = rig.members["aws"].objects.get(DEPLOYMENTS, "research", "chat")
    assert made is not None
    ours = {"manager": "tradewind", "operation": "Update", "fieldsV1": {"f:spec": {}}}
    status = {"manager": "tradewind", "operation": "Update", "subresource": "status"}
    theirs = {"manager": "kube-controller-manager", "operation": "Update"}
    metadata = {**made["metadata"], "managedFields": [ours, status, theirs]}
    rig.members["aws"].objects.change(DEPLOYMENTS, "research", "chat", metadata=metadata)
    rig.edit("chat", suspend=False)
    await rig.settle()
    patches = [call for call in rig.members["aws"].calls if call.method == "PATCH" and call.path.endswith("/chat")]
    assert [call.content_type.split("/")[1].split("-")[0] for call in patches] == ["merge", "apply"]
    sent = patches[0].body["metadata"]
    assert sent["managedFields"] == [{**ours, "operation": "Apply"}, status, theirs]
    assert sent["resourceVersion"]


async def test_a_new_spec_that_the_member_refuses_is_said_and_not_sent_again_and_again(rig: Rig) -> None:
    rig.create(a_server())
    await rig.settle()
    rig.runs("aws", "chat")
    rule = rig.members["aws"].answer("PATCH /chat", 422, reason="Invalid", message="field is immutable")
    rig.hub.objects.change(
        WORKLOADS, "research", "chat", spec={**rig.entry("chat").raw["spec"], "priorityClassName": ""}
    )
    await rig.settle()
    rig.store.mark_all()
    await rig.settle()
    assert rule.hits == 1
    assert rig.condition("Stalled", "chat") == ("True", "RefusedByMember")
    assert "field is immutable" in rig.status("chat")["conditions"][0]["message"]
    assert rig.copies() == ["aws/chat 1"]
    rig.members["aws"].heal()
    await rig.settle(later_s=301)
    assert rig.condition("Ready", "chat") == ("True", "Running")


async def test_companions_that_a_new_spec_no_longer_names_are_removed(rig: Rig) -> None:
    rig.create(a_server(companions=[SERVICE]))
    await rig.settle()
    rig.edit("chat", companions=None)
    await rig.settle()
    assert rig.members["aws"].objects.names(SERVICES) == []


async def test_an_annotation_that_somebody_spoilt_keeps_no_copy_from_being_removed(rig: Rig) -> None:
    rig.create(a_job())
    await rig.settle()
    aws = rig.members["aws"].objects
    job = aws.get(JOBS, "research", "train")
    assert job is not None
    annotations = {**job["metadata"]["annotations"], "tradewind.dev/companions": "nonsense,v1/Node/n,,a/b/c/d"}
    aws.change(JOBS, "research", "train", metadata={**job["metadata"], "annotations": annotations})
    rig.edit(suspend=True)
    await rig.settle()
    aws.finish_deletes()
    await rig.settle()
    assert rig.copies() == []


async def test_a_market_that_somebody_spoilt_does_not_end_the_operator(rig: Rig) -> None:
    labels = {**OURS, "tradewind.dev/workload": "train", "tradewind.dev/epoch": "3", "tradewind.dev/uid": "old"}
    metadata = {"name": "train", "namespace": "research", "labels": labels}
    annotations = {"tradewind.dev/market": "Bazaar", "tradewind.dev/generation": "x"}
    rig.members["gcp"].objects.put(JOBS, {"metadata": {**metadata, "annotations": annotations}, "spec": {}})
    rig.create(a_job())
    await rig.settle()
    assert rig.copies() == ["gcp/train 3"]
    assert rig.status()["adoptedUID"] == "old"


async def test_nowhere_to_go_is_said_with_every_reason(rig: Rig) -> None:
    rig.judge("aws", DOWN)
    put(rig.members["gcp"], JOBS, "train")
    rig.create(a_job())
    await rig.settle()
    assert {each["reason"] for each in rig.status()["refused"]} == {"ClusterNotHealthy", "NameTaken"}
    assert rig.condition("Placed") == ("False", "Unschedulable")
