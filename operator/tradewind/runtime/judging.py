"""The judging loop: evidence becomes verdicts four times a second, and returned clusters are cleaned first."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from tradewind.decide.sight import is_promised
from tradewind.model.health import Verdict
from tradewind.model.plan import Wake
from tradewind.model.policy import Mode
from tradewind.outage.evidence import excuse, forgive, lost_since_s, see_launches, see_nodes, unseen
from tradewind.outage.feeds.incidents import announced
from tradewind.outage.freeze import Anchors, failing
from tradewind.outage.verdict import MAX_LOOP_GAP_S, Case, judge, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.runtime.metrics import Metrics
    from tradewind.state.fleet import ClusterEntry
    from tradewind.state.hub import WorkloadEntry
    from tradewind.state.store import Store

log = logging.getLogger(__name__)
TICK_S = 0.25
LOUD = (Verdict.DOWN, Verdict.DEGRADED, Verdict.CREDENTIALS_INVALID, Verdict.PARTITIONED, Verdict.AGENT_DOWN)


class Judging:
    """Keeps the verdicts of all clusters up to date."""

    def __init__(self, store: Store, metrics: Metrics, *, on_lost: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._on_lost = on_lost
        self._metrics = metrics
        self._last_s: float | None = None
        self._shown: set[str] = set()

    def tick(self) -> None:
        """Judge once, by the clock of now."""
        now_s = asyncio.get_running_loop().time()
        if self._last_s is not None and now_s - self._last_s > MAX_LOOP_GAP_S:
            log.warning("the judging loop stalled for %.1f s: all silence clocks start anew", now_s - self._last_s)
            for entry in self._store.clusters.values():
                entry.evidence = forgive(entry.evidence)
        self._last_s = now_s
        self._store.find_duplicates()
        usable = {name: entry for name, entry in self._store.clusters.items() if entry.problem is None}
        for entry in usable.values():
            if entry.past is not None:
                entry.evidence = entry.past.laid_on(entry.evidence, now_s=time.time(), clock_s=now_s)
                entry.past = None
            inflow = entry.inflow
            entry.evidence = excuse(entry.evidence, answered_s=inflow.answered_s, strained=inflow.strains(now_s))
            self._look_inside(entry, now_s)
        cases = {name: self._case(entry) for name, entry in usable.items()}
        budget = self._store.hub.policy.moves
        self._store.suspects = failing(cases)
        verdicts = judge(
            cases,
            max_unhealthy_percent=budget.max_unhealthy_percent,
            now_s=now_s,
            wall_s=time.time(),
            anchors=self._anchors(),
        )
        for name, judgement in verdicts.items():
            entry = usable[name]
            entry.evidence = settle(entry.evidence, judgement, detection=entry.detection, now_s=now_s)
            if judgement != entry.health:
                self._turn(entry, judgement.verdict, judgement.reason)
                since_s = lost_since_s(entry.evidence)
                if judgement.lost and not entry.health.lost and since_s is not None:
                    self._metrics.phase_seconds.labels("detected").observe(now_s - since_s)
                entry.health = judgement
                self._store.health_changed(name)
                if judgement.lost:
                    self._on_lost()
        self._show()

    def _anchors(self) -> Anchors | None:
        """How the policy's anchors answered; those of another policy say nothing."""
        asked, known = len(self._store.hub.policy.anchors), self._store.anchors
        if not asked:
            return None
        return known if known is not None and known.asked == asked else Anchors(asked)

    def _look_inside(self, entry: ClusterEntry, now_s: float) -> None:
        member = entry.member
        if member is not None:
            keep_s = entry.detection.down_after_one_kind_s
            member.age_capacity(now_s=now_s, keep_s=keep_s, answers=entry.answers)
        if not entry.listed and member is not None and member.copies_fresh:
            entry.listed = True
            self._store.dirty.wake(Wake.HEALTH)
        if member is not None and member.synced and entry.answers:
            seen = see_nodes(entry.evidence, total=member.nodes_total, ready=member.nodes_ready, now_s=now_s)
            waiting, launched = member.launching.waiting, member.launching.launched
            entry.evidence = see_launches(seen, waiting=waiting, launched=launched, now_s=now_s)
        else:
            # Nodes seen again after a gap are given the full time once more.
            entry.evidence = unseen(entry.evidence, nodes_too=not entry.health.nodes_lost)

    def _case(self, entry: ClusterEntry) -> Case:
        waits = entry.evidence.was_down
        clean = not waits or self._is_clean(entry)
        return Case(
            entry.evidence,
            entry.detection,
            entry.health,
            clean=clean,
            rebuilt=entry.rebuilt,
            known=bool(entry.meant_uid),
            announced=announced(entry.incidents),
        )

    def _is_clean(self, entry: ClusterEntry) -> bool:
        """Whether a cluster that returned has been listed afresh, and holds no copy that is about to be removed."""
        if entry.member is None or not entry.member.synced or entry.orphans:
            return False
        for key, copy in entry.member.inventory().copies.items():
            workload = self._store.hub.workloads.get(key)
            if workload is None or not (workload.record.placements or workload.record.finished):
                continue
            stale = not is_promised(copy, uid=workload.uid, record=workload.record)
            if stale and self._acts(workload):
                return False
        return True

    def _acts(self, workload: WorkloadEntry) -> bool:
        """Whether stale copies of a workload are removed: where they are not, nobody else must wait for that."""
        policy = self._store.hub.understand(workload).policy
        if policy is None:
            return workload.deleting
        return workload.deleting or policy.mode is Mode.ENFORCE

    def _turn(self, entry: ClusterEntry, verdict: Verdict, reason: str) -> None:
        loud = verdict in LOUD
        log.log(
            logging.WARNING if loud else logging.INFO,
            "verdict cluster=%s from=%s to=%s reason=%s",
            entry.name,
            entry.health.verdict,
            verdict,
            reason,
        )

    def _show(self) -> None:
        for name in self._shown - self._store.clusters.keys():
            self._metrics.show_verdict(name, None)
        self._shown = set(self._store.clusters)
        for name, entry in self._store.clusters.items():
            self._metrics.show_verdict(name, Verdict.UNKNOWN if entry.trouble else entry.health.verdict)
