"""AIWorkload: work that runs on the best of many clusters."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import MaxLen
from pydantic import Field

from tradewind.api.base import Model, Rule, list_atomic, list_map, list_set
from tradewind.api.parts import Failover, LabelSelector, Resource
from tradewind.api.run import Run
from tradewind.api.scalars import (
    AcceleratorName,
    DNSLabel,
    Duration,
    Flag,
    Jurisdiction,
    Location,
    ObjectName,
    Quantity,
)
from tradewind.model.kind import WorkloadType
from tradewind.model.workload import Access, Market, Tier

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


class ExpectedRuntime(Model):
    """How long the whole work takes, by the wall clock."""

    duration: Duration
    """The time on `accelerator`."""
    accelerator: AcceleratorName | None = None
    """The type that it was measured on; times on other types follow from their relative speed."""


class Data(Model):
    """Data that the work reads."""

    name: DNSLabel
    """A name for it."""
    size: Quantity
    """How much is read, in bytes."""
    locations: Annotated[tuple[Location, ...], list_set(at_most=16, at_least=1)]
    """Where it is; any of them can serve it."""
    access: Access = Access.STAGE
    """Stage: copied once, before the start. Stream: read over the run."""


class JurisdictionRule(Model):
    """Where by law."""

    allow: Annotated[tuple[Jurisdiction, ...], list_set(at_most=64)] = ()
    """Only there; absent: anywhere."""
    deny: Annotated[tuple[Jurisdiction, ...], list_set(at_most=64)] = ()
    """Never there."""


class ProviderRule(Model):
    """With whom."""

    allow: Annotated[tuple[DNSLabel, ...], list_set(at_most=64)] = ()
    """Only with these; absent: with any."""
    deny: Annotated[tuple[DNSLabel, ...], list_set(at_most=64)] = ()
    """Never with these."""


class ConstraintsSpec(Model):
    """Hard limits; they hold at every move."""

    jurisdictions: JurisdictionRule = JurisdictionRule()
    """Countries by ISO 3166-1, and the groups EU, EEA, EFTA, GCC, FVEY."""
    providers: ProviderRule = ProviderRule()
    """Providers, as FederatedClusters name them."""
    markets: Annotated[tuple[Market, ...], list_set(at_most=4)] = ()
    """How accelerators may be bought; absent: in any way."""
    tiers: Annotated[tuple[Tier, ...], list_set(at_most=3)] = ()
    """Where clusters may stand; absent: anywhere."""
    cluster_selector: LabelSelector = LabelSelector()
    """Labels that the FederatedCluster must have."""


class PolicyRef(Model):
    """A PlacementPolicy of the same namespace."""

    name: ObjectName
    """Its name."""


_OLD_IS_JOB = "(has(oldSelf.template) ? oldSelf.template.kind == 'Job' : oldSelf.type != 'Inference')"
_SAME_WORK = (
    "has(self.template) == has(oldSelf.template) && (!has(self.template) || self.template == oldSelf.template)"
    " && has(self.run) == has(oldSelf.run) && (!has(self.run) || self.run == oldSelf.run)"
)


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
    data: Annotated[tuple[Data, ...], list_map("name", at_most=32)] = ()
    """Data that it reads."""
    constraints: ConstraintsSpec = ConstraintsSpec()
    """Hard limits; they hold at every move."""
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
