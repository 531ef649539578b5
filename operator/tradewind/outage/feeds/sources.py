"""The feeds that can be read: the one interface behind which all formats stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.outage.feeds import aws, azure, gcp

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.outage.feeds.event import FeedProblem, FeedReading

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A provider's feed.

    Attributes:
        url: its public address.
        max_bytes: many times what it has ever held, and little enough to be read without holding up the operator.
        read: never raises, whatever it is given.
    """

    provider: str
    url: str
    max_bytes: int
    read: Callable[[bytes], FeedReading | FeedProblem]


SOURCES = {
    source.provider: source
    for source in (
        Source(aws.PROVIDER, aws.URL, 4 * MIB, aws.read),
        Source(gcp.PROVIDER, gcp.URL, 4 * MIB, gcp.read),
        Source(azure.PROVIDER, azure.URL, MIB // 4, azure.read),
    )
}
