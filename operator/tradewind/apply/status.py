"""The status of an AIWorkload, written from a step: the same step and object give the same status."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
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

MAX_BYTES = 8192
"""etcd holds, and every watch carries, each status of ten thousand workloads."""


@dataclass(frozen=True, slots=True)
class Detail:
    """How much of the priced table is shown: how many of each, and how long a refusal's message may be."""

    candidates: int
    assumed: int
    refusals: int
    names: int
    message: int


DETAILS = (Detail(5, 5, 8, 3, 256), Detail(5, 2, 8, 3, 160), Detail(3, 1, 6, 2, 120), Detail(3, 0, 4, 1, 100))
"""From all that is shown in a fleet of usual size, down to what fits whatever the names."""


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
        status |= _fitting_table(step.decision, MAX_BYTES - _size(status))
    return status


def _fitting_table(decision: Decision, room: int) -> Manifest:
    """Write the table in as much detail as there is room for."""
    tables = (_table(decision, detail) for detail in DETAILS[:-1])
    return next((table for table in tables if _size(table) <= room), None) or _table(decision, DETAILS[-1])


def _size(status: Manifest) -> int:
    return len(json.dumps(status, separators=(",", ":")).encode())


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


def _table(decision: Decision, detail: Detail) -> Manifest:
    """Write the priced table: the best candidates, and the refusals grouped by reason."""
    feasible = [candidate for candidate in decision.candidates if candidate.feasible]
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in decision.candidates:
        for refusal in candidate.refusals:
            groups[refusal.reason].append(candidate)
    refused = sorted(groups.items())[: detail.refusals]
    return {
        "candidates": [_candidate(c, decision.chosen, detail) for c in feasible[: detail.candidates]],
        "refused": [_refusals(reason, candidates, detail) for reason, candidates in refused],
    }


def _candidate(candidate: Candidate, chosen: Candidate | None, detail: Detail) -> Manifest:
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
        "assumed": [text[:128] for text in candidate.assumed[: detail.assumed]],
        "chosen": candidate is chosen,
    }


def _refusals(reason: str, refused: list[Candidate], detail: Detail) -> Manifest:
    first = next(refusal for refusal in refused[0].refusals if refusal.reason == reason)
    names = [f"{candidate.cluster}/{candidate.offer}" for candidate in refused[: detail.names]]
    return {"reason": reason, "count": len(refused), "names": names, "message": first.message[: detail.message]}
