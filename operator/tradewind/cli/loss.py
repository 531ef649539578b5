"""`--without KEY=VALUE`: the picture as if a cluster, a region or a provider were lost, with the data that is there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tradewind.api.reading import did_you_mean
from tradewind.errors import InputError
from tradewind.model.health import Judgement, Verdict
from tradewind.model.plan import Ask, Decision

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.cli.world import World
    from tradewind.model.fleet import Cluster

KEYS = ("cluster", "region", "provider")
DATA_LOST = "DataLost"
SOURCE = "--without"


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that is gone; a region is `region` or `provider/region`."""

    key: str
    value: str

    def takes(self, cluster: Cluster) -> bool:
        """Whether a cluster is lost with it."""
        match self.key:
            case "cluster":
                return cluster.name == self.value
            case "region":
                return self.value in (cluster.region, cluster.location)
            case _:
                return cluster.provider == self.value

    def takes_data(self, location: str, *, lost: frozenset[str]) -> bool:
        """Whether data at a location is lost with it; `lost` holds the names of the lost clusters."""
        provider, _, region = location.partition("/")
        match self.key:
            case "cluster":
                return location in lost
            case "region":
                return location in lost or self.value in (location, region)
            case _:
                return location in lost or (bool(region) and provider == self.value)


def parse(text: str) -> Loss:
    """Read `KEY=VALUE`.

    Raises:
        InputError: for another key, or no value.
    """
    key, _, value = text.partition("=")
    if key not in KEYS:
        raise InputError(SOURCE, "", f'"{key}" is none of {", ".join(KEYS)}{did_you_mean(key, KEYS)}')
    if not value:
        raise InputError(SOURCE, "", f"{key} needs a value, as in {key}=NAME")
    return Loss(key, value)


def without(world: World, losses: Iterable[Loss]) -> World:
    """Take losses out of a world.

    Raises:
        InputError: for a loss that no cluster belongs to.
    """
    for loss in losses:
        world = _without(world, loss)
    return world


def _without(world: World, loss: Loss) -> World:
    lost = frozenset(cluster.name for cluster in world.fleet if loss.takes(cluster))
    if not lost:
        known = {_value_of(cluster, loss.key) for cluster in world.fleet}
        hint = did_you_mean(loss.value, known) or f" (known: {', '.join(sorted(known)) or 'none'})"
        raise InputError(SOURCE, "", f'no cluster has {loss.key} "{loss.value}"{hint}')
    down = Judgement(Verdict.DOWN, "Without", f"planned without {loss.key} {loss.value}")
    asks, stranded = [], []
    for ask in world.asks:
        outcome = _less_data(ask, loss, lost)
        if isinstance(outcome, Ask):
            asks.append(outcome)
        else:
            stranded.append(outcome)
    return replace(
        world,
        asks=tuple(asks),
        settled=(*world.settled, *stranded),
        fleet=tuple(replace(one, health=down) if one.name in lost else one for one in world.fleet),
    )


def _less_data(ask: Ask, loss: Loss, lost: frozenset[str]) -> Ask | Decision:
    inputs = []
    for one in ask.workload.data:
        left = tuple(place for place in one.locations if not loss.takes_data(place, lost=lost))
        if not left:
            message = f"its input {one.name} is only in {', '.join(one.locations)}, lost with {loss.key} {loss.value}"
            return Decision(ask.workload.key, None, DATA_LOST, message)
        inputs.append(replace(one, locations=left))
    return replace(ask, workload=replace(ask.workload, data=tuple(inputs)))


def _value_of(cluster: Cluster, key: str) -> str:
    return {"cluster": cluster.name, "region": cluster.region, "provider": cluster.provider}[key]
