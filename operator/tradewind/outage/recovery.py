"""How a cluster that was lost earns back its trust: answers for a time, a canary write, a heartbeat, and no debris."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.model.units import format_duration
from tradewind.outage.evidence import Evidence, Heard, Wrote

if TYPE_CHECKING:
    from tradewind.model.health import Judgement
    from tradewind.model.policy import Detection

FLAP_WINDOW_S = 1800.0
"""A cluster that is lost again within this time flaps."""
MAX_UP_AFTER_S = 1800.0
"""However often a cluster flaps, half an hour of good answers is trusted."""
HALF_LIFE_S = 900.0
"""Time of health in which what was added to upAfter halves."""


def probation_s(evidence: Evidence, detection: Detection, *, now_s: float) -> float:
    """Say for how long a cluster must answer before it takes work again.

    It is upAfter; each loss within half an hour of the one before doubles it, and health lets it go back.
    """
    base_s, in_force_s = detection.up_after_s, evidence.up_after_s
    if in_force_s is None or in_force_s <= base_s:
        return base_s
    if evidence.healthy_since_s is None:
        return in_force_s
    left: float = 0.5 ** ((now_s - evidence.healthy_since_s) / HALF_LIFE_S)
    return base_s + (in_force_s - base_s) * left


def lose(evidence: Evidence, detection: Detection, *, now_s: float) -> Evidence:
    """Note that the cluster has been lost; one that was lost already is not lost again."""
    if evidence.is_lost:
        return evidence
    base_s, up_after_s = detection.up_after_s, probation_s(evidence, detection, now_s=now_s)
    if evidence.lost_at_s is None or now_s - evidence.lost_at_s > FLAP_WINDOW_S:
        doubled_s = up_after_s
    else:
        doubled_s = max(base_s, min(MAX_UP_AFTER_S, 2 * up_after_s))
    return replace(evidence, was_down=True, is_lost=True, lost_at_s=now_s, up_after_s=doubled_s, healthy_since_s=None)


def follow(evidence: Evidence, judgement: Judgement, detection: Detection, *, well: bool, now_s: float) -> Evidence:
    """Fold a verdict back into the evidence: what has been lost stays on probation until it is well."""
    if judgement.lost:
        return lose(evidence, detection, now_s=now_s)
    if well:
        since_s = now_s if evidence.healthy_since_s is None else evidence.healthy_since_s
        return replace(evidence, was_down=False, is_lost=False, healthy_since_s=since_s)
    return replace(evidence, is_lost=False) if evidence.is_lost else evidence


def reconnected(evidence: Evidence) -> Evidence:
    """Begin anew with another address or other credentials: lost trust does not come back by that."""
    return Evidence(
        agent=evidence.agent,
        was_down=evidence.was_down,
        is_lost=evidence.is_lost,
        lost_at_s=evidence.lost_at_s,
        up_after_s=evidence.up_after_s,
        healthy_since_s=evidence.healthy_since_s,
    )


def awaited(evidence: Evidence, detection: Detection, *, clean: bool, now_s: float) -> str:
    """Say what a cluster that answers again still owes; "" for one that was never lost, or owes nothing."""
    since_s = evidence.answering_since_s
    if not evidence.was_down or since_s is None:
        return ""
    if evidence.last is None or evidence.last.heard is not Heard.ANSWER:
        return "the next probe must be answered"
    if not clean:
        return "stale copies are being removed"
    needed_s = probation_s(evidence, detection, now_s=now_s)
    if now_s - since_s < needed_s:
        return f"it must answer for {format_duration(needed_s)}"
    refused = evidence.write is not None and evidence.write.wrote is Wrote.REFUSED
    if not refused and (evidence.wrote_s is None or evidence.wrote_s < since_s):
        return "a small write must succeed"
    if evidence.agent is not None and evidence.agent.heard_s < since_s:
        return "its agent must be heard"
    return ""
