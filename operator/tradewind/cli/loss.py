"""Losses, as `--without` and `--lose` name them: the picture as if a cluster, a region or a provider were gone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tradewind.api.reading import did_you_mean
from tradewind.errors import InputError
from tradewind.model.health import Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tradewind.cli.world import World
    from tradewind.model.fleet import Cluster
    from tradewind.model.workload import Workload

KEYS = ("cluster", "region", "provider")
WITHOUT = "--without"


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that is gone; a region is `region` or `provider/region`."""

    key: str
    value: str

    def __str__(self) -> str:
        """Write it as it is given."""
        return f"{self.key}={self.value}"

    def takes(self, cluster: Cluster) -> bool:
        """Whether a cluster is lost with it."""
        match self.key:
            case "cluster":
                return cluster.name == self.value
            case "region":
                return self.value in (cluster.region, cluster.location)
            case _:
                return cluster.provider == self.value

    def takes_data(self, location: str) -> bool:
        """Whether data at a location is lost with it, where the location is not a lost cluster's own name."""
        provider, slash, region = location.partition("/")
        match self.key:
            case "cluster":
                return location == self.value
            case "region":
                return bool(slash) and self.value in (location, region)
            case _:
                return bool(slash) and provider == self.value


@dataclass(frozen=True, slots=True)
class Lost:
    """What losses come to in one picture.

    Attributes:
        clusters: names of the lost clusters.
        locations: as in `Network.lost`.
    """

    losses: tuple[Loss, ...]
    clusters: frozenset[str]
    locations: frozenset[str]

    def __str__(self) -> str:
        """Name the losses for people."""
        return " and ".join(f"{loss.key} {loss.value}" for loss in self.losses)


def parse(text: str, *, option: str = WITHOUT) -> Loss:
    """Read `KEY=VALUE`.

    Raises:
        InputError: for another key, or no value.
    """
    key, _, value = text.partition("=")
    if key not in KEYS:
        raise InputError(option, "", f'"{key}" is none of {", ".join(KEYS)}{did_you_mean(key, KEYS)}')
    if not value:
        raise InputError(option, "", f"{key} needs a value, as in {key}=NAME")
    return Loss(key, value)


def lost_in(world: World, losses: Iterable[Loss], *, option: str = WITHOUT) -> Lost:
    """Find what losses take from a world.

    Raises:
        InputError: for a loss that nothing in the world belongs to, or a region of two providers.
    """
    losses = tuple(losses)
    clusters: set[str] = set()
    locations: set[str] = set()
    known = sorted({*_locations(world), *(cluster.location for cluster in world.fleet)})
    for loss in losses:
        names = {cluster.name for cluster in world.fleet if loss.takes(cluster)}
        data = {place for place in known if loss.takes_data(place)}
        _check(world, loss, found=bool(names or data), known=known, option=option)
        clusters |= names
        locations |= names | data | ({f"{loss.value}/"} if loss.key == "provider" else set())
    return Lost(losses, frozenset(clusters), frozenset(locations))


def _check(world: World, loss: Loss, *, found: bool, known: Iterable[str], option: str) -> None:
    values = _values(world, loss.key, known)
    if not found:
        hint = did_you_mean(loss.value, values) or f" (known: {', '.join(sorted(values)) or 'none'})"
        raise InputError(option, "", f'there is no {loss.key} "{loss.value}"{hint}')
    meant = sorted(place for place in known if loss.key == "region" and place.partition("/")[2] == loss.value)
    if len(meant) > 1:
        choices = " or ".join(f"region={place}" for place in meant)
        raise InputError(option, "", f'the region "{loss.value}" is at several providers: say {choices}')


def without(world: World, losses: Iterable[Loss]) -> World:
    """Take losses out of a world.

    Raises:
        InputError: as in `lost_in`.
    """
    losses = tuple(losses)
    return world_without(world, lost_in(world, losses)) if losses else world


def world_without(world: World, lost: Lost) -> World:
    """Make the picture in which this is lost: no work goes there, and no data is read from there."""
    down = Judgement(Verdict.DOWN, "Without", f"planned without {lost}")
    network = replace(world.conditions.network, lost=world.conditions.network.lost | lost.locations)
    return replace(
        world,
        fleet=tuple(replace(one, health=down) if one.name in lost.clusters else one for one in world.fleet),
        conditions=replace(world.conditions, network=network),
    )


def _locations(world: World) -> Iterator[str]:
    yield from world.conditions.network.places
    for ask in world.asks:
        yield from data_locations(ask.workload)


def data_locations(work: Workload) -> Iterator[str]:
    """Name every location that a workload reads from or writes to."""
    for one in work.data:
        yield from one.locations
    yield from work.checkpoint.locations if work.checkpoint else ()
    for output in work.outputs:
        yield output.location


def _values(world: World, key: str, known: Iterable[str]) -> set[str]:
    match key:
        case "cluster":
            return {cluster.name for cluster in world.fleet}
        case "region":
            return {place.partition("/")[2] for place in known if "/" in place}
        case _:
            return {place.partition("/")[0] for place in known if "/" in place}
