"""A small world without I/O: members that live, die and are cut off, users, and a hub that sees some of it.

What is real (`Site.copies`) and what the hub has seen of it (`Site.seen`) are kept apart, since most faults of an
operator live in between. The hub decides with the real `decide()`; what carries its steps out is a page long here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.builders import DOWN, HEALTHY, a_cluster, a_node, a_workload, an_offer, constraints

from tradewind.decide.sight import is_promised
from tradewind.model.fleet import Demand, Scheduling
from tradewind.model.health import Judgement, Verdict
from tradewind.model.kind import WorkloadType
from tradewind.model.placement import Copy, CopyState, Inventory, Move, Record
from tradewind.model.plan import Conditions
from tradewind.model.policy import EffectivePolicy, Guarantee, PolicyLayer, resolve
from tradewind.model.snapshot import Snapshot, View
from tradewind.model.workload import Checkpoint, Replicas, Spread

if TYPE_CHECKING:
    from tradewind.model.fleet import Cluster
    from tradewind.model.placement import Situation
    from tradewind.model.workload import Key, Workload

CHECKPOINT_S = 130.0
"""Any figure that a round's time is no multiple of, so that rounds meet the moments just after checkpoints."""
EACH = 8
"""Accelerators of a pod, and of a node."""
SUSPECT = Judgement(Verdict.SUSPECT, "ApiServerSilent", "Silent.")
RECOVERING = Judgement(Verdict.RECOVERING, "Recovering", "It answers again.")
NODES_LOST = Judgement(Verdict.DEGRADED, "NodesNotReady", "No node is ready.", nodes_lost=True)
ENDED = (CopyState.FINISHED,)


@dataclass
class Site:
    """A member.

    Attributes:
        up: its API server and nodes run. cut: they do, and the hub can't reach them. nodeless: no node runs.
        copies: as they are. seen: as the hub last saw them; fresh: since then nothing can have been missed.
        health: the hub's verdict. was_down: it has been Down, and not Healthy since.
        orphans: keys and uids of copies to be swept.
        draining: it is to be emptied.
    """

    name: str
    nodes: int
    usd: float
    up: bool = True
    cut: bool = False
    nodeless: bool = False
    copies: dict[Key, Copy] = field(default_factory=dict)
    bound: set[Key] = field(default_factory=set)
    seen: dict[Key, Copy] = field(default_factory=dict)
    seen_bound: set[Key] = field(default_factory=set)
    fresh: bool = True
    health: Judgement = HEALTHY
    was_down: bool = False
    orphans: set[tuple[Key, str]] = field(default_factory=set)
    draining: bool = False

    @property
    def reachable(self) -> bool:
        """Whether the hub reaches its API server."""
        return self.up and not self.cut

    @property
    def runs(self) -> bool:
        """Whether its pods run."""
        return self.up and not self.nodeless

    def look(self) -> None:
        """Let the hub see it as it is."""
        if self.reachable:
            self.seen, self.seen_bound, self.fresh = dict(self.copies), set(self.bound), True


@dataclass
class Wanted:
    """A workload as its user wants it, and what its status holds.

    Attributes:
        made: epoch and site of every copy that was ever made for it.
        made_at_end: how many had been made when its end was recorded.
        overlap_allowed: it has been AtLeastOnce at some time, so two copies may be about.
        budget_usd: the most that it may cost.
        gained: its last move for money, and which prices held then.
    """

    workload: Workload
    guarantee: Guarantee
    generation: int = 1
    deleting: bool = False
    record: Record = field(default_factory=Record)
    situation: Situation | None = None
    made: list[tuple[int, str]] = field(default_factory=list)
    made_at_end: int | None = None
    overlap_allowed: bool = False
    budget_usd: float | None = None
    gained: tuple[Move, int] | None = None

    @property
    def policy(self) -> EffectivePolicy:
        """What counts for it."""
        work = self.workload
        layer = PolicyLayer(guarantee=self.guarantee, max_total_usd=self.budget_usd)
        return resolve(work.type, workload=work.overrides, namespace=PolicyLayer(), cluster=layer)


@dataclass
class World:
    """Everything, at one time."""

    sites: dict[str, Site]
    works: dict[Key, Wanted] = field(default_factory=dict)
    now_s: float = 1_000_000.0
    serial: int = 0
    prices: int = 0

    def add(self, guarantee: Guarantee, *, kind: str, priority: int, denied: str, budget_usd: float | None) -> Wanted:
        """Let a user create a workload, perhaps under a name that was used before."""
        self.serial += 1
        name = f"w{self.serial % 9}"
        work = a_workload(
            name,
            accelerators=EACH,
            priority=priority,
            created_s=self.now_s,
            uid=f"uid-{self.serial}",
            constraints=constraints(deny_providers=(denied,) if denied else ()),
            type=WorkloadType.TRAINING if kind in ("Job", "Resumable") else WorkloadType.INFERENCE,
            runtime_h=100.0 if kind in ("Job", "Resumable") else None,
        )
        if kind == "Spread":
            # A whole pod on each, since every site has room for whole pods only.
            work = replace(work, spread=Spread(2, 1, Replicas.DUPLICATED))
        if kind == "Resumable":
            work = replace(work, checkpoint=Checkpoint(1e9, ("store/anywhere",), CHECKPOINT_S))
        overlap = guarantee is Guarantee.AT_LEAST_ONCE
        wanted = Wanted(work, guarantee, overlap_allowed=overlap, budget_usd=budget_usd)
        return self.works.setdefault(work.key, wanted)

    def fleet(self) -> list[Cluster]:
        """The clusters as the hub knows them, with what is free and promised."""
        return [
            a_cluster(
                site.name,
                provider=site.name,
                offers=(an_offer(usd=site.usd),),
                nodes=tuple(
                    a_node(f"{site.name}-{index}", free=EACH if index >= len(site.seen_bound) else 0)
                    for index in range(site.nodes)
                ),
                promised=self._promised(site),
                health=site.health,
                known=site.fresh,
                scheduling=Scheduling.DRAINING if site.draining else Scheduling.ENABLED,
            )
            for site in self.sites.values()
        ]

    def _promised(self, site: Site) -> tuple[Demand, ...]:
        count = sum(self._unbound(site, key, wanted.record) for key, wanted in self.works.items())
        return (Demand("h100", count, 0.0, 0.0, EACH, "nvidia.com/gpu"),) if count else ()

    @staticmethod
    def _unbound(site: Site, key: Key, record: Record) -> bool:
        """Whether a pod may still need a node there: of a promised copy, or of any that has not ended yet."""
        places = [place for place in record.placements if place.cluster == site.name]
        promised = any(place.state not in (CopyState.RELEASING, CopyState.FINISHED) for place in places)
        copy = site.seen.get(key)
        if copy is None or (promised and places[0].epoch != copy.epoch):
            return promised
        return copy.state in (CopyState.PENDING, CopyState.RUNNING) and key not in site.seen_bound

    def snapshot(self) -> Snapshot:
        """The picture that the hub decides on."""
        inventories = {
            site.name: Inventory(
                current=site.fresh and site.reachable,
                copies=site.seen,
                bound={(site.seen[key].workload_uid, site.seen[key].epoch): 1 for key in site.seen_bound},
            )
            for site in self.sites.values()
        }
        views = tuple(self._view(key) for key in sorted(self.works))
        return Snapshot(views, tuple(self.fleet()), inventories, conditions=Conditions(now_s=self.now_s))

    def _view(self, key: Key) -> View:
        wanted = self.works[key]
        return View(
            key=key,
            uid=wanted.workload.uid,
            generation=wanted.generation,
            workload=wanted.workload,
            policy=wanted.policy,
            record=wanted.record,
            deleting=wanted.deleting,
            copies={
                site.name: site.seen[key]
                for site in self.sites.values()
                if key in site.seen and (key, site.seen[key].workload_uid) not in site.orphans
            },
        )

    def judge(self, site: Site) -> None:
        """Let the hub's verdict on a site go one step on."""
        before = site.health
        if not site.reachable:
            site.fresh = False
            site.health = SUSPECT if before.verdict in (Verdict.HEALTHY, Verdict.RECOVERING) else DOWN
        elif site.nodeless:
            site.health = NODES_LOST
        elif site.was_down and before is not RECOVERING:
            site.health = RECOVERING
        elif not site.was_down or self._is_clean(site):
            site.health, site.was_down = HEALTHY, False
        site.was_down = site.was_down or site.health.lost

    def _is_clean(self, site: Site) -> bool:
        if not site.fresh or site.orphans:
            return False
        for key, copy in site.seen.items():
            wanted = self.works.get(key)
            recorded = wanted is not None and (wanted.record.placements or wanted.record.finished)
            if wanted and recorded and not is_promised(copy, uid=wanted.workload.uid, record=wanted.record):
                return False
        return True

    def sweep(self, site: Site) -> None:
        """Remove what was left behind by workloads that are gone."""
        if not (site.reachable and site.fresh):
            return
        for key, uid in sorted(site.orphans):
            copy = site.seen.get(key)
            if copy is None or copy.workload_uid != uid:
                site.orphans.discard((key, uid))
            else:
                self.release(copy)

    def release(self, copy: Copy) -> None:
        """Ask a copy to go, by its uid."""
        site = self.sites[copy.cluster]
        found = site.copies.get(copy.key)
        if found is None or found.object_uid != copy.object_uid:
            return
        if found.state in (CopyState.FINISHED, CopyState.PENDING):
            site.copies.pop(copy.key)
            site.bound.discard(copy.key)
        else:
            site.copies[copy.key] = replace(found, state=CopyState.RELEASING)
