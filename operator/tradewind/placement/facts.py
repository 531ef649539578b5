"""What filters know beyond the one cluster in front of them: facts of the whole fleet, and figures for every row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tradewind.placement.law import law_of, laws_of, trespass
from tradewind.placement.quotas import Quotas

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.model.plan import Ask, Conditions
    from tradewind.placement.law import Law, Limits
    from tradewind.placement.table import Floats, Mask, OfferTable


@dataclass(frozen=True, slots=True)
class FleetFacts:
    """Facts of the whole fleet.

    Attributes:
        accelerators: the types that some cluster offers.
        laws: of every location that somebody has described.
    """

    accelerators: frozenset[str] = frozenset()
    laws: Mapping[str, Law] = field(default_factory=dict)


ALONE = FleetFacts()
"""For one cluster that is looked at by itself."""


class RowFacts:
    """Figures per row of the table, found once each."""

    def __init__(self, table: OfferTable, conditions: Conditions) -> None:
        self._table = table
        self._network = conditions.network
        self._ends = [(cluster.name, cluster.location) for cluster in table.clusters]
        self._round_trips: dict[str, Floats] = {}
        self._lawful: dict[Limits, Mask] = {}
        self._quotas = Quotas(table)

    def suits(self, limits: Limits) -> Mask:
        """Say which rows are on clusters that suit limits of law."""
        column = self._lawful.get(limits)
        if column is None:
            lawful = [trespass(law_of(cluster), limits) is None for cluster in self._table.clusters]
            column = self._lawful[limits] = np.array(lawful, dtype=np.bool_)[self._table.cluster_of]
        return column

    def within_quota(self, ask: Ask, *, count: int) -> Mask:
        """Say on which rows quotas hold so many of the pods, as at the beginning, or where it runs."""
        mask = self._quotas.mask(ask.workload.key.namespace, ask.workload.pods, count=count)
        if mask is None:
            return np.ones(len(self._table), dtype=np.bool_)
        home = self._table.row_of(ask.here)
        if home is not None:
            mask[home] = True
        return mask

    def round_trip_ms(self, client: str) -> Floats:
        """Return the round trips from a client's location."""
        column = self._round_trips.get(client)
        if column is None:
            links = (self._network.link(client, cluster=name, location=at) for name, at in self._ends)
            by_cluster = np.array([link.round_trip_ms for link in links], dtype=np.float64)
            column = self._round_trips[client] = by_cluster[self._table.cluster_of]
        return column


def facts_of(table: OfferTable, conditions: Conditions) -> FleetFacts:
    """Find the facts of a fleet."""
    return FleetFacts(table.accelerators, laws_of(table.clusters, conditions.network))
