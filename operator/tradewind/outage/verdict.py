"""Verdicts from evidence, for the whole fleet at once: a hub that is itself cut off must not convict anyone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tradewind.model.health import Judgement, Verdict
from tradewind.model.units import format_duration
from tradewind.outage.evidence import MIN_SILENT_PROBES, Evidence, Heard, silent_for_s

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.model.policy import Detection

MAX_LOOP_GAP_S = 2.0
"""A longer gap between two rounds of judging means that the hub was stalled; its silence clocks are reset."""
SICK_HUB_WINDOW_S = 5.0
"""Two clusters that fail on our side of the wire within this time: the hub is sick."""
HUB_ISOLATED = "HubIsolated"
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
    """

    evidence: Evidence
    detection: Detection
    previous: Judgement
    clean: bool = True
    rebuilt: bool = False
    known: bool = True
    announced: str = ""


def judge(
    cases: Mapping[str, Case], *, max_unhealthy_percent: int, now_s: float, wall_s: float
) -> dict[str, Judgement]:
    """Judge every cluster. `now_s` is monotonic; `wall_s` (seconds since the Unix epoch) only dates new verdicts."""
    frozen = _freeze(cases, max_unhealthy_percent=max_unhealthy_percent, now_s=now_s)
    return {
        name: _dated(_judge_suspected(case, frozen=frozen, now_s=now_s), case.previous, wall_s)
        for name, case in cases.items()
    }


def settle(evidence: Evidence, judgement: Judgement, *, now_s: float) -> Evidence:
    """Fold the verdict back: what has been lost stays on probation until it is Healthy.

    Silence while the hub itself was cut off proves nothing: a network that heals in steps must not find that the last
    clusters to be reached again have been silent for long enough.
    """
    if judgement.reason == HUB_ISOLATED and evidence.silent_since_s is not None:
        return replace(evidence, silent_since_s=now_s)
    if judgement.lost:
        return replace(evidence, was_down=True)
    if judgement.verdict is Verdict.HEALTHY or judgement.reason == PROVIDER_INCIDENT:
        return replace(evidence, was_down=False)
    return evidence


def _freeze(cases: Mapping[str, Case], *, max_unhealthy_percent: int, now_s: float) -> str:
    """Why no cluster may be declared Down now; "" if one may."""
    known = [case for case in cases.values() if case.known]
    sick = [c for c in known if _within(c.evidence.unknown_at_s, now_s, SICK_HUB_WINDOW_S)]
    if len(sick) > 1:
        return f"probes of {len(sick)} clusters fail on the hub's own side"
    # Those that were Down before this silence began are old news; all that fall silent together count at once.
    failing = [c for c in known if c.evidence.silent_probes > 1 and c.previous.verdict is not Verdict.DOWN]
    share = 100 * len(failing) / len(known) if known else 0
    if len(failing) > 1 and share > max_unhealthy_percent:
        return (
            f"{len(failing)} of {len(known)} clusters fell silent at once (maxUnhealthyPercent {max_unhealthy_percent})"
        )
    return ""


def _judge_suspected(case: Case, *, frozen: str, now_s: float) -> Judgement:
    """Judge by our own evidence, and where that finds nothing, by the provider's word.

    What a provider announces raises suspicion alone: it worsens no other verdict, clears none and moves nothing.
    """
    if case.previous.reason == PROVIDER_INCIDENT:
        case = replace(case, previous=replace(ANSWERING, since_s=case.previous.since_s))
    found = _judge_one(case, frozen=frozen, now_s=now_s)
    suspected = found.verdict is Verdict.HEALTHY and case.announced
    return Judgement(Verdict.SUSPECT, PROVIDER_INCIDENT, case.announced) if suspected else found


def _judge_one(case: Case, *, frozen: str, now_s: float) -> Judgement:
    evidence, detection = case.evidence, case.detection
    if evidence.silent_since_s is not None:
        return _judge_silent(case, frozen=frozen, now_s=now_s)
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
        return Judgement(
            Verdict.DEGRADED, "NodesNotReady", "The API server answers, but not one node is ready.", nodes_lost=True
        )
    if evidence.was_down and (not case.clean or now_s - evidence.answering_since_s < detection.up_after_s):
        waits = (
            "stale copies are being removed"
            if not case.clean
            else f"it must answer for {format_duration(detection.up_after_s)}"
        )
        return Judgement(Verdict.RECOVERING, "Recovering", f"It answers again; {waits} before it takes work.")
    # A moment without a ready node is how every new cluster begins.
    if _lasted(evidence.nodes_gone_since_s, now_s, 2 * detection.probe_interval_s):
        return Judgement(Verdict.SUSPECT, "NodesNotReady", "Not one node is ready.")
    return ANSWERING


def _judge_unheard(case: Case) -> Judgement:
    """Neither an answer nor silence: what was known stays so, and where nothing ever was, say what fails."""
    last = case.evidence.last
    if case.previous.verdict is not Verdict.UNKNOWN or last is None or last.heard is not Heard.UNKNOWN:
        return case.previous
    return Judgement(
        Verdict.UNKNOWN, "NeverReached", f"No probe got as far as its API server: {last.detail}. Check its kubeconfig."
    )


def _judge_silent(case: Case, *, frozen: str, now_s: float) -> Judgement:
    evidence, patience_s = case.evidence, case.detection.down_after_one_kind_s
    if case.previous.verdict is Verdict.DOWN:
        return case.previous
    detail = evidence.last.detail if evidence.last else ""
    if frozen and evidence.silent_probes > 1:
        return Judgement(Verdict.SUSPECT, HUB_ISOLATED, f"Silent, but nothing moves: {frozen}.")
    if silent_for_s(evidence, now_s=now_s) >= patience_s and evidence.silent_probes >= MIN_SILENT_PROBES:
        return Judgement(
            Verdict.DOWN,
            "ApiServerSilent",
            f"No answer to {MIN_SILENT_PROBES} or more probes in {format_duration(patience_s)}: {detail}.",
        )
    if evidence.silent_probes < 2 and case.previous.verdict is Verdict.HEALTHY:  # noqa: PLR2004 - one lost packet is no suspicion
        return case.previous
    return Judgement(
        Verdict.SUSPECT, "ApiServerSilent", f"Silent, not yet for {format_duration(patience_s)}: {detail}."
    )


def _dated(judgement: Judgement, previous: Judgement, wall_s: float) -> Judgement:
    if (judgement.verdict, judgement.reason) != (previous.verdict, previous.reason):
        return replace(judgement, since_s=wall_s)
    # Only a provider's words are worth a write of their own: those of silence change with each probe.
    told = judgement.reason == PROVIDER_INCIDENT and judgement.message != previous.message
    return replace(previous, message=judgement.message) if told else previous


def _lasted(since_s: float | None, now_s: float, needed_s: float) -> bool:
    return since_s is not None and now_s - since_s >= needed_s


def _within(at_s: float | None, now_s: float, window_s: float) -> bool:
    return at_s is not None and now_s - at_s <= window_s
