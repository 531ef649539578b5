"""How long a canary is believed, and when the next one is due."""

from __future__ import annotations

import pytest

from tradewind.outage.canary import MAX_AGAIN_S, RENEW_S, VALID_S, Canary, awaited, due_s, ended

PASSED = ended(Canary(), "", began_s=100.0, now_s=103.0)
FAILED = ended(Canary(), "its pod failed", began_s=100.0, now_s=103.0)


@pytest.mark.parametrize(
    ("canary", "now_s", "words"),
    [
        pytest.param(Canary(), 0.0, "a pod that starts", id="one that was never tried must be"),
        pytest.param(PASSED, 104.0, "", id="once it has passed nothing is lacking"),
        pytest.param(PASSED, 100.0 + VALID_S - 1, "", id="for as long as it is believed"),
        pytest.param(PASSED, 100.0 + VALID_S, "within the last 5m", id="counted from its beginning"),
        pytest.param(FAILED, 104.0, "its pod failed", id="a failure says why"),
        pytest.param(ended(PASSED, "no", began_s=340.0, now_s=341.0), 342.0, "no", id="and undoes what passed before"),
        pytest.param(ended(FAILED, "", began_s=340.0, now_s=341.0), 342.0, "", id="as a pass does a failure"),
    ],
)
def test_what_is_awaited(canary: Canary, now_s: float, words: str) -> None:
    said = awaited(canary, now_s=now_s)
    assert words in said
    assert bool(words) == bool(said)


def test_one_that_passed_is_renewed_before_it_is_believed_no_more() -> None:
    assert due_s(Canary()) == 0.0
    assert due_s(PASSED) == 100.0 + RENEW_S < 100.0 + VALID_S


def test_one_that_failed_is_tried_again_after_growing_pauses() -> None:
    canary, pauses = Canary(), []
    for now_s in range(0, 9000, 1000):
        canary = ended(canary, "no", began_s=now_s, now_s=now_s)
        pauses.append(due_s(canary) - now_s)
    assert pauses[:3] == [5.0, 10.0, 20.0]
    assert pauses[-1] == MAX_AGAIN_S
