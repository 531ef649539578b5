"""What one workload needs next: level-based, from its record and from what the members show.

Every rule may be applied again after a crash at any point; none depends on which event came first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.decide import ending, ledger, placing, shares
from tradewind.decide.sight import is_ours, is_stale
from tradewind.decide.step import Need, Step, earliest
from tradewind.model.placement import CopyState, Situation
from tradewind.model.policy import Mode

if TYPE_CHECKING:
    from tradewind.decide.sight import Sight
    from tradewind.model.placement import Record
    from tradewind.model.policy import EffectivePolicy
    from tradewind.model.snapshot import View
    from tradewind.model.workload import Workload

SPENT_LATE_S = 1.0
"""A budget is looked at this long after it must have been spent, so that rounding never makes it seem unspent."""


def review(view: View, sight: Sight) -> Step:
    """Find the next step of one workload. The order of the rules is their priority."""
    record = ending.with_end(view, sight.snapshot.now_s)
    # 1. A user's delete wins over everything.
    if view.deleting:
        return ending.delete(view, record, sight)
    # 2. A spec that can't be understood stops nothing that runs.
    if view.workload is None or view.policy is None:
        reason, message = (
            (view.problem.reason, view.problem.message) if view.problem else ("InvalidSpec", "Unreadable.")
        )
        return Step(view, record, Situation("Stalled", reason, message, placed=bool(record.placements), stalled=True))
    step = _next(view, record, sight, workload=view.workload, policy=view.policy)
    # 3. Recommend: decide and show, touch nothing.
    return _shown(view, step) if view.policy.mode is Mode.RECOMMEND else step


def _next(view: View, record: Record, sight: Sight, *, workload: Workload, policy: EffectivePolicy) -> Step:
    """Find the next step of work that is understood and wanted."""
    # 4. What has finished is never run again.
    if record.finished is not None:
        return ending.rest(view, record, sight, record.finished)
    # 5. A user's suspend wins over placement.
    if workload.suspended:
        return ending.suspend(view, record, sight)
    # 6. A budget that is spent does too, from the next checkpoint on.
    limit_usd, spent_usd = policy.max_total_usd, ledger.spent_usd(record, sight.snapshot.now_s)
    if limit_usd is not None and spent_usd >= limit_usd:
        return ending.exhaust(view, record, sight, workload=workload, limit_usd=limit_usd, spent_usd=spent_usd)
    # 7. What has a place is kept going; what has none is adopted where it runs already, or is given one.
    record = placing.renamed(view, record, sight)
    newer = any(is_ours(c, uid=view.uid, record=record) and c.epoch > record.epoch for c in view.copies.values())
    if record.placements and not newer:
        step = shares.keep_all(view, record, sight, workload=workload, policy=policy)
    else:
        most = shares.wanted(workload)
        step = placing.adopt(view, record, most=most) or placing.ask(view, record, sight, policy=policy)
    # 8. What nothing promises goes, once what is promised has been recorded.
    stale = sight.removable(*(c for c in view.copies.values() if is_stale(c, view, step.record)))
    retry_s = step.retry_s
    if limit_usd is not None:
        over_s = ledger.spent_at_s(step.record, limit_usd=limit_usd, now_s=sight.snapshot.now_s)
        retry_s = earliest(retry_s, None if over_s is None else over_s + SPENT_LATE_S)
    if not stale and retry_s == step.retry_s:
        return step
    return replace(step, release=(*stale, *(c for c in step.release if c not in stale)), retry_s=retry_s)


def _shown(view: View, step: Step) -> Step:
    """Say what a step would do, and do nothing: the record only follows what happens by itself."""
    said = replace(step, release=())
    needs = step.wish is not None and step.wish.need in (Need.PLACE, Need.FLEE)
    acts = bool(step.deliver) or needs or _places(step.record) != _places(view.record)
    if step.record.finished is not None or not acts:
        return said
    message = f"mode is Recommend, else: {step.situation.message if step.situation else ''}"
    situation = Situation("Recommended", "Recommended", message, placed=bool(view.record.placements))
    return replace(said, record=view.record, situation=situation, deliver=(), retry_s=None)


def _places(record: Record) -> list[tuple[str, int, bool]]:
    return [(p.cluster, p.epoch, p.state is CopyState.RELEASING) for p in record.placements]
