"""What an AIWorkload stands for, and what its pods take."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.api.convert import workload_from
from tradewind.api.template import expand, podset
from tradewind.errors import InputError
from tradewind.model.workload import PodSet

GIB = 2.0**30
RUN = {
    "image": "trainer:1",
    "command": ["train"],
    "args": ["--epochs", "3"],
    "env": [{"name": "A", "value": "b"}],
    "envFrom": [{"secretRef": {"name": "bucket"}}],
    "replicas": 3,
    "ports": [8000],
    "resources": {"limits": {"nvidia.com/gpu": 8}},
}
CONTAINER = {
    "name": "main",
    "image": "trainer:1",
    "command": ["train"],
    "args": ["--epochs", "3"],
    "env": [{"name": "A", "value": "b"}],
    "envFrom": [{"secretRef": {"name": "bucket"}}],
    "resources": {"limits": {"nvidia.com/gpu": 8}},
    "ports": [{"containerPort": 8000}],
}


@pytest.mark.parametrize("kind", ["Training", "Batch"])
def test_a_run_is_an_indexed_job_whose_pods_start_together(kind: str) -> None:
    assert expand({"type": kind, "run": RUN}, name="work") == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "spec": {
            "parallelism": 3,
            "completions": 3,
            "completionMode": "Indexed",
            "backoffLimit": 9,
            "podFailurePolicy": {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]},
            "template": {"spec": {"restartPolicy": "Never", "containers": [CONTAINER]}},
        },
    }


def test_a_run_of_one_pod_has_no_index() -> None:
    spec = expand({"type": "Batch", "run": {"image": "a"}}, name="work")["spec"]
    assert (spec["parallelism"], spec["completions"]) == (1, 1)
    assert "completionMode" not in spec
    assert spec["template"]["spec"]["containers"] == [{"name": "main", "image": "a"}]


def test_a_run_for_inference_is_a_deployment_that_its_service_finds() -> None:
    labels = {"tradewind.dev/workload": "chat"}
    assert expand({"type": "Inference", "run": RUN}, name="chat") == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [CONTAINER]}},
        },
    }


def test_a_template_is_given_back_as_it_is_and_is_not_shared() -> None:
    template = job({"containers": [container()]}, parallelism=2)
    expanded = expand({"type": "Training", "template": template}, name="work")
    assert expanded == template
    expanded["spec"]["parallelism"] = 9
    assert template["spec"]["parallelism"] == 2


def container(name: str = "main", *, limits: Any = None, requests: Any = None, **more: Any) -> dict[str, Any]:
    resources = {key: value for key, value in (("limits", limits), ("requests", requests)) if value is not None}
    return {"name": name, "image": "a", **({"resources": resources} if resources else {}), **more}


def job(pod: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": pod}, **spec}}


def deployment(pod: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": pod}, **spec}}


SIDECAR = {"restartPolicy": "Always"}


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        pytest.param({"containers": [container()]}, PodSet(1), id="a container that asks for nothing takes nothing"),
        pytest.param(
            {"containers": [container(limits={"cpu": "2", "memory": "1Gi"})]},
            PodSet(1, 2.0, GIB),
            id="a limit stands in for a request",
        ),
        pytest.param(
            {"containers": [container(limits={"cpu": "2"}, requests={"cpu": "500m"})]},
            PodSet(1, 0.5),
            id="a request counts, not the limit",
        ),
        pytest.param(
            {"containers": [container(requests={"cpu": 1}), container("b", requests={"cpu": "250m"})]},
            PodSet(1, 1.25),
            id="containers add up",
        ),
        pytest.param(
            {
                "containers": [container(requests={"cpu": 1})],
                "initContainers": [container("i", requests={"cpu": 4}), container("j", requests={"cpu": 3})],
            },
            PodSet(1, 4.0),
            id="init containers run one after the other, before the others",
        ),
        pytest.param(
            {
                "containers": [container(requests={"cpu": 1})],
                "initContainers": [container("s", requests={"cpu": 2}, **SIDECAR)],
            },
            PodSet(1, 3.0),
            id="a sidecar runs beside the containers",
        ),
        pytest.param(
            {
                "containers": [container(requests={"cpu": 1})],
                "initContainers": [
                    container("s", requests={"cpu": 2}, **SIDECAR),
                    container("i", requests={"cpu": 5}),
                    container("t", requests={"cpu": 3}, **SIDECAR),
                ],
            },
            PodSet(1, 7.0),
            id="an init container runs beside the sidecars started before it",
        ),
        pytest.param(
            {"containers": [container(requests={"cpu": 1})], "overhead": {"cpu": "250m", "memory": "120Mi"}},
            PodSet(1, 1.25, 120 * 2.0**20),
            id="overhead comes on top",
        ),
        pytest.param(
            {
                "containers": [container(requests={"cpu": 1, "memory": "1Gi"})],
                "resources": {"requests": {"cpu": "3"}},
            },
            PodSet(1, 3.0, GIB),
            id="a request of the whole pod replaces the sum, resource by resource",
        ),
        pytest.param(
            {"containers": [container(limits={"amd.com/gpu": "4"}), container("b", limits={"amd.com/gpu": 4})]},
            PodSet(1, accelerators=8, accelerator_resource="amd.com/gpu"),
            id="accelerators of all containers count",
        ),
        pytest.param(
            {"containers": [container(limits={"nvidia.com/gpu": 8, "vpc.amazonaws.com/efa": 32})]},
            PodSet(1, accelerators=8, accelerator_resource="nvidia.com/gpu"),
            id="network cards are no accelerators",
        ),
        pytest.param({"containers": [container(limits=None)], "initContainers": None}, PodSet(1), id="null is absent"),
    ],
)
def test_a_pod_takes_what_the_scheduler_would_count(pod: dict[str, Any], expected: PodSet) -> None:
    assert podset(job(pod)) == expected


@pytest.mark.parametrize(
    ("manifest", "count"),
    [
        pytest.param(job({"containers": [container()]}), 1, id="a Job has one pod"),
        pytest.param(job({"containers": [container()]}, parallelism=4), 4, id="unless more run at the same time"),
        pytest.param(
            job({"containers": [container()]}, parallelism=4, completions=2), 2, id="but never more than are needed"
        ),
        pytest.param(job({"containers": [container()]}, completions=5), 1, id="one after the other is one"),
        pytest.param(deployment({"containers": [container()]}), 1, id="a Deployment has one replica"),
        pytest.param(deployment({"containers": [container()]}, replicas=3), 3, id="unless it says more"),
    ],
)
def test_all_pods_that_run_at_the_same_time_count(manifest: dict[str, Any], count: int) -> None:
    assert podset(manifest).count == count


def test_a_template_nested_deeper_than_any_pod_is_refused() -> None:
    deep: Any = {}
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(InputError, match="nested deeper"):
        expand({"type": "Batch", "template": job({"containers": [container()], "affinity": deep})}, name="work")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.floats() | st.text(max_size=3) | st.sampled_from(["1Gi", "8"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
PLACES = (
    ("metadata",),
    ("metadata", "labels"),
    ("spec",),
    ("spec", "parallelism"),
    ("spec", "completions"),
    ("spec", "selector"),
    ("spec", "template"),
    ("spec", "template", "metadata"),
    ("spec", "template", "metadata", "labels"),
    ("spec", "template", "spec"),
    ("spec", "template", "spec", "containers"),
    ("spec", "template", "spec", "initContainers"),
    ("spec", "template", "spec", "overhead"),
    ("spec", "template", "spec", "resources"),
    ("spec", "template", "spec", "volumes"),
    ("spec", "template", "spec", "containers", 0),
    ("spec", "template", "spec", "containers", 0, "env"),
    ("spec", "template", "spec", "containers", 0, "resources"),
    ("spec", "template", "spec", "containers", 0, "resources", "limits"),
    ("spec", "template", "spec", "containers", 0, "resources", "limits", "cpu"),
)


@given(place=st.sampled_from(PLACES), junk=JUNK, kind=st.sampled_from(["Job", "Deployment"]))
def test_whatever_stands_in_a_template_it_is_read_or_refused(place: tuple[Any, ...], junk: Any, kind: str) -> None:
    pod = {"containers": [container(limits={"cpu": "1"})]}
    template: Any = (job if kind == "Job" else deployment)(pod)
    template["metadata"] = {}
    template["spec"]["template"]["metadata"] = {}
    node = template
    for step in place[:-1]:
        node = node[step]
    node[place[-1]] = junk
    obj = {"kind": "AIWorkload", "metadata": {"name": "w"}, "spec": {"type": "Batch", "template": template}}
    try:
        work = workload_from(obj)
    except InputError as error:
        assert error.field.startswith("spec")  # noqa: PT017 - only InputError may leave, and it must name a field
    else:
        assert work.pods.count >= 1
        assert work.pods.cpu_cores >= 0
        assert work.pods.memory_bytes >= 0
