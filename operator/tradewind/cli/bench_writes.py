"""The objects of the benchmark, and the very writes that the operator makes for one of them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from tradewind.api.convert import cluster_from, workload_from
from tradewind.apply.render import render
from tradewind.apply.status import status_from
from tradewind.decide.plan import decide
from tradewind.kube.resources import AIWORKLOADS, FEDERATED_CLUSTERS
from tradewind.model.fleet import Node
from tradewind.model.health import Judgement, Verdict
from tradewind.model.placement import Record
from tradewind.model.plan import Conditions
from tradewind.model.policy import PolicyLayer, resolve
from tradewind.model.snapshot import Snapshot, View
from tradewind.model.workload import Key

Manifest = dict[str, Any]
MEMBERS = ("aws", "gcp", "onprem")
HEALTHY = Judgement(Verdict.HEALTHY, "Answering", "The API server answers.")


def a_workload(name: str, namespace: str) -> Manifest:
    """One accelerator for an hour."""
    return {
        "apiVersion": AIWORKLOADS.api_version,
        "kind": AIWORKLOADS.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "type": "Batch",
            "run": {"image": "example.org/batch:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}},
            "accelerators": {"anyOf": ["H100-80GB"]},
            "expectedRuntime": {"duration": "1h"},
        },
    }


def federated_cluster(member: str, *, usd_per_hour: int) -> Manifest:
    """One offer; with small steps in price the cheapest cluster fills up, then the next."""
    offer = {"name": "h100", "accelerator": "H100-80GB", "perNode": 8, "market": "OnDemand"}
    return {
        "apiVersion": FEDERATED_CLUSTERS.api_version,
        "kind": FEDERATED_CLUSTERS.kind,
        "metadata": {"name": member},
        "spec": {
            "provider": member,
            "region": "lab",
            "connection": {"kubeconfigSecretRef": {"name": member}},
            "offers": [{**offer, "usdPerAcceleratorHour": str(usd_per_hour)}],
        },
    }


def same_writes(workload: Manifest) -> tuple[Manifest, Manifest, Manifest]:
    """Make what has to be written for a workload: the object, the status of its decision, and its copy.

    They come from the operator's own code, so that a bare client is compared on the same bytes.
    """
    metadata = {"uid": "0" * 36, "resourceVersion": "1", "generation": 1, **workload["metadata"]}
    obj = {**workload, "metadata": {**metadata, "creationTimestamp": "2026-01-01T00:00:00Z"}}
    parsed = workload_from(obj)
    policy = resolve(parsed.type, workload=parsed.overrides, namespace=PolicyLayer(), cluster=PolicyLayer())
    view = View(Key(metadata["namespace"], metadata["name"]), metadata["uid"], 1, parsed, policy, Record())
    node = Node("node", {}, accelerator="H100-80GB", accelerator_resource="nvidia.com/gpu", free_accelerators=8)
    declared = (cluster_from(federated_cluster(name, usd_per_hour=2 + at)) for at, name in enumerate(MEMBERS))
    fleet = tuple(replace(cluster, nodes=(node,), health=HEALTHY) for cluster in declared)
    now_s = time.time()
    (step,) = decide(
        Snapshot(views=(view,), fleet=fleet, inventories={}, conditions=Conditions(now_s=now_s)), move_tokens=0
    )
    if not step.deliver:
        raise ValueError(f"the benchmark's own workload finds no place: {step.situation}")
    rendered = render(obj, placement=step.deliver[0], guarantee=policy.guarantee, hub_name="ceiling", pod_patch={})
    return workload, status_from(step, raw=obj, now_s=now_s), rendered.copy
