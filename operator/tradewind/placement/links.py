"""The network as matrices: a row per location, a column per cluster; looked up once per location and fleet.

A figure that can't be true (a bandwidth of 0, a negative price, NaN) becomes NaN here. NaN outlasts every sum and every
maximum, so what is priced with it ends as a refusal, never as a bargain.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.units import SECONDS_PER_HOUR
from tradewind.placement.figures import grams_by_cluster, not_negative, positive
from tradewind.placement.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.model.fleet import Cluster
    from tradewind.model.network import Link
    from tradewind.model.plan import Conditions
    from tradewind.model.workload import Client
    from tradewind.placement.table import Floats, OfferTable

BITS_PER_BYTE = 8.0
LINK_FIGURES = ("bandwidth", "egress price", "round trip")
NOTHING = 0
"""The source of an input that is not there: it takes no time and costs nothing."""
UNREADABLE = 1
"""The source of an input that none of its replicas can serve now."""


def on_fleet(conditions: Conditions, fleet: Iterable[Cluster]) -> Conditions:
    """Add where the fleet's clusters stand: data that is said to be at one of them is in its region."""
    regions = {cluster.name: cluster.location for cluster in fleet}
    return replace(conditions, network=replace(conditions.network, regions=regions))


class Links:
    """Columns of a network; sources and targets are known by the index that they were first asked for with.

    Matrices have the shape (sources, clusters). `hours_per_gb` and `usd_per_gb` are from a source to the clusters,
    `grams_per_gb` is what the transfer's energy emits, `out_usd_per_gb` and `save_hours_per_gb` are the way back.
    """

    def __init__(self, table: OfferTable, conditions: Conditions) -> None:
        self._network = conditions.network
        self._clusters = table.clusters
        self._ends = [(cluster.name, cluster.location) for cluster in table.clusters]
        self._grams = grams_by_cluster(table, conditions)
        self._unknown_grams = conditions.assumptions.grams_co2_per_kwh
        self._kwh_per_gb = not_negative(np.array([conditions.assumptions.transfer_kwh_per_gb], dtype=np.float64))
        self._index: dict[str, int] = {}
        self._sets: dict[tuple[str, ...], tuple[int, ...]] = {}
        self._checkpoint_gbps = conditions.assumptions.checkpoint_gbps
        count = len(self._clusters)
        names = ("hours_per_gb", "usd_per_gb", "grams_per_gb", "round_trip_ms", "save_hours_per_gb", "out_usd_per_gb")
        self._rows = {name: Rows(count) for name in names}
        for rows in self._rows.values():
            rows.add(np.full(count, np.inf))  # what can't be read takes for ever
        self._checkpoints: dict[tuple[str, ...], int] = {}
        self._clients: dict[tuple[Client, ...], int] = {}
        self._read_h, self._save_h, self._write_usd, self._write_grams = (Rows(count) for _ in range(4))
        self._round_trip = Rows(count)
        self.names: list[str] = ["", ""]

    def index(self, location: str) -> int:
        """Return the index of a location, reading its links when it is first asked for."""
        index = self._index.get(location)
        if index is None:
            index = self._index[location] = len(self.names)
            self.names.append(location)
            self._read(location)
        return index

    def readable(self, locations: tuple[str, ...]) -> tuple[int, ...]:
        """Return the indexes of the locations that can be read now, by name; `(UNREADABLE,)` where there is none."""
        found = self._sets.get(locations)
        if found is None:
            able = [place for place in sorted(set(locations)) if self._network.readable(place)]
            found = self._sets[locations] = tuple(self.index(place) for place in able) or (UNREADABLE,)
        return found

    def checkpoint(self, locations: tuple[str, ...]) -> int:
        """Return the row of checkpoints at these locations; 0, as if there were none, where none can be read."""
        index = self._checkpoints.get(locations)
        if index is None:
            sources = [one for one in self.readable(locations) if one != UNREADABLE]
            read, save = self.matrix("hours_per_gb"), self.matrix("save_hours_per_gb")
            index = self._read_h.add(np.fmin.reduce(read[sources])) if sources else 0
            if sources:
                self._save_h.add(np.fmin.reduce(save[sources]))
                self._write_usd.add(self.matrix("out_usd_per_gb")[sources].sum(axis=0))
                self._write_grams.add(self.matrix("grams_per_gb")[sources].sum(axis=0))
            self._checkpoints[locations] = index
        return index

    @property
    def checkpoint_read_hours_per_gb(self) -> Floats:
        """(kinds of checkpoints, clusters), from the fastest location."""
        return self._read_h.matrix

    @property
    def checkpoint_save_hours_per_gb(self) -> Floats:
        """(kinds of checkpoints, clusters), to the fastest location."""
        return self._save_h.matrix

    @property
    def checkpoint_write_usd_per_gb(self) -> Floats:
        """(kinds of checkpoints, clusters), to all locations together."""
        return self._write_usd.matrix

    @property
    def checkpoint_write_grams_per_gb(self) -> Floats:
        """(kinds of checkpoints, clusters), what writing to all locations emits."""
        return self._write_grams.matrix

    def clients(self, clients: tuple[Client, ...]) -> int:
        """Return the row of the weighted mean round trip of these clients."""
        index = self._clients.get(clients)
        if index is None:
            sources = [self.index(one.location) for one in clients]
            weights = not_negative(np.array([one.weight for one in clients], dtype=np.float64))[:, None]
            mean = (weights * self.matrix("round_trip_ms")[sources]).sum(axis=0) / weights.sum()
            index = self._clients[clients] = self._round_trip.add(mean)
        return index

    @property
    def clients_round_trip_ms(self) -> Floats:
        """(kinds of clients, clusters), the mean weighted by their shares."""
        return self._round_trip.matrix

    def _read(self, location: str) -> None:
        inward = [self._network.link(location, cluster=name, location=at) for name, at in self._ends]
        back = [self._back(name, at, location) for name, at in self._ends]
        grams = self._kwh_per_gb * np.maximum(self._grams, self._grams_at(location))
        figures = {
            "hours_per_gb": _hours_per_gb(link.gbps for link in inward),
            "usd_per_gb": not_negative(np.array([link.egress_usd_per_gb for link in inward], dtype=np.float64)),
            "grams_per_gb": grams,
            "round_trip_ms": not_negative(np.array([link.round_trip_ms for link in inward], dtype=np.float64)),
            "save_hours_per_gb": _hours_per_gb(
                self._checkpoint_gbps if "bandwidth" in defaulted(link) else link.gbps for link in back
            ),
            "out_usd_per_gb": not_negative(np.array([link.egress_usd_per_gb for link in back], dtype=np.float64)),
        }
        for name, row in figures.items():
            self._rows[name].add(row)

    def _grams_at(self, location: str) -> float:
        """Return the grid of a location: that of the dirtiest cluster there, or the default where there is none."""
        there = [
            float(grams)
            for cluster, grams in zip(self._clusters, self._grams, strict=True)
            if location in (cluster.name, cluster.location) and np.isfinite(grams)
        ]
        return max(there, default=self._unknown_grams)

    def link(self, location: str, cluster: Cluster) -> Link:
        """Return the link from a location to a cluster."""
        return self._network.link(location, cluster=cluster.name, location=cluster.location)

    def out_link(self, cluster: Cluster, location: str) -> Link:
        """Return the link from a cluster to a location."""
        return self._back(cluster.name, cluster.location, location)

    def _back(self, name: str, at: str, location: str) -> Link:
        """Return the link from a cluster, known by its name and its location, to a location."""
        links = self._network.links
        for target in dict.fromkeys((location, self._network.regions.get(location, location))):
            link = links.get((name, target)) or links.get((at, target))
            if link is not None:
                return link
        return self._network.default(location, cluster=name, location=at)

    def matrix(self, name: str) -> Floats:
        """Return a matrix of all locations known so far."""
        return self._rows[name].matrix


def defaulted(link: Link) -> tuple[str, ...]:
    """Name the figures of a link that are defaults: those that `assumed` names, or all of them."""
    if not link.assumed:
        return ()
    return tuple(name for name in LINK_FIGURES if name in link.assumed or " " not in link.assumed)


def _hours_per_gb(gbps: Iterable[float]) -> Floats:
    return BITS_PER_BYTE / positive(np.array(list(gbps), dtype=np.float64)) / SECONDS_PER_HOUR
