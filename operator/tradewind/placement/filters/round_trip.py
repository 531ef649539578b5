"""The work may limit how far away its clients are."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tradewind.model.plan import Refusal, Wake

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.network import Link
    from tradewind.model.plan import Ask
    from tradewind.placement.facts import RowFacts
    from tradewind.placement.framework import FilterContext
    from tradewind.placement.table import Mask

ROUND_TRIP_TOO_LONG = "RoundTripTooLong"


class NearClients:
    """Every client is within `maxRoundTrip` of the cluster; of work on several clusters, at least one client is.

    A link that nobody has measured counts as its pessimistic default. What runs stays: a measured round trip trembles,
    and a move for a millisecond would cost more than it.
    """

    NAME: ClassVar[str] = "round trip"
    REASONS: ClassVar[tuple[str, ...]] = (ROUND_TRIP_TOO_LONG,)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.PRICE

    def reads(self, ask: Ask, /) -> Hashable | None:
        """The clients' places, the limit, and whether the work is on several clusters."""
        work = ask.workload
        if work.max_round_trip_ms is None or not work.clients:
            return None
        return tuple([client.location for client in work.clients]), work.max_round_trip_ms, work.spread.clusters > 1

    def sees(self, cluster: Cluster, _offer: Offer, /) -> Hashable:
        """Where the cluster is: a link may lead to its name or to its region."""
        return cluster.name, cluster.location

    def words(self, ask: Ask, /) -> str:
        """Name the field, and the clients."""
        clients = ", ".join(client.location for client in ask.workload.clients)
        return f"network.maxRoundTrip {ask.workload.max_round_trip_ms:g}ms to [{clients}]"

    def mask(self, ask: Ask, facts: RowFacts, /) -> Mask:
        """Compare whole columns: no two works need to have the same clients."""
        work = ask.workload
        near = [facts.round_trip_ms(client.location) <= (work.max_round_trip_ms or 0.0) for client in work.clients]
        enough: Mask = np.any(near, axis=0) if work.spread.clusters > 1 else np.all(near, axis=0)
        return enough

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse with every client that is too far away, and what that rests on."""
        work, cluster, network = context.workload, context.cluster, context.conditions.network
        limit_ms = work.max_round_trip_ms or 0.0
        links = {
            client.location: network.link(client.location, cluster=cluster.name, location=cluster.location)
            for client in work.clients
        }
        far = [f"{place} is {_away(link)}" for place, link in links.items() if not link.round_trip_ms <= limit_ms]
        if not far or (work.spread.clusters > 1 and len(far) < len(links)):
            return None
        limit = f"more than the {limit_ms:g} ms that {'any client' if work.spread.clusters > 1 else 'every client'} may"
        return Refusal(ROUND_TRIP_TOO_LONG, f"{'; '.join(far)}: {limit} be away", self.WAKES_ON)


def _away(link: Link) -> str:
    # A default names the figures that it stands in for, or none where it stands in for all.
    defaulted = "round trip" in link.assumed or (link.assumed and " " not in link.assumed)
    why = f" (default {link.assumed.partition(' ')[0]}: no NetworkMap says it)" if defaulted else ""
    return f"{link.round_trip_ms:g} ms away{why}"
