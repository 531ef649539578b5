"""How tests ask one filter about one offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.builders import a_cluster, an_offer

from tradewind.model.plan import Ask, Conditions
from tradewind.placement.facts import facts_of
from tradewind.placement.framework import FilterContext, refusal_of
from tradewind.placement.table import tabulate

if TYPE_CHECKING:
    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Refusal
    from tradewind.placement.framework import Filter


def answer(
    one: Filter,
    ask: Ask,
    *,
    cluster: Cluster | None = None,
    offer: Offer | None = None,
    conditions: Conditions | None = None,
    others: tuple[Cluster, ...] = (),
) -> Refusal | None:
    """Ask a filter about an offer, in a fleet of its cluster and some others."""
    here, found = cluster or a_cluster(), conditions or Conditions()
    facts = facts_of(tabulate([here, *others]), found)
    return refusal_of(one, FilterContext(ask, here, offer or an_offer(), found, facts))


def reason(refusal: Refusal | None) -> str | None:
    """Return the reason alone."""
    return refusal.reason if refusal else None
