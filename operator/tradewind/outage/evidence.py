"""Evidence about one cluster: a fold over time-stamped probes, writes, heartbeats, launches and node counts.

All times are of one monotonic clock, in seconds. Silence accrues only over probes that were started on time and
failed: a hub that was stalled or suspended must not find that all its patience has run out at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradewind.outage.heartbeats import HeartbeatEvidence

MIN_SILENT_PROBES = 4
"""Silence needs at least this many failed probes in a row, however long they took."""


class Heard(StrEnum):
    """What one probe proved."""

    ANSWER = "Answer"  # any HTTP answer, 429 and 5xx included: the API server is alive
    CREDENTIALS = "Credentials"  # 401, 403, a TLS name or expiry error: alive, and we are not let in
    SILENCE = "Silence"  # time-out, connection refused or reset
    UNKNOWN = "Unknown"  # the fault is on our side: a resolver, a local socket, a clock


class Fault(StrEnum):
    """What kind of fault on our side kept a probe from saying anything."""

    RESOLVER = "Resolver"
    SOCKET = "Socket"
    CLOCK = "Clock"  # a certificate that is not yet valid: our clock, most likely


class Wrote(StrEnum):
    """What became of one small write."""

    WRITTEN = "Written"
    FAILED = "Failed"  # no answer, or one that says that nothing can be written now
    REFUSED = "Refused"  # we may not: no evidence at all
    UNKNOWN = "Unknown"  # the fault is on our side


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe. `on_time`: started when it was due; a late one says nothing about silence.

    Attributes:
        fault: which fault of our own it was, where `heard` is UNKNOWN.
        took_s: from the question to its answer, or to giving up.
    """

    started_s: float
    heard: Heard
    detail: str = ""
    on_time: bool = True
    fault: Fault | None = None
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Write:
    """One small write; `took_s` as in `Probe`."""

    started_s: float
    wrote: Wrote
    detail: str = ""
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one cluster.

    Attributes:
        silent_since_s: start of the first probe of the present silence, moved on by what does not count as silence.
        silent_probes: how many in a row.
        answering_since_s: start of the first probe of the present run of answers.
        credentials: what the API server said against our credentials; "" while they work.
        unknown_at_s: the last probe that failed on our side.
        write: the last write that ended; `writes_since_s` is when the first of those that ended in a row like it began.
        wrote_s: start of the last write that succeeded.
        writes_fail_since_s: start of the first of the writes that failed in a row, while reads were answered;
            `failed_writes` is how many.
        nodes_gone_since_s: since when not one of its nodes is ready, by a fresh list.
        launches_wait_since_s: since when something waits to be launched, and nothing has been; `launches` is how many
            have been, as last counted.
        agent: what is heard of its agent; None where none was ever heard.
        was_down: it has been lost (Down, or without a ready node) and has not been Healthy since.
        is_lost: it still is; `lost_at_s` is when it was lost last.
        up_after_s: how long it had to answer after that loss; None before the first.
        healthy_since_s: since when it has been Healthy, but for moments of suspicion; None from a loss on.
    """

    last: Probe | None = None
    silent_since_s: float | None = None
    silent_probes: int = 0
    answering_since_s: float | None = None
    credentials: str = ""
    unknown_at_s: float | None = None
    fault: Fault | None = None
    write: Write | None = None
    writes_since_s: float | None = None
    wrote_s: float | None = None
    writes_fail_since_s: float | None = None
    failed_writes: int = 0
    nodes_gone_since_s: float | None = None
    launches_wait_since_s: float | None = None
    launches: int = 0
    agent: HeartbeatEvidence | None = None
    was_down: bool = False
    is_lost: bool = False
    lost_at_s: float | None = None
    up_after_s: float | None = None
    healthy_since_s: float | None = None


def lost_since_s(evidence: Evidence) -> float | None:
    """Find when what makes a cluster lost began: its silence, or the end of its last node; None for neither."""
    return evidence.nodes_gone_since_s if evidence.silent_since_s is None else evidence.silent_since_s


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
                _writes_anew(evidence),
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
                _writes_anew(evidence),
                last=probe,
                silent_since_s=probe.started_s if since is None else since,
                silent_probes=evidence.silent_probes + 1,
                answering_since_s=None,
            )
        case Heard.UNKNOWN:
            return replace(_paused(evidence, probe), last=probe, unknown_at_s=probe.started_s, fault=probe.fault)
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


def _writes_anew(evidence: Evidence) -> Evidence:
    """Count failed writes anew: while reads are not answered, a failed write says nothing of its own."""
    return replace(evidence, writes_fail_since_s=None, failed_writes=0)


def see_write(evidence: Evidence, write: Write) -> Evidence:
    """Fold one small write into the evidence.

    One that was begun after the silence and succeeded ends it: an API server that writes is not down.
    """
    if evidence.write is None or evidence.write.wrote is not write.wrote:
        evidence = replace(evidence, writes_since_s=write.started_s)
    match write.wrote:
        case Wrote.WRITTEN:
            written = replace(_writes_anew(evidence), write=write, wrote_s=write.started_s)
            if evidence.silent_since_s is None or write.started_s < evidence.silent_since_s:
                return written
            return replace(written, silent_since_s=None, silent_probes=0)
        case Wrote.FAILED if evidence.answering_since_s is not None:
            since_s = evidence.writes_fail_since_s
            return replace(
                evidence,
                write=write,
                writes_fail_since_s=write.started_s if since_s is None else since_s,
                failed_writes=evidence.failed_writes + 1,
            )
        case Wrote.REFUSED:
            return replace(_writes_anew(evidence), write=write)
        case _:
            return replace(evidence, write=write)


def see_nodes(evidence: Evidence, *, total: int, ready: int, now_s: float) -> Evidence:
    """Fold a fresh count of nodes into the evidence; a cluster without nodes has lost none."""
    gone = total > 0 and ready == 0
    if gone == (evidence.nodes_gone_since_s is not None):
        return evidence
    return replace(evidence, nodes_gone_since_s=now_s if gone else None)


def see_launches(evidence: Evidence, *, waiting: int, launched: int, now_s: float) -> Evidence:
    """Fold a fresh count of launches into the evidence.

    `waiting` copies and pods have been looked at by no controller and no scheduler yet; `launched` is how many ever
    have been, and each one more shows that somebody is at work.
    """
    since_s = evidence.launches_wait_since_s
    if not waiting:
        since_s = None
    elif since_s is None or launched != evidence.launches:
        since_s = now_s
    if (since_s, launched) == (evidence.launches_wait_since_s, evidence.launches):
        return evidence
    return replace(evidence, launches_wait_since_s=since_s, launches=launched)


def unseen(evidence: Evidence, *, nodes_too: bool) -> Evidence:
    """Forget what was counted inside: what can't be seen has not lasted."""
    return replace(
        evidence,
        nodes_gone_since_s=None if nodes_too else evidence.nodes_gone_since_s,
        launches_wait_since_s=None,
    )


def excuse(evidence: Evidence, *, answered_s: float | None, strained: bool) -> Evidence:
    """Leave out what our own writes explain.

    One that was answered proves life, so no silence began before; and while they slow the cluster down (`strained`),
    the failure of another small one is no evidence that it stores nothing.
    """
    if strained and evidence.failed_writes:
        evidence = _writes_anew(evidence)
    since_s = evidence.silent_since_s
    if since_s is None or answered_s is None or answered_s <= since_s:
        return evidence
    return replace(evidence, silent_since_s=answered_s, silent_probes=0)


def forgive(evidence: Evidence) -> Evidence:
    """Reset the silence clocks after the judging loop itself has stalled."""
    agent = evidence.agent
    return replace(
        _writes_anew(evidence),
        silent_since_s=None,
        silent_probes=0,
        nodes_gone_since_s=None,
        launches_wait_since_s=None,
        agent=None if agent is None else replace(agent, silent_since_s=None),
    )
