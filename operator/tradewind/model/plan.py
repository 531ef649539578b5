"""What placement is asked: workloads that want places, under the conditions of a round; and why an offer is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from tradewind.model.assumptions import INTERRUPTIONS_PER_HOUR, Assumptions
from tradewind.model.network import Network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.model.policy import EffectivePolicy
    from tradewind.model.workload import Market, Workload


class Wake(StrEnum):
    """What could change a refusal; work that was refused sleeps until one of its kinds of change."""

    CAPACITY = "Capacity"  # nodes or pods of a member
    HEALTH = "Health"  # a verdict
    CLUSTER = "Cluster"  # the FederatedCluster's spec
    WORKLOAD = "Workload"  # the AIWorkload's spec: only its author can help
    CONFIG = "Config"  # a ConfigMap or Secret that the work names
    DATA = "Data"  # a Dataset: that it exists, its replicas, whom it is shared with
    PRICE = "Price"  # a price, a link or a carbon figure


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one offer can't take the work.

    Attributes:
        reason: a stable CamelCase word.
        message: what is lacking, with figures, and what would change it.
        wakes_on: which kind of change could cure it.
    """

    reason: str
    message: str
    wakes_on: Wake


@dataclass(frozen=True, slots=True)
class Ask:
    """A workload that wants a place.

    Attributes:
        vetoes: clusters that refused this workload when it was delivered, with why; by cluster name.
        resumes: it has run before: its checkpoint must be read, and counts as an input.
        left: the share of its run time that is still to come, more than 0 and at most 1.
        spent_usd: what it has cost so far, counted against its total budget.
        here: where it runs now, to be compared with other places; its own room there is free for it.
        lost: clusters that are out of the question for this round, such as the one that it flees.
        keeps: shares of work that is spread which are not asked for. What is asked for is the rest: as many clusters
            as are missing, other than these, whose providers count; of Divided work, the replicas that these leave.
    """

    workload: Workload
    policy: EffectivePolicy
    vetoes: Mapping[str, Refusal] = field(default_factory=dict)
    resumes: bool = False
    left: float = 1.0
    spent_usd: float = 0.0
    here: Here | None = None
    lost: frozenset[str] = frozenset()
    keeps: tuple[Kept, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """A share that stays, or whose copy has not ended yet: its cluster, and its pods."""

    cluster: str
    replicas: int


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds for all asks of one round, beside the fleet.

    Attributes:
        speeds: relative throughput, by accelerator type; a type that is missing counts as unknown.
        watts: power of one accelerator under load, likewise.
        interruptions_per_hour: of one node, by market, where the offer does not say its own.
        detect_s: from an interruption to its being known.
        now_s: seconds since the Unix epoch.
    """

    network: Network = field(default_factory=Network)
    speeds: Mapping[str, float] = field(default_factory=dict)
    watts: Mapping[str, float] = field(default_factory=dict)
    interruptions_per_hour: Mapping[Market, float] = field(default_factory=lambda: dict(INTERRUPTIONS_PER_HOUR))
    assumptions: Assumptions = field(default_factory=Assumptions)
    detect_s: float = 30.0
    now_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Here:
    """Where work runs: nothing has to be moved or provisioned for it to stay."""

    cluster: str
    offer: str
