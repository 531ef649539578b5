"""An event as a provider announces it, in one form for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

EVERYWHERE = "global"
"""Stands for all regions of a provider."""


class EventState(StrEnum):
    """How bad it is, by the provider's own word."""

    INFORMATION = "Information"  # a notice: nothing is broken by it
    DISRUPTION = "Disruption"
    OUTAGE = "Outage"
    ENDED = "Ended"


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """One event.

    Attributes:
        id: tells it from the others of its provider, over all readings of the feed.
        provider: as FederatedClusters name it.
        regions: codes, as FederatedClusters name them, or EVERYWHERE; none where the provider does not say it.
        service: the first of the services concerned on which clusters stand; "" where it is about none of them.
        began_s: in seconds since the Unix epoch, as is `ended_s`; the latter may be in the future.
    """

    id: str
    provider: str
    regions: tuple[str, ...]
    service: str
    state: EventState
    began_s: float
    ended_s: float | None
    title: str


@dataclass(frozen=True, slots=True)
class FeedProblem:
    """Why an answer is no feed: a stable CamelCase reason, and words for a person."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class FeedReading:
    """What a feed says. `unread` counts entries of a shape never seen: they are no proof of anything."""

    events: tuple[ProviderEvent, ...]
    unread: int = 0
