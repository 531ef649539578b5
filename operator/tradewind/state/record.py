"""A workload's record, to and from its status: what is written is all that survives a restart."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar

from tradewind.model.placement import CopyState, Finished, Move, Placement, Record
from tradewind.model.units import parse_duration, write_duration
from tradewind.model.workload import Market

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")


def iso(seconds: float) -> str:
    """Write a time, in seconds since the Unix epoch, as RFC 3339 with microseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def seconds_of(text: Any) -> float:
    """Read an RFC 3339 time; 0 for none or an unreadable one."""
    if not isinstance(text, str) or not text:
        return 0.0
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def usd(value: float) -> str:
    """Write an amount as the decimal string that status holds."""
    return f"{value:.4f}"


def record_from(status: dict[str, Any]) -> Record:
    """Read a record; whatever is missing or malformed counts as not recorded."""
    return Record(
        epoch=_whole(status.get("epoch")),
        placements=tuple(_readable(_placement, status.get("placements"))),
        moves=tuple(_readable(_move, status.get("moves"))),
        finished=next(_readable(_finished, [status.get("finished")]), None),
        adopted_uid=_text(status.get("adoptedUID")),
        spent_usd=_amount(status.get("spentUSD")),
        settled_s=seconds_of(status.get("spentUntil")),
        done=min(1.0, _amount(status.get("done"))),
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
                "usdPerHour": usd(p.usd_per_hour),
                **({"runningSince": iso(p.running_since_s)} if p.running_since_s else {}),
                **({"sources": dict(p.sources)} if p.sources else {}),
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
        **spending_fields(record),
        "done": f"{record.done:.6f}" if record.done else None,
    }


def spending_fields(record: Record) -> dict[str, Any]:
    """Write what it had cost, and by when."""
    settled = bool(record.settled_s)
    return {
        "spentUSD": usd(record.spent_usd) if settled else None,
        "spentUntil": iso(record.settled_s) if settled else None,
    }


def _move_fields(move: Move) -> dict[str, Any]:
    times = {"decidedAt": move.decided_s, "deliveredAt": move.delivered_s, "runningAt": move.running_s}
    return {
        "fromCluster": move.from_cluster,
        **({"toCluster": move.to_cluster} if move.to_cluster else {}),
        "reason": move.reason,
        "epoch": move.epoch,
        "detectedAt": iso(move.detected_s),
        **{name: iso(at_s) for name, at_s in times.items() if at_s},
        **({"savingUSD": usd(move.saving_usd)} if move.saving_usd else {}),
        **({"lostWork": write_duration(move.lost_s), "lostUSD": usd(move.lost_usd)} if move.lost_s else {}),
    }


def _readable(read: Callable[[dict[str, Any]], T], items: Any) -> Iterator[T]:
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and item:
            # An enum's value that is none, a cluster that is not named, an amount that is no number.
            with suppress(KeyError, ValueError, TypeError):
                yield read(item)


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _amount(value: Any) -> float:
    """Read an amount that is written as text; 0 for none, or for one that can't be."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return 0.0
    return number if isfinite(number) and number > 0 else 0.0


def _seconds(value: Any) -> float:
    """Read a duration; 0 for none, or for one that can't be read."""
    try:
        return parse_duration(value) if isinstance(value, str) else 0.0
    except ValueError:
        return 0.0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    pairs = value.items() if isinstance(value, dict) else ()
    return tuple(sorted((name, text) for name, text in pairs if isinstance(text, str)))


def _placement(item: dict[str, Any]) -> Placement:
    return Placement(
        cluster=str(item["cluster"]),
        offer=_text(item.get("offer")),
        market=Market(item.get("market", Market.ON_DEMAND)),
        replicas=_whole(item.get("replicas", 1)),
        epoch=_whole(item.get("epoch")),
        generation=_whole(item.get("generation")),
        state=CopyState(item.get("state", CopyState.DELIVERING)),
        since_s=seconds_of(item.get("since")),
        usd_total=float(item.get("totalUSD", 0)),
        usd_per_hour=_amount(item.get("usdPerHour")),
        running_since_s=seconds_of(item.get("runningSince")),
        sources=_pairs(item.get("sources")),
    )


def _move(item: dict[str, Any]) -> Move:
    return Move(
        from_cluster=_text(item.get("fromCluster")),
        to_cluster=_text(item.get("toCluster")),
        reason=_text(item.get("reason")),
        epoch=_whole(item.get("epoch")),
        detected_s=seconds_of(item.get("detectedAt")),
        decided_s=seconds_of(item.get("decidedAt")),
        delivered_s=seconds_of(item.get("deliveredAt")),
        running_s=seconds_of(item.get("runningAt")),
        saving_usd=_amount(item.get("savingUSD")),
        lost_s=_seconds(item.get("lostWork")),
        lost_usd=_amount(item.get("lostUSD")),
    )


def _finished(item: dict[str, Any]) -> Finished:
    return Finished(
        cluster=_text(item.get("cluster")),
        epoch=_whole(item.get("epoch")),
        succeeded=item.get("result") == "Succeeded",
        at_s=seconds_of(item.get("at")),
        message=_text(item.get("message")),
    )
