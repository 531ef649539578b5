"""The clusters: what can be had on each, at what price, and what is free."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING

from tradewind.model.health import UNHEARD, Judgement
from tradewind.model.workload import Encryption, Interconnect, Market, Tier

if TYPE_CHECKING:
    from collections.abc import Mapping


class Scheduling(StrEnum):
    """What the cluster's owner allows."""

    ENABLED = "Enabled"
    CORDONED = "Cordoned"  # no new work
    DRAINING = "Draining"  # no new work, and what runs here leaves at its next checkpoint


@dataclass(frozen=True, slots=True)
class Taint:
    """A node's taint."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True)
class Toleration:
    """A pod's toleration; an empty key with Exists tolerates everything."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""

    def tolerates(self, taint: Taint) -> bool:
        """Whether it covers the taint, by the rules of Kubernetes."""
        if self.effect and self.effect != taint.effect:
            return False
        if not self.key:
            return self.operator == "Exists"
        return self.key == taint.key and (self.operator == "Exists" or self.value == taint.value)


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be had on a cluster, at what price, and how to ask for it.

    Attributes:
        accelerator: the type, or "" for CPU only.
        per_node: accelerators on one node.
        usd_per_accelerator_hour: price of one accelerator; 0 where `accelerator` is "".
        usd_per_cpu_hour: price of one core, for work without accelerators.
        max_nodes: the pool may grow to this from zero; None means only nodes that exist.
        provisioning_s: from asking for a node to its being ready.
        node_selector: from `podPatch`: which nodes the offer speaks of.
        tolerations: from `podPatch`: which taints its pods accept.
        node_cpu_cores, node_memory_bytes: what a new node brings; infinite where not said.
        interconnect: the fabric between its nodes; None where not said. node_gbps: its bandwidth per node; 0 likewise.
        interruptions_per_hour: of one node; None where not said, then the policy's for the market counts.
        assumed: what is to be known about its figures, such as that a measured price is too old, each as a phrase.
    """

    name: str
    market: Market
    accelerator: str = ""
    per_node: int = 0
    usd_per_accelerator_hour: float = 0.0
    usd_per_cpu_hour: float = 0.0
    max_nodes: int | None = None
    provisioning_s: float = 0.0
    node_selector: dict[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    node_cpu_cores: float = inf
    node_memory_bytes: float = inf
    interconnect: Interconnect | None = None
    node_gbps: float = 0.0
    interruptions_per_hour: float | None = None
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a member: what it is, and what is free on it.

    Attributes:
        accelerator: the type by its labels; "" if it has none or none that is known.
        accelerator_resource: the extended resource it offers, such as `nvidia.com/gpu`.
    """

    name: str
    labels: dict[str, str]
    ready: bool = True
    schedulable: bool = True
    accelerator: str = ""
    accelerator_resource: str = ""
    free_accelerators: int = 0
    free_cpu_cores: float = inf
    free_memory_bytes: float = inf
    free_pods: int = 110
    taints: tuple[Taint, ...] = ()


@dataclass(frozen=True, slots=True)
class Demand:
    """Pods that a copy is going to have on an offer's nodes, though no node shows them yet."""

    offer: str
    count: int
    cpu_cores: float
    memory_bytes: float
    accelerators: int
    accelerator_resource: str


@dataclass(frozen=True, slots=True)
class Certification:
    """What an auditor has confirmed; `valid_until_s` in seconds since the Unix epoch, infinite where not said."""

    name: str
    valid_until_s: float = inf


@dataclass(frozen=True, slots=True)
class Carbon:
    """What the power costs the climate; None where not said, then the policy's pessimistic assumption counts.

    Attributes:
        assumed: as in `Offer`.
    """

    grams_co2_per_kwh: float | None = None
    pue: float | None = None
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quota:
    """What ResourceQuotas leave to a namespace of a member, by the pods' resource names (`cpu`, `nvidia.com/gpu`)."""

    namespace: str
    free: Mapping[str, float]


class MetricField(StrEnum):
    """A figure that can be measured: of an offer, or of its cluster."""

    USD_PER_ACCELERATOR_HOUR = "usdPerAcceleratorHour"
    USD_PER_CPU_HOUR = "usdPerCPUHour"
    INTERRUPTIONS_PER_HOUR = "interruptionsPerHour"
    GRAMS_CO2_PER_KWH = "gramsCO2PerKWh"
    PUE = "pue"


CLUSTER_METRICS = frozenset({MetricField.GRAMS_CO2_PER_KWH, MetricField.PUE})
"""The figures that belong to the cluster; all others belong to one of its offers."""


class FigureState(StrEnum):
    """What is to be said of a measured figure."""

    FRESH = "Fresh"  # the last answer is believed
    STALE = "Stale"  # it was believed, and nothing younger than maxAge has come since
    INVALID = "Invalid"  # the server answered, with something that can't be this figure
    UNAVAILABLE = "Unavailable"  # the server did not answer
    JUMP = "Jump"  # it differs too much from what is believed, and has not been seen often enough


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure that a Prometheus server measures, in place of the one in the spec.

    Attributes:
        offer: whose figure it is; "" for one of the cluster's own.
        url: the server; "" for the one that the cluster's policy names.
        max_age_s: how old a sample may be; with an older one the figure of the spec counts again, and says so.
    """

    name: str
    field: MetricField
    query: str
    offer: str = ""
    url: str = ""
    max_age_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """One FederatedCluster with what is known of its inside.

    Attributes:
        operator_jurisdictions: whose courts can compel those who operate it; empty where nobody has said.
        kinds: what its API server knows, as `apiVersion/Kind`; None where that has not been read.
        metrics: figures to be read from Prometheus.
        convicted: why its region or provider counts as failing; "" where it does not. Then it is a last resort.
        announced: its provider announces an outage or a disruption there.
        canary_lacks: what it must still show before it may be a last resort; "" where it has, or need not.
        promised: demands of copies that are placed here and not yet bound to nodes.
        known: whether nodes and pods have been read; without it nothing is free.
    """

    name: str
    provider: str
    region: str
    tier: Tier = Tier.CLOUD
    jurisdiction: str = ""
    scheduling: Scheduling = Scheduling.ENABLED
    labels: dict[str, str] = field(default_factory=dict)
    offers: tuple[Offer, ...] = ()
    nodes: tuple[Node, ...] = ()
    promised: tuple[Demand, ...] = ()
    health: Judgement = UNHEARD
    known: bool = True
    operator_jurisdictions: frozenset[str] = frozenset()
    certifications: tuple[Certification, ...] = ()
    encryption: frozenset[Encryption] = frozenset()
    carbon: Carbon = Carbon()
    kinds: frozenset[str] | None = None
    quotas: tuple[Quota, ...] = ()
    metrics: tuple[Metric, ...] = ()
    convicted: str = ""
    announced: bool = False
    canary_lacks: str = ""

    @property
    def location(self) -> str:
        """Its place in a NetworkMap: `provider/region`."""
        return f"{self.provider}/{self.region}"
