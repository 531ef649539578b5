"""What is delivered: the template with exactly the documented changes, and nothing else."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.apply.render import references, render
from tradewind.model.placement import Placement
from tradewind.model.policy import Guarantee
from tradewind.model.workload import DataInput, Market
from tradewind.state.copies import copy_from

Manifest = dict[str, Any]
AMO, ALO = Guarantee.AT_MOST_ONCE, Guarantee.AT_LEAST_ONCE
IDENTITY = {
    "tradewind.dev/hub": "default",
    "tradewind.dev/workload": "train",
    "tradewind.dev/uid": "u-1",
    "tradewind.dev/epoch": "3",
}
OURS = [{"name": "TRADEWIND_EPOCH", "value": "3"}, {"name": "TRADEWIND_WORKLOAD_UID", "value": "u-1"}]
PLACE = Placement("aws", "h100-spot", Market.SPOT, 1, 3, 7)


def a_container(**more: Any) -> Manifest:
    return {"name": "main", "image": "trainer:1", **more}


def a_job(*, pod: Manifest | None = None, metadata: Manifest | None = None, pod_metadata: Manifest | None = None,
          companions: list[Manifest] | None = None, **spec: Any) -> Manifest:  # fmt: skip
    template: Manifest = {"spec": {"containers": [a_container()], **(pod or {})}}
    if pod_metadata is not None:
        template["metadata"] = pod_metadata
    job: Manifest = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": template, **spec}}
    if metadata is not None:
        job["metadata"] = metadata
    workload = {"type": "Training", "template": job, **({"companions": companions} if companions else {})}
    return {"metadata": {"name": "train", "namespace": "research", "uid": "u-1"}, "spec": workload}


def a_server(**spec: Any) -> Manifest:
    run = {"image": "vllm:1", "replicas": 2, "ports": [8000]}
    return {
        "metadata": {"name": "train", "namespace": "research", "uid": "u-1"},
        "spec": {"type": "Inference", "run": run, **spec},
    }


def rendered(
    workload: Manifest, *, guarantee: Guarantee = ALO, patch: Manifest | None = None, adopted_uid: str = ""
) -> Any:
    return render(
        workload,
        placement=PLACE,
        guarantee=guarantee,
        hub_name="default",
        pod_patch=patch or {},
        adopted_uid=adopted_uid,
    )


def pod_of(workload: Manifest, **options: Any) -> Manifest:
    template: Manifest = rendered(workload, **options).copy["spec"]["template"]
    return template


def test_a_job_is_delivered_with_exactly_the_documented_changes() -> None:
    workload = a_job(pod={"restartPolicy": "Never"}, parallelism=2, backoffLimit=4)
    assert rendered(workload).copy == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "train",
            "namespace": "research",
            "labels": IDENTITY,
            "annotations": {
                "tradewind.dev/offer": "h100-spot",
                "tradewind.dev/market": "Spot",
                "tradewind.dev/generation": "7",
                "tradewind.dev/companions": "",
            },
        },
        "spec": {
            "parallelism": 2,
            "backoffLimit": 4,
            "template": {
                "metadata": {"labels": IDENTITY},
                "spec": {"restartPolicy": "Never", "containers": [a_container(env=OURS)]},
            },
        },
    }


def test_the_users_own_is_not_touched() -> None:
    workload = a_job(pod={"nodeSelector": {"a": "b"}}, companions=[SERVICE])
    before = copy.deepcopy(workload)
    rendered(workload, guarantee=AMO, patch={"nodeSelector": {"c": "d"}, "annotations": {"e": "f"}})
    assert workload == before


def test_the_short_form_becomes_a_deployment_whose_selector_finds_its_pods() -> None:
    spec = rendered(a_server()).copy["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert (spec["replicas"], labels["tradewind.dev/epoch"]) == (2, "3")
    assert "tradewind.dev/epoch" not in spec["selector"]["matchLabels"], "a selector can't be changed by the next epoch"


@pytest.mark.parametrize(
    ("workload", "field", "value"),
    [
        pytest.param(a_job(), "podReplacementPolicy", "Failed", id="a job replaces no pod that still ends"),
        pytest.param(
            a_job(podReplacementPolicy="TerminatingOrFailed"),
            "podReplacementPolicy",
            "Failed",
            id="whatever its author says",
        ),
        pytest.param(a_server(), "strategy", {"type": "Recreate"}, id="a deployment ends its old pods first"),
    ],
)
def test_at_most_once_keeps_one_cluster_from_running_two_for_one(workload: Manifest, field: str, value: object) -> None:
    assert rendered(workload, guarantee=AMO).copy["spec"][field] == value
    assert rendered(workload, guarantee=ALO).copy["spec"].get(field) != value


ONE_CLUSTERS: list[tuple[str, Any]] = [
    ("ttlSecondsAfterFinished", 60),
    ("managedBy", "kueue.x-k8s.io/multikueue"),
    ("selector", {"matchLabels": {}}),
    ("manualSelector", True),
    ("suspend", True),
]


@pytest.mark.parametrize(("field", "value"), ONE_CLUSTERS, ids=[field for field, _ in ONE_CLUSTERS])
def test_what_belongs_to_one_cluster_or_hides_an_end_is_left_out(field: str, value: Any) -> None:
    workload = a_job()
    workload["spec"]["template"]["spec"][field] = value
    assert field not in rendered(workload).copy["spec"]


def test_marks_of_a_controller_are_left_out_of_the_pods() -> None:
    marks = {"controller-uid": "x", "job-name": "y", "batch.kubernetes.io/controller-uid": "x", "mine": "z"}
    labels = pod_of(a_job(pod_metadata={"labels": {**marks, "batch.kubernetes.io/job-name": "y"}}))["metadata"][
        "labels"
    ]
    assert labels == {"mine": "z", **IDENTITY}


def test_marks_of_argo_cd_are_left_out_and_other_metadata_is_kept() -> None:
    metadata = {
        "labels": {
            "team": "vision",
            "app.kubernetes.io/instance": "argo-app",
            "argocd.argoproj.io/instance": "argo-app",
        },
        "annotations": {
            "note": "keep me",
            "argocd.argoproj.io/tracking-id": "app:batch/Job:x",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
        },
        "ownerReferences": [{"kind": "Application"}],
        "finalizers": ["example.com/x"],
    }
    found = rendered(a_job(metadata=metadata)).copy["metadata"]
    assert found["labels"] == {"team": "vision", **IDENTITY}
    assert {key for key in found["annotations"] if "tradewind" not in key} == {"note"}
    assert set(found) == {"name", "namespace", "labels", "annotations"}


def test_a_user_can_not_pretend_to_be_another_copy() -> None:
    forged = {"tradewind.dev/epoch": "99", "tradewind.dev/uid": "u-9", "tradewind.dev/hub": "other"}
    found = rendered(a_job(metadata={"labels": forged}, pod_metadata={"labels": forged})).copy
    assert found["metadata"]["labels"] == IDENTITY
    assert found["spec"]["template"]["metadata"]["labels"] == IDENTITY


def test_every_container_is_told_who_it_is_and_nothing_else_of_it_changes() -> None:
    mine = [{"name": "A", "value": "1"}, {"name": "TRADEWIND_EPOCH", "value": "forged"}]
    pod = {
        "initContainers": [a_container(name="init")],
        "containers": [a_container(env=mine), a_container(name="side")],
    }
    found = pod_of(a_job(pod=pod))["spec"]
    assert found["containers"][0]["env"] == [{"name": "A", "value": "1"}, *OURS]
    assert found["containers"][1] == a_container(name="side", env=OURS)
    assert found["initContainers"] == [a_container(name="init", env=OURS)]


def test_pods_are_told_which_replica_was_priced_for_them_and_where_it_is() -> None:
    data = (
        DataInput("chest-scans", 1.0, ("aws/a", "gcp/b"), urls=(("aws/a", "s3://scans-a"), ("gcp/b", "gs://scans-b"))),
        DataInput("labels", 1.0, ("aws/a",)),
    )
    sources = (("chest-scans", "gcp/b"), ("gone", "aws/a"), ("labels", "aws/a"))
    forged = [{"name": "TRADEWIND_DATA_LABELS_LOCATION", "value": "forged"}]
    found = render(
        a_job(pod={"containers": [a_container(env=forged)]}),
        placement=replace(PLACE, sources=sources),
        guarantee=ALO,
        hub_name="default",
        pod_patch={},
        data=data,
    ).copy
    assert found["spec"]["template"]["spec"]["containers"][0]["env"] == [
        *OURS,
        {"name": "TRADEWIND_DATA_CHEST_SCANS_LOCATION", "value": "gcp/b"},
        {"name": "TRADEWIND_DATA_CHEST_SCANS_URL", "value": "gs://scans-b"},
        {"name": "TRADEWIND_DATA_LABELS_LOCATION", "value": "aws/a"},
    ]
    marked = copy_from("aws", {**found, "metadata": {**found["metadata"], "uid": "o-1"}})
    assert marked is not None
    assert marked.sources == sources


def test_adopted_work_keeps_the_uid_of_its_copy() -> None:
    found = rendered(a_job(), adopted_uid="u-0").copy
    assert found["metadata"]["labels"]["tradewind.dev/uid"] == "u-0"
    env = found["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "TRADEWIND_WORKLOAD_UID", "value": "u-0"} in env


PATCH = {
    "nodeSelector": {"capacity": "spot"},
    "tolerations": [{"key": "gpu", "operator": "Exists"}, {"key": "spot", "operator": "Exists"}],
    "annotations": {"autopilot": "yes"},
}


def test_the_offers_patch_is_merged_and_what_it_says_counts() -> None:
    pod = {"nodeSelector": {"zone": "a", "capacity": "any"}, "tolerations": [{"key": "gpu", "operator": "Exists"}]}
    found = pod_of(a_job(pod=pod, pod_metadata={"annotations": {"mine": "1"}}), patch=PATCH)
    assert found["spec"]["nodeSelector"] == {"zone": "a", "capacity": "spot"}
    assert found["spec"]["tolerations"] == PATCH["tolerations"]
    assert found["metadata"]["annotations"] == {"mine": "1", "autopilot": "yes"}


def test_an_offer_without_a_patch_changes_no_pod() -> None:
    assert set(pod_of(a_job())["spec"]) == {"containers"}
    assert set(pod_of(a_job())["metadata"]) == {"labels"}


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "labels": {"mine": "1"}, "uid": "x", "resourceVersion": "7"},
    "spec": {"selector": {"tradewind.dev/workload": "train"}},
    "status": {"loadBalancer": {}},
}


def test_companions_come_into_the_same_namespace_with_the_same_identity_and_nothing_of_another_life() -> None:
    (companion,) = rendered(a_server(companions=[SERVICE])).companions
    assert companion == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "research", "labels": {"mine": "1", **IDENTITY}, "annotations": {}},
        "spec": SERVICE["spec"],
    }


def test_the_copy_says_what_came_along() -> None:
    pod = {"containers": [a_container(envFrom=[{"secretRef": {"name": "bucket"}}])]}
    found = rendered(a_job(pod=pod, companions=[SERVICE]))
    assert found.copy["metadata"]["annotations"]["tradewind.dev/companions"] == "v1/Service/web,v1/Secret/bucket"
    assert found.config == (("Secret", "bucket", False),)


def test_a_companion_that_the_pods_name_is_not_looked_for_on_the_hub() -> None:
    companion = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {}}
    pod = {"containers": [a_container(envFrom=[{"configMapRef": {"name": "settings"}}])]}
    found = rendered(a_job(pod=pod, companions=[companion]))
    assert found.config == ()
    assert found.copy["metadata"]["annotations"]["tradewind.dev/companions"] == "v1/ConfigMap/settings"


@pytest.mark.parametrize(
    ("pod", "config", "account", "claims"),
    [
        pytest.param({}, (), "", (), id="nothing"),
        pytest.param(
            {"containers": [{"envFrom": [{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "b"}}]}]},
            (("ConfigMap", "a", False), ("Secret", "b", False)),
            "",
            (),
            id="envFrom",
        ),
        pytest.param(
            {
                "initContainers": [{"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}],
                "containers": [{"env": [{"name": "Y", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]}],
            },
            (("ConfigMap", "c", False), ("Secret", "s", False)),
            "",
            (),
            id="single variables, of init containers too",
        ),
        pytest.param(
            {
                "volumes": [
                    {"name": "1", "configMap": {"name": "c"}},
                    {"name": "2", "secret": {"secretName": "s", "optional": True}},
                    {"name": "3", "persistentVolumeClaim": {"claimName": "z"}},
                    {"name": "4", "persistentVolumeClaim": {"claimName": "a"}},
                    {"name": "5", "emptyDir": {}},
                ]
            },
            (("ConfigMap", "c", False), ("Secret", "s", True)),
            "",
            ("a", "z"),
            id="volumes",
        ),
        pytest.param(
            {
                "volumes": [
                    {"projected": {"sources": [{"configMap": {"name": "c"}}, {"secret": {"name": "s"}}]}},
                    {"projected": {"sources": [{"serviceAccountToken": {}}]}},
                ]
            },
            (("ConfigMap", "c", False), ("Secret", "s", False)),
            "",
            (),
            id="projected volumes",
        ),
        pytest.param(
            {"imagePullSecrets": [{"name": "registry"}], "serviceAccountName": "runner"},
            (("Secret", "registry", False),),
            "runner",
            (),
            id="pull secrets and the service account",
        ),
        pytest.param(
            {
                "containers": [
                    {"envFrom": [{"secretRef": {"name": "s", "optional": True}}]},
                    {"envFrom": [{"secretRef": {"name": "s"}}]},
                ]
            },
            (("Secret", "s", False),),
            "",
            (),
            id="what is optional here and needed there is needed",
        ),
        pytest.param({"containers": [{"env": None, "envFrom": None}], "volumes": None}, (), "", (), id="nulls"),
    ],
)
def test_references(pod: Manifest, config: tuple[object, ...], account: str, claims: tuple[str, ...]) -> None:
    assert references(pod) == (config, account, claims)


NAMES = st.sampled_from(["a", "b", "tradewind.dev/epoch", "job-name"])
LABELS = st.dictionaries(NAMES, st.sampled_from(["1", "2"]), max_size=3)


@given(labels=LABELS, pod_labels=LABELS, selector=LABELS, patch=LABELS, guarantee=st.sampled_from(Guarantee))
@settings(max_examples=60)
def test_the_same_arguments_give_the_same_manifests(
    labels: Manifest, pod_labels: Manifest, selector: Manifest, patch: Manifest, guarantee: Guarantee
) -> None:
    workload = a_job(metadata={"labels": labels}, pod_metadata={"labels": pod_labels}, pod={"nodeSelector": selector})
    options: Manifest = {"guarantee": guarantee, "patch": {"nodeSelector": patch}}
    first, second = rendered(workload, **options), rendered(copy.deepcopy(workload), **options)
    assert first == second
    pod = first.copy["spec"]["template"]
    assert patch.items() <= pod["spec"].get("nodeSelector", {}).items()
    assert IDENTITY.items() <= pod["metadata"]["labels"].items()
