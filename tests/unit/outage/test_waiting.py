"""Wait or move: how long an outage still lasts, and what waiting and moving cost, by hand-worked figures."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.outage.waiting import LOOK_AGAIN_S, Outage, Stakes, Wait, waits

MINUTE_S, HOUR_S = 60.0, 3600.0
HOURS = st.floats(0, 1000)
USD = st.floats(0, 10_000)
STAKES = st.builds(
    Stakes,
    usd_per_hour=USD,
    usd_per_delay_hour=USD,
    lost_h=HOURS,
    transfer_h=HOURS,
    queue_h=HOURS,
    restart_h=HOURS,
    egress_usd=USD,
    left_h=HOURS,
    usd_per_hour_late=USD,
    deadline_h=HOURS | st.just(inf),
    required=st.booleans(),
)
OUTAGES = st.builds(Outage, st.floats(-10, 10**7), st.booleans())


@pytest.mark.parametrize(
    ("outage", "rest_h"),
    [
        pytest.param(Outage(0.0), 8 / 60 / 0.43, id="eighteen minutes at first"),
        pytest.param(Outage(10 * MINUTE_S), 18 / 60 / 0.43, id="twice that after ten minutes"),
        pytest.param(Outage(HOUR_S), 68 / 60 / 0.43, id="two hours and a half after an hour"),
        pytest.param(Outage(0.0, announced=True), 3 / 0.43, id="seven hours where the provider announces it"),
        pytest.param(Outage(-5.0), 8 / 60 / 0.43, id="a clock that was set back makes it no shorter"),
    ],
)
def test_the_rest_of_an_outage(outage: Outage, rest_h: float) -> None:
    assert outage.rest_h == pytest.approx(rest_h)


def test_the_prior_has_the_quantiles_of_what_was_published() -> None:
    def lasts_longer(hours: float) -> float:
        return float((1 + hours / 3.0) ** -1.43)

    assert lasts_longer(1.88) == pytest.approx(0.5, abs=0.01)
    assert lasts_longer(21.83) == pytest.approx(0.05, abs=0.005)


@pytest.mark.parametrize(
    ("stakes", "outage", "expected"),
    [
        pytest.param(
            # 18.6 min at $60/h; 40 + 2 min at $60/h. The rest is 42 min once it has lasted 10 min and 3.6 s.
            Stakes(60.0, lost_h=40 / 60, restart_h=2 / 60),
            Outage(0.0),
            Wait(18.60, 42.0, 0.31008, 40.0, LOOK_AGAIN_S),
            id="forty minutes of work are worth twenty of waiting",
        ),
        pytest.param(
            Stakes(60.0, lost_h=40 / 60, restart_h=2 / 60), Outage(11 * MINUTE_S), None, id="but not after eleven"
        ),
        pytest.param(
            Stakes(60.0, lost_h=40 / 60, restart_h=2 / 60),
            Outage(0.0, announced=True),
            None,
            id="nor where the provider announces an outage",
        ),
        pytest.param(
            # The rest is 22 min once it has lasted 1.46 min: looked at again then.
            Stakes(60.0, lost_h=20 / 60, restart_h=2 / 60),
            Outage(0.0),
            Wait(18.60, 22.0, 0.31008, 20.0, 87.6),
            id="it is decided again when the two are even",
        ),
        pytest.param(
            Stakes(60.0, lost_h=10 / 3600, restart_h=2 / 60), Outage(0.0), None, id="a job that has just begun moves"
        ),
        pytest.param(
            Stakes(10.0, transfer_h=2.0, egress_usd=900.0),
            Outage(0.0),
            Wait(3.10, 920.0, 0.31008, 0.0, LOOK_AGAIN_S),
            id="ten terabytes are not carried away for half an hour",
        ),
        pytest.param(
            Stakes(10.0, usd_per_delay_hour=5000.0, transfer_h=0.1, egress_usd=900.0),
            Outage(0.0),
            None,
            id="unless each hour counts",
        ),
        pytest.param(Stakes(0.0, egress_usd=900.0), Outage(0.0), None, id="where time has no price it moves"),
        pytest.param(
            # Ten hours left, and ten to the deadline: each minute of waiting is late.
            Stakes(60.0, lost_h=40 / 60, left_h=10.0, deadline_h=10.0, usd_per_hour_late=400.0),
            Outage(0.0),
            None,
            id="nor does it wait where being late costs more",
        ),
        pytest.param(
            Stakes(60.0, lost_h=40 / 60, left_h=9.9, deadline_h=10.0, required=True),
            Outage(0.0),
            None,
            id="nor where a deadline that must be kept would be missed",
        ),
        pytest.param(
            Stakes(60.0, lost_h=40 / 60, left_h=2.0, deadline_h=10.0, required=True, usd_per_hour_late=400.0),
            Outage(0.0),
            Wait(18.60, 40.0, 0.31008, 40.0, 552.0),
            id="a deadline that is far away is no hurry",
        ),
    ],
)
def test_wait_or_move(stakes: Stakes, outage: Outage, expected: Wait | None) -> None:
    found = waits(stakes, outage)
    if expected is None:
        assert found is None
        return
    assert found is not None
    for field in ("wait_usd", "move_usd", "rest_h", "lost_usd", "again_s"):
        assert getattr(found, field) == pytest.approx(getattr(expected, field), rel=1e-3), field


@given(STAKES, OUTAGES)
def test_waiting_is_always_cheaper_than_moving_and_always_ends(stakes: Stakes, outage: Outage) -> None:
    found = waits(stakes, outage)
    if found is None:
        return
    assert found.wait_usd < found.move_usd
    assert 0 <= found.again_s <= LOOK_AGAIN_S
    ends_s = outage.until_rest_s(found.move_usd / stakes.hour_usd)
    assert waits(stakes, Outage(outage.elapsed_s + 1.001 * ends_s + 1.0, outage.announced)) is None


@given(STAKES, OUTAGES, st.floats(0, 10**6))
def test_who_moves_now_would_not_wait_later_or_under_an_announcement(
    stakes: Stakes, outage: Outage, more_s: float
) -> None:
    if waits(stakes, outage) is None:
        assert waits(stakes, Outage(outage.elapsed_s + more_s, outage.announced)) is None
        assert waits(stakes, Outage(outage.elapsed_s, announced=True)) is None


def test_both_figures_are_told() -> None:
    words = Wait(5.3, 12.0, 0.31, 9.0, 60.0).words("aws")
    assert words == (
        "Waits for aws: the rest of its outage is expected to take 18m36s and to cost $5.30; a move costs $12.00, "
        "$9.00 of it work to do again. It is decided again within 10m."
    )
