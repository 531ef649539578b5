"""Work that an outage drove away: whether it goes back, when, and that it does not go to and fro."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import HEALTHY, a_workload
from tests.unit.decide.builders import (
    ALO,
    AMO,
    NOW_S,
    PENDING,
    RECOVERING,
    SUSPECT,
    Scene,
    a_job,
    a_service,
    at,
    copy_at,
    recorded,
    said,
    summary,
)

from tradewind.decide.failback import home_of
from tradewind.model.placement import CopyState, Move, Record
from tradewind.model.plan import Wake
from tradewind.model.policy import Failback, Mode, PolicyLayer, Rebalance

MINUTE_S, HOUR_S = 60.0, 3600.0
NO_REBALANCE = Rebalance(moves_per_minute=0)
HEALTHY_LONG = replace(HEALTHY, since_s=NOW_S - 2 * HOUR_S)
STAYS = {"reason": "Running", "left": [("gcp", 1, "Running")]}
HANDED = {"reason": "Failback", "left": [("gcp", 1, "Releasing"), ("own", 2, "Reserved")], "release": ["gcp"]}
FIRST = {"reason": "Failback", "left": [("gcp", 1, "Leaving"), ("own", 2, "Delivering")], "deliver": ("own", 2)}


def move(
    origin: str, target: str, reason: str = "ApiServerSilent", *, ago_s: float = 3 * HOUR_S, epoch: int = 1
) -> Move:
    return Move(origin, target, reason, epoch, NOW_S - ago_s, NOW_S - ago_s)


def away(
    when: Failback | None = Failback.WHEN_HEALTHY, *moves: Move, ran_s: float = 3 * HOUR_S, **more: object
) -> Scene:
    """Make the scene of a service on gcp that own's outage drove there; own is dearer, and has been well for long."""
    record = recorded(at("gcp", ran_s=ran_s, usd_per_hour=16.0), moves=moves or (move("own", "gcp"),))
    scene = Scene(
        record=record,
        copies=(copy_at("gcp"),),
        workload=a_service(),
        health={"own": HEALTHY_LONG},
        layer=PolicyLayer(failback=when),
        rebalance=NO_REBALANCE,
        guarantee=AMO,
    )
    return replace(scene, **more)  # type: ignore[arg-type]  # any field


CHEAP_HOME = {"own": 0.5, "aws": 9.0}


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        pytest.param(away(), HANDED, id="it goes home once that has been healthy for an hour, though it is dearer"),
        pytest.param(away(guarantee=ALO), FIRST, id="without a gap, where two copies may run"),
        pytest.param(away(None), STAYS, id="where nobody says so it stays"),
        pytest.param(away(Failback.NEVER), STAYS, id="as it does where it is never to go back"),
        pytest.param(away(Failback.WHEN_CHEAPER), STAYS, id="where it is to go back for less money it stays"),
        pytest.param(away(Failback.WHEN_CHEAPER, usd=CHEAP_HOME), HANDED, id="until that is cheaper, by any amount"),
        pytest.param(
            away(Failback.WHEN_CHEAPER, usd=CHEAP_HOME, layer=PolicyLayer(failback=Failback.WHEN_CHEAPER)),
            HANDED,
            id="and goes nowhere else though that were cheaper still",
        ),
        pytest.param(
            away(health={"own": replace(HEALTHY, since_s=NOW_S - 59 * MINUTE_S)}), STAYS, id="not before the hour ends"
        ),
        pytest.param(
            away(
                health={"own": replace(HEALTHY, since_s=NOW_S - 59 * MINUTE_S)},
                layer=PolicyLayer(failback=Failback.WHEN_HEALTHY, failback_after_s=1800.0),
            ),
            HANDED,
            id="or the time that somebody has set",
        ),
        pytest.param(away(health={"own": RECOVERING}), STAYS, id="nor while the home recovers"),
        pytest.param(away(health={"own": SUSPECT}), STAYS, id="or is suspect"),
        pytest.param(away(absent=frozenset({"own"})), STAYS, id="or is declared no more"),
        pytest.param(away(draining=frozenset({"own"})), STAYS, id="or is to be emptied"),
        pytest.param(away(nodes=0), STAYS, id="or has no room"),
        pytest.param(away(ran_s=100.0), STAYS, id="nor before the cooldown ends"),
        pytest.param(
            away(layer=PolicyLayer(failback=Failback.WHEN_HEALTHY, max_moves_per_hour=0)),
            STAYS,
            id="nor where nothing may move",
        ),
        pytest.param(
            away(workload=a_workload()), STAYS, id="a job without checkpoints would lose all that it has done"
        ),
        pytest.param(
            away(workload=a_job(), ran_s=6 * 1800.0 + 10), HANDED, id="one with checkpoints goes just after one"
        ),
        pytest.param(away(workload=a_job(), ran_s=6 * 1800.0 + 900), STAYS, id="and not between two"),
        pytest.param(
            away(
                copies=(copy_at("gcp", state=PENDING),),
                record=replace(away().record, placements=(at("gcp", state=PENDING),)),
            ),
            {"reason": "Starting", "left": [("gcp", 1, "Pending")]},
            id="what has not come to run yet does not turn round",
        ),
        pytest.param(
            away(Failback.WHEN_HEALTHY, move("own", "gcp", "Draining")),
            STAYS,
            id="nobody goes back to what a person has emptied",
        ),
        pytest.param(
            away(Failback.WHEN_HEALTHY, move("own", "gcp", "CheaperElsewhere")), STAYS, id="or what it left for money"
        ),
        pytest.param(
            away(mode=Mode.RECOMMEND),
            {"reason": "Recommended", "left": [("gcp", 1, "Running")]},
            id="in Recommend it is shown",
        ),
    ],
)
def test_the_way_back(scene: Scene, expected: dict[str, object]) -> None:
    assert summary(scene.step()) == expected


def test_it_says_where_it_goes_and_why_and_the_record_has_the_move() -> None:
    step = away().step()
    assert "it came from there, and own has been well for long enough" in said(step).message
    back = step.record.moves[0]
    assert (back.from_cluster, back.to_cluster, back.reason, back.detected_s) == (
        "gcp",
        "own",
        "Failback",
        HEALTHY_LONG.since_s,
    )


def test_while_it_waits_it_is_looked_at_when_the_time_comes_and_when_its_home_changes() -> None:
    since_s = NOW_S - 20 * MINUTE_S
    step = away(health={"own": replace(HEALTHY, since_s=since_s)}).step()
    assert step.retry_s is not None
    assert since_s + HOUR_S <= step.retry_s <= since_s + HOUR_S + 10
    assert Wake.HEALTH in away(health={"own": SUSPECT}).step().wakes_on


def test_a_home_without_room_is_looked_at_again_soon() -> None:
    step = away(nodes=0).step()
    assert step.retry_s is not None
    assert NOW_S < step.retry_s <= NOW_S + 70


def test_what_does_not_go_home_may_still_be_cheaper_elsewhere() -> None:
    scene = away(Failback.WHEN_CHEAPER, rebalance=Rebalance(), workload=a_service())
    step = scene.step()
    assert (said(step).reason, step.record.moves[0].to_cluster) == ("CheaperElsewhere", "aws")


def test_once_home_it_stays_though_it_could_go_back_again() -> None:
    step = away().step()
    home = replace(at("own", epoch=2, ran_s=2 * HOUR_S), state=CopyState.RUNNING)
    record = replace(step.record, placements=(home,))
    scene = away(record=record, copies=(copy_at("own", epoch=2),), health={"gcp": HEALTHY_LONG, "own": HEALTHY_LONG})
    assert summary(scene.step()) == {"reason": "Running", "left": [("own", 2, "Running")]}


@pytest.mark.parametrize(
    ("moves", "here", "home"),
    [
        pytest.param((), "gcp", "", id="what has never moved has no home to miss"),
        pytest.param((move("own", "gcp"),), "gcp", "own", id="where it came from"),
        pytest.param(
            (move("own", "gcp"), move("aws", "own")), "gcp", "aws", id="where the first of several outages began"
        ),
        pytest.param((move("own", "aws"), move("aws", "own")), "aws", "", id="an outage that drove it home"),
        pytest.param(
            (move("own", "gcp"), move("aws", "own", "CheaperElsewhere")), "gcp", "own", id="up to its own choice"
        ),
        pytest.param((move("gcp", "own", "Failback"), move("own", "gcp")), "own", "", id="home is home"),
        pytest.param((move("own", "gcp"),), "aws", "", id="a record that does not fit says nothing"),
        pytest.param((move("own", "gcp", "NodesNotReady"),), "gcp", "own", id="lost nodes are an outage"),
        pytest.param((move("own", "gcp", "AgentHeard"),), "gcp", "own", id="as is a partition that took too long"),
        pytest.param((move("own", "gcp", "ClusterRebuilt"),), "gcp", "", id="a cluster made anew is another one"),
    ],
)
def test_home(moves: tuple[Move, ...], here: str, home: str) -> None:
    assert home_of(recorded(at(here), moves=moves), at(here)) == home


@given(
    moves=st.lists(
        st.builds(
            move,
            st.sampled_from(["aws", "gcp", "own"]),
            st.sampled_from(["aws", "gcp", "own"]),
            st.sampled_from(["ApiServerSilent", "Draining", "CheaperElsewhere", "Failback"]),
            ago_s=st.floats(0, 4 * HOUR_S),
        ),
        max_size=4,
    ),
    ran_s=st.floats(0, 4 * HOUR_S),
    well_s=st.floats(0, 4 * HOUR_S),
)
def test_it_never_goes_back_sooner_than_all_limits_allow(moves: list[Move], ran_s: float, well_s: float) -> None:
    moves.sort(key=lambda each: -each.decided_s)
    scene = away(
        Failback.WHEN_HEALTHY,
        record=Record(1, (at("gcp", ran_s=ran_s, usd_per_hour=16.0),), tuple(moves)),
        health=dict.fromkeys(["aws", "own"], replace(HEALTHY, since_s=NOW_S - well_s)),
    )
    step = scene.step()
    if len(step.record.moves) == len(moves):
        return
    assert step.record.moves[0].reason == "Failback"
    assert moves[0].reason == "ApiServerSilent"
    assert well_s >= HOUR_S
    assert min(ran_s, *(NOW_S - each.decided_s for each in moves)) >= 300
    assert sum(NOW_S - each.decided_s < HOUR_S for each in moves) < 3
