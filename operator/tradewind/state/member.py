"""What is inside one member: nodes with what is free on them, and the copies that it holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tradewind.api.nodes import accelerator_of, node_from, pod_requests
from tradewind.model.placement import Copy, CopyState, Inventory
from tradewind.model.workload import Key
from tradewind.state.copies import EPOCH_LABEL, UID_LABEL, WORKLOAD_LABEL, copy_from
from tradewind.state.launching import POD, Launching
from tradewind.state.quotas import Quotas
from tradewind.state.sinks import Sink, WrittenSink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tradewind.api.requests import Requests
    from tradewind.model.fleet import Node
    from tradewind.model.policy import AcceleratorType

Manifest = dict[str, Any]
ENDED = ("Succeeded", "Failed")
GONE_STATES = (CopyState.RELEASING, CopyState.FINISHED)


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod's claim on its node; `copy` says which copy it belongs to, by workload uid and epoch."""

    node: str
    requests: Requests
    copy: tuple[str, int] | None


class Member:
    """One member's picture; tells which copies changed, that all were listed afresh, and that its capacity changed.

    A fresh list is news also of copies that are on it neither now nor before: what was promised there is not there.

    Attributes:
        nodes_total, nodes_ready: counted afresh at each change of nodes.
        kinds: what its API server knows, as `apiVersion/Kind`; None until that has been read.
        quotas: what its ResourceQuotas leave.
        launching: what it has accepted, and nobody there has looked at.
    """

    def __init__(
        self,
        name: str,
        table: tuple[AcceleratorType, ...],
        *,
        copies_changed: Callable[[Iterable[Key]], None],
        capacity_changed: Callable[[], None],
        copies_listed: Callable[[], None] = lambda: None,
        kinds_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.table = table
        self.nodes_ready = 0
        self._copies_changed = copies_changed
        self._capacity_changed = capacity_changed
        self._copies_listed = copies_listed
        self._kinds_changed = kinds_changed
        self._capacity_fresh_s: float | None = None
        self._capacity_recent = False
        self._raw_nodes: dict[str, Node] = {}
        self._free: dict[str, Node] = {}
        self._pods: dict[str, Pod] = {}
        self._on_node: dict[str, set[str]] = {}
        self._bound: dict[tuple[str, int], int] = {}
        self._made: dict[str, tuple[str, int]] = {}
        self._made_of: Counter[tuple[str, int]] = Counter()
        self._copies: dict[Key, Copy] = {}
        self.kinds: frozenset[str] | None = None
        self.quotas = Quotas(capacity_changed)
        self.launching = Launching()
        self.nodes_sink = Sink(self._set_nodes, self._set_node)
        self.pods_sink = Sink(self._set_pods, self._set_pod)
        self.copy_sinks = {
            kind: WrittenSink(partial(self._set_copies, kind), partial(self._set_copy, kind))
            for kind in ("Job", "Deployment")
        }

    @property
    def nodes_total(self) -> int:
        """How many nodes there are, in any state."""
        return len(self._raw_nodes)

    @property
    def capacity_known(self) -> bool:
        """Whether nodes and pods have been listed at least once."""
        return self.nodes_sink.listed and self.pods_sink.listed

    @property
    def capacity_fresh(self) -> bool:
        """Whether what is free is the truth now."""
        return self.nodes_sink.fresh and self.pods_sink.fresh

    @property
    def capacity_counts(self) -> bool:
        """Whether work may be placed by what is known to be free: it is the truth, or was a moment ago."""
        return self.capacity_fresh or self._capacity_recent

    @property
    def copies_fresh(self) -> bool:
        """Whether the absence of a copy means that it is gone."""
        return all(sink.fresh for sink in self.copy_sinks.values())

    @property
    def synced(self) -> bool:
        """Whether every list is complete and fresh."""
        return self.copies_fresh and self.nodes_sink.fresh and self.pods_sink.fresh

    def stale(self) -> None:
        """Trust nothing until it has been listed again, which is about to be tried."""
        for sink in (self.nodes_sink, self.pods_sink, *self.copy_sinks.values()):
            sink.stale()
            sink.failed = False

    def age_capacity(self, *, now_s: float, keep_s: float, answers: bool) -> None:
        """Let what was known to be free count until it is `keep_s` old; call it often.

        A lost probe, or a watch that breaks, has lists made anew: new work would go elsewhere, dearer and for good.
        But who answers, and yet can't be listed, refuses everything, perhaps: what was promised there would stay stuck.
        """
        if self.capacity_fresh:
            self._capacity_fresh_s = now_s
        recent = self._capacity_fresh_s is not None and now_s - self._capacity_fresh_s <= keep_s
        self._capacity_recent = recent and not (answers and (self.nodes_sink.failed or self.pods_sink.failed))

    def nodes(self) -> tuple[Node, ...]:
        """All nodes with what is free on them now."""
        for name, node in self._raw_nodes.items():
            if name not in self._free:
                self._free[name] = self._with_free(node)
        return tuple(self._free.values())

    def inventory(self) -> Inventory:
        """The copies by key. It shows later changes too: use it before the next await, and do not keep it."""
        return Inventory(current=self.copies_fresh, copies=self._copies, bound=self._bound)

    def pods_made(self, copy: Copy) -> int:
        """How many pods of a copy there are that have not ended, with a node or without."""
        return self._made_of[copy.workload_uid, copy.epoch]

    def set_kinds(self, kinds: frozenset[str]) -> None:
        """Take what the API server knows."""
        if kinds != self.kinds:
            self.kinds = kinds
            self._kinds_changed()

    def set_table(self, table: tuple[AcceleratorType, ...]) -> None:
        """Name the nodes' accelerators by another table."""
        self.table = table
        self._raw_nodes = {
            name: replace(node, accelerator=accelerator_of(node.labels, table) if node.accelerator_resource else "")
            for name, node in self._raw_nodes.items()
        }
        self._free.clear()
        self._count()

    def _set_nodes(self, items: list[Manifest]) -> None:
        """Replace all nodes."""
        self._raw_nodes = {item["metadata"]["name"]: node_from(item, self.table) for item in items}
        self._free.clear()
        self._count()

    def _set_node(self, item: Manifest, *, deleted: bool) -> None:
        """Take one changed node; a heartbeat that changes nothing that matters wakes nobody."""
        name = item["metadata"]["name"]
        node = None if deleted else node_from(item, self.table)
        if self._raw_nodes.get(name) == node:
            return
        if node is None:
            del self._raw_nodes[name]
        else:
            self._raw_nodes[name] = node
        self._free.pop(name, None)
        self._count()

    def _set_pods(self, items: list[Manifest]) -> None:
        """Replace all pods."""
        self._pods.clear()
        self._on_node.clear()
        self._bound.clear()
        self._free.clear()
        self._made.clear()
        self._made_of.clear()
        self.launching.replace(POD, items)
        for item in items:
            self._count_made(item, gone=_ended(item))
            self._bind(item)
        self._capacity_changed()

    def _set_pod(self, item: Manifest, *, deleted: bool) -> None:
        """Take one changed pod; only its binding and its end matter."""
        uid = item["metadata"]["uid"]
        before = self._pods.get(uid)
        gone = deleted or _ended(item)
        self.launching.change(POD, item, deleted=gone)
        self._count_made(item, gone=gone)
        if (before is not None) != gone:
            return
        if before is not None:
            self._unbind(uid, before)
            self._capacity_changed()
        else:
            self._bind(item)

    def _set_copies(self, kind: str, items: list[Manifest]) -> None:
        """Replace all copies of one kind."""
        self.launching.replace(kind, items)
        before = {key for key, copy in self._copies.items() if copy.kind == kind}
        for key in before:
            del self._copies[key]
        found = [copy for item in items if (copy := copy_from(self.name, {**item, "kind": kind})) is not None]
        self._copies.update((copy.key, copy) for copy in found)
        self._copies_changed(before | {copy.key for copy in found})
        self._copies_listed()

    def _set_copy(self, kind: str, item: Manifest, *, deleted: bool) -> None:
        """Take one changed copy; a status that says nothing new wakes nobody."""
        key = Key(item["metadata"]["namespace"], item["metadata"]["name"])
        self.launching.change(kind, item, deleted=deleted)
        copy = None if deleted else copy_from(self.name, {**item, "kind": kind})
        known = self._copies.get(key)
        if known == copy or (copy is None and known is not None and known.kind != kind):
            return
        if copy is None:
            self._copies.pop(key, None)
        else:
            self._copies[key] = copy
        self._copies_changed((key,))
        if _claims(copy) < _claims(known):
            # Room is kept for the pods that a copy wants: when it wants fewer, that room is free.
            self._capacity_changed()

    def _count(self) -> None:
        self.nodes_ready = sum(node.ready for node in self._raw_nodes.values())
        self._capacity_changed()

    def _bind(self, item: Manifest) -> None:
        node = (item.get("spec") or {}).get("nodeName")
        if not node or _ended(item):
            return
        copy = _copy_of(item)
        uid = item["metadata"]["uid"]
        self._pods[uid] = Pod(node, pod_requests(item), copy)
        self._on_node.setdefault(node, set()).add(uid)
        self._free.pop(node, None)
        if copy is not None:
            self._bound[copy] = self._bound.get(copy, 0) + 1

    def _count_made(self, item: Manifest, *, gone: bool) -> None:
        uid = item["metadata"]["uid"]
        copy = self._made.get(uid)
        if gone and copy is not None:
            del self._made[uid]
            self._made_of[copy] -= 1
            if not self._made_of[copy]:
                del self._made_of[copy]
        elif not gone and copy is None and (copy := _copy_of(item)) is not None:
            self._made[uid] = copy
            self._made_of[copy] += 1

    def _unbind(self, uid: str, pod: Pod) -> None:
        del self._pods[uid]
        self._on_node[pod.node].discard(uid)
        if not self._on_node[pod.node]:
            del self._on_node[pod.node]  # autoscaled nodes come with new names, for as long as the operator runs
        self._free.pop(pod.node, None)
        if pod.copy is not None:
            left = self._bound[pod.copy] - 1
            self._bound[pod.copy] = left
            if not left:
                del self._bound[pod.copy]

    def _with_free(self, node: Node) -> Node:
        pods = [self._pods[uid] for uid in self._on_node.get(node.name, ())]
        return replace(
            node,
            free_accelerators=node.free_accelerators
            - sum(p.requests.accelerators.get(node.accelerator_resource, 0) for p in pods),
            free_cpu_cores=node.free_cpu_cores - sum(p.requests.cpu_cores for p in pods),
            free_memory_bytes=node.free_memory_bytes - sum(p.requests.memory_bytes for p in pods),
            free_pods=node.free_pods - len(pods),
        )


def _ended(pod: Manifest) -> bool:
    return (pod.get("status") or {}).get("phase") in ENDED


def _copy_of(pod: Manifest) -> tuple[str, int] | None:
    """Say which copy a pod belongs to, by workload uid and epoch."""
    labels = pod["metadata"].get("labels") or {}
    epoch = labels.get(EPOCH_LABEL, "")
    return (labels.get(UID_LABEL, ""), int(epoch)) if WORKLOAD_LABEL in labels and epoch.isdigit() else None


def _claims(copy: Copy | None) -> int:
    return 0 if copy is None or copy.state in GONE_STATES else copy.pods_wanted
