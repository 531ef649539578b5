"""What would give work a place that has none: which of its wishes contradict each other, and which could give way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind.cli.reach import Exclusion, Reach, Rules
from tradewind.placement.contradiction import contradiction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.cli.world import World
    from tradewind.model.plan import Ask
    from tradewind.model.workload import Spread

SHOWN_OFFERS = 3


@dataclass(frozen=True, slots=True)
class WayOut:
    """The way out for one workload.

    Attributes:
        contradiction: the smallest set of wishes that no offer satisfies together; "" where there are such offers.
        by_rules: who could take it if there were room.
        limits: how many it sets.
        cures: limits that would each let some offer take it, by the rules, if it alone were dropped; the best first.
        too_few: for spread work, why room at those would not do; "" where they are enough.
    """

    contradiction: str
    by_rules: Reach
    limits: int
    cures: tuple[Exclusion, ...]
    too_few: str = ""

    def lines(self) -> Iterator[str]:
        """Say it to people."""
        if self.too_few:
            yield self.too_few
        elif self.by_rules.offers:
            yield f"room at one of {_listed(self.by_rules.offers)}: by the rules they could take it"
            return
        if self.contradiction:
            yield f"{self.contradiction}:"
        for one in self.cures:
            yield f"without {one.limit.field} {one.limit.value}, {_listed(one.back.offers)} could take it"
        if self.limits > 1 and not self.cures and not self.too_few:
            yield "no single limit would do: two of them must give way, or a cluster must join that satisfies all"

    def as_json(self) -> list[dict[str, Any]]:
        """Write the cures."""
        return [
            {"field": one.limit.field, "value": one.limit.value, "offers": list(one.back.offers)} for one in self.cures
        ]


def way_out_of(world: World, ask: Ask) -> WayOut:
    """Find the way out for work that no offer takes."""
    rules = Rules(world.fleet, world.conditions)
    here, excluded = rules.exclusions(ask)
    too_few = _too_few(here, ask.workload.spread)
    # Further offers on the same clusters are of no use to work that lacks clusters.
    cures = [one for one in excluded if (one.back.clusters if too_few else one.back.offers)]
    cures.sort(key=lambda one: -len(one.back.offers))
    wanted = () if here.offers and not too_few else tuple(cures)
    return WayOut(contradiction(ask, rules.screen), here, len(excluded), wanted, too_few)


def _too_few(here: Reach, spread: Spread) -> str:
    clusters, providers = len(here.clusters), len(here.providers)
    if not clusters or (clusters >= spread.clusters and providers >= spread.min_providers):
        return ""
    return (
        f"by the rules {', '.join(here.clusters)} could take a share, and no other cluster: "
        f"spread.clusters {spread.clusters} and minProviders {spread.min_providers} need more, or must become smaller"
    )


def _listed(offers: tuple[str, ...]) -> str:
    more = len(offers) - SHOWN_OFFERS
    return ", ".join(offers[:SHOWN_OFFERS]) + (f" and {more} more" if more > 0 else "")
