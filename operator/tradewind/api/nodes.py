"""Nodes as the core sees them: which accelerator, how many, what taints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.api.requests import ACCELERATOR_RESOURCES, Requests, pod_requests
from tradewind.model.fleet import Node, Taint
from tradewind.model.units import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tradewind.model.policy import AcceleratorType

__all__ = ["Requests", "accelerator_of", "node_from", "pod_requests"]

PRODUCT_LABEL = "nvidia.com/gpu.product"
# GKE's counterparts of the suffixes that GPU feature discovery puts behind the product.
# Source: https://cloud.google.com/kubernetes-engine/docs/concepts/timesharing-gpus, .../how-to/gpus-multi
_GKE_SHARING = "cloud.google.com/gke-gpu-sharing-strategy"
_GKE_PARTITION = "cloud.google.com/gke-gpu-partition-size"


def node_from(obj: Mapping[str, Any], table: Iterable[AcceleratorType]) -> Node:
    """Read a v1 Node; what is free is what is allocatable, so pods must still be taken off.

    Args:
        obj: the Node.
        table: the types by their labels; the first that fits counts.
    """
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    labels: dict[str, str] = metadata.get("labels") or {}
    allocatable = status.get("allocatable") or {}
    resource = next((name for name in ACCELERATOR_RESOURCES if _amount(allocatable, name) > 0), "")
    return Node(
        name=metadata["name"],
        labels=labels,
        ready=any(
            condition.get("type") == "Ready" and condition.get("status") == "True"
            for condition in status.get("conditions") or ()
        ),
        schedulable=not spec.get("unschedulable", False),
        accelerator=accelerator_of(labels, table) if resource else "",
        accelerator_resource=resource,
        free_accelerators=int(_amount(allocatable, resource)) if resource else 0,
        free_cpu_cores=_amount(allocatable, "cpu"),
        free_memory_bytes=_amount(allocatable, "memory"),
        free_pods=int(_amount(allocatable, "pods")),
        # PreferNoSchedule keeps nothing away.
        taints=tuple(
            Taint(taint["key"], taint.get("value") or "", taint["effect"])
            for taint in spec.get("taints") or ()
            if taint.get("effect") != "PreferNoSchedule"
        ),
    )


def accelerator_of(labels: Mapping[str, str], table: Iterable[AcceleratorType]) -> str:
    """Name the type of a node's accelerators, or "" if no row fits.

    A shared or partitioned accelerator is a type of its own (`A100-40GB-SHARED`, `A100-40GB-MIG-1g.5gb`): what the node
    counts are parts, which must never be taken for whole ones.
    """
    product, suffix = _split_product(labels.get(PRODUCT_LABEL, ""))
    says_so = {PRODUCT_LABEL} if suffix else {_GKE_SHARING, _GKE_PARTITION}
    suffix = suffix or _gke_suffix(labels)
    if not suffix:
        return _first(table, labels)
    rows = tuple(table)
    # A row of the user's may name a shared type itself.
    return _first((row for row in rows if says_so & row.node_labels.keys()), labels) or (
        name + suffix if (name := _first(rows, {**labels, PRODUCT_LABEL: product})) else ""
    )


def _first(rows: Iterable[AcceleratorType], labels: Mapping[str, str]) -> str:
    for row in rows:
        if row.node_labels and all(labels.get(key) == value for key, value in row.node_labels.items()):
            return row.name
    return ""


def _split_product(product: str) -> tuple[str, str]:
    """Split `NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED` into product and suffix."""
    at = product.find("-MIG-")
    if at < 0 and product.endswith("-SHARED"):
        at = len(product) - len("-SHARED")
    return (product, "") if at < 0 else (product[:at], product[at:])


def _gke_suffix(labels: Mapping[str, str]) -> str:
    partition = labels.get(_GKE_PARTITION)
    return (f"-MIG-{partition}" if partition else "") + ("-SHARED" if labels.get(_GKE_SHARING) else "")


def _amount(allocatable: Mapping[str, Any], name: str) -> float:
    try:
        return parse_quantity(allocatable.get(name, 0))
    except ValueError:
        return 0.0
