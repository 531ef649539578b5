"""Who gets what: higher priority first, and among equals first who would lose most by coming later.

A bid's regret is what it would pay more if it had to take its second choice. Serving high regret first comes close to
the cheapest sum, since it gives contended places to those to whom they are worth most; `exchange` then improves on it.
"""

from __future__ import annotations

from collections import defaultdict
from heapq import heapify, heappop, heappush
from itertools import groupby
from math import inf
from operator import attrgetter
from typing import TYPE_CHECKING

from tradewind.model.units import SECONDS_PER_HOUR
from tradewind.placement.bids import Bid
from tradewind.placement.exchange import Exchange
from tradewind.placement.profile import Profile, profile_key
from tradewind.placement.seniority import Seniority
from tradewind.placement.spread import Spreader

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from tradewind.model.plan import Ask
    from tradewind.placement.profile import Pods
    from tradewind.placement.round import Round


WORTHWHILE = 1e-3
"""Of the sum of all first choices: groups that pay no more than that over it are left as they are."""


_AGE = attrgetter("workload.created_s", "workload.key")
_PRIORITY = attrgetter("ask.workload.priority")
_INDEX = attrgetter("index")


class Assigner:
    """Serves the bids of one round."""

    def __init__(self, of: Round) -> None:
        self._table, self._capacity, self._market, self._quotas = of.table, of.capacity, of.market, of.quotas
        self._spreader, self._exchange = Spreader(of), Exchange(of.capacity, of.market)
        self._seniority = Seniority(of.market, of.quotas)
        self._profiles: dict[Hashable, Profile] = {}

    def assign(self, asks: Sequence[Ask]) -> list[Bid]:
        """Serve all asks; returns what each of them has got, in their order."""
        oldest_first = sorted(range(len(asks)), key=list(map(_AGE, asks)).__getitem__)
        bids = [
            Bid(asks[index], self._profile(asks[index]), index=index, rank=rank)
            for rank, index in enumerate(oldest_first)
        ]
        self._quote()
        tiers = [list(tier) for _, tier in groupby(sorted(bids, key=_PRIORITY, reverse=True), key=_PRIORITY)]
        for tier in tiers:
            self._serve(tier)
        if (
            self._capacity.opened
        ):  # what trades have left free, or pools have added, may do for somebody who has nothing
            for tier in tiers:
                self._fill([bid for bid in tier if bid.row < 0 and not bid.lacking])
        return sorted(bids, key=_INDEX)

    def _profile(self, ask: Ask) -> Profile:
        limited = ask.workload.key.namespace in self._quotas.namespaces
        key = profile_key(ask, limited=limited)
        profile = self._profiles.get(key)
        if profile is None:
            shape, home = self._capacity.shape(ask.workload.pods), self._table.row_of(ask.here)
            profile = Profile(ask, shape=shape, home=-1 if home is None else home, limited=limited)
            self._profiles[key] = profile
        return profile

    def _quote(self) -> None:
        """Have all priced that will be looked at: together they take less time than one by one."""
        known = self._profiles.values()
        shares = [share for one in known if one.several for share in self._spreader.shares(one)]
        self._market.quote([*(one for one in known if not one.several), *shares])

    def _serve(self, bids: list[Bid]) -> None:
        """Serve bids of equal priority."""
        # 1. Work that needs several clusters at once has the fewest ways to be placed.
        single = []
        for bid in bids:
            if bid.profile.several:
                self._spreader.place(bid)
            else:
                single.append(bid)
        # 2. Each its cheapest place, as long as there is room; lists that have run out are made anew.
        self._fill(single)
        # 3. Where somebody did not get the first choice, others may have it who could do with less; and money does not
        #    decide who has to wait: age does.
        self._trade(single)

    def _fill(self, bids: list[Bid]) -> None:
        while bids:
            alike: dict[Profile, list[Bid]] = {}
            for bid in bids:
                alike.setdefault(bid.profile, []).append(bid)
            self._market.survey(list(alike))
            ended = self._drain([queue for profile, queue in alike.items() if profile.rows])
            bids = [bid for queue in ended if not queue[0].profile.whole for bid in queue]

    def _trade(self, bids: list[Bid]) -> None:
        """Trade within equal pods."""
        # A bid that never had a choice has nothing to trade for.
        groups: defaultdict[Pods, list[Bid]] = defaultdict(list)
        for bid in bids:
            profile = bid.profile
            if profile.home < 0 and profile.first_usd < inf:
                groups[profile.pods].append(bid)
        for _, alike in sorted(groups.items()):
            if _worth_a_trade(alike):
                self._exchange.improve([bid for bid in alike if not bid.profile.limited])
            self._seniority.restore(alike)

    def _drain(self, queues: list[list[Bid]]) -> list[list[Bid]]:
        """Serve bids by regret until each has a place, or nothing left on its list; returns the latter.

        A queue holds bids of one profile, the oldest first: they stand at the same place of the same list.
        """
        ended: list[list[Bid]] = []
        heap = [(-queue[0].profile.regret(), queue[0].rank, 0, queue) for queue in queues]
        heapify(heap)
        while heap:
            regret, _, served, queue = heappop(heap)
            profile = queue[0].profile
            # Its list stays as it is while it is served, so it remains the first until others regret as much.
            alone = not heap or regret < heap[0][0]
            served += self._settle(profile, queue[served:] if alone else queue[served : served + 1])
            if served < len(queue):
                if profile.over():
                    ended.append(queue[served:])
                else:
                    heappush(heap, (-profile.regret(), queue[served].rank, served, queue))
        return ended

    def _settle(self, profile: Profile, bids: Sequence[Bid]) -> int:
        """Let bids take the first place on their list while it is there at that price; returns how many have it.

        Where not even one of them can have it, the list is corrected.
        """
        at, capacity = profile.at, self._capacity
        row, usd = profile.rows[at], profile.usd[at]
        if row == profile.home:
            bids[0].row, bids[0].total_usd, bids[0].waits_h = row, usd, 0.0
            return 1
        queue_s = capacity.wait_s(row, profile.shape, profile.count)
        if queue_s is None or (profile.limited and not self._within_quota(profile, row)):
            profile.at = at + 1
            return 0
        queue_h = queue_s / SECONDS_PER_HOUR
        if queue_h > profile.queue_h[at]:
            profile.waits(queue_h)
            return 0
        work = profile.ask.workload
        most = 1 if profile.limited else len(bids)
        several = capacity.reserve_several(row, work.pods, profile.shape, most=most)
        for bid, taken in zip(bids, several, strict=False):
            bid.row, bid.total_usd, bid.waits_h, bid.taken = row, usd, queue_h, taken
        if profile.limited:
            self._quotas.take(row, work.key.namespace, work.pods, count=profile.count)
        return len(several)

    def _within_quota(self, profile: Profile, row: int) -> bool:
        work = profile.ask.workload
        return self._quotas.fits(row, work.key.namespace, work.pods) >= profile.count


def _worth_a_trade(bids: list[Bid]) -> bool:
    """Whether somebody has nothing, or what all pay over their first choices, which no trade can exceed, is much."""
    if any(bid.row < 0 for bid in bids):
        return True
    return sum(bid.total_usd - bid.profile.first_usd for bid in bids) > WORTHWHILE * sum(
        bid.profile.first_usd for bid in bids
    )
