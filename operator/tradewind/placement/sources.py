"""Which replica serves each input: the choice that is cheapest in egress and time together.

Inputs are read at the same time, so the time is that of the slowest one. Choosing each replica by itself would pay for
speed that another input's slowness wastes; so every time that could be the slowest is tried, and for each of them the
cheapest replicas that are no slower. That is exact, and one pass per replica over all offers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.units import BYTES_PER_GB, SECONDS_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.network import Link, Network
    from tradewind.model.workload import DataInput
    from tradewind.placement.table import Floats, Ints, OfferTable

BITS_PER_BYTE = 8.0


@dataclass(frozen=True, slots=True)
class LinkColumn:
    """The links from one location to every offer's cluster."""

    links: tuple[Link, ...]  # per cluster
    gbps: Floats  # per row
    usd_per_gb: Floats  # per row


class Links:
    """Columns of a network, looked up once per location."""

    def __init__(self, network: Network, table: OfferTable) -> None:
        self._network = network
        self._table = table
        self._columns: dict[str, LinkColumn] = {}
        self._phrases: dict[tuple[str, int], str] = {}

    def column(self, source: str) -> LinkColumn:
        """Return the links that start at a location."""
        column = self._columns.get(source)
        if column is None:
            links = tuple(
                self._network.link(source, cluster=cluster.name, location=cluster.location)
                for cluster in self._table.clusters
            )
            at = self._table.cluster_of
            column = LinkColumn(
                links=links,
                gbps=np.array([link.gbps for link in links], dtype=np.float64)[at],
                usd_per_gb=np.array([link.egress_usd_per_gb for link in links], dtype=np.float64)[at],
            )
            self._columns[source] = column
        return column

    def assumed(self, source: str, row: int) -> str:
        """Name the figures of a link that are defaults; "" where none is."""
        index = int(self._table.cluster_of[row])
        phrase = self._phrases.get((source, index))
        if phrase is None:
            link = self.column(source).links[index]
            location = self._table.clusters[index].location
            figures = _defaulted(link)
            phrase = f"link {source} -> {location}: default {figures}" if figures else ""
            self._phrases[source, index] = phrase
        return phrase


@dataclass(frozen=True, slots=True)
class Transfer:
    """How a set of inputs gets to every offer.

    Attributes:
        hours: until the slowest is there, and never less than the floor that was given.
        egress_usd: what all of them cost.
        replicas: input and location of each replica that was weighed.
        chosen: per replica and row, whether it serves its input.
    """

    hours: Floats
    egress_usd: Floats
    replicas: tuple[tuple[str, str], ...]
    chosen: Floats


def choose(inputs: Sequence[DataInput], *, links: Links, floor_h: Floats, usd_per_hour: Floats) -> Transfer:
    """Choose the replicas of inputs that are read at the same time.

    Args:
        inputs: all staged, or all streamed.
        links: the network.
        floor_h: time that passes anyway: 0 for staging, T_run for streaming.
        usd_per_hour: what each hour costs, in machines and in delay.
    """
    replicas = [(index, one, place) for index, one in enumerate(inputs) for place in sorted(set(one.locations))]
    rows = len(floor_h)
    if not replicas:
        return Transfer(floor_h, np.zeros(rows), (), np.zeros((0, rows)))
    columns = [links.column(place) for _, _, place in replicas]
    gigabytes = np.array([one.size_bytes / BYTES_PER_GB for _, one, _ in replicas])[:, None]
    hours = gigabytes * BITS_PER_BYTE / np.array([column.gbps for column in columns]) / SECONDS_PER_HOUR
    usd = gigabytes * np.array([column.usd_per_gb for column in columns])
    owner = np.array([index for index, _, _ in replicas])
    hours_at, picks = _cheapest(hours, usd, owner=owner, floor_h=floor_h, usd_per_hour=usd_per_hour)
    egress = np.zeros(rows)
    chosen = np.zeros(hours.shape)
    for pick in picks:
        egress = egress + usd[pick, np.arange(rows)]
        chosen[pick, np.arange(rows)] = 1.0
    return Transfer(hours_at, egress, tuple((one.name, place) for _, one, place in replicas), chosen)


def _cheapest(
    hours: Floats, usd: Floats, *, owner: Ints, floor_h: Floats, usd_per_hour: Floats
) -> tuple[Floats, list[Ints]]:
    """Try every replica's time as the slowest; return the time per row, and per input the replica per row."""
    rows, everywhere = len(floor_h), np.arange(len(floor_h))
    members = [np.flatnonzero(owner == index) for index in np.unique(owner)]
    best_usd, best_h = np.full(rows, np.inf), np.full(rows, np.inf)
    picks = [group[np.zeros(rows, dtype=np.int64)] for group in members]
    for threshold in hours:
        within_h = np.maximum(threshold, floor_h)
        total = usd_per_hour * within_h
        trial = []
        for group in members:
            price = np.where(hours[group] <= within_h, usd[group], np.inf)
            pick = price.argmin(axis=0)
            total = total + price[pick, everywhere]
            trial.append(group[pick])
        # Where time costs nothing, the faster of two equal totals is still the better one.
        better = (total < best_usd) | ((total == best_usd) & (within_h < best_h))
        best_usd, best_h = np.where(better, total, best_usd), np.where(better, within_h, best_h)
        picks = [np.where(better, new, old) for new, old in zip(trial, picks, strict=True)]
    return best_h, picks


def _defaulted(link: Link) -> str:
    """Name the figures of a link that are defaults: those that `assumed` names, or both. Round trips move no data."""
    figures = {"bandwidth": f"{link.gbps:g} Gbit/s", "egress price": f"${link.egress_usd_per_gb:g}/GB"}
    figures = {name: figure for name, figure in figures.items() if name in link.assumed or " " not in link.assumed}
    return ", ".join(figures.values()) if link.assumed else ""
