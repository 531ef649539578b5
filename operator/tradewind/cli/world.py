"""What `plan` and `explain` decide on: asks, fleet, network, from manifests or from a live hub."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from tradewind.model.decision import Decision
from tradewind.model.plan import Ask, Conditions
from tradewind.placement.engine import plan
from tradewind.state.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tradewind.model.fleet import Cluster
    from tradewind.model.workload import Key
    from tradewind.state.hub import WorkloadEntry

Manifest = dict[str, Any]

SUSPENDED = "Suspended"
# Every API server has these two; a file need not bring them.
SYSTEM_PRIORITIES: tuple[Manifest, ...] = (
    {"metadata": {"name": "system-cluster-critical"}, "value": 2_000_000_000},
    {"metadata": {"name": "system-node-critical"}, "value": 2_000_001_000},
)


@dataclass(frozen=True, slots=True)
class World:
    """One picture to plan on.

    Attributes:
        asks: workloads to find a place for, all together.
        settled: workloads for which there is nothing to plan, each with the reason.
        manifests: the AIWorkloads by key. clusters: the FederatedClusters by name.
        notes: what the reader of a plan should know about the picture, one sentence each.
    """

    asks: tuple[Ask, ...]
    settled: tuple[Decision, ...]
    fleet: tuple[Cluster, ...]
    conditions: Conditions
    manifests: Mapping[Key, Manifest]
    clusters: Mapping[str, Manifest]
    notes: tuple[str, ...] = ()

    @property
    def asked(self) -> dict[Key, Ask]:
        """The asks by key."""
        return {ask.workload.key: ask for ask in self.asks}

    def decide(self) -> list[Decision]:
        """Plan everything; by namespace and name."""
        decided = plan(self.asks, fleet=self.fleet, conditions=self.conditions)
        return sorted((*decided, *self.settled), key=lambda decision: decision.key)


@dataclass(frozen=True, slots=True)
class Objects:
    """Manifests by what they are for, from files, from a hub, or from both.

    Attributes:
        tables: ConfigMaps that may hold links.
    """

    workloads: tuple[Manifest, ...] = ()
    clusters: tuple[Manifest, ...] = ()
    maps: tuple[Manifest, ...] = ()
    cluster_policies: tuple[Manifest, ...] = ()
    policies: tuple[Manifest, ...] = ()
    datasets: tuple[Manifest, ...] = ()
    priority_classes: tuple[Manifest, ...] = ()
    tables: tuple[Manifest, ...] = ()

    def over(self, other: Objects) -> Objects:
        """Lay these over others: of two with the same namespace and name, this one counts."""
        names = [one.name for one in fields(Objects)]
        return Objects(**{name: _over(getattr(self, name), getattr(other, name)) for name in names})


def hub_of(objects: Objects) -> Hub:
    """Read the objects as the operator would.

    A policy or network that can't be used is left out, and named in the hub's `problems`.
    """
    hub = Hub()
    for policy in objects.cluster_policies:
        hub.see_cluster_policy(policy)
    for policy in objects.policies:
        hub.see_policy(policy, deleted=False)
    hub.see_priority_classes([*SYSTEM_PRIORITIES, *objects.priority_classes])
    hub.maps.see_tables(list(objects.tables))
    for one in objects.maps:
        hub.maps.see(one, deleted=False)
    for dataset in objects.datasets:
        hub.see_dataset(dataset, deleted=False)
    for workload in objects.workloads:
        hub.see_workload(workload)
    return hub


def world_of(hub: Hub, *, keys: Iterable[Key], fleet: Iterable[Cluster], objects: Objects, now_s: float) -> World:
    """Put a world together; what can't be planned is settled with its reason."""
    asks, settled = [], []
    for key in keys:
        outcome = _ask(hub, key, hub.workloads[key])
        if isinstance(outcome, Ask):
            asks.append(outcome)
        else:
            settled.append(outcome)
    return World(
        asks=tuple(asks),
        settled=tuple(settled),
        fleet=tuple(fleet),
        conditions=hub.conditions(now_s=now_s),
        manifests={key: entry.raw for key, entry in hub.workloads.items()},
        clusters={obj["metadata"]["name"]: obj for obj in objects.clusters},
        notes=tuple(
            f"{kind} {name} is left out: {problem.removeprefix(f'{kind}/{name}: ')}"
            for (kind, name), problem in sorted(hub.problems.items())
        ),
    )


def _ask(hub: Hub, key: Key, entry: WorkloadEntry) -> Ask | Decision:
    workload, policy, problem = hub.understand(entry)
    if workload is None or policy is None:
        reason, message = (problem.reason, problem.message) if problem else ("InvalidSpec", "it can't be read")
        return Decision(key, None, reason, message)
    if workload.suspended:
        return Decision(key, None, SUSPENDED, "spec.suspend is true: nothing runs until it is false")
    return Ask(workload, policy)


def _over(these: tuple[Manifest, ...], others: tuple[Manifest, ...]) -> tuple[Manifest, ...]:
    stored = {_identity(obj): obj for obj in others}
    mine = [_applied(obj, stored.pop(_identity(obj), None)) for obj in these]
    return (*mine, *stored.values())


def _applied(obj: Manifest, stored: Manifest | None) -> Manifest:
    """Give an object what it would keep if it were applied: who it is, and what it has come to."""
    if stored is None:
        return obj
    kept = {name: value for name, value in stored["metadata"].items() if name in ("uid", "creationTimestamp")}
    return {**obj, "metadata": obj["metadata"] | kept, "status": stored.get("status") or {}}


def _identity(obj: Manifest) -> tuple[str, str]:
    metadata = obj["metadata"]
    return metadata.get("namespace") or "", metadata["name"]
