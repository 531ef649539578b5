"""How far each workload can go: who could take it today, who by the rules alone, and what each of its limits excludes.

Today is what is free beside all other work, with its own room where it runs. By the rules is all filters but capacity.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from tradewind.cli.limits import limits
from tradewind.model.plan import Here
from tradewind.placement.engine import plan
from tradewind.placement.links import on_fleet
from tradewind.placement.pricing import Pricer
from tradewind.placement.screen import Screen
from tradewind.placement.table import tabulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tradewind.cli.limits import Limit
    from tradewind.cli.present import Present
    from tradewind.model.decision import Decision
    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask, Conditions
    from tradewind.model.workload import Key
    from tradewind.placement.table import OfferTable


class Flag(StrEnum):
    """What is narrow today."""

    UNPLACED = "unplaced"  # nobody could take it
    SINGLE_CLUSTER = "single-cluster"
    SINGLE_PROVIDER = "single-provider"


@dataclass(frozen=True, slots=True)
class Reach:
    """Who could take a workload; names, sorted."""

    offers: tuple[str, ...]
    clusters: tuple[str, ...]
    regions: tuple[str, ...]
    providers: tuple[str, ...]

    def beyond(self, other: Reach) -> Reach:
        """What is here and not there."""
        return Reach(
            *(
                tuple(name for name in mine if name not in theirs)
                for mine, theirs in (
                    (self.offers, other.offers),
                    (self.clusters, other.clusters),
                    (self.regions, other.regions),
                    (self.providers, other.providers),
                )
            )
        )


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What one limit excludes that nothing else does: what would come back by the rules if it alone were dropped."""

    limit: Limit
    back: Reach


@dataclass(frozen=True, slots=True)
class Assessment:
    """One workload.

    Attributes:
        placed_on: the clusters that it is on.
        problem: why it can't be assessed at all; None where it could.
    """

    key: Key
    today: Reach
    by_rules: Reach
    exclusions: tuple[Exclusion, ...] = ()
    placed_on: tuple[str, ...] = ()
    problem: Decision | None = None

    @property
    def flags(self) -> tuple[Flag, ...]:
        """What is narrow."""
        if not self.today.clusters:
            return (Flag.UNPLACED,)
        narrow = ((Flag.SINGLE_CLUSTER, self.today.clusters), (Flag.SINGLE_PROVIDER, self.today.providers))
        return tuple(flag for flag, names in narrow if len(names) == 1)


class Rules:
    """All filters but capacity, on one fleet."""

    def __init__(self, fleet: Sequence[Cluster], conditions: Conditions) -> None:
        self.table, conditions = tabulate(fleet), on_fleet(conditions, fleet)
        self.screen = Screen(self.table, conditions)
        self._pricer = Pricer(self.table, conditions)

    def reach(self, asks: Sequence[Ask]) -> list[Reach]:
        """Say who may take each ask."""
        prices = self._pricer.price(asks, queue_h=np.zeros((1, 1)))
        masks = self.screen.masks(asks) & prices.valid & prices.within
        return [_reach(self.table.rows[row] for row in np.flatnonzero(mask).tolist()) for mask in masks]

    def exclusions(self, ask: Ask) -> tuple[Reach, tuple[Exclusion, ...]]:
        """Say who may take an ask, and who else could if one of its limits were dropped."""
        wanted = limits(ask)
        here, *without = self.reach([ask, *(limit.without for limit in wanted)])
        return here, tuple(Exclusion(one, back.beyond(here)) for one, back in zip(wanted, without, strict=True))


def assess(now: Present, *, tick: Callable[[], None] = lambda: None) -> list[Assessment]:
    """Assess all work, by namespace and name; `tick` is called after each workload."""
    rules = Rules(now.world.fleet, now.world.conditions)
    found = {}
    for ask in now.world.asks:
        found[ask.workload.key] = _assess(ask, now, rules)
        tick()
    nobody = _reach(())
    for decision in now.world.settled:
        found[decision.key] = Assessment(decision.key, nobody, nobody, problem=decision)
    return [found[key] for key in sorted(found)]


def _assess(ask: Ask, now: Present, rules: Rules) -> Assessment:
    places = now.places.get(ask.workload.key, ())
    if places:
        ask = replace(ask, here=Here(places[0].cluster, places[0].offer))
    by_rules, excluded = rules.exclusions(ask)
    own = {f"{place.cluster}/{place.offer}" for place in places} & set(by_rules.offers)
    return Assessment(
        ask.workload.key,
        today=_today(ask, now, rules.table, by_rules, own=own),
        by_rules=by_rules,
        exclusions=excluded,
        placed_on=tuple(sorted({place.cluster for place in places})),
    )


def _today(ask: Ask, now: Present, table: OfferTable, by_rules: Reach, *, own: set[str]) -> Reach:
    """Find who has room for it now, among those who may take it; where it runs it has room."""
    # The others stay in the picture without offers: whose law holds there, for the data that is there, is still known.
    fleet = [one if one.name in by_rules.clusters else replace(one, offers=()) for one in now.world.fleet]
    (decision,) = plan([ask], fleet=fleet, conditions=now.world.conditions)
    fits = own.union(f"{one.cluster}/{one.offer}" for one in decision.best(len(table)))
    return _reach(row for row in table.rows if _name(row) in fits)


def _reach(rows: Iterable[tuple[Cluster, Offer]]) -> Reach:
    rows = tuple(rows)
    clusters = [cluster for cluster, _ in rows]
    return Reach(
        offers=tuple(sorted(map(_name, rows))),
        clusters=tuple(sorted({cluster.name for cluster in clusters})),
        regions=tuple(sorted({cluster.location for cluster in clusters})),
        providers=tuple(sorted({cluster.provider for cluster in clusters})),
    )


def _name(row: tuple[Cluster, Offer]) -> str:
    return f"{row[0].name}/{row[1].name}"
