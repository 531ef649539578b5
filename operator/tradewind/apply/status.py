"""The status of an AIWorkload, written from a step: the same step and object give the same status."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tradewind.apply.conditions import conditions
from tradewind.model.placement import CopyState
from tradewind.state.record import record_fields, usd

if TYPE_CHECKING:
    from tradewind.decide.step import Step
    from tradewind.model.placement import Situation
    from tradewind.model.plan import Candidate, Decision
    from tradewind.model.policy import EffectivePolicy

Manifest = dict[str, Any]

MAX_CANDIDATES = 5
MAX_NAMES = 3
MAX_REFUSALS = 8


def status_from(step: Step, *, raw: Manifest, now_s: float) -> Manifest:
    """Write the whole status; None removes a field in a merge patch."""
    before = raw.get("status") or {}
    situation, record = step.situation, step.record
    reasons = {decision["clusterName"]: decision.get("reason") for decision in before.get("decisions") or ()}
    status: Manifest = {
        "observedGeneration": step.view.generation,
        # Always there, from the first write on: Argo CD's generator fails on an object without the list.
        "decisions": [
            {
                "clusterName": p.cluster,
                "reason": situation.reason if situation else reasons.get(p.cluster, p.state.value),
            }
            for p in record.placements
            if p.state not in (CopyState.RELEASING, CopyState.FINISHED)
        ],
        **record_fields(record),
        "effective": None if step.view.policy is None else _effective(step.view.policy),
    }
    if situation is not None:
        known = before.get("conditions") or []
        status["phase"] = situation.phase
        status["conditions"] = conditions(
            _holds(situation),
            reason=situation.reason,
            message=situation.message,
            before=known,
            generation=step.view.generation,
            now_s=now_s,
        )
    if step.decision is not None:
        status |= _table(step.decision)
    return status


def changed_fields(status: Manifest, before: Manifest) -> Manifest:
    """Keep what a merge patch has to say; empty where nothing changes."""
    return {key: value for key, value in status.items() if before.get(key) != value}


def _holds(situation: Situation) -> dict[str, bool]:
    return {
        "Ready": situation.ready,
        "Placed": situation.placed,
        "Reconciling": situation.reconciling,
        "Stalled": situation.stalled,
    }


def _effective(policy: EffectivePolicy) -> Manifest:
    return {
        "mode": policy.mode.value,
        "guarantee": policy.guarantee.value,
        "usdPerDelayHour": usd(policy.usd_per_delay_hour),
        "pricingHorizon": f"{round(policy.pricing_horizon_s)}s",
        "cooldown": f"{round(policy.cooldown_s)}s",
        "maxMovesPerHour": policy.max_moves_per_hour,
    }


def _table(decision: Decision) -> Manifest:
    """Write the priced table: the best candidates, and the refusals grouped by reason."""
    feasible = [candidate for candidate in decision.candidates if candidate.feasible]
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in decision.candidates:
        for refusal in candidate.refusals:
            groups[refusal.reason].append(candidate)
    return {
        "candidates": [_candidate(c, chosen=c is decision.chosen) for c in feasible[:MAX_CANDIDATES]],
        "refused": [_refusals(reason, refused) for reason, refused in sorted(groups.items())][:MAX_REFUSALS],
    }


def _candidate(candidate: Candidate, *, chosen: bool) -> Manifest:
    terms = candidate.usd
    names = ("compute", "egress", "loss", "carbon", "delay", "latency")
    return {
        "cluster": candidate.cluster,
        "offer": candidate.offer,
        "market": candidate.market.value,
        "totalUSD": usd(terms.total),
        "usd": {name: usd(getattr(terms, name)) for name in names},
        "runHours": f"{candidate.run_h:.3f}",
        "transferHours": f"{candidate.transfer_h:.3f}",
        "assumed": [text[:128] for text in candidate.assumed[:MAX_CANDIDATES]],
        "chosen": chosen,
    }


def _refusals(reason: str, refused: list[Candidate]) -> Manifest:
    first = next(refusal for refusal in refused[0].refusals if refusal.reason == reason)
    names = [f"{candidate.cluster}/{candidate.offer}" for candidate in refused[:MAX_NAMES]]
    return {"reason": reason, "count": len(refused), "names": names, "message": first.message[:256]}
