"""Links between locations: bandwidth, round trip and egress price, with pessimistic defaults that are always shown."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Link:
    """A directed link.

    Attributes:
        assumed: "" for a figure that somebody gave, else which default stood in for it.
    """

    gbps: float
    egress_usd_per_gb: float
    assumed: str = ""
    round_trip_ms: float = 250.0


@dataclass(frozen=True, slots=True)
class NetworkDefaults:
    """What counts for a pair of locations that no map lists.

    Pessimistic on purpose, so that an unknown link is never preferred to a known one: the lower end of published
    one-VM throughput (1.8 Gbit/s at the fifth percentile between clouds), the upper end of egress list prices, and
    round trips between continents.
    """

    same_region: Link = Link(25.0, 0.0, "sameRegion", 1.0)
    same_provider: Link = Link(4.0, 0.05, "sameProvider", 100.0)
    other: Link = Link(1.0, 0.15, "other", 250.0)


@dataclass(frozen=True, slots=True)
class Place:
    """What law holds at a location that is no FederatedCluster, such as a bucket's region."""

    jurisdiction: str = ""
    operator_jurisdictions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Network:
    """All links, by (from, to); a location is `provider/region` or a cluster's name.

    Attributes:
        places: the law of locations, where a NetworkMap says it.
        lost: locations that can't be read now; `provider/` stands for all of a provider's.
        regions: `provider/region` of each cluster, by its name: where data stands that is said to be at a cluster.
    """

    links: dict[tuple[str, str], Link] = field(default_factory=dict)
    defaults: NetworkDefaults = field(default_factory=NetworkDefaults)
    places: dict[str, Place] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    regions: dict[str, str] = field(default_factory=dict)

    def readable(self, location: str) -> bool:
        """Whether data at a location can be read now."""
        provider, slash, _ = location.partition("/")
        return location not in self.lost and provider + slash not in self.lost

    def link(self, source: str, *, cluster: str, location: str) -> Link:
        """Find the link from a data location to a cluster, which is known by its name and its location.

        A link given for a cluster's own name, at either end, beats one for its region; a default is the last resort.
        """
        links, region = self.links, self.regions.get(source, source)
        link = links.get((source, cluster)) or links.get((source, location))
        if link is None and region != source:
            link = links.get((region, cluster)) or links.get((region, location))
        return link or self.default(source, cluster=cluster, location=location)

    def default(self, source: str, *, cluster: str, location: str) -> Link:
        """Assume a link where none is given; the same both ways."""
        region = self.regions.get(source, source)
        if source == cluster or region == location:
            return self.defaults.same_region
        if region.partition("/")[0] == location.partition("/")[0] and "/" in region:
            return self.defaults.same_provider
        return self.defaults.other
