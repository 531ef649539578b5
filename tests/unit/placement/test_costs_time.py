"""Deadlines, what is left, what resumes, what stays, and what goes away: by figures worked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.builders import GB, HOUR_S, a_cluster, a_network, a_workload, an_offer, some_data
from tests.unit.placement.priced import HOME, ask_for, conditions, green, price

from tradewind.model.kind import WorkloadType
from tradewind.model.network import Link, Network
from tradewind.model.plan import Here
from tradewind.model.workload import Access, Checkpoint, Deadline, DeadlineMode, Output

NOW_S = 1_800_000_000.0
SELDOM_S = 100 * HOUR_S
"""Between checkpoints: too long to write any."""
A, B = "a/x", "b/x"
# 900 GB at 2 Gbit/s is an hour.
NETWORK = a_network((A, HOME, 2.0, 0.09), (B, HOME, 8.0, 0.02), (HOME, A, 1.0, 0.05))


def due(hours: float, *, mode: DeadlineMode = DeadlineMode.PREFER, usd: float = 400.0) -> Deadline:
    return Deadline(NOW_S + hours * HOUR_S, mode, usd)


@pytest.mark.parametrize(
    ("deadline", "usd"),
    [
        pytest.param(due(8), 400.0 * 3, id="ten hours of work and one of data are three hours late for eight"),
        pytest.param(due(11), 0.0, id="in time to the second"),
        pytest.param(due(20), 0.0, id="early is worth nothing"),
        pytest.param(due(-1), 400.0 * 12, id="a deadline that has passed is late by that too"),
        pytest.param(due(8, usd=0.0), 0.0, id="nobody pays for it"),
        pytest.param(due(8, mode=DeadlineMode.REQUIRE), 0.0, id="a required one rules places out instead"),
        pytest.param(None, 0.0, id="no deadline"),
    ],
)
def test_hours_past_the_deadline_cost(deadline: Deadline | None, usd: float) -> None:
    work = replace(a_workload(data=(some_data(900, A),)), deadline=deadline)
    found = price(ask_for(work), given=conditions(NETWORK, now_s=NOW_S))
    assert found.usd.delay == pytest.approx(usd)


def test_waiting_for_nodes_makes_it_late_too() -> None:
    work = replace(a_workload(), deadline=due(10))
    found = price(ask_for(work, usd_per_delay_hour=1.0), given=conditions(now_s=NOW_S), queue_h=0.5)
    assert found.usd.delay == pytest.approx(10.5 + 0.5 * 400)


def test_servers_are_never_late() -> None:
    work = replace(a_workload(type=WorkloadType.INFERENCE, runtime_h=None), deadline=due(8))
    assert price(ask_for(work), given=conditions(now_s=NOW_S)).usd.delay == 0


def test_half_of_the_work_takes_half_of_the_time_and_reads_half_of_a_stream() -> None:
    data = (some_data(900, A, access=Access.STREAM),)
    found = price(ask_for(a_workload(data=data), left=0.5), given=conditions(NETWORK))
    assert found.run_h == pytest.approx(5)
    assert found.usd.egress == pytest.approx(450 * 0.09)


def test_a_stream_that_cannot_keep_up_bounds_what_is_left_too() -> None:
    data = (some_data(18_000, A, access=Access.STREAM),)  # 20 h in all
    found = price(ask_for(a_workload(data=data), left=0.5), given=conditions(NETWORK))
    assert found.run_h == pytest.approx(10)


def test_work_that_resumes_reads_its_checkpoint_with_its_inputs() -> None:
    work = replace(a_workload(data=(some_data(450, A),)), checkpoint=Checkpoint(900 * GB, (A,), SELDOM_S))
    fresh, again = (price(ask_for(work, resumes=resumes), given=conditions(NETWORK)) for resumes in (False, True))
    assert (fresh.transfer_h, again.transfer_h) == pytest.approx((0.5, 1.0))
    assert (fresh.usd.egress, again.usd.egress) == pytest.approx((450 * 0.09, 1350 * 0.09))


def test_the_replica_of_each_input_is_named() -> None:
    data = (
        some_data(90, A, B, name="stream", access=Access.STREAM),
        some_data(90, A, B, name="staged"),
        some_data(90, A, name="other"),
        replace(some_data(90, B, name="last"), access=Access.STREAM),
    )
    work = replace(a_workload(data=data), checkpoint=Checkpoint(90 * GB, (A,), SELDOM_S))
    for resumes in (False, True):
        found = price(ask_for(work, resumes=resumes), given=conditions(NETWORK))
        assert found.sources == (("last", B), ("other", A), ("staged", B), ("stream", B))
    assert price(ask_for(a_workload()), given=conditions(NETWORK)).sources == ()


def test_an_output_costs_what_leaving_the_cluster_costs() -> None:
    work = replace(a_workload(), outputs=(Output("model", 300 * GB, A),))
    found = price(ask_for(work), given=conditions(NETWORK))
    assert found.usd.egress == pytest.approx(300 * 0.05)
    assert found.transfer_h == 0


def test_an_output_over_an_unknown_link_is_named() -> None:
    work = replace(a_workload(), outputs=(Output("model", 300 * GB, "gcp/y"),))
    found = price(ask_for(work), given=conditions(NETWORK))
    assert found.usd.egress == pytest.approx(300 * 0.15)
    assert f"link {HOME} -> gcp/y: default $0.15/GB" in found.assumed


@pytest.mark.parametrize(
    ("links", "usd_per_gb"),
    [
        pytest.param(
            {("aws-eu-north-1", A): Link(1.0, 0.01), (HOME, A): Link(1.0, 0.05)}, 0.01, id="the cluster's own"
        ),
        pytest.param(
            {(HOME, A): Link(1.0, 0.05), (A, HOME): Link(1.0, 0.07)}, 0.05, id="its region's, not the way back"
        ),
    ],
)
def test_the_link_of_an_output_is_looked_up_as_that_of_an_input(
    links: dict[tuple[str, str], Link], usd_per_gb: float
) -> None:
    work = replace(a_workload(), outputs=(Output("model", 100 * GB, A),))
    assert price(ask_for(work), given=conditions(Network(links))).usd.egress == pytest.approx(100 * usd_per_gb)


TWO_OFFERS = green(a_cluster(offers=(an_offer("one"), an_offer("two"))))


def test_where_it_runs_nothing_is_staged_and_nothing_is_waited_for() -> None:
    data = (some_data(900, A), some_data(900, A, name="stream", access=Access.STREAM))
    work = replace(a_workload(data=data), checkpoint=Checkpoint(900 * GB, (A,), SELDOM_S))
    ask = ask_for(work, resumes=True, here=Here("aws-eu-north-1", "one"), usd_per_delay_hour=1.0)
    stay, move = (price(ask, cluster=TWO_OFFERS, given=conditions(NETWORK), row=row, queue_h=0.5) for row in (0, 1))
    assert (stay.transfer_h, stay.usd.egress, stay.usd.delay) == pytest.approx((0.0, 900 * 0.09, 10))
    assert (move.transfer_h, move.usd.egress) == pytest.approx((1, 2700 * 0.09))
    assert move.usd.delay == pytest.approx(11.5)
    assert stay.grams_co2 < move.grams_co2


def test_where_it_runs_a_choice_of_replicas_does_not_matter() -> None:
    work = a_workload(data=(some_data(900, A, B), some_data(900, A, name="stream", access=Access.STREAM)))
    ask = ask_for(work, here=Here("aws-eu-north-1", "one"))
    stay, move = (price(ask, cluster=TWO_OFFERS, given=conditions(NETWORK), row=row) for row in (0, 1))
    assert (stay.transfer_h, stay.usd.egress) == pytest.approx((0.0, 900 * 0.09))
    assert (move.transfer_h, move.usd.egress) == pytest.approx((0.25, 900 * 0.02 + 900 * 0.09))


def test_a_place_that_is_gone_gives_no_advantage() -> None:
    ask = ask_for(a_workload(data=(some_data(900, A),)), here=Here("aws-eu-north-1", "gone"))
    assert price(ask, given=conditions(NETWORK)).transfer_h == pytest.approx(1)


@pytest.mark.parametrize("lost", ["b/x", "b/"])
def test_a_replica_that_cannot_be_read_is_not_chosen(lost: str) -> None:
    ask = ask_for(a_workload(data=(some_data(900, A, B),)))
    found = price(ask, given=conditions(replace(NETWORK, lost=frozenset({lost}))))
    assert (found.transfer_h, found.usd.egress) == pytest.approx((1, 900 * 0.09))


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(a_workload(data=(some_data(900, B),)), id="staged"),
        pytest.param(a_workload(data=(some_data(900, B, access=Access.STREAM),)), id="streamed"),
        pytest.param(a_workload(data=(some_data(900, A, B), some_data(900, B, name="two"))), id="one of two inputs"),
        pytest.param(replace(a_workload(), checkpoint=Checkpoint(GB, (B,), HOUR_S)), id="the checkpoint it needs"),
        pytest.param(a_workload(data=(replace(some_data(900), locations=()),)), id="data that is nowhere"),
    ],
)
def test_what_needs_data_that_cannot_be_read_has_no_price(work: object) -> None:
    given = conditions(replace(NETWORK, lost=frozenset({"b/"})))
    assert not price(ask_for(work, resumes=True), given=given).valid  # type: ignore[arg-type] # a table's row


def test_a_cheap_slow_replica_is_not_worth_being_late_for() -> None:
    # From A for $81 in an hour, or from C for nothing in two: a dollar an hour says C, the deadline says A.
    network = a_network((A, HOME, 2.0, 0.09), ("c/x", HOME, 1.0, 0.0))
    cluster = green(a_cluster(offers=(an_offer(usd=0.0),)))
    work = a_workload(data=(some_data(900, A, "c/x"),))
    relaxed, hurried = (
        price(
            ask_for(replace(work, deadline=due(hours)), usd_per_delay_hour=1.0),
            cluster=cluster,
            given=conditions(network, now_s=NOW_S),
        )
        for hours in (24, 11)
    )
    assert (relaxed.transfer_h, relaxed.usd.egress) == pytest.approx((2, 0.0))
    assert (hurried.transfer_h, hurried.usd.egress) == pytest.approx((1, 81))
