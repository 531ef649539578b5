"""The way to a member fails in every manner: its work moves once, or not at all, and one copy is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_manifests import a_job, guarantee
from tests.lab.operator_waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lab.operator_audit import Audit
    from tests.lab.operator_fleet import Fleet

    from tradewind.lab.lab import Lab

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]


@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(lambda lab: lab.cut("aws", mode="refuse"), id="connections are refused"),
        pytest.param(lambda lab: lab.cut("aws", mode="one-way"), id="requests arrive and answers do not"),
        pytest.param(lambda lab: lab.cut("aws", mode="delay", delay_s=30), id="each answer takes 30 s"),
    ],
)
def test_a_cluster_that_gives_no_answer_in_time_is_down_and_its_work_moves_once(
    fleet: Fleet, audit: Audit, break_it: Callable[[Lab], None]
) -> None:
    fleet.submit(a_job("once"), a_job("often", **guarantee("AtLeastOnce")))
    fleet.until_runs("once", "aws")
    fleet.until_runs("often", "aws")
    [once] = fleet.copies("once")
    fleet.mark()

    break_it(fleet.lab)
    fleet.until_verdict("aws", "Down")
    assert fleet.cluster_reason("aws") == "ApiServerSilent"
    fleet.until_runs("often", "gcp", epoch=2)
    fleet.until_reason("once", "OldCopyMayRun")
    assert [move["reason"] for move in fleet.status("often")["moves"]] == ["ApiServerSilent"]

    fleet.lab.heal("aws")
    fleet.until_verdict("aws", "Healthy")
    fleet.until_runs("once", "aws")
    assert [copy.cluster for copy in fleet.copies("often")] == ["gcp"]
    assert fleet.copies("once") == [once]
    assert fleet.made() == {"often": 1}
    audit.until_only("often", "gcp", epoch=2)
    assert audit.most == {"once": 1, "often": 2}


def test_an_order_whose_answer_is_lost_is_carried_out_once(fleet: Fleet, audit: Audit) -> None:
    fleet.submit(a_job("train"))
    fleet.until_runs("train", "aws")
    fleet.lab.cut("aws", mode="one-way")
    fleet.change("train", {"suspend": True})
    until("the order has arrived", lambda: not fleet.copies("train"))
    fleet.until_verdict("aws", "Down")
    assert "Waits for its copy on aws to end" in fleet.message("train")

    fleet.lab.heal("aws")
    until("the end of the copy is known", lambda: not fleet.status("train")["placements"])
    fleet.until_verdict("aws", "Healthy")
    fleet.change("train", {"suspend": False})
    fleet.until_runs("train", "aws", epoch=2)
    assert fleet.status("train")["moves"] == []
    assert audit.most == {"train": 1}


def test_a_cluster_that_flaps_is_trusted_later_each_time_and_its_work_moves_once(fleet: Fleet, audit: Audit) -> None:
    fleet.submit(a_job("often", **guarantee("AtLeastOnce")), a_job("once"))
    fleet.until_runs("often", "aws")
    fleet.until_runs("once", "aws")
    fleet.mark()
    for up_after_s in (3, 6):
        fleet.lab.cut("aws")
        fleet.until_verdict("aws", "Down")
        assert fleet.hub.get("FederatedCluster", name="aws")["status"]["upAfterSeconds"] == up_after_s
        fleet.until_runs("often", "gcp", epoch=2)
        fleet.lab.heal("aws")
        fleet.until_verdict("aws", "Recovering")
    fleet.submit(a_job("new"))
    fleet.until_runs("new", "gcp")
    fleet.until_verdict("aws", "Healthy")
    fleet.until_runs("once", "aws")
    assert fleet.made() == {"often": 1, "new": 1}
    assert len(fleet.status("often")["moves"]) == 1
    assert fleet.status("once")["moves"] == []
    audit.until_only("often", "gcp", epoch=2)
    assert audit.most["once"] == 1
