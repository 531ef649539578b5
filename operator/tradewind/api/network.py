"""NetworkMap: links between locations, inline or as tables in ConfigMaps, and the law of locations."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from tradewind.api.base import Model, Rule, list_map, list_set
from tradewind.api.parts import Resource, Status
from tradewind.api.scalars import ConfigKey, Country, DecimalUSD, Duration, Location, ObjectName, Quantity, Whole

_POSITIVE_CEL = "!has(self.bandwidth) || quantity(string(self.bandwidth)).isGreaterThan(quantity('0'))"


class LinkFigures(Model):
    """What a link carries and costs."""

    bandwidth: Quantity | None = None
    """Bits per second, such as 4710M."""
    round_trip: Duration | None = None
    """From a packet to its answer, such as 29ms."""
    egress_usd_per_gb: DecimalUSD | None = None
    """Price of 10^9 bytes that leave by it, in USD."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "bandwidth must be more than 0; leave the link out if nothing gets through",
            _POSITIVE_CEL,
            lambda link: link.bandwidth is None or link.bandwidth > 0,
        ),
    )


class LinkSpec(LinkFigures):
    """A directed link; a figure that is absent comes from a table or from the defaults."""

    from_: Annotated[Location, Field(alias="from")]
    """Where data leaves: provider/region, or a cluster's name."""
    to: Location
    """Where it arrives."""

    RULES = (
        *LinkFigures.RULES,
        Rule(
            "links: give at least one of bandwidth, roundTrip, egressUSDPerGB",
            "has(self.bandwidth) || has(self.roundTrip) || has(self.egressUSDPerGB)",
            lambda link: (link.bandwidth, link.round_trip, link.egress_usd_per_gb) != (None, None, None),
        ),
    )


class Table(Model):
    """A table of links with the columns from,to,gbps,rtt_ms,egress_usd_per_gb; an empty figure takes its default."""

    name: ObjectName
    """A ConfigMap in the operator's namespace."""
    key: ConfigKey
    """The key in it."""


class DefaultLinks(Model):
    """What counts where nothing is listed; pessimistic values where absent."""

    same_region: LinkFigures = LinkFigures()
    """Inside a region; 25G, 1ms and "0" where absent."""
    same_provider: LinkFigures = LinkFigures()
    """Between regions of a provider; 4G, 100ms and "0.05" where absent."""
    other: LinkFigures = LinkFigures()
    """Between providers; 1G, 250ms and "0.15" where absent."""


class PlaceSpec(Model):
    """The law of a location that is no FederatedCluster, such as the region of a bucket."""

    location: Location
    """provider/region."""
    jurisdiction: Country | None = None
    """The country whose law holds there, by ISO 3166-1."""
    operator_jurisdictions: Annotated[tuple[Country, ...], list_set(at_most=16)] = ()
    """The countries whose courts can compel those who operate it."""

    RULES = (
        Rule(
            "locations: give jurisdiction, operatorJurisdictions or both",
            "has(self.jurisdiction) || (has(self.operatorJurisdictions) && size(self.operatorJurisdictions) > 0)",
            lambda place: place.jurisdiction is not None or bool(place.operator_jurisdictions),
        ),
    )


class NetworkSpec(Model):
    """Links, directed. Inline links win over tables, and maps are read in the order of their names: later ones win."""

    links: Annotated[
        tuple[LinkSpec, ...],
        list_map("from", "to", at_most=256, beyond="; put more into ConfigMaps as tables, and name those in spec.csv"),
    ] = ()
    """Links inline."""
    csv: Annotated[tuple[Table, ...], list_map("name", "key", at_most=16)] = ()
    """Tables of links, for more than fit inline."""
    defaults: DefaultLinks = DefaultLinks()
    """What counts where nothing is listed."""
    locations: Annotated[tuple[PlaceSpec, ...], list_map("location", at_most=256)] = ()
    """The law of locations where data and checkpoints are, for work and Datasets that are bound to some."""


class NetworkMap(Resource):
    """Links between locations: bandwidth, round trip and the price of egress; and the law of locations."""

    spec: NetworkSpec
    """Links, directed."""


class NetworkStatus(Status):
    """What was read."""

    links: Whole | None = None
    """Links, inline and in tables."""
