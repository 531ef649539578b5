"""Plans as JSON: the interface that scripts rely on. Fields are only ever added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tradewind.model.plan import Ask, Candidate, Decision
    from tradewind.model.workload import Key


def plan_json(decisions: Iterable[Decision], asked: Mapping[Key, Ask]) -> dict[str, Any]:
    """Write decisions. Amounts are USD and not rounded, times are hours."""
    return {"workloads": [workload_json(decision, asked.get(decision.key)) for decision in decisions]}


def workload_json(decision: Decision, ask: Ask | None) -> dict[str, Any]:
    """Write one decision; `ask` is None where there was nothing to plan."""
    chosen = decision.chosen
    placements = []
    if chosen is not None and ask is not None:
        placements.append(
            {
                "cluster": chosen.cluster,
                "offer": chosen.offer,
                "replicas": ask.workload.pods.count,
                "totalUSD": chosen.total_usd,
            }
        )
    return {
        "namespace": decision.key.namespace,
        "name": decision.key.name,
        "placements": placements,
        "reason": decision.reason,
        "message": decision.message,
        "candidates": [candidate_json(candidate) for candidate in decision.candidates],
    }


def candidate_json(candidate: Candidate) -> dict[str, Any]:
    """Write one candidate."""
    usd = candidate.usd
    return {
        "cluster": candidate.cluster,
        "offer": candidate.offer,
        "market": candidate.market.value,
        "feasible": candidate.feasible,
        "reasons": [f"{refusal.reason}: {refusal.message}" for refusal in candidate.refusals],
        "usd": {
            "compute": usd.compute,
            "egress": usd.egress,
            "loss": usd.loss,
            "carbon": usd.carbon,
            "delay": usd.delay,
            "latency": usd.latency,
        },
        "totalUSD": candidate.total_usd,
        "runHours": candidate.run_h,
        "transferHours": candidate.transfer_h,
        "queueHours": candidate.queue_h,
        "gramsCO2": candidate.grams_co2,
        "assumed": list(candidate.assumed),
    }
