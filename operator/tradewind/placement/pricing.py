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

    from tradewind.model.network import Link, Network
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

    def usd(self, row: int) -> Usd:
        """Return the terms of one row; all 0 where it has no price."""
        if not self.shown[row]:
            return Usd()
        return Usd(**{name: float(column[row]) for name, column in self.terms.items()})


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

    def assumed(self, ask: Ask, prices: Prices, row: int) -> tuple[str, ...]:
        """Name every figure that a default stood in for."""
        if not prices.shown[row]:
            return ()
        return (*self._assumed_run(ask, row), *self._assumed_cores(ask), *self._assumed_links(prices, row))

    def _assumed_run(self, ask: Ask, row: int) -> tuple[str, ...]:
        work, offered = ask.workload, self._table.rows[row][1].accelerator
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

    def _assumed_links(self, prices: Prices, row: int) -> tuple[str, ...]:
        index, cluster = int(self._table.cluster_of[row]), self._table.rows[row][0]
        phrases = []
        for transfer in prices.transfers:
            for replica, (_, source) in enumerate(transfer.replicas):
                link = self._links.column(source).links[index]
                if transfer.chosen[replica, row] and link.assumed:
                    phrases.append(f"link {source} -> {cluster.location}: default {_defaulted(link)}")
        return tuple(dict.fromkeys(phrases))


def _ratio(reference: str, offered: str, speeds: Mapping[str, float]) -> float | None:
    if reference == offered:
        return 1.0
    if reference not in speeds or offered not in speeds:
        return None
    return speeds[reference] / speeds[offered] if speeds[offered] else float("inf")


def _defaulted(link: Link) -> str:
    """Name the figures of a link that are defaults: those that `assumed` names, or both."""
    figures = {"bandwidth": f"{link.gbps:g} Gbit/s", "egress price": f"${link.egress_usd_per_gb:g}/GB"}
    named = [figure for name, figure in figures.items() if name in link.assumed]
    return ", ".join(named or figures.values())
