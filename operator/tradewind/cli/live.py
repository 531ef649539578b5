"""The picture that a live hub gives: its resources, and the capacity that the operator wrote into their status.

Only the hub is asked, never a member: who may run `kubectl get` on the hub may plan. The status sums nodes up, so how
cores and memory are spread over an offer's nodes is a guess.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any

from tradewind.api.convert import cluster_from
from tradewind.cli.world import Objects, hub_of, world_of
from tradewind.errors import InputError
from tradewind.kube.client import ApiServer
from tradewind.kube.errors import NotFoundError, NotServedError, UnauthorizedError
from tradewind.kube.fence import unfenced
from tradewind.kube.kubeconfig import own_configuration
from tradewind.kube.resources import (
    AIWORKLOADS,
    CLUSTER_POLICIES,
    CONFIG_MAPS,
    DATASETS,
    FEDERATED_CLUSTERS,
    NETWORK_MAPS,
    POLICIES,
    PRIORITY_CLASSES,
    Resource,
)
from tradewind.model.fleet import Demand, Node
from tradewind.model.health import UNHEARD, Judgement, Verdict
from tradewind.model.placement import CopyState
from tradewind.model.units import parse_quantity
from tradewind.state.measured import lay, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tradewind.cli.world import World
    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.workload import Key
    from tradewind.state.hub import Hub, WorkloadEntry

Manifest = dict[str, Any]

# Status counts accelerators by type; which resource the pods must ask for follows from the maker.
_RESOURCES = {
    "MI": "amd.com/gpu",
    "TPU": "google.com/tpu",
    "Trainium": "aws.amazon.com/neuron",
    "Inferentia": "aws.amazon.com/neuron",
}
_OTHERWISE = "nvidia.com/gpu"


def fetch(*, kubeconfig: str, context: str, system_namespace: str) -> Objects:
    """Read the hub.

    Raises:
        TradewindError: there is no kubeconfig, or the hub does not answer, or does not let us in.
    """
    return asyncio.run(_fetch(kubeconfig, context, system_namespace))


async def _fetch(kubeconfig: str, context: str, system_namespace: str) -> Objects:
    server = ApiServer("hub", await own_configuration(kubeconfig, context), fence=unfenced())
    try:
        kinds = (AIWORKLOADS, FEDERATED_CLUSTERS, NETWORK_MAPS, CLUSTER_POLICIES, POLICIES, DATASETS)
        found = await asyncio.gather(*(hub_list(server, kind) for kind in kinds))
        classes = await hub_list(server, PRIORITY_CLASSES)
        tables = await _tables(server, found[2], system_namespace)
    finally:
        await server.close()
    workloads, clusters, maps, cluster_policies, policies, datasets = found
    return Objects(workloads, clusters, maps, cluster_policies, policies, datasets, classes, tables)


async def hub_list(server: ApiServer, resource: Resource) -> tuple[Manifest, ...]:
    """List a kind of the hub.

    Raises:
        TradewindError: the hub does not answer, or does not let us in, or is no hub.
    """
    try:
        items, _ = await server.list_all(resource)
    except (NotFoundError, NotServedError):
        raise NotFoundError(
            "CRDMissing", f"this API server has no {resource.plural}: is it the hub? kubectl apply -f crds/ makes one"
        ) from None
    # A list leaves these out of its items.
    return tuple({"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in items)


async def _tables(server: ApiServer, maps: Iterable[Manifest], namespace: str) -> tuple[Manifest, ...]:
    names = sorted({table["name"] for one in maps for table in (one.get("spec") or {}).get("csv") or ()})
    found = []
    for name in names:
        try:
            found.append(await server.get(CONFIG_MAPS, name, namespace=namespace))
        except (NotFoundError, UnauthorizedError):
            continue  # the map that needs it is then named as left out
    return tuple(found)


def live_world(objects: Objects, *, keys: Sequence[Key] | None = None, hub: Hub | None = None) -> World:
    """Make the picture of a hub.

    Args:
        objects: what was read.
        keys: the workloads to plan; None for those that wait for a place.
        hub: the objects as already read, if they were.
    """
    read = hub or hub_of(objects)
    wanted = [key for key, entry in read.workloads.items() if waits(entry)] if keys is None else keys
    fleet = [cluster for obj in objects.clusters if (cluster := _cluster(obj, read, wanted)) is not None]
    return world_of(read, keys=wanted, fleet=fleet, objects=objects, now_s=time.time())


def waits(entry: WorkloadEntry) -> bool:
    """Whether a workload has no place and has not ended."""
    return not (entry.record.placements or entry.record.finished or entry.deleting)


def _cluster(obj: Manifest, hub: Hub, asked: Iterable[Key]) -> Cluster | None:
    try:
        cluster = cluster_from(obj)
    except InputError:
        return None  # the operator says so in its status
    status = obj.get("status") or {}
    if status.get("observedGeneration") == obj["metadata"].get("generation"):
        cluster = lay(cluster, written(cluster, status))
    shown = {each["name"]: each for each in status.get("offers") or ()}
    nodes: list[Node] = []
    groups = set()
    for offer in cluster.offers:
        # Offers that speak of the same nodes show the same nodes; they exist once.
        group = (offer.accelerator, tuple(sorted(offer.node_selector.items())))
        if offer.name in shown and group not in groups:
            groups.add(group)
            nodes += _nodes(offer, shown[offer.name])
    asked_keys = set(asked)
    nodes += [node for key in asked_keys for node in _own_room(hub.workloads[key], cluster)]
    promised = tuple(
        demand for key, entry in hub.workloads.items() if key not in asked_keys for demand in _promised(entry, cluster)
    )
    return replace(
        cluster, nodes=tuple(nodes), promised=promised, health=_health(status), known=bool(status.get("inventoriedAt"))
    )


def _health(status: Manifest) -> Judgement:
    if not status.get("verdict"):
        return UNHEARD
    return Judgement(Verdict(status["verdict"]), status.get("reason") or "", status.get("message") or "")


def _nodes(offer: Offer, status: Manifest) -> Iterable[Node]:
    """Make nodes from their sum; those that the histogram leaves out have no accelerator free.

    Cores and memory go with the free accelerators, since pods that hold accelerators hold cores beside them.
    """
    count = int(status.get("nodes") or 0)
    cpu_cores = parse_quantity(status.get("freeCPU") or 0)
    memory_bytes = parse_quantity(status.get("freeMemory") or 0)
    free = [
        int(each["free"])
        for each in sorted(status.get("freeByNode") or (), key=lambda each: each["free"])
        for _ in range(int(each["nodes"]))
    ]
    free += [0] * (count - len(free))
    for index, accelerators in enumerate(free):
        share = accelerators / sum(free) if sum(free) else 1 / len(free)
        yield Node(
            name=f"{offer.name}-{index}",
            labels=dict(offer.node_selector),
            accelerator=offer.accelerator,
            accelerator_resource=_resource_of(offer),
            free_accelerators=accelerators,
            free_cpu_cores=cpu_cores * share,
            free_memory_bytes=memory_bytes * share,
        )


def _resource_of(offer: Offer) -> str:
    if not offer.accelerator:
        return ""
    return next((name for start, name in _RESOURCES.items() if offer.accelerator.startswith(start)), _OTHERWISE)


def _own_room(entry: WorkloadEntry, cluster: Cluster) -> Iterable[Node]:
    """Give work that is planned anew the room that its own pods hold: else it could not stay where it is."""
    offers = {offer.name: offer for offer in cluster.offers}
    for placement in entry.record.placements:
        offer = offers.get(placement.offer)
        if placement.cluster != cluster.name or offer is None or entry.workload is None:
            continue
        pods = entry.workload.pods
        for index in range(placement.replicas):
            yield Node(
                name=f"{entry.workload.key}-{index}",
                labels=dict(offer.node_selector),
                accelerator=offer.accelerator,
                accelerator_resource=pods.accelerator_resource,
                free_accelerators=pods.accelerators,
                free_cpu_cores=pods.cpu_cores or inf,
                free_memory_bytes=pods.memory_bytes or inf,
                free_pods=1,
            )


def _promised(entry: WorkloadEntry, cluster: Cluster) -> Iterable[Demand]:
    """Count copies that are on their way: no node of the status shows them yet."""
    pods = entry.workload.pods if entry.workload else None
    for placement in entry.record.placements:
        if pods and placement.cluster == cluster.name and placement.state is CopyState.DELIVERING:
            yield Demand(
                placement.offer,
                placement.replicas,
                pods.cpu_cores,
                pods.memory_bytes,
                pods.accelerators,
                pods.accelerator_resource,
            )
