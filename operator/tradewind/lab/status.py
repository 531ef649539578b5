"""How a lab is: what ``tradewind lab status`` shows."""

from __future__ import annotations

import http.client
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tradewind.lab import demand, health, kind, processes
from tradewind.lab.clusters import Runtime
from tradewind.lab.errors import LabError
from tradewind.lab.kubeapi import ApiError
from tradewind.lab.ports import HOST
from tradewind.lab.processes import Component, LabProcess

if TYPE_CHECKING:
    from tradewind.lab.clusters import Cluster
    from tradewind.lab.lab import Lab

_PROBE_TIMEOUT_S = 2.0
_AMOUNTS = frozenset({"cpu", "memory", "pods", "ephemeral-storage", "hugepages-1Gi", "hugepages-2Mi"})


def describe(lab: Lab) -> dict[str, Any]:
    """The whole lab, as ``-o json`` prints it."""
    found = processes.of_lab(lab.folder)
    try:
        proxies: dict[str, Any] = lab.proxies()
    except LabError:
        proxies = {}
    clusters = [lab.cluster(name) for name in lab.record.clusters]
    with ThreadPoolExecutor(max_workers=len(clusters)) as pool:
        described = list(pool.map(lambda cluster: _describe_cluster(cluster, found), clusters))
    for each in described:
        each["proxy"] = proxies.get(each["name"])
    return {
        "name": lab.name,
        "folder": str(lab.folder),
        "runtime": lab.record.runtime,
        "supervisor": "Running" if proxies else "Dead",
        "memoryMiB": round(sum(map(_rss, found)) / (1 << 20)),
        "ready": bool(proxies) and all(each["ready"] for each in described),
        "clusters": described,
    }


def _describe_cluster(cluster: Cluster, found: list[LabProcess]) -> dict[str, Any]:
    states = dict.fromkeys(Component, "Dead")
    if cluster.runtime is Runtime.KIND:
        states |= dict.fromkeys(kind.CONTAINER_PARTS, kind.container_state(cluster))
    for process in found:
        if process.cluster == cluster.name and process.component is not None:
            states[process.component] = "Paused" if process.paused else "Running"
    ready, nodes = _probe(cluster) if states[Component.APISERVER] == "Running" else (False, [])
    accelerators: Counter[str] = Counter()
    for node in nodes:
        for key, amount in node["status"].get("allocatable", {}).items():
            if key not in _AMOUNTS:
                accelerators[key] += int(demand.quantity(amount))
    return {
        "name": cluster.name,
        "role": "Hub" if cluster.name == "hub" else "Member",
        "ready": ready and set(states.values()) == {"Running"},
        "server": f"https://{HOST}:{cluster.ports.proxy}",
        "components": {str(component): state for component, state in states.items()},
        "nodes": {"total": len(nodes), "ready": sum(map(health.is_ready, nodes))},
        "accelerators": dict(accelerators),
    }


def _probe(cluster: Cluster) -> tuple[bool, list[dict[str, Any]]]:
    """Whether the API server is ready, and its nodes."""
    try:
        with cluster.api(timeout_s=_PROBE_TIMEOUT_S) as api:
            api.get_text("/readyz")
            return True, api.get("/api/v1/nodes", resourceVersion="0")["items"]
    except (OSError, http.client.HTTPException, ApiError):
        return False, []


def _rss(process: LabProcess) -> int:
    try:
        return process.rss_bytes
    except processes.GONE:
        return 0
