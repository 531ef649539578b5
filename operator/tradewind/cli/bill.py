"""What a workload costs in one place or in several, as plain sums."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from tradewind.cli.whyrender import usd_per_hour
from tradewind.model.decision import Share, Usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tradewind.model.decision import Candidate
    from tradewind.model.placement import Placement


@dataclass(frozen=True, slots=True)
class Bill:
    """What it costs and how long it takes.

    Attributes:
        places: cluster, offer and pods of each part.
        usd: the terms; all 0 where only the total is known.
        run_h, transfer_h, queue_h, loss_h: of the slowest part.
        writes: the checkpoints that it writes, in words.
        recorded_usd: what the places were chosen for, by the work's status; None where no status has it.
    """

    places: tuple[tuple[str, str, int], ...]
    usd_total: float
    usd_per_hour: float
    usd: Usd = field(default_factory=Usd)
    run_h: float = 0.0
    transfer_h: float = 0.0
    queue_h: float = 0.0
    loss_h: float = 0.0
    grams_co2: float = 0.0
    assumed: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    recorded_usd: float | None = None

    @property
    def where(self) -> str:
        """Name the places: `cluster/offer`, several each with its pods."""
        if len(self.places) == 1:
            return "/".join(self.places[0][:2])
        return " + ".join(f"{cluster}/{offer} x{count}" for cluster, offer, count in self.places)

    @property
    def done_in_h(self) -> float:
        """How long it takes from the decision to the end."""
        return self.queue_h + self.transfer_h + self.run_h + self.loss_h

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
            "lossHours": self.loss_h,
            "gramsCO2": self.grams_co2,
            "assumed": list(self.assumed),
            "recordedUSD": self.recorded_usd,
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
        loss_h=max(one.loss_h for one in parts),
        grams_co2=sum(one.grams_co2 for one in parts),
        assumed=tuple(dict.fromkeys(phrase for one in parts for phrase in one.assumed)),
        writes=tuple(one.writes for one in parts if one.writes),
    )


def standing_bill(places: Sequence[Placement], candidates: Iterable[Candidate], *, pods: int) -> Bill:
    """Say what places still cost.

    Args:
        places: where the work is, as its record says.
        candidates: the offers, priced for staying.
        pods: for how many of the work's pods those prices are.
    """
    priced = {(one.cluster, one.offer): one for one in candidates}
    shares = [
        Share(_part(priced[at], place.replicas / pods), place.replicas)
        for place in places
        if (at := (place.cluster, place.offer)) in priced and priced[at].run_h
    ]
    recorded = sum(place.usd_total for place in places)
    # An offer may be gone from the fleet while its copy runs on: then the record is all that is known.
    bill = bill_of(shares) if len(shares) == len(places) else Bill((), recorded, 0.0)
    return replace(
        bill,
        places=tuple((place.cluster, place.offer, place.replicas) for place in places),
        usd_per_hour=sum(place.usd_per_hour for place in places) or bill.usd_per_hour,
        recorded_usd=recorded,
    )


def _part(candidate: Candidate, share: float) -> Candidate:
    """Take the part of a price that some of the pods have."""
    if share == 1.0:
        return candidate
    usd = Usd(*(getattr(candidate.usd, term.name) * share for term in fields(Usd)))
    return replace(candidate, usd=usd, grams_co2=candidate.grams_co2 * share)
