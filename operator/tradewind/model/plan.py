"""What was decided, as data: priced candidates, decisions, and the commands that carry them out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

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
    """

    workload: Workload
    policy: EffectivePolicy
    vetoes: Mapping[str, Refusal] = field(default_factory=dict)


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
        run_h: T_run. transfer_h: T_move. queue_h: waiting for nodes that must be provisioned. All in hours.
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
class Decision:
    """The outcome for one workload.

    Attributes:
        chosen: the candidate that gets it, or None.
        reason: a stable CamelCase word: Placed, Unschedulable, ...
        message: one sentence.
        candidates: all offers of the fleet, cheapest feasible first, then the refused ones.
    """

    key: Key
    chosen: Candidate | None
    reason: str
    message: str
    candidates: tuple[Candidate, ...] = ()

    @property
    def wakes_on(self) -> frozenset[Wake]:
        """The kinds of change that are worth another look; where there is no offer at all, a new cluster is."""
        if not self.candidates:
            return frozenset({Wake.CLUSTER})
        return frozenset(refusal.wakes_on for candidate in self.candidates for refusal in candidate.refusals)
