"""What a price rests on, in words: which figures defaults stood in for, and what is written over the run.

Words are made for one ask and one offer at a time, when somebody asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.units import BYTES_PER_GB, SECONDS_PER_HOUR, format_duration, format_usd
from tradewind.model.workload import Access
from tradewind.placement.columns import ASSUMED_CORES_PER_POD
from tradewind.placement.costs.loss import intervals_h
from tradewind.placement.figures import interruptions, ratio
from tradewind.placement.links import NOTHING, UNREADABLE, defaulted
from tradewind.placement.transfers import serving
from tradewind.placement.writes import written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.network import Link
    from tradewind.model.plan import Conditions
    from tradewind.placement.figures import Figures
    from tradewind.placement.terms import CostContext


class Assumed:
    """What the price of one ask of a batch rests on."""

    def __init__(self, context: CostContext, index: int, *, figures: Figures, conditions: Conditions) -> None:
        self._context = context
        self._ask = context.ask(index)
        self._conditions = conditions
        with np.errstate(all="ignore"):
            self._serving = serving(context, index)
            mine = context.asks.of([index])
            links, at, run_h = context.links, context.table.cluster_of, context.run_h[[index]]
            interval_h = intervals_h(mine, figures=figures, links=links, cluster_of=at)
            self._interval_h = interval_h[0]
            self._written = written(mine, links=links, cluster_of=at, run_h=run_h, interval_h=interval_h)

    def of(self, row: int) -> tuple[str, ...]:
        """Name each figure of an offer that a default stood in for."""
        cluster, offer = self._context.table.rows[row]
        phrases = (
            *self._run(offer),
            *self._cores(),
            *self._links(row, cluster, offer),
            *self._loss(row, offer),
            *self._saves(row),
            *self._power(cluster, offer),
            *offer.assumed,
            *cluster.carbon.assumed,
        )
        return tuple(dict.fromkeys(phrases))

    def sources(self, row: int) -> tuple[tuple[str, str], ...]:
        """Say where each input comes from: its name, and the location of the replica that serves it."""
        data, links = self._ask.workload.data, self._context.links
        found = []
        for is_staged in (True, False):
            # In the order of the inputs; what is staged last is the checkpoint, where it is one of them.
            served = [source for staged, source in self._serving if staged == is_staged]
            named = [one.name for one in data if (one.access is Access.STAGE) == is_staged]
            found += [(name, links.names[source[row]]) for name, source in zip(named, served, strict=False)]
        return tuple(sorted((name, location) for name, location in found if location))

    def writes(self, row: int) -> str:
        """Say which checkpoints the run writes, and what they cost on their way; "" where it writes none."""
        saved, count = self._ask.workload.checkpoint, self._count(row)
        if saved is None or self._written is None or not count:
            return ""
        gb, usd = saved.size_bytes / BYTES_PER_GB, float(self._written.usd[0, row])
        size = f"{gb:,.0f}" if gb >= 10 else f"{gb:.2g}"  # noqa: PLR2004 - two digits are enough
        places = " and ".join(self._written_to(row))
        return f"{count:,} checkpoint{'s' * (count > 1)} of {size} GB to {places}: {format_usd(usd)}"

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
        """Name the defaults of each link once, whatever it is read for."""
        read: dict[tuple[Link, str, str], set[str]] = {}
        for link, source, target, figures in self._reads(row, cluster, offer):
            read.setdefault((link, source, target), set()).update(figures)
        for (link, source, target), needed in read.items():
            words = {
                "bandwidth": f"{link.gbps:g} Gbit/s",
                "egress price": f"${link.egress_usd_per_gb:g}/GB",
                "round trip": f"{link.round_trip_ms:g} ms",
            }
            named = [words[name] for name in defaulted(link) if name in needed]
            if named:
                yield f"link {source} -> {target}: default {', '.join(named)}"

    def _reads(self, row: int, cluster: Cluster, offer: Offer) -> Iterator[tuple[Link, str, str, tuple[str, ...]]]:
        """List the links that the price depends on, with their ends and the figures that are read."""
        links, work = self._context.links, self._ask.workload
        stays = self._ask.here is not None and (cluster.name, offer.name) == (
            self._ask.here.cluster,
            self._ask.here.offer,
        )
        for staged, source in self._serving:
            if source[row] not in (NOTHING, UNREADABLE) and not (stays and staged):
                name = links.names[source[row]]
                yield links.link(name, cluster), name, cluster.location, ("bandwidth", "egress price")
        for place in (*(output.location for output in work.outputs), *self._written_to(row)):
            yield links.out_link(cluster, place), cluster.location, place, ("egress price",)
        if self._ask.policy.usd_per_round_trip_ms_hour:
            for client in work.clients:
                yield links.link(client.location, cluster), client.location, cluster.location, ("round trip",)

    def _loss(self, row: int, offer: Offer) -> Iterator[str]:
        if offer.interruptions_per_hour is None:
            rate = interruptions(offer, self._conditions)
            yield f"interruptions: {rate:g} per node and hour, as {offer.market} has it"
        saved = self._ask.workload.checkpoint
        if saved is not None and not saved.interval_s:
            interval_h = self._interval(row)
            if np.isfinite(interval_h):
                yield f"checkpoint interval: {_span(interval_h)}, by Young's formula"

    def _saves(self, row: int) -> Iterator[str]:
        """Name the location that takes longer to write to than the next checkpoint takes to come."""
        saved, links, names = self._ask.workload.checkpoint, self._context.links, self._written_to(row)
        if saved is None or not names:
            return
        save_h = links.matrix("save_hours_per_gb")[[links.index(name) for name in names]]
        by_place_h = save_h[:, self._context.table.cluster_of[row]] * saved.size_bytes / BYTES_PER_GB
        slowest, interval_h = int(np.argmax(by_place_h)), self._interval(row)
        if by_place_h[slowest] > interval_h:
            link = links.out_link(self._context.table.rows[row][0], names[slowest])
            gbps = f", at {self._conditions.assumptions.checkpoint_gbps:g} Gbit/s" * ("bandwidth" in defaulted(link))
            yield (
                f"checkpoints: one takes {_span(float(by_place_h[slowest]))} to write to {names[slowest]}{gbps}, "
                f"longer than the interval of {_span(interval_h)}; no stall is priced"
            )

    def _written_to(self, row: int) -> list[str]:
        """Name the locations that checkpoints are written to; none where the run writes none."""
        saved, links = self._ask.workload.checkpoint, self._context.links
        if saved is None or not self._count(row):
            return []
        return [links.names[place] for place in links.readable(saved.locations)]

    def _interval(self, row: int) -> float:
        return float(self._interval_h[row] if len(self._interval_h) > 1 else self._interval_h[0])

    def _count(self, row: int) -> int:
        count = 0.0 if self._written is None else float(self._written.count[0, row])
        return int(count) if np.isfinite(count) else 0

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


def _span(hours: float) -> str:
    return format_duration(hours * SECONDS_PER_HOUR)
