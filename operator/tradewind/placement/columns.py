"""What pricing reads of asks, as columns: a batch is taken apart once, and then priced with arrays alone."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf, nan
from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.kind import WorkloadType
from tradewind.model.units import BYTES_PER_GB, SECONDS_PER_HOUR
from tradewind.model.workload import DeadlineMode
from tradewind.placement.figures import WITH_ACCELERATORS, WITHOUT_ACCELERATORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.plan import Ask
    from tradewind.model.workload import Workload
    from tradewind.placement.figures import Figures
    from tradewind.placement.links import Links
    from tradewind.placement.table import Floats, Ints

ASSUMED_CORES_PER_POD = 1.0
"""For pods that ask for no CPU: unknown is not zero."""
GRAMS_PER_TONNE = 1e6
_INDEXES, _CHECKED = 5, 9


@dataclass(frozen=True, slots=True)
class AskColumns:
    """A batch of asks. Indexes have the shape (asks,), figures (asks, 1), so that they meet those of the offers.

    Attributes:
        kind: WITH_ACCELERATORS or WITHOUT_ACCELERATORS.
        slower, failures: rows of the matrices of `Figures`; checkpoint, clients: of `Links`.
        units: accelerators, or cores, of all pods.
        run_h: T_run on the accelerator that the run time was given for, of what is left.
        endless: 1 for servers, which are never done.
        checkpoint_gb: 0 without one that can be read.
        usd_per_delay_hour, usd_per_hour_late, usd_per_gram, usd_per_round_trip_ms_hour: prices.
        max_usd_per_hour: infinite without a limit.
        interval_h: between checkpoints, infinite without any, 0 where there is no progress to lose; NaN where the work
            does not say.
        prefer_h, require_h: from now to the deadline of that mode; infinite without one, and for servers.
        left_usd: what all the rest may cost; infinite without a limit.
    """

    asks: Sequence[Ask]
    kind: Ints
    slower: Ints
    failures: Ints
    checkpoint: Ints
    clients: Ints
    units: Floats
    run_h: Floats
    endless: Floats
    checkpoint_gb: Floats
    usd_per_delay_hour: Floats
    usd_per_hour_late: Floats
    usd_per_gram: Floats
    usd_per_round_trip_ms_hour: Floats
    max_usd_per_hour: Floats
    interval_h: Floats
    prefer_h: Floats
    require_h: Floats
    left_usd: Floats

    def __len__(self) -> int:
        """Count the asks."""
        return len(self.asks)

    def of(self, indexes: list[int]) -> AskColumns:
        """Return the columns of some of the asks."""
        at = np.array(indexes, dtype=np.int64)  # once, not for every column
        columns = (getattr(self, one.name)[at] for one in fields(self)[1:])
        return AskColumns([self.asks[index] for index in indexes], *columns)


def columns_of(asks: Sequence[Ask], *, figures: Figures, links: Links, now_s: float) -> AskColumns:
    """Take asks apart. What can't be true, such as a negative size, becomes NaN, and no place has a price then."""
    table = np.array([_columns(ask, figures, links, now_s) for ask in asks], dtype=np.float64)
    # A column is used as a whole: laid out as such it is read in one go.
    columns = np.ascontiguousarray(table.reshape(len(asks), len(fields(AskColumns)) - 1).T)
    checked = columns[_INDEXES : _INDEXES + _CHECKED]
    checked[~(checked >= 0)] = nan
    indexes = columns[:_INDEXES].astype(np.int64)
    return AskColumns(asks, *indexes, *(column[:, None] for column in columns[_INDEXES:]))


def _columns(ask: Ask, figures: Figures, links: Links, now_s: float) -> tuple[float, ...]:
    """List an ask's columns in their order: the indexes, those that can't be negative, the others."""
    work, policy = ask.workload, ask.policy
    pods, deadline, saved = work.pods, work.deadline, work.checkpoint
    runtime_s = policy.pricing_horizon_s if work.expected_runtime_s is None else work.expected_runtime_s
    known = pods.accelerators and work.expected_runtime_s is not None
    endless = work.type is WorkloadType.INFERENCE
    checkpoint = links.checkpoint(saved.locations) if saved is not None else 0
    latency_usd = policy.usd_per_round_trip_ms_hour
    prefer_h = require_h = inf
    late_usd = 0.0
    if deadline is not None and not endless:
        ahead_h = (deadline.time_s - now_s) / SECONDS_PER_HOUR
        if deadline.mode is DeadlineMode.PREFER:
            prefer_h, late_usd = ahead_h, deadline.usd_per_hour_late
        else:
            require_h = ahead_h
    return (
        WITH_ACCELERATORS if pods.accelerators else WITHOUT_ACCELERATORS,
        figures.slower(work.runtime_accelerator if known else ""),
        figures.failures(work),
        checkpoint,
        links.clients(work.clients) if work.clients and latency_usd else 0,
        pods.count * (pods.accelerators or pods.cpu_cores or ASSUMED_CORES_PER_POD),
        runtime_s / SECONDS_PER_HOUR * ask.left,
        endless,
        saved.size_bytes / BYTES_PER_GB if saved is not None and checkpoint else 0.0,
        policy.usd_per_delay_hour,
        late_usd,
        policy.usd_per_tonne_co2 / GRAMS_PER_TONNE,
        latency_usd,
        inf if policy.max_usd_per_hour is None else policy.max_usd_per_hour,
        _interval_h(work, saved=bool(checkpoint)),
        prefer_h,
        require_h,
        inf if policy.max_total_usd is None else policy.max_total_usd - ask.spent_usd,
    )


def _interval_h(work: Workload, *, saved: bool) -> float:
    if work.type is WorkloadType.INFERENCE:
        return 0.0
    if work.checkpoint is None or not saved:
        return inf
    interval_s = work.checkpoint.interval_s
    return interval_s / SECONDS_PER_HOUR if interval_s is not None and interval_s > 0 else nan
