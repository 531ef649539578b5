"""What the hub says, as the demo reads it off its watches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradewind.model.decision import Candidate, Usd
from tradewind.model.workload import Market

if TYPE_CHECKING:
    from tradewind.cli.demo_watch import Event

Manifest = dict[str, Any]

WORKLOADS = "hub aiworkloads"
CLUSTERS = "hub federatedclusters"
AT_MOST_ONCE = "AtMostOnce"
HELD = "OldCopyMayRun"
"""The reason of work that waits because its old copy may still run."""


@dataclass(frozen=True, slots=True)
class Work:
    """One AIWorkload.

    Attributes:
        cluster: "" while it has no place.
        usd: the total cost that the place was chosen for.
        detected_at: when the outage behind its last move was established, by RFC 3339; "" if it never moved.
    """

    key: str
    phase: str
    reason: str
    message: str
    guarantee: str
    cluster: str = ""
    offer: str = ""
    state: str = ""
    epoch: int = 0
    usd: float = 0.0
    detected_at: str = ""
    candidates: tuple[Manifest, ...] = ()
    refused: tuple[Manifest, ...] = ()

    @property
    def running(self) -> bool:
        """Whether its copy runs, by what is known of it."""
        return self.phase == "Running" and self.state == "Running"

    @property
    def settled(self) -> bool:
        """Whether nothing more is to come by itself: it runs, or was refused by clusters that are all known."""
        unknown = {"ClusterNotHealthy", "CapacityUnknown"}
        refused = {each["reason"] for each in self.refused}
        return self.running or (not self.cluster and bool(refused) and not refused & unknown)


@dataclass(frozen=True, slots=True)
class Member:
    """One FederatedCluster. `secret` names its kubeconfig, and so the lab's cluster."""

    name: str
    secret: str
    tier: str
    verdict: str = ""
    reason: str = ""
    message: str = ""


@dataclass(slots=True)
class Picture:
    """The hub's objects by name, as of the last event."""

    works: dict[str, Work] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)

    def take(self, event: Event) -> Work | Member | None:
        """Take one event; returns what was there before."""
        if event.obj is None or event.source not in (WORKLOADS, CLUSTERS):
            return None
        if event.source == CLUSTERS:
            member = member_of(event.obj)
            before_member = self.members.get(member.name)
            self.members[member.name] = member
            return before_member
        work = work_of(event.obj)
        before = self.works.get(work.key)
        self.works[work.key] = work
        return before

    def on(self, cluster: str) -> list[Work]:
        """List the work that is placed on a cluster."""
        return [work for work in self.works.values() if work.cluster == cluster]


def candidate_of(each: Manifest) -> Candidate:
    """Read one of the candidates that a status shows."""
    usd = {name: float(amount) for name, amount in each["usd"].items()}
    return Candidate(
        cluster=each["cluster"],
        offer=each["offer"],
        market=Market(each["market"]),
        usd=Usd(**usd),
        run_h=float(each["runHours"]),
        transfer_h=float(each["transferHours"]),
        loss_h=float(each.get("lossHours") or 0),
        grams_co2=float(each.get("gramsCO2") or 0),
    )


def terms_of(work: Work) -> dict[str, float]:
    """Read the terms of the price that its place was chosen for, in USD; empty where the status does not show them."""
    chosen = next((each for each in work.candidates if each.get("chosen")), {})
    return {name: float(usd) for name, usd in (chosen.get("usd") or {}).items()}


def work_of(obj: Manifest) -> Work:
    """Read an AIWorkload."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    ready: Manifest = next((each for each in status.get("conditions") or () if each["type"] == "Ready"), {})
    place: Manifest = next(iter(status.get("placements") or ()), {})
    return Work(
        key=f"{metadata['namespace']}/{metadata['name']}",
        phase=status.get("phase", ""),
        reason=ready.get("reason", ""),
        message=ready.get("message", ""),
        guarantee=(status.get("effective") or {}).get("guarantee", ""),
        cluster=place.get("cluster", ""),
        offer=place.get("offer", ""),
        state=place.get("state", ""),
        epoch=int(status.get("epoch") or 0),
        usd=float(place.get("totalUSD") or 0),
        detected_at=next((move.get("detectedAt", "") for move in status.get("moves") or ()), ""),
        candidates=tuple(status.get("candidates") or ()),
        refused=tuple(status.get("refused") or ()),
    )


def member_of(obj: Manifest) -> Member:
    """Read a FederatedCluster."""
    spec, status = obj["spec"], obj.get("status") or {}
    return Member(
        name=obj["metadata"]["name"],
        secret=spec["connection"]["kubeconfigSecretRef"]["name"],
        tier=spec.get("tier", "Cloud"),
        verdict=status.get("verdict", ""),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
    )
