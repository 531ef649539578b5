"""AIWorkloads as the core's data."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tradewind.api.from_policy import failover_limits
from tradewind.api.reading import read, source_of
from tradewind.api.template import expand, podset
from tradewind.api.workload import AIWorkload, WorkloadSpec
from tradewind.errors import InputError
from tradewind.model.policy import PolicyLayer
from tradewind.model.workload import (
    ONE_CLUSTER,
    AllowDeny,
    Checkpoint,
    Client,
    Constraints,
    DataInput,
    DatasetRef,
    Deadline,
    Key,
    Output,
    PodSet,
    Replicas,
    SelectorTerm,
    Spread,
    Workload,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.api.constraints import ConstraintsSpec
    from tradewind.api.data import CheckpointSpec
    from tradewind.api.goals import DeadlineSpec, SpreadSpec
    from tradewind.api.parts import LabelSelector


def workload_from(obj: Mapping[str, Any], *, priority: int = 0) -> Workload:
    """Read an AIWorkload, whose Datasets have yet to be looked up.

    Args:
        obj: the object.
        priority: what its priorityClassName stands for.
    """
    source = source_of(obj)
    resource = read(AIWorkload, obj, source=source)
    metadata, spec = resource.metadata, resource.spec
    manifest = expand(obj["spec"], name=metadata.name, source=source)
    pods = podset(manifest, source=source, at="spec.run" if spec.run else "spec.template")
    _check_accelerators(spec, pods, source)
    _check_spread(spec, pods, source)
    namespace = metadata.namespace or "default"
    runtime, wish = spec.expected_runtime, spec.accelerators
    return Workload(
        key=Key(namespace, metadata.name),
        uid=metadata.uid,
        generation=metadata.generation,
        created_s=_seconds(metadata.creation_timestamp, source),
        type=spec.type,
        pods=pods,
        overrides=PolicyLayer(
            guarantee=spec.failover.guarantee,
            **failover_limits(spec.failover),
            max_usd_per_hour=spec.budget.max_usd_per_hour,
            max_total_usd=spec.budget.max_total_usd,
        ),
        accelerator_types=wish.any_of if wish else (),
        expected_runtime_s=runtime.duration if runtime else None,
        runtime_accelerator=_runtime_accelerator(spec),
        data=tuple(
            DataInput(data.name, data.size or 0.0, data.locations or (), data.access)
            for data in spec.data
            if data.dataset_ref is None
        ),
        constraints=_constraints(spec.constraints),
        priority=priority,
        suspended=spec.suspend,
        labels=metadata.labels,
        datasets=tuple(
            DatasetRef(data.name, Key(data.dataset_ref.namespace or namespace, data.dataset_ref.name), data.access)
            for data in spec.data
            if data.dataset_ref is not None
        ),
        outputs=tuple(Output(output.name, output.size, output.location) for output in spec.outputs),
        checkpoint=_checkpoint(spec.checkpoint),
        deadline=_deadline(spec.deadline),
        interconnect=wish.interconnect if wish else None,
        min_node_gbps=(wish.min_node_bandwidth or 0.0) / 1e9 if wish else 0.0,
        clients=tuple(Client(client.location, float(client.weight)) for client in spec.network.clients),
        max_round_trip_ms=None if spec.network.max_round_trip is None else spec.network.max_round_trip * 1000,
        spread=_spread(spec.spread),
        kinds=frozenset(f"{each['apiVersion']}/{each['kind']}" for each in (manifest, *spec.companions)),
    )


def _checkpoint(spec: CheckpointSpec | None) -> Checkpoint | None:
    return None if spec is None else Checkpoint(spec.size, spec.locations, spec.interval)


def _deadline(spec: DeadlineSpec | None) -> Deadline | None:
    return None if spec is None else Deadline(spec.time, spec.mode, spec.usd_per_hour_late or 0.0)


def _spread(spec: SpreadSpec | None) -> Spread:
    return ONE_CLUSTER if spec is None else Spread(spec.clusters, spec.min_providers, spec.replicas)


def _check_spread(spec: WorkloadSpec, pods: PodSet, source: str) -> None:
    """Check what the schema's rules can't see: the replicas of a template."""
    spread = spec.spread
    if spread and spread.replicas is Replicas.DIVIDED and pods.count < spread.clusters:
        message = f"replicas: {pods.count} can't be divided over {spread.clusters} clusters; Duplicated could"
        raise InputError(source, "spec.spread.clusters", message)


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
        operator_jurisdictions=AllowDeny(
            frozenset(spec.operator_jurisdictions.allow), frozenset(spec.operator_jurisdictions.deny)
        ),
        certifications=frozenset(spec.certifications),
        encryption=frozenset(spec.encryption),
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
