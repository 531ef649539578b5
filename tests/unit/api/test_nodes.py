"""Nodes and pods of members, and the types of their accelerators."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind.api.accelerators import BUILT_IN_ACCELERATORS
from tradewind.api.convert import accelerator_table, cluster_policy_from
from tradewind.api.nodes import node_from
from tradewind.api.requests import Requests, pod_requests
from tradewind.model.fleet import Node, Taint
from tradewind.model.policy import AcceleratorType

GIB = 2.0**30


def node(*, labels: dict[str, str] | None = None, allocatable: Any = None, **spec: Any) -> dict[str, Any]:
    ready = {"type": "Ready", "status": "True"}
    return {
        "metadata": {"name": "n", "labels": labels or {}},
        "spec": spec,
        "status": {
            "allocatable": allocatable or {},
            "conditions": [{"type": "DiskPressure", "status": "False"}, ready],
        },
    }


def test_a_node_has_what_is_allocatable_on_it() -> None:
    labels = {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
    allocatable = {"cpu": "191500m", "memory": "2096472Ki", "pods": "250", "nvidia.com/gpu": "8"}
    taints = [
        {"key": "nvidia.com/gpu", "effect": "NoSchedule", "value": "present"},
        {"key": "old", "effect": "PreferNoSchedule"},
        {"key": "leaving", "effect": "NoExecute"},
    ]
    assert node_from(node(labels=labels, allocatable=allocatable, taints=taints), BUILT_IN_ACCELERATORS) == Node(
        name="n",
        labels=labels,
        accelerator="H100-80GB",
        accelerator_resource="nvidia.com/gpu",
        free_accelerators=8,
        free_cpu_cores=191.5,
        free_memory_bytes=2096472 * 1024.0,
        free_pods=250,
        taints=(Taint("nvidia.com/gpu", "present", "NoSchedule"), Taint("leaving", "", "NoExecute")),
    )


def test_a_node_that_has_just_joined_offers_nothing() -> None:
    found = node_from({"metadata": {"name": "n"}}, BUILT_IN_ACCELERATORS)
    assert (found.ready, found.free_cpu_cores, found.free_accelerators, found.free_pods) == (False, 0.0, 0, 0)


def test_a_cordoned_node_is_not_schedulable() -> None:
    assert not node_from(node(unschedulable=True), BUILT_IN_ACCELERATORS).schedulable


def test_a_node_whose_device_plugin_is_gone_has_no_accelerator() -> None:
    labels = {"nvidia.com/gpu.product": "NVIDIA-L4"}
    found = node_from(node(labels=labels, allocatable={"nvidia.com/gpu": "0"}), BUILT_IN_ACCELERATORS)
    assert (found.accelerator, found.accelerator_resource) == ("", "")


GPU, TPU, NEURON, AMD = "nvidia.com/gpu", "google.com/tpu", "aws.amazon.com/neuron", "amd.com/gpu"


def karpenter(name: str, mib: str, prefix: str = "karpenter.k8s.aws") -> dict[str, str]:
    return {f"{prefix}/instance-gpu-name": name, f"{prefix}/instance-gpu-memory": mib}


@pytest.mark.parametrize(
    ("labels", "resource", "expected"),
    [
        pytest.param({"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}, GPU, "A100-80GB", id="GPU feature discovery"),
        pytest.param({"nvidia.com/gpu.product": "Tesla-T4"}, GPU, "T4", id="an older driver's name"),
        pytest.param(
            {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"},
            GPU,
            "A100-40GB-MIG-1g.5gb",
            id="a slice is a type of its own",
        ),
        pytest.param(
            {"nvidia.com/gpu.product": "NVIDIA-L4-SHARED"}, GPU, "L4-SHARED", id="a shared one is a type of its own"
        ),
        pytest.param(
            {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED"},
            GPU,
            "A100-40GB-MIG-1g.5gb-SHARED",
            id="a shared slice too",
        ),
        pytest.param({"cloud.google.com/gke-accelerator": "nvidia-h100-mega-80gb"}, GPU, "H100-80GB", id="GKE"),
        pytest.param(
            {"cloud.google.com/gke-accelerator": "nvidia-l4", "cloud.google.com/gke-gpu-sharing-strategy": "mps"},
            GPU,
            "L4-SHARED",
            id="GKE with sharing",
        ),
        pytest.param(
            {
                "cloud.google.com/gke-accelerator": "nvidia-tesla-a100",
                "cloud.google.com/gke-gpu-partition-size": "1g.5gb",
            },
            GPU,
            "A100-40GB-MIG-1g.5gb",
            id="GKE with slices",
        ),
        pytest.param({"cloud.google.com/gke-tpu-accelerator": "tpu-v5-lite-podslice"}, TPU, "TPU-v5e", id="GKE's TPUs"),
        pytest.param(karpenter("a100", "81920"), GPU, "A100-80GB", id="Karpenter"),
        pytest.param(karpenter("a100", "40960"), GPU, "A100-40GB", id="Karpenter, by the memory"),
        pytest.param(karpenter("l4", "2861"), GPU, "", id="an eighth of an L4 is none"),
        pytest.param(karpenter("h200", "144384", "eks.amazonaws.com"), GPU, "H200-141GB", id="EKS Auto Mode"),
        pytest.param(
            {"karpenter.k8s.aws/instance-accelerator-name": "trainium2"}, NEURON, "Trainium2", id="AWS's own chips"
        ),
        pytest.param(
            {"node.kubernetes.io/instance-type": "Standard_ND96asr_v4", "kubernetes.azure.com/accelerator": "nvidia"},
            GPU,
            "A100-40GB",
            id="AKS, by the machine",
        ),
        pytest.param({"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM"}, AMD, "MI300X", id="AMD's labeller"),
        pytest.param({"nvidia.com/gpu.product": "NVIDIA-GeForce-RTX-9090"}, GPU, "", id="a type that is not known"),
        pytest.param({}, GPU, "", id="no labels at all"),
    ],
)
def test_labels_tell_the_type(labels: dict[str, str], resource: str, expected: str) -> None:
    found = node_from(node(labels=labels, allocatable={resource: "8"}), BUILT_IN_ACCELERATORS)
    assert (found.accelerator, found.accelerator_resource, found.free_accelerators) == (expected, resource, 8)


def test_a_users_row_wins_and_may_name_a_shared_type() -> None:
    rows = [
        {"name": "MY-L4", "nodeLabels": {"nvidia.com/gpu.product": "NVIDIA-L4"}},
        {"name": "L4-QUARTER", "nodeLabels": {"nvidia.com/gpu.product": "NVIDIA-L4-SHARED", "pool": "quarter"}},
    ]
    table = accelerator_table(cluster_policy_from({"metadata": {"name": "default"}, "spec": {"accelerators": rows}}))

    def kind(**labels: str) -> str:
        named = {"product": "nvidia.com/gpu.product", "pool": "pool"}
        obj = node(labels={named[key]: value for key, value in labels.items()}, allocatable={GPU: 4})
        return node_from(obj, table).accelerator

    assert kind(product="NVIDIA-L4") == "MY-L4"
    assert kind(product="NVIDIA-L4-SHARED", pool="quarter") == "L4-QUARTER"
    assert kind(product="NVIDIA-L4-SHARED") == "MY-L4-SHARED"


def test_a_row_that_only_gives_a_speed_fits_no_node() -> None:
    obj = node(labels={"a": "b"}, allocatable={GPU: "1"})
    assert node_from(obj, [AcceleratorType("X1", {}, 1.0)]).accelerator == ""


def test_the_built_in_table_is_relative_to_the_a100() -> None:
    speeds = {row.name: row.relative_speed for row in BUILT_IN_ACCELERATORS}
    assert all(speed is not None and speed > 0 for speed in speeds.values())
    assert (speeds["A100-80GB"], speeds["A100-40GB"]) == (1.0, 1.0)
    assert speeds["H100-80GB"] == pytest.approx(3.17, abs=0.01)
    assert speeds["L4"] == pytest.approx(0.39, abs=0.01)
    assert speeds["T4"] == pytest.approx(0.21, abs=0.01)


def test_no_two_rows_of_the_built_in_table_fit_the_same_labels() -> None:
    labels = [tuple(sorted(row.node_labels.items())) for row in BUILT_IN_ACCELERATORS if row.node_labels]
    assert len(set(labels)) == len(labels)


RUNNING = {"containers": [{"resources": {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {GPU: "1"}}}]}


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        pytest.param({"spec": RUNNING}, Requests(2.0, 8 * GIB, {GPU: 1}), id="a pod takes what it asks for"),
        pytest.param(
            {"spec": RUNNING, "status": {"phase": "Running"}}, Requests(2.0, 8 * GIB, {GPU: 1}), id="while it runs"
        ),
        pytest.param({"spec": RUNNING, "status": {"phase": "Succeeded"}}, Requests(), id="not once it has succeeded"),
        pytest.param({"spec": RUNNING, "status": {"phase": "Failed"}}, Requests(), id="nor once it has failed"),
        pytest.param({"spec": {"containers": "?"}}, Requests(), id="what can't be read takes nothing"),
        pytest.param({}, Requests(), id="nor does an empty pod"),
        pytest.param(
            {"spec": {"containers": [{"resources": {"limits": {"rdma/ib": "2"}}}]}},
            Requests(others={"rdma/ib": 2.0}),
            id="other resources are kept by name",
        ),
    ],
)
def test_pods_take_from_their_node(pod: dict[str, Any], expected: Requests) -> None:
    assert pod_requests(pod) == expected
