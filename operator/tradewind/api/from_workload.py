"""AIWorkloads as the core's data."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tradewind.api.reading import read, source_of
from tradewind.api.template import expand, podset
from tradewind.api.workload import AIWorkload, ConstraintsSpec, WorkloadSpec
from tradewind.errors import InputError
from tradewind.model.policy import PolicyLayer
from tradewind.model.workload import AllowDeny, Constraints, DataInput, Key, PodSet, SelectorTerm, Workload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.api.parts import LabelSelector


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
