"""Which regions and providers count as failing, by the verdicts on their clusters.

One cluster convicts nothing: its death has many causes of its own. A convicted domain is a last resort for new work,
and not ruled out: a fleet that is at one provider only would never move otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.model.health import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tradewind.model.fleet import Cluster
    from tradewind.model.health import Judgement

MIN_CLUSTERS = 2
"""Of a region, that are Down."""
MIN_REGIONS = 2
"""Of a provider, all of whose clusters are Down."""


def marked(fleet: Iterable[Cluster]) -> tuple[Cluster, ...]:
    """Return the fleet with `convicted` set by the verdicts on it."""
    clusters = tuple(fleet)
    why = convict(clusters)
    return tuple(
        one if one.convicted == why.get(one.name, "") else replace(one, convicted=why.get(one.name, ""))
        for one in clusters
    )


def convicted(known: Iterable[tuple[Cluster, Judgement]]) -> dict[str, str]:
    """Say it of clusters as they are declared, each with the newest verdict on it."""
    judged = [replace(cluster, health=health) for cluster, health in known]
    return convict(judged) if _down(judged) >= MIN_CLUSTERS else {}


def convict(fleet: Iterable[Cluster]) -> dict[str, str]:
    """Say why each cluster's region or provider counts as failing; clusters of sound domains are not in it.

    A region is convicted when at least two of its clusters, and all of them, are Down; a provider when that holds for
    two thirds of its clusters, and at least two of its regions are dark.
    """
    regions: defaultdict[str, list[Cluster]] = defaultdict(list)
    providers: defaultdict[str, list[Cluster]] = defaultdict(list)
    for cluster in fleet:
        regions[cluster.location].append(cluster)
        providers[cluster.provider].append(cluster)
    dark = {name for name, clusters in regions.items() if _down(clusters) == len(clusters)}
    why: dict[str, str] = {}
    for name in sorted(dark):
        if len(regions[name]) >= MIN_CLUSTERS:
            reason = f"region {name} counts as failing: all {len(regions[name])} of its clusters are Down"
            why |= {cluster.name: reason for cluster in regions[name]}
    for name, clusters in sorted(providers.items()):
        down, dark_regions = _down(clusters), dark & {cluster.location for cluster in clusters}
        if 3 * down >= 2 * len(clusters) and len(dark_regions) >= MIN_REGIONS:
            reason = f"provider {name} counts as failing: {down} of its {len(clusters)} clusters are Down"
            why |= {
                cluster.name: f"{reason}, and {len(dark_regions)} regions with all of theirs" for cluster in clusters
            }
    return why


def _down(clusters: Sequence[Cluster]) -> int:
    return sum(cluster.health.verdict is Verdict.DOWN for cluster in clusters)
