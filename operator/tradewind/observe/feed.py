"""The hub's objects on their way into the state: from kopf's handlers, from lists of our own, and from informers."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from tradewind.errors import TradewindError
from tradewind.kube.resources import (
    AIWORKLOADS,
    CLUSTER_POLICIES,
    CONFIG_MAPS,
    DATASETS,
    FEDERATED_CLUSTERS,
    FEW,
    NETWORK_MAPS,
    POLICIES,
    PRIORITY_CLASSES,
    SECRETS,
    Resource,
)
from tradewind.observe.informer import Informer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.kube.client import ApiServer
    from tradewind.observe.members import Members
    from tradewind.state.store import Store

Manifest = dict[str, Any]
log = logging.getLogger(__name__)

RESYNC_S = 300.0
"""How often the hub is listed to find what was deleted while nobody looked."""
RETRY_S = 2.0


class Feed:
    """Writes what the hub says into the state, and keeps the raw objects of the kinds whose status it must write."""

    def __init__(self, hub: ApiServer, store: Store, members: Members, *, namespace: str) -> None:
        self.objects: dict[str, dict[tuple[str, str], Manifest]] = {kind.plural: {} for kind in FEW}
        self._hub = hub
        self._store = store
        self._members = members
        self._namespace = namespace
        self._tables = _Collection(store.see_tables)
        self._classes = _Collection(store.see_priority_classes)
        self._secrets = _Collection(members.see_secrets)
        self._workloads = _Workloads(store)
        self._informers = [
            Informer(hub, AIWORKLOADS, self._workloads),
            Informer(hub, SECRETS, self._secrets, namespace=namespace),
            Informer(hub, CONFIG_MAPS, self._tables, namespace=namespace),
            Informer(hub, PRIORITY_CLASSES, self._classes),
        ]

    def informers(self) -> list[Informer]:
        """Watch what kopf should not.

        AIWorkloads, since there may be tens of thousands, and each event costs kopf half a millisecond; Secrets and
        tables, since kopf's watches are cluster-wide, and Secrets of others are none of our business.
        """
        return self._informers

    async def wait_for_lists(self) -> None:
        """Wait until all that is watched here has been listed once."""
        for sink in self._sinks():
            await sink.listed.wait()

    def _sinks(self) -> tuple[_Collection | _Workloads, ...]:
        return (self._secrets, self._tables, self._classes, self._workloads)

    def take(self, plural: str, event: str | None, obj: Manifest) -> None:
        """Take one object, from whichever source."""
        metadata = obj["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        deleted = event == "DELETED"
        known = self.objects[plural]
        before = known.get(key)
        if before is not None and not deleted and before["metadata"]["uid"] != metadata["uid"]:
            # It was deleted and made again while nobody looked: what was known of the old one must not stay.
            self.take(plural, "DELETED", before)
        if deleted:
            known.pop(key, None)
        else:
            known[key] = obj
        match plural:
            case FEDERATED_CLUSTERS.plural:
                self._store.see_cluster(obj, deleted=deleted)
                self._members.settle()
            case NETWORK_MAPS.plural:
                self._store.see_map(obj, deleted=deleted)
            case CLUSTER_POLICIES.plural:
                self._store.see_cluster_policy(None if deleted else obj)
            case POLICIES.plural:
                self._store.see_policy(obj, deleted=deleted)
            case DATASETS.plural:
                self._store.see_dataset(obj, deleted=deleted)

    async def list_until_complete(self) -> None:
        """List what kopf watches, again and again until the hub has answered for each: the picture to start from."""
        for resource in FEW:
            while not await self._list(resource):  # noqa: ASYNC110 - the hub answers when it does
                await asyncio.sleep(RETRY_S)

    def list_again(self) -> None:
        """Have everything listed afresh, without the pauses that have grown while the hub was away."""
        for sink in self._sinks():
            sink.listed.clear()
        for informer in self._informers:
            informer.list_again()

    async def list_anew(self) -> None:
        """List everything afresh, and wait for it: what another operator has written until now must be known."""
        self.list_again()
        await asyncio.gather(self.wait_for_lists(), self.list_until_complete())

    async def resync_for_ever(self) -> None:
        """Find ghosts: a gap in a watch is followed by what survived it, never by what did not."""
        while True:
            await asyncio.sleep(RESYNC_S)
            for resource in FEW:
                await self._list(resource)

    async def _list(self, resource: Resource) -> bool:
        before = dict(self.objects[resource.plural])
        try:
            items, _ = await self._hub.list_all(resource)
        except TradewindError as error:
            log.warning("hub can't be listed kind=%s error=%s", resource.plural, error)
            return False
        found = {(item["metadata"].get("namespace", ""), item["metadata"]["name"]) for item in items}
        for item in items:
            self.take(resource.plural, None, {"apiVersion": resource.api_version, "kind": resource.kind, **item})
        for key in before.keys() - found:
            log.info("gone unseen kind=%s namespace=%s name=%s", resource.plural, *key)
            self.take(resource.plural, "DELETED", before[key])
        return True


class _Workloads:
    """All AIWorkloads of the hub."""

    def __init__(self, store: Store) -> None:
        self.listed = asyncio.Event()
        self._store = store

    def replace(self, items: list[Manifest]) -> None:
        """Take the full list: what is not in it was deleted while nobody looked."""
        found = {item["metadata"]["uid"] for item in items}
        gone = [entry.raw for entry in self._store.hub.workloads.values() if entry.uid not in found]
        for raw in gone:
            self._store.see_workload(raw, deleted=True)
        for item in items:
            self._store.see_workload(_named(item))
        self.listed.set()

    def change(self, kind: str, item: Manifest) -> None:
        """Take one change."""
        self._store.see_workload(_named(item), deleted=kind == "DELETED")

    def stale(self) -> None:
        """Keep what is known: each write is checked by the hub anyway."""


def _named(item: Manifest) -> Manifest:
    """Say an item's kind, which lists leave out."""
    return {"apiVersion": AIWORKLOADS.api_version, "kind": AIWORKLOADS.kind, **item}


class _Collection:
    """A sink that hands over all items whenever one changes: for small collections."""

    def __init__(self, take: Callable[[list[Manifest]], None]) -> None:
        self.listed = asyncio.Event()
        self._take = take
        self._items: dict[str, Manifest] = {}

    def replace(self, items: list[Manifest]) -> None:
        """Take the full list."""
        self._items = {item["metadata"]["name"]: item for item in items}
        self._take(list(self._items.values()))
        self.listed.set()

    def change(self, kind: str, item: Manifest) -> None:
        """Take one change."""
        if kind == "DELETED":
            self._items.pop(item["metadata"]["name"], None)
        else:
            self._items[item["metadata"]["name"]] = item
        self._take(list(self._items.values()))

    def stale(self) -> None:
        """Keep what is known: prices and keys do not change because the hub is away."""
