"""What asks have in common: those that differ in name, age and labels only are screened, priced and listed once.

Fleets run sweeps, arrays and templates: many asks read alike. A profile is what filters and prices read of an ask.
Equal ones have the same list of offers, cheapest first, and stand at the same place on it: a row that is full for one
is full for all.

Pricing an ask on all offers is dear, and only its cheapest few matter: they are kept, sorted, and looked at again when
their turn comes. Capacity only shrinks while asks are served, and waiting for nodes only grows, so prices only rise:
what is the cheapest on the list after a second look is the cheapest of all that are not dearer than the list's end.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, TypeAlias

from tradewind.model.workload import ONE_CLUSTER

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.plan import Ask
    from tradewind.model.workload import DataInput, Workload
    from tradewind.placement.capacity import Shape

Pods: TypeAlias = tuple[str, int, float, float, int]
"""What equal pods have in common: resource, accelerators, cores and bytes of one of them, and how many."""


def profile_key(ask: Ask, *, limited: bool) -> Hashable:
    """Return all of an ask that its list depends on; the namespace only where quotas limit it.

    Plain values in one flat tuple: asked of every ask in a round, and the hash of a data class costs more than all that
    it holds.
    """
    work, policy = ask.workload, ask.policy
    pods, limits, spread = work.pods, work.constraints, work.spread
    where, providers, who = limits.jurisdictions, limits.providers, limits.operator_jurisdictions
    return (
        work.type,
        work.priority,
        work.kinds,
        work.accelerator_types,
        work.expected_runtime_s,
        work.runtime_accelerator,
        work.interconnect,
        work.min_node_gbps,
        work.max_round_trip_ms,
        pods.count,
        pods.cpu_cores,
        pods.memory_bytes,
        pods.accelerators,
        pods.accelerator_resource,
        limits.markets,
        limits.tiers,
        limits.cluster_selector,
        limits.certifications,
        limits.encryption,
        where.allow,
        where.deny,
        providers.allow,
        providers.deny,
        who.allow,
        who.deny,
        spread.clusters,
        spread.min_providers,
        spread.replicas,
        policy.usd_per_delay_hour,
        policy.pricing_horizon_s,
        policy.usd_per_tonne_co2,
        policy.usd_per_round_trip_ms_hour,
        policy.max_usd_per_hour,
        policy.max_total_usd,
        ask.resumes,
        ask.left,
        ask.spent_usd,
        ask.here,
        ask.lost,
        ask.keeps,
        frozenset(ask.vetoes) if ask.vetoes else None,
        work.key.namespace if limited else None,
        *_moved(work),
    )


def _moved(work: Workload) -> tuple[Hashable, ...]:
    """Return what counts of that of which there may be none, or several."""
    saved, deadline = work.checkpoint, work.deadline
    return (
        tuple([_input(one) for one in work.data]) if work.data else None,
        tuple([(one.size_bytes, one.location) for one in work.outputs]) if work.outputs else None,
        tuple([(one.location, one.weight) for one in work.clients]) if work.clients else None,
        None if saved is None else (saved.size_bytes, saved.locations, saved.interval_s),
        None if deadline is None else (deadline.time_s, deadline.mode, deadline.usd_per_hour_late),
    )


def _input(one: DataInput) -> tuple[Hashable, ...]:
    law = one.residency
    return one.size_bytes, one.locations, one.access, law.jurisdictions, law.operator_jurisdictions


@dataclass(frozen=True, slots=True)
class Patience:
    """What waiting costs an ask, in USD; times from now, in hours.

    The same as in `costs.delay` and `filters.deadline`, for one ask: the price of a row is corrected by it, not redone.
    """

    usd_per_hour: float
    usd_per_hour_late: float
    prefer_h: float
    require_h: float

    def later(self, hours: float, *, by_h: float) -> float:
        """Say what it adds if all takes longer than the `hours` that it was to take; infinite where it may not."""
        if hours + by_h > self.require_h:
            return inf
        late_h = max(0.0, hours + by_h - self.prefer_h) - max(0.0, hours - self.prefer_h)
        return self.usd_per_hour * by_h + self.usd_per_hour_late * late_h


class Profile:
    """Asks that read alike, and the offers that they could have.

    Attributes:
        ask: one of them.
        shape, count: what its pods are, and how many. pods: the same as a key, in a stable order.
        limited: whether a quota limits their namespace somewhere. several: whether they want several clusters at once.
        home: the row where they run and their room is their own; -1 for none.
        rows, usd, hours, queue_h: the list, the cheapest first. at: where it stands.
        past: the rows of earlier lists. first_usd: the price of the first choice, whether or not it was to be had.
        whole: whether the list has all that is feasible.
        chooses: whether some of its data has several replicas.
    """

    __slots__ = (
        "ask",
        "at",
        "chooses",
        "count",
        "first_usd",
        "home",
        "hours",
        "limit_usd",
        "limited",
        "past",
        "patience",
        "pods",
        "queue_h",
        "rows",
        "several",
        "shape",
        "usd",
        "whole",
    )

    def __init__(self, ask: Ask, *, shape: Shape, home: int, limited: bool) -> None:
        self.ask, self.shape, self.home, self.limited = ask, shape, home, limited
        self.several = ask.workload.spread != ONE_CLUSTER
        pods = ask.workload.pods
        self.count = pods.count
        self.pods: Pods = pods.accelerator_resource, pods.accelerators, pods.cpu_cores, pods.memory_bytes, pods.count
        saved = ask.workload.checkpoint
        read = (*ask.workload.data, *((saved,) if ask.resumes and saved is not None else ()))
        self.chooses = any(len(one.locations) > 1 for one in read)
        self.rows: list[int] = []
        self.usd: list[float] = []
        self.hours: list[float] = []
        self.queue_h: list[float] = []
        self.patience = Patience(0.0, 0.0, inf, inf)
        self.at, self.limit_usd, self.whole = 0, inf, True
        self.past: list[list[int]] = []
        self.first_usd = inf

    def regret(self) -> float:
        """Say what it would cost not to get the first on the list; infinite where there is no second."""
        return self.usd[self.at + 1] - self.usd[self.at] if self.at + 1 < len(self.usd) else inf

    def over(self) -> bool:
        """Whether nothing on the list is left."""
        return self.at >= len(self.rows)

    def waits(self, queue_h: float) -> None:
        """Correct the first on the list: it has to wait for nodes so long; it may thereby lose its place."""
        at = self.at
        row, hours = self.rows[at], self.hours[at]
        later_h = queue_h - self.queue_h[at]
        usd = self.usd[at] + self.patience.later(hours, by_h=later_h)
        self.at += 1
        if usd == inf or (usd > self.limit_usd and not self.whole):
            return  # what is dearer than the list's end is not known: the list may run out, and be made anew
        end = at
        while end + 1 < len(self.rows) and (self.usd[end + 1], self.rows[end + 1]) < (usd, row):
            self.rows[end] = self.rows[end + 1]
            for column in (self.usd, self.hours, self.queue_h):
                column[end] = column[end + 1]
            end += 1
        self.rows[end], self.usd[end], self.hours[end], self.queue_h[end] = row, usd, hours + later_h, queue_h
        self.at = at
