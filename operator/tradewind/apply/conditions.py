"""Conditions by kstatus' rules, for every resource whose status the operator writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.state.record import iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Manifest = dict[str, Any]
MAX_MESSAGE = 384


def conditions(
    holds: Mapping[str, bool], *, reason: str, message: str, before: Iterable[Manifest], generation: int, now_s: float
) -> list[Manifest]:
    """Write one condition a type; each keeps its time while its status holds."""
    known = {condition["type"]: condition for condition in before}
    written = []
    for kind, value in holds.items():
        status = "True" if value else "False"
        old = known.get(kind, {})
        since = old.get("lastTransitionTime") if old.get("status") == status else None
        written.append(
            {
                "type": kind,
                "status": status,
                "reason": reason,
                "message": message[:MAX_MESSAGE],
                "lastTransitionTime": since or f"{iso(now_s)[:19]}Z",
                "observedGeneration": generation,
            }
        )
    return written
