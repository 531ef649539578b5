"""AWS: the public events of now, a JSON array in UTF-16 with a byte order mark, whatever encoding is asked for.

The feed is what the Health Dashboard's own page reads (https://health.aws.amazon.com/health/status); AWS documents the
names of its fields only for the API that needs an account
(https://docs.aws.amazon.com/health/latest/APIReference/API_Event.html).
It shows what is open and what has ended lately, and an empty array on a quiet day and while it is broken itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.outage.feeds.event import EVERYWHERE, EventState, FeedProblem, ProviderEvent
from tradewind.outage.feeds.text import entries, line, named, read_each, seconds

if TYPE_CHECKING:
    from tradewind.outage.feeds.event import FeedReading

PROVIDER = "aws"
URL = "https://health.aws.amazon.com/public/currentevents"

SERVICES = frozenset(
    {"autoscaling", "ebs", "ec2", "ecr", "eks", "elb", "internetconnectivity", "multipleservices", "natgateway", "s3"}
    | {"transitgateway", "vpc"}
)
"""What a cluster stands on, by the first part of an event's `service`: nodes, control plane, network, images, data."""

# The dashboard's words. Events are known to go up from 1, so that 1 is no mere notice.
STATES = {
    "0": EventState.ENDED,
    "1": EventState.DISRUPTION,
    "2": EventState.DISRUPTION,
    "3": EventState.OUTAGE,
}

# Source: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html, the place of each name.
REGIONS = {
    "n. virginia": "us-east-1",
    "ohio": "us-east-2",
    "n. california": "us-west-1",
    "oregon": "us-west-2",
    "cape town": "af-south-1",
    "hong kong": "ap-east-1",
    "taipei": "ap-east-2",
    "mumbai": "ap-south-1",
    "hyderabad": "ap-south-2",
    "singapore": "ap-southeast-1",
    "sydney": "ap-southeast-2",
    "jakarta": "ap-southeast-3",
    "melbourne": "ap-southeast-4",
    "malaysia": "ap-southeast-5",
    "new zealand": "ap-southeast-6",
    "thailand": "ap-southeast-7",
    "tokyo": "ap-northeast-1",
    "seoul": "ap-northeast-2",
    "osaka": "ap-northeast-3",
    "calgary": "ca-west-1",
    "frankfurt": "eu-central-1",
    "zurich": "eu-central-2",
    "ireland": "eu-west-1",
    "london": "eu-west-2",
    "paris": "eu-west-3",
    "milan": "eu-south-1",
    "spain": "eu-south-2",
    "stockholm": "eu-north-1",
    "tel aviv": "il-central-1",
    "bahrain": "me-south-1",
    "uae": "me-central-1",
    "são paulo": "sa-east-1",
    "sao paulo": "sa-east-1",
}


def read(raw: bytes) -> FeedReading | FeedProblem:
    """Read an answer of the feed."""
    found = entries(raw)
    return found if isinstance(found, FeedProblem) else read_each(found, _event)


def _event(entry: Any) -> ProviderEvent:
    state = STATES[str(entry["status"])]
    region = _region(entry)
    # A service is written with its region: ec2-us-east-1.
    service = named(entry["service"]).removesuffix(f"-{region}")
    began_s = seconds(entry["date"])
    ended = entry.get("end_time")
    return ProviderEvent(
        id=named(entry["arn"]),
        provider=PROVIDER,
        regions=(region,) if region else (),
        service=line(entry.get("service_name") or service) if service in SERVICES else "",
        state=state,
        began_s=began_s,
        ended_s=seconds(ended) if ended else None,
        title=line(entry["summary"]),
    )


def _region(entry: Any) -> str:
    """Find the code in the ARN (arn:aws:health:REGION::event/...), or else by the place that is named in prose."""
    parts = named(entry["arn"]).split(":")
    if parts[0] == "arn" and parts[3]:
        return parts[3].lower()
    place = line(entry.get("region_name") or "").lower()
    return EVERYWHERE if place == EVERYWHERE else REGIONS.get(place, "")
