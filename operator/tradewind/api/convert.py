"""From the resources to the core's data: the only place where strings become figures.

All functions take objects as an API server or a file gave them, ignore fields that they don't know, and raise
InputError with the path of the field that can't be used.
"""

from __future__ import annotations

from datetime import datetime
from math import inf
from typing import TYPE_CHECKING, Any

from tradewind.api.accelerators import BUILT_IN_ACCELERATORS
from tradewind.api.cluster import FederatedCluster, OfferSpec
from tradewind.api.network_tables import network_from
from tradewind.api.policy import ClusterPlacementPolicy, PlacementPolicy
from tradewind.api.reading import read, source_of
from tradewind.api.template import expand, podset
from tradewind.api.workload import AIWorkload, ConstraintsSpec, WorkloadSpec
from tradewind.errors import InputError
from tradewind.model.fleet import Cluster, Offer, Toleration
from tradewind.model.policy import AcceleratorType, ClusterPolicy, Detection, MoveBudget, PolicyLayer
from tradewind.model.workload import AllowDeny, Constraints, DataInput, Key, PodSet, SelectorTerm, Workload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.api.parts import DetectionSpec, LabelSelector, PolicySpec

__all__ = [
    "accelerator_table",
    "cluster_from",
    "cluster_policy_from",
    "detection_for",
    "kubeconfig_ref",
    "network_from",
    "policy_layer_from",
    "workload_from",
]

UNSTATED_PROVISIONING_S = 600.0
"""For pools that don't say how long a node takes: pessimistic, so that a pool that says it is preferred."""


def workload_from(obj: Mapping[str, Any], *, priority: int = 0) -> Workload:
    """Read an AIWorkload; `priority` is what its priorityClassName stands for."""
    source = source_of(obj)
    resource = read(AIWorkload, obj, source=source)
    metadata, spec = resource.metadata, resource.spec
    pods = podset(
        expand(obj["spec"], name=metadata.name, source=source),
        source=source,
        at="spec.run" if spec.run else "spec.template",
    )
    _check_accelerators(spec, pods, source)
    runtime = spec.expected_runtime
    return Workload(
        key=Key(metadata.namespace or "default", metadata.name),
        uid=metadata.uid,
        generation=metadata.generation,
        created_s=_seconds(metadata.creation_timestamp, source),
        type=spec.type,
        pods=pods,
        overrides=PolicyLayer(
            guarantee=spec.failover.guarantee,
            cooldown_s=spec.failover.cooldown,
            max_moves_per_hour=spec.failover.max_moves_per_hour,
        ),
        accelerator_types=spec.accelerators.any_of if spec.accelerators else (),
        expected_runtime_s=runtime.duration if runtime else None,
        runtime_accelerator=_runtime_accelerator(spec),
        data=tuple(DataInput(data.name, data.size, data.locations, data.access) for data in spec.data),
        constraints=_constraints(spec.constraints),
        priority=priority,
        suspended=spec.suspend,
        labels=metadata.labels,
    )


def _check_accelerators(spec: WorkloadSpec, pods: PodSet, source: str) -> None:
    if spec.accelerators and not pods.accelerators:
        raise InputError(
            source,
            "spec.accelerators",
            "no container asks for an accelerator; add one to resources.limits, such as nvidia.com/gpu: 1",
        )
    runtime = spec.expected_runtime
    if runtime and pods.accelerators and not _runtime_accelerator(spec):
        raise InputError(source, "spec.expectedRuntime.accelerator", "is required: name the type it was measured on")
    if runtime and runtime.accelerator and not pods.accelerators:
        raise InputError(source, "spec.expectedRuntime.accelerator", "no container asks for an accelerator")


def _runtime_accelerator(spec: WorkloadSpec) -> str:
    if spec.expected_runtime is None:
        return ""
    only = spec.accelerators.any_of if spec.accelerators else ()
    return spec.expected_runtime.accelerator or (only[0] if len(only) == 1 else "")


def _constraints(spec: ConstraintsSpec) -> Constraints:
    return Constraints(
        jurisdictions=AllowDeny(frozenset(spec.jurisdictions.allow), frozenset(spec.jurisdictions.deny)),
        providers=AllowDeny(frozenset(spec.providers.allow), frozenset(spec.providers.deny)),
        markets=frozenset(spec.markets),
        tiers=frozenset(spec.tiers),
        cluster_selector=_terms(spec.cluster_selector),
    )


def _terms(selector: LabelSelector) -> tuple[SelectorTerm, ...]:
    return (
        *(SelectorTerm(key, "In", frozenset({value})) for key, value in sorted(selector.match_labels.items())),
        *(SelectorTerm(term.key, str(term.operator), frozenset(term.values)) for term in selector.match_expressions),
    )


def _seconds(timestamp: str | None, source: str) -> float:
    if timestamp is None:
        return 0.0
    try:
        return datetime.fromisoformat(timestamp).timestamp()
    except ValueError:
        raise InputError(source, "metadata.creationTimestamp", f'"{timestamp}" is no time by RFC 3339') from None


def cluster_from(obj: Mapping[str, Any]) -> Cluster:
    """Read a FederatedCluster, without its nodes."""
    resource = read(FederatedCluster, obj)
    spec = resource.spec
    return Cluster(
        name=resource.metadata.name,
        provider=spec.provider,
        region=spec.region,
        tier=spec.tier,
        jurisdiction=spec.jurisdiction or "",
        scheduling=spec.scheduling,
        labels=resource.metadata.labels,
        offers=tuple(_offer(offer) for offer in spec.offers),
    )


def _offer(spec: OfferSpec) -> Offer:
    brings = spec.node_resources
    provisioning = spec.provisioning
    if provisioning is None:
        provisioning = UNSTATED_PROVISIONING_S if spec.max_nodes else 0.0
    return Offer(
        name=spec.name,
        market=spec.market,
        accelerator=spec.accelerator or "",
        per_node=spec.per_node or 0,
        usd_per_accelerator_hour=spec.usd_per_accelerator_hour or 0.0,
        usd_per_cpu_hour=spec.usd_per_cpu_hour or 0.0,
        max_nodes=spec.max_nodes,
        provisioning_s=provisioning,
        node_selector=spec.pod_patch.node_selector,
        tolerations=tuple(
            Toleration(each.key or "", str(each.operator or "Equal"), each.value or "", str(each.effect or ""))
            for each in spec.pod_patch.tolerations
        ),
        node_cpu_cores=brings.cpu if brings else inf,
        node_memory_bytes=brings.memory if brings else inf,
    )


def kubeconfig_ref(obj: Mapping[str, Any]) -> tuple[str, str]:
    """Say which Secret of the operator's namespace, and which key of it, holds a cluster's kubeconfig."""
    reference = read(FederatedCluster, obj).spec.connection.kubeconfig_secret_ref
    return reference.name, reference.key


def detection_for(obj: Mapping[str, Any], cluster_policy: ClusterPolicy) -> Detection:
    """Combine the cluster policy's detection with what the FederatedCluster says of its own."""
    return _detection(read(FederatedCluster, obj).spec.detection, cluster_policy.detection)


def cluster_policy_from(obj: Mapping[str, Any] | None) -> ClusterPolicy:
    """Read the ClusterPlacementPolicy; None, where there is none, gives the built-in values."""
    if obj is None:
        return ClusterPolicy()
    spec = read(ClusterPlacementPolicy, obj).spec
    built_in = MoveBudget()
    moves = spec.moves
    return ClusterPolicy(
        layer=_layer(
            spec,
            cooldown_s=spec.failover.cooldown,
            max_moves_per_hour=spec.failover.max_moves_per_hour,
            copy_config=spec.delivery.config_maps_and_secrets,
        ),
        detection=_detection(spec.detection, Detection()),
        moves=MoveBudget(
            per_minute=built_in.per_minute if moves.per_minute is None else moves.per_minute,
            burst=built_in.burst if moves.burst is None else moves.burst,
            max_unhealthy_percent=(
                built_in.max_unhealthy_percent if moves.max_unhealthy_percent is None else moves.max_unhealthy_percent
            ),
        ),
        accelerators=tuple(
            AcceleratorType(row.name, row.node_labels or {}, row.relative_speed) for row in spec.accelerators
        ),
    )


def policy_layer_from(obj: Mapping[str, Any]) -> PolicyLayer:
    """Read a PlacementPolicy."""
    spec = read(PlacementPolicy, obj).spec
    return _layer(
        spec,
        guarantee=spec.failover.guarantee,
        cooldown_s=spec.failover.cooldown,
        max_moves_per_hour=spec.failover.max_moves_per_hour,
    )


def accelerator_table(cluster_policy: ClusterPolicy) -> tuple[AcceleratorType, ...]:
    """Join the policy's rows with the built-in ones: the policy's come first, and their speeds count for the type."""
    said = {row.name: row.relative_speed for row in cluster_policy.accelerators if row.relative_speed is not None}
    rows = (*cluster_policy.accelerators, *BUILT_IN_ACCELERATORS)
    known = {row.name: row.relative_speed for row in reversed(rows) if row.relative_speed is not None} | said
    return tuple(AcceleratorType(row.name, row.node_labels, known.get(row.name)) for row in rows)


def _layer(spec: PolicySpec, **more: Any) -> PolicyLayer:
    return PolicyLayer(
        mode=spec.mode,
        usd_per_delay_hour=spec.prices.usd_per_delay_hour,
        pricing_horizon_s=spec.pricing_horizon,
        **more,
    )


def _detection(spec: DetectionSpec, otherwise: Detection) -> Detection:
    def said(value: float | None, fallback: float) -> float:
        return fallback if value is None else value

    return Detection(
        probe_interval_s=said(spec.probe_interval, otherwise.probe_interval_s),
        down_after_one_kind_s=said(spec.down_after_one_kind, otherwise.down_after_one_kind_s),
        up_after_s=said(spec.up_after, otherwise.up_after_s),
    )
