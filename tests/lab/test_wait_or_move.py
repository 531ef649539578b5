"""A member is away for a moment: work that would be dear to move waits for it and says so, all other work moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_manifests import a_job, guarantee

if TYPE_CHECKING:
    from tests.lab.operator_fleet import Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]

HEAVY: Manifest = {"data": [{"name": "scans", "size": "20T", "locations": ["store/anywhere"], "access": "Stage"}]}


def test_work_that_would_have_to_copy_its_data_anew_waits_for_its_cluster(fleet: Fleet) -> None:
    fleet.submit(a_job("light", **guarantee("AtLeastOnce")), a_job("heavy", **guarantee("AtLeastOnce"), **HEAVY))
    for name in ("light", "heavy"):
        fleet.until_runs(name, "aws")
    [heavy] = fleet.copies("heavy")

    fleet.lab.cut("aws")
    fleet.until_runs("light", "gcp", epoch=2, within_s=60)
    fleet.until_reason("heavy", "WaitingIsCheaper")
    assert "the rest of its outage is expected to take" in fleet.message("heavy")
    assert "a move costs $" in fleet.message("heavy")
    assert fleet.copies("heavy", on=("gcp", "onprem")) == []
    assert [event["reason"] for event in fleet.events("heavy")].count("WaitingIsCheaper") <= 1

    fleet.lab.heal("aws")
    fleet.until_runs("heavy", "aws")
    fleet.until_reason("heavy", "Running")
    assert fleet.copies("heavy") == [heavy], "nothing was made anew"
    assert fleet.status("heavy")["moves"] == []
    [move] = fleet.status("light")["moves"]
    assert (move["fromCluster"], move["toCluster"], move["reason"]) == ("aws", "gcp", "ApiServerSilent")
    assert float(move["lostUSD"]) > 0
    assert move["lostWork"].endswith("s")
