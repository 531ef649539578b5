"""The status of an AIWorkload, written from a step: the same step and object give the same status."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tradewind.apply.conditions import conditions
from tradewind.decide.ledger import ran, spent_usd
from tradewind.model.placement import CopyState
from tradewind.state.record import record_fields, spending_fields, usd

if TYPE_CHECKING:
    from tradewind.decide.step import Step
    from tradewind.model.decision import Candidate, Decision
    from tradewind.model.placement import Situation
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


DETAILS = (
    Detail(5, 5, 8, 3, 256),
    Detail(5, 2, 8, 3, 160),
    Detail(3, 1, 6, 2, 120),
    Detail(3, 0, 4, 1, 100),
    Detail(2, 0, 4, 1, 100),
    Detail(1, 0, 1, 1, 60),
)
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
            if p.state not in (CopyState.RELEASING, CopyState.RESERVED, CopyState.FINISHED)
        ],
        **record_fields(record),
        "effective": None if step.view.policy is None else _effective(step.view.policy, before=before),
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


def changes(step: Step, *, raw: Manifest, now_s: float) -> Manifest:
    """Say what a step changes in the status; empty where nothing does.

    What has been spent grows all the time: it is brought up to date when something else is written, and only then.
    """
    before = raw.get("status") or {}
    changed = changed_fields(status_from(step, raw=raw, now_s=now_s), before)
    if changed and ran(step.record):
        record = replace(step.record, spent_usd=spent_usd(step.record, now_s), settled_s=now_s)
        changed |= changed_fields(spending_fields(record), before)
    return changed


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


def _effective(policy: EffectivePolicy, *, before: Manifest) -> Manifest:
    effective = {
        "mode": policy.mode.value,
        "guarantee": policy.guarantee.value,
        "usdPerDelayHour": usd(policy.usd_per_delay_hour),
        "pricingHorizon": f"{round(policy.pricing_horizon_s)}s",
        "cooldown": f"{round(policy.cooldown_s)}s",
        "maxMovesPerHour": policy.max_moves_per_hour,
        "failback": policy.failback.value,
        "failbackAfter": f"{round(policy.failback_after_s)}s",
        "usdPerTonneCO2": usd(policy.usd_per_tonne_co2),
        "usdPerRoundTripMillisecondHour": f"{policy.usd_per_round_trip_ms_hour:.6f}",
        "minSavingUSD": usd(policy.min_saving_usd),
        "minSavingPercent": policy.min_saving_percent,
        "datasetsRequired": policy.datasets_required,
    }
    limits = {"maxUSDPerHour": policy.max_usd_per_hour, "maxTotalUSD": policy.max_total_usd}
    effective |= {name: usd(limit) for name, limit in limits.items() if limit is not None}
    # A merge patch goes into mappings: a limit that is no more must be taken out by its name.
    return effective | {name: None for name in before.get("effective") or () if name not in effective}


def _table(decision: Decision, detail: Detail) -> Manifest:
    """Write the priced table: the best candidates, and the refusals grouped by reason."""
    chosen = (decision.chosen, *(share.candidate for share in decision.shares))
    return {
        "candidates": [
            _candidate(each, detail, chosen=any(each is one for one in chosen))
            for each in decision.best(detail.candidates)
        ],
        "refused": [
            {
                "reason": group.reason,
                "count": group.count,
                "names": list(group.names),
                "message": group.message[: detail.message],
            }
            for group in decision.refused_groups(names=detail.names)[: detail.refusals]
        ],
    }


def _candidate(candidate: Candidate, detail: Detail, *, chosen: bool) -> Manifest:
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
        "lossHours": f"{candidate.loss_h:.3f}",
        "gramsCO2": f"{candidate.grams_co2:.0f}",
        "assumed": [text[:128] for text in candidate.assumed[: detail.assumed]],
        "chosen": chosen,
    }
