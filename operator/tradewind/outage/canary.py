"""Whether a healthy cluster in a convicted region or provider has shown that it can still start work.

Its API server may answer while the rest of its domain goes down with the others: so before it becomes a last resort,
something of ours must have been written there, and a pod must have started.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tradewind.model.backoff import grown_s
from tradewind.model.units import format_duration

VALID_S = 300.0
"""A canary is believed for so long: an outage that spreads takes minutes from one cluster to the next."""
RENEW_S = 240.0
"""It is renewed this long after the last one, so that a cluster that stays well is never without one."""
FIRST_AGAIN_S = 5.0
"""After the first failure; twice as long after each further one,"""
MAX_AGAIN_S = 120.0
"""up to this."""


@dataclass(frozen=True, slots=True)
class Canary:
    """What is known of a cluster's canaries; times are monotonic.

    Attributes:
        passed_s: when the last one began that passed; None while none has, or since one has failed.
        ended_s: when the last one ended.
        failed: what was wrong with the last one; "" where it passed.
        failures: how many have failed in a row.
    """

    passed_s: float | None = None
    ended_s: float | None = None
    failed: str = ""
    failures: int = 0


def ended(canary: Canary, failed: str, *, began_s: float, now_s: float) -> Canary:
    """Take the end of one: `failed` says what was wrong, "" that it passed."""
    if failed:
        return Canary(None, now_s, failed, canary.failures + 1)
    return replace(canary, passed_s=began_s, ended_s=now_s, failed="", failures=0)


def awaited(canary: Canary, *, now_s: float) -> str:
    """Say what is lacking before the cluster may be a last resort; "" where nothing is."""
    if canary.failed:
        return f"the last one failed: {canary.failed}. It is tried again"
    if canary.passed_s is None or now_s - canary.passed_s >= VALID_S:
        return f"a write, and a pod that starts, within the last {format_duration(VALID_S)}"
    return ""


def due_s(canary: Canary) -> float:
    """Find when the next one is to begin, while the cluster's domain is convicted."""
    if canary.ended_s is None:
        return 0.0
    if canary.failed:
        return canary.ended_s + grown_s(canary.failures, first_s=FIRST_AGAIN_S, most_s=MAX_AGAIN_S)
    return canary.ended_s if canary.passed_s is None else canary.passed_s + RENEW_S
