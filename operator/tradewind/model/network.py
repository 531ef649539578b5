"""Links between locations: bandwidth and egress price, with pessimistic defaults that are always shown."""

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


@dataclass(frozen=True, slots=True)
class NetworkDefaults:
    """What counts for a pair of locations that no map lists.

    Pessimistic on purpose, so that an unknown link is never preferred to a known one: the lower end of published
    one-VM throughput (1.8 Gbit/s at the fifth percentile between clouds), the upper end of egress list prices.
    """

    same_region: Link = Link(25.0, 0.0, "sameRegion")
    same_provider: Link = Link(4.0, 0.05, "sameProvider")
    other: Link = Link(1.0, 0.15, "other")


@dataclass(frozen=True, slots=True)
class Network:
    """All links, by (from, to); a location is `provider/region` or a cluster's name."""

    links: dict[tuple[str, str], Link] = field(default_factory=dict)
    defaults: NetworkDefaults = field(default_factory=NetworkDefaults)

    def link(self, source: str, *, cluster: str, location: str) -> Link:
        """Find the link from a data location to a cluster, which is known by its name and its location.

        A link given for the cluster's own name beats one for its region; a default is the last resort.
        """
        for target in (cluster, location):
            link = self.links.get((source, target))
            if link is not None:
                return link
        if source in (cluster, location):
            return self.defaults.same_region
        if source.partition("/")[0] == location.partition("/")[0] and "/" in source:
            return self.defaults.same_provider
        return self.defaults.other
