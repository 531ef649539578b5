"""How far a cluster is from being empty: a row for each workload that is there, or was when the drain began."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tradewind.model.placement import CopyState
from tradewind.state.record import iso, record_from

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tradewind.model.placement import Placement, Record

Manifest = dict[str, Any]
GOING = (CopyState.RELEASING, CopyState.LEAVING)


class Stage(StrEnum):
    """Where one workload stands, in the order in which they are shown."""

    BLOCKED = "Blocked"  # no other place can take it
    HELD = "Held"  # something else keeps it there: the reason says what
    AT_CHECKPOINT = "AtCheckpoint"  # it leaves at its next checkpoint
    UNDECIDED = "Undecided"  # the operator has not said anything yet
    LEAVING = "Leaving"  # its copy is on the way out
    STARTING = "Starting"  # it has left, and does not run at the new place yet
    GONE = "Gone"  # it has left, and runs elsewhere or has ended


@dataclass(frozen=True, slots=True)
class Row:
    """One workload. `to` names its other places; "" where there is none yet."""

    namespace: str
    name: str
    stage: Stage
    to: str
    reason: str
    message: str

    @property
    def there(self) -> bool:
        """Whether the cluster still holds it."""
        return self.stage not in (Stage.STARTING, Stage.GONE)


def held(workloads: Iterable[Manifest], cluster: str) -> set[str]:
    """Name the workloads that a cluster holds by their uids. One that has ended keeps its copy for its logs: not it."""
    return {each["metadata"]["uid"] for each in workloads if _place(each, cluster) is not None}


def rows(workloads: Iterable[Manifest], cluster: str, *, seen: Collection[str] = ()) -> list[Row]:
    """Make the rows, what needs a person first.

    Args:
        workloads: all of the hub.
        cluster: the one that is to be emptied.
        seen: the uids of those that were there before.
    """
    known = [each for each in workloads if each["metadata"]["uid"] in seen or _place(each, cluster) is not None]
    found = [_row(each, cluster) for each in known]
    return sorted(found, key=lambda row: (list(Stage).index(row.stage), row.namespace, row.name))


def as_json(cluster: Manifest, found: list[Row], *, seconds: float, now_s: float) -> Manifest:
    """Write how far it has come; fields are only ever added."""
    work = [{**asdict(row), "stage": row.stage.value} for row in found]
    return {
        "cluster": cluster["metadata"]["name"],
        "scheduling": (cluster.get("spec") or {}).get("scheduling") or "Enabled",
        "empty": not any(row.there for row in found),
        "at": iso(now_s),
        "seconds": round(seconds, 1),
        "work": work,
    }


def _place(obj: Manifest, cluster: str) -> Placement | None:
    places = record_from(obj.get("status") or {}).placements
    return next((each for each in places if each.cluster == cluster and each.state is not CopyState.FINISHED), None)


def _row(obj: Manifest, cluster: str) -> Row:
    status = obj.get("status") or {}
    record, here = record_from(status), _place(obj, cluster)
    ready: Manifest = next((one for one in status.get("conditions") or () if one.get("type") == "Ready"), {})
    others = [place for place in record.placements if place.cluster != cluster]
    stage = _left(record, others) if here is None else _stage(here, str(ready.get("reason") or ""))
    return Row(
        namespace=obj["metadata"]["namespace"],
        name=obj["metadata"]["name"],
        stage=stage,
        to=", ".join(f"{place.offer} on {place.cluster}" for place in others),
        reason=str(ready.get("reason") or ""),
        message=str(ready.get("message") or ""),
    )


def _stage(here: Placement, reason: str) -> Stage:
    if here.state in GOING:
        return Stage.LEAVING
    match reason:
        case "DrainBlocked":
            return Stage.BLOCKED
        case "Draining":
            return Stage.AT_CHECKPOINT
        case "" | "Running" | "Starting" | "Delivering":
            return Stage.UNDECIDED
        case _:
            return Stage.HELD


def _left(record: Record, others: list[Placement]) -> Stage:
    runs = bool(others) and all(place.state is CopyState.RUNNING for place in others)
    return Stage.GONE if runs or record.finished is not None else Stage.STARTING
