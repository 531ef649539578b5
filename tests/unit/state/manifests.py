"""Manifests as a hub and its members give them, and a store that has read some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.model.health import Judgement, Verdict
from tradewind.model.workload import Key
from tradewind.outage.evidence import Heard, Probe, hear
from tradewind.state.picture import snapshot
from tradewind.state.store import Store

if TYPE_CHECKING:
    from tradewind.model.snapshot import Snapshot

Manifest = dict[str, Any]
KEY = Key("research", "train")
NOW_S = 1_800_000_000.0
HEALTHY = Judgement(Verdict.HEALTHY, "Answering", "")


def a_workload(
    name: str = "train",
    *,
    uid: str = "u-1",
    version: str = "10",
    generation: int = 1,
    status: Manifest | None = None,
    deleting: bool = False,
    gpus: int = 1,
    **spec: Any,
) -> Manifest:
    """Make an AIWorkload of one pod with one accelerator."""
    run = {"image": "trainer:1", "resources": {"limits": {"nvidia.com/gpu": str(gpus)}}}
    metadata: Manifest = {
        "name": name,
        "namespace": "research",
        "uid": uid,
        "resourceVersion": version,
        "generation": generation,
        "creationTimestamp": "2027-01-01T00:00:00Z",
    }
    if deleting:
        metadata["deletionTimestamp"] = "2027-01-02T00:00:00Z"
    kind = {"apiVersion": "tradewind.dev/v1alpha1", "kind": "AIWorkload"}
    return {**kind, "metadata": metadata, "spec": {"type": "Training", "run": run, **spec}, "status": status or {}}


def placed(cluster: str = "aws", *, epoch: int = 1, state: str = "Delivering", replicas: int = 1) -> Manifest:
    """Make a status that promises a place."""
    place = {"cluster": cluster, "offer": "h100", "market": "OnDemand", "replicas": replicas, "epoch": epoch}
    return {"epoch": epoch, "placements": [{**place, "generation": 1, "state": state}]}


def a_cluster(name: str = "aws", *, generation: int = 1, status: Manifest | None = None, **spec: Any) -> Manifest:
    """Make a FederatedCluster."""
    offer = {
        "name": "h100",
        "accelerator": "H100-80GB",
        "perNode": 8,
        "market": "OnDemand",
        "usdPerAcceleratorHour": "2",
    }
    return {
        "apiVersion": "tradewind.dev/v1alpha1",
        "kind": "FederatedCluster",
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "generation": generation,
            "resourceVersion": "1",
            "creationTimestamp": "2020-01-01T00:00:00Z",
        },
        "spec": {
            "provider": "aws",
            "region": "eu-north-1",
            "connection": {"kubeconfigSecretRef": {"name": name}},
            "offers": [offer],
            **spec,
        },
        "status": status or {},
    }


def a_node(name: str = "n1", *, gpus: int = 8) -> Manifest:
    """Make a node of H100."""
    allocatable = {"cpu": "64", "memory": "512Gi", "pods": "110", "nvidia.com/gpu": str(gpus)}
    labels = {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
    status = {"allocatable": allocatable, "conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": {"name": name, "labels": labels}, "status": status}


def a_copy(name: str = "train", *, uid: str = "u-1", epoch: int = 1, deleting: bool = False, **status: Any) -> Manifest:
    """Make a delivered Job."""
    labels = {
        "tradewind.dev/hub": "default",
        "tradewind.dev/workload": name,
        "tradewind.dev/uid": uid,
        "tradewind.dev/epoch": str(epoch),
    }
    metadata: Manifest = {"name": name, "namespace": "research", "uid": f"o-{name}", "labels": labels}
    metadata |= {"resourceVersion": "5", "annotations": {"tradewind.dev/offer": "h100"}}
    if deleting:
        metadata["deletionTimestamp"] = "2027-01-02T00:00:00Z"
    return {"metadata": metadata, "spec": {}, "status": status}


def a_pod(uid: str, *, workload_uid: str = "u-1", epoch: int = 1, node: str = "n1", gpus: int = 1) -> Manifest:
    """Make a pod of a delivered copy."""
    labels = {
        "tradewind.dev/workload": "train",
        "tradewind.dev/uid": workload_uid,
        "tradewind.dev/epoch": str(epoch),
    }
    limits = {"nvidia.com/gpu": str(gpus)}
    return {
        "metadata": {"uid": uid, "name": uid, "namespace": "research", "labels": labels},
        "spec": {"nodeName": node, "containers": [{"resources": {"limits": limits}}]},
        "status": {"phase": "Running"},
    }


def a_class(name: str, value: int = 1000) -> Manifest:
    """Make a PriorityClass."""
    return {"metadata": {"name": name}, "value": value}


def a_store(*names: str, workloads: tuple[Manifest, ...] = ()) -> Store:
    """Make a store with listed, answering clusters of one node each."""
    store = Store()
    for name in names or ("aws",):
        entry = store.see_cluster(a_cluster(name))
        assert entry is not None
        store.identify(entry, f"kube-system-{name}")
        entry.listed, entry.health = True, HEALTHY
        entry.evidence = hear(entry.evidence, Probe(0.0, Heard.ANSWER))
        member = store.connect(entry)
        member.nodes_sink.replace([a_node()])
        member.pods_sink.replace([])
        for sink in member.copy_sinks.values():
            sink.replace([])
    for obj in workloads:
        store.see_workload(obj)
    store.dirty.take()
    return store


def picture(store: Store, *keys: Key) -> Snapshot:
    """Take the picture of some workloads."""
    return snapshot(store, keys or (KEY,), now_s=NOW_S)
