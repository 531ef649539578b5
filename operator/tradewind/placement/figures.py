"""What the offers' own figures amount to, as columns: price, speed, power, failures; defaults filled in.

Like `links`, it turns what can't be true into NaN, so that it ends as a refusal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.assumptions import INTERRUPTIONS_PER_HOUR
from tradewind.model.kind import WorkloadType
from tradewind.model.units import SECONDS_PER_HOUR
from tradewind.placement.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.model.fleet import Offer
    from tradewind.model.plan import Conditions
    from tradewind.model.workload import Workload
    from tradewind.placement.table import Floats, OfferTable

WATTS_PER_KW = 1000.0
WITH_ACCELERATORS = 0
WITHOUT_ACCELERATORS = 1


def not_negative(figures: Floats) -> Floats:
    """Keep what is finite and at least 0; the rest becomes NaN."""
    return np.where((figures >= 0) & np.isfinite(figures), figures, np.nan)


def positive(figures: Floats) -> Floats:
    """Keep what is finite and more than 0; the rest becomes NaN."""
    return np.where((figures > 0) & np.isfinite(figures), figures, np.nan)


def grams_by_cluster(table: OfferTable, conditions: Conditions) -> Floats:
    """Return the grid's grams of CO2 per kWh, per cluster; the assumption where nobody said it."""
    assumed = conditions.assumptions.grams_co2_per_kwh
    said = [cluster.carbon.grams_co2_per_kwh for cluster in table.clusters]
    return not_negative(np.array([assumed if one is None else one for one in said], dtype=np.float64))


def ratio(reference: str, offered: str, speeds: Mapping[str, float]) -> float | None:
    """Return how many times longer `offered` takes than `reference`; None where that is not known."""
    if reference == offered:
        return 1.0
    if reference not in speeds or offered not in speeds:
        return None
    slow, fast = speeds[offered], speeds[reference]
    return fast / slow if 0 < slow < np.inf and 0 < fast < np.inf else float("nan")


def interruptions(offer: Offer, conditions: Conditions) -> float:
    """Return how often a node of the offer is interrupted, per hour."""
    if offer.interruptions_per_hour is not None:
        return offer.interruptions_per_hour
    return conditions.interruptions_per_hour.get(offer.market, INTERRUPTIONS_PER_HOUR[offer.market])


class Figures:
    """Columns of the offers. Where a matrix has two rows, they are for work with accelerators, and for work without.

    Attributes:
        usd_per_unit_hour: (2, rows) price of an accelerator, or of a core; 0 on offers of the other kind.
        grams_per_unit_hour: (2, rows) CO2 of an accelerator, or a core, under load for an hour, cooling included.
        restart_h: (rows,) from an interruption to running again, without reading the checkpoint.
    """

    def __init__(self, table: OfferTable, conditions: Conditions) -> None:
        self._table = table
        self._conditions = conditions
        offers = [offer for _, offer in table.rows]
        assumptions, without = conditions.assumptions, table.without_accelerator
        self.usd_per_unit_hour: Floats = np.array(
            [
                np.where(without, 0.0, not_negative(table.usd_per_accelerator_hour)),
                np.where(without, not_negative(table.usd_per_cpu_hour), 0.0),
            ]
        )
        watts = [conditions.watts.get(offer.accelerator, assumptions.watts_per_accelerator) for offer in offers]
        cores_w = np.full(len(offers), assumptions.watts_per_cpu_core)
        kw = positive(np.array([np.array(watts, dtype=np.float64), cores_w])) / WATTS_PER_KW
        kw[WITH_ACCELERATORS, without] = 0.0
        kw[WITHOUT_ACCELERATORS, ~without] = 0.0
        grid = grams_by_cluster(table, conditions) * self._pue()
        self.grams_per_unit_hour: Floats = kw * grid[table.cluster_of]
        provisioning_s = [0.0 if offer.max_nodes is None else offer.provisioning_s for offer in offers]
        start_s = not_negative(np.array([conditions.detect_s + assumptions.restart_s], dtype=np.float64))
        self.restart_h: Floats = (start_s + not_negative(np.array(provisioning_s, dtype=np.float64))) / SECONDS_PER_HOUR
        rates = [interruptions(offer, conditions) for offer in offers]
        self._interruptions = not_negative(np.array(rates, dtype=np.float64))
        self._per_node = np.array([offer.per_node for offer in offers], dtype=np.float64)
        self._node_cores = np.array([offer.node_cpu_cores for offer in offers], dtype=np.float64)
        self._slower, self._slower_at = Rows(len(offers)), dict[str, int]()
        self._failures, self._failures_at = Rows(len(offers)), dict[tuple[float, ...], int]()

    def _pue(self) -> Floats:
        """Return the power usage effectiveness per cluster; less than 1 is not possible."""
        assumed = self._conditions.assumptions.pue
        said = [cluster.carbon.pue for cluster in self._table.clusters]
        pue = positive(np.array([assumed if one is None else one for one in said], dtype=np.float64))
        return np.where(pue >= 1, pue, np.nan)

    def slower(self, reference: str) -> int:
        """Return the row in `slower_by` of how many times longer every offer takes than the accelerator named."""
        index = self._slower_at.get(reference)
        if index is None:
            speeds, types = self._conditions.speeds, sorted(self._table.accelerators)
            known = {kind: ratio(reference, kind, speeds) if reference else None for kind in types}
            by_type = {kind: 1.0 if one is None else one for kind, one in known.items()}
            row = [by_type.get(offer.accelerator, 1.0) for _, offer in self._table.rows]
            index = self._slower_at[reference] = self._slower.add(np.array(row, dtype=np.float64))
        return index

    @property
    def slower_by(self) -> Floats:
        """(references, rows)."""
        return self._slower.matrix

    def failures(self, work: Workload) -> int:
        """Return the row in `failures_per_hour` for a workload's pods.

        Pods that work together all stop when any of their nodes does, so their rate is that of all nodes. Servers
        don't: of n nodes' servers one in n is lost n times as often, which is the rate of one node.
        """
        gang = work.type is not WorkloadType.INFERENCE
        pods = work.pods
        key = (pods.count, pods.accelerators, pods.cpu_cores) if gang else ()
        index = self._failures_at.get(key)
        if index is None:
            nodes = self._nodes(work) if gang else 1.0
            index = self._failures_at[key] = self._failures.add(self._interruptions * nodes)
        return index

    @property
    def failures_per_hour(self) -> Floats:
        """(kinds of pods, rows)."""
        return self._failures.matrix

    def _nodes(self, work: Workload) -> Floats:
        """Count the nodes that the pods take; one for each pod where the size of a node is not known."""
        pods = work.pods
        if pods.accelerators:
            per_node = np.floor(self._per_node / pods.accelerators)
        elif pods.cpu_cores:
            per_node = np.where(np.isfinite(self._node_cores), np.floor(self._node_cores / pods.cpu_cores), 1.0)
        else:
            per_node = np.ones(len(self._table))
        return np.ceil(pods.count / np.maximum(per_node, 1.0))
