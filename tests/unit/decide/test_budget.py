"""What work has cost and done, and what happens when its budget is spent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.builders import DOWN, HEALTHY
from tests.unit.decide.builders import (
    ALO,
    AMO,
    FINISHED,
    NOW_S,
    RELEASING,
    RESERVED,
    Scene,
    a_job,
    a_service,
    at,
    copy_at,
    recorded,
    said,
    summary,
)

from tradewind.decide import ledger
from tradewind.decide.asking import ask_of, with_losses
from tradewind.decide.sight import Sight
from tradewind.decide.step import Need, Wish
from tradewind.model.health import Judgement, Verdict
from tradewind.model.policy import Mode, PolicyLayer
from tradewind.model.workload import Tier
from tradewind.outage.verdict import PROVIDER_INCIDENT

if TYPE_CHECKING:
    from tradewind.model.fleet import Cluster
    from tradewind.model.placement import Record
    from tradewind.model.plan import Ask
    from tradewind.model.workload import Workload

MINUTE_S, HOUR_S = 60.0, 3600.0
HUNDRED = PolicyLayer(max_total_usd=100.0)


def running(ran_s: float = HOUR_S, *, spent_usd: float = 0.0, **more: object) -> Scene:
    """Make the scene of a job on aws for $8 an hour, which other copies have cost something before."""
    record = recorded(at(ran_s=ran_s, usd_per_hour=8.0), spent_usd=spent_usd, settled_s=NOW_S - 1e6 if spent_usd else 0)
    scene = Scene(record=record, copies=(copy_at(),), workload=a_job(runtime_h=50.0), layer=HUNDRED)
    return replace(scene, **more)  # type: ignore[arg-type]  # any field


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        pytest.param(running(), {"reason": "Running", "left": [("aws", 1, "Running")]}, id="below its budget it runs"),
        pytest.param(
            running(65 * MINUTE_S, spent_usd=95.0),
            {"reason": "BudgetExhausted", "left": [("aws", 1, "Running")]},
            id="a job whose budget is spent runs to its next checkpoint",
        ),
        pytest.param(
            running(90.5 * MINUTE_S, spent_usd=95.0),
            {"reason": "BudgetExhausted", "release": ["aws"], "left": [("aws", 1, "Releasing")]},
            id="and goes there",
        ),
        pytest.param(
            running(65 * MINUTE_S, spent_usd=95.0, workload=a_service()),
            {"reason": "BudgetExhausted", "release": ["aws"], "left": [("aws", 1, "Releasing")]},
            id="a Deployment goes at once",
        ),
        pytest.param(
            running(65 * MINUTE_S, spent_usd=95.0, copies=(), health={"aws": DOWN}, guarantee=ALO),
            {"reason": "BudgetExhausted", "left": [("aws", 1, "Releasing")]},
            id="from a lost cluster it moves nowhere",
        ),
        pytest.param(
            Scene(record=recorded(epoch=3, spent_usd=100.0, settled_s=NOW_S - 9), layer=HUNDRED),
            {"reason": "BudgetExhausted"},
            id="then it has no place",
        ),
        pytest.param(
            Scene(
                record=recorded(epoch=3, spent_usd=100.0, settled_s=NOW_S - 9), layer=PolicyLayer(max_total_usd=900.0)
            ),
            {"reason": "Delivering", "deliver": ("aws", 4), "left": [("aws", 4, "Delivering")]},
            id="until the budget is raised",
        ),
        pytest.param(
            Scene(record=recorded(epoch=3, spent_usd=100.0, settled_s=NOW_S - 9)),
            {"reason": "Delivering", "deliver": ("aws", 4), "left": [("aws", 4, "Delivering")]},
            id="or taken away",
        ),
        pytest.param(
            running(65 * MINUTE_S, spent_usd=95.0, deleting=True),
            {"reason": "Deleting", "release": ["aws"], "left": [("aws", 1, "Running")]},
            id="a delete goes before it",
        ),
        pytest.param(
            running(90.5 * MINUTE_S, spent_usd=95.0, mode=Mode.RECOMMEND),
            {"reason": "Recommended", "left": [("aws", 1, "Running")]},
            id="in Recommend nothing is touched",
        ),
    ],
)
def test_a_budget_that_is_spent(scene: Scene, expected: dict[str, object]) -> None:
    assert summary(scene.step()) == expected


def test_it_is_looked_at_when_its_budget_must_be_spent() -> None:
    # $92 at $8 an hour last for eleven and a half hours.
    scene = running(HOUR_S, rebalance=replace(Scene().rebalance, moves_per_minute=0))
    step = scene.step()
    assert step.retry_s == pytest.approx(NOW_S + 11.5 * HOUR_S + 1.0)
    assert step.retry_s is not None
    assert said(replace(scene, now_s=step.retry_s).step()).reason == "BudgetExhausted"


def test_it_says_what_it_has_cost_and_what_to_do_and_that_a_person_must_act() -> None:
    scene = running(90.5 * MINUTE_S, spent_usd=95.0)
    waiting = running(65 * MINUTE_S, spent_usd=95.0).step()
    assert waiting.retry_s == NOW_S + 25 * MINUTE_S
    assert said(waiting).ready
    going = scene.step()
    gone = replace(scene.then(going), copies=()).step()
    assert summary(gone) == {"reason": "BudgetExhausted"}
    rest = replace(scene.then(gone), copies=()).step()
    assert said(rest).message.startswith("It has cost $107.07 of budget.maxTotalUSD ($100.00). Raise it")
    assert said(rest).stalled
    assert rest.record == gone.record
    assert rest.record.spent_usd == pytest.approx(95.0 + 8.0 * 90.5 / 60)


def test_what_is_placed_again_goes_on_from_its_last_checkpoint() -> None:
    scene = running(10 * HOUR_S + 20, spent_usd=95.0)
    gone = replace(scene.then(scene.step()), copies=()).step()
    assert gone.record.done == pytest.approx(10 / 50)
    ask = asked(replace(scene, record=gone.record, copies=(), layer=PolicyLayer(max_total_usd=500.0)))
    assert ask.resumes
    assert ask.left == pytest.approx(0.8)
    assert ask.spent_usd == gone.record.spent_usd


def asked(scene: Scene) -> Ask:
    """What would be asked for the work of a scene, wanting a place."""
    snapshot = scene.snapshot()
    sight = Sight(snapshot, {cluster.name: cluster for cluster in snapshot.fleet})
    step = replace(scene.step(), record=scene.record, wish=Wish(Need.PLACE))
    return ask_of(step, sight)


def settled(scene: Scene, after: Record) -> Record:
    """Settle a scene's record into another."""
    snapshot = scene.snapshot()
    sight = Sight(snapshot, {cluster.name: cluster for cluster in snapshot.fleet})
    return ledger.settle(scene.record, after, scene.workload, sight)


HOME = at(ran_s=3.4 * HOUR_S, usd_per_hour=8.0)


@pytest.mark.parametrize(
    ("after", "spent_usd", "done"),
    [
        pytest.param(recorded(HOME), 0.0, 0.0, id="while it runs nothing is written"),
        pytest.param(recorded(replace(HOME, state=RELEASING)), 0.0, 3 / 50, id="what is done counts when it must go"),
        pytest.param(recorded(), 27.2, 3 / 50, id="what it has cost when it is gone"),
        pytest.param(recorded(at("gcp", epoch=2)), 27.2, 3 / 50, id="or has moved"),
        pytest.param(recorded(replace(HOME, state=FINISHED)), 27.2, 3 / 50, id="or has ended"),
        pytest.param(recorded(replace(HOME, usd_per_hour=16.0)), 27.2, 0.0, id="or when its price changes"),
    ],
)
def test_what_has_been_spent_and_done_is_settled_when_copies_leave(
    after: Record, spent_usd: float, done: float
) -> None:
    scene = Scene(record=recorded(HOME), workload=a_job(runtime_h=50.0, every_s=HOUR_S))
    result = settled(scene, after)
    assert result.spent_usd == pytest.approx(spent_usd)
    assert (result.settled_s == NOW_S) == bool(spent_usd)
    assert result.done == pytest.approx(done)


def test_a_price_that_changes_counts_from_then_on() -> None:
    scene = running(2 * HOUR_S, usd={"aws": 3.0})
    step = scene.step()
    assert step.record.placements[0].usd_per_hour == 24.0
    assert step.record.spent_usd == pytest.approx(16.0)
    assert ledger.spent_usd(step.record, NOW_S + HOUR_S) == pytest.approx(40.0)
    # A flicker of the price is not worth a write.
    assert running(2 * HOUR_S, usd={"aws": 1.005}).step().record == running(2 * HOUR_S).record


def test_copies_that_wait_or_have_ended_cost_nothing_and_what_is_settled_is_not_counted_twice() -> None:
    places = (
        replace(HOME, cluster="a"),
        replace(HOME, cluster="b", state=FINISHED),
        at("c", state=RESERVED, usd_per_hour=8.0),
    )
    record = recorded(*places, spent_usd=5.0, settled_s=NOW_S - HOUR_S)
    assert ledger.spent_usd(record, NOW_S) == pytest.approx(13.0)


@pytest.mark.parametrize(
    ("work", "resumes"),
    [
        pytest.param(a_job(), True, id="it has passed a checkpoint"),
        pytest.param(a_job(every_s=5 * HOUR_S), False, id="not yet its first"),
        pytest.param(a_job(every_s=None), True, id="whether it has one is not known"),
        pytest.param(a_job(runtime_h=None), True, id="nor how far it is"),
        pytest.param(a_service(), False, id="it has none"),
    ],
)
def test_work_resumes_where_there_is_a_checkpoint_to_go_on_from(work: Workload, *, resumes: bool) -> None:
    ask = asked(Scene(record=recorded(HOME), copies=(copy_at(),), workload=work))
    assert ask.resumes is resumes


def test_work_that_never_ran_has_nothing_to_go_on_from() -> None:
    assert not asked(Scene(record=recorded(epoch=4), workload=a_job(every_s=None))).resumes


def test_of_a_lost_cluster_only_what_was_done_before_it_fell_silent_counts() -> None:
    silent = replace(DOWN, since_s=NOW_S - 2 * HOUR_S)
    work = a_job(runtime_h=50.0, every_s=HOUR_S)
    assert work.checkpoint is not None
    work = replace(work, checkpoint=replace(work.checkpoint, locations=("gcp/here",)))
    scene = Scene(record=recorded(HOME), workload=work, health={"aws": silent}, guarantee=ALO)
    moved = scene.step()
    assert moved.record.done == pytest.approx(1 / 50)
    assert moved.record.spent_usd == pytest.approx(27.2)


ANNOUNCED = Judgement(Verdict.SUSPECT, PROVIDER_INCIDENT, "aws announces an outage.")
LOST = replace(Scene(health={"aws": DOWN}).snapshot().fleet[0], convicted="")


@pytest.mark.parametrize(
    ("fleet", "lost"),
    [
        pytest.param((LOST,), {"aws"}, id="one dead cluster says nothing of its region's stores"),
        pytest.param((replace(LOST, convicted="all are Down"),), {"aws", "aws/here"}, id="a convicted region does"),
        pytest.param(
            (replace(LOST, tier=Tier.ON_PREM),), {"aws", "aws/here"}, id="a data centre goes with its cluster"
        ),
        pytest.param((replace(LOST, tier=Tier.EDGE),), {"aws", "aws/here"}, id="and so does an edge"),
        pytest.param(
            (replace(LOST, tier=Tier.EDGE), replace(LOST, name="twin", health=HEALTHY)),
            {"aws"},
            id="unless another cluster is healthy there",
        ),
        pytest.param(
            (replace(LOST, tier=Tier.EDGE), replace(LOST, name="twin", health=ANNOUNCED)),
            {"aws"},
            id="or would be healthy, had its provider announced nothing",
        ),
        pytest.param((replace(LOST, health=HEALTHY),), set(), id="nothing is lost where all is well"),
    ],
)
def test_which_locations_can_not_be_read(fleet: tuple[Cluster, ...], lost: set[str]) -> None:
    assert with_losses(replace(Scene().snapshot(), fleet=fleet)).network.lost == lost


def test_at_most_once_on_a_lost_cluster_spends_on_since_it_may_run() -> None:
    scene = running(20 * HOUR_S, guarantee=AMO, health={"aws": DOWN}, copies=())
    assert ledger.spent_usd(scene.record, NOW_S) == pytest.approx(160.0)
