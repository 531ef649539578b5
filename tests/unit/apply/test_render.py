from __future__ import annotations

from typing import Any

import pytest

from tradewind.apply.render import Rendered, references, render
from tradewind.model.placement import Placement
from tradewind.model.policy import Guarantee
from tradewind.model.workload import Market

Manifest = dict[str, Any]
IDENTITY = {
    "tradewind.dev/hub": "hub-1",
    "tradewind.dev/workload": "train",
    "tradewind.dev/uid": "uid-1",
    "tradewind.dev/epoch": "3",
}
ENV = [{"name": "TRADEWIND_EPOCH", "value": "3"}, {"name": "TRADEWIND_WORKLOAD_UID", "value": "uid-1"}]


def a_job(**spec: Any) -> Manifest:
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "i"}]}
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": pod}, **spec}}


def a_deployment() -> Manifest:
    template = {"metadata": {"labels": {"app": "chat"}}, "spec": {"containers": [{"name": "main", "image": "i"}]}}
    spec = {"selector": {"matchLabels": {"app": "chat"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec}


def rendered(
    template: Manifest,
    *,
    guarantee: Guarantee = Guarantee.AT_LEAST_ONCE,
    patch: Manifest | None = None,
    companions: tuple[Manifest, ...] = (),
) -> Rendered:
    metadata = {"name": "train", "namespace": "research", "uid": "uid-1", "generation": 4}
    spec = {"type": "Training", "template": template, "companions": list(companions)}
    place = Placement("aws", "h100-spot", Market.SPOT, 1, 3, 4)
    return render(
        {"metadata": metadata, "spec": spec},
        placement=place,
        guarantee=guarantee,
        hub_name="hub-1",
        pod_patch=patch or {},
    )


def test_a_copy_is_the_template_with_exactly_the_documented_changes() -> None:
    pod = {
        "restartPolicy": "Never",
        "containers": [{"name": "main", "image": "i", "env": ENV}],
        "nodeSelector": {"pool": "spot"},
        "tolerations": [{"key": "spot"}],
    }
    patch = {"nodeSelector": {"pool": "spot"}, "tolerations": [{"key": "spot"}], "annotations": {"a": "b"}}
    assert rendered(a_job(parallelism=2), patch=patch).copy == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "train",
            "namespace": "research",
            "labels": IDENTITY,
            "annotations": {
                "tradewind.dev/offer": "h100-spot",
                "tradewind.dev/market": "Spot",
                "tradewind.dev/generation": "4",
                "tradewind.dev/companions": "",
            },
        },
        "spec": {
            "parallelism": 2,
            "template": {"metadata": {"labels": IDENTITY, "annotations": {"a": "b"}}, "spec": pod},
        },
    }


@pytest.mark.parametrize(
    "field",
    [
        pytest.param({"ttlSecondsAfterFinished": 5}, id="a finished Job would vanish unseen, and be run again"),
        pytest.param({"managedBy": "example.org/other"}, id="another controller would be waited for"),
        pytest.param({"suspend": True}, id="it would never start"),
    ],
)
def test_what_belongs_to_one_cluster_is_stripped_from_a_job(field: Manifest) -> None:
    assert not field.keys() & rendered(a_job(**field)).copy["spec"].keys()


def test_one_cluster_never_runs_two_pods_for_one_of_at_most_once_work() -> None:
    once = Guarantee.AT_MOST_ONCE
    assert rendered(a_job(), guarantee=once).copy["spec"]["podReplacementPolicy"] == "Failed"
    assert rendered(a_deployment(), guarantee=once).copy["spec"]["strategy"] == {"type": "Recreate"}
    assert "strategy" not in rendered(a_deployment()).copy["spec"]


def test_the_epoch_does_not_get_into_a_selector() -> None:
    spec = rendered(a_deployment()).copy["spec"]
    assert spec["selector"] == {"matchLabels": {"app": "chat"}}
    assert spec["template"]["metadata"]["labels"] == IDENTITY | {"app": "chat"}


def test_a_companion_comes_along_under_the_same_identity_without_tracking_marks() -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "chat", "labels": {"app.kubernetes.io/instance": "argo", "team": "a"}},
        "spec": {"ports": [{"port": 80}]},
        "status": {"loadBalancer": {}},
    }
    found = rendered(a_deployment(), companions=(service,))
    assert found.companions == (
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "chat",
                "namespace": "research",
                "labels": IDENTITY | {"team": "a"},
                "annotations": {},
            },
            "spec": {"ports": [{"port": 80}]},
        },
    )
    assert found.copy["metadata"]["annotations"]["tradewind.dev/companions"] == "v1/Service/chat"


def test_rendering_leaves_the_workload_as_it_is() -> None:
    template = a_job()
    rendered(template, patch={"nodeSelector": {"pool": "spot"}})
    assert template == a_job()


def test_all_that_a_pod_names_is_found() -> None:
    pod = {
        "serviceAccountName": "trainer",
        "imagePullSecrets": [{"name": "registry"}],
        "volumes": [
            {"name": "a", "configMap": {"name": "settings"}},
            {"name": "b", "secret": {"secretName": "keys"}},
            {"name": "c", "persistentVolumeClaim": {"claimName": "scratch"}},
            {"name": "d", "projected": {"sources": [{"secret": {"name": "token", "optional": True}}]}},
        ],
        "initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": "bucket"}}]}],
        "containers": [
            {"name": "m", "env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "x"}}}]}
        ],
    }
    config, service_account, claims = references(pod)
    assert config == (
        ("ConfigMap", "settings", False),
        ("Secret", "bucket", False),
        ("Secret", "keys", False),
        ("Secret", "registry", False),
        ("Secret", "token", True),
    )
    assert (service_account, claims) == ("trainer", ("scratch",))


def test_what_is_optional_in_one_place_and_needed_in_another_is_needed() -> None:
    sources = [{"secretRef": {"name": "bucket", "optional": True}}, {"secretRef": {"name": "bucket"}}]
    config, _, _ = references({"containers": [{"name": "m", "envFrom": sources}]})
    assert config == (("Secret", "bucket", False),)
