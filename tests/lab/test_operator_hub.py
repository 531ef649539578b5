"""The hub is away, or has lost its memory: nothing that runs is disturbed, and nothing is started twice."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_manifests import a_job, guarantee
from tests.lab.operator_waiting import throughout, until

if TYPE_CHECKING:
    from tests.lab.operator_fleet import Fleet

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]

AWAY_S = 16
"""Longer than the Lease lasts. A hub that is away for more than a minute is in test_outage_hub."""


def test_a_hub_that_is_dead_for_longer_than_the_lease_lasts_does_not_end_the_operator(fleet: Fleet) -> None:
    fleet.submit(a_job("often", **guarantee("AtLeastOnce")))
    fleet.until_runs("often", "aws")
    pid = fleet.operator.pid
    died = time.monotonic()
    fleet.lab.kill("hub")
    fleet.lab.cut("aws")
    until("the hub was away for long enough", lambda: time.monotonic() - died > AWAY_S, within_s=2 * AWAY_S)
    assert fleet.copies("often", on=("gcp", "onprem")) == []
    fleet.lab.resume("hub")

    fleet.until_runs("often", "gcp", epoch=2)
    fleet.submit(a_job("new"))
    fleet.until_runs("new", "gcp", within_s=10)
    assert fleet.operator.pid == pid
    assert fleet.operator.runs
    assert fleet.operator.get("/healthz") == (200, "ok\n")


def test_a_hub_that_hangs_does_not_end_the_operator(fleet: Fleet) -> None:
    fleet.submit(a_job("train"))
    fleet.until_runs("train", "aws")
    pid = fleet.operator.pid
    fleet.lab.pause("hub")
    until("it may no longer write", lambda: fleet.operator.metric("tradewind_leader") == 0, within_s=20)
    throughout("it lives", lambda: fleet.operator.get("/healthz")[0] == 200, for_s=3)
    fleet.lab.resume("hub")
    fleet.submit(a_job("new"))
    fleet.until_runs("new", "aws")
    assert fleet.operator.runs
    assert fleet.operator.pid == pid
    assert fleet.status("train")["epoch"] == 1
