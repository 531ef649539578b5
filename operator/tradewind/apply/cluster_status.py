"""The status of FederatedClusters, and of the resources that are only read: written when it changes, not otherwise."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tradewind.apply.conditions import conditions
from tradewind.apply.metric_status import metric_fields, metrics_condition
from tradewind.apply.status import changed_fields
from tradewind.errors import ConflictError, RetryableError
from tradewind.kube.resources import FEDERATED_CLUSTERS
from tradewind.model.health import Verdict
from tradewind.outage.findings import findings
from tradewind.state.record import iso, seconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.kube.client import ApiServer
    from tradewind.kube.resources import Resource
    from tradewind.model.fleet import Node, Offer
    from tradewind.model.policy import FeedProvider
    from tradewind.state.fleet import ClusterEntry
    from tradewind.state.measured import Measured

Manifest = dict[str, Any]
MAX_ORPHANS = 2000
MAX_INCIDENTS = 16
MAX_LINE = 512
MAX_JITTER_S = 2.0


def cluster_status(
    entry: ClusterEntry,
    *,
    workloads: int,
    usd_per_hour: float,
    measured: tuple[Measured, ...] | None = None,
    now_s: float,
    clock_s: float | None = None,
) -> Manifest:
    """Write the whole status of a FederatedCluster.

    What it says of metrics stays where `measured` is None, and of past losses where `clock_s` is. That is what the
    clock of the evidence shows at `now_s`.
    """
    before = entry.raw.get("status") or {}
    health = entry.health
    reason, message = entry.trouble or (health.reason, health.message)
    verdict = Verdict.UNKNOWN if entry.trouble else health.verdict
    member = entry.member
    listed = before.get("inventoriedAt") or (iso(now_s)[:19] + "Z" if member and member.copies_fresh else None)
    nodes = member.nodes() if member and member.capacity_known else ()
    return {
        "observedGeneration": entry.raw["metadata"].get("generation", 1),
        **verdict_fields(entry, now_s=now_s, clock_s=clock_s),
        "clusterUID": entry.meant_uid or None,
        "kubernetesVersion": entry.version or before.get("kubernetesVersion"),
        "inventoriedAt": listed,
        "offers": [_offer(offer, nodes) for offer in entry.spec.offers] if entry.spec else [],
        "workloads": workloads,
        "usdPerHour": f"{usd_per_hour:.4f}",
        "orphans": orphan_fields(entry),
        "incidents": incident_fields(entry) or None,
        "metrics": (before.get("metrics") if measured is None else metric_fields(measured)) or None,
        "conditions": conditions(
            {
                "Ready": verdict is Verdict.HEALTHY,
                "Reconciling": verdict is Verdict.RECOVERING,
                "Stalled": bool(entry.trouble) or verdict is Verdict.CREDENTIALS_INVALID,
            },
            reason=reason,
            message=message,
            before=before.get("conditions") or (),
            generation=entry.raw["metadata"].get("generation", 1),
            now_s=now_s,
        )
        + metrics_condition(entry, measured, now_s=now_s),
    }


def verdict_fields(entry: ClusterEntry, *, now_s: float, clock_s: float | None) -> Manifest:
    """Write the verdict, and what whoever judges next must know of past losses."""
    before = entry.raw.get("status") or {}
    health, evidence = entry.health, entry.evidence
    reason, message = entry.trouble or (health.reason, health.message)
    up_after_s = evidence.up_after_s

    def when(field: str, at_s: float | None) -> str | None:
        if clock_s is None:
            return before.get(field)
        return None if at_s is None else _steady(now_s - clock_s + at_s, before.get(field))

    return {
        "verdict": (Verdict.UNKNOWN if entry.trouble else health.verdict).value,
        "reason": reason,
        "message": message[:MAX_LINE],
        "since": iso(health.since_s)[:19] + "Z" if health.since_s else None,
        "lostAt": when("lostAt", evidence.lost_at_s),
        "backAt": when("backAt", evidence.healthy_since_s if evidence.lost_at_s is not None else None),
        "evidence": before.get("evidence") if clock_s is None else _evidence(entry, ahead_s=now_s - clock_s),
        "upAfterSeconds": before.get("upAfterSeconds") if up_after_s is None else round(up_after_s),
    }


def _evidence(entry: ClusterEntry, *, ahead_s: float) -> list[Manifest]:
    """Write what each kind of evidence says, and since when."""
    known = {each["kind"]: each for each in (entry.raw.get("status") or {}).get("evidence") or ()}
    found = []
    for each in findings(entry.evidence):
        fields: Manifest = {"kind": each.kind.value, "says": each.says, "message": each.message[:MAX_LINE]}
        if each.since_s is not None:
            before = known.get(each.kind.value, {}).get("since")
            fields["since"] = _steady(ahead_s + each.since_s, before)
        found.append(fields)
    return found


def _steady(at_s: float, before: str | None) -> str:
    """Write a time that was read from another clock: a difference that comes of reading both is not worth a write."""
    if before is not None and abs(seconds_of(before) - at_s) < MAX_JITTER_S:
        return before
    return iso(at_s)[:19] + "Z"


def orphan_fields(entry: ClusterEntry) -> list[Manifest]:
    """Write the copies that are to be removed when the cluster returns."""
    return [
        {"namespace": orphan.key.namespace, "name": orphan.key.name, "uid": orphan.workload_uid}
        for orphan in entry.orphans[:MAX_ORPHANS]
    ]


def incident_fields(entry: ClusterEntry) -> list[Manifest]:
    """Write what the provider announces."""
    return [
        {"id": event.id, "title": event.title, "service": event.service, "began": f"{iso(event.began_s)[:19]}Z"}
        for event in entry.incidents[:MAX_INCIDENTS]
    ]


def read_status(raw: Manifest, *, problem: str, now_s: float, **more: object) -> Manifest:
    """Write the status of a policy or a NetworkMap: whether it is in force."""
    reason, message = ("InvalidSpec", problem) if problem else ("Accepted", "In force.")
    holds = {"Ready": not problem, "Reconciling": False, "Stalled": bool(problem)}
    generation, before = raw["metadata"].get("generation", 1), (raw.get("status") or {}).get("conditions") or ()
    written = conditions(holds, reason=reason, message=message, before=before, generation=generation, now_s=now_s)
    return {"observedGeneration": generation, "conditions": written, **more}


def feed_fields(feeds: Mapping[FeedProvider, tuple[str, str]]) -> list[Manifest]:
    """Write what became of the feeds that the policy names."""
    return [
        {"provider": provider.value, "reason": reason, "message": message[:MAX_LINE]}
        for provider, (reason, message) in sorted(feeds.items())
    ]


async def write_status(hub: ApiServer, resource: Resource, raw: Manifest, status: Manifest) -> Manifest:
    """Write those fields of a status that change; returns the object as it is then.

    Raises:
        RetryableError: another was made in its place.
    """
    before = raw.get("status") or {}
    changes = changed_fields(status, before)
    changes = {key: value for key, value in changes.items() if value is not None or key in before}
    return await _merge_status(hub, resource, raw, changes) if changes else raw


async def write_cluster(hub: ApiServer, entry: ClusterEntry, fields: Manifest) -> None:
    """Write fields of a FederatedCluster's status, and keep what it is then.

    Raises:
        RetryableError: the cluster was declared anew; nothing that is known of the old one is written of the new one.
    """
    written = await write_status(hub, FEDERATED_CLUSTERS, entry.raw, fields)
    metadata = {**entry.raw["metadata"], "resourceVersion": written["metadata"]["resourceVersion"]}
    # Of the spec only the watch tells, which has those told who must know.
    entry.raw = {**entry.raw, "metadata": metadata, "status": written.get("status") or {}}


async def _merge_status(hub: ApiServer, resource: Resource, raw: Manifest, fields: Manifest) -> Manifest:
    """Compare and swap: a status write by name alone would land on whatever bears the name by then.

    Only the leader writes these statuses, so that a newer version of the same object is written to as well.
    """
    metadata = raw["metadata"]
    name, namespace = metadata["name"], metadata.get("namespace", "")

    async def merge(version: str) -> Manifest:
        body = {"metadata": {"resourceVersion": version}, "status": fields}
        return await hub.merge(resource, name, body, namespace=namespace, subresource="status")

    try:
        return await merge(metadata["resourceVersion"])
    except ConflictError:
        found = (await hub.get(resource, name, namespace=namespace))["metadata"]
        if found["uid"] != metadata["uid"]:
            message = f"another {resource.kind} was made under the name {name}, and is not known here yet"
            raise RetryableError("MadeAnew", message) from None
    return await merge(found["resourceVersion"])


def _offer(offer: Offer, nodes: tuple[Node, ...]) -> Manifest:
    mine = [node for node in nodes if _belongs(node, offer)]
    open_nodes = [node for node in mine if node.ready and node.schedulable]
    by_node = Counter(max(0, node.free_accelerators) for node in open_nodes) if offer.accelerator else Counter[int]()
    return {
        "name": offer.name,
        "nodes": len(mine),
        "freeAccelerators": sum(free * count for free, count in by_node.items()),
        "freeByNode": [{"free": free, "nodes": count} for free, count in sorted(by_node.items(), reverse=True)],
        "freeCPU": f"{sum(max(0.0, node.free_cpu_cores) for node in open_nodes):.0f}",
        "freeMemory": f"{sum(max(0.0, node.free_memory_bytes) for node in open_nodes) / 2**30:.0f}Gi",
    }


def _belongs(node: Node, offer: Offer) -> bool:
    selected = all(node.labels.get(key) == value for key, value in offer.node_selector.items())
    return selected and (not offer.accelerator or node.accelerator == offer.accelerator)
