"""Things that often happen one after the other: a story is a few events, told anywhere in a history."""

from __future__ import annotations

import random
from collections.abc import Callable

Told = list[tuple[float, str, str, float]]
"""Seconds after the story began, kind, target, number."""
Story = Callable[[random.Random], Told]
NAMES = ("a", "b", "c")
LINKS = {"hole": 0.05, "refused": 0.2, "expired": 0.4, "busy": 0.55, "lossy": 0.7, "slow": 0.9}
"""A number for each state of a link, as `faults` reads it."""


def _link(at_s: float, name: str, state: str) -> tuple[float, str, str, float]:
    return (at_s, "link", name, LINKS[state])


def blip(chance: random.Random) -> Told:
    """A member is away for less than it takes."""
    name = chance.choice(NAMES)
    return [_link(0.0, name, "hole"), (chance.uniform(1.0, 6.0), "well", name, 0.0)]


def outage(chance: random.Random) -> Told:
    """A member is lost, new work comes, and it returns, perhaps badly."""
    name, lost_s = chance.choice(NAMES), 9.0
    back_s = lost_s + chance.uniform(13.0, 40.0)
    badly = _link(back_s, name, chance.choice(("busy", "busy", "lossy", "slow")))
    back = (back_s, "well", name, 0.0) if chance.random() < 0.3 else badly
    when = (0.0, 0.1, back_s - 1.0, *(back_s + after_s for after_s in (0.5, 2.0, 4.0, 6.0)))
    news = [(at_s, "create", name, chance.choice((chance.uniform(0.5, 1.0), chance.random()))) for at_s in when]
    return [_link(lost_s, name, "hole"), back, *news, (back_s + 25.0, "well", name, 0.0)]


def two_outages(chance: random.Random) -> Told:
    """Work flees from a member, and where it went the nodes die."""
    first, second = chance.sample(NAMES, 2)
    after_s = chance.uniform(11.0, 20.0)
    healed = [(after_s + 30.0, "well", name, 0.0) for name in (first, second)]
    return [(0.0, "power", first, 0.0), (after_s, "nodes", second, 0.0), *healed]


def overloaded(chance: random.Random) -> Told:
    """Work flees from a member to one that answers 429 to what came before."""
    news = [(at_s, "create", "a", number) for at_s, number in ((0.0, 0.511), (0.0, 0.521), (5.0, 0.605))]
    busy = _link(18.0, "b", chance.choice(("busy", "busy", "slow")))
    ends = (18.1, chance.choice(("delete", "suspend")), "b", chance.random())
    return [*news, (12.0, "power", "a", 0.0), busy, ends, (45.0, "well", "a", 0.0), (45.0, "well", "b", 0.0)]


def refused(chance: random.Random) -> Told:
    """A member's credentials expire, and are renewed much later."""
    name = chance.choice(NAMES)
    return [_link(0.0, name, "expired"), (chance.uniform(10.0, 40.0), "well", name, 0.0)]


def done(chance: random.Random) -> Told:
    """Work ends, everybody sees it, and the hub loses its memory."""
    name = chance.choice(NAMES)
    return [(0.0, "finish", name, 0.1), (20.0, "forget", name, 0.0), (21.0, "create", name, chance.random())]


def twins(chance: random.Random) -> Told:
    """Work is deleted while its member is away, and others come."""
    name, gone_s = chance.choice(NAMES), chance.choice((1.0, 4.0, 18.0, 18.0))
    news = [(gone_s + 3.0 + index, "create", name, chance.random()) for index in range(5)]
    ends = [(gone_s, "delete", name, chance.random()), (gone_s + 0.1, "delete", name, chance.random())]
    kill = (gone_s + chance.uniform(0.15, 0.7), "kill", name, 0.1)
    return [(0.0, "power", name, 0.0), *ends, kill, *news, (gone_s + 25.0, "well", name, 0.0)]


def unwatched(chance: random.Random) -> Told:
    """Work is deleted, or vanishes, while no operator runs or none is told."""
    name = chance.choice(NAMES)
    begins = chance.choice(((0.0, "kill", name, 0.0), (0.0, "streams", name, 0.9), (0.0, "delay", name, 0.9)))
    ends = chance.choice(("delete", "vanish", "suspend", "finish"))
    return [begins, (1.0, ends, name, chance.random()), (2.0, "expire", name, 0.0), (15.0, "well", name, 0.0)]


def usurped(chance: random.Random) -> Told:
    """The leader stops in the middle of its work, another takes over, and it wakes up."""
    name, number = chance.choice(NAMES), chance.random()
    before = [(0.0, "delay", name, chance.uniform(0.1, 0.9)), (1.0, "create", name, chance.random())]
    after = [(40.0, "suspend", name, number), (61.2, "create", name, chance.random()), (62.0, "suspend", name, number)]
    return [*before, (1.0 + chance.uniform(0.1, 3.0), "pause", name, 0.9), *after, (66.0, "well", name, 0.0)]


def edited(chance: random.Random) -> Told:
    """A user has second thoughts while the operator, which hears of nothing in time, writes."""
    name = chance.choice(NAMES)
    edits = [(chance.uniform(1.0, 15.0), chance.choice(("suspend", "delete")), name, chance.random()) for _ in range(3)]
    news = [(at_s, "create", name, chance.random()) for at_s in (0.1, 2.0, 5.0)]
    return [(0.0, "delay", name, chance.uniform(0.2, 0.39)), *news, *edits, (20.0, "delay", name, 0.3)]


def cut_off(chance: random.Random) -> Told:
    """The hub loses its network, but for one member."""
    name = chance.choice(NAMES)
    news = [(0.0, "create", each, chance.uniform(0.5, 1.0)) for each in NAMES]
    back = [(chance.uniform(25.0, 40.0), "well", each, 0.0) for each in NAMES]
    return [*news, (9.0, "island", name, 0.0), *back]


def amnesia(chance: random.Random) -> Told:
    """The hub loses its memory while a member is away that work runs on."""
    name = chance.choice(NAMES)
    news = [(0.0, "create", each, chance.uniform(0.0, 0.5)) for each in NAMES]
    away, forgot_s = chance.choice((_link(9.0, name, "hole"), (9.0, "power", name, 0.0))), chance.uniform(10.0, 30.0)
    return [*news, away, (forgot_s, "forget", name, 0.0), (forgot_s + 25.0, "well", name, 0.0)]


def restored(chance: random.Random) -> Told:
    """A member is set back to before its work had come, or gone."""
    name = chance.choice(NAMES)
    between = chance.choice((("drain", 0.0), ("delete", chance.random()), ("create", chance.random())))
    told = [(0.0, "backup", name, 0.0), (1.0, between[0], name, between[1]), (20.0, "restore", name, 0.0)]
    return [*told, (21.0, "drain", name, 0.0)] if between[0] == "drain" else told


def swapped(chance: random.Random) -> Told:
    """A member is rebuilt just as work is on its way to it, and is declared anew."""
    name, at_s = chance.choice("aaabc"), chance.uniform(0.5, 4.0)
    slow = [(0.0, "delay", name, chance.uniform(0.4, 0.6))] if chance.random() < 0.3 else []
    news = [(at_s + chance.choice((-0.02, 0.02, 0.1, 0.5)), "create", name, chance.random()) for _ in range(3)]
    anew_s = at_s + chance.uniform(8.0, 30.0)
    return [*slow, *news, (at_s, "rebuild", name, 0.0), (anew_s, "anew", name, 0.0), (anew_s + 9.0, "well", name, 0.0)]


def redeclared(chance: random.Random) -> Told:
    """A member is rebuilt, and declared anew while the operator, whose watch is late, finds it lost."""
    name, anew_s = chance.choice(NAMES), chance.uniform(8.0, 14.0)
    hub = [(anew_s - 1.0, "hub", name, 0.5), (anew_s + 40.0, "hub well", name, 0.0)]
    lost = [_link(anew_s + 1.0, name, "hole"), (anew_s + chance.uniform(13.0, 25.0), "well", name, 0.0)]
    return [(0.0, "rebuild", name, 0.0), (anew_s, "anew", name, 0.0), *hub, *lost]


def spreading(chance: random.Random) -> Told:
    """Members fail one after the other, and the last one is to take what they leave."""
    first, second = chance.sample(NAMES, 2)
    news = [(0.0, "create", first, chance.uniform(0.5, 1.0)) for _ in range(2)]
    after_s = 4.0 + chance.uniform(12.0, 20.0)
    late = [(after_s + 13.0, "create", second, chance.uniform(0.5, 1.0))]
    healed = [(after_s + 40.0, "well", name, 0.0) for name in (first, second)]
    return [*news, (4.0, "power", first, 0.0), (after_s, "power", second, 0.0), *late, *healed]


def patient(chance: random.Random) -> Told:
    """A member is lost that holds half an hour of work by the clock, which is set forward: it is cheaper to wait."""
    name = chance.choice(NAMES)
    news = [(0.0, "create", name, chance.uniform(0.5, 1.0)) for _ in range(3)]
    later = [(5.0 + index, "clock", name, 0.999) for index in range(3)]
    back_s = 8.0 + chance.uniform(13.0, 60.0)
    return [*news, *later, (8.0, "power", name, 0.0), (back_s, "well", name, 0.0)]


def swizzle(chance: random.Random) -> Told:
    """Links fail one after the other, and come back in another order."""
    names = chance.sample(NAMES, chance.randint(1, 3))
    gap_s = chance.choice((0.5, 3.0, 8.0))
    fails = [_link(index * gap_s, name, chance.choice(("hole", "lossy", "slow"))) for index, name in enumerate(names)]
    begin_s = len(names) * gap_s + chance.uniform(0.0, 20.0)
    back = [(begin_s + index * gap_s, "well", name, 0.0) for index, name in enumerate(chance.sample(names, len(names)))]
    return [*fails, *back]


STORIES: tuple[Story, ...] = (
    blip,
    outage,
    two_outages,
    overloaded,
    refused,
    done,
    twins,
    unwatched,
    usurped,
    edited,
    cut_off,
    amnesia,
    restored,
    swapped,
    redeclared,
    spreading,
    patient,
    swizzle,
)
