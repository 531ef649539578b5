"""What was decided, as data: priced candidates, decisions, and the commands that carry them out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from tradewind.model.assumptions import INTERRUPTIONS_PER_HOUR, Assumptions
from tradewind.model.network import Network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.model.policy import EffectivePolicy
    from tradewind.model.workload import Key, Market, Workload


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
        keeps: shares of work that is spread which stay where they are. What is asked for is the rest: as many clusters
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
    """A share that stays: its cluster, and its pods."""

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


@dataclass(frozen=True, slots=True)
class Usd:
    """The terms of the total cost, in USD, unrounded."""

    compute: float = 0.0
    egress: float = 0.0
    loss: float = 0.0
    carbon: float = 0.0
    delay: float = 0.0
    latency: float = 0.0

    @property
    def total(self) -> float:
        """Their sum."""
        return self.compute + self.egress + self.loss + self.carbon + self.delay + self.latency


@dataclass(frozen=True, slots=True)
class Candidate:
    """One offer, priced or refused (priced as well where the refusal leaves it possible, to show what it would cost).

    Attributes:
        run_h: T_run. transfer_h: T_move. queue_h: waiting for nodes that must be provisioned. loss_h: expected to be
            lost to interruptions. All in hours.
        assumed: figures that defaults stood in for, each as a short phrase.
    """

    cluster: str
    offer: str
    market: Market
    refusals: tuple[Refusal, ...] = ()
    usd: Usd = Usd()
    run_h: float = 0.0
    transfer_h: float = 0.0
    queue_h: float = 0.0
    loss_h: float = 0.0
    grams_co2: float = 0.0
    assumed: tuple[str, ...] = ()

    @property
    def feasible(self) -> bool:
        """Whether nothing refused it."""
        return not self.refusals

    @property
    def total_usd(self) -> float:
        """The sum of all terms."""
        return self.usd.total


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the work's pods on one offer."""

    candidate: Candidate
    replicas: int


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one workload.

    Attributes:
        chosen: the candidate that gets it, or None; the first of its shares.
        shares: every offer that gets some of its pods: one, unless it is spread.
        reason: a stable CamelCase word: Placed, Unschedulable, ...
        message: one sentence.
        candidates: all offers of the fleet, cheapest feasible first, then the refused ones.
    """

    key: Key
    chosen: Candidate | None
    reason: str
    message: str
    candidates: tuple[Candidate, ...] = ()
    shares: tuple[Share, ...] = ()

    @property
    def wakes_on(self) -> frozenset[Wake]:
        """The kinds of change that are worth another look; where there is no offer at all, a new cluster is."""
        if not self.candidates:
            return frozenset({Wake.CLUSTER})
        return frozenset(refusal.wakes_on for candidate in self.candidates for refusal in candidate.refusals)
