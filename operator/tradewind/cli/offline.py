"""The picture that manifests alone give: no cluster is asked, every cluster counts as healthy.

Capacity comes from `v1` Nodes labelled `tradewind.dev/cluster: NAME`, and from `maxNodes` of the offers.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any

from tradewind.api.base import GROUP
from tradewind.api.convert import cluster_from
from tradewind.api.load import load
from tradewind.api.nodes import node_from
from tradewind.api.reading import did_you_mean, source_of
from tradewind.cli.world import Objects, hub_of, world_of
from tradewind.errors import InputError
from tradewind.model.health import Judgement, Verdict
from tradewind.placement.nodes import PODS_PER_NODE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tradewind.api.load import Manifests
    from tradewind.cli.world import World
    from tradewind.model.fleet import Node
    from tradewind.model.policy import AcceleratorType

Manifest = dict[str, Any]

CLUSTER_LABEL = f"{GROUP}/cluster"
ASSUMED_HEALTHY = Judgement(Verdict.HEALTHY, "Offline", "no cluster was asked")
_NAMESPACED = ("AIWorkload", "PlacementPolicy", "Dataset")
_READ = ("Node", "PriorityClass", "ConfigMap")


def read_files(paths: Iterable[Path]) -> Manifests:
    """Read manifests from files and folders.

    Raises:
        InputError: naming file, object and field.
    """
    return load(paths)


def objects_of(manifests: Manifests) -> Objects:
    """Sort manifests by what they are for, with the namespace and uid that an API server would have given them."""

    def of(kind: str) -> tuple[Manifest, ...]:
        return tuple(_as_stored(obj) for obj in manifests.of(kind))

    return Objects(
        workloads=of("AIWorkload"),
        clusters=of("FederatedCluster"),
        maps=of("NetworkMap"),
        cluster_policies=of("ClusterPlacementPolicy"),
        policies=of("PlacementPolicy"),
        datasets=of("Dataset"),
        priority_classes=tuple(_checked_class(obj) for obj in manifests.of("PriorityClass")),
        tables=of("ConfigMap"),
    )


def offline_world(manifests: Manifests) -> World:
    """Make the picture of manifests that hold a fleet.

    Raises:
        InputError: for a policy, network, Node or PriorityClass that can't be used.
    """
    objects = objects_of(manifests)
    hub = hub_of(objects)
    if hub.problems:
        (kind, name), problem = next(iter(sorted(hub.problems.items())))
        named = f"{kind}/{name}"
        raise InputError(named, "", problem.removeprefix(f"{named}: "))
    names = [obj["metadata"]["name"] for obj in objects.clusters]
    nodes, notes = _nodes(manifests, hub.table, names)
    fleet = [
        replace(cluster_from(obj), nodes=tuple(nodes[obj["metadata"]["name"]]), health=ASSUMED_HEALTHY)
        for obj in objects.clusters
    ]
    world = world_of(hub, keys=hub.workloads, fleet=fleet, objects=objects, now_s=time.time())
    return replace(world, notes=(*world.notes, *notes, *skipped(manifests)))


def skipped(manifests: Manifests) -> tuple[str, ...]:
    """Say which objects mean nothing to a plan."""
    kinds = Counter(str(obj["kind"]) for obj in manifests.others if obj["kind"] not in _READ)
    if not kinds:
        return ()
    listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return (f"skipped objects that a plan does not read: {listed}",)


def _as_stored(obj: Manifest) -> Manifest:
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise InputError(source_of(obj), "metadata.name", "is required")
    given = {"uid": f"offline-{metadata['name']}", "resourceVersion": "0", "generation": 1}
    if obj["kind"] in _NAMESPACED:
        given["namespace"] = "default"
    return {**obj, "metadata": given | metadata}


def _checked_class(obj: Manifest) -> Manifest:
    value = obj.get("value")
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(source_of(obj), "value", "must be a whole number: the priority that the class stands for")
    return _as_stored(obj)


def _nodes(
    manifests: Manifests, table: Sequence[AcceleratorType], names: list[str]
) -> tuple[defaultdict[str, list[Node]], list[str]]:
    nodes: defaultdict[str, list[Node]] = defaultdict(list)
    notes = []
    for obj in manifests.of("Node"):
        stored = _as_stored(obj)
        cluster = (stored["metadata"].get("labels") or {}).get(CLUSTER_LABEL)
        if cluster is None:
            notes.append(f"Node {stored['metadata']['name']} counts for no cluster: it has no label {CLUSTER_LABEL}")
        elif cluster not in names:
            hint = did_you_mean(str(cluster), names)
            notes.append(f'Node {stored["metadata"]["name"]} counts for no cluster: there is no "{cluster}"{hint}')
        else:
            nodes[cluster].append(_node(stored, table))
    return nodes, notes


def _node(obj: Manifest, table: Sequence[AcceleratorType]) -> Node:
    """Read a Node that may be written by hand: what it does not say is no limit, and it is ready unless it says not."""
    status = obj.get("status") or {}
    allocatable = status.get("allocatable") or status.get("capacity") or {}
    try:
        node = node_from({**obj, "status": {**status, "allocatable": allocatable}}, table)
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(source_of(obj), "", f"is no Node as an API server would store it: {error!r}") from None
    conditions = {each.get("type") for each in status.get("conditions") or ()}
    return replace(
        node,
        ready=node.ready or "Ready" not in conditions,
        free_cpu_cores=node.free_cpu_cores if "cpu" in allocatable else inf,
        free_memory_bytes=node.free_memory_bytes if "memory" in allocatable else inf,
        free_pods=node.free_pods if "pods" in allocatable else PODS_PER_NODE,
    )
