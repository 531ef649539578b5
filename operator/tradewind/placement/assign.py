"""Who gets what: higher priority first, and among equals first who would lose most by coming later.

A bid's regret is what it would pay more if it had to take its second choice. Serving high regret first comes close to
the cheapest sum, since it gives contended places to those to whom they are worth most; `exchange` then improves on it.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import groupby
from math import inf
from typing import TYPE_CHECKING

from tradewind.model.units import SECONDS_PER_HOUR
from tradewind.model.workload import ONE_CLUSTER
from tradewind.placement.bids import Bid
from tradewind.placement.exchange import Exchange
from tradewind.placement.seniority import Seniority
from tradewind.placement.spread import Spreader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.plan import Ask
    from tradewind.model.workload import Key
    from tradewind.placement.round import Round


WORTHWHILE = 1e-3
"""Of the sum of all first choices: groups that pay no more than that over it are left as they are."""


class Assigner:
    """Serves the bids of one round."""

    def __init__(self, of: Round) -> None:
        self._table, self._capacity, self._market, self._quotas = of.table, of.capacity, of.market, of.quotas
        self._spreader, self._exchange = Spreader(of), Exchange(of.capacity, of.market)
        self._seniority = Seniority(of.market, of.quotas)

    def assign(self, asks: Sequence[Ask]) -> list[Bid]:
        """Serve all asks; returns what each of them has got, in their order."""
        oldest_first = sorted(range(len(asks)), key=lambda index: _age(asks[index]))
        bids = [self._bid(asks[index], index=index, rank=rank) for rank, index in enumerate(oldest_first)]
        tiers = [list(tier) for _, tier in groupby(sorted(bids, key=_precedence), key=_precedence)]
        for tier in tiers:
            self._serve(tier)
        if (
            self._capacity.opened
        ):  # what trades have left free, or pools have added, may do for somebody who has nothing
            for tier in tiers:
                self._fill([bid for bid in tier if bid.row < 0 and not bid.lacking])
        return sorted(bids, key=lambda bid: bid.index)

    def _bid(self, ask: Ask, *, index: int, rank: int) -> Bid:
        shape, home = self._capacity.shape(ask.workload.pods), self._table.row_of(ask.here)
        limited = bool(self._quotas.rows_of(ask.workload.key.namespace))
        return Bid(ask, index=index, rank=rank, shape=shape, home=-1 if home is None else home, limited=limited)

    def _serve(self, bids: list[Bid]) -> None:
        """Serve bids of equal priority."""
        # 1. Work that needs several clusters at once has the fewest ways to be placed.
        single = []
        for bid in bids:
            if bid.ask.workload.spread == ONE_CLUSTER:
                single.append(bid)
            else:
                self._spreader.place(bid)
        # 2. Each its cheapest place, as long as there is room; lists that have run out are made anew.
        self._fill(single)
        # 3. Where somebody did not get the first choice, others may have it who could do with less; and money does not
        #    decide who has to wait: age does.
        self._trade(single)

    def _fill(self, bids: list[Bid]) -> None:
        while bids:
            self._market.survey(bids)
            bids = [bid for bid in self._drain([bid for bid in bids if bid.rows]) if not bid.whole]

    def _trade(self, bids: list[Bid]) -> None:
        """Trade within equal pods."""
        # A bid that never had a choice has nothing to trade for.
        movable = sorted((bid for bid in bids if bid.home < 0 and bid.first_usd < inf), key=_pods)
        for _, group in groupby(movable, key=_pods):
            alike = list(group)
            if _worth_a_trade(alike):
                self._exchange.improve([bid for bid in alike if not bid.limited])
            self._seniority.restore(alike)

    def _drain(self, bids: list[Bid]) -> list[Bid]:
        """Serve bids by regret until each has a place, or nothing left on its list; returns the latter."""
        ended: list[Bid] = []
        heap = [(-bid.regret(), bid.rank, bid) for bid in bids]
        heapify(heap)
        while heap:
            bid = heap[0][2]
            if self._settled(bid):
                heappop(heap)
            elif bid.over():
                ended.append(heappop(heap)[2])
            else:
                heappop(heap)
                heappush(heap, (-bid.regret(), bid.rank, bid))
        return ended

    def _settled(self, bid: Bid) -> bool:
        """Take the first place on the list, if it is still there at that price; else correct the list."""
        at = bid.at
        row = bid.rows[at]
        if row == bid.home:
            bid.row, bid.total_usd, bid.waits_h = row, bid.usd[at], 0.0
            return True
        queue_s = self._capacity.wait_s(row, bid.shape, bid.count)
        if queue_s is None or (bid.limited and not self._within_quota(bid, row)):
            bid.at = at + 1
            return False
        queue_h = queue_s / SECONDS_PER_HOUR
        if queue_h > bid.queue_h[at]:
            bid.waits(queue_h)
            return False
        bid.row, bid.total_usd, bid.waits_h = row, bid.usd[at], queue_h
        work = bid.ask.workload
        bid.taken = self._capacity.reserve(row, work.pods, bid.shape)
        if bid.limited:
            self._quotas.take(row, work.key.namespace, work.pods, count=bid.count)
        return True

    def _within_quota(self, bid: Bid, row: int) -> bool:
        work = bid.ask.workload
        return self._quotas.fits(row, work.key.namespace, work.pods) >= bid.count


def _worth_a_trade(bids: list[Bid]) -> bool:
    """Whether somebody has nothing, or what all pay over their first choices, which no trade can exceed, is much."""
    if any(bid.row < 0 for bid in bids):
        return True
    return sum(bid.total_usd - bid.first_usd for bid in bids) > WORTHWHILE * sum(bid.first_usd for bid in bids)


def _age(ask: Ask) -> tuple[float, Key]:
    return ask.workload.created_s, ask.workload.key


def _pods(bid: Bid) -> tuple[float, ...] | tuple[object, ...]:
    pods = bid.ask.workload.pods
    return pods.accelerator_resource, pods.accelerators, pods.cpu_cores, pods.memory_bytes, pods.count


def _precedence(bid: Bid) -> int:
    return -bid.ask.workload.priority
