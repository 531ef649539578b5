"""Times and terms of a batch of asks on every offer: T_run, T_move, E_loss, then each cost term."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.decision import Usd
from tradewind.placement.assumed import Assumed
from tradewind.placement.columns import columns_of
from tradewind.placement.costs.carbon import running_grams
from tradewind.placement.costs.loss import intervals_h, lost_hours
from tradewind.placement.figures import WITHOUT_ACCELERATORS, Figures
from tradewind.placement.links import Links
from tradewind.placement.registry import COSTS, PRICED
from tradewind.placement.terms import CostContext
from tradewind.placement.transfers import Stays, Transfers
from tradewind.placement.untrue import Untrue
from tradewind.placement.worth import Worth
from tradewind.placement.writes import written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradewind.model.plan import Ask, Conditions, Refusal
    from tradewind.placement.table import Floats, Ints, Mask, OfferTable


_KEPT_BYTES = 31 * 2**20
"""Just under 32 MiB, the largest block that glibc learns from."""


@dataclass(frozen=True, slots=True)
class Prices:
    """A batch of asks, priced on every row; every array has the shape (asks, rows).

    Attributes:
        terms: USD, by the field of `Usd`.
        total: their sum.
        valid: all terms are finite and not negative.
        within: budget and deadline allow it; says nothing where the price is not valid.
        run_h, transfer_h, loss_h: T_run, T_move, E_loss. grams_co2: what is emitted.
    """

    context: CostContext
    terms: Mapping[str, Floats]
    total: Floats
    valid: Mask
    within: Mask

    @property
    def run_h(self) -> Floats:
        """T_run."""
        return self.context.run_h

    @property
    def transfer_h(self) -> Floats:
        """T_move."""
        return self.context.transfer_h

    @property
    def loss_h(self) -> Floats:
        """E_loss."""
        return self.context.loss_h

    @property
    def grams_co2(self) -> Floats:
        """What is emitted."""
        return self.context.grams_co2

    def shown(self, index: int) -> Mask:
        """Say where a price means something for an ask: an offer with accelerators has none for work without."""
        mask: Mask = self.valid[index] & (self.context.table.without_accelerator == self._without(index))
        return mask

    def _without(self, index: int) -> bool:
        return bool(self.context.asks.kind[index] == WITHOUT_ACCELERATORS)

    def usd(self, index: int, row: int) -> Usd:
        """Return the terms of an ask on a row."""
        return Usd(**{name: float(column[index, row]) for name, column in self.terms.items()})

    def refusals(self, index: int, row: int) -> tuple[Refusal, ...]:
        """Say why budget or deadline do not allow an ask on a row; made on demand, since words are dear."""
        means_something = self.valid[index, row] and self.context.table.without_accelerator[row] == self._without(index)
        if self.within[index, row] or not means_something:
            return ()
        with np.errstate(all="ignore"):  # other rows may have figures that can't be true
            return tuple(refusal for one in PRICED for refusal in one.refusals(self.context, index, row))


class Pricer:
    """Prices asks on one fleet, under the conditions of one round."""

    def __init__(self, table: OfferTable, conditions: Conditions, *, links: Links | None = None) -> None:
        self._table = table
        self._conditions = conditions
        with np.errstate(all="ignore"):
            self._figures = Figures(table, conditions)
            self._links = links or Links(table, conditions)
        # glibc gives free memory back to the system beyond twice the largest block that it has ever unmapped. A batch
        # frees some forty arrays: without this a fifth of the time goes into getting the same pages again.
        np.empty(_KEPT_BYTES, dtype=np.uint8)

    def part(self, rows: Ints) -> Pricer:
        """Return one that prices some of the rows only; what is known of links is shared."""
        return Pricer(self._table.part(rows), self._conditions, links=self._links)

    def price(self, asks: Sequence[Ask], *, queue_h: Floats) -> Prices:
        """Price every ask on every offer.

        Args:
            asks: a batch; of more than some 100,000 cells (asks x offers) it is faster in several.
            queue_h: how long an ask's pods would wait for nodes there; of a shape that broadcasts to (asks, rows).
        """
        # Bad figures are refused at the edge. One that slips through must end as a refusal, not as a bargain.
        with np.errstate(all="ignore"):
            context = self._context(asks, queue_h)
            terms = {cost.NAME: cost.usd(context) for cost in COSTS}
            columns = list(terms.values())
            total = columns[0] + columns[1]
            for column in columns[2:]:
                total += column
            within = np.ones(total.shape, dtype=np.bool_)
            for priced in PRICED:
                mask = priced.mask(context)
                if mask is not None:
                    within &= mask
        # Figures are NaN or not negative from the start, so a total that is finite has no term that is not.
        return Prices(context, terms, total, np.isfinite(total), within)

    def _context(self, asks: Sequence[Ask], queue_h: Floats) -> CostContext:
        figures, links, table = self._figures, self._links, self._table
        columns = columns_of(asks, figures=figures, links=links, now_s=self._conditions.now_s)
        stays = self._stays(asks)
        usd_per_hour = figures.usd_per_unit_hour[columns.kind]
        usd_per_hour *= columns.units
        run_h = figures.slower_by[columns.slower]
        run_h *= columns.run_h
        if len(stays.asks):
            queue_h = np.array(np.broadcast_to(queue_h, run_h.shape))
            queue_h[stays.asks, stays.rows] = 0.0
        worth = Worth(columns, usd_per_hour, queue_h, figures, links, table.cluster_of)
        moved = Transfers(asks, table=table, links=links, stays=stays)
        moved.stream(run_h, usd_of=worth.of_run, usd_per_gram=columns.usd_per_gram)
        at = table.cluster_of
        interval_h = intervals_h(columns, figures=figures, links=links, cluster_of=at)
        moved.write(written(columns, links=links, cluster_of=at, run_h=run_h, interval_h=interval_h))
        loss_h = lost_hours(columns, figures=figures, links=links, cluster_of=at, run_h=run_h, interval_h=interval_h)
        hours = run_h + loss_h
        grams = running_grams(columns, figures=figures, busy_h=hours)
        hours += queue_h
        moved.stage(usd_of=partial(worth.of_wait, hours), usd_per_gram=columns.usd_per_gram)
        hours += moved.transfer_h
        grams += moved.grams
        return CostContext(
            asks=columns,
            table=table,
            links=links,
            usd_per_hour=usd_per_hour,
            run_h=run_h,
            transfer_h=moved.transfer_h,
            loss_h=loss_h,
            hours=hours,
            egress_usd=moved.egress_usd,
            grams_co2=grams,
            worth=worth,
        )

    def assumed(self, prices: Prices, index: int) -> Assumed:
        """Return what was assumed of an ask that has been priced, to be put into words row by row."""
        return Assumed(prices.context, index, figures=self._figures, conditions=self._conditions)

    def why_invalid(self, ask: Ask, row: int) -> Refusal:
        """Name the figure for which an ask has no price on a row."""
        cluster, offer = self._table.rows[row]
        return Untrue(ask, cluster, offer, self._conditions, self._links).refusal()

    def _stays(self, asks: Sequence[Ask]) -> Stays:
        found = [
            (index, row)
            for index, ask in enumerate(asks)
            if ask.here is not None and (row := self._table.row_of(ask.here)) is not None
        ]
        pairs = np.array(found, dtype=np.int64).reshape(-1, 2)
        return Stays(pairs[:, 0], pairs[:, 1])
