"""Which of many moves go first, and what is said to those that wait."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import DOWN, a_workload
from tests.unit.decide.builders import NOW_S, a_member, at, recorded
from tests.unit.decide.test_plan import DEAD, NAMES, a_view, goes

from tradewind.decide.pacing import moves_onto, paced
from tradewind.decide.plan import decide, moves_in
from tradewind.decide.sight import Sight
from tradewind.decide.step import Need, Step, Wish
from tradewind.model.fleet import Scheduling
from tradewind.model.placement import Inventory
from tradewind.model.plan import Conditions
from tradewind.model.snapshot import Snapshot
from tradewind.model.workload import Deadline, DeadlineMode
from tradewind.outage.inflow import Pace

if TYPE_CHECKING:
    from tradewind.model.fleet import Cluster
    from tradewind.model.snapshot import View

HOUR_S = 3600.0
WIDE = [DEAD, a_member("aws", nodes=40), a_member("gcp", nodes=40)]


def lets(moves: int, per_minute: float = 900.0, slowed: str = "") -> Pace:
    return Pace(moves, per_minute, "moves.perTargetPerMinute", slowed)


def a_round(
    views: list[View], fleet: list[Cluster], *, tokens: int = 100, inflow: dict[str, Pace] | None = None
) -> list[Step]:
    inventories = {
        cluster.name: Inventory(
            current=not cluster.health.lost,
            copies={view.key: view.copies[cluster.name] for view in views if cluster.name in view.copies},
        )
        for cluster in fleet
    }
    picture = Snapshot(tuple(views), tuple(fleet), inventories, conditions=Conditions(now_s=NOW_S))
    return decide(picture, move_tokens=tokens, inflow=inflow)


def fled(name: str, *, usd_per_hour: float = 0.0, created_s: float = 0.0, priority: int = 0) -> View:
    """Make the view of work on the dead cluster, whose machines cost so much."""
    view = a_view(a_workload(name, created_s=created_s, priority=priority), on="dead")
    return replace(view, record=recorded(at("dead", usd_per_hour=usd_per_hour, ran_s=600.0)))


def delayed(view: View, usd_per_delay_hour: float) -> View:
    assert view.policy is not None
    return replace(view, policy=replace(view.policy, usd_per_delay_hour=usd_per_delay_hour))


def due(view: View, in_s: float, *, usd_per_hour_late: float, mode: DeadlineMode = DeadlineMode.PREFER) -> View:
    assert view.workload is not None
    deadline = Deadline(NOW_S + in_s, mode, usd_per_hour_late)
    return replace(view, workload=replace(view.workload, deadline=deadline))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(fled("a", priority=1), fled("b", usd_per_hour=900.0), id="priority goes before money"),
        pytest.param(
            fled("a", usd_per_hour=90.0, created_s=9.0), fled("b", usd_per_hour=80.0), id="money goes before age"
        ),
        pytest.param(fled("a", created_s=1.0), fled("b", created_s=2.0), id="then the older one"),
        pytest.param(
            delayed(fled("a", usd_per_hour=10.0), 100.0),
            fled("b", usd_per_hour=100.0),
            id="delay that costs the user is lost as well as the machines",
        ),
        pytest.param(
            due(fled("a", usd_per_hour=1.0), 9 * HOUR_S, usd_per_hour_late=400.0),
            fled("b", usd_per_hour=100.0),
            id="as is what every hour costs that is too late",
        ),
        pytest.param(
            fled("a", usd_per_hour=2.0),
            due(fled("b", usd_per_hour=1.0), 11 * HOUR_S, usd_per_hour_late=400.0),
            id="but not while it can still be in time",
        ),
    ],
)
def test_who_goes_first(first: View, second: View) -> None:
    assert set(goes(a_round([second, first], WIDE, tokens=1))) == {"a"}


def test_work_that_runs_where_it_is_goes_after_what_has_lost_its_cluster() -> None:
    emptied = replace(a_member("own", usd=9.0), scheduling=Scheduling.DRAINING)
    rich = a_view(a_workload("rich"), on="own")
    rich = replace(rich, record=recorded(at("own", usd_per_hour=900.0)))
    steps = a_round([rich, fled("poor", usd_per_hour=1.0, created_s=99.0)], [*WIDE, emptied], tokens=1)
    assert goes(steps) == {"poor": "aws"}


def test_a_target_takes_no_more_than_it_lets_through() -> None:
    views = [fled(f"w{index}", created_s=float(index)) for index in range(5)]
    steps = a_round(views, WIDE, inflow={"aws": lets(2)})
    assert goes(steps) == {"w0": "aws", "w1": "aws"}
    assert moves_onto(steps) == {"aws": 2}
    assert moves_in(steps) == 2


def test_a_slow_target_holds_up_nobody_who_goes_elsewhere() -> None:
    small = [DEAD, a_member("aws", nodes=3), a_member("gcp", nodes=3)]
    views = [fled(f"w{index}", created_s=float(index)) for index in range(6)]
    assert sorted(goes(a_round(views, small, tokens=3, inflow={"aws": lets(0)})).values()) == ["gcp"] * 3


def test_new_work_needs_no_leave_of_a_target() -> None:
    steps = a_round([a_view(a_workload("new"))], WIDE, inflow={"aws": lets(0)})
    assert goes(steps) == {"new": "aws"}


@pytest.mark.parametrize(
    ("tokens", "inflow", "words"),
    [
        pytest.param(
            100,
            {"aws": lets(0, per_minute=0.5)},
            "moves.perTargetPerMinute limits how many move onto aws.",
            id="its target's rate",
        ),
        pytest.param(
            100,
            {"aws": lets(0, per_minute=0.5, slowed="it answers 429, too many requests")},
            "limits how many move onto aws, and it is given less while it answers 429, too many requests.",
            id="and why that is slow",
        ),
    ],
)
def test_who_waits_long_is_told_for_what_and_until_when(tokens: int, inflow: dict[str, Pace], words: str) -> None:
    # NOW_S is 13:46:40 UTC: two minutes later is told as 13:49, since its turn is given in whole minutes.
    (step,) = a_round([fled("w")], WIDE, tokens=tokens, inflow=inflow)
    assert step.situation is not None
    assert (step.situation.phase, step.situation.reason) == ("Waiting", "MoveRateLimited")
    assert step.situation.message.startswith("Leaves dead by about 13:49 UTC: ")
    assert step.situation.message.endswith(words)
    assert (step.record, step.deliver, step.retry_s) == (step.view.record, (), 0.0)


def test_who_waits_for_the_fleets_budget_is_told_so() -> None:
    steps = a_round([fled(f"w{index:04}") for index in range(4000)], [DEAD, a_member("aws", nodes=4000)], tokens=0)
    # 30 a second: 3,600 of them go within two minutes, and are not told.
    told = [step.situation for step in steps if step.situation is not None]
    assert len(told) == 401
    assert "moves.perMinute limits how many move." in told[-1].message


def test_who_would_rather_wait_takes_nobodys_turn() -> None:
    views = [fled(name) for name in "abc"]
    picture = Snapshot(tuple(views), tuple(WIDE), {}, conditions=Conditions(now_s=NOW_S))
    steps = [Step(view, view.record, wish=Wish(Need.FLEE, "dead")) for view in views]
    asked: list[str] = []

    def goes_now(step: Step) -> bool:
        asked.append(step.view.key.name)
        return step.view.key.name != "a"

    sight = Sight(picture, {cluster.name: cluster for cluster in WIDE})
    held = paced(((step, ["aws"]) for step in steps), sight, fleet=lets(1), targets={}, goes=goes_now)
    assert [key.name for key in held] == ["c"]
    assert asked == ["a", "b"], "whose turn it is not is not asked"


def test_who_waits_for_a_moment_is_not_told() -> None:
    (step,) = a_round([fled("w")], WIDE, inflow={"aws": lets(0)})
    assert step.situation is None


class Fled(NamedTuple):
    """Work of so many pods on a cluster that is lost."""

    home: str
    pods: int
    usd_per_hour: float


@given(
    work=st.lists(
        st.builds(Fled, st.sampled_from(["dead", "down"]), st.integers(1, 2), st.floats(0, 100)),
        min_size=1,
        max_size=14,
    ),
    nodes=st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)),
    lets_through=st.dictionaries(st.sampled_from(NAMES), st.integers(0, 4)),
    tokens=st.integers(0, 8),
)
@settings(max_examples=40)
def test_simultaneous_moves_never_overbook_whatever_is_let_through(
    work: list[Fled], nodes: tuple[int, int, int], lets_through: dict[str, int], tokens: int
) -> None:
    lost = [a_member(name, health=DOWN) for name in ("dead", "down")]
    fleet = [*lost, *(a_member(name, nodes=count) for name, count in zip(NAMES, nodes, strict=True))]
    views = []
    for index, one in enumerate(work):
        view = a_view(a_workload(f"w{index}", pods=one.pods, created_s=float(index)), on=one.home)
        place = at(one.home, usd_per_hour=one.usd_per_hour, replicas=one.pods)
        views.append(replace(view, record=recorded(place)))
    taken = dict.fromkeys(NAMES, 0)
    # Round after round, until nothing moves any more: what one round promises the next one finds taken.
    for _ in range(len(views) + 1):
        inflow = {name: lets(count) for name, count in lets_through.items()}
        rest = [replace(each, nodes=each.nodes[taken.get(each.name, 0) :]) for each in fleet]
        steps = a_round(views, rest, tokens=tokens, inflow=inflow)
        assert moves_in(steps) <= tokens
        for name, count in moves_onto(steps).items():
            assert count <= lets_through.get(name, count)
        for step in steps:
            for place in step.deliver:
                taken[place.cluster] += place.replicas
        assert all(taken[name] <= count for name, count in zip(NAMES, nodes, strict=True))
        if not moves_in(steps):
            break
        views = [step.view for step in steps if not step.deliver]
