"""Which figures defaults stood in for, in words: made for one ask and one offer at a time, when somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.units import SECONDS_PER_HOUR, format_duration
from tradewind.placement.columns import ASSUMED_CORES_PER_POD
from tradewind.placement.costs.loss import intervals_h
from tradewind.placement.figures import interruptions, ratio
from tradewind.placement.links import NOTHING, UNREADABLE, defaulted
from tradewind.placement.transfers import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.network import Link
    from tradewind.model.plan import Conditions
    from tradewind.placement.figures import Figures
    from tradewind.placement.terms import CostContext


class Assumed:
    """What was assumed of one ask of a batch."""

    def __init__(self, context: CostContext, index: int, *, figures: Figures, conditions: Conditions) -> None:
        self._context = context
        self._ask = context.ask(index)
        self._conditions = conditions
        with np.errstate(all="ignore"):
            self._serving = serving(context, index)
            mine = context.asks.of([index])
            self._interval_h = intervals_h(
                mine, figures=figures, links=context.links, cluster_of=context.table.cluster_of
            )[0]

    def of(self, row: int) -> tuple[str, ...]:
        """Name each figure of an offer that a default stood in for."""
        cluster, offer = self._context.table.rows[row]
        phrases = (
            *self._run(offer),
            *self._cores(),
            *self._links(row, cluster, offer),
            *self._loss(row, offer),
            *self._power(cluster, offer),
            *offer.assumed,
            *cluster.carbon.assumed,
        )
        return tuple(dict.fromkeys(phrases))

    def _run(self, offer: Offer) -> Iterator[str]:
        work, offered, speeds = self._ask.workload, offer.accelerator, self._conditions.speeds
        if work.expected_runtime_s is None:
            yield f"run time: pricingHorizon {format_duration(self._ask.policy.pricing_horizon_s)}"
            return
        if not work.pods.accelerators or not offered or offered == work.runtime_accelerator:
            return
        given = format_duration(work.expected_runtime_s)
        if not work.runtime_accelerator:
            yield f"run time: {given} on any accelerator, since expectedRuntime names none"
        elif ratio(work.runtime_accelerator, offered, speeds) is None:
            unknown = next(name for name in (work.runtime_accelerator, offered) if name not in speeds)
            yield f"run time: {given} as on {work.runtime_accelerator}, since the speed of {unknown} is unknown"

    def _cores(self) -> Iterator[str]:
        if not self._ask.workload.pods.accelerators and not self._ask.workload.pods.cpu_cores:
            yield f"CPU: {ASSUMED_CORES_PER_POD:g} core per pod, since the pods ask for none"

    def _links(self, row: int, cluster: Cluster, offer: Offer) -> Iterator[str]:
        links = self._context.links
        stays = self._ask.here is not None and (cluster.name, offer.name) == (
            self._ask.here.cluster,
            self._ask.here.offer,
        )
        for staged, source in self._serving:
            if source[row] not in (NOTHING, UNREADABLE) and not (stays and staged):
                name = links.names[source[row]]
                yield from _phrase(links.link(name, cluster), name, cluster.location, ("bandwidth", "egress price"))
        for output in self._ask.workload.outputs:
            link = links.out_link(cluster, output.location)
            yield from _phrase(link, cluster.location, output.location, ("egress price",))
        if self._ask.policy.usd_per_round_trip_ms_hour:
            for client in self._ask.workload.clients:
                link = links.link(client.location, cluster)
                yield from _phrase(link, client.location, cluster.location, ("round trip",))

    def _loss(self, row: int, offer: Offer) -> Iterator[str]:
        if offer.interruptions_per_hour is None:
            rate = interruptions(offer, self._conditions)
            yield f"interruptions: {rate:g} per node and hour, as {offer.market} has it"
        saved = self._ask.workload.checkpoint
        if saved is not None and not saved.interval_s:
            interval_h = float(self._interval_h[row] if len(self._interval_h) > 1 else self._interval_h[0])
            if np.isfinite(interval_h):
                yield f"checkpoint interval: {format_duration(interval_h * SECONDS_PER_HOUR)}, by Young's formula"

    def _power(self, cluster: Cluster, offer: Offer) -> Iterator[str]:
        assumptions, carbon = self._conditions.assumptions, cluster.carbon
        if not offer.accelerator:
            yield f"power: {assumptions.watts_per_cpu_core:g} W per core"
        elif offer.accelerator not in self._conditions.watts:
            yield f"power: {assumptions.watts_per_accelerator:g} W, since that of {offer.accelerator} is unknown"
        missing = []
        if carbon.grams_co2_per_kwh is None:
            missing.append(f"{assumptions.grams_co2_per_kwh:g} g/kWh")
        if carbon.pue is None:
            missing.append(f"PUE {assumptions.pue:g}")
        if missing:
            yield f"carbon: {', '.join(missing)}"


def _phrase(link: Link, source: str, target: str, read: tuple[str, ...]) -> Iterator[str]:
    """Name the defaults among the figures of a link that were read."""
    words = {
        "bandwidth": f"{link.gbps:g} Gbit/s",
        "egress price": f"${link.egress_usd_per_gb:g}/GB",
        "round trip": f"{link.round_trip_ms:g} ms",
    }
    named = [words[name] for name in defaulted(link) if name in read]
    if named:
        yield f"link {source} -> {target}: default {', '.join(named)}"
