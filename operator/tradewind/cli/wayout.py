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

SHOWN_OFFERS = 3


@dataclass(frozen=True, slots=True)
class WayOut:
    """The way out for one workload.

    Attributes:
        contradiction: the smallest set of wishes that no offer satisfies together; "" where there are such offers.
        by_rules: who could take it if there were room.
        limits: how many it sets.
        cures: limits that would each let some offer take it, by the rules, if it alone were dropped; the best first.
    """

    contradiction: str
    by_rules: Reach
    limits: int
    cures: tuple[Exclusion, ...]

    def lines(self) -> Iterator[str]:
        """Say it to people."""
        if self.by_rules.offers:
            yield f"room at one of {_listed(self.by_rules.offers)}: by the rules they could take it"
            return
        if self.contradiction:
            yield f"{self.contradiction}:"
        for one in self.cures:
            yield f"without {one.limit.field} {one.limit.value}, {_listed(one.back.offers)} could take it"
        if self.limits > 1 and not self.cures:
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
    cures = sorted((one for one in excluded if one.back.offers), key=lambda one: -len(one.back.offers))
    return WayOut(contradiction(ask, rules.screen), here, len(excluded), () if here.offers else tuple(cures))


def _listed(offers: tuple[str, ...]) -> str:
    more = len(offers) - SHOWN_OFFERS
    return ", ".join(offers[:SHOWN_OFFERS]) + (f" and {more} more" if more > 0 else "")
