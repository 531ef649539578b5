"""The whole operator in virtual time, against servers, links and processes that fail: each seed is one history."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from tests.edge.rig import WORKLOADS
from tests.sim.kinds import BLOCKS, COUNTS, OPERATOR, seeds
from tests.sim.operator import stories
from tests.sim.operator.faults import Event, events_of
from tests.sim.operator.mutations import MUTATIONS, mutated, needed
from tests.sim.operator.play import Failure, History, play, shrink

if TYPE_CHECKING:
    from tests.sim.operator.stories import Story

BOUND = 100
"""Histories within which each mutation has to be found."""
BEGINS: dict[str, Story] = {
    "cooldown ignored": stories.two_outages,
    "clean-up after a cluster takes work again": stories.outage,
    "finished work re-run when its record is gone": stories.done,
    "status written without resourceVersion": stories.edited,
    "writes without the lease": stories.usurped,
    "no freeze when most fall silent": stories.cut_off,
    "what is left behind is not written down": stories.twins,
    "a restored hub does not wait for members": stories.amnesia,
    "a target that answers 429 is given no less": stories.overloaded,
    "writes go to whoever answers": stories.swapped,
    "a last resort without a canary": stories.spreading,
    "the status of a cluster goes to whoever bears its name": stories.redeclared,
    "one lost probe is an outage (liqo 1030)": stories.blip,
    "refused credentials are an outage (karmada 7408)": stories.refused,
    "a cluster that returns loses its work (karmada 5150)": stories.blip,
    "stale copies stay where they are (karmada 4990)": stories.outage,
}
"""With which story the histories begin that look for a mutation: by chance they would come to it more seldom."""


@pytest.mark.parametrize("block", range(BLOCKS))
def test_the_invariants_hold_in_every_history_of_the_operator(block: int) -> None:
    for seed in seeds(OPERATOR, block):
        play(seed)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_they_hold_as_well_with_a_second_operator_that_stands_by(block: int) -> None:
    for seed in seeds(OPERATOR, block)[::4]:
        play(seed, replicas=2)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_fault_put_into_the_operator_is_found(name: str) -> None:
    def broken(seed: int) -> str:
        try:
            play(seed, events_of(seed, first=BEGINS.get(name)))
        except Failure as failure:
            return failure.what
        return ""

    assert needed(name, broken, first=0, most=BOUND)


def test_ten_thousand_histories_are_played() -> None:
    assert sum(COUNTS.values()) >= 10_000


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(272, id="a cluster is undeclared just as a delete is written down for it"),
        pytest.param(702161, id="a cluster is rebuilt while its first status is under way"),
        pytest.param(702066, id="a cluster is rebuilt, and the answer to its first status comes late"),
    ],
)
def test_what_was_found_once_is_not_there_again(seed: int) -> None:
    play(seed)


@pytest.mark.parametrize(
    ("story", "reason"), [pytest.param(stories.patient, "WaitingIsCheaper", id="waiting is cheaper")]
)
def test_a_story_leads_where_it_is_meant_to_lead(story: Story, reason: str) -> None:
    said: set[str] = set()

    def hear(collection: str, _: str, item: dict[str, Any]) -> None:
        if collection == WORKLOADS:
            said.update(each["reason"] for each in (item.get("status") or {}).get("conditions") or ())

    for seed in range(20):
        history = History(seed, events_of(seed, first=story))
        history.world.hub.objects.listeners.append(hear)
        history.play()
    assert reason in said


def test_a_seed_is_one_history_whatever_python_makes_of_hashes_and_ids() -> None:
    assert [trace(seed) for seed in (8, 11)] == [trace(seed) for seed in (8, 11)]


def trace(seed: int) -> str:
    history, told = History(seed, events_of(seed)), hashlib.sha256()
    for api in (history.world.hub, *(member.api for member in history.world.members.values())):
        api.objects.listeners.append(lambda *change: told.update(repr(change[:2]).encode() + marked(change[2])))
    history.play()
    return told.hexdigest()


def marked(item: dict[str, Any]) -> bytes:
    return repr(item["metadata"]).encode()


def test_a_history_that_fails_is_shrunk_to_what_makes_it_fail() -> None:
    events = [Event(float(at_s), "streams", "b", 0.9) for at_s in range(20, 26)]
    events += [Event(0.0, "create", "a", 0.31), Event(27.0, "power", "a", 0.5)]
    with mutated("AtMostOnce leaves a lost cluster"), pytest.raises(Failure) as found:
        play(1, sorted(events, key=lambda event: event.at_s))
    with mutated("AtMostOnce leaves a lost cluster"):
        shrunk = shrink(found.value)
    assert [event.kind for event in shrunk.events] == ["create", "power"]
    assert shrunk.what == "I1"
    assert "make soak SEED=1" in str(shrunk)
