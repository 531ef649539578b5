"""The simulated nodes of a member: pools of equal nodes, with the labels that the providers put on real ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

POOL_LABEL = "lab.tradewind.dev/pool"
DEFAULT_NODES = 2
ACCELERATOR_NODE = ("192", "2Ti")
"""CPU and memory of a node with accelerators where nothing else is said; those of p5.48xlarge."""
CPU_NODE = ("64", "256Gi")
_PODS = "250"
_KUBELET = "v1.36.3"

# The label that says the type, as NVIDIA's GPU feature discovery, AMD's node labeller, GKE and Karpenter write it.
_NVIDIA, _PRODUCT = "nvidia.com/gpu", "nvidia.com/gpu.product"
_PRODUCTS = {
    "B200-180GB": "NVIDIA-B200",
    "H200-141GB": "NVIDIA-H200",
    "H100-80GB": "NVIDIA-H100-80GB-HBM3",
    "A100-80GB": "NVIDIA-A100-SXM4-80GB",
    "A100-40GB": "NVIDIA-A100-SXM4-40GB",
    "L40S": "NVIDIA-L40S",
    "L4": "NVIDIA-L4",
    "A10G": "NVIDIA-A10G",
    "A10": "NVIDIA-A10",
    "T4": "Tesla-T4",
    "V100-32GB": "Tesla-V100-SXM2-32GB",
    "V100-16GB": "Tesla-V100-SXM2-16GB",
}
_TPU_LABEL, _NEURON_LABEL = "cloud.google.com/gke-tpu-accelerator", "karpenter.k8s.aws/instance-accelerator-name"
TYPES: dict[str, tuple[str, dict[str, str]]] = {
    **{name: (_NVIDIA, {_PRODUCT: product}) for name, product in _PRODUCTS.items()},
    "MI300X": ("amd.com/gpu", {"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM"}),
    "TPU-v7x": ("google.com/tpu", {_TPU_LABEL: "tpu7x"}),
    "TPU-v6e": ("google.com/tpu", {_TPU_LABEL: "tpu-v6e-slice"}),
    "TPU-v5p": ("google.com/tpu", {_TPU_LABEL: "tpu-v5p-slice"}),
    "TPU-v5e": ("google.com/tpu", {_TPU_LABEL: "tpu-v5-lite-podslice"}),
    "Trainium2": ("aws.amazon.com/neuron", {_NEURON_LABEL: "trainium2"}),
    "Inferentia2": ("aws.amazon.com/neuron", {_NEURON_LABEL: "inferentia2"}),
}
"""Resource name and type label by accelerator."""
_GKE_NAMES = {
    "B200-180GB": "nvidia-b200",
    "H200-141GB": "nvidia-h200-141gb",
    "H100-80GB": "nvidia-h100-80gb",
    "A100-80GB": "nvidia-a100-80gb",
    "A100-40GB": "nvidia-tesla-a100",
    "L4": "nvidia-l4",
    "T4": "nvidia-tesla-t4",
}


@dataclass(frozen=True, slots=True)
class Pool:
    """Nodes that are all alike. ``max_nodes`` above ``nodes``: the provisioner may add more, each after a while."""

    name: str
    labels: dict[str, str]
    selector: dict[str, str] = field(default_factory=dict)
    resource: str = ""
    per_node: int = 0
    cpu: str = CPU_NODE[0]
    memory: str = CPU_NODE[1]
    taints: list[dict[str, str]] = field(default_factory=list)
    nodes: int = 0
    max_nodes: int = 0
    provisioning_s: float = 0.0


def type_labels(accelerator: str, provider: str) -> tuple[str, dict[str, str]]:
    """The resource name of an accelerator, and the labels that say its type on that provider's nodes.

    One that the lab does not know counts as NVIDIA's, with its own name as the product.
    """
    resource, labels = TYPES.get(accelerator, (_NVIDIA, {_PRODUCT: f"NVIDIA-{accelerator}"}))
    if provider == "gcp" and accelerator in _GKE_NAMES:
        labels = labels | {"cloud.google.com/gke-accelerator": _GKE_NAMES[accelerator]}
    return resource, labels


def place_labels(provider: str, region: str) -> dict[str, str]:
    """The labels that say where a node is."""
    return {
        "topology.kubernetes.io/region": region,
        "topology.kubernetes.io/zone": f"{region}-a" if provider == "gcp" else f"{region}a",
    }


_DEFAULTS = {
    "aws": ("aws", "eu-south-2", "p5.48xlarge", "H100-80GB"),
    "gcp": ("gcp", "europe-west4", "a3-highgpu-8g", "H100-80GB"),
    "azure": ("azure", "westeurope", "Standard_ND96isr_H100_v5", "H100-80GB"),
}
_OTHER = ("onprem", "madrid", "dgx-a100", "A100-80GB")


def default_pools(member: str, *, nodes: int) -> list[Pool]:
    """The nodes of a member of which no fleet says anything: 8 accelerators each, by the provider in its name."""
    provider, region, instance, accelerator = next(
        (kind for prefix, kind in _DEFAULTS.items() if member.startswith(prefix)), _OTHER
    )
    resource, labels = type_labels(accelerator, provider)
    labels = place_labels(provider, region) | {"node.kubernetes.io/instance-type": instance} | labels
    cpu, memory = ACCELERATOR_NODE
    return [
        Pool(name="default", labels=labels, resource=resource, per_node=8, cpu=cpu, memory=memory, nodes=nodes),
    ]


def node_name(pool: Pool, member: str, number: int) -> str:
    """The name of a node."""
    return f"{member}-{pool.name}-{number}"


def manifest(pool: Pool, *, member: str, number: int) -> dict[str, Any]:
    """The Node with this number of a pool, with its capacity in status, as the API server takes it on create."""
    name = node_name(pool, member, number)
    amounts = {"cpu": pool.cpu, "memory": pool.memory, "pods": _PODS, "ephemeral-storage": "1Ti"}
    if pool.resource:
        amounts[pool.resource] = str(pool.per_node)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                POOL_LABEL: pool.name,
                **pool.labels,
            },
            "annotations": {"kwok.x-k8s.io/node": "fake"},
        },
        "spec": {"taints": pool.taints} if pool.taints else {},
        "status": {
            "capacity": amounts,
            "allocatable": amounts,
            "addresses": [{"type": "Hostname", "address": name}],
            "nodeInfo": _NODE_INFO,
        },
    }


_NODE_INFO = {
    "architecture": "amd64",
    "operatingSystem": "linux",
    "kubeletVersion": _KUBELET,
    "containerRuntimeVersion": "kwok",
    "kernelVersion": "kwok",
    "osImage": "kwok",
    "kubeProxyVersion": "",
    "machineID": "",
    "systemUUID": "",
    "bootID": "",
}
