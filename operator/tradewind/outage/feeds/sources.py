"""The feeds that can be read: the one interface behind which all formats stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.outage.feeds import aws, azure, gcp

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.outage.feeds.event import FeedProblem, FeedReading


@dataclass(frozen=True, slots=True)
class Source:
    """A provider's feed. `read` never raises, whatever it is given; `url` is its public address."""

    provider: str
    url: str
    read: Callable[[bytes], FeedReading | FeedProblem]


SOURCES = {
    source.provider: source
    for source in (
        Source(aws.PROVIDER, aws.URL, aws.read),
        Source(gcp.PROVIDER, gcp.URL, gcp.read),
        Source(azure.PROVIDER, azure.URL, azure.read),
    )
}
