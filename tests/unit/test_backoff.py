"""Pauses before another try: how they grow, and how they are spread."""

from __future__ import annotations

import pytest

from tradewind.apply.backoff import pause_s
from tradewind.kube.backoff import backoff_s
from tradewind.model.backoff import grown_s


@pytest.mark.parametrize(
    ("failures", "expected_s"),
    [
        pytest.param(1, 0.5, id="after the first failure it is the first pause"),
        pytest.param(2, 1.0, id="each further failure doubles it"),
        pytest.param(6, 16.0, id="again and again"),
        pytest.param(7, 20.0, id="up to the longest"),
        pytest.param(10**6, 20.0, id="which a million failures do not change"),
    ],
)
def test_a_pause_doubles_up_to_its_longest(failures: int, expected_s: float) -> None:
    assert grown_s(failures, first_s=0.5, most_s=20.0) == expected_s


def test_those_who_failed_together_do_not_come_back_together() -> None:
    pauses = {backoff_s(3, first_s=1.0, most_s=60.0) for _ in range(200)}
    assert len(pauses) > 100
    assert 2.0 <= min(pauses) < 2.5
    assert 3.5 < max(pauses) <= 4.0


@pytest.mark.parametrize(
    ("wish_s", "least_s", "most_s"),
    [
        pytest.param(0.0, 1.6, 2.4, id="without a wish it is the pause, give or take a fifth"),
        pytest.param(30.0, 30.0, 30.0, id="what the other side has asked for is kept"),
        pytest.param(3600.0, 60.0, 60.0, id="up to the longest pause"),
    ],
)
def test_a_delivery_waits_as_long_as_it_is_asked_to(wish_s: float, least_s: float, most_s: float) -> None:
    pauses = [pause_s(1, first_s=2.0, most_s=60.0, at_least_s=wish_s) for _ in range(100)]
    assert least_s <= min(pauses) <= max(pauses) <= most_s
