"""Short ways to make the core's data, and the resources as people write them; what a test does not name is plain."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import yaml

from tradewind.model.fleet import Cluster, Demand, Node, Offer, Scheduling, Taint, Toleration
from tradewind.model.health import Judgement, Verdict
from tradewind.model.kind import WorkloadType
from tradewind.model.network import Link, Network
from tradewind.model.plan import Ask, Refusal
from tradewind.model.policy import EffectivePolicy, PolicyLayer, resolve
from tradewind.model.workload import (
    Access,
    AllowDeny,
    Constraints,
    DataInput,
    Key,
    Market,
    PodSet,
    SelectorTerm,
    Tier,
    Workload,
)

if TYPE_CHECKING:
    from pathlib import Path

GB = 1e9
GIB = 2.0**30
HOUR_S = 3600.0
NVIDIA = "nvidia.com/gpu"
HEALTHY = Judgement(Verdict.HEALTHY, "Reachable", "")
NEVER_INTERRUPTED = dict.fromkeys(Market, 0.0)
DOWN = Judgement(Verdict.DOWN, "ApiServerSilent", "The API server has been silent for 31 s.")


def a_workload(
    name: str = "train",
    *,
    namespace: str = "research",
    type: WorkloadType = WorkloadType.TRAINING,  # noqa: A002 - the field's own name
    pods: int = 1,
    accelerators: int = 8,
    resource: str = NVIDIA,
    cpu_cores: float = 0.0,
    memory_bytes: float = 0.0,
    types: tuple[str, ...] = (),
    runtime_h: float | None = 10.0,
    runtime_on: str = "H100-80GB",
    data: tuple[DataInput, ...] = (),
    constraints: Constraints | None = None,
    priority: int = 0,
    created_s: float = 0.0,
    overrides: PolicyLayer | None = None,
    uid: str = "",
    generation: int = 1,
    suspended: bool = False,
    labels: dict[str, str] | None = None,
) -> Workload:
    """Make a workload: one pod with eight accelerators of any type, ten hours on an H100; `accelerators=0` for none."""
    return Workload(
        key=Key(namespace, name),
        uid=uid or f"uid-{namespace}-{name}",
        generation=generation,
        created_s=created_s,
        type=type,
        pods=PodSet(pods, cpu_cores, memory_bytes, accelerators, resource if accelerators else ""),
        overrides=overrides or PolicyLayer(),
        accelerator_types=types,
        expected_runtime_s=None if runtime_h is None else runtime_h * HOUR_S,
        runtime_accelerator=runtime_on if accelerators else "",
        data=data,
        constraints=constraints or Constraints(),
        priority=priority,
        suspended=suspended,
        labels=labels or {},
    )


def a_policy(workload: Workload | None = None, *, cluster: PolicyLayer | None = None) -> EffectivePolicy:
    """Resolve what counts for a workload, under a cluster's policy if one is given."""
    work = workload or a_workload()
    return resolve(work.type, workload=work.overrides, namespace=PolicyLayer(), cluster=cluster or PolicyLayer())


def an_ask(
    workload: Workload | None = None, *, usd_per_delay_hour: float = 0.0, vetoes: dict[str, Refusal] | None = None
) -> Ask:
    """Make an ask for a workload."""
    work = workload or a_workload()
    policy = a_policy(work, cluster=PolicyLayer(usd_per_delay_hour=usd_per_delay_hour))
    return Ask(work, policy, vetoes or {})


def some_data(
    gb: float = 100.0,
    *locations: str,
    name: str = "data",
    access: Access = Access.STAGE,
) -> DataInput:
    """Make an input of so many billed gigabytes."""
    return DataInput(name, gb * GB, locations or ("aws/eu-north-1",), access)


def constraints(
    *,
    allow_law: tuple[str, ...] = (),
    deny_law: tuple[str, ...] = (),
    allow_providers: tuple[str, ...] = (),
    deny_providers: tuple[str, ...] = (),
    markets: tuple[Market, ...] = (),
    tiers: tuple[Tier, ...] = (),
    selector: tuple[SelectorTerm, ...] = (),
) -> Constraints:
    """Make constraints from plain tuples."""
    return Constraints(
        jurisdictions=AllowDeny(frozenset(allow_law), frozenset(deny_law)),
        providers=AllowDeny(frozenset(allow_providers), frozenset(deny_providers)),
        markets=frozenset(markets),
        tiers=frozenset(tiers),
        cluster_selector=selector,
    )


def an_offer(
    name: str = "h100",
    *,
    accelerator: str = "H100-80GB",
    per_node: int = 8,
    market: Market = Market.ON_DEMAND,
    usd: float = 4.0,
    usd_per_cpu: float = 0.0,
    max_nodes: int | None = None,
    provisioning_s: float = 0.0,
    node_selector: dict[str, str] | None = None,
    tolerations: tuple[Toleration, ...] = (),
    node_cpu_cores: float = inf,
    node_memory_bytes: float = inf,
) -> Offer:
    """Make an offer of eight H100 a node at $4 per accelerator and hour."""
    return Offer(
        name=name,
        market=market,
        accelerator=accelerator,
        per_node=per_node if accelerator else 0,
        usd_per_accelerator_hour=usd if accelerator else 0.0,
        usd_per_cpu_hour=usd_per_cpu,
        max_nodes=max_nodes,
        provisioning_s=provisioning_s,
        node_selector=node_selector or {},
        tolerations=tolerations,
        node_cpu_cores=node_cpu_cores,
        node_memory_bytes=node_memory_bytes,
    )


def a_cpu_offer(
    name: str = "cpu",
    *,
    usd: float = 0.05,
    max_nodes: int | None = None,
    node_selector: dict[str, str] | None = None,
    node_cpu_cores: float = inf,
) -> Offer:
    """Make an offer without accelerators, at five cents per core and hour."""
    return an_offer(
        name,
        accelerator="",
        usd_per_cpu=usd,
        max_nodes=max_nodes,
        node_selector=node_selector,
        node_cpu_cores=node_cpu_cores,
    )


def a_node(
    name: str = "node-0",
    *,
    free: int = 8,
    accelerator: str = "H100-80GB",
    resource: str = NVIDIA,
    cpu_cores: float = inf,
    memory_bytes: float = inf,
    pods: int = 110,
    labels: dict[str, str] | None = None,
    ready: bool = True,
    schedulable: bool = True,
    taints: tuple[Taint, ...] = (),
) -> Node:
    """Make a node with eight free H100; `accelerator=""` for one without accelerators."""
    return Node(
        name=name,
        labels=labels or {},
        ready=ready,
        schedulable=schedulable,
        accelerator=accelerator,
        accelerator_resource=resource if accelerator else "",
        free_accelerators=free if accelerator else 0,
        free_cpu_cores=cpu_cores,
        free_memory_bytes=memory_bytes,
        free_pods=pods,
        taints=taints,
    )


def a_demand(
    *,
    offer: str = "h100",
    count: int = 1,
    accelerators: int = 8,
    cpu_cores: float = 0.0,
    memory_bytes: float = 0.0,
    resource: str = NVIDIA,
) -> Demand:
    """Make a promise: pods on their way to an offer's nodes."""
    return Demand(offer, count, cpu_cores, memory_bytes, accelerators, resource if accelerators else "")


def a_cluster(
    name: str = "aws-eu-north-1",
    *,
    provider: str = "aws",
    region: str = "eu-north-1",
    tier: Tier = Tier.CLOUD,
    jurisdiction: str = "SE",
    scheduling: Scheduling = Scheduling.ENABLED,
    labels: dict[str, str] | None = None,
    offers: tuple[Offer, ...] | None = None,
    nodes: tuple[Node, ...] | None = None,
    promised: tuple[Demand, ...] = (),
    health: Judgement = HEALTHY,
    known: bool = True,
) -> Cluster:
    """Make a healthy cluster in Sweden with one offer and one free node of eight H100."""
    return Cluster(
        name=name,
        provider=provider,
        region=region,
        tier=tier,
        jurisdiction=jurisdiction,
        scheduling=scheduling,
        labels=labels or {},
        offers=(an_offer(),) if offers is None else offers,
        nodes=(a_node(),) if nodes is None else nodes,
        promised=promised,
        health=health,
        known=known,
    )


def a_network(*links: tuple[str, str, float, float]) -> Network:
    """Make a network from (from, to, Gbit/s, USD per GB)."""
    return Network({(source, target): Link(gbps, usd) for source, target, gbps, usd in links})


Manifest = dict[str, Any]
VERSION = "tradewind.dev/v1alpha1"


def a_federated_cluster(
    name: str,
    *,
    provider: str = "aws",
    region: str = "eu-north-1",
    jurisdiction: str = "SE",
    usd: str = "4",
    max_nodes: int | None = 1,
    interruptions: str = "",
) -> Manifest:
    """Make a cluster with one offer: eight H100 a node, on a pool of its own; `interruptions` are per node and hour."""
    offer: Manifest = {
        "name": "h100",
        "accelerator": "H100-80GB",
        "perNode": 8,
        "market": "OnDemand",
        "usdPerAcceleratorHour": usd,
    }
    if interruptions:
        offer["interruptionsPerHour"] = interruptions
    if max_nodes is not None:
        offer |= {"maxNodes": max_nodes, "provisioning": "5m", "podPatch": {"nodeSelector": {"pool": "h100"}}}
    return {
        "apiVersion": VERSION,
        "kind": "FederatedCluster",
        "metadata": {"name": name},
        "spec": {
            "provider": provider,
            "region": region,
            "jurisdiction": jurisdiction,
            "connection": {"kubeconfigSecretRef": {"name": name, "key": "kubeconfig"}},
            "offers": [offer],
        },
    }


def an_ai_workload(name: str, *, namespace: str = "", law: str = "", data: str = "", priority: str = "") -> Manifest:
    """Make ten hours of training on eight H100; `data` is where 100 GB of input are."""
    spec: Manifest = {
        "type": "Training",
        "run": {"image": "trainer", "resources": {"limits": {"nvidia.com/gpu": "8"}}},
        "accelerators": {"anyOf": ["H100-80GB"]},
        "expectedRuntime": {"duration": "10h"},
    }
    if law:
        spec["constraints"] = {"jurisdictions": {"allow": [law]}}
    if data:
        spec["data"] = [{"name": "scans", "size": "100G", "locations": [data]}]
    if priority:
        spec["priorityClassName"] = priority
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": VERSION, "kind": "AIWorkload", "metadata": metadata, "spec": spec}


def write(path: Path, *manifests: Manifest) -> Path:
    """Write manifests into a YAML file, and return its path."""
    file = path.with_suffix(".yaml")
    file.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
    return file
