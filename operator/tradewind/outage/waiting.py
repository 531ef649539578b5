"""Wait for a lost cluster, or move: the expected rest of the outage against the price of the move, both in USD.

rest = (SCALE_H + elapsed) / (SHAPE - 1)                        hours: the mean residual life of Lomax' distribution
wait = rest x hour + what the deadline is missed by because of it x usdPerHourLate
move = (T_move + restart + lost work) x hour + T_queue x usdPerDelayHour + egress
hour = usdPerDelayHour + USD per hour of the machines, here or there, whichever is more

An hour is worth what somebody pays for it, at least: so no price of delay has to be invented. That machines cost more
at the other place doesn't count: once the cluster is back, work that is dear where it is returns for money, if that is
worth it. Lost work counts only where waiting may keep it: while an API server is silent its nodes mostly run on, as in
each upgrade of a control plane that has no replica
(https://cloud.google.com/kubernetes-engine/docs/concepts/cluster-upgrades). It does not where the nodes are gone.

Outages have heavy tails: the longer one has lasted, the longer it will. Lomax' distribution (Pareto's of the second
kind, S(t) = (1 + t / scale) ^ -shape) says so in the simplest way, and its rest grows with the time that has passed. So
nothing waits for ever, and the time at which waiting ends is known from the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from tradewind.model.units import SECONDS_PER_HOUR, format_duration, format_usd

SHAPE = 1.43
"""Of both priors: from the tail of the figures below."""
ANNOUNCED_SCALE_H = 3.0
"""For an outage that the provider announces: with SHAPE it has a median of 1.9 hours, and a 95th percentile of 21.

What AWS published in 2024 has 1.88 and 21.83 (https://dev.ahill.net/posts/aws-gcp-azure-incidents-2024). Google Cloud
(3.86 and 82) and Azure (5.27 and 26) take longer, with which work would move even sooner.
"""
UNANNOUNCED_SCALE_H = 8 / 60
"""For one that nobody announces, with a median of five minutes.

Such outages are mostly one cluster's own: a control plane that is upgraded or restarted, or a link that is down, which
take minutes. Nobody publishes figures; the tail is taken to be the same. With it 18 minutes are expected at first.
"""
LOOK_AGAIN_S = 600.0
"""Prices and free room change: work that waits is looked at again after this time, or sooner."""


@dataclass(frozen=True, slots=True)
class Outage:
    """An outage so far. `announced`: whether the provider says that something is wrong there."""

    elapsed_s: float
    announced: bool = False

    @property
    def rest_h(self) -> float:
        """How long it is expected to last from now."""
        return (self._scale_h + max(0.0, self.elapsed_s) / SECONDS_PER_HOUR) / (SHAPE - 1)

    def until_rest_s(self, rest_h: float) -> float:
        """Say in which time so much rest is to be expected; 0 where that is now."""
        elapsed_h = rest_h * (SHAPE - 1) - self._scale_h
        return max(0.0, elapsed_h * SECONDS_PER_HOUR - self.elapsed_s)

    @property
    def _scale_h(self) -> float:
        return ANNOUNCED_SCALE_H if self.announced else UNANNOUNCED_SCALE_H


@dataclass(frozen=True, slots=True)
class Stakes:
    """What waiting and moving cost one workload. Times in hours, from now.

    Attributes:
        usd_per_hour: what its machines cost, where it was or where it would go, whichever is more.
        usd_per_delay_hour: the policy's price of an hour.
        lost_h: what it has done since its last checkpoint, where waiting may keep that.
        transfer_h, queue_h, restart_h: until it runs at the other place: data, nodes, delivery and start.
        egress_usd: of what is staged there, the checkpoint among it.
        left_h: what is left of the run.
        usd_per_hour_late: for a deadline that is preferred.
        deadline_h: until the deadline; infinite without one.
        required: the deadline must be kept.
    """

    usd_per_hour: float
    usd_per_delay_hour: float = 0.0
    lost_h: float = 0.0
    transfer_h: float = 0.0
    queue_h: float = 0.0
    restart_h: float = 0.0
    egress_usd: float = 0.0
    left_h: float = 0.0
    usd_per_hour_late: float = 0.0
    deadline_h: float = inf
    required: bool = False

    @property
    def hour_usd(self) -> float:
        """What an hour is worth."""
        return self.usd_per_hour + self.usd_per_delay_hour

    @property
    def lost_usd(self) -> float:
        """What has to be done again."""
        return self.lost_h * self.hour_usd

    @property
    def move_usd(self) -> float:
        """What the move costs."""
        moved_usd = (self.transfer_h + self.restart_h) * self.hour_usd
        return self.lost_usd + moved_usd + self.queue_h * self.usd_per_delay_hour + self.egress_usd

    def wait_usd(self, rest_h: float) -> float:
        """Say what it costs to wait so long; infinite where a deadline that must be kept is then missed."""
        spare_h = self.deadline_h - self.left_h
        late_h = max(0.0, rest_h - max(0.0, spare_h))
        if self.required and late_h > 0:
            return inf
        late_usd = late_h * self.usd_per_hour_late if self.usd_per_hour_late else 0.0
        return rest_h * self.hour_usd + late_usd


@dataclass(frozen=True, slots=True)
class Wait:
    """Waiting is cheaper: what both cost, what the outage is expected to last, and when to look again, from now."""

    wait_usd: float
    move_usd: float
    rest_h: float
    lost_usd: float
    again_s: float

    def words(self, cluster: str) -> str:
        """Say so in a sentence; figures that pass with each second are not in it."""
        lost = f", {format_usd(self.lost_usd)} of it work to do again" if self.lost_usd else ""
        return (
            f"Waits for {cluster}: the rest of its outage is expected to take "
            f"{format_duration(self.rest_h * SECONDS_PER_HOUR)} and to cost {format_usd(self.wait_usd)}; "
            f"a move costs {format_usd(self.move_usd)}{lost}. "
            f"It is decided again within {format_duration(LOOK_AGAIN_S)}."
        )


def waits(stakes: Stakes, outage: Outage) -> Wait | None:
    """Say why work should wait for its lost cluster; None where it should move.

    Where neither machines nor delay have a price, nothing says what time is worth, and it moves.
    """
    rest_h, move_usd = outage.rest_h, stakes.move_usd
    wait_usd = stakes.wait_usd(rest_h)
    if stakes.hour_usd <= 0 or not wait_usd < move_usd:
        return None
    # Without the deadline, which can only make it sooner and is looked at again anyway.
    ends_s = outage.until_rest_s(move_usd / stakes.hour_usd)
    return Wait(wait_usd, move_usd, rest_h, stakes.lost_usd, min(ends_s, LOOK_AGAIN_S))
