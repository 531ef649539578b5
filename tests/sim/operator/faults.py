"""What happens in a history, as data: any of it can be left out, which is how a failing history is shrunk."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.sim.operator.fakeapi import BUSY, EXPIRED, HOLE, LOSSY, OPEN, REFUSED, SLOW
from tests.sim.operator.stories import NAMES, STORIES

if TYPE_CHECKING:
    from tests.sim.operator.stories import Story
    from tests.sim.operator.world import World

PARTS = (5, 20)
STORIES_SHARE, FIRST_SHARE = 0.2, 0.6
GAPS_S = (0.0, 0.05, 0.3, 1.0, 1.0, 3.0, 3.0, 10.0, 25.0)
BAD = (HOLE, REFUSED, EXPIRED, BUSY, LOSSY, SLOW)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens, `at_s` after the beginning, to `target`; `number` in [0, 1) says how."""

    at_s: float
    kind: str
    target: str
    number: float

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{self.at_s:7.2f} {self.kind} {self.target} {self.number:.3f}"


WEIGHTS = {
    # users
    "create": 12,
    "delete": 2,
    "suspend": 2,
    # owners of clusters
    "drain": 2,
    "price": 1,
    # the work
    "finish": 4,
    "vanish": 1,
    # members and the links to them
    "power": 4,
    "link": 5,
    "well": 6,
    "nodes": 2,
    "backup": 1,
    "restore": 2,
    "rebuild": 1,
    "expire": 2,
    "streams": 2,
    "delay": 3,
    # the hub and the link to it
    "island": 2,
    "hub": 3,
    "hub well": 3,
    "forget": 1,
    # operators
    "crash": 6,
    "kill": 1,
    "pause": 3,
    "clock": 1,
}


ALWAYS = ("create", "well", "hub well")


def events_of(seed: int, *, first: Story | None = None) -> list[Event]:
    """Choose what happens in the history of a seed, which begins with a certain story if one is named."""
    chance = random.Random(seed)  # noqa: S311 - a replayable choice
    # Some kinds of event in each history, not all: what hides behind one fault is found where that is left out.
    chosen = {kind: weight for kind, weight in WEIGHTS.items() if kind in ALWAYS or chance.random() < 0.5}
    kinds, weights = list(chosen), [weight * chance.choice((1, 1, 4)) for weight in chosen.values()]
    events = [Event(0.0, "create", chance.choice(NAMES), chance.random()) for _ in range(chance.randint(2, 5))]
    # Most histories begin with work that runs well.
    at_s = chance.choice((0.5, 8.0, 12.0))
    for part in range(chance.randint(*PARTS)):
        at_s += chance.choice(GAPS_S)
        chosen_story = first if part == 0 else None
        if chosen_story is not None or chance.random() < (STORIES_SHARE if part else FIRST_SHARE):
            told = (chosen_story or chance.choice(STORIES))(chance)
            events += [Event(at_s + after_s, kind, target, number) for after_s, kind, target, number in told]
        else:
            kind = chance.choices(kinds, weights)[0]
            events.append(Event(at_s, kind, chance.choice(NAMES), chance.random()))
    return sorted(events, key=lambda event: event.at_s)


def happen(world: World, event: Event) -> None:
    """Let it happen."""
    _to_work(world, event)
    _to_members(world, event)
    _to_links(world, event)
    _to_operators(world, event)


def _to_work(world: World, event: Event) -> None:
    member, number = world.members[event.target], event.number
    match event.kind:
        case "create":
            world.create(number, event.target)
        case "delete" | "suspend":
            world.edit(event.kind, number, event.target)
        case "drain" | "price":
            world.own(event.kind, event.target, number)
        case "finish":
            member.finish(succeeds=number < 0.8)
        case "vanish":
            member.vanish()


def _to_members(world: World, event: Event) -> None:
    member = world.members[event.target]
    match event.kind:
        case "power":
            member.api.set_power(up=False)
        case "well":
            world.heal(event.target)
        case "nodes":
            member.wake(awake=not member.awake)
        case "backup":
            member.back_up()
        case "restore":
            world.restore(event.target)
        case "rebuild":
            world.rebuild(event.target)
        case "anew":
            world.declare_anew(event.target)


def _to_links(world: World, event: Event) -> None:
    member, number = world.members[event.target], event.number
    match event.kind:
        case "link":
            world.set_link(event.target, BAD[int(number * len(BAD))])
        case "island":
            world.cut_off(event.target)
        case "hub":
            bad = [state for state in BAD if state != EXPIRED]
            world.hub.set_link(bad[int(number * len(bad))])
        case "hub well":
            world.hub.set_link(OPEN)
        case "expire":
            member.api.objects.compact()
            member.api.cut(told=True)
        case "streams":
            (world.hub if number < 0.5 else member.api).cut(told=number < 0.8)
        case "delay":
            api = world.hub if number < 0.4 else member.api
            api.delay_s, api.twice = (0.0, 0.0) if api.delay_s else (10 * number, 0.3)


def _to_operators(world: World, event: Event) -> None:
    number = event.number
    match event.kind:
        case "crash":
            world.on_leader(lambda process: process.crash(int(number * 6), before=int(number * 1000) % 2 == 0))
        case "kill":
            world.on_leader(lambda process: process.crash(None))
        case "pause":
            world.pause((3.0, 20.0, 60.0)[int(number * 3)])
        case "clock":
            world.clock.offset_s += (number - 0.5) * 1200.0
        case "forget":
            world.forget()
