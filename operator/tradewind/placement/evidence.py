"""What a decision rests on, in words, made when somebody reads them.

It is measured against what is left after the round, plus the decision's own room: a cheaper offer that others of the
same round have taken shows as full, which is what a person would find on looking.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.decision import Candidate, Compared, Share, Usd, grouped
from tradewind.model.plan import Refusal, Wake
from tradewind.model.units import SECONDS_PER_HOUR, format_usd
from tradewind.model.workload import Replicas
from tradewind.placement.contradiction import contradiction
from tradewind.placement.filters.quota import QUOTA_EXCEEDED, quota_refusal
from tradewind.placement.filters.readable import Readable
from tradewind.placement.registry import CAPACITY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.decision import RefusedGroup
    from tradewind.model.fleet import Cluster
    from tradewind.model.plan import Ask
    from tradewind.model.workload import Workload
    from tradewind.placement.assumed import Assumed
    from tradewind.placement.bids import Bid
    from tradewind.placement.capacity import Taken
    from tradewind.placement.pricing import Prices
    from tradewind.placement.round import Round
    from tradewind.placement.screen import Screened
    from tradewind.placement.table import Mask

LAST_RESORT = "LastResort"


@dataclass(frozen=True, slots=True)
class Part:
    """Pods on one offer.

    Attributes:
        waits_h: how long they wait for their nodes.
        taken: their room; None where they run there already, and it is their own.
    """

    row: int
    replicas: int
    waits_h: float
    taken: Taken | None


@dataclass(frozen=True, slots=True)
class _Facts:
    """An ask, for so many pods on one offer, before every offer; lists and arrays have one entry per row."""

    prices: Prices
    queue_h: list[float]
    refusals: list[tuple[Refusal, ...]]
    order: list[int]
    assumed: Assumed
    shown: list[bool]


class RoundEvidence:
    """What a round knows of one ask; everything but the outcome is computed at the first question."""

    def __init__(self, of: Round, bid: Bid) -> None:
        """Keep what is needed: the round, after everything has been reserved, and what the ask has got."""
        self._round, self._bid, self._ask = of, bid, bid.ask
        self._known: dict[int, _Facts] = {}
        self._made: dict[int, Candidate] = {}

    @cached_property
    def _parts(self) -> Sequence[Part]:
        bid = self._bid
        if bid.parts or bid.row < 0:
            return bid.parts
        return (Part(bid.row, bid.profile.count, bid.waits_h, bid.taken),)

    @cached_property
    def _each(self) -> int:
        """Pods on one offer that the table of candidates is for; less than all where they are divided."""
        return max((part.replicas for part in self._parts), default=share_of(self._ask.workload))

    @property
    def _lacking(self) -> str:
        return self._bid.lacking

    def shares(self) -> tuple[Share, ...]:
        """Put what was chosen into words."""
        return tuple(Share(self._candidate(part.row), part.replicas) for part in self._parts)

    def places(self) -> tuple[tuple[str, str, int], ...]:
        """Name what was chosen, and price nothing."""
        rows = self._round.table.rows
        return tuple((rows[part.row][0].name, rows[part.row][1].name, part.replicas) for part in self._parts)

    def message(self) -> str:
        """Say why here, or why nowhere."""
        if not self._parts:
            return self._lacking or contradiction(self._ask, self._round.screen) or self._nearest_miss()
        feasible = [row for row in self._facts(self._each).order if not self._refusals(row)]
        first = self._candidate(self._parts[0].row)
        if len(self._parts) > 1:
            places = ", ".join(f"{share.replicas} on {share.candidate.cluster}" for share in self.shares())
            usd = sum(share.candidate.total_usd for share in self.shares())
            return f"spread over {len(self._parts)} clusters ({places}): {format_usd(usd)} in total"
        totals = self._facts(self._each).prices.total[0, feasible]
        place = 1 + int(np.count_nonzero(totals < first.total_usd * (1 - 1e-9)))
        rank = "the only feasible offer" if len(feasible) == 1 else f"the cheapest of {len(feasible)} feasible offers"
        if place > 1:
            # Room that a trade has freed, or that pods of another kind have not filled.
            rank = f"number {place} by price of {len(feasible)} feasible offers, in the round's cheapest sum"
        return f"{first.cluster}/{first.offer} is {rank}: {format_usd(first.total_usd)} in total"

    def candidates(self) -> tuple[Candidate, ...]:
        """Put every offer into words: what was chosen, the other feasible ones by price, then the refused ones."""
        return tuple(self._candidate(row) for row in self._facts(self._each).order)

    def best(self, count: int) -> tuple[Candidate, ...]:
        """Put the first feasible offers into words."""
        feasible = (row for row in self._facts(self._each).order if not self._refusals(row))
        return tuple(self._candidate(row) for row, _ in zip(feasible, range(count), strict=False))

    def compared(self) -> Compared | None:
        """Price what was chosen and where it runs; nothing is put into words."""
        round_, home = self._round, self._round.table.row_of(self._ask.here)
        if home is None or not self._parts or self._parts[0].row == home:
            return None
        row, queue_h = self._parts[0].row, np.zeros(len(round_.table))
        queue_h[row] = self._parts[0].waits_h
        stays, moves = round_.pricer.price([self._ask], queue_h=queue_h).total[0, [home, row]].tolist()
        return Compared(stays, moves) if isfinite(stays) and isfinite(moves) else None

    def refused_groups(self, *, names: int) -> tuple[RefusedGroup, ...]:
        """Group the refusals by reason."""
        refused = ((self._name(row), self._refusals(row)) for row in self._facts(self._each).order)
        return grouped(refused, names=names)

    def wakes_on(self) -> frozenset[Wake]:
        """Collect what could cure a refusal."""
        refused = self._facts(self._each).refusals
        wakes = frozenset(refusal.wakes_on for refusals in refused for refusal in refusals)
        return wakes | {Wake.CAPACITY} if self._lacking else wakes

    def _refusals(self, row: int) -> tuple[Refusal, ...]:
        return self._facts(self._each).refusals[row]

    def _name(self, row: int) -> str:
        cluster, offer = self._round.table.rows[row]
        return f"{cluster.name}/{offer.name}"

    def _candidate(self, row: int) -> Candidate:
        candidate = self._made.get(row)
        if candidate is None:
            part = next((part for part in self._parts if part.row == row), None)
            facts = self._facts(self._each) if part is None else self._brief(part.replicas)
            candidate = self._made[row] = self._written(row, facts)
        return candidate

    def _written(self, row: int, facts: _Facts) -> Candidate:
        cluster, offer = self._round.table.rows[row]
        prices, shown = facts.prices, facts.shown[row]
        figures = (prices.run_h, prices.transfer_h, prices.loss_h, prices.grams_co2)
        run_h, transfer_h, loss_h, grams_co2 = (float(one[0, row]) if shown else 0.0 for one in figures)
        return Candidate(
            cluster=cluster.name,
            offer=offer.name,
            market=offer.market,
            refusals=facts.refusals[row],
            usd=prices.usd(0, row) if shown else Usd(),
            run_h=run_h,
            transfer_h=transfer_h,
            queue_h=facts.queue_h[row],
            loss_h=loss_h,
            grams_co2=grams_co2,
            assumed=facts.assumed.of(row) if shown else (),
            writes=facts.assumed.writes(row) if shown else "",
            sources=facts.assumed.sources(row) if shown else (),
        )

    def _brief(self, replicas: int) -> _Facts:
        """Price what was chosen, without a word on why all else was not: of most decisions nothing else is read."""
        facts = self._known.get(replicas)
        if facts is not None:
            return facts
        table, work = self._round.table, self._ask.workload
        queue_h = np.zeros(len(table))
        for part in self._parts:
            queue_h[part.row] = part.waits_h
        ask = self._ask if replicas == work.pods.count else sized(self._ask, replicas)
        prices = self._round.pricer.price([ask], queue_h=queue_h)
        assumed = self._round.pricer.assumed(prices, 0)
        return _Facts(prices, queue_h.tolist(), [()] * len(table), [], assumed, prices.shown(0).tolist())

    def _facts(self, replicas: int) -> _Facts:
        facts = self._known.get(replicas)
        if facts is None:
            pods = self._ask.workload.pods
            ask = self._ask if replicas == pods.count else sized(self._ask, replicas)
            self._give_back(sign=1)
            try:
                facts = self._known[replicas] = self._look(ask)
            finally:
                self._give_back(sign=-1)
        return facts

    def _give_back(self, *, sign: int) -> None:
        """Give the decision's own room back, or (-1) take it again."""
        work = self._ask.workload
        for part in self._parts:
            if part.taken is not None:
                (self._round.capacity.release if sign > 0 else self._round.capacity.restore)(part.taken)
                self._round.quotas.take(part.row, work.key.namespace, work.pods, count=-sign * part.replicas)

    def _look(self, ask: Ask) -> _Facts:
        round_, pods = self._round, ask.workload.pods
        screened = round_.screen.of(ask)
        rooms = round_.capacity.rooms(pods)
        fits = screened.countable & (rooms.fits >= pods.count)
        queue_h = np.where(fits, rooms.queue_s, 0.0) / SECONDS_PER_HOUR
        for part in self._parts:
            fits[part.row], queue_h[part.row] = True, part.waits_h
        home = round_.table.row_of(ask.here)
        if home is not None:
            fits[home], queue_h[home] = True, 0.0
        prices = round_.pricer.price([ask], queue_h=queue_h)
        refusals = self._all_refusals(ask, screened, fits=fits, prices=prices, home=home)
        shown = prices.shown(0)
        refused = np.array([bool(one) for one in refusals])
        mine = np.array([not any(part.row == row for part in self._parts) for row in range(len(refused))])
        order = np.lexsort((np.where(shown, prices.total[0], np.inf), refused, mine)).tolist()
        assumed = round_.pricer.assumed(prices, 0)
        return _Facts(prices, queue_h.tolist(), refusals, order, assumed, shown.tolist())

    def _all_refusals(
        self, ask: Ask, screened: Screened, *, fits: Mask, prices: Prices, home: int | None
    ) -> list[tuple[Refusal, ...]]:
        round_, work = self._round, ask.workload
        found = [list(refusals) for refusals in screened.refusals]
        for row in np.flatnonzero(screened.countable & ~fits).tolist():
            shortage = round_.capacity.shortage(row, work.pods)
            refusal = CAPACITY.check(round_.screen.context(ask, row, shortage=shortage))
            found[row] += [refusal] if refusal else []
        for row in round_.quotas.rows_of(work.key.namespace):
            left = round_.quotas.left(row, work.key.namespace)
            if left is not None and row != home and all(one.reason != QUOTA_EXCEEDED for one in found[row]):
                refusal = quota_refusal(ask, left, count=work.pods.count)
                found[row] += [refusal] if refusal else []
        for row in np.flatnonzero(~prices.valid[0]).tolist():
            if all(one.reason not in Readable.REASONS for one in found[row]):  # what nobody can read has no price
                found[row].append(round_.pricer.why_invalid(ask, row))
        for row in np.flatnonzero(~prices.within[0]).tolist():
            found[row] += prices.refusals(0, row)
        taken = {part.row for part in self._parts}
        usual = any(not refusals and not round_.table.last_resort[row] for row, refusals in enumerate(found))
        for row in np.flatnonzero(round_.table.last_resort).tolist():
            if usual and row not in taken:
                found[row].append(_last_resort(round_.table.rows[row][0]))
        return [() if row in taken else tuple(refusals) for row, refusals in enumerate(found)]

    def _nearest_miss(self) -> str:
        facts = self._facts(self._each)
        counts = Counter(reason for one in facts.refusals for reason in {refusal.reason for refusal in one})
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        nearest = min(facts.order, key=lambda row: len(facts.refusals[row]))
        offers = "the only offer" if len(facts.order) == 1 else f"none of {len(facts.order)} offers"
        takes = "can't take it" if len(facts.order) == 1 else "can take it"
        why = "; ".join(refusal.message for refusal in facts.refusals[nearest]) or "room that came free late"
        reasons = ", ".join(f"{count} {reason}" for reason, count in ranked)
        return f"{offers} {takes} ({reasons}); nearest is {self._name(nearest)}: {why}"


def share_of(work: Workload) -> int:
    """Say how many pods one cluster gets."""
    spread = work.spread
    if spread.replicas is Replicas.DUPLICATED or spread.clusters <= 1:
        return work.pods.count
    return max(1, work.pods.count // spread.clusters)


def sized(ask: Ask, replicas: int) -> Ask:
    """Make an ask for so many of the pods: a share of work that is spread."""
    work = ask.workload
    return replace(ask, workload=replace(work, pods=replace(work.pods, count=replicas)))


def _last_resort(cluster: Cluster) -> Refusal:
    return Refusal(LAST_RESORT, f"only where nothing else can take it: {cluster.convicted}", Wake.HEALTH)
