"""Plans as JSON: the interface that scripts rely on. Fields are only ever added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.cli.plantables import refused_groups
from tradewind.cli.promises import promises_of
from tradewind.cli.whyrender import usd_per_hour
from tradewind.placement.decisive import TERMS, decisive, runner_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tradewind.model.decision import Candidate, Decision
    from tradewind.model.plan import Ask
    from tradewind.model.workload import Key


def plan_json(decisions: Iterable[Decision], asked: Mapping[Key, Ask], *, now_s: float) -> dict[str, Any]:
    """Write decisions. Amounts are USD and not rounded, times are hours."""
    return {"workloads": [workload_json(decision, asked.get(decision.key), now_s=now_s) for decision in decisions]}


def workload_json(decision: Decision, ask: Ask | None, *, now_s: float) -> dict[str, Any]:
    """Write one decision; `ask` is None where there was nothing to plan."""
    chosen = decision.chosen
    promised = promises_of(decision, ask, now_s=now_s).as_json() if ask is not None else {}
    return {
        "namespace": decision.key.namespace,
        "name": decision.key.name,
        "placements": [
            {
                "cluster": share.candidate.cluster,
                "offer": share.candidate.offer,
                "replicas": share.replicas,
                "totalUSD": share.candidate.total_usd,
                "usdPerHour": usd_per_hour(share.candidate),
            }
            for share in decision.shares
        ],
        "reason": decision.reason,
        "message": decision.message,
        "decisive": _decisive(decision),
        "candidates": [candidate_json(candidate, chosen) for candidate in decision.candidates],
        "refused": [
            {"reason": group.reason, "count": group.count, "offers": list(group.names), "message": group.message}
            for group in refused_groups(decision, names=len(decision.candidates))
        ],
        "deadline": promised.get("deadline"),
        "budget": promised.get("budget"),
        "spread": promised.get("spread"),
    }


def candidate_json(candidate: Candidate, chosen: Candidate | None) -> dict[str, Any]:
    """Write one candidate, and how it compares with the one that was chosen."""
    return {
        "cluster": candidate.cluster,
        "offer": candidate.offer,
        "market": candidate.market.value,
        "feasible": candidate.feasible,
        "reasons": [f"{refusal.reason}: {refusal.message}" for refusal in candidate.refusals],
        "refusals": [
            {"reason": refusal.reason, "message": refusal.message, "wakesOn": refusal.wakes_on.value}
            for refusal in candidate.refusals
        ],
        "usd": {name: getattr(candidate.usd, name) for name in TERMS},
        "totalUSD": candidate.total_usd,
        "usdPerHour": usd_per_hour(candidate),
        "runHours": candidate.run_h,
        "transferHours": candidate.transfer_h,
        "queueHours": candidate.queue_h,
        "lossHours": candidate.loss_h,
        "gramsCO2": candidate.grams_co2,
        "assumed": list(candidate.assumed),
        "writes": candidate.writes or None,
        "moreUSD": candidate.total_usd - chosen.total_usd if chosen else None,
        "dearerBy": (decisive(chosen, candidate).term or None) if chosen else None,
    }


def _decisive(decision: Decision) -> dict[str, Any] | None:
    """Write which term decided between the chosen offer and the next best; None where there are no two."""
    second = runner_up(decision.candidates)
    if decision.chosen is None or second is None or len(decision.shares) > 1:
        return None
    found = decisive(decision.chosen, second)
    return {
        "over": found.other,
        "term": found.term or None,
        "usd": found.usd,
        "totalUSD": found.total_usd,
        "against": found.against or None,
        "againstUSD": found.against_usd,
    }
