"""Pods of one work on several clusters at once: which of them, and how many on each.

Pods are divided as evenly as they can be: shares differ by one at most, if capacity allows. Among the sets of clusters
that can hold such shares, at as many providers as are asked for, the cheapest in sum is taken, exactly: per provider
the best ways to take so many clusters are found, then combined. Where no set can hold even shares, the clusters with
the most room are taken, and filled as evenly as they allow.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from tradewind.model.workload import Replicas
from tradewind.placement.evidence import Part, sized
from tradewind.placement.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.plan import Ask
    from tradewind.placement.bids import Bid, View
    from tradewind.placement.round import Round
    from tradewind.placement.table import Floats, Ints, Mask, OfferTable

Parcel: TypeAlias = tuple[int, int, float, float]
"""A row, replicas, their USD, and for how many hours they wait for their nodes."""


class Site(NamedTuple):
    """The best that one cluster has for a share.

    Attributes:
        small, large: USD and row for the smaller and the larger share; infinite where it does not fit.
    """

    cluster: int
    provider: str
    small_usd: float
    small_row: int
    large_usd: float
    large_row: int


Pick: TypeAlias = tuple[Site, bool]
"""A site, and whether it gets the larger share."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be found, beside the shares that stay.

    Attributes:
        clusters: how many. larger: how many of them take one pod more than `share`.
        providers: how many of theirs must be other than those in `known`.
    """

    clusters: int
    larger: int
    share: int
    providers: int
    known: frozenset[str]
    pods: int


class Spreader:
    """Places work that asks for several clusters."""

    def __init__(self, of: Round) -> None:
        self._round = of
        self._shares: dict[tuple[Profile, int], Profile] = {}
        self._hourly: dict[Profile, Floats] = {}

    def shares(self, profile: Profile) -> list[Profile]:
        """List what will be priced for such work, if its pods can be divided evenly."""
        share = self._wanted(profile.ask).share
        return [self._share(profile, count) for count in (share, share + 1)] if share else []

    def place(self, bid: Bid) -> None:
        """Reserve its shares, or say on the bid what is lacking."""
        wanted = self._wanted(bid.ask)
        if wanted.clusters <= 0 or wanted.pods <= 0:
            bid.lacking = "all clusters that spread asks for have their share already"
            return
        if not wanted.share:
            bid.lacking = f"spread asks for {wanted.clusters} clusters, and there are {wanted.pods} pods to divide"
            return
        parts = self._even(bid, wanted) or self._uneven(bid, wanted)
        if not parts:
            bid.lacking = self._lacking(bid, wanted)
            return
        work = bid.ask.workload
        bid.parts = found = []
        for row, replicas, usd, waits_h in parts:
            taken = self._round.capacity.reserve(row, replace(work.pods, count=replicas), bid.profile.shape)
            self._round.quotas.take(row, work.key.namespace, work.pods, count=replicas)
            found.append(Part(row, replicas, waits_h, taken))
            bid.total_usd = usd + (0.0 if bid.row < 0 else bid.total_usd)
            bid.row = found[0].row

    def _wanted(self, ask: Ask) -> Wanted:
        spread, clusters = ask.workload.spread, self._round.table.clusters
        kept = {each.cluster for each in ask.keeps}
        known = frozenset(cluster.provider for cluster in clusters if cluster.name in kept)
        count, pods = spread.clusters - len(kept), ask.workload.pods.count
        if spread.replicas is Replicas.DUPLICATED:
            share, larger = pods, 0
        else:
            pods -= sum(each.replicas for each in ask.keeps)
            share, larger = divmod(pods, count) if count > 0 else (0, 0)
        return Wanted(count, larger, share, max(0, spread.min_providers - len(known)), known, pods)

    def _even(self, bid: Bid, wanted: Wanted) -> list[Parcel]:
        """Find the cheapest clusters that hold even shares; empty where there are none."""
        for last_resort in (False, True):
            view = self._look(bid, (wanted.share, wanted.share + 1), last_resort=last_resort)
            picks = cheapest(_sites(self._round.table, view, most=2 * wanted.clusters), wanted)
            if picks:
                rows = [(site.large_row, 1) if larger else (site.small_row, 0) for site, larger in picks]
                return self._parcels(bid, view, [(row, wanted.share + size, size) for row, size in rows])
        return []

    def _uneven(self, bid: Bid, wanted: Wanted) -> list[Parcel]:
        """Fill the clusters with the most room, as evenly as they allow; empty where they can't hold all pods."""
        work = bid.ask.workload
        if work.spread.replicas is Replicas.DUPLICATED:
            return []
        view = self._look(bid, (1,), last_resort=True)
        fits = self._round.capacity.rooms(work.pods).fits
        rooms: dict[int, tuple[int, int]] = {}
        for row in view.rows[view.feasible[0]].tolist():
            cluster = int(self._round.table.cluster_of[row])
            room = min(int(fits[row]), self._round.quotas.fits(row, work.key.namespace, work.pods))
            rooms[cluster] = max(rooms.get(cluster, (0, 0)), (room, -row))
        chosen = self._roomiest(rooms, wanted)
        if len(chosen) < wanted.clusters or sum(room for room, _ in chosen) < wanted.pods:
            return []
        shares, left = [], wanted.pods
        for index, (room, row) in enumerate(sorted(chosen, key=lambda one: (one[0], -one[1]))):
            shares.append((-row, min(room, left // (len(chosen) - index))))
            left -= shares[-1][1]
        view = self._look(bid, [share for _, share in shares], last_resort=True)
        return self._parcels(bid, view, [(row, share, index) for index, (row, share) in enumerate(shares)])

    def _roomiest(self, rooms: dict[int, tuple[int, int]], wanted: Wanted) -> list[tuple[int, int]]:
        """Take the clusters with the most room, first one for each provider that is still missing."""
        clusters = self._round.table.clusters
        ranked = sorted(rooms, key=lambda cluster: (-rooms[cluster][0], cluster))
        chosen: list[int] = []
        new: set[str] = set()
        for cluster in ranked:
            provider = clusters[cluster].provider
            if len(new) < wanted.providers and provider not in new | wanted.known:
                new.add(provider)
                chosen.append(cluster)
        if len(new) < wanted.providers or len(chosen) > wanted.clusters:
            return []
        chosen += [cluster for cluster in ranked if cluster not in chosen]
        return [rooms[cluster] for cluster in chosen[: wanted.clusters]]

    def _look(self, bid: Bid, counts: Sequence[int], *, last_resort: bool) -> View:
        """Price shares of so many pods, one line for each; clusters that have a share already are out."""
        shares = [self._share(bid.profile, count) for count in counts]
        view = self._round.market.look(shares, last_resort=last_resort)
        kept = {each.cluster for each in bid.ask.keeps}
        if not kept:
            return view
        here = np.array([cluster.name in kept for cluster in self._round.table.clusters], dtype=np.bool_)
        there: Mask = ~here[self._round.table.cluster_of[view.rows]]
        return replace(view, feasible=view.feasible & there, usd=np.where(there, view.usd, inf))

    def _share(self, profile: Profile, count: int) -> Profile:
        share = self._shares.get((profile, count))
        if share is None:
            ask = sized(profile.ask, count)
            share = Profile(ask, shape=profile.shape, home=-1, limited=profile.limited)
            self._shares[profile, count] = share
        return share

    def _parcels(self, bid: Bid, view: View, parts: Sequence[tuple[int, int, int]]) -> list[Parcel]:
        """Check that the sum is feasible; `parts` are rows, replicas, and the lines of the view that price them."""
        columns = np.searchsorted(view.rows, [row for row, _, _ in parts]).tolist()
        if not all(view.feasible[line, column] for (_, _, line), column in zip(parts, columns, strict=True)):
            return []
        places = [(row, count, line, column) for (row, count, line), column in zip(parts, columns, strict=True)]
        limit = bid.ask.policy.max_usd_per_hour
        if limit is not None and sum(self._usd_per_hour(bid, row, count) for row, count, _, _ in places) > limit:
            return []
        usd, queue_h = view.usd, view.queue_h
        return [
            (row, count, float(usd[line, column]), float(queue_h[line, column])) for row, count, line, column in places
        ]

    def _usd_per_hour(self, bid: Bid, row: int, count: int) -> float:
        share = self._share(bid.profile, count)
        hourly = self._hourly.get(share)
        if hourly is None:
            prices = self._round.pricer.price([share.ask], queue_h=np.zeros((1, 1)))
            hourly = self._hourly[share] = prices.context.usd_per_hour[0]
        return float(hourly[row])

    def _lacking(self, bid: Bid, wanted: Wanted) -> str:
        spread, table = bid.ask.workload.spread, self._round.table
        view = self._look(bid, (wanted.share,), last_resort=True)
        found = set(table.cluster_of[view.rows[view.feasible[0]]].tolist())
        providers = {table.clusters[cluster].provider for cluster in found}
        each = "1 pod" if wanted.share == 1 else f"{wanted.share} pods"
        kept = f", beside {len(bid.ask.keeps)} that it keeps" if bid.ask.keeps else ""
        return (
            f"spread asks for {spread.clusters} clusters at {spread.min_providers} or more providers{kept}; shares of "
            f"{each} are feasible on {len(found)} clusters at {len(providers)} providers"
        )


def cheapest(sites: Sequence[Site], wanted: Wanted) -> list[Pick]:
    """Choose the clusters with the least sum; empty where no set will do."""
    by_provider: dict[str, list[Site]] = {}
    for site in sites:
        by_provider.setdefault(site.provider, []).append(site)
    # By clusters, larger shares and new providers: the cheapest way so far.
    best: dict[tuple[int, int, int], tuple[float, list[Pick]]] = {(0, 0, 0): (0.0, [])}
    for provider in sorted(by_provider):
        fresh = provider not in wanted.known
        options = _ways(by_provider[provider], wanted)
        after = dict(best)
        for (count, larger, new), (usd, picks) in best.items():
            for (more, more_larger), (more_usd, more_picks) in options.items():
                state = count + more, larger + more_larger, min(wanted.providers, new + fresh)
                if state[0] <= wanted.clusters and state[1] <= wanted.larger:
                    total = usd + more_usd
                    if total < after.get(state, (inf, []))[0]:
                        after[state] = total, picks + more_picks
        best = after
    return best.get((wanted.clusters, wanted.larger, wanted.providers), (inf, []))[1]


def _ways(sites: Sequence[Site], wanted: Wanted) -> dict[tuple[int, int], tuple[float, list[Pick]]]:
    """Find the cheapest way to take so many of a provider's clusters, so many of them with the larger share."""
    best: dict[tuple[int, int], tuple[float, list[Pick]]] = {(0, 0): (0.0, [])}
    for site in sites:
        for (count, larger), (usd, picks) in list(best.items()):
            for more in (0, 1):
                price = site.large_usd if more else site.small_usd
                state = count + 1, larger + more
                fits = state[0] <= wanted.clusters and state[1] <= wanted.larger
                if fits and usd + price < best.get(state, (inf, []))[0]:
                    best[state] = usd + price, [*picks, (site, bool(more))]
    del best[0, 0]
    return best


def _sites(table: OfferTable, view: View, *, most: int) -> list[Site]:
    """Find each cluster's best offers for the smaller and the larger share; clusters without the smaller are out.

    Of each provider only so many are kept by either price: a cheapest set has as many of them, and no others.
    """
    clusters = table.cluster_of[view.rows]
    small, large = (_best_rows(view.rows, clusters, usd) for usd in view.usd)
    kept: set[int] = set()
    for best in (small, large):
        seen: Counter[str] = Counter()
        for cluster in best:
            provider = table.clusters[cluster].provider
            seen[provider] += 1
            if seen[provider] <= most and cluster in small:
                kept.add(cluster)
    nowhere = (inf, -1)
    return [
        Site(cluster, table.clusters[cluster].provider, *small[cluster], *large.get(cluster, nowhere))
        for cluster in sorted(kept)
    ]


def _best_rows(rows: Ints, clusters: Ints, usd: Floats) -> dict[int, tuple[float, int]]:
    """Return the least USD of each cluster, and its row; the cheapest cluster first."""
    ranked = np.argsort(usd, kind="stable")[: int(np.isfinite(usd).sum())]
    _, first = np.unique(clusters[ranked], return_index=True)
    best = ranked[np.sort(first)]
    return dict(zip(clusters[best].tolist(), zip(usd[best].tolist(), rows[best].tolist(), strict=True), strict=True))
