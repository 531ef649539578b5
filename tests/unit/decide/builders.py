"""One workload before the decision, in a fleet of three clusters that all could take it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tests.builders import DOWN, HEALTHY, a_cluster, a_node, a_workload, an_offer

from tradewind.decide.plan import decide
from tradewind.model.fleet import Scheduling
from tradewind.model.health import Judgement, Verdict
from tradewind.model.kind import WorkloadType
from tradewind.model.placement import Copy, CopyState, Finished, Inventory, Move, Placement, Record, Situation
from tradewind.model.plan import Conditions
from tradewind.model.policy import ClusterPolicy, Guarantee, Mode, PolicyLayer, Rebalance, resolve
from tradewind.model.snapshot import Snapshot, View
from tradewind.model.workload import Checkpoint, Market

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.decide.step import Step
    from tradewind.model.fleet import Cluster
    from tradewind.model.plan import Refusal
    from tradewind.model.workload import Workload

NOW_S = 1_000_000.0
AMO, ALO = Guarantee.AT_MOST_ONCE, Guarantee.AT_LEAST_ONCE
RUNNING, PENDING, DELIVERING = CopyState.RUNNING, CopyState.PENDING, CopyState.DELIVERING
RELEASING, FINISHED = CopyState.RELEASING, CopyState.FINISHED
RESERVED, LEAVING = CopyState.RESERVED, CopyState.LEAVING
SUSPECT = Judgement(Verdict.SUSPECT, "ApiServerSilent", "Silent, not yet for 30s.")
RECOVERING = Judgement(Verdict.RECOVERING, "Recovering", "It answers again.")
CREDENTIALS = Judgement(Verdict.CREDENTIALS_INVALID, "CredentialsInvalid", "Renew its Secret.")
NODES_LOST = Judgement(Verdict.DEGRADED, "NodesNotReady", "Not one node is ready.", nodes_lost=True)
ANSWERS = {Verdict.HEALTHY, Verdict.RECOVERING, Verdict.DEGRADED}
PRICES = {"aws": 1.0, "gcp": 2.0, "own": 3.0}
UID = "uid-research-train"


def at(
    cluster: str = "aws",
    *,
    epoch: int = 1,
    state: CopyState = RUNNING,
    generation: int = 1,
    market: Market = Market.ON_DEMAND,
    replicas: int = 1,
    ran_s: float | None = None,
    usd_per_hour: float = 0.0,
) -> Placement:
    """Make a recorded place, decided ten minutes ago; `ran_s` is for how long its copy has run."""
    place = Placement(cluster, "h100", market, replicas, epoch, generation, state, since_s=NOW_S - 600)
    since_s = 0.0 if ran_s is None else NOW_S - ran_s
    return replace(place, running_since_s=since_s, usd_per_hour=usd_per_hour)


def recorded(
    *placements: Placement,
    epoch: int | None = None,
    moves: tuple[Move, ...] = (),
    finished: Finished | None = None,
    adopted_uid: str = "",
    spent_usd: float = 0.0,
    settled_s: float = 0.0,
    done: float = 0.0,
) -> Record:
    """Make a record; its epoch is that of its place."""
    highest = max((placement.epoch for placement in placements), default=0)
    known = highest if epoch is None else epoch
    return Record(known, placements, moves, finished, adopted_uid, spent_usd, settled_s, done)


def a_job(*, every_s: float | None = 1800.0, runtime_h: float | None = 10.0, **more: Any) -> Workload:
    """Make a job that writes a checkpoint of a gigabyte so often."""
    return replace(a_workload(runtime_h=runtime_h, **more), checkpoint=Checkpoint(1e9, ("aws/here",), every_s))


def a_service(*, replicas: int = 1, **more: Any) -> Workload:
    """Make a Deployment, without an end."""
    return a_workload(type=WorkloadType.INFERENCE, runtime_h=None, pods=replicas, **more)


def copy_at(
    cluster: str = "aws",
    *,
    epoch: int = 1,
    state: CopyState = RUNNING,
    generation: int = 1,
    succeeded: bool | None = None,
    workload: Workload | None = None,
    uid: str | None = None,
    pods: int = 1,
    kind: str = "Job",
) -> Copy:
    """Make a copy as its member shows it."""
    key = (workload or a_workload()).key
    return Copy(
        cluster=cluster,
        kind=kind,
        key=key,
        object_uid=f"object-{cluster}-{key.name}-{epoch}",
        workload_uid=(workload or a_workload()).uid if uid is None else uid,
        epoch=epoch,
        offer="h100",
        market="OnDemand",
        generation=generation,
        state=FINISHED if succeeded is not None else state,
        succeeded=succeeded,
        pods_wanted=0 if succeeded is not None else pods,
    )


def a_member(name: str, *, health: Judgement = HEALTHY, nodes: int = 1, usd: float | None = None) -> Cluster:
    """Make a cluster with so many nodes of eight accelerators; by default aws is the cheapest, then gcp, then own."""
    return a_cluster(
        name,
        provider=name,
        region="here",
        offers=(an_offer(usd=PRICES.get(name, 9.0) if usd is None else usd),),
        nodes=tuple(a_node(f"{name}-{index}") for index in range(nodes)),
        health=health,
    )


@dataclass(frozen=True)
class Scene:
    """One workload, and a fleet given as names with their health.

    Attributes:
        blind: clusters whose list is not fresh, whatever their health says.
        draining: clusters that are to be emptied.
        usd: prices of an accelerator and hour that are not the usual ones.
        layer: what the cluster's policy says, beside guarantee and mode.
    """

    record: Record = field(default_factory=Record)
    copies: tuple[Copy, ...] = ()
    health: Mapping[str, Judgement] = field(default_factory=dict)
    guarantee: Guarantee = AMO
    mode: Mode = Mode.ENFORCE
    deleting: bool = False
    problem: Refusal | None = None
    vetoes: Mapping[str, Refusal] = field(default_factory=dict)
    workload: Workload = field(default_factory=a_workload)
    generation: int = 1
    blind: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    unlisted: frozenset[str] = frozenset()
    rebuilt: bool = False
    settling: frozenset[str] = frozenset()
    delivered_s: float = 0.0
    changed_s: float = 0.0
    forgotten: bool = False
    tokens: int = 100
    nodes: int = 1
    draining: frozenset[str] = frozenset()
    usd: Mapping[str, float] = field(default_factory=dict)
    layer: PolicyLayer = field(default_factory=PolicyLayer)
    rebalance: Rebalance = field(default_factory=Rebalance)
    saving_tokens: int = 100
    now_s: float = NOW_S
    bound: Mapping[tuple[str, int], int] = field(default_factory=dict)

    def fleet(self) -> tuple[Cluster, ...]:
        """The declared clusters."""
        return tuple(
            replace(
                a_member(name, health=self.health.get(name, HEALTHY), nodes=self.nodes, usd=self.usd.get(name)),
                scheduling=Scheduling.DRAINING if name in self.draining else Scheduling.ENABLED,
            )
            for name in PRICES
            if name not in self.absent
        )

    def inventories(self, fleet: tuple[Cluster, ...]) -> dict[str, Inventory]:
        """What their lists say; those that do not answer are not current."""
        return {
            cluster.name: Inventory(
                current=cluster.health.verdict in ANSWERS and cluster.name not in self.blind,
                copies={copy.key: copy for copy in self.copies if copy.cluster == cluster.name},
                bound=self.bound,
            )
            for cluster in fleet
        }

    def snapshot(self) -> Snapshot:
        """The picture."""
        fleet, work = self.fleet(), self.workload
        layer = replace(self.layer, guarantee=self.guarantee, mode=self.mode)
        policy = resolve(work.type, workload=work.overrides, namespace=PolicyLayer(), cluster=layer)
        view = View(
            key=work.key,
            uid=work.uid,
            generation=self.generation,
            workload=None if self.problem else work,
            policy=None if self.problem else policy,
            record=self.record,
            problem=self.problem,
            deleting=self.deleting,
            copies={copy.cluster: copy for copy in self.copies},
            vetoes=self.vetoes,
            delivered_s=self.delivered_s,
            changed_s=self.changed_s,
            forgotten=self.forgotten,
        )
        return Snapshot(
            views=(view,),
            fleet=fleet,
            inventories=self.inventories(fleet),
            unlisted=self.unlisted,
            rebuilt=self.rebuilt,
            settling=self.settling,
            policy=ClusterPolicy(rebalance=self.rebalance),
            conditions=Conditions(now_s=self.now_s),
        )

    def step(self) -> Step:
        """What is decided."""
        (step,) = decide(self.snapshot(), move_tokens=self.tokens, saving_tokens=self.saving_tokens)
        return step

    def then(self, step: Step) -> Scene:
        """The same scene, once the record of a step has been written and nothing else has happened."""
        return replace(self, record=step.record)


def said(step: Step) -> Situation:
    """What a step says, where it says anything."""
    assert step.situation is not None
    return step.situation


def _delivered(step: Step) -> tuple[str, int] | list[tuple[str, int]]:
    """Where copies are made, each with its epoch; of one copy just that."""
    made = [(place.cluster, place.epoch) for place in step.deliver]
    return made[0] if len(made) == 1 else made


def summary(step: Step) -> dict[str, object]:
    """Say in short what a step does, leaving out what it does not do."""
    told: dict[str, object] = {
        "reason": step.situation and step.situation.reason,
        "deliver": _delivered(step),
        "release": sorted(copy.cluster for copy in step.release),
        "left": [(place.cluster, place.epoch, place.state.value) for place in step.record.placements],
        "forget": step.forget,
        "abandon": list(step.abandon),
    }
    return {key: value for key, value in told.items() if value}


__all__ = ["DOWN", "HEALTHY"]
