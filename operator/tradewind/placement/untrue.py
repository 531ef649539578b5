"""Which figure it is that can't be true where an offer has no price, and where to mend it: made when somebody asks.

Figures are refused at the edge, by the API's schema and by what reads tables and answers of Prometheus. This names what
has come through all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING

from tradewind.model.kind import WorkloadType
from tradewind.model.plan import Refusal, Wake
from tradewind.model.units import BYTES_PER_GB
from tradewind.model.workload import Access
from tradewind.placement.figures import interruptions
from tradewind.placement.links import UNREADABLE, defaulted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.network import Link
    from tradewind.model.plan import Ask, Conditions
    from tradewind.model.workload import Checkpoint
    from tradewind.placement.links import Links

PRICE_INVALID = "PriceInvalid"
POLICY = "the ClusterPlacementPolicy"
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Untrue:
    """One ask before one offer that has no price."""

    ask: Ask
    cluster: Cluster
    offer: Offer
    conditions: Conditions
    links: Links

    def refusal(self) -> Refusal:
        """Name the first few figures."""
        found = list(islice(dict.fromkeys((*self._of_the_work(), *self._of_the_offer(), *self._of_links())), _NAMED))
        why = "; ".join(found) or "a figure is negative, no number, or too large to be added up"
        return Refusal(PRICE_INVALID, f"there is no total: {why}", Wake.PRICE)

    def _of_the_work(self) -> Iterator[str]:
        work, policy = self.ask.workload, self.ask.policy
        if work.expected_runtime_s is None:
            yield from _least(policy.pricing_horizon_s, "pricingHorizon in seconds", "the policy's pricingHorizon")
        else:
            yield from _least(work.expected_runtime_s, "the run time in seconds", "spec.expectedRuntime.duration")
        yield from _least(self.ask.left, "the share of the run that is left", "status.done")
        sizes = [(one.name, one.size_bytes, "spec.data, or its Dataset") for one in work.data]
        sizes += [(one.name, one.size_bytes, "spec.outputs") for one in work.outputs]
        if work.checkpoint is not None:
            sizes.append(("the checkpoint", work.checkpoint.size_bytes, "spec.checkpoint.size"))
        for name, size_bytes, where in sizes:
            yield from _least(size_bytes / BYTES_PER_GB, f"the size of {name} in GB", where)
        deadline = work.deadline
        if deadline is not None and work.type is not WorkloadType.INFERENCE:
            if not isfinite(deadline.time_s):
                yield _said("the deadline", deadline.time_s, "spec.deadline.time")
            yield from _least(deadline.usd_per_hour_late, "usdPerHourLate", "spec.deadline.usdPerHourLate")
        for name, usd in (
            ("usdPerDelayHour", policy.usd_per_delay_hour),
            ("usdPerTonneCO2", policy.usd_per_tonne_co2),
            ("usdPerRoundTripMillisecondHour", policy.usd_per_round_trip_ms_hour),
        ):
            yield from _least(usd, name, "the policy's prices")
        if work.clients and policy.usd_per_round_trip_ms_hour:
            weights = [client.weight for client in work.clients]
            for client in work.clients:
                yield from _least(client.weight, f"the weight of client {client.location}", "spec.network.clients")
            if not any(weights):
                yield _said("the sum of the clients' weights", sum(weights), "spec.network.clients")

    def _of_the_offer(self) -> Iterator[str]:
        offer, here = self.offer, f"FederatedCluster {self.cluster.name}, spec.offers {self.offer.name}"
        assumptions, carbon = self.conditions.assumptions, self.cluster.carbon
        usd, name = (
            (offer.usd_per_accelerator_hour, "usdPerAcceleratorHour")
            if offer.accelerator
            else (offer.usd_per_cpu_hour, "usdPerCPUHour")
        )
        yield from _least(usd, name, f"{here}, or the metric that it comes from")
        own = offer.interruptions_per_hour is not None
        rate = interruptions(offer, self.conditions)
        yield from _least(rate, "interruptionsPerHour", here if own else f"{POLICY}'s interruptionsPerHour")
        if offer.max_nodes is not None:
            yield from _least(offer.provisioning_s, "provisioning in seconds", here)
        yield from _least(self.conditions.detect_s, "the time to detect an outage", f"{POLICY}'s detection")
        yield from _least(assumptions.restart_s, "restart in seconds", f"{POLICY}'s assumptions")
        yield from self._speeds()
        if offer.accelerator in self.conditions.watts:
            watts, where = self.conditions.watts[offer.accelerator], f"{POLICY}'s accelerators"
            yield from _more(watts, f"the watts of {offer.accelerator}", where)
        elif offer.accelerator:
            yield from _more(assumptions.watts_per_accelerator, "wattsPerAccelerator", f"{POLICY}'s assumptions")
        else:
            yield from _more(assumptions.watts_per_cpu_core, "wattsPerCPUCore", f"{POLICY}'s assumptions")
        of_cluster, of_policy = f"FederatedCluster {self.cluster.name}, spec.carbon", f"{POLICY}'s assumptions"
        grams, pue = carbon.grams_co2_per_kwh, carbon.pue
        where = of_policy if grams is None else of_cluster
        yield from _least(assumptions.grams_co2_per_kwh if grams is None else grams, "gramsCO2PerKWh", where)
        where, pue = (of_policy, assumptions.pue) if pue is None else (of_cluster, pue)
        if not (isfinite(pue) and pue >= 1):
            yield _said("PUE", pue, where, "a number of 1 or more")
        yield from _least(assumptions.transfer_kwh_per_gb, "transferKWhPerGB", of_policy)

    def _speeds(self) -> Iterator[str]:
        work, speeds = self.ask.workload, self.conditions.speeds
        types = (work.runtime_accelerator, self.offer.accelerator)
        compared = work.pods.accelerators and work.expected_runtime_s is not None and types[0] != types[1]
        if compared and all(one in speeds for one in types):
            for one in types:
                yield from _more(speeds[one], f"the speed of {one}", f"{POLICY}'s accelerators")

    def _of_links(self) -> Iterator[str]:
        """Name a link of each input that none of its replicas can serve, and of all that is written."""
        work, cluster, here = self.ask.workload, self.cluster, self.ask.here
        stays = here is not None and (here.cluster, here.offer) == (cluster.name, self.offer.name)
        for one in work.data:
            if one.access is Access.STREAM or not stays:
                yield from self._none_of(one.locations, "bandwidth", "egress price")
        if work.checkpoint is not None:
            yield from self._of_checkpoint(work.checkpoint, copied=self.ask.resumes and not stays)
        for output in work.outputs:
            yield from self._out(output.location, "egress price")
        if self.ask.policy.usd_per_round_trip_ms_hour:
            for client in work.clients:
                link = self.links.link(client.location, cluster)
                yield from _of_link(link, client.location, cluster.location, ("round trip",))

    def _of_checkpoint(self, saved: Checkpoint, *, copied: bool) -> Iterator[str]:
        """Name what keeps it from being read after an interruption, or before the start, and from being written."""
        yield from self._none_of(saved.locations, "bandwidth", *(("egress price",) if copied else ()))
        if self.ask.workload.type is WorkloadType.INFERENCE:
            return
        places = self._readable(saved.locations)
        for place in places:
            yield from self._out(place, "egress price")
        if not saved.interval_s:
            yield from _of_all([list(self._out(place, "bandwidth")) for place in places])

    def _none_of(self, locations: tuple[str, ...], *figures: str) -> Iterator[str]:
        """Name what is wrong with the way from these locations, where there is something with each."""
        here, places = self.cluster.location, self._readable(locations)
        return _of_all([list(_of_link(self.links.link(one, self.cluster), one, here, figures)) for one in places])

    def _out(self, place: str, figure: str) -> Iterator[str]:
        link, assumed_gbps = self.links.out_link(self.cluster, place), self.conditions.assumptions.checkpoint_gbps
        if figure == "bandwidth" and figure in defaulted(link):
            yield from _more(assumed_gbps, "checkpointBandwidth in Gbit/s", f"{POLICY}'s assumptions")
        else:
            yield from _of_link(link, self.cluster.location, place, (figure,))

    def _readable(self, locations: tuple[str, ...]) -> list[str]:
        return [self.links.names[one] for one in self.links.readable(locations) if one != UNREADABLE]


def _of_all(ways: list[list[str]]) -> Iterator[str]:
    """Return what is wrong with the first of several ways; nothing where one of them is in order."""
    if ways and all(ways):
        yield from ways[0]


def _of_link(link: Link, source: str, target: str, figures: tuple[str, ...]) -> Iterator[str]:
    names = {
        "bandwidth": (link.gbps, "bandwidth in Gbit/s", _more),
        "egress price": (link.egress_usd_per_gb, "egressUSDPerGB", _least),
        "round trip": (link.round_trip_ms, "roundTrip in ms", _least),
    }
    for figure in figures:
        number, name, bound = names[figure]
        where = "a NetworkMap's spec.defaults" if figure in defaulted(link) else "a NetworkMap's spec.links or table"
        yield from bound(number, f"link {source} -> {target}, {name}", where)


def _least(number: float, what: str, where: str) -> Iterator[str]:
    if not (isfinite(number) and number >= 0):
        yield _said(what, number, where, "a number of 0 or more")


def _more(number: float, what: str, where: str) -> Iterator[str]:
    if not (isfinite(number) and number > 0):
        yield _said(what, number, where, "a number over 0")


def _said(what: str, number: float, where: str, needed: str = "a number") -> str:
    return f"{what} is {number:g}, and must be {needed} (mend it in {where})"
