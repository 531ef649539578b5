"""What is known of each declared cluster: its spec, its inside, the evidence about its health."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tradewind.model.health import UNHEARD, Judgement, Verdict
from tradewind.model.placement import Orphan
from tradewind.model.policy import Detection
from tradewind.model.workload import Key
from tradewind.outage.canary import Canary, awaited
from tradewind.outage.evidence import Evidence
from tradewind.outage.inflow import Inflow
from tradewind.state.figures import NOT_ASKED, Figure
from tradewind.state.measured import lay, written
from tradewind.state.record import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tradewind.model.fleet import Cluster, Demand, FigureState, Metric
    from tradewind.model.placement import Inventory
    from tradewind.outage.feeds.event import ProviderEvent
    from tradewind.state.measured import Measured
    from tradewind.state.member import Member
    from tradewind.state.quotas import Amounts

Manifest = dict[str, Any]
PROBATION = (Verdict.DOWN, Verdict.DEGRADED, Verdict.RECOVERING)
"""Verdicts in a status after which a cluster must be clean before it takes work."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a status says of past losses; times in seconds since the Unix epoch, 0 for none."""

    lost_at_s: float
    back_at_s: float
    up_after_s: float | None

    @staticmethod
    def of(status: Manifest) -> Past:
        """Read it."""
        up_after_s = status.get("upAfterSeconds")
        return Past(
            seconds_of(status.get("lostAt")),
            seconds_of(status.get("backAt")),
            None if up_after_s is None else float(up_after_s),
        )

    @property
    def on_probation(self) -> bool:
        """Whether it was lost, and took no work since, whatever the verdict was when the operator ended."""
        return self.lost_at_s > 0 and self.back_at_s == 0

    def laid_on(self, evidence: Evidence, *, now_s: float, clock_s: float) -> Evidence:
        """Take it into the evidence, whose clock shows `clock_s` at `now_s`, unless that knows of a later loss."""
        lost_at_s = clock_s - max(0.0, now_s - self.lost_at_s)
        if not self.lost_at_s or (evidence.lost_at_s is not None and evidence.lost_at_s >= lost_at_s):
            return evidence
        return replace(
            evidence,
            lost_at_s=lost_at_s,
            healthy_since_s=clock_s - max(0.0, now_s - self.back_at_s) if self.back_at_s else None,
            up_after_s=self.up_after_s,
        )


@dataclass(slots=True)
class ClusterEntry:
    """One FederatedCluster.

    Attributes:
        raw: the API object.
        spec: what it means; None where it can't be understood.
        problem: (reason, message) that keeps us from using it: a spec, a Secret, a kubeconfig.
        member: its inside, once there is a connection.
        uid: of its kube-system namespace, as last answered; `meant_uid` is what the status holds, and until it does
            the first that answered.
        listed: some operator of this hub has listed its copies before.
        duplicate_of: another FederatedCluster that leads to the same cluster, and counts instead of this one.
        orphans: copies of deleted workloads, to be removed when it returns.
        incidents: open events that its provider announces for its region, oldest first.
        figures: what is known of each metric by its name, with the metric that was asked for.
        measured: what they say now, laid over the spec; `told` is which states
            Events have been written of, and `laid` what `priced` was made of.
        inflow: how it takes our writes, and how many moves it is therefore given.
        canary: how it was tried out while its domain was failing; `canary_lacks` is what is said of that.
        past: what an operator before this one has written of its losses, until it is taken into the evidence.
        writing: held while its status is written, lest an older list of orphans undo a newer one.
    """

    raw: Manifest
    spec: Cluster | None
    detection: Detection = field(default_factory=Detection)
    problem: tuple[str, str] | None = None
    member: Member | None = None
    evidence: Evidence = field(default_factory=Evidence)
    health: Judgement = UNHEARD
    uid: str = ""
    meant_uid: str = ""
    version: str = ""
    listed: bool = False
    duplicate_of: str = ""
    orphans: tuple[Orphan, ...] = ()
    incidents: tuple[ProviderEvent, ...] = ()
    figures: dict[str, tuple[Metric, Figure]] = field(default_factory=dict)
    measured: tuple[Measured, ...] = ()
    told: dict[str, FigureState] = field(default_factory=dict)
    laid: tuple[Cluster | None, tuple[Measured, ...], Cluster | None] = (None, (), None)
    inflow: Inflow = field(default_factory=Inflow)
    canary: Canary = field(default_factory=Canary)
    canary_lacks: str = awaited(Canary(), now_s=0.0)
    past: Past | None = None
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def name(self) -> str:
        """The cluster's name."""
        return str(self.raw["metadata"]["name"])

    @property
    def priced(self) -> Cluster | None:
        """The spec with what is measured; the very same object until either changes."""
        spec, measured, laid = self.laid
        if spec is not self.spec or measured is not self.measured:
            laid = self.spec if self.spec is None or not self.measured else lay(self.spec, self.measured)
            self.laid = (self.spec, self.measured, laid)
        return laid

    @property
    def trouble(self) -> tuple[str, str] | None:
        """Why it can't be used at all, as (reason, message)."""
        if self.problem is None and self.duplicate_of:
            return (
                "DuplicateCluster",
                f"It is the same cluster as {self.duplicate_of}, which counts. Delete one of them.",
            )
        return self.problem

    @property
    def answers(self) -> bool:
        """Whether the last probes were answered; what is read from it is the truth only then."""
        return self.evidence.answering_since_s is not None

    @property
    def noted(self) -> bool:
        """Whether its status says that it is lost, where it is: nothing is done about what would be forgotten."""
        health = self.health
        return not health.lost or (self.raw.get("status") or {}).get("verdict") == health.verdict.value

    @property
    def rebuilt(self) -> bool:
        """Whether another cluster answers under this name: what ran on the old one is not known to be gone."""
        return self.uid not in ("", self.meant_uid)

    @property
    def ready_to_decide(self) -> bool:
        """Whether waiting longer would not teach more: it is listed, or it is known not to answer."""
        if self.problem or (self.member is not None and self.member.synced and self.uid):
            return True
        last = self.evidence.last
        return last is not None and not self.answers

    def settles(self, now_s: float) -> bool:
        """Whether it was declared a moment ago and has not been looked at yet: its offers are about to count."""
        declared_s = seconds_of(self.raw["metadata"].get("creationTimestamp"))
        if self.trouble or self.spec is None or now_s - declared_s > self.detection.down_after_one_kind_s:
            return False
        unheard = self.health.verdict is Verdict.UNKNOWN
        return unheard or (self.answers and (self.member is None or not self.member.capacity_fresh))

    def recall(self) -> None:
        """Take from the status what no look at the cluster could tell. What we have seen of it ourselves stays."""
        status = self.raw.get("status") or {}
        self.meant_uid = status.get("clusterUID") or self.meant_uid
        self.listed = self.listed or bool(status.get("inventoriedAt"))
        self.past = Past.of(status)
        was_down = self.evidence.was_down or status.get("verdict") in PROBATION or self.past.on_probation
        self.evidence = replace(self.evidence, was_down=was_down)
        left = (Orphan(Key(o["namespace"], o["name"]), o.get("uid", "")) for o in status.get("orphans") or ())
        self.orphans = tuple(dict.fromkeys((*self.orphans, *left)))

    def recall_figures(self) -> None:
        """Take what an operator before this one has written: what a jump is measured by, and what has been told.

        A status that is about an earlier spec says nothing about the metrics of this one.
        """
        status = self.raw.get("status") or {}
        if self.spec is None or status.get("observedGeneration") != self.raw["metadata"].get("generation"):
            return
        for each in written(self.spec, status):
            self.told[each.metric.name] = each.state
            if each.counts is not None:
                self.figures[each.metric.name] = each.metric, Figure(each.counts, problem=NOT_ASKED)

    def cluster(self, promised: tuple[Demand, ...], owed: Mapping[str, Amounts] | None = None) -> Cluster | None:
        """Write it as the core's Cluster, with what is free inside.

        Args:
            promised: pods of placed copies that no node shows yet.
            owed: what pods of placed copies will take from their namespaces' quotas, and have not taken yet.
        """
        spec = self.priced
        if spec is None:
            return None
        health = self.health
        if self.trouble is not None:
            health = Judgement(Verdict.UNKNOWN, *self.trouble)
        elif not self.noted:
            health = replace(health, verdict=Verdict.SUSPECT, nodes_lost=False)
        member = self.member
        if member is None:
            return replace(
                spec,
                promised=promised,
                health=health,
                known=False,
                announced=bool(self.incidents),
                canary_lacks=self.canary_lacks,
            )
        known = member.capacity_counts
        return replace(
            spec,
            nodes=member.nodes() if known else (),
            promised=promised,
            health=health,
            known=known,
            kinds=member.kinds,
            quotas=member.quotas.left(owed or {}),
            announced=bool(self.incidents),
            canary_lacks=self.canary_lacks,
        )

    def inventory(self) -> Inventory | None:
        """The copies on it; None where nothing was ever read, or not by this name. Stale unless it answers."""
        if self.member is None or not self.uid or self.duplicate_of:
            return None
        inventory = self.member.inventory()
        return replace(inventory, current=inventory.current and self.answers and not self.rebuilt)


def duplicates(entries: Iterable[ClusterEntry]) -> dict[str, str]:
    """Say of each declared cluster which older one leads to the same cluster; "" for none."""
    first: dict[str, str] = {}
    found = {}
    for entry in sorted(entries, key=lambda entry: (entry.raw["metadata"]["creationTimestamp"], entry.name)):
        uid = entry.uid or entry.meant_uid  # one that does not answer now is still the cluster that it was
        older = first.setdefault(uid, entry.name) if uid else entry.name
        found[entry.name] = "" if older == entry.name else older
    return found
