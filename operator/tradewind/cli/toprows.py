"""The fleet at a glance, as plain data: read from a hub's FederatedClusters and AIWorkloads."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradewind.model.units import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.cli.topmoney import Money

Manifest = dict[str, Any]

NOT_SEEN = ("Unknown", "NotSeenYet", "No operator has written its status: does one run on this hub?")


@dataclass(frozen=True, slots=True)
class Free:
    """Accelerators of one type on a cluster: free on nodes that exist, and on those that pools may still add."""

    type: str
    free: int
    growth: int


@dataclass(frozen=True, slots=True)
class Row:
    """One cluster.

    Attributes:
        since: when the verdict began, by RFC 3339; "" if unknown.
        free_cpu: free cores on nodes of offers without accelerators; growth_cpu: on those that pools may still add.
        running: workloads whose copy runs. waiting: placed there, and not running (yet, or any more).
    """

    name: str
    provider: str
    region: str
    jurisdiction: str
    scheduling: str
    verdict: str
    reason: str
    message: str
    since: str
    accelerators: tuple[Free, ...]
    free_cpu: float
    growth_cpu: float
    running: int
    waiting: int
    usd_per_hour: float


@dataclass(frozen=True, slots=True)
class Phase:
    """Workloads in the same phase for the same reason; `message` is that of the first."""

    phase: str
    reason: str
    names: tuple[str, ...]
    message: str


def rows(clusters: Iterable[Manifest], workloads: Iterable[Manifest]) -> list[Row]:
    """Read FederatedClusters and what runs on them, by name."""
    running, waiting = Counter[str](), Counter[str]()
    for workload in workloads:
        for placement in (workload.get("status") or {}).get("placements") or ():
            if placement.get("state") not in ("Finished", "Releasing"):
                runs = placement.get("state") == "Running" and workload["status"].get("phase") == "Running"
                (running if runs else waiting)[placement["cluster"]] += 1
    named = sorted((obj["metadata"]["name"], obj) for obj in clusters)
    return [_row(name, obj, running=running[name], waiting=waiting[name]) for name, obj in named]


def phases(workloads: Iterable[Manifest]) -> list[Phase]:
    """Group AIWorkloads by phase and reason, the largest group first."""
    groups: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for workload in workloads:
        metadata, status = workload["metadata"], workload.get("status") or {}
        ready: Manifest = next((each for each in status.get("conditions") or () if each["type"] == "Ready"), {})
        group = (status.get("phase") or "New", ready.get("reason") or "")
        groups[group].append((f"{metadata['namespace']}/{metadata['name']}", ready.get("message") or ""))
    ranked = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        Phase(phase, reason, tuple(name for name, _ in sorted(members)), min(members)[1])
        for (phase, reason), members in ranked
    ]


def _row(name: str, obj: Manifest, *, running: int, waiting: int) -> Row:
    spec, status = obj["spec"], obj.get("status") or {}
    verdict = (status.get("verdict"), status.get("reason") or "", status.get("message") or "")
    seen = verdict if verdict[0] else NOT_SEEN
    offers = [(offer, _shown(offer, status)) for offer in _distinct(spec.get("offers") or ())]
    plain = [each for each in offers if not each[0].get("accelerator")]
    return Row(
        name=name,
        provider=spec["provider"],
        region=spec["region"],
        jurisdiction=spec.get("jurisdiction") or "",
        scheduling=spec.get("scheduling") or "Enabled",
        verdict=str(seen[0]),
        reason=str(seen[1]),
        message=str(seen[2]),
        since=status.get("since") or "",
        accelerators=_accelerators(offers),
        free_cpu=sum(parse_quantity(shown.get("freeCPU") or 0) for _, shown in plain),
        growth_cpu=sum(
            _growth(*each) * parse_quantity(each[0]["nodeResources"]["cpu"]) for each in plain if _growth(*each)
        ),
        running=running,
        waiting=waiting,
        usd_per_hour=float(status.get("usdPerHour") or 0),
    )


def _distinct(offers: Iterable[Manifest]) -> Iterable[Manifest]:
    """Leave out offers that speak of the same nodes as an earlier one: those exist once."""
    seen = set()
    for offer in offers:
        selector = (offer.get("podPatch") or {}).get("nodeSelector") or {}
        nodes = (offer.get("accelerator"), tuple(sorted(selector.items())))
        if nodes not in seen:
            seen.add(nodes)
            yield offer


def _shown(offer: Manifest, status: Manifest) -> Manifest:
    return next((each for each in status.get("offers") or () if each["name"] == offer["name"]), {})


def _growth(offer: Manifest, shown: Manifest) -> int:
    """Count the nodes that the offer's pool may still add."""
    return max(0, int(offer.get("maxNodes") or 0) - int(shown.get("nodes") or 0))


def _accelerators(offers: Iterable[tuple[Manifest, Manifest]]) -> tuple[Free, ...]:
    free, growth = Counter[str](), Counter[str]()
    for offer, shown in offers:
        kind = offer.get("accelerator")
        if kind:
            free[kind] += int(shown.get("freeAccelerators") or 0)
            growth[kind] += _growth(offer, shown) * int(offer["perNode"])
    return tuple(Free(kind, free[kind], growth[kind]) for kind in sorted(free))


def as_json(clusters: list[Row], work: list[Phase], money: Money) -> Manifest:
    """Write all of it as JSON: the interface that scripts rely on. Fields are only ever added."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "clusters": [
            {
                "name": row.name,
                "provider": row.provider,
                "region": row.region,
                "jurisdiction": row.jurisdiction,
                "scheduling": row.scheduling,
                "verdict": row.verdict,
                "reason": row.reason,
                "message": row.message,
                "since": row.since,
                "accelerators": [asdict(each) for each in row.accelerators],
                "freeCPU": row.free_cpu,
                "growthCPU": row.growth_cpu,
                "running": row.running,
                "waiting": row.waiting,
                "usdPerHour": row.usd_per_hour,
            }
            for row in clusters
        ],
        "workloads": [{**asdict(group), "names": list(group.names), "count": len(group.names)} for group in work],
        "usdPerHour": sum(row.usd_per_hour for row in clusters),
        **money.as_json(),
    }
