"""Verdicts from evidence, for the whole fleet at once: a hub that is itself cut off must not convict anyone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tradewind.model.health import Judgement, Verdict
from tradewind.model.units import format_duration
from tradewind.outage.evidence import MIN_SILENT_PROBES, Evidence, Heard, silent_for_s
from tradewind.outage.freeze import Anchors, Hold, holds
from tradewind.outage.heartbeats import agent_silent_for_s, is_heard
from tradewind.outage.recovery import awaited, follow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.model.policy import Detection

MAX_LOOP_GAP_S = 2.0
"""A longer gap between two rounds of judging means that the hub was stalled; its silence clocks are reset."""
MIN_FAILED_WRITES = 3
"""So many small writes in a row must fail before it is said that a cluster takes none."""
LAUNCH_S = 60.0
"""A controller manager or scheduler that takes over waits 15 s for the old one's Lease, and then lists everything."""
API_SERVER_SILENT = "ApiServerSilent"
NODES_NOT_READY = "NodesNotReady"
HUB_ISOLATED = "HubIsolated"
RECOVERING = "Recovering"
PROVIDER_INCIDENT = "ProviderIncident"
ANSWERING = Judgement(Verdict.HEALTHY, "Answering", "The API server answers.")


@dataclass(frozen=True, slots=True)
class Case:
    """One cluster before the judge.

    Attributes:
        known: it has answered before. A wrong address in a new declaration is no sign that the hub is cut off.
        rebuilt: another cluster answers under this name.
        clean: nothing stale is left on it, by a fresh list; a cluster that returns must be clean first.
        previous: the last verdict, whose beginning is kept while it holds.
        announced: what the provider says of an outage of its own where the cluster is; "" where it says nothing.
        near_hub: it shares the hub's own failure domain, so that its agent's view is no second one.
    """

    evidence: Evidence
    detection: Detection
    previous: Judgement
    clean: bool = True
    rebuilt: bool = False
    known: bool = True
    announced: str = ""
    near_hub: bool = False


def judge(
    cases: Mapping[str, Case],
    *,
    max_unhealthy_percent: int,
    now_s: float,
    wall_s: float,
    anchors: Anchors | None = None,
) -> dict[str, Judgement]:
    """Judge every cluster. `now_s` is monotonic; `wall_s` (seconds since the Unix epoch) only dates new verdicts."""
    held = holds(cases, anchors=anchors, max_unhealthy_percent=max_unhealthy_percent, now_s=now_s)
    return {
        name: _dated(_judge_suspected(case, hold=held.get(name), now_s=now_s), case.previous, wall_s)
        for name, case in cases.items()
    }


def settle(evidence: Evidence, judgement: Judgement, *, detection: Detection, now_s: float) -> Evidence:
    """Fold the verdict back: what has been lost stays on probation until it is Healthy.

    Silence while the hub itself was cut off proves nothing: a network that heals in steps must not find that the last
    clusters to be reached again have been silent for long enough.
    """
    if judgement.reason == HUB_ISOLATED and evidence.silent_since_s is not None:
        return replace(evidence, silent_since_s=now_s)
    well = judgement.takes_work or judgement.reason == PROVIDER_INCIDENT
    return follow(evidence, judgement, detection, well=well, now_s=now_s)


def _judge_suspected(case: Case, *, hold: Hold | None, now_s: float) -> Judgement:
    """Judge by our own evidence, and where that finds nothing, by the provider's word.

    What a provider announces raises suspicion alone: it worsens no other verdict, clears none and moves nothing.
    """
    if case.previous.reason == PROVIDER_INCIDENT:
        case = replace(case, previous=replace(ANSWERING, since_s=case.previous.since_s))
    found = _judge_one(case, hold=hold, now_s=now_s)
    suspected = found.takes_work and case.announced
    return Judgement(Verdict.SUSPECT, PROVIDER_INCIDENT, case.announced) if suspected else found


def _judge_one(case: Case, *, hold: Hold | None, now_s: float) -> Judgement:
    evidence, detection = case.evidence, case.detection
    if evidence.silent_since_s is not None:
        return _judge_silent(case, hold=hold, now_s=now_s)
    if evidence.credentials:
        return Judgement(
            Verdict.CREDENTIALS_INVALID,
            "CredentialsInvalid",
            f"The API server is alive, but refuses our credentials: {evidence.credentials}. Renew its Secret.",
        )
    if evidence.answering_since_s is None:
        return _judge_unheard(case)
    if case.rebuilt:
        return Judgement(
            Verdict.DEGRADED,
            "ClusterRebuilt",
            "Another cluster answers under this name, and what ran on the old one may still run. Once it is known "
            "to be off, delete this FederatedCluster and declare it again.",
            nodes_lost=True,
        )
    if _lasted(evidence.nodes_gone_since_s, now_s, detection.down_after_one_kind_s):
        message = "The API server answers, but not one node is ready."
        return Judgement(Verdict.DEGRADED, NODES_NOT_READY, message, nodes_lost=True)
    if waits := awaited(evidence, detection, clean=case.clean, now_s=now_s):
        return Judgement(Verdict.RECOVERING, RECOVERING, f"It answers again; {waits} before it takes work.")
    if inert := _judge_inert(case, now_s=now_s):
        return inert
    # A moment without a ready node is how every new cluster begins.
    if _lasted(evidence.nodes_gone_since_s, now_s, 2 * detection.probe_interval_s):
        return Judgement(Verdict.SUSPECT, NODES_NOT_READY, "Not one node is ready.")
    patience_s = detection.down_after_two_kinds_s
    if evidence.agent is not None and agent_silent_for_s(evidence.agent, now_s=now_s) >= patience_s:
        return Judgement(
            Verdict.AGENT_DOWN,
            "AgentSilent",
            f"The API server answers, but {evidence.agent.silent_at} has shown no heartbeat of the agent for "
            f"{format_duration(patience_s)}.",
        )
    return ANSWERING


def _judge_inert(case: Case, *, now_s: float) -> Judgement | None:
    """Judge a cluster whose API server answers reads, and which may do nothing else: what runs there goes on."""
    evidence, patience_s = case.evidence, case.detection.down_after_one_kind_s
    if evidence.failed_writes >= MIN_FAILED_WRITES and _lasted(evidence.writes_fail_since_s, now_s, patience_s):
        detail = evidence.write.detail if evidence.write else ""
        return Judgement(Verdict.DEGRADED, "WritesFail", f"It answers reads, but takes no write: {detail}.")
    if _lasted(evidence.launches_wait_since_s, now_s, LAUNCH_S):
        return Judgement(
            Verdict.DEGRADED,
            "CannotLaunch",
            f"It accepts work, but for {format_duration(LAUNCH_S)} no controller or scheduler has looked at any. "
            "Look at its kube-controller-manager and kube-scheduler.",
        )
    return None


def _judge_unheard(case: Case) -> Judgement:
    """Neither an answer nor silence: what was known stays so, and where nothing ever was, say what fails."""
    last = case.evidence.last
    if case.previous.verdict is not Verdict.UNKNOWN or last is None or last.heard is not Heard.UNKNOWN:
        return case.previous
    return Judgement(
        Verdict.UNKNOWN, "NeverReached", f"No probe got as far as its API server: {last.detail}. Check its kubeconfig."
    )


def _judge_silent(case: Case, *, hold: Hold | None, now_s: float) -> Judgement:
    evidence, patience_s = case.evidence, _patience_s(case)
    if case.previous.verdict is Verdict.DOWN:
        return case.previous
    detail = evidence.last.detail if evidence.last else ""
    if hold is not None and hold.isolated and evidence.silent_probes > 1:
        return Judgement(Verdict.SUSPECT, HUB_ISOLATED, f"Silent, but nothing moves: {hold.words}.")
    silent_s = silent_for_s(evidence, now_s=now_s)
    if silent_s >= patience_s and evidence.silent_probes >= MIN_SILENT_PROBES:
        found = _judge_long_silent(case, detail=detail, now_s=now_s)
        if hold is None or found.verdict is not Verdict.DOWN:
            return found
        return Judgement(
            Verdict.SUSPECT,
            "NotProven",
            f"Silent for {format_duration(patience_s)}, but nothing moves: {hold.words}.",
        )
    if evidence.silent_probes < 2 and case.previous.takes_work:  # noqa: PLR2004 - one lost packet is no suspicion
        return case.previous
    return Judgement(
        Verdict.SUSPECT, API_SERVER_SILENT, f"Silent, not yet for {format_duration(patience_s)}: {detail}."
    )


def _patience_s(case: Case) -> float:
    """Say after which silence of the API server more can be said: with an agent there are two kinds of evidence."""
    with_agent = case.evidence.agent is not None
    return case.detection.down_after_two_kinds_s if with_agent else case.detection.down_after_one_kind_s


def _judge_long_silent(case: Case, *, detail: str, now_s: float) -> Judgement:
    """Judge an API server that has been silent for long enough, by what is heard of the agent beside it."""
    agent, patience_s = case.evidence.agent, _patience_s(case)
    waited = f"No answer to {MIN_SILENT_PROBES} or more probes in {format_duration(patience_s)}: {detail}"
    if agent is None:
        return Judgement(Verdict.DOWN, API_SERVER_SILENT, f"{waited}.")
    if agent_silent_for_s(agent, now_s=now_s) >= patience_s:
        return Judgement(
            Verdict.DOWN,
            "ApiServerAndAgentSilent",
            f"{waited}; and {agent.silent_at}, which shows others, has shown no heartbeat of its agent for as long.",
        )
    if is_heard(agent, now_s=now_s, within_s=patience_s):
        return Judgement(
            Verdict.PARTITIONED, "AgentHeard", f"{waited}; but its agent is heard through {agent.witness}."
        )
    return Judgement(Verdict.SUSPECT, "AgentUnseen", f"{waited}; and no witness can tell of its agent.")


def _dated(judgement: Judgement, previous: Judgement, wall_s: float) -> Judgement:
    if (judgement.verdict, judgement.reason) != (previous.verdict, previous.reason):
        return replace(judgement, since_s=wall_s)
    # Some words are worth a write of their own: those of silence are not, since they change with each probe.
    told = judgement.reason in (PROVIDER_INCIDENT, HUB_ISOLATED, RECOVERING) and judgement.message != previous.message
    return replace(previous, message=judgement.message) if told else previous


def _lasted(since_s: float | None, now_s: float, needed_s: float) -> bool:
    return since_s is not None and now_s - since_s >= needed_s
