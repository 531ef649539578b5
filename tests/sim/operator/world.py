"""A hub, three members, users and operator processes, and what is done to them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.edge.rig import CLUSTERS, WORKLOADS, a_cluster, a_job, a_server
from tests.sim.operator.clock import Clock
from tests.sim.operator.fakeapi import HOLE, OPEN, Api
from tests.sim.operator.members import EACH, Member
from tests.sim.operator.process import Process, kubeconfig

from tradewind.kube.resources import CLUSTER_POLICIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.edge.objects import Where

Manifest = dict[str, Any]
UID = "tradewind.dev/uid"
USD = {"a": "1.0", "b": "2.0", "c": "3.0"}
POLICIES = f"{CLUSTER_POLICIES.api_version}/{CLUSTER_POLICIES.plural}"
DETECTION = {"probeInterval": "2s", "downAfterOneKind": "10s"}
UP_AFTER = ("2s", "10s")
COOLDOWN_S = 90.0
LIMITS = {"nvidia.com/gpu": str(EACH)}
NODES = (1, 2, 4, 6)
"""How many a member may have."""
NAMES = 6
"""Names of workloads that are used again and again."""
RESTART_S = 3.0
AWAY_S = 8.0
"""The longest that a restored member is away."""


@dataclass
class Wanted:
    """What a user wants, and what has been seen to come of it.

    Attributes:
        uids: its own, and that of the one whose copy it took over. once: it is AtMostOnce.
        made: epoch and member of each copy that was made for it.
        overlaps: something other than the operator may have made it run twice.
        ended_s: when its success could first be seen by everybody.
        on: the clusters that it is placed on, and since when.
        epoch: the highest that its status has held. moved: the epoch of its last move.
    """

    name: str
    uid: str
    once: bool
    denied: str
    uids: frozenset[str] = frozenset()
    suspended: bool = False
    deleting: bool = False
    made: list[tuple[int, str]] = field(default_factory=list)
    overlaps: bool = False
    on: frozenset[str] = frozenset()
    on_since_s: float = 0.0
    ended_s: float | None = None
    finished: bool = False
    epoch: int = 0
    moved: int = 0

    @property
    def where(self) -> Where:
        """Its address on the hub."""
        return (WORKLOADS, "research", self.name)


class World:
    """Everything."""

    def __init__(self, seed: int, *, replicas: int = 1) -> None:
        self.replicas = replicas
        self.clock = Clock()
        self.chance = random.Random(~seed)  # noqa: S311 - a replayable choice
        self.hub = Api("hub", self.clock, self.chance)
        self.members = {
            name: Member(name, self.clock, self.chance, nodes=self.chance.choice(NODES)) for name in sorted(USD)
        }
        self.works: dict[str, Wanted] = {}
        self.gone: dict[str, Wanted] = {}
        self.processes: list[Process] = []
        self.island: tuple[str, ...] | None = None
        """Members that were cut off from the hub all at once."""
        self.forgot = False
        self.excused: set[str] = set()
        """Uids of workloads whose copies may be left over: they were deleted before the hub lost its memory."""
        self._serial = 0
        self._up_after = self.chance.choice(UP_AFTER)
        # At this rate moves onto a target that is overloaded go one by one.
        policy = {"metadata": {"name": "default"}, "spec": {"moves": {"perTargetPerMinute": 60}}}
        self.hub.objects.put(POLICIES, policy)
        self.one_provider = self.chance.random() < 0.4
        """All members are of one provider, each in a region of its own: two that are Down convict the third."""
        for name in sorted(USD):
            self.declare(name)

    def declare(self, name: str) -> None:
        """Let an owner declare a cluster."""
        cluster = a_cluster(name, usd=USD[name])
        if self.one_provider:
            cluster["spec"] |= {"provider": "one", "region": f"of-{name}"}
        cluster["spec"]["detection"] = {**DETECTION, "upAfter": self._up_after}
        secret = {"name": name, "namespace": "tradewind-system"}
        self.hub.objects.put("v1/secrets", {"metadata": secret, "data": {"kubeconfig": kubeconfig(name)}})
        self.hub.objects.put(CLUSTERS, cluster)

    # Processes.

    def start(self) -> None:
        """Start an operator."""
        self.processes.append(Process(self))

    def on_leader(self, act: Callable[[Process], object]) -> None:
        """Do something to the process that has run for the longest time, if one runs."""
        if self.processes:
            act(self.processes[0])

    def pause(self, seconds: float) -> None:
        """Pause the leader; another replica stands by."""
        if len(self.processes) < 2 and seconds > 10:
            self.start()
        until_s = self.clock.now_s + seconds
        self.on_leader(lambda process: process.pause(until_s))

    def bury(self) -> None:
        """Restart what has ended, as the kubelet does."""
        for process in [p for p in self.processes if p.dead or p.ended]:
            self.processes.remove(process)
            process.bury()
            if len(self.processes) < self.replicas:
                self.clock.at(self.clock.now_s + RESTART_S, self.start)

    # Users and owners.

    def create(self, number: float, target: str) -> None:
        """Let a user create a workload, perhaps under a name that was used before."""
        self._serial += 1
        name = f"w{self._serial % NAMES}"
        if (WORKLOADS, "research", name) in self.hub.objects.items:
            return
        once = number < 0.5
        failover = {
            "guarantee": "AtMostOnce" if once else "AtLeastOnce",
            "cooldown": f"{COOLDOWN_S:.0f}s",
            "maxMovesPerHour": 5,
        }
        more: Manifest = {"failover": failover}
        denied = target if int(number * 100) % 5 == 0 and not self.one_provider else ""
        if denied:
            more["constraints"] = {"providers": {"deny": [denied]}}
        item = a_job(name, **more) if int(number * 1000) % 3 else a_server(name, **more)
        run = item["spec"].get("run") or item["spec"]["template"]["spec"]["template"]["spec"]["containers"][0]
        run["resources"] = {"limits": LIMITS}
        made = self.hub.objects.put(WORKLOADS, item)
        self.works[made["metadata"]["uid"]] = Wanted(
            name, made["metadata"]["uid"], once, denied, frozenset({made["metadata"]["uid"]})
        )

    def edit(self, how: str, number: float, target: str) -> None:
        """Let a user delete a workload, or suspend or resume it: one that is on a member, if any is."""
        alive = [wanted for wanted in self.works.values() if not wanted.deleting]
        there = {copy["metadata"]["labels"].get(UID) for copy in self.members[target].copies()}
        alive = [wanted for wanted in alive if wanted.uids & there] or alive
        if not alive:
            return
        wanted = alive[int(number * len(alive))]
        if how == "delete":
            wanted.deleting = True
            path = f"/apis/tradewind.dev/v1alpha1/namespaces/research/aiworkloads/{wanted.name}"
            self.hub.objects.handle("DELETE", path, {}, {}, "")
        else:
            wanted.suspended = not wanted.suspended
            spec = {**self.hub.objects.items[wanted.where]["spec"], "suspend": wanted.suspended}
            self.hub.objects.change(*wanted.where, spec=spec)

    def own(self, how: str, name: str, number: float) -> None:
        """Let an owner drain a cluster, or take that back, or change its price."""
        if (CLUSTERS, "", name) not in self.hub.objects.items:
            return  # it is being declared anew
        spec = dict(self.hub.objects.items[CLUSTERS, "", name]["spec"])
        if how == "drain":
            spec["scheduling"] = "Enabled" if spec.get("scheduling") == "Draining" else "Draining"
        else:
            spec["offers"] = [{**spec["offers"][0], "usdPerAcceleratorHour": f"{1 + int(number * 5)}.0"}]
        self.hub.objects.change(CLUSTERS, "", name, spec=spec)

    # Faults.

    def heal(self, name: str) -> None:
        """End all faults of a member."""
        member = self.members[name]
        self._end_island(name)
        if not member.api.up:
            member.api.set_power(up=True)
        member.api.set_link(OPEN)
        member.api.delay_s = member.api.twice = 0.0
        if not member.awake:
            member.wake(awake=True)

    def set_link(self, name: str, state: str) -> None:
        """Change the link to a member."""
        if state != HOLE:
            self._end_island(name)
        self.members[name].api.set_link(state)

    def cut_off(self, but: str) -> None:
        """Cut the hub off from all members but one, that all answered."""
        rest = [name for name in self.members if name != but]
        clusters = [self.hub.objects.items.get((CLUSTERS, "", name), {}) for name in rest]
        healthy = all((cluster.get("status") or {}).get("verdict") == "Healthy" for cluster in clusters)
        members = [self.members[name] for name in rest]
        well = all(m.api.state == OPEN and m.sick_since_s is None and not m.is_another for m in members)
        if healthy and well:
            self.island = tuple(rest)
            for name in rest:
                self.members[name].api.set_link(HOLE)

    def _end_island(self, name: str) -> None:
        """The hub is not cut off from all of them any more, if this is one of them."""
        if self.island and name in self.island:
            self.island = None

    def declare_anew(self, name: str) -> None:
        """Let an owner do what the status of a rebuilt cluster asks for."""
        member = self.members[name]
        if member.is_another and (CLUSTERS, "", name) in self.hub.objects.items:
            self._end_island(name)  # of a smaller fleet another share is silent
            member.is_another = False
            self.hub.objects.remove(CLUSTERS, "", name)
            self.clock.at(self.clock.now_s + 5.0, partial(self.declare, name))

    def restore(self, name: str) -> None:
        """Restore a member from its backup: copies that were elsewhere since may be on it again.

        Its API server is away for a while, as it has to be, perhaps for so short a time that no probe notices.
        """
        member = self.members[name]
        member.restore()
        if member.api.up:
            member.api.set_power(up=False)
            away_s = self.chance.uniform(0.5, AWAY_S)
            self.clock.at(self.clock.now_s + away_s, lambda: member.api.set_power(up=True))
        for wanted in self.works.values():
            wanted.overlaps = True

    def rebuild(self, name: str) -> None:
        """Rebuild a member: what ran on it runs no more."""
        self.members[name].rebuild()

    def forget(self) -> None:
        """Restore the hub without any status, while no operator runs."""
        for process in self.processes:
            process.dead = True
        for where in list(self.hub.objects.items):
            if where[0] in (WORKLOADS, CLUSTERS):
                self.hub.objects.change(*where, status={})
        for wanted in self.works.values():
            wanted.epoch, wanted.moved, wanted.finished, wanted.made, wanted.on = 0, 0, False, [], frozenset()
        self.forgot = True
        for member in self.members.values():
            # Nothing tells a cluster that was rebuilt from the one that was meant any more.
            member.is_another, member.sick_s = False, 0.0
        # What is left of work that was deleted before belongs to nobody that the hub knows: it is not touched.
        known = {uid for wanted in self.works.values() for uid in wanted.uids}
        copies = (copy for member in self.members.values() for copy in member.copies())
        self.excused |= {uid for copy in copies if (uid := copy["metadata"]["labels"].get(UID)) not in known}
