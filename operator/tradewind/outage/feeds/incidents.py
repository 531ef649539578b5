"""Which announced events are open, and for whom: a fold over readings of one feed.

A feed that falls silent, breaks or forgets an event has not said that it is over. So an event ends when the provider
says so, or when it has not been confirmed for FORGOTTEN_AFTER_S, for some providers only ever take events away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tradewind.outage.feeds.event import EVERYWHERE, EventState, ProviderEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FORGOTTEN_AFTER_S = 1800.0
"""As long as three of the longest pauses between readings of a feed; short enough for an event that is gone."""
SKEW_S = 300.0
"""An event that begins later than this is one that is planned: it is no concern yet."""
MAX_OPEN = 200
"""Of one provider: in the widest outages known there were fewer, and each is looked at for every cluster."""


@dataclass(frozen=True, slots=True)
class Incident:
    """An open event. `confirmed_s`: when a reading last held it, by a monotonic clock."""

    event: ProviderEvent
    confirmed_s: float


def confirm(
    known: Mapping[str, Incident], events: Iterable[ProviderEvent], *, now_s: float, wall_s: float
) -> dict[str, Incident]:
    """Take a reading. `now_s` is monotonic; `wall_s`, seconds since the Unix epoch, is what events are dated by."""
    taken = dict(known)
    for event in events:
        if _is_over(event, wall_s):
            taken.pop(event.id, None)
        elif _counts(event, wall_s) and (event.id in taken or len(taken) < MAX_OPEN):
            before = taken.get(event.id)
            # Azure dates an event by its last update.
            began_s = event.began_s if before is None else min(event.began_s, before.event.began_s)
            taken[event.id] = Incident(replace(event, began_s=began_s), now_s)
    return taken


def forget(known: Mapping[str, Incident], *, now_s: float) -> dict[str, Incident]:
    """Drop what has not been confirmed for too long."""
    return {name: each for name, each in known.items() if now_s - each.confirmed_s <= FORGOTTEN_AFTER_S}


def concerning(known: Iterable[Incident], *, region: str) -> tuple[ProviderEvent, ...]:
    """Find the open events of a region, oldest first; of those that are everywhere, only outages count.

    What slows a service down all over the world for weeks must not keep work from a provider altogether.
    """
    found = (each.event for each in known if _is_there(each.event, region))
    return tuple(sorted(found, key=lambda event: (event.began_s, event.id)))


def announced(events: tuple[ProviderEvent, ...]) -> str:
    """Say it in a sentence; "" where there is nothing to say."""
    if not events:
        return ""
    first, others = events[0], len(events) - 1
    more = f" (and {others} more event{'s' if others > 1 else ''})" if others else ""
    return f'{first.provider} announces "{first.title}" ({first.service}){more}; nothing moves for that alone.'


def _is_over(event: ProviderEvent, wall_s: float) -> bool:
    return event.state is EventState.ENDED or (event.ended_s is not None and event.ended_s <= wall_s)


def _counts(event: ProviderEvent, wall_s: float) -> bool:
    """Whether it is here and now, and about something that clusters stand on.

    An event that names no region any more neither confirms nor ends what it said before.
    """
    broken = event.state in (EventState.DISRUPTION, EventState.OUTAGE)
    return broken and bool(event.service and event.regions) and event.began_s <= wall_s + SKEW_S


def _is_there(event: ProviderEvent, region: str) -> bool:
    return region in event.regions or (EVERYWHERE in event.regions and event.state is EventState.OUTAGE)
