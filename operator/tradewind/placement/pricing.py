"""Times and terms of one ask on every offer: T_run, T_move, then each cost term."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.plan import Usd
from tradewind.model.units import SECONDS_PER_HOUR, format_duration
from tradewind.model.workload import Access
from tradewind.placement.costs.compute import ASSUMED_CORES_PER_POD, usd_per_hour
from tradewind.placement.framework import CostContext
from tradewind.placement.registry import COSTS
from tradewind.placement.sources import Links, Transfer, choose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.model.network import Network
    from tradewind.model.plan import Ask
    from tradewind.placement.table import Floats, Mask, OfferTable


@dataclass(frozen=True, slots=True)
class Prices:
    """One ask priced on every row.

    Attributes:
        terms: per field of `Usd`.
        valid: rows whose terms are all finite and not negative.
        shown: valid rows that a price means something for: an offer with accelerators has none for work without.
    """

    terms: Mapping[str, Floats]
    total: Floats
    valid: Mask
    shown: Mask
    run_h: Floats
    transfer_h: Floats
    transfers: tuple[Transfer, ...]

    def usd(self) -> list[Usd]:
        """Return the terms of every row; all 0 where it has no price."""
        names = list(self.terms)
        columns = zip(*(column.tolist() for column in self.terms.values()), strict=True)
        return [
            Usd(**dict(zip(names, terms, strict=True))) if shown else Usd()
            for terms, shown in zip(columns, self.shown.tolist(), strict=True)
        ]


class Pricer:
    """Prices asks on one fleet, over one network."""

    def __init__(self, table: OfferTable, *, network: Network, speeds: Mapping[str, float]) -> None:
        self._table = table
        self._links = Links(network, table)
        self._speeds = speeds
        self._relative: dict[str, Floats] = {}

    def price(self, ask: Ask, *, queue_s: Floats) -> Prices:
        """Price the ask on every offer; `queue_s` is how long its pods would wait for nodes there."""
        # Bad figures are refused at the edge. One that slips through must end as a refusal, not as a bargain.
        with np.errstate(all="ignore"):
            return self._price(ask, queue_s / SECONDS_PER_HOUR)

    def _price(self, ask: Ask, queue_h: Floats) -> Prices:
        work, rows = ask.workload, len(self._table)
        machines = usd_per_hour(work.pods, table=self._table)
        hourly = machines + ask.policy.usd_per_delay_hour
        staged = [one for one in work.data if one.access is Access.STAGE]
        streamed = [one for one in work.data if one.access is Access.STREAM]
        stage = choose(staged, links=self._links, floor_h=np.zeros(rows), usd_per_hour=hourly)
        stream = choose(streamed, links=self._links, floor_h=self._run_h(ask), usd_per_hour=hourly)
        context = CostContext(
            ask=ask,
            table=self._table,
            usd_per_hour=machines,
            run_h=stream.hours,
            transfer_h=stage.hours,
            queue_h=queue_h,
            egress_usd=stage.egress_usd + stream.egress_usd,
        )
        terms = {cost.NAME: cost.usd(context) for cost in COSTS}
        total = np.sum(list(terms.values()), axis=0)
        valid = np.isfinite(total) & np.isfinite(context.run_h) & np.isfinite(context.transfer_h)
        for column in terms.values():
            valid &= column >= 0
        same_kind = self._table.without_accelerator == (not work.pods.accelerators)
        return Prices(terms, total, valid, valid & same_kind, context.run_h, context.transfer_h, (stage, stream))

    def _run_h(self, ask: Ask) -> Floats:
        """T_run by speed, before links slow it down."""
        work, rows = ask.workload, len(self._table)
        if work.expected_runtime_s is None:
            return np.full(rows, ask.policy.pricing_horizon_s / SECONDS_PER_HOUR)
        given_h = work.expected_runtime_s / SECONDS_PER_HOUR
        if not work.pods.accelerators or not work.runtime_accelerator:
            return np.full(rows, given_h)
        return given_h * self._slower(work.runtime_accelerator)

    def _slower(self, than: str) -> Floats:
        """How many times longer every offer's accelerator takes than the one named; 1 where that is not known."""
        column = self._relative.get(than)
        if column is None:
            ratios = [_ratio(than, offer.accelerator, self._speeds) or 1.0 for _, offer in self._table.rows]
            column = self._relative[than] = np.array(ratios, dtype=np.float64)
        return column

    def assumed(self, ask: Ask, prices: Prices) -> list[tuple[str, ...]]:
        """Name, for every row, each figure that a default stood in for."""
        cores = self._assumed_cores(ask)
        by_type = {offered: (*self._assumed_run(ask, offered), *cores) for offered in (*self._table.accelerators, "")}
        phrases = [
            by_type[offer.accelerator] if shown else ()
            for (_, offer), shown in zip(self._table.rows, prices.shown.tolist(), strict=True)
        ]
        for transfer in prices.transfers:
            for (_, source), chosen in zip(transfer.replicas, transfer.chosen, strict=True):
                for row in np.flatnonzero(chosen.astype(bool) & prices.shown).tolist():
                    phrase = self._links.assumed(source, row)
                    if phrase and phrase not in phrases[row]:
                        phrases[row] = (*phrases[row], phrase)
        return phrases

    def _assumed_run(self, ask: Ask, offered: str) -> tuple[str, ...]:
        work = ask.workload
        if work.expected_runtime_s is None:
            return (f"run time: pricingHorizon {format_duration(ask.policy.pricing_horizon_s)}",)
        if not work.pods.accelerators or not offered or offered == work.runtime_accelerator:
            return ()
        given = format_duration(work.expected_runtime_s)
        if not work.runtime_accelerator:
            return (f"run time: {given} on any accelerator, since expectedRuntime names none",)
        if _ratio(work.runtime_accelerator, offered, self._speeds) is None:
            unknown = next(name for name in (work.runtime_accelerator, offered) if name not in self._speeds)
            return (f"run time: {given} as on {work.runtime_accelerator}, since the speed of {unknown} is unknown",)
        return ()

    @staticmethod
    def _assumed_cores(ask: Ask) -> tuple[str, ...]:
        if ask.workload.pods.accelerators or ask.workload.pods.cpu_cores:
            return ()
        return (f"CPU: {ASSUMED_CORES_PER_POD:g} core per pod, since the pods ask for none",)


def _ratio(reference: str, offered: str, speeds: Mapping[str, float]) -> float | None:
    if reference == offered:
        return 1.0
    if reference not in speeds or offered not in speeds:
        return None
    return speeds[reference] / speeds[offered] if speeds[offered] else float("inf")
