"""What work must keep to beside its place: deadline, budget, distance to its clients, spread over clusters."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tradewind.api.base import Model, Rule, list_map
from tradewind.api.scalars import DecimalUSD, Duration, Location, Moment, Positive
from tradewind.model.workload import DeadlineMode, Replicas

MAX_CLUSTERS = 16
"""As many as a status lists."""


class DeadlineSpec(Model):
    """When the work must be done."""

    time: Moment
    """The time by which it must be done."""
    mode: DeadlineMode = DeadlineMode.PREFER
    """Require: places where it would be late are refused. Prefer: an hour too late has a price."""
    usd_per_hour_late: DecimalUSD | None = None
    """What an hour too late costs you, in USD; for Prefer."""

    RULES = (
        Rule(
            "deadline: usdPerHourLate is needed with Prefer, and means nothing with Require",
            "(self.mode == 'Prefer') == has(self.usdPerHourLate)",
            lambda deadline: (deadline.mode is DeadlineMode.PREFER) == (deadline.usd_per_hour_late is not None),
        ),
    )


class BudgetSpec(Model):
    """Limits on what one workload may cost; where several layers set one, the smallest counts."""

    max_usd_per_hour: DecimalUSD | None = None
    """For its machines, in USD an hour."""
    max_total_usd: DecimalUSD | None = None
    """For all that it costs from its first start on, in USD; it is stopped at the checkpoint where that is spent."""

    RULES = (
        Rule(
            "budget: a limit must be more than 0; suspend stops the work",
            "(!has(self.maxUSDPerHour) || double(self.maxUSDPerHour) > 0.0) && "
            "(!has(self.maxTotalUSD) || double(self.maxTotalUSD) > 0.0)",
            lambda budget: 0 not in (budget.max_usd_per_hour, budget.max_total_usd),
        ),
    )


class ClientSpec(Model):
    """Where requests come from."""

    location: Location
    """provider/region near to them, as NetworkMaps name it."""
    weight: Annotated[Positive, Field(le=1000)] = 1
    """Their share of the requests, relative to the sum of all weights."""


class NetworkWish(Model):
    """Who is served, and how far away they may be."""

    clients: Annotated[tuple[ClientSpec, ...], list_map("location", at_most=32)] = ()
    """Where requests come from; the policy prices the round trip to them."""
    max_round_trip: Duration | None = None
    """The longest round trip that any of them may have."""

    RULES = (
        Rule(
            "network: maxRoundTrip needs clients, since it is the round trip to them",
            "!has(self.maxRoundTrip) || (has(self.clients) && size(self.clients) > 0)",
            lambda network: network.max_round_trip is None or bool(network.clients),
        ),
        Rule(
            "network: maxRoundTrip must be more than 0",
            "!has(self.maxRoundTrip) || duration(self.maxRoundTrip) > duration('0s')",
            lambda network: network.max_round_trip is None or network.max_round_trip > 0,
        ),
    )


class SpreadSpec(Model):
    """On how many clusters the pods run at once."""

    clusters: Annotated[Positive, Field(le=MAX_CLUSTERS)]
    """How many clusters."""
    min_providers: Annotated[Positive, Field(le=MAX_CLUSTERS)] = 1
    """At how many different providers at least."""
    replicas: Replicas = Replicas.DIVIDED
    """Divided: together they have as many pods as the template says. Duplicated: each has as many."""

    RULES = (
        Rule(
            "spread: minProviders can't be more than clusters",
            "self.minProviders <= self.clusters",
            lambda spread: spread.min_providers <= spread.clusters,
        ),
    )
