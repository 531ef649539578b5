"""One round of decisions over many workloads: budgets, priorities and room."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import DOWN, HEALTHY, a_workload
from tests.unit.decide.builders import ALO, AMO, NOW_S, RUNNING, a_member, at, copy_at, recorded

from tradewind.decide.plan import decide, moves_in
from tradewind.model.placement import Inventory, Record
from tradewind.model.plan import Conditions
from tradewind.model.policy import Mode, PolicyLayer, resolve
from tradewind.model.snapshot import Snapshot, View

if TYPE_CHECKING:
    from tradewind.decide.step import Step
    from tradewind.model.fleet import Cluster
    from tradewind.model.health import Judgement
    from tradewind.model.placement import Copy
    from tradewind.model.policy import Guarantee
    from tradewind.model.workload import Workload


def a_view(
    workload: Workload,
    *,
    on: str = "",
    guarantee: Guarantee = ALO,
    mode: Mode = Mode.ENFORCE,
    copies: tuple[Copy, ...] | None = None,
) -> View:
    """Make a view of a workload, which runs on a cluster if one is named."""
    layer = PolicyLayer(guarantee=guarantee, mode=mode)
    found = ((copy_at(on, workload=workload),) if on else ()) if copies is None else copies
    return View(
        key=workload.key,
        uid=workload.uid,
        generation=1,
        workload=workload,
        policy=resolve(workload.type, workload=workload.overrides, namespace=PolicyLayer(), cluster=layer),
        record=recorded(at(on)) if on else Record(),
        copies={copy.cluster: copy for copy in found},
    )


def a_round(views: list[View], fleet: list[Cluster], *, tokens: int = 100) -> list[Step]:
    """Decide once."""
    inventories = {
        cluster.name: Inventory(
            current=not cluster.health.lost,
            copies={view.key: view.copies[cluster.name] for view in views if cluster.name in view.copies},
        )
        for cluster in fleet
    }
    return decide(
        Snapshot(tuple(views), tuple(fleet), inventories, conditions=Conditions(now_s=NOW_S)), move_tokens=tokens
    )


def goes(steps: list[Step]) -> dict[str, str]:
    """Say where each goes."""
    return {step.view.key.name: step.deliver[0].cluster for step in steps if step.deliver}


DEAD = a_member("dead", health=DOWN)


def fleeing(count: int) -> list[View]:
    """Make views of workloads on the dead cluster; later ones are younger."""
    return [a_view(a_workload(f"w{index}", created_s=float(index)), on="dead") for index in range(count)]


def test_each_view_gets_one_step_in_the_order_of_the_views() -> None:
    views = fleeing(5)
    assert [step.view for step in a_round(views, [DEAD, a_member("aws", nodes=9)])] == views


def test_no_more_leave_than_the_fleets_budget_allows_and_the_oldest_go_first() -> None:
    steps = a_round(fleeing(5), [DEAD, a_member("aws", nodes=9)], tokens=2)
    assert set(goes(steps)) == {"w0", "w1"}
    assert moves_in(steps) == 2


def test_priority_goes_before_age() -> None:
    views = [*fleeing(4), a_view(a_workload("urgent", created_s=99.0, priority=10), on="dead")]
    assert set(goes(a_round(views, [DEAD, a_member("aws", nodes=9)], tokens=1))) == {"urgent"}


def test_those_that_must_wait_keep_their_record_and_are_looked_at_again() -> None:
    views = fleeing(2)
    late = a_round(views, [DEAD, a_member("aws", nodes=9)], tokens=1)[1]
    assert (late.record, late.deliver, late.retry_s is not None) == (views[1].record, (), True)


def test_a_first_placement_needs_no_budget() -> None:
    steps = a_round([a_view(a_workload("new"))], [DEAD, a_member("aws")], tokens=0)
    assert goes(steps) == {"new": "aws"}


def test_a_move_that_finds_no_place_uses_no_budget() -> None:
    assert moves_in(a_round(fleeing(3), [DEAD])) == 0


def test_simultaneous_moves_never_promise_the_same_accelerators() -> None:
    steps = a_round(fleeing(6), [DEAD, a_member("aws", nodes=2), a_member("gcp", nodes=1)])
    places = list(goes(steps).values())
    assert sorted(places) == ["aws", "aws", "gcp"]
    waiting = [step for step in steps if not step.deliver]
    assert all(step.situation and step.situation.reason == "Unschedulable" for step in waiting)
    assert all(step.record == step.view.record for step in waiting)


def test_new_work_and_moves_share_the_room_by_priority() -> None:
    views = [*fleeing(1), a_view(a_workload("new", priority=5))]
    assert goes(a_round(views, [DEAD, a_member("aws")])) == {"new": "aws"}


def test_a_place_that_is_only_recommended_takes_no_room() -> None:
    shown = a_view(a_workload("shown", priority=1000), mode=Mode.RECOMMEND)
    steps = a_round([shown, a_view(a_workload("real"))], [a_member("aws")])
    assert goes(steps) == {"real": "aws"}


def test_what_was_recommended_was_priced_like_any_other() -> None:
    (step,) = a_round([a_view(a_workload(), mode=Mode.RECOMMEND)], [a_member("aws"), a_member("gcp")])
    assert step.decision is not None
    assert [candidate.cluster for candidate in step.decision.candidates] == ["aws", "gcp"]
    assert step.record == Record()


def test_work_that_wants_nothing_is_not_priced() -> None:
    (step,) = a_round([a_view(a_workload(), on="aws")], [a_member("aws")])
    assert step.decision is None
    assert step.record.placements[0].state is RUNNING


def test_a_place_is_recorded_with_its_offer_its_pods_and_its_price() -> None:
    (step,) = a_round([a_view(a_workload(pods=2))], [a_member("aws", nodes=2)])
    place = step.record.placements[0]
    assert (place.cluster, place.offer, place.replicas, place.epoch, place.generation) == ("aws", "h100", 2, 1, 1)
    assert place.since_s == NOW_S
    assert step.decision is not None
    assert step.decision.chosen is not None
    assert place.usd_total == step.decision.chosen.total_usd > 0


def test_at_most_once_on_a_dead_cluster_takes_no_room_from_those_that_may_move() -> None:
    held = a_view(a_workload("held", priority=9), on="dead", guarantee=AMO)
    steps = a_round([held, *fleeing(1)], [DEAD, a_member("aws")])
    assert goes(steps) == {"w0": "aws"}


NAMES = ("aws", "gcp", "own")


@given(
    placed=st.lists(st.sampled_from(("", "dead", "aws")), min_size=1, max_size=12),
    priorities=st.lists(st.integers(0, 2), min_size=12, max_size=12),
    nodes=st.tuples(*(st.integers(0, 3) for _ in NAMES)),
    tokens=st.integers(0, 6),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=60)
def test_what_holds_for_every_round(placed, priorities, nodes, tokens, order) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - by hypothesis
    fleet = [DEAD, *(a_member(name, nodes=count) for name, count in zip(NAMES, nodes, strict=True))]
    views = [
        a_view(a_workload(f"w{index}", priority=priorities[index], created_s=float(index)), on=on)
        for index, on in enumerate(placed)
    ]
    steps = a_round(views, fleet, tokens=tokens)
    # The room is kept, and so is the budget.
    for name, count in zip(NAMES, nodes, strict=True):
        assert sum(place == name for place in goes(steps).values()) <= count
    assert moves_in(steps) <= tokens
    # Nothing is made without a record that promises it, in a new epoch.
    for step in steps:
        if step.deliver:
            assert step.record.placements == step.deliver
            assert step.deliver[0].epoch == step.record.epoch > step.view.record.epoch
        assert step.record.epoch >= step.view.record.epoch
    # The order of the input changes nothing.
    shuffled, clusters = list(views), list(fleet)
    order.shuffle(shuffled)
    order.shuffle(clusters)
    again = {step.view.key: step for step in a_round(shuffled, clusters, tokens=tokens)}
    assert [again[step.view.key] for step in steps] == steps


@pytest.mark.parametrize("health", [HEALTHY, DOWN], ids=["healthy", "down"])
def test_an_empty_round_decides_nothing(health: Judgement) -> None:
    assert a_round([], [replace(DEAD, health=health)]) == []
