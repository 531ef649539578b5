"""Google Cloud: incidents.json, a bare array of the incidents of a year, most of which have ended.

Source: https://status.cloud.google.com/incidents.schema.json. `severity` is not read: an incident of low severity may
well be an outage, and `status_impact` says so. An entry without locations has ended, or does not say where it is.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradewind.outage.feeds.event import EVERYWHERE, EventState, FeedProblem, ProviderEvent
from tradewind.outage.feeds.text import believable, entries, line, named, read_each

if TYPE_CHECKING:
    from tradewind.outage.feeds.event import FeedReading

PROVIDER = "gcp"
URL = "https://status.cloud.google.com/incidents.json"

SERVICES = frozenset(
    {
        "artifact registry",
        "cloud load balancing",
        "cloud nat",
        "cloud storage",
        "compute engine",
        "google cloud networking",
        "google cloud storage",
        "google compute engine",
        "google kubernetes engine",
        "hyperdisk",
        "identity and access management",
        "persistent disk",
        "virtual private cloud (vpc)",
    }
)
"""What a cluster stands on, by the title of a product (https://status.cloud.google.com/products.json)."""

STATES = {
    "AVAILABLE": EventState.INFORMATION,
    "AVAILABLE_INFORMATION": EventState.INFORMATION,
    "SERVICE_INFORMATION": EventState.INFORMATION,
    "SERVICE_DISRUPTION": EventState.DISRUPTION,
    "SERVICE_OUTAGE": EventState.OUTAGE,
}

_ZONE = re.compile(r"^([a-z]+-[a-z]+[0-9]+)-[a-z]$")


def read(raw: bytes) -> FeedReading | FeedProblem:
    """Read an answer of the feed."""
    found = entries(raw)
    return found if isinstance(found, FeedProblem) else read_each(found, _event)


def _event(entry: Any) -> ProviderEvent:
    ended = entry.get("end")
    state = STATES[entry["status_impact"]]
    return ProviderEvent(
        id=named(entry["id"]),
        provider=PROVIDER,
        regions=tuple(dict.fromkeys(_region(each["id"]) for each in entry.get("currently_affected_locations") or ())),
        service=_service(entry.get("affected_products") or ()),
        state=state,
        began_s=_time(entry["begin"]),
        ended_s=_time(ended) if ended else None,
        title=line(entry["external_desc"]),
    )


def _region(location: str) -> str:
    """Give a zone's region."""
    code = named(location).lower()
    zone = _ZONE.match(code)
    return EVERYWHERE if code == EVERYWHERE else zone[1] if zone else code


def _service(products: Any) -> str:
    """Find the first product that clusters stand on; `service_name` often says no more than "Multiple Products"."""
    titles = (line(product["title"]) for product in products)
    return next((title for title in titles if title.lower() in SERVICES), "")


def _time(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return believable((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
