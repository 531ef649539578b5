"""The fleet's offers as columns: a row per offer, by cluster and offer, so that nothing depends on input order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Here

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class OfferTable:
    """All offers of the fleet; every array has one entry per row.

    Attributes:
        clusters: by name, each with its offers and nodes by name.
        rows: cluster and offer of each row.
        cluster_of: index into `clusters`.
        first_row: per cluster, the row of its first offer; its other rows follow, unless this is a part.
        accelerators: the accelerator types that some offer has.
        last_resort: rows of clusters in a convicted failure domain: only where no other row is feasible.
        index: rows by the names of cluster and offer.
    """

    clusters: tuple[Cluster, ...]
    rows: tuple[tuple[Cluster, Offer], ...]
    cluster_of: Ints
    first_row: tuple[int, ...]
    usd_per_accelerator_hour: Floats
    usd_per_cpu_hour: Floats
    without_accelerator: Mask
    accelerators: frozenset[str]
    last_resort: Mask
    index: Mapping[tuple[str, str], int]

    def row_of(self, here: Here | None) -> int | None:
        """Find the row of an offer; None where there is none, or no longer."""
        return None if here is None else self.index.get((here.cluster, here.offer))

    def part(self, rows: Ints) -> OfferTable:
        """Return some of the rows, of the same clusters."""
        offers = tuple(self.rows[row] for row in rows.tolist())
        return replace(
            self,
            rows=offers,
            cluster_of=self.cluster_of[rows],
            usd_per_accelerator_hour=self.usd_per_accelerator_hour[rows],
            usd_per_cpu_hour=self.usd_per_cpu_hour[rows],
            without_accelerator=self.without_accelerator[rows],
            accelerators=frozenset(offer.accelerator for _, offer in offers if offer.accelerator),
            last_resort=self.last_resort[rows],
            index={(cluster.name, offer.name): row for row, (cluster, offer) in enumerate(offers)},
        )

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.rows)


def tabulate(fleet: Sequence[Cluster]) -> OfferTable:
    """Lay the fleet out as columns."""
    clusters = tuple(_ordered(cluster) for cluster in sorted(fleet, key=lambda cluster: cluster.name))
    rows = tuple((cluster, offer) for cluster in clusters for offer in cluster.offers)
    sizes = [len(cluster.offers) for cluster in clusters]
    offers = [offer for _, offer in rows]
    return OfferTable(
        clusters=clusters,
        rows=rows,
        cluster_of=np.repeat(np.arange(len(clusters), dtype=np.int64), sizes),
        first_row=tuple(accumulate(sizes, initial=0))[:-1],
        usd_per_accelerator_hour=np.array([offer.usd_per_accelerator_hour for offer in offers], dtype=np.float64),
        usd_per_cpu_hour=np.array([offer.usd_per_cpu_hour for offer in offers], dtype=np.float64),
        without_accelerator=np.array([not offer.accelerator for offer in offers], dtype=np.bool_),
        accelerators=frozenset(offer.accelerator for offer in offers if offer.accelerator),
        last_resort=np.array([bool(cluster.convicted) for cluster, _ in rows], dtype=np.bool_),
        index={(cluster.name, offer.name): row for row, (cluster, offer) in enumerate(rows)},
    )


def _ordered(cluster: Cluster) -> Cluster:
    return replace(
        cluster,
        offers=tuple(sorted(cluster.offers, key=lambda offer: offer.name)),
        nodes=tuple(sorted(cluster.nodes, key=lambda node: node.name)),
    )
