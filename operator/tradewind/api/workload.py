"""AIWorkload: work that runs on the best of many clusters."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import MaxLen
from pydantic import Field

from tradewind.api.base import Model, Rule, list_atomic, list_map, list_set
from tradewind.api.constraints import ConstraintsSpec
from tradewind.api.data import CheckpointSpec, Data, OutputSpec
from tradewind.api.goals import BudgetSpec, DeadlineSpec, NetworkWish, SpreadSpec
from tradewind.api.parts import Failover, Resource
from tradewind.api.run import Run
from tradewind.api.scalars import AcceleratorName, Duration, Flag, ObjectName, Quantity
from tradewind.model.kind import WorkloadType
from tradewind.model.workload import DeadlineMode, Interconnect, Replicas

MAX_NAME = 52
"""Leaves room for what controllers append to a pod's name."""

TEMPLATE_KINDS = {"Job": "batch/v1", "Deployment": "apps/v1"}
COMPANION_KINDS = {
    "Service": "v1",
    "ConfigMap": "v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
    "Ingress": "networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
}


def _is_one_of(kinds: dict[str, str], manifest: dict[str, Any]) -> bool:
    kind = manifest.get("kind")
    return isinstance(kind, str) and kinds.get(kind) == manifest.get("apiVersion")


def _cel_kinds(kinds: dict[str, str], *, of: str) -> str:
    known = ", ".join(f"'{version}/{kind}'" for kind, version in kinds.items())
    return f"({of}.apiVersion + '/' + {of}.kind) in [{known}]"


def _list_kinds(kinds: dict[str, str]) -> str:
    return ", ".join(f"{version} {kind}" for kind, version in kinds.items())


def _metadata(manifest: dict[str, Any]) -> dict[str, Any]:
    metadata = manifest.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


_COMPANION_KIND = f"companions: the kind must be one of {_list_kinds(COMPANION_KINDS)}"
_COMPANION_NAME = "companions: each needs metadata.name"

Manifest = Annotated[
    dict[str, Any],
    Field(
        json_schema_extra={
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        }
    ),
]
Companion = Annotated[
    Manifest,
    Field(
        json_schema_extra={
            "x-kubernetes-validations": [
                {"rule": _cel_kinds(COMPANION_KINDS, of="self"), "message": _COMPANION_KIND},
                {"rule": "has(self.metadata) && has(self.metadata.name)", "message": _COMPANION_NAME},
            ]
        }
    ),
]


class Accelerators(Model):
    """Which accelerators will do; how many is said by the pods' resources."""

    any_of: Annotated[tuple[AcceleratorName, ...], list_set(at_most=16, at_least=1)]
    """Any of these types will do."""
    interconnect: Interconnect | None = None
    """The fabric that must connect the nodes; RDMA: any of EFA, InfiniBand, RoCE. Absent: it does not matter."""
    min_node_bandwidth: Quantity | None = None
    """What a node must be able to send to the others, in bits per second."""


class ExpectedRuntime(Model):
    """How long the whole work takes, by the wall clock."""

    duration: Duration
    """The time on `accelerator`."""
    accelerator: AcceleratorName | None = None
    """The type that it was measured on; times on other types follow from their relative speed."""

    RULES = (
        Rule(
            "expectedRuntime: duration must be more than 0; leave expectedRuntime out if it is not known",
            "duration(self.duration) > duration('0s')",
            lambda runtime: runtime.duration > 0,
        ),
    )


class PolicyRef(Model):
    """A PlacementPolicy of the same namespace."""

    name: ObjectName
    """Its name."""


_IS_DEPLOYMENT = "(has(self.template) ? self.template.kind == 'Deployment' : self.type == 'Inference')"
_OLD_IS_JOB = "(has(oldSelf.template) ? oldSelf.template.kind == 'Job' : oldSelf.type != 'Inference')"
_SAME_WORK = (
    "has(self.template) == has(oldSelf.template) && (!has(self.template) || self.template == oldSelf.template)"
    " && has(self.run) == has(oldSelf.run) && (!has(self.run) || self.run == oldSelf.run)"
)


def _is_deployment(spec: WorkloadSpec) -> bool:
    return spec.type is WorkloadType.INFERENCE if spec.template is None else spec.template.get("kind") == "Deployment"


class WorkloadSpec(Model):
    """What is to run, and what counts when a place for it is chosen."""

    type: WorkloadType
    """What kind of work it is; can't be changed."""
    template: Manifest | None = None
    """A Job or Deployment without metadata.name and namespace. A Job's can only be changed while `suspend` is true."""
    run: Run | None = None
    """The short form: one container. For Training and Batch it can only be changed while `suspend` is true."""
    companions: Annotated[tuple[Companion, ...], list_atomic(at_most=8)] = ()
    """Objects that are delivered with it: same namespace, same life."""
    accelerators: Accelerators | None = None
    """Which accelerators will do; absent: any type of the resource that the pods ask for."""
    expected_runtime: ExpectedRuntime | None = None
    """How long it takes; absent: priced over the policy's pricingHorizon."""
    deadline: DeadlineSpec | None = None
    """When it must be done."""
    data: Annotated[tuple[Data, ...], list_map("name", at_most=32)] = ()
    """Data that it reads."""
    outputs: Annotated[tuple[OutputSpec, ...], list_map("name", at_most=32)] = ()
    """What it leaves, and where that is brought."""
    checkpoint: CheckpointSpec | None = None
    """From where it goes on after a move or an interruption; absent: it starts again."""
    network: NetworkWish = NetworkWish()
    """Who is served, and how far away they may be."""
    spread: SpreadSpec | None = None
    """On how many clusters it runs at once; absent: on one."""
    constraints: ConstraintsSpec = ConstraintsSpec()
    """Hard limits; they hold at every move."""
    budget: BudgetSpec = BudgetSpec()
    """Limits on what it may cost."""
    priority_class_name: Annotated[str, MaxLen(253)] | None = None
    """A PriorityClass of the hub: who goes first, in placement and in moves."""
    failover: Failover = Failover()
    """What happens when its cluster is lost."""
    policy_ref: PolicyRef | None = None
    """The PlacementPolicy to use; absent: the one called default, if there is one."""
    suspend: Flag = False
    """Stops the work; nothing runs while it is true."""

    RULES = (
        Rule("type can't be changed; delete the AIWorkload and make a new one", "self.type == oldSelf.type"),
        Rule(
            "exactly one of template and run is needed",
            "has(self.template) != has(self.run)",
            lambda spec: (spec.template is None) != (spec.run is None),
        ),
        Rule(
            f"template: the kind must be one of {_list_kinds(TEMPLATE_KINDS)}",
            f"!has(self.template) || {_cel_kinds(TEMPLATE_KINDS, of='self.template')}",
            lambda spec: spec.template is None or _is_one_of(TEMPLATE_KINDS, spec.template),
        ),
        Rule(
            "template: leave out metadata.name; the copy gets the name of the AIWorkload",
            "!has(self.template) || !has(self.template.metadata) || "
            "(!has(self.template.metadata.name) && !has(self.template.metadata.generateName))",
            lambda spec: spec.template is None or not {"name", "generateName"} & _metadata(spec.template).keys(),
        ),
        Rule(
            "a Job's template or run can only be changed while suspend is true: a change would start the work again",
            f"self.suspend || !{_OLD_IS_JOB} || ({_SAME_WORK})",
        ),
        Rule(
            "template: a Job can't become a Deployment, nor the other way round; make a new AIWorkload",
            f"{_OLD_IS_JOB} != {_IS_DEPLOYMENT}",
        ),
        Rule(
            "expectedRuntime: name the accelerator that the duration was measured on, since anyOf allows several",
            "!has(self.expectedRuntime) || has(self.expectedRuntime.accelerator) || !has(self.accelerators)"
            " || size(self.accelerators.anyOf) == 1",
            lambda spec: (
                spec.expected_runtime is None
                or spec.expected_runtime.accelerator is not None
                or spec.accelerators is None
                or len(spec.accelerators.any_of) == 1
            ),
        ),
        Rule(
            "deadline: Require needs expectedRuntime, since without it nobody can say which places would be late",
            "!has(self.deadline) || self.deadline.mode != 'Require' || has(self.expectedRuntime)",
            lambda spec: (
                spec.deadline is None
                or spec.deadline.mode is not DeadlineMode.REQUIRE
                or spec.expected_runtime is not None
            ),
        ),
        Rule(
            "deadline: Inference has no end that could be late",
            "!has(self.deadline) || self.type != 'Inference'",
            lambda spec: spec.deadline is None or spec.type is not WorkloadType.INFERENCE,
        ),
        Rule(
            "spread: only a Deployment or Inference can run on several clusters, since a Job's pods work together",
            f"!has(self.spread) || {_IS_DEPLOYMENT}",
            lambda spec: spec.spread is None or _is_deployment(spec),
        ),
        Rule(
            "spread: there are fewer replicas than clusters to divide them over",
            "!has(self.spread) || !has(self.run) || self.spread.replicas != 'Divided' || "
            "self.run.replicas >= self.spread.clusters",
            lambda spec: (
                spec.spread is None
                or spec.run is None
                or spec.spread.replicas is not Replicas.DIVIDED
                or spec.run.replicas >= spec.spread.clusters
            ),
        ),
        Rule(
            "spread: constraints.providers.allow names fewer providers than minProviders",
            "!has(self.spread) || !has(self.constraints) || !has(self.constraints.providers) || "
            "!has(self.constraints.providers.allow) || size(self.constraints.providers.allow) == 0 || "
            "size(self.constraints.providers.allow) >= self.spread.minProviders",
            lambda spec: (
                spec.spread is None
                or not spec.constraints.providers.allow
                or len(spec.constraints.providers.allow) >= spec.spread.min_providers
            ),
        ),
        # Their CEL stands at the entries of `companions`.
        Rule(_COMPANION_KIND, None, lambda spec: all(_is_one_of(COMPANION_KINDS, c) for c in spec.companions)),
        Rule(_COMPANION_NAME, None, lambda spec: all(_metadata(c).get("name") for c in spec.companions)),
    )


class AIWorkload(Resource):
    """Work that runs on the best of many clusters, and moves when its cluster is lost."""

    spec: WorkloadSpec
    """What is to run, and what counts when a place for it is chosen."""

    RULES = (
        Rule(
            f"metadata.name: at most {MAX_NAME} characters and no dots, since pods and labels carry it",
            f"size(self.metadata.name) <= {MAX_NAME} && !self.metadata.name.contains('.')",
            lambda workload: len(workload.metadata.name) <= MAX_NAME and "." not in workload.metadata.name,
        ),
    )
