"""A workload's record, to and from its status: what is written is all that survives a restart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradewind.model.placement import CopyState, Finished, Move, Placement, Record
from tradewind.model.workload import Market

if TYPE_CHECKING:
    from collections.abc import Iterable


def iso(seconds: float) -> str:
    """Write a time, in seconds since the Unix epoch, as RFC 3339 with microseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def seconds_of(text: str | None) -> float:
    """Read an RFC 3339 time; 0 for none or an unreadable one."""
    if not text:
        return 0.0
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def usd(value: float) -> str:
    """Write an amount as the decimal string that status holds."""
    return f"{value:.4f}"


def record_from(status: dict[str, Any]) -> Record:
    """Read a record; whatever is missing or malformed counts as not recorded."""
    return Record(
        epoch=int(status.get("epoch") or 0),
        placements=tuple(_placements(status.get("placements") or ())),
        moves=tuple(_moves(status.get("moves") or ())),
        finished=_finished(status.get("finished")),
        adopted_uid=str(status.get("adoptedUID") or ""),
    )


def record_fields(record: Record) -> dict[str, Any]:
    """Write the fields of status that `record_from` reads. None removes a field in a merge patch."""
    return {
        "epoch": record.epoch,
        "placements": [
            {
                "cluster": p.cluster,
                "offer": p.offer,
                "market": p.market.value,
                "replicas": p.replicas,
                "epoch": p.epoch,
                "generation": p.generation,
                "state": p.state.value,
                "since": iso(p.since_s),
                "totalUSD": usd(p.usd_total),
            }
            for p in record.placements
        ],
        "moves": [_move_fields(move) for move in record.moves],
        "finished": None
        if record.finished is None
        else {
            "cluster": record.finished.cluster,
            "epoch": record.finished.epoch,
            "result": "Succeeded" if record.finished.succeeded else "Failed",
            "at": iso(record.finished.at_s),
            "message": record.finished.message[:256],
        },
        "adoptedUID": record.adopted_uid or None,
    }


def _move_fields(move: Move) -> dict[str, Any]:
    times = {"deliveredAt": move.delivered_s, "runningAt": move.running_s}
    return {
        "fromCluster": move.from_cluster,
        "toCluster": move.to_cluster,
        "reason": move.reason,
        "epoch": move.epoch,
        "detectedAt": iso(move.detected_s),
        "decidedAt": iso(move.decided_s),
        **{name: iso(at_s) for name, at_s in times.items() if at_s},
    }


def _placements(items: Iterable[dict[str, Any]]) -> Iterable[Placement]:
    for item in items:
        yield Placement(
            cluster=item["cluster"],
            offer=item.get("offer", ""),
            market=Market(item.get("market", Market.ON_DEMAND)),
            replicas=int(item.get("replicas", 1)),
            epoch=int(item.get("epoch", 0)),
            generation=int(item.get("generation", 0)),
            state=CopyState(item.get("state", CopyState.DELIVERING)),
            since_s=seconds_of(item.get("since")),
            usd_total=float(item.get("totalUSD", 0)),
        )


def _moves(items: Iterable[dict[str, Any]]) -> Iterable[Move]:
    for item in items:
        yield Move(
            from_cluster=item.get("fromCluster", ""),
            to_cluster=item.get("toCluster", ""),
            reason=item.get("reason", ""),
            epoch=int(item.get("epoch", 0)),
            detected_s=seconds_of(item.get("detectedAt")),
            decided_s=seconds_of(item.get("decidedAt")),
            delivered_s=seconds_of(item.get("deliveredAt")),
            running_s=seconds_of(item.get("runningAt")),
        )


def _finished(item: dict[str, Any] | None) -> Finished | None:
    if not item:
        return None
    return Finished(
        cluster=item.get("cluster", ""),
        epoch=int(item.get("epoch", 0)),
        succeeded=item.get("result") == "Succeeded",
        at_s=seconds_of(item.get("at")),
        message=item.get("message", ""),
    )
