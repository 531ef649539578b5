"""Whose law holds at a place, and whether it suits a limit. What nobody has said never suits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from tradewind.placement.jurisdictions import codes_of, meant_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tradewind.model.fleet import Cluster
    from tradewind.model.network import Network
    from tradewind.model.workload import AllowDeny, Residency

Limit = tuple[frozenset[str], frozenset[str]]
"""What is allowed (empty: all), and what is denied: an `AllowDeny` whose hash is cheap."""
NO_LIMIT: Limit = (frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class Law:
    """The law of a place: where it is, and whose courts can compel those who operate it; empty where not said."""

    jurisdictions: frozenset[str] = frozenset()
    operators: frozenset[str] = frozenset()


UNSAID = Law()


def limit_of(wanted: AllowDeny) -> Limit:
    """Write a pair of lists as a limit."""
    return wanted.allow, wanted.deny


def limits_of(residency: Residency) -> tuple[Limit, Limit]:
    """Write what binds data as limits on the place, and on its operators."""
    return (residency.jurisdictions, frozenset()), (residency.operator_jurisdictions, frozenset())


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


def misspelt(limits: Iterable[Limit]) -> str:
    """Say which name in the limits is no country and no group; "" where all are known."""
    unknown = sorted({name for limit in limits for name in limit[0] | limit[1] if not codes_of(name)})
    if not unknown:
        return ""
    return f"{unknown[0]} is neither a country code (ISO 3166-1) nor a known group{meant_by(unknown[0])}"


def unknown(places: frozenset[str], limit: Limit) -> bool:
    """Whether the limit can't be checked: nobody has said where it is, or what was said is no place."""
    return limit != NO_LIMIT and (not places or not all(codes_of(place) for place in places))


def denied(places: frozenset[str], limit: Limit) -> list[str]:
    """List what is denied. A place may be a group: then any of its members is possible."""
    return sorted(place for place in places if codes_of(place) & _all_of(limit[1])) if limit[1] else []


def not_allowed(places: frozenset[str], limit: Limit) -> list[str]:
    """List what is not within the allow list, if there is one."""
    return sorted(place for place in places if not codes_of(place) <= _all_of(limit[0])) if limit[0] else []


def suits(places: frozenset[str], limit: Limit) -> bool:
    """Whether all places are known, allowed, and not denied."""
    return not (unknown(places, limit) or denied(places, limit) or not_allowed(places, limit))


@lru_cache(maxsize=1024)
def _all_of(names: frozenset[str]) -> frozenset[str]:
    return frozenset[str]().union(*(codes_of(name) for name in names))
