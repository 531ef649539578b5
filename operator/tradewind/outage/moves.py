"""Which work may leave a lost cluster now, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.model.health import Verdict
from tradewind.model.policy import Guarantee

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.health import Judgement
    from tradewind.model.placement import Move
    from tradewind.model.policy import EffectivePolicy

HOUR_S = 3600.0
OUTAGES = frozenset({"ApiServerSilent", "ApiServerAndAgentSilent", "NodesNotReady", "AgentHeard"})
"""Reasons of verdicts that drive work out of a cluster which may be the same again when it returns."""
MAX_MOVES_KEPT = 5
"""As many moves as status keeps. More than these can't be counted, so no limit above it can be kept either."""


@dataclass(frozen=True, slots=True)
class Held:
    """Why work stays where it is, though its cluster is lost.

    Attributes:
        retry_s: when time alone may cure it, in seconds since the Unix epoch; None where it can't.
    """

    reason: str
    message: str
    retry_s: float | None = None


def may_leave(
    health: Judgement, *, cluster: str, policy: EffectivePolicy, moves: Sequence[Move], now_s: float, gone: bool = False
) -> Held | None:
    """Whether one workload may leave its lost cluster: None, or what holds it.

    Args:
        health: of the cluster.
        cluster: its name.
        policy: what counts for the workload.
        moves: those that its status keeps.
        now_s: seconds since the Unix epoch.
        gone: its copy is known not to be there any more.
    """
    if policy.guarantee is Guarantee.AT_MOST_ONCE and not gone:
        return old_copy_may_run(cluster, health)
    recent = [move for move in moves if now_s - move.decided_s < HOUR_S]
    if len(recent) >= min(policy.max_moves_per_hour, MAX_MOVES_KEPT):
        retry_s = min(move.decided_s for move in recent) + HOUR_S if recent else None
        return Held("MovesExhausted", f"{len(recent)} moves within the last hour (maxMovesPerHour).", retry_s)
    # Down of the cluster that it moved to overrides the cooldown; anything less has to wait.
    since_move_s = now_s - max((move.decided_s for move in moves), default=0.0)
    if health.verdict is not Verdict.DOWN and since_move_s < policy.cooldown_s:
        return Held(
            "CoolingDown", "It has moved a short while ago (cooldown).", now_s + policy.cooldown_s - since_move_s
        )
    return None


def old_copy_may_run(cluster: str, health: Judgement) -> Held:
    """Say why AtMostOnce waits for a lost cluster."""
    return Held(
        "OldCopyMayRun",
        f"{cluster} is lost ({health.reason}) and its copy may still run there. It starts elsewhere "
        "once the copy is known to be gone; failover.guarantee: AtLeastOnce moves it now, at the risk of two.",
    )


@dataclass(slots=True)
class MoveBucket:
    """A token bucket over the fleet, full when it is first asked. `now_s` is monotonic."""

    tokens: float = 0.0
    filled_s: float | None = None

    def available(self, *, per_minute: float, burst: int, now_s: float) -> int:
        """How many moves may start now."""
        gained = float(burst) if self.filled_s is None else max(0.0, now_s - self.filled_s) * per_minute / 60.0
        self.tokens = min(float(burst), self.tokens + gained)
        self.filled_s = now_s
        return int(self.tokens)

    def spend(self, moves: int) -> None:
        """Count moves that have been decided."""
        self.tokens -= moves
