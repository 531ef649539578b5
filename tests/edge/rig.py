"""The operator's core on fake API servers: the real state, decisions and executor over HTTP, with a clock of our own.

Watches are replaced by direct calls, so that a test decides what has been seen: `Rig.blind` holds news back.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.edge.fakeapi import FakeApi

from tradewind.apply.events import EventWriter
from tradewind.apply.executor import Executor
from tradewind.apply.report import Report
from tradewind.decide.plan import decide
from tradewind.kube.fence import unfenced
from tradewind.model.health import Judgement, Verdict
from tradewind.model.workload import Key
from tradewind.state.copies import HUB_LABEL
from tradewind.state.picture import snapshot
from tradewind.state.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tradewind.decide.step import Step
    from tradewind.kube.client import ApiServer
    from tradewind.state.hub import WorkloadEntry

Manifest = dict[str, Any]
WORKLOADS = "tradewind.dev/v1alpha1/aiworkloads"
CLUSTERS = "tradewind.dev/v1alpha1/federatedclusters"
JOBS, DEPLOYMENTS = "batch/v1/jobs", "apps/v1/deployments"
HEALTHY = Judgement(Verdict.HEALTHY, "Answering", "The API server answers.")
DOWN = Judgement(Verdict.DOWN, "ApiServerSilent", "No answer.")
KEY = Key("research", "train")


def a_job(name: str = "train", **spec: Any) -> Manifest:
    """Make an AIWorkload of one pod with one accelerator."""
    container = {"name": "main", "image": "trainer:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    pod = {"restartPolicy": "Never", "containers": [container]}
    template = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": pod}}}
    return {
        "apiVersion": "tradewind.dev/v1alpha1",
        "kind": "AIWorkload",
        "metadata": {"name": name, "namespace": "research"},
        "spec": {"type": "Training", "template": template, **spec},
    }


def with_pod(workload: Manifest, **pod: Any) -> Manifest:
    """Add fields to the pods of a workload, and to their container by `container`."""
    spec = workload["spec"]["template"]["spec"]["template"]["spec"]
    spec["containers"][0] |= pod.pop("container", {})
    spec |= pod
    return workload


def a_server(name: str = "chat", **spec: Any) -> Manifest:
    """Make an AIWorkload that serves, with AtLeastOnce by its type."""
    run = {"image": "vllm:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}, "ports": [8000]}
    return {**a_job(name), "spec": {"type": "Inference", "run": run, **spec}}


def a_cluster(name: str, *, usd: str) -> Manifest:
    """Make a FederatedCluster."""
    offer = {
        "name": "h100",
        "accelerator": "H100-80GB",
        "perNode": 8,
        "market": "OnDemand",
        "usdPerAcceleratorHour": usd,
    }
    return {
        "apiVersion": "tradewind.dev/v1alpha1",
        "kind": "FederatedCluster",
        "metadata": {"name": name},
        "spec": {
            "provider": name,
            "region": "here",
            "connection": {"kubeconfigSecretRef": {"name": name}},
            "offers": [offer],
        },
    }


def a_node(name: str = "node-1", accelerators: int = 8) -> Manifest:
    """Make a node."""
    return {
        "metadata": {"name": name, "labels": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}},
        "status": {
            "allocatable": {"cpu": "64", "memory": "512Gi", "pods": "110", "nvidia.com/gpu": str(accelerators)},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


class Rig:
    """A hub and members, with what the operator makes of them."""

    def __init__(self, hub: FakeApi, members: dict[str, FakeApi]) -> None:
        self.hub = hub
        self.members = members
        self.store = Store(wall=lambda: self.now_s)
        self.now_s = 1_800_000_000.0
        self.blind: set[str] = set()
        self.counted: list[str] = []
        self.phases: list[str] = []
        self.rounds = 0
        self.fence = unfenced()
        self._clients = {name: member.client(fence=self.fence) for name, member in members.items()}
        client = hub.client(fence=self.fence)
        self.events = EventWriter(client)
        report = Report(self.events, self, wall=lambda: self.now_s)
        self.executor = Executor(self.store, client, self, report, hub_name="default", wall=lambda: self.now_s)
        hub.objects.listeners.append(self._hub_changed)
        for name, member in members.items():
            self._declare(name, member)

    # What the executor asks of the rest.

    def server(self, cluster: str) -> ApiServer | None:
        """Find a member's client."""
        return self._clients.get(cluster)

    def may_write(self) -> bool:
        """Whether this operator leads."""
        return self.leads

    @property
    def leads(self) -> bool:
        """Whether this operator leads; set it to let it lead or not."""
        return self.fence.is_open

    @leads.setter
    def leads(self, value: bool) -> None:
        self.fence.open(math.inf if value else -math.inf)

    def placed(self, seconds: float) -> None:
        """Count a placement."""
        self.counted.append(f"placed {seconds:.0f}")

    def moved(self, seconds: float) -> None:
        """Count a move."""
        self.counted.append(f"moved {seconds:.0f}")

    def passed(self, phase: str, seconds: float) -> None:
        """Count a phase of a move."""
        self.phases.append(f"{phase} {seconds:.0f}")

    # What happens.

    def _declare(self, name: str, member: FakeApi) -> None:
        usd = f"{len(self.store.clusters) + 1}.0"
        known = self.hub.objects.get(CLUSTERS, "", name)
        entry = self.store.see_cluster(known or self.hub.objects.put(CLUSTERS, a_cluster(name, usd=usd)))
        assert entry is not None
        self.store.connect(entry)
        self.store.identify(entry, f"kube-system-of-{name}")
        entry.listed = True
        if not member.objects.names("v1/nodes"):
            member.objects.put("v1/nodes", a_node())
        member.objects.linger |= {JOBS, DEPLOYMENTS}
        member.objects.listeners.append(lambda path, kind, item: self._member_changed(name, path, kind, item))
        self.judge(name, HEALTHY, noted=False)  # there is nothing to note yet
        self.look(name)

    def _hub_changed(self, collection: str, kind: str, item: Manifest) -> None:
        if collection == WORKLOADS and "hub" not in self.blind:
            self.store.see_workload(item, deleted=kind == "DELETED")

    def _member_changed(self, name: str, collection: str, kind: str, item: Manifest) -> None:
        member = self.store.clusters[name].member
        if name in self.blind or member is None or not self._is_copy(collection, item):
            return
        member.copy_sinks["Job" if collection == JOBS else "Deployment"].change(kind, item)

    @staticmethod
    def _is_copy(collection: str, item: Manifest) -> bool:
        return collection in (JOBS, DEPLOYMENTS) and (item["metadata"].get("labels") or {}).get(HUB_LABEL) == "default"

    def look(self, name: str) -> None:
        """List a member afresh."""
        objects, member = self.members[name].objects.items, self.store.clusters[name].member
        assert member is not None
        found = {
            path: [item for where, item in objects.items() if where[0] == path]
            for path in ("v1/nodes", "v1/pods", JOBS, DEPLOYMENTS)
        }
        member.nodes_sink.replace(found["v1/nodes"])
        member.pods_sink.replace(found["v1/pods"])
        for path, kind in ((JOBS, "Job"), (DEPLOYMENTS, "Deployment")):
            member.copy_sinks[kind].replace([item for item in found[path] if self._is_copy(path, item)])

    def judge(self, name: str, health: Judgement, *, noted: bool = True) -> None:
        """Let a member answer or not, and the verdict on it be this, which its status says unless it is not noted."""
        entry = self.store.clusters[name]
        entry.health = health
        if noted:
            entry.raw = {**entry.raw, "status": {**(entry.raw.get("status") or {}), "verdict": health.verdict.value}}
        answers = None if health.verdict is Verdict.DOWN else 0.0
        entry.evidence = replace(entry.evidence, answering_since_s=answers)
        self.store.health_changed(name)

    def restarted(self) -> Rig:
        """Begin anew from what the servers hold, as after kill -9."""
        for server in (self.hub, *self.members.values()):
            server.objects.listeners.clear()
        fresh = Rig(self.hub, self.members)
        fresh.now_s = self.now_s
        for where, item in self.hub.objects.items.items():
            if where[0] == WORKLOADS:
                fresh.store.see_workload(item)
        return fresh

    def promised(self, cluster: str) -> int:
        """How many pods have been promised room on a cluster."""
        fleet = snapshot(self.store, (), now_s=self.now_s).fleet
        return sum(demand.count for each in fleet if each.name == cluster for demand in each.promised)

    def create(self, workload: Manifest) -> WorkloadEntry:
        """Let a user create a workload."""
        self.hub.objects.put(WORKLOADS, workload)
        return self.store.hub.workloads[Key(workload["metadata"]["namespace"], workload["metadata"]["name"])]

    def entry(self, name: str = "train") -> WorkloadEntry:
        """What is known of a workload."""
        return self.store.hub.workloads[Key("research", name)]

    def delete(self, name: str = "train") -> None:
        """Let a user delete a workload, as kubectl does."""
        path = f"/apis/tradewind.dev/v1alpha1/namespaces/research/aiworkloads/{name}"
        self.hub.objects.handle("DELETE", path, {}, {}, "")

    def edit(self, name: str = "train", **spec: Any) -> None:
        """Let a user change fields of a workload's spec; None removes one."""
        before = self.entry(name).raw["spec"]
        after = {key: value for key, value in {**before, **spec}.items() if value is not None}
        self.hub.objects.change(WORKLOADS, "research", name, spec=after)

    def status(self, name: str = "train") -> Manifest:
        """What its status holds on the hub."""
        item = self.hub.objects.get(WORKLOADS, "research", name)
        assert item is not None
        return item.get("status") or {}

    def condition(self, kind: str, name: str = "train") -> tuple[str, str]:
        """One condition's status and reason."""
        found = next(each for each in self.status(name)["conditions"] if each["type"] == kind)
        return found["status"], found["reason"]

    def copies(self) -> list[str]:
        """Which members hold which copies, as `member/name epoch`."""
        return sorted(
            f"{name}/{item['metadata']['name']} {item['metadata']['labels'].get('tradewind.dev/epoch')}"
            for name, member in self.members.items()
            for (path, _, _), item in member.objects.items.items()
            if path in (JOBS, DEPLOYMENTS) and HUB_LABEL in (item["metadata"].get("labels") or {})
        )

    def runs(self, cluster: str, name: str = "train") -> None:
        """Let a copy's pods run."""
        path = JOBS if self.members[cluster].objects.get(JOBS, "research", name) else DEPLOYMENTS
        status = {"ready": 1, "observedGeneration": 9, "updatedReplicas": 1, "availableReplicas": 1}
        self.members[cluster].objects.change(path, "research", name, status=status)

    # Rounds.

    def decide(self) -> list[Step]:
        """Decide on what is marked."""
        self.store.dirty.ring(self.now_s)
        keys = self.store.dirty.take(but=self.executor.in_flight)
        return decide(snapshot(self.store, keys, now_s=self.now_s), move_tokens=100) if keys else []

    async def round(self) -> None:
        """Decide once, and carry it out."""
        self.rounds += 1
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            self.executor.start(self.decide(), tasks)

    async def settle(self, *, rounds: int = 12, later_s: float = 0.0) -> None:
        """Decide and act until nothing is marked any more, perhaps after some time has passed."""
        self.now_s += later_s
        self.store.dirty.ring(self.now_s)
        for _ in range(rounds):
            if not len(self.store.dirty) or not self.leads:
                return
            await self.round()
        raise AssertionError(f"it does not settle within {rounds} rounds")


@asynccontextmanager
async def a_rig(*names: str) -> AsyncIterator[Rig]:
    """Start a hub and members; the first named is the cheapest."""
    async with FakeApi("hub") as hub:
        members = {name: FakeApi(name) for name in names or ("aws", "gcp")}
        try:
            for member in members.values():
                await member.start()
            yield Rig(hub, members)
        finally:
            for member in members.values():
                await member.__aexit__()
