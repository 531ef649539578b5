"""Evidence about one cluster: a fold over time-stamped probes and node counts.

All times are of one monotonic clock, in seconds. Silence accrues only over probes that were started on time and
failed: a hub that was stalled or suspended must not find that all its patience has run out at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

MIN_SILENT_PROBES = 4
"""Silence needs at least this many failed probes in a row, however long they took."""


class Heard(StrEnum):
    """What one probe proved."""

    ANSWER = "Answer"  # any HTTP answer, 429 and 5xx included: the API server is alive
    CREDENTIALS = "Credentials"  # 401, 403, a TLS name or expiry error: alive, and we are not let in
    SILENCE = "Silence"  # time-out, connection refused or reset
    UNKNOWN = "Unknown"  # the fault is on our side: a resolver, a local socket, a clock


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe. `on_time`: started when it was due; a late one says nothing about silence."""

    started_s: float
    heard: Heard
    detail: str = ""
    on_time: bool = True


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one cluster.

    Attributes:
        silent_since_s: start of the first probe of the present silence, moved on by what does not count as silence.
        silent_probes: how many in a row.
        answering_since_s: start of the first probe of the present run of answers.
        credentials: what the API server said against our credentials; "" while they work.
        unknown_at_s: the last probe that failed on our side.
        nodes_gone_since_s: since when not one of its nodes is ready, by a fresh list.
        was_down: it has been lost (Down, or without a ready node) and has not been Healthy since.
    """

    last: Probe | None = None
    silent_since_s: float | None = None
    silent_probes: int = 0
    answering_since_s: float | None = None
    credentials: str = ""
    unknown_at_s: float | None = None
    nodes_gone_since_s: float | None = None
    was_down: bool = False


def hear(evidence: Evidence, probe: Probe) -> Evidence:
    """Fold one probe into the evidence."""
    match probe.heard:
        case Heard.ANSWER:
            since = evidence.answering_since_s
            return replace(
                evidence,
                last=probe,
                silent_since_s=None,
                silent_probes=0,
                answering_since_s=probe.started_s if since is None else since,
                credentials="",
            )
        case Heard.CREDENTIALS:
            # Alive: the silence ends. But nothing can be asked, so the run of good answers ends too.
            return replace(
                evidence,
                last=probe,
                silent_since_s=None,
                silent_probes=0,
                answering_since_s=None,
                credentials=probe.detail,
            )
        case Heard.SILENCE if probe.on_time:
            # An expired key must not hide a death: silence after a refusal counts as silence.
            since = evidence.silent_since_s
            return replace(
                evidence,
                last=probe,
                silent_since_s=probe.started_s if since is None else since,
                silent_probes=evidence.silent_probes + 1,
                answering_since_s=None,
            )
        case Heard.UNKNOWN:
            return replace(_paused(evidence, probe), last=probe, unknown_at_s=probe.started_s)
        case _:
            return replace(_paused(evidence, probe), last=probe)


def silent_for_s(evidence: Evidence, *, now_s: float) -> float:
    """Say how long the present silence has lasted, over probes that were started on time and failed."""
    last, since_s = evidence.last, evidence.silent_since_s
    if since_s is None or last is None:
        return 0.0
    counts = last.heard is Heard.SILENCE and last.on_time
    return (now_s if counts else last.started_s) - since_s


def _paused(evidence: Evidence, probe: Probe) -> Evidence:
    """Let silence stand still from the last probe to this one, which says nothing about it."""
    if evidence.silent_since_s is None or evidence.last is None:
        return evidence
    return replace(evidence, silent_since_s=evidence.silent_since_s + probe.started_s - evidence.last.started_s)


def see_nodes(evidence: Evidence, *, total: int, ready: int, now_s: float) -> Evidence:
    """Fold a fresh count of nodes into the evidence; a cluster without nodes has lost none."""
    gone = total > 0 and ready == 0
    if gone == (evidence.nodes_gone_since_s is not None):
        return evidence
    return replace(evidence, nodes_gone_since_s=now_s if gone else None)


def forgive(evidence: Evidence) -> Evidence:
    """Reset the silence clocks after the judging loop itself has stalled."""
    return replace(evidence, silent_since_s=None, silent_probes=0, nodes_gone_since_s=None)
