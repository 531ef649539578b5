"""What a workload has cost, and how far it has come: from prices, start times and checkpoints. Nothing is measured.

Spent is the price for an hour of each copy, for the time from when it was first seen to run until it is known to be
gone. Done is the share of the expected run time that ended by the last checkpoint, at the speed of the accelerator.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tradewind.decide.checkpoints import interval_s, serves
from tradewind.model.placement import CopyState
from tradewind.model.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from tradewind.decide.sight import Sight
    from tradewind.model.fleet import Offer
    from tradewind.model.placement import Placement, Record
    from tradewind.model.workload import PodSet, Workload

MOST_DONE = 0.99
"""Work that outlasts its expected run time still has something to come."""
ASSUMED_CORES_PER_POD = 1.0
"""For pods that ask for no CPU; what they are priced with when a place is chosen."""


def usd_per_hour(pods: PodSet, offer: Offer, *, replicas: int) -> float:
    """Price an hour of so many of the pods on an offer."""
    if pods.accelerators:
        return replicas * pods.accelerators * offer.usd_per_accelerator_hour
    return replicas * (pods.cpu_cores or ASSUMED_CORES_PER_POD) * offer.usd_per_cpu_hour


def spent_usd(record: Record, now_s: float) -> float:
    """Sum up what its copies have cost, those that run now included."""
    hours = (
        (place.usd_per_hour, max(0.0, now_s - max(place.running_since_s, record.settled_s)) / SECONDS_PER_HOUR)
        for place in record.placements
        if _costs(place)
    )
    return record.spent_usd + sum(usd * each for usd, each in hours)


def spent_at_s(record: Record, *, limit_usd: float, now_s: float) -> float | None:
    """Find the moment at which a limit is spent, if all goes on like this; None where nothing runs."""
    rate = sum(place.usd_per_hour for place in record.placements if _costs(place))
    return now_s + (limit_usd - spent_usd(record, now_s)) / rate * SECONDS_PER_HOUR if rate > 0 else None


def ran(record: Record) -> bool:
    """Whether any copy of it has ever run."""
    return bool(record.settled_s) or any(place.running_since_s for place in record.placements)


def done(record: Record, workload: Workload, sight: Sight) -> float:
    """Say which share of the run its last checkpoint holds; 0 where that can't be known."""
    running = (place for place in record.placements if place.state is not CopyState.RELEASING)
    return min(MOST_DONE, record.done + sum(_done_by(place, workload, sight) for place in running))


def resumes(record: Record, workload: Workload, sight: Sight) -> bool:
    """Whether there is a checkpoint to go on from."""
    checkpoint = workload.checkpoint
    if checkpoint is None or not ran(record):
        return False
    known = checkpoint.interval_s is not None and workload.expected_runtime_s is not None
    return not known or done(record, workload, sight) > 0


@dataclass(frozen=True, slots=True)
class Lost:
    """What has to be done again: time of the run, and what the machines cost for it."""

    seconds: float = 0.0
    usd: float = 0.0


def lost_by_leaving(place: Placement, workload: Workload, sight: Sight) -> Lost:
    """Say what a copy has done since its last checkpoint; without checkpoints, since it ran.

    Servers have no progress to lose. Where nobody has said how often it writes checkpoints, it is not known, and
    counts as nothing.
    """
    if serves(workload) or not _costs(place):
        return Lost()
    age_s = _age_s(place, sight)
    if workload.checkpoint is not None:
        every_s = interval_s(workload)
        age_s = age_s % every_s if every_s else 0.0
    return Lost(age_s, age_s / SECONDS_PER_HOUR * place.usd_per_hour)


def settle(before: Record, after: Record, workload: Workload, sight: Sight) -> Record:
    """Note what copies have cost and done when they leave, end, or change their price."""
    now_s = sight.snapshot.now_s
    now = {(place.cluster, place.epoch): place for place in after.placements}
    pairs = [(place, now.get((place.cluster, place.epoch))) for place in before.placements]
    if any(
        _costs(was) and (place is None or place.state is CopyState.FINISHED or place.usd_per_hour != was.usd_per_hour)
        for was, place in pairs
    ):
        after = replace(after, spent_usd=spent_usd(before, now_s), settled_s=now_s)
    if any(was.state is not CopyState.RELEASING and _leaves(place) for was, place in pairs):
        after = replace(after, done=done(before, workload, sight))
    return after


def _leaves(place: Placement | None) -> bool:
    return place is None or place.state in (CopyState.RELEASING, CopyState.FINISHED)


def _costs(place: Placement) -> bool:
    return bool(place.running_since_s) and place.state is not CopyState.FINISHED


def _done_by(place: Placement, workload: Workload, sight: Sight) -> float:
    checkpoint, expected_s = workload.checkpoint, workload.expected_runtime_s
    if checkpoint is None or not checkpoint.interval_s or not expected_s or not _costs(place):
        return 0.0
    age_s = _age_s(place, sight)
    return age_s // checkpoint.interval_s * checkpoint.interval_s * _speed(place, workload, sight) / expected_s


def _age_s(place: Placement, sight: Sight) -> float:
    """For how long it is known to have run: of a lost cluster nothing is, since it was lost."""
    cluster = sight.clusters.get(place.cluster)
    until_s = cluster.health.since_s if cluster is not None and cluster.health.lost else sight.snapshot.now_s
    return max(0.0, min(until_s, sight.snapshot.now_s) - place.running_since_s)


def _speed(place: Placement, workload: Workload, sight: Sight) -> float:
    """How fast it is there, relative to the accelerator that its run time is given for; 1 if that is not known."""
    cluster, speeds = sight.clusters.get(place.cluster), sight.snapshot.conditions.speeds
    offer = next((o for o in cluster.offers if o.name == place.offer), None) if cluster is not None else None
    here = speeds.get(offer.accelerator) if offer is not None else None
    named = speeds.get(workload.runtime_accelerator)
    return here / named if here and named else 1.0
