"""What a user asked for, as the core sees it: plain numbers, no manifest."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tradewind.model.kind import WorkloadType
    from tradewind.model.policy import PolicyLayer


class Key(NamedTuple):
    """Namespace and name: how a namespaced object is addressed."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """Write it as kubectl does."""
        return f"{self.namespace}/{self.name}"


class Market(StrEnum):
    """How accelerators are bought."""

    ON_DEMAND = "OnDemand"
    SPOT = "Spot"
    RESERVED = "Reserved"
    OWNED = "Owned"


class Tier(StrEnum):
    """Where a cluster stands."""

    CLOUD = "Cloud"
    ON_PREM = "OnPrem"
    EDGE = "Edge"


class Access(StrEnum):
    """How data is read: copied once before the start, or over the run."""

    STAGE = "Stage"
    STREAM = "Stream"


@dataclass(frozen=True, slots=True)
class PodSet:
    """Identical pods that must all run in one cluster.

    `accelerators` is per pod; `accelerator_resource` is the extended resource asked for, such as
    `nvidia.com/gpu`, or "" for pods without.
    """

    count: int
    cpu_cores: float = 0.0
    memory_bytes: float = 0.0
    accelerators: int = 0
    accelerator_resource: str = ""

    @property
    def total_accelerators(self) -> int:
        """Accelerators of all pods."""
        return self.count * self.accelerators


@dataclass(frozen=True, slots=True)
class DataInput:
    """Data that the work reads; any one of the locations can serve it."""

    name: str
    size_bytes: float
    locations: tuple[str, ...]
    access: Access = Access.STAGE


@dataclass(frozen=True, slots=True)
class AllowDeny:
    """An allow list (empty: all) and a deny list."""

    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SelectorTerm:
    """One requirement of a label selector: In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: dict[str, str]) -> bool:
        """Whether the labels satisfy it, by the rules of Kubernetes (NotIn holds where the key is absent)."""
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value is not None and value in self.values
            case "NotIn":
                return value is None or value not in self.values
            case "Exists":
                return value is not None
            case _:
                return value is None


@dataclass(frozen=True, slots=True)
class Constraints:
    """Hard limits on where the work may be; they hold at every move, not only at first placement."""

    jurisdictions: AllowDeny = AllowDeny()
    providers: AllowDeny = AllowDeny()
    markets: frozenset[Market] = frozenset()
    tiers: frozenset[Tier] = frozenset()
    cluster_selector: tuple[SelectorTerm, ...] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    """One AIWorkload.

    Attributes:
        created_s: creation, in seconds since the Unix epoch.
        accelerator_types: any of these will do; empty means any type.
        expected_runtime_s: wall clock of the whole job on `runtime_accelerator`; None where not said.
        overrides: what the workload itself says of policy fields.
    """

    key: Key
    uid: str
    generation: int
    created_s: float
    type: WorkloadType
    pods: PodSet
    overrides: PolicyLayer
    accelerator_types: tuple[str, ...] = ()
    expected_runtime_s: float | None = None
    runtime_accelerator: str = ""
    data: tuple[DataInput, ...] = ()
    constraints: Constraints = field(default_factory=Constraints)
    priority: int = 0
    suspended: bool = False
    labels: dict[str, str] = field(default_factory=dict)
