"""One round's working copy: the fleet as columns, what is left of it, and what judges and prices it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.placement.bids import Market
from tradewind.placement.capacity import Capacity
from tradewind.placement.links import on_fleet
from tradewind.placement.pricing import Pricer
from tradewind.placement.quotas import Quotas
from tradewind.placement.quotes import Quotes
from tradewind.placement.screen import Screen
from tradewind.placement.table import tabulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.fleet import Cluster
    from tradewind.model.plan import Conditions
    from tradewind.placement.table import OfferTable


@dataclass(frozen=True, slots=True)
class Round:
    """What all bids of a round share."""

    table: OfferTable
    capacity: Capacity
    quotas: Quotas
    screen: Screen
    pricer: Pricer
    market: Market


def begin(fleet: Sequence[Cluster], conditions: Conditions) -> Round:
    """Lay the fleet out, with what is promised taken off."""
    table, conditions = tabulate(fleet), on_fleet(conditions, fleet)
    capacity, quotas = Capacity(table), Quotas(table)
    screen, pricer = Screen(table, conditions), Pricer(table, conditions)
    market = Market(quotes=Quotes(table, screen=screen, pricer=pricer), capacity=capacity, quotas=quotas)
    return Round(table, capacity, quotas, screen, pricer, market)
