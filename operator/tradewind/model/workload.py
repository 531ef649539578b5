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


class Interconnect(StrEnum):
    """A fabric between nodes."""

    EFA = "EFA"
    INFINIBAND = "InfiniBand"
    ROCE = "RoCE"
    ANDROMEDA = "Andromeda"  # Google's, with GPUDirect-TCPX(O): no RDMA
    NVLINK = "NVLinkDomain"  # accelerators of several nodes in one NVLink domain
    RDMA = "RDMA"  # as a wish only: any fabric with RDMA


RDMA_FABRICS = frozenset({Interconnect.EFA, Interconnect.INFINIBAND, Interconnect.ROCE})


class Encryption(StrEnum):
    """What a cluster encrypts."""

    AT_REST = "AtRest"
    IN_TRANSIT = "InTransit"


class DeadlineMode(StrEnum):
    """Whether a deadline rules a place out, or makes it dearer."""

    REQUIRE = "Require"
    PREFER = "Prefer"


class Replicas(StrEnum):
    """How pods are spread over clusters."""

    DIVIDED = "Divided"  # together they are as many as the template says
    DUPLICATED = "Duplicated"  # each cluster has as many as the template says


@dataclass(frozen=True, slots=True)
class Residency:
    """Law that binds data wherever it goes: the place of a cluster, and those who operate it. Empty: any."""

    jurisdictions: frozenset[str] = frozenset()
    operator_jurisdictions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DataInput:
    """Data that the work reads; any one of the locations can serve it.

    Attributes:
        residency: binds every place that the data is read in.
        urls: addresses, as (location, address); of the locations for which somebody gave one.
    """

    name: str
    size_bytes: float
    locations: tuple[str, ...]
    access: Access = Access.STAGE
    residency: Residency = Residency()
    urls: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DatasetRef:
    """An input that a Dataset describes; `name` is what the work calls it."""

    name: str
    dataset: Key
    access: Access = Access.STAGE


@dataclass(frozen=True, slots=True)
class Dataset:
    """One Dataset: data that several workloads read.

    Attributes:
        shared_with: namespaces, beside its own, whose work may read it.
        urls: as in `DataInput`.
    """

    key: Key
    size_bytes: float
    locations: tuple[str, ...]
    residency: Residency = Residency()
    shared_with: frozenset[str] = frozenset()
    urls: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """What the work leaves at the end, and where it must be brought."""

    name: str
    size_bytes: float
    location: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """From where the work goes on after a move or an interruption.

    Attributes:
        interval_s: None where not said; Young's formula proposes one.
        locations: every checkpoint is written to all of them, and read from the best.
    """

    size_bytes: float
    locations: tuple[str, ...]
    interval_s: float | None = None


@dataclass(frozen=True, slots=True)
class Deadline:
    """When the work must be done, in seconds since the Unix epoch; the price of an hour too late is for Prefer."""

    time_s: float
    mode: DeadlineMode = DeadlineMode.PREFER
    usd_per_hour_late: float = 0.0


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits on what one workload may cost; None where there is none."""

    max_usd_per_hour: float | None = None
    max_total_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """Where requests come from; weights count relative to their sum."""

    location: str
    weight: float


@dataclass(frozen=True, slots=True)
class Spread:
    """On how many clusters the pods are to run at once, and at how many providers at least."""

    clusters: int = 1
    min_providers: int = 1
    replicas: Replicas = Replicas.DIVIDED


ONE_CLUSTER = Spread()


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
    operator_jurisdictions: AllowDeny = AllowDeny()
    certifications: frozenset[str] = frozenset()
    encryption: frozenset[Encryption] = frozenset()


@dataclass(frozen=True, slots=True)
class Workload:
    """One AIWorkload.

    Attributes:
        created_s: creation, in seconds since the Unix epoch.
        accelerator_types: any of these will do; empty means any type.
        expected_runtime_s: wall clock of the whole job on `runtime_accelerator`; None where not said.
        data: what it reads, those that Datasets describe among them once they have been looked up.
        datasets: the Datasets that it names.
        interconnect, min_node_gbps: what must connect the nodes; None and 0 where it does not matter.
        clients, max_round_trip_ms: who is served, and how far away they may be; None where it does not matter.
        kinds: what is delivered, as `apiVersion/Kind`; the member must know all of them.
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
    datasets: tuple[DatasetRef, ...] = ()
    outputs: tuple[Output, ...] = ()
    checkpoint: Checkpoint | None = None
    deadline: Deadline | None = None
    interconnect: Interconnect | None = None
    min_node_gbps: float = 0.0
    clients: tuple[Client, ...] = ()
    max_round_trip_ms: float | None = None
    spread: Spread = ONE_CLUSTER
    kinds: frozenset[str] = frozenset()
