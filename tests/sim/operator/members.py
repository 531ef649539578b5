"""A member cluster's own controllers and kubelets, played simply: pods of Jobs and Deployments, bound and run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.edge.rig import DEPLOYMENTS, JOBS, a_node
from tests.sim.operator.fakeapi import BUSY, EXPIRED, OPEN, Api

from tradewind.observe.canaries import CANARY_LABEL

if TYPE_CHECKING:
    import random

    from tests.edge.objects import Where
    from tests.sim.operator.clock import Clock

Manifest = dict[str, Any]
PODS, NODES, NAMESPACES = "v1/pods", "v1/nodes", "v1/namespaces"
TICK_S = 1.0
UNSEEN_S = 3.0
"""Whoever is well for less than this, between two probes, may not be seen to have been well at all."""
WELL = (OPEN, EXPIRED, BUSY)
"""States of a link in which an API server answers, whatever it says: no work leaves for that."""
BEGUN = "2027-01-01T00:00:00Z"
NO_ROOM = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
EACH = 8
"""Accelerators of a node, and of a pod: a node has room for one."""


class Member:
    """One member.

    Attributes:
        nodes: how many it has; `awake`: they run.
        is_another: it was rebuilt, and not declared anew since.
        spoilt: something other than the operator has put copies on it, so room that was promised may be taken.
        sick_since_s: since when it has been away from the hub, or without nodes; `sick_s` the longest such time of
            late, and `sick_at_s` when that ended.
    """

    def __init__(self, name: str, clock: Clock, chance: random.Random, *, nodes: int) -> None:
        self.name, self.clock, self.nodes = name, clock, nodes
        self.api = Api(name, clock, chance)
        self.awake = True
        self.spoilt = False
        self.rebuilds = 0
        self.is_another = False
        self.sick_since_s: float | None = None
        self.sick_s = 0.0
        self.canary_s = float("-inf")
        """When a canary last started on it."""
        self._last_sick = (0.0, float("-inf"))
        self._backup: tuple[dict[Where, Manifest], int] | None = None
        self._install()
        clock.every(TICK_S, self.tick)

    def _install(self) -> None:
        objects = self.api.objects
        objects.linger |= {JOBS, DEPLOYMENTS}
        objects.put(NAMESPACES, {"metadata": {"name": "kube-system", "uid": self.uid}})
        for index in range(self.nodes):
            objects.put(NODES, a_node(f"{self.name}-{index}", EACH))

    @property
    def uid(self) -> str:
        """That of its kube-system namespace."""
        return f"{self.name}-{self.rebuilds}"

    # Its life.

    def tick(self) -> None:
        """Let its controllers and kubelets go on."""
        self._note_health()
        if not (self.api.up and self.awake):
            return
        for where, item in list(self.api.objects.items.items()):
            if where[0] in (JOBS, DEPLOYMENTS):
                self._control(where, item)
            elif where[0] == PODS and CANARY_LABEL in (item["metadata"].get("labels") or {}):
                self._start_canary(where, item)

    def _start_canary(self, where: Where, item: Manifest) -> None:
        if (item.get("status") or {}).get("phase") != "Running":
            self.api.objects.change(*where, status={"phase": "Running"})
            self.canary_s = self.clock.now_s

    def _note_health(self) -> None:
        sick = self.api.state not in WELL or self.api.delay_s > 1.0 or not self.awake or self.is_another
        now_s = self.clock.now_s
        if sick and self.sick_since_s is None:
            began_s, ended_s = self._last_sick
            self.sick_since_s = began_s if now_s - ended_s < UNSEEN_S else now_s
        elif not sick and self.sick_since_s is not None:
            self._last_sick = (self.sick_since_s, now_s)
            self.sick_since_s = None
            self.clock.at(now_s + 90.0, self._forget_sickness)
        if self.sick_since_s is not None:
            self.sick_s = max(self.sick_s, now_s - self.sick_since_s)

    def _forget_sickness(self) -> None:
        if self.sick_since_s is None:
            self.sick_s = 0.0

    def _control(self, where: Where, item: Manifest) -> None:
        objects = self.api.objects
        pod = (PODS, where[1], f"{where[2]}-{item['metadata']['uid']}")
        if item["metadata"].get("deletionTimestamp"):
            if pod in objects.items:
                objects.remove(*pod)
            else:
                objects.remove(*where)
            return
        if self.ended(item):
            return
        if pod not in objects.items:
            template = item["spec"]["template"]
            labels = (template.get("metadata") or {}).get("labels") or {}
            made = {"metadata": {"name": pod[2], "namespace": pod[1], "labels": labels}}
            objects.put(PODS, {**made, "spec": template["spec"], "status": {"phase": "Pending"}})
            begun = {"startTime": BEGUN} if where[0] == JOBS else {"observedGeneration": item["metadata"]["generation"]}
            objects.change(*where, status=begun)
        elif not objects.items[pod]["spec"].get("nodeName"):
            taken = {each["spec"].get("nodeName") for found, each in objects.items.items() if _runs(found, each)}
            free = [name for found, _, name in objects.items if found == NODES and name not in taken]
            if free:
                spec = {**objects.items[pod]["spec"], "nodeName": free[0]}
                objects.change(*pod, spec=spec, status={"phase": "Running"})
            elif "conditions" not in objects.items[pod]["status"]:
                objects.change(*pod, status={"phase": "Pending", "conditions": [NO_ROOM]})
        else:
            generation = item["metadata"]["generation"]
            counts = {"observedGeneration": generation, "updatedReplicas": 1, "availableReplicas": 1}
            status = {"startTime": BEGUN, "ready": 1} if where[0] == JOBS else counts
            if item.get("status") != status:
                objects.change(*where, status=status)

    def finish(self, *, succeeds: bool) -> None:
        """Let the Job that has run for the longest time end."""
        objects = self.api.objects
        for where, item in list(objects.items.items()):
            pod = (PODS, where[1], f"{where[2]}-{item['metadata']['uid']}")
            going = item["metadata"].get("deletionTimestamp") or not (self.api.up and self.awake)
            if where[0] != JOBS or going or self.ended(item) or pod not in objects.items:
                continue
            if objects.items[pod]["spec"].get("nodeName"):
                objects.change(*pod, status={"phase": "Succeeded" if succeeds else "Failed"})
                end = {"type": "Complete" if succeeds else "Failed", "status": "True"}
                objects.change(*where, status={"conditions": [end], "succeeded": int(succeeds)})
                return

    @staticmethod
    def ended(item: Manifest) -> bool:
        """Whether a Job has ended."""
        return any(c["type"] in ("Complete", "Failed") for c in (item.get("status") or {}).get("conditions") or ())

    @staticmethod
    def succeeded(item: Manifest) -> bool:
        """Whether a Job has ended well."""
        return any(c["type"] == "Complete" for c in (item.get("status") or {}).get("conditions") or ())

    def claims(self, item: Manifest) -> bool:
        """Whether a copy takes room: one that is going does as long as its pod is on a node."""
        metadata = item["metadata"]
        pod = (PODS, metadata["namespace"], f"{metadata['name']}-{metadata['uid']}")
        bound = self.api.objects.items.get(pod, {}).get("spec", {}).get("nodeName")
        return "deletionTimestamp" not in metadata or bool(bound)

    def copies(self) -> list[Manifest]:
        """All copies on it, ended or not."""
        return [item for where, item in self.api.objects.items.items() if where[0] in (JOBS, DEPLOYMENTS)]

    # What is done to it.

    def wake(self, *, awake: bool) -> None:
        """Let its nodes run or not."""
        self.awake = awake
        for where in [where for where in self.api.objects.items if where[0] == NODES]:
            status = self.api.objects.items[where]["status"]
            ready = {"type": "Ready", "status": "True" if awake else "Unknown"}
            self.api.objects.change(*where, status={**status, "conditions": [ready]})

    def vanish(self) -> None:
        """Let somebody delete a copy by hand."""
        for where in [where for where in self.api.objects.items if where[0] in (JOBS, DEPLOYMENTS)][:1]:
            path = f"/apis/{where[0].rsplit('/', 1)[0]}/namespaces/{where[1]}/{where[0].rsplit('/', 1)[1]}/{where[2]}"
            self.api.objects.handle("DELETE", path, {}, {}, "")

    def back_up(self) -> None:
        """Keep what it holds now."""
        self._backup = dict(self.api.objects.items), self.api.objects.version

    def restore(self) -> None:
        """Be again as the last backup was."""
        if self._backup is not None:
            self.spoilt = True
            self.api.lives += 1
            self.api.cut(told=True)
            self.api.objects.restore(*self._backup)
            self.wake(awake=self.awake)

    def rebuild(self) -> None:
        """Be another cluster under the same name, with nothing on it."""
        self.rebuilds += 1
        self.is_another = True
        self._backup = None
        self.api.lives += 1
        self.api.cut(told=False)
        objects = self.api.objects
        objects.items.clear()
        objects.compact()
        for name in ("default", "tradewind-system", "research"):
            objects.put(NAMESPACES, {"metadata": {"name": name}})
        self._install()
        self.wake(awake=self.awake)


def _runs(where: Where, pod: Manifest) -> bool:
    return where[0] == PODS and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
