"""The kinds: names, scope and printed columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.api.cluster import FederatedCluster
from tradewind.api.cluster_status import ClusterStatus
from tradewind.api.dataset import Dataset, DatasetStatus
from tradewind.api.network import NetworkMap, NetworkStatus
from tradewind.api.policy import ClusterPlacementPolicy, ClusterPolicyStatus, PlacementPolicy, PolicyStatus
from tradewind.api.workload import AIWorkload
from tradewind.api.workload_status import WorkloadStatus

if TYPE_CHECKING:
    from tradewind.api.parts import Resource, Status


@dataclass(frozen=True, slots=True)
class Column:
    """A column that kubectl prints; priority 1 only with `-o wide`."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource."""

    name: str
    plural: str
    short: str
    model: type[Resource]
    status: type[Status]
    columns: tuple[Column, ...]
    namespaced: bool = False


def _ready(field: str, *, priority: int = 0) -> Column:
    return Column(
        "Ready" if field == "status" else "Reason", f'.status.conditions[?(@.type=="Ready")].{field}', priority=priority
    )


_AGE = Column("Age", ".metadata.creationTimestamp", "date")

KINDS = (
    Kind(
        "AIWorkload",
        "aiworkloads",
        "aiw",
        AIWorkload,
        WorkloadStatus,
        (
            Column("Type", ".spec.type", priority=1),
            Column("Phase", ".status.phase"),
            Column("Cluster", ".status.placements[0].cluster"),
            Column("Offer", ".status.placements[0].offer"),
            Column("USD", ".status.placements[0].totalUSD"),
            _ready("reason", priority=1),
            Column("Epoch", ".status.epoch", "integer", 1),
            _AGE,
        ),
        namespaced=True,
    ),
    Kind(
        "Dataset",
        "datasets",
        "dset",
        Dataset,
        DatasetStatus,
        (
            _ready("status"),
            Column("Size", ".spec.size"),
            Column("Law", ".spec.residency.jurisdictions"),
            Column("Read by", ".status.readBy", "integer"),
            Column("Shared with", ".spec.sharedWith.namespaces", priority=1),
            _ready("reason", priority=1),
            _AGE,
        ),
        namespaced=True,
    ),
    Kind(
        "FederatedCluster",
        "federatedclusters",
        "fc",
        FederatedCluster,
        ClusterStatus,
        (
            Column("Provider", ".spec.provider"),
            Column("Region", ".spec.region"),
            Column("Verdict", ".status.verdict"),
            Column("Work", ".status.workloads", "integer"),
            Column("USD/h", ".status.usdPerHour"),
            Column("Scheduling", ".spec.scheduling", priority=1),
            Column("Reason", ".status.reason", priority=1),
            Column("Version", ".status.kubernetesVersion", priority=1),
            _AGE,
        ),
    ),
    Kind(
        "NetworkMap",
        "networkmaps",
        "nmap",
        NetworkMap,
        NetworkStatus,
        (_ready("status"), Column("Links", ".status.links", "integer"), _ready("reason", priority=1), _AGE),
    ),
    Kind(
        "ClusterPlacementPolicy",
        "clusterplacementpolicies",
        "cpp",
        ClusterPlacementPolicy,
        ClusterPolicyStatus,
        (
            _ready("status"),
            Column("Mode", ".spec.mode"),
            Column("Down after", ".spec.detection.downAfterOneKind", priority=1),
            _ready("reason", priority=1),
            _AGE,
        ),
    ),
    Kind(
        "PlacementPolicy",
        "placementpolicies",
        "pp",
        PlacementPolicy,
        PolicyStatus,
        (
            _ready("status"),
            Column("Mode", ".spec.mode"),
            Column("USD/delay hour", ".spec.prices.usdPerDelayHour"),
            Column("Guarantee", ".spec.failover.guarantee", priority=1),
            _ready("reason", priority=1),
            _AGE,
        ),
        namespaced=True,
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}
