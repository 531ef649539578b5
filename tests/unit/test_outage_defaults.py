"""The defaults that docs/outage.md states are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewind.apply import backoff, copy_writes, executor
from tradewind.kube import resolving
from tradewind.model.policy import BUILT_IN, Detection, MoveBudget
from tradewind.model.units import format_duration
from tradewind.observe import anchors, canaries, connection
from tradewind.outage import canary, domains, evidence, freeze, heartbeats, inflow, moves, recovery, verdict
from tradewind.runtime import judging, lease

DOCS = Path(__file__).parents[2] / "docs" / "outage.md"
DETECTION, MOVES = Detection(), MoveBudget()


def stated() -> dict[str, tuple[str, str]]:
    """Read the tables of defaults, as what is set, its value and the reason."""
    section = DOCS.read_text(encoding="utf-8").split("\n## Every default, and why\n")[1].split("\n## ")[0]
    rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:2] == "| ")
    return {what.replace("`", ""): (value, why) for what, value, why in rows}


def minutes(seconds: float) -> str:
    return f"{seconds / 60:g} min"


def seconds(value: float) -> str:
    return f"{value:g} s"


RETRIED = f"{seconds(canary.FIRST_AGAIN_S)} to {minutes(canary.MAX_AGAIN_S)}"


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("probeInterval", format_duration(DETECTION.probe_interval_s)),
        ("downAfterOneKind", format_duration(DETECTION.down_after_one_kind_s)),
        ("downAfterTwoKinds", format_duration(DETECTION.down_after_two_kinds_s)),
        ("upAfter", f"{DETECTION.up_after_s:g}s"),
        ("moves.perMinute", str(MOVES.per_minute)),
        ("moves.perTargetPerMinute", str(MOVES.per_target_per_minute)),
        ("moves.burst", str(MOVES.burst)),
        ("moves.maxUnhealthyPercent", str(MOVES.max_unhealthy_percent)),
        ("moves.movePartitionedAfter", format_duration(MOVES.move_partitioned_after_s)),
        ("moves.canaryImage", MOVES.canary_image),
        ("failover.cooldown", format_duration(BUILT_IN.cooldown_s or 0)),
        ("failover.maxMovesPerHour", str(BUILT_IN.max_moves_per_hour)),
        ("failover.failback.when", str(BUILT_IN.failback)),
        ("failover.failback.after", format_duration(BUILT_IN.failback_after_s or 0)),
        ("probes that must fail before Down", str(evidence.MIN_SILENT_PROBES)),
        ("gap between two rounds of judging that starts all silence anew", seconds(verdict.MAX_LOOP_GAP_S)),
        ("small write", f"every {seconds(connection.WRITE_EVERY_S)}, {seconds(connection.WRITE_TIMEOUT_S)} each"),
        ("small writes that must fail before WritesFail", str(verdict.MIN_FAILED_WRITES)),
        ("nothing looked at before CannotLaunch", seconds(verdict.LAUNCH_S)),
        ("heartbeat that still shows an agent, or that its witness works", seconds(heartbeats.FRESH_S)),
        ("clusters that fail by one fault of the hub's own, within", seconds(freeze.SICK_HUB_WINDOW_S)),
        (
            "anchors: a check is believed, and asked again after",
            f"{seconds(freeze.ANCHORS_FRESH_S)}, {seconds(anchors.EVERY_S)}",
        ),
        ("last good address while the hub's resolver fails", minutes(resolving.BELIEVED_S)),
        (
            "a loss that doubles upAfter: after the one before, at most, half-life",
            f"{minutes(recovery.FLAP_WINDOW_S)}, {minutes(recovery.MAX_UP_AFTER_S)}, {minutes(recovery.HALF_LIFE_S)}",
        ),
        (
            "a region is convicted: clusters; a provider: regions, share",
            f"{domains.MIN_CLUSTERS}; {domains.MIN_REGIONS}, two thirds",
        ),
        (
            "canary: time to start, believed, renewed, tried again",
            ", ".join((seconds(canaries.START_S), minutes(canary.VALID_S), minutes(canary.RENEW_S), RETRIED)),
        ),
        (
            "a target is slow: slowest of a hundred writes, over, of at least",
            f"{seconds(inflow.SLOW_S)}, {seconds(inflow.WINDOW_S)}, {inflow.MIN_ANSWERS} writes",
        ),
        (
            "its rate: halved to at least, back to the whole within",
            f"1/{1 / inflow.MIN_SHARE:g}, {seconds(inflow.RECOVERS_S)}",
        ),
        ("its slowness is taken for our own doing for", seconds(inflow.STRAIN_S)),
        (
            "a target that refuses a workload is asked again after",
            f"{minutes(backoff.FIRST_VETO_S)} to {minutes(backoff.MAX_VETO_S)}",
        ),
        ("writes that failed for a moment", f"{seconds(backoff.RETRY_S)} to {minutes(backoff.MAX_RETRY_S)}"),
        ("deliveries at once: to one member, in all", f"{copy_writes.MAX_PER_MEMBER}, {executor.MAX_IN_FLIGHT}"),
        (
            "Lease: valid, renewed, standby looks, one request",
            ", ".join(map(seconds, (lease.DURATION_S, lease.RENEW_S, lease.RETRY_S, lease.TIMEOUT_S))),
        ),
    ],
)
def test_a_default_is_stated_as_it_is_and_with_a_reason(what: str, value: str) -> None:
    found, why = stated()[what]
    assert found == value
    assert why


def test_figures_in_reasons_are_true() -> None:
    tables = stated()
    gap = "gap between two rounds of judging that starts all silence anew"
    assert f"{judging.TICK_S:g} s" in tables[gap][1]
    assert f"more than {moves.MAX_MOVES_KEPT}" in tables["failover.maxMovesPerHour"][1]
