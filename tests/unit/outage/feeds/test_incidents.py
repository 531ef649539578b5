"""Which events are open, and for whom: a silent feed ends nothing, and what is not confirmed is forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.outage.feeds.event import EVERYWHERE, EventState, ProviderEvent
from tradewind.outage.feeds.incidents import (
    FORGOTTEN_AFTER_S,
    MAX_OPEN,
    Incident,
    announced,
    concerning,
    confirm,
    forget,
)

WALL_S = 1_800_000_000.0
EVENT = ProviderEvent("e1", "aws", ("us-east-1",), "EC2", EventState.DISRUPTION, WALL_S - 60, None, "Errors")


def an_event(**fields: Any) -> ProviderEvent:
    return replace(EVENT, **fields)


def heard(*events: ProviderEvent, known: dict[str, Incident] | None = None, now_s: float = 0.0) -> dict[str, Incident]:
    return confirm(known or {}, events, now_s=now_s, wall_s=WALL_S + now_s)


def titles(known: dict[str, Incident], region: str = "us-east-1") -> list[str]:
    return [event.title for event in concerning(known.values(), region=region)]


def test_an_open_event_concerns_its_regions_alone() -> None:
    known = heard(an_event(regions=("us-east-1", "eu-west-1")))
    assert [titles(known, each) for each in ("us-east-1", "eu-west-1", "eu-west-2")] == [["Errors"], ["Errors"], []]


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(an_event(state=EventState.INFORMATION), id="a notice"),
        pytest.param(an_event(state=EventState.ENDED), id="one that has ended"),
        pytest.param(an_event(ended_s=WALL_S - 1), id="one whose end is past"),
        pytest.param(an_event(service=""), id="one of services on which no cluster stands"),
        pytest.param(an_event(regions=()), id="one that is nowhere"),
        pytest.param(an_event(began_s=WALL_S + 3600), id="one of the future"),
        pytest.param(an_event(regions=(EVERYWHERE,)), id="a disruption that is everywhere"),
    ],
)
def test_an_event_that_is_no_reason_for_suspicion(event: ProviderEvent) -> None:
    assert titles(heard(event)) == []


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(an_event(began_s=WALL_S + 60), id="of a clock that is a minute ahead"),
        pytest.param(an_event(ended_s=WALL_S + 3600), id="whose end is still to come"),
        pytest.param(an_event(regions=(EVERYWHERE,), state=EventState.OUTAGE), id="an outage that is everywhere"),
    ],
)
def test_an_event_that_is(event: ProviderEvent) -> None:
    assert titles(heard(event)) == ["Errors"]


def test_a_feed_that_holds_it_no_more_does_not_end_it_and_after_a_while_it_is_forgotten() -> None:
    known = heard(known=heard(EVENT), now_s=60.0)
    assert titles(known) == ["Errors"]
    assert titles(forget(known, now_s=FORGOTTEN_AFTER_S)) == ["Errors"]
    assert titles(forget(known, now_s=FORGOTTEN_AFTER_S + 1)) == []


def test_each_reading_that_holds_it_confirms_it() -> None:
    known = heard(EVENT, known=heard(EVENT), now_s=1000.0)
    assert titles(forget(known, now_s=FORGOTTEN_AFTER_S + 1)) == ["Errors"]


@pytest.mark.parametrize("end", [{"state": EventState.ENDED}, {"ended_s": WALL_S}], ids=["its state", "its end"])
def test_it_ends_when_the_provider_says_so(end: dict[str, Any]) -> None:
    assert heard(an_event(**end, regions=()), known=heard(EVENT), now_s=5.0) == {}


def test_an_event_that_names_no_region_any_more_neither_ends_nor_is_confirmed() -> None:
    known = heard(an_event(regions=()), known=heard(EVENT), now_s=1000.0)
    assert titles(known) == ["Errors"]
    assert titles(forget(known, now_s=FORGOTTEN_AFTER_S + 1)) == []


def test_an_event_follows_its_provider_and_keeps_its_first_beginning() -> None:
    later = an_event(regions=("eu-west-1",), title="Worse", began_s=WALL_S + 100)
    known = heard(later, known=heard(EVENT), now_s=200.0)
    assert (titles(known), titles(known, "eu-west-1")) == ([], ["Worse"])
    assert known["e1"].event.began_s == EVENT.began_s


def test_of_a_flood_of_events_those_that_are_known_stay() -> None:
    known = heard(*(an_event(id=f"f{number}") for number in range(2 * MAX_OPEN)), known=heard(EVENT))
    assert len(known) == MAX_OPEN
    assert "e1" in known


def test_it_is_said_in_a_sentence_with_the_oldest_first() -> None:
    known = heard(an_event(id="e2", title="Later", began_s=WALL_S), EVENT)
    assert announced(()) == ""
    assert announced(concerning(known.values(), region="us-east-1")) == (
        'aws announces "Errors" (EC2) (and 1 more event); nothing moves for that alone.'
    )


@given(seen=st.lists(st.booleans(), min_size=1, max_size=60), step_s=st.floats(1.0, 900.0))
def test_an_event_is_open_exactly_until_it_has_gone_unconfirmed_for_too_long(seen: list[bool], step_s: float) -> None:
    known, last_s = heard(EVENT), 0.0
    for number, there in enumerate(seen, start=1):
        now_s = number * step_s
        known = forget(heard(*([EVENT] if there else []), known=known, now_s=now_s), now_s=now_s)
        last_s = now_s if there else last_s
        assert bool(known) is (now_s - last_s <= FORGOTTEN_AFTER_S)
