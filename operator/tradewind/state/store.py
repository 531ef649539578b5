"""Everything that is known: one writer (the operator's loop); decisions read pictures of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tradewind.api.convert import cluster_from, detection_for
from tradewind.errors import InputError
from tradewind.model.placement import Copy, CopyState, Orphan
from tradewind.model.plan import Wake
from tradewind.model.workload import Key
from tradewind.state.dirty import Dirty
from tradewind.state.fleet import PROBATION, ClusterEntry, duplicates
from tradewind.state.hub import Hub, WorkloadEntry
from tradewind.state.member import Member
from tradewind.state.stalls import Stalls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tradewind.model.network import Network
    from tradewind.model.policy import FeedProvider
    from tradewind.outage.freeze import Anchors

Manifest = dict[str, Any]
MANY_LEAVING = 1000
"""From this many on, copies that are gone are forgotten."""


class Store:
    """Everything that is known.

    Attributes:
        rebuilt: copies were found that no status records: this hub has lost its memory.
        feeds: what became of the status feed of each provider that the policy names, as (reason, message).
        suspects: clusters that are silent and not Down yet, for which the anchors are asked.
        anchors: how the policy's anchors answered last; None before they were first needed.
    """

    def __init__(self, *, woken: Callable[[], None] = lambda: None, wall: Callable[[], float] = time.time) -> None:
        self.hub = Hub()
        self.clusters: dict[str, ClusterEntry] = {}
        self.dirty = Dirty(woken)
        self.rebuilt = False
        self.feeds: dict[FeedProvider, tuple[str, str]] = {}
        self.suspects: frozenset[str] = frozenset()
        self.anchors: Anchors | None = None
        self.stalls = Stalls()
        self._wall = wall
        self._listed_anew = True
        self._leaving: set[str] = set()

    # What the hub says.

    def see_workload(self, obj: Manifest, *, deleted: bool = False) -> None:
        """Take an AIWorkload, or its end."""
        key = Key(obj["metadata"]["namespace"], obj["metadata"]["name"])
        if deleted:
            known = self.hub.workloads.get(key)
            if known is not None and self.hub.forget_workload(key, obj["metadata"]["uid"]):
                self.dirty.forget(key)
                self._sweep_after(key, known)
                self.dirty.wake(Wake.CAPACITY)
        elif self.hub.see_workload(obj) is not None:
            self.dirty.mark((key,))

    def _sweep_after(self, key: Key, gone: WorkloadEntry) -> None:
        """Have swept what is left behind: the finalizer may have been removed by force."""
        for name, cluster in self.clusters.items():
            inventory = cluster.inventory()
            unseen = inventory is None or not inventory.current
            left = inventory is not None and key in inventory.copies
            if left or (unseen and name in gone.record.clusters):
                for uid in filter(None, (gone.uid, gone.record.adopted_uid)):
                    self.remember_orphan(name, key, uid)

    def see_cluster(self, obj: Manifest, *, deleted: bool = False) -> ClusterEntry | None:
        """Take a FederatedCluster, or its end; returns its entry while it is declared."""
        name = obj["metadata"]["name"]
        if deleted:
            self.clusters.pop(name, None)
            self.find_duplicates()  # at once: if it had a duplicate, its copies are seen there from now on
            self._cluster_changed(name)
            return None
        entry = self.clusters.get(name)
        if entry is None:
            entry = self.clusters[name] = ClusterEntry(obj, None)
            entry.recall()
        before, entry.raw = entry.raw, obj
        first = entry.spec is None
        if first or _declared(before) != _declared(obj):
            self._read_cluster(entry)
            if first:
                entry.recall_figures()
            self._cluster_changed(name)
        return entry

    def identify(self, entry: ClusterEntry, uid: str) -> None:
        """Learn which cluster answers; before its copies are believed, since it may be declared twice."""
        if uid != entry.uid:
            entry.uid = uid
            entry.meant_uid = entry.meant_uid or uid
            self.find_duplicates()

    def find_duplicates(self) -> None:
        """Two declarations of one cluster would each take the other's copies for stale: the older one counts."""
        for name, duplicate_of in duplicates(self.clusters.values()).items():
            if duplicate_of != self.clusters[name].duplicate_of:
                self.clusters[name].duplicate_of = duplicate_of
                self.health_changed(name)

    def recall(self) -> None:
        """Take over what another operator has written of the clusters, after it has ended, and before deciding."""
        for entry in self.clusters.values():
            entry.recall()
        self.mark_all()

    def see_cluster_policy(self, obj: Manifest | None) -> None:
        """Take the ClusterPlacementPolicy: it may change anything."""
        self.hub.see_cluster_policy(obj)
        for entry in self.clusters.values():
            self._read_cluster(entry)
            if entry.member is not None and entry.member.table != self.hub.table:
                entry.member.set_table(self.hub.table)
        self.mark_all()

    def see_policy(self, obj: Manifest, *, deleted: bool = False) -> None:
        """Take a PlacementPolicy: it binds its namespace."""
        self.hub.see_policy(obj, deleted=deleted)
        namespace = obj["metadata"]["namespace"]
        self.dirty.mark([key for key in self.hub.workloads if key.namespace == namespace])

    def see_map(self, obj: Manifest, *, deleted: bool = False) -> None:
        """Take a NetworkMap: it changes prices, round trips, and what law holds where data is."""
        before = self.hub.maps.network
        self.hub.maps.see(obj, deleted=deleted)
        self._network_changed(before)

    def see_tables(self, items: list[Manifest]) -> None:
        """Take the ConfigMaps of the operator's namespace, which may hold links."""
        before = self.hub.maps.network
        self.hub.maps.see_tables(items)
        self._network_changed(before)

    def see_dataset(self, obj: Manifest, *, deleted: bool = False) -> None:
        """Take a Dataset: it binds the workloads that name it."""
        self.dirty.mark(self.hub.see_dataset(obj, deleted=deleted))

    def see_priority_classes(self, items: list[Manifest]) -> None:
        """Take all PriorityClasses; a list that says nothing new wakes nobody."""
        if self.hub.see_priority_classes(items):
            self.mark_all()

    def mark_all(self) -> None:
        """Have every workload looked at."""
        self.dirty.mark(list(self.hub.workloads))

    # What the members say.

    def connect(self, entry: ClusterEntry) -> Member:
        """Give a cluster an inside, empty until its informers have listed."""
        name = entry.name
        entry.member = Member(
            name,
            self.hub.table,
            copies_changed=self._copies_changed,
            capacity_changed=lambda: self.dirty.wake(Wake.CAPACITY),
            copies_listed=lambda: self._copies_listed(name),
            kinds_changed=lambda: self.dirty.wake(Wake.CLUSTER),
        )
        return entry.member

    def made(self, cluster: str, obj: Manifest) -> None:
        """Take a copy as its member has just written it: its watch may be late, and what it shows may be long past."""
        entry = self.clusters.get(cluster)
        if entry is not None and entry.member is not None:
            entry.member.copy_sinks[obj["kind"]].wrote(obj)

    def health_changed(self, name: str) -> None:
        """Have what waits for health, or for data in a region that is lost, and what is placed here, looked at."""
        for change in (Wake.HEALTH, Wake.DATA):
            self.dirty.wake(change)
        self.dirty.mark(self.placed_on(name))

    def prices_changed(self) -> None:
        """Have what waits for a price looked at."""
        self.dirty.wake(Wake.PRICE)

    def placed_on(self, name: str) -> list[Key]:
        """Find the workloads that have a place or a copy on a cluster."""
        placed = {
            key
            for key, entry in self.hub.workloads.items()
            if any(p.cluster == name for p in entry.expected.placements)
        }
        cluster = self.clusters.get(name)
        if cluster is not None and cluster.member is not None:
            placed.update(key for key in cluster.member.inventory().copies if key in self.hub.workloads)
        return list(placed)

    def delivered(self, key: Key, *, at_s: float) -> None:
        """Note when the newest copy of a workload was accepted."""
        entry = self.hub.workloads.get(key)
        if entry is not None:
            entry.delivered_s = at_s

    def remember_orphan(self, cluster: str, key: Key, uid: str) -> None:
        """Note a copy whose workload is gone while its cluster is away."""
        entry = self.clusters.get(cluster)
        orphan = Orphan(key, uid)
        if entry is not None and orphan not in entry.orphans:
            entry.orphans = (*entry.orphans, orphan)

    def leaves(self, copy: Copy) -> None:
        """Note that a copy is being asked to go, before its member shows it: it needs nothing any more."""
        if len(self._leaving) >= MANY_LEAVING:
            members = [entry.member for entry in self.clusters.values() if entry.member is not None]
            self._leaving &= {there.object_uid for member in members for there in member.inventory().copies.values()}
        self._leaving.add(copy.object_uid)

    def stays(self, copy: Copy) -> None:
        """Note that a copy could not be asked to go."""
        self._leaving.discard(copy.object_uid)

    def in_use(self, cluster: str, namespace: str, kind: str, name: str) -> bool:
        """Whether a copy that stays came with this ConfigMap or Secret."""
        entry = self.clusters.get(cluster)
        if entry is None or entry.member is None:
            return False
        item = f"v1/{kind}/{name}"
        return any(
            item in copy.companions
            and copy.key.namespace == namespace
            and copy.object_uid not in self._leaving
            and copy.state is not CopyState.RELEASING
            for copy in entry.member.inventory().copies.values()
        )

    @staticmethod
    def key_of(entry: WorkloadEntry) -> Key:
        """The key of a workload's entry."""
        return Key(entry.raw["metadata"]["namespace"], entry.raw["metadata"]["name"])

    def urgent(self, keys: Iterable[Key]) -> set[Key]:
        """Which workloads want more than that their status follows their copy."""
        returning = [entry for entry in self.clusters.values() if entry.health.verdict in PROBATION and entry.answers]
        held = {entry.name: inv.copies for entry in returning if (inv := entry.inventory()) is not None}
        return {key for key in keys if self._wants_place(key) or self._left_behind(key, held)}

    def _wants_place(self, key: Key) -> bool:
        entry = self.hub.workloads.get(key)
        if entry is None or entry.deleting or not entry.record.placements:
            return True
        clusters = (self.clusters.get(placement.cluster) for placement in entry.record.placements)
        return any(cluster is None or cluster.health.lost for cluster in clusters)

    def _left_behind(self, key: Key, held: Mapping[str, Mapping[Key, Copy]]) -> bool:
        """Whether a cluster that returns holds a copy of what has left it."""
        placed = {placement.cluster for placement in self.hub.workloads[key].record.placements}
        left = (copies[key] for name, copies in held.items() if key in copies and name not in placed)
        return any(copy.state is not CopyState.RELEASING for copy in left)

    def finds_strangers(self) -> bool:
        """Look through new lists for copies that nothing on the hub accounts for.

        Their workloads may not be there yet: what brings a rebuilt hub's objects back does so in any order.
        """
        if self._listed_anew:
            self._listed_anew = False
            found = [(name, inv) for name, entry in self.clusters.items() if (inv := entry.inventory()) is not None]
            copies = ((name, copy) for name, inventory in found for copy in inventory.copies.values())
            self.rebuilt = self.rebuilt or any(self._is_strange(name, copy) for name, copy in copies)
        return self.rebuilt

    def is_orphan(self, cluster: str, copy: Copy) -> bool:
        """Whether the copy is of a workload that was deleted: one made again under its name must not adopt it."""
        return Orphan(copy.key, copy.workload_uid) in self.clusters[cluster].orphans

    def _is_strange(self, cluster: str, copy: Copy) -> bool:
        workload = self.hub.workloads.get(copy.key)
        recorded = workload is not None and bool(workload.record.epoch)
        return not recorded and copy.state is not CopyState.RELEASING and not self.is_orphan(cluster, copy)

    def _read_cluster(self, entry: ClusterEntry) -> None:
        try:
            entry.detection = detection_for(entry.raw, self.hub.policy)
            entry.spec = cluster_from(entry.raw)
        except InputError as error:
            entry.problem = ("InvalidSpec", error.message)
        else:
            if entry.problem and entry.problem[0] == "InvalidSpec":
                entry.problem = None

    def _network_changed(self, before: Network) -> None:
        if self.hub.maps.network != before:
            for change in (Wake.PRICE, Wake.DATA):
                self.dirty.wake(change)

    def _cluster_changed(self, name: str) -> None:
        # It says what law holds at its location too, which data that is kept there waits for.
        for change in (Wake.CLUSTER, Wake.CAPACITY, Wake.HEALTH, Wake.PRICE, Wake.DATA):
            self.dirty.wake(change)
        self.dirty.mark(self.placed_on(name))

    def _copies_listed(self, name: str) -> None:
        self._listed_anew = True
        self.dirty.mark(self.placed_on(name))

    def _copies_changed(self, keys: Iterable[Key]) -> None:
        keys, now_s = [key for key in keys if key in self.hub.workloads], self._wall()
        for key in keys:
            self.hub.workloads[key].changed_s = now_s
        self.dirty.mark(keys)


def _declared(cluster: Manifest) -> tuple[object, object]:
    """Tell one version of what people say of a cluster from another: its generation does not count labels."""
    return cluster["metadata"].get("generation"), cluster["metadata"].get("labels")
