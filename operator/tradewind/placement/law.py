"""Whose law holds at a place, and whether it suits a limit. What nobody has said never suits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from tradewind.placement.jurisdictions import codes_of, meant_by
from tradewind.placement.wording import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.fleet import Cluster
    from tradewind.model.network import Network
    from tradewind.model.workload import AllowDeny, DataInput, Residency, Workload

Limit = tuple[frozenset[str], frozenset[str]]
"""What is allowed (empty: all), and what is denied: an `AllowDeny` whose hash is cheap."""
Limits = tuple[frozenset[str], frozenset[str], frozenset[str], frozenset[str]]
"""A limit on where a place is, and one on who operates it: flat, since every ask has some as its key."""
NO_LIMIT: Limit = (frozenset(), frozenset())
NO_LIMITS: Limits = (*NO_LIMIT, *NO_LIMIT)


class Law(NamedTuple):
    """The law of a place: where it is, and whose courts can compel those who operate it; empty where not said."""

    jurisdictions: frozenset[str] = frozenset()
    operators: frozenset[str] = frozenset()


UNSAID = Law()
_ABOUT = (("stands in", "jurisdiction"), ("is operated under the law of", "jurisdictions of its operator"))


def limit_of(wanted: AllowDeny) -> Limit:
    """Write a pair of lists as a limit."""
    return wanted.allow, wanted.deny


def limits_of(residency: Residency) -> Limits:
    """Write what binds data as limits."""
    return residency.jurisdictions, NO_LIMIT[1], residency.operator_jurisdictions, NO_LIMIT[1]


def bound_inputs(work: Workload) -> list[DataInput]:
    """List the inputs that some law binds."""
    return [one for one in work.data if one.residency.jurisdictions or one.residency.operator_jurisdictions]


def law_of(cluster: Cluster) -> Law:
    """Say what law holds on a cluster."""
    return Law(
        frozenset((cluster.jurisdiction,)) if cluster.jurisdiction else frozenset(), cluster.operator_jurisdictions
    )


def laws_of(clusters: Sequence[Cluster], network: Network) -> dict[str, Law]:
    """Find the law of every location that somebody has described: a cluster there, or a NetworkMap, which counts first.

    Clusters of one place that disagree all count: what is kept there must suit every one of them.
    """
    laws: dict[str, Law] = {}
    for cluster in clusters:
        law = law_of(cluster)
        laws[cluster.name] = law
        known = laws.get(cluster.location, UNSAID)
        laws[cluster.location] = Law(known.jurisdictions | law.jurisdictions, known.operators | law.operators)
    for location, place in network.places.items():
        known = laws.get(location, UNSAID)
        here = frozenset((place.jurisdiction,)) if place.jurisdiction else known.jurisdictions
        laws[location] = Law(here, place.operator_jurisdictions or known.operators)
    return laws


@lru_cache(maxsize=4096)
def misspelt(limits: Limit | Limits) -> str:
    """Say which name in the limits is no country and no group; "" where all are known."""
    strange = sorted({name for names in limits for name in names if not codes_of(name)})
    if not strange:
        return ""
    return f"{strange[0]} is neither a country code (ISO 3166-1) nor a known group{meant_by(strange[0])}"


def unknown(places: frozenset[str], limit: Limit) -> bool:
    """Whether the limit can't be checked: nobody has said where it is, or what was said is no place."""
    return limit != NO_LIMIT and (not places or not all(codes_of(place) for place in places))


def denied(places: frozenset[str], limit: Limit) -> list[str]:
    """List what is denied. A place may be a group: then any of its members is possible."""
    return sorted(place for place in places if codes_of(place) & _all_of(limit[1])) if limit[1] else []


def not_allowed(places: frozenset[str], limit: Limit) -> list[str]:
    """List what is not within the allow list, if there is one."""
    return sorted(place for place in places if not codes_of(place) <= _all_of(limit[0])) if limit[0] else []


@dataclass(frozen=True, slots=True)
class Trespass:
    """How a place breaks a law, as the end of a sentence about it; or that nobody knows whether it does."""

    why: str
    unknown: bool


@lru_cache(maxsize=65536)  # a few laws and a few limits, asked for by every work with data
def trespass(law: Law, limits: Limits) -> Trespass | None:
    """Hold a place against limits on where it is and on who operates it; None where it suits both.

    A limit with a name that nobody knows can't be checked, so nothing suits it.
    """
    if wrong_name := misspelt(limits):
        return Trespass(f"can't be held against it: {wrong_name}", unknown=True)
    for places, limit, (says, what) in zip(law, (limits[:2], limits[2:]), _ABOUT, strict=True):
        if unknown(places, limit):
            return Trespass(f"has no known {what}" + (f" ({listed(places)})" if places else ""), unknown=True)
        if wrong := denied(places, limit):
            return Trespass(f"{says} {listed(wrong)}, which is denied", unknown=False)
        if wrong := not_allowed(places, limit):
            return Trespass(f"{says} {listed(wrong)}, not within {listed(limit[0])}", unknown=False)
    return None


@lru_cache(maxsize=1024)
def _all_of(names: frozenset[str]) -> frozenset[str]:
    return frozenset[str]().union(*(codes_of(name) for name in names))
