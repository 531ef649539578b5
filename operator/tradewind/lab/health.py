"""Nodes of a member as its API server sees them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tradewind.lab import nodes
from tradewind.lab.errors import LabError
from tradewind.lab.kubeapi import STRATEGIC_PATCH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.lab.clusters import Cluster
    from tradewind.lab.nodes import Pool

_POLL_S = 0.2
_NOT_READY = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


def add_nodes(cluster: Cluster, pools: Iterable[Pool]) -> None:
    """Make the nodes that the pools have from the start."""
    with cluster.api() as api:
        for pool in pools:
            for number in range(pool.nodes):
                api.create("/api/v1/nodes", nodes.manifest(pool, member=cluster.name, number=number))


def count_nodes(cluster: Cluster) -> tuple[int, int]:
    """How many nodes there are, and how many of them take pods and are in the hands of the node simulator."""
    with cluster.api(timeout_s=5.0) as api:
        items = api.get("/api/v1/nodes")["items"]
        leases = api.get(_LEASES)["items"]
    kept = {lease["metadata"]["name"] for lease in leases if lease["spec"].get("holderIdentity")}
    return len(items), sum(_takes_pods(node) and node["metadata"]["name"] in kept for node in items)


def is_ready(node: dict[str, Any]) -> bool:
    """Whether the node's condition Ready is True."""
    conditions = node.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _takes_pods(node: dict[str, Any]) -> bool:
    """Whether it is ready, and the controller manager has noticed: until then a taint keeps pods away."""
    taints = node.get("spec", {}).get("taints", [])
    return is_ready(node) and not any(taint["key"] in _NOT_READY for taint in taints)


def wait_nodes(cluster: Cluster, *, timeout_s: float) -> None:
    """Wait until every node is ready and kept so by the simulator."""
    deadline = time.monotonic() + timeout_s
    while True:
        total, ready = count_nodes(cluster)
        if ready == total:
            return
        if time.monotonic() > deadline:
            raise LabError(
                "NodesNotReady",
                f"{ready} of {total} nodes of {cluster.name!r} became ready within {timeout_s:g} s",
                next_step=f"Look into {cluster.folder / 'logs' / 'kwok-controller.log'}.",
            )
        time.sleep(_POLL_S)


def release_nodes(cluster: Cluster) -> None:
    """Take the nodes from a simulator that was killed.

    Each run of KWOK holds them by Leases under a name of its own: its successor would wait until they expire, and for
    up to 40 s no pod would start. Deleted, not emptied: it may look before its cache is filled, and then tries to make
    the Lease, which succeeds only where there is none, or again 10 s later.
    """
    with cluster.api() as api:
        api.delete(_LEASES)


def mark_lost(cluster: Cluster) -> None:
    """Write into every node what the controller manager writes when its heartbeats have stopped for too long."""
    lost = {
        "type": "Ready",
        "status": "Unknown",
        "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting node status.",
    }
    with cluster.api() as api:
        for node in api.get("/api/v1/nodes")["items"]:
            path = f"/api/v1/nodes/{node['metadata']['name']}/status"
            api.patch(path, {"status": {"conditions": [lost]}}, kind=STRATEGIC_PATCH)
