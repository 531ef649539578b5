"""Nodes of a member as its API server sees them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tradewind.lab import nodes
from tradewind.lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.lab.clusters import Cluster
    from tradewind.lab.nodes import Pool

_POLL_S = 0.2


def add_nodes(cluster: Cluster, pools: Iterable[Pool]) -> None:
    """Make the nodes that the pools have from the start."""
    api = cluster.api()
    try:
        for pool in pools:
            for number in range(pool.nodes):
                api.create("/api/v1/nodes", nodes.manifest(pool, member=cluster.name, number=number))
    finally:
        api.close()


def list_nodes(cluster: Cluster) -> list[dict[str, Any]]:
    """Every node."""
    api = cluster.api(timeout_s=5.0)
    try:
        items: list[dict[str, Any]] = api.get("/api/v1/nodes")["items"]
        return items
    finally:
        api.close()


def is_ready(node: dict[str, Any]) -> bool:
    """Whether the node's condition Ready is True."""
    conditions = node.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def wait_nodes(cluster: Cluster, *, expected: int, timeout_s: float) -> None:
    """Wait until this many nodes are ready."""
    deadline = time.monotonic() + timeout_s
    while (ready := sum(map(is_ready, list_nodes(cluster)))) < expected:
        if time.monotonic() > deadline:
            raise LabError(
                "NodesNotReady",
                f"{ready} of {expected} nodes of {cluster.name!r} became ready within {timeout_s:g} s",
                next_step=f"Look into {cluster.folder / 'logs' / 'kwok-controller.log'}.",
            )
        time.sleep(_POLL_S)
