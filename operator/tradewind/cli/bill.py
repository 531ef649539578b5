"""What a workload costs in one place or in several, as plain sums."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from tradewind.cli.whyrender import usd_per_hour
from tradewind.model.plan import Share, Usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tradewind.model.placement import Placement
    from tradewind.model.plan import Candidate


@dataclass(frozen=True, slots=True)
class Bill:
    """What it costs and how long it takes.

    Attributes:
        places: cluster, offer and pods of each part.
        usd: the terms; all 0 where only the total is known.
        transfer_h, run_h, queue_h: of the slowest part.
    """

    places: tuple[tuple[str, str, int], ...]
    usd_total: float
    usd_per_hour: float
    usd: Usd = field(default_factory=Usd)
    run_h: float = 0.0
    transfer_h: float = 0.0
    queue_h: float = 0.0
    grams_co2: float = 0.0
    assumed: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """Name the places: `cluster/offer`, several with a plus between them."""
        return " + ".join(f"{cluster}/{offer}" for cluster, offer, _ in self.places)

    def as_json(self) -> dict[str, Any]:
        """Write it. Amounts are USD and not rounded, times are hours."""
        return {
            "placements": [
                {"cluster": cluster, "offer": offer, "replicas": count} for cluster, offer, count in self.places
            ],
            "totalUSD": self.usd_total,
            "usdPerHour": self.usd_per_hour,
            "usd": {one.name: getattr(self.usd, one.name) for one in fields(Usd)},
            "runHours": self.run_h,
            "transferHours": self.transfer_h,
            "queueHours": self.queue_h,
            "gramsCO2": self.grams_co2,
            "assumed": list(self.assumed),
        }


def bill_of(shares: Sequence[Share]) -> Bill:
    """Sum up what was chosen."""
    parts = [share.candidate for share in shares]
    return Bill(
        places=tuple((one.candidate.cluster, one.candidate.offer, one.replicas) for one in shares),
        usd_total=sum(one.total_usd for one in parts),
        usd_per_hour=sum(usd_per_hour(one) for one in parts),
        usd=Usd(*(sum(getattr(one.usd, term.name) for one in parts) for term in fields(Usd))),
        run_h=max(one.run_h for one in parts),
        transfer_h=max(one.transfer_h for one in parts),
        queue_h=max(one.queue_h for one in parts),
        grams_co2=sum(one.grams_co2 for one in parts),
        assumed=tuple(dict.fromkeys(phrase for one in parts for phrase in one.assumed)),
    )


def recorded_bill(places: Iterable[Placement], candidates: Iterable[Candidate]) -> Bill:
    """Say what places cost by their record; the terms are those that a plan gives the same offers now."""
    priced = {(one.cluster, one.offer): one for one in candidates}
    places = tuple(places)
    now = [Share(priced[at], place.replicas) for place in places if (at := (place.cluster, place.offer)) in priced]
    bill = bill_of(now) if now else Bill((), 0.0, 0.0)
    total = sum(place.usd_total for place in places) or bill.usd_total
    return replace(
        bill, places=tuple((place.cluster, place.offer, place.replicas) for place in places), usd_total=total
    )
