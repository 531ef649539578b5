"""Work that runs and moves all the same: out of a draining cluster, for money, at the end of its budget; and spread."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_manifests import H100, PRICES, a_job, a_service, an_offer, only_on
from tests.lab.operator_waiting import throughout, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.operator_fleet import Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]

INTERVAL_S = 8
BRISK = {"cooldown": "1s"}


def checkpoint(interval_s: int = INTERVAL_S) -> Manifest:
    """Spec fields of work that writes small checkpoints, which cost next to nothing, to a place that is never lost."""
    return {"checkpoint": {"interval": f"{interval_s}s", "size": "1M", "locations": ["store/anywhere"]}}


@pytest.fixture
def often(fleet: Fleet) -> Iterator[None]:
    """Compare running work with other places every few seconds."""
    compare(fleet, {"interval": "5s"})
    yield
    compare(fleet, None)


def compare(fleet: Fleet, rebalance: Manifest | None) -> None:
    fleet.hub.merge("ClusterPlacementPolicy", "", "default", {"spec": {"rebalance": rebalance}})


@pytest.fixture
def open_again(fleet: Fleet) -> Iterator[None]:
    """Undo what a test has done to aws."""
    yield
    set_aws(fleet, price=PRICES["aws"], scheduling="Enabled")


def set_aws(fleet: Fleet, *, price: str = "", scheduling: str = "") -> None:
    """Change the spec of aws."""
    cpu = [each for each in fleet.hub.get("FederatedCluster", name="aws")["spec"]["offers"] if each["name"] == "cpu"]
    spec: Manifest = {"offers": [an_offer("h100", H100, price), *cpu]} if price else {}
    spec |= {"scheduling": scheduling} if scheduling else {}
    fleet.hub.merge("FederatedCluster", "", "aws", {"spec": spec})


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def serves(fleet: Fleet, name: str) -> bool:
    """Whether some copy of a Deployment has a pod that is ready; aws, which it leaves, is asked first."""
    found = (fleet.members[cluster].find("Deployment", fleet.namespace, name) for cluster in ("aws", "gcp", "onprem"))
    return any(copy["status"].get("readyReplicas", 0) >= 1 for copy in found if copy is not None)


@pytest.mark.usefixtures("open_again")
def test_a_drained_cluster_is_left_at_checkpoints_without_a_gap_and_only_for_another_place(fleet: Fleet) -> None:
    fleet.submit(a_service("chat"), a_job("plain"), a_job("saves", **checkpoint()), a_job("bound", **only_on("aws")))
    fleet.until_runs("chat", "aws", kind="Deployment")
    for name in ("plain", "saves", "bound"):
        fleet.until_runs(name, "aws")
    ran_s = seconds(fleet.status("saves")["placements"][0]["runningSince"])

    set_aws(fleet, scheduling="Draining")
    throughout("chat is served", lambda: serves(fleet, "chat"), for_s=4)
    fleet.until_runs("chat", "gcp", epoch=2, kind="Deployment")
    fleet.until_runs("plain", "gcp", epoch=2)
    fleet.until_runs("saves", "gcp", epoch=2)
    fleet.until_reason("bound", "DrainBlocked")
    assert "no other place can take it" in fleet.message("bound")
    for name in ("chat", "plain", "saves"):
        [move] = fleet.status(name)["moves"]
        assert (move["fromCluster"], move["toCluster"], move["reason"]) == ("aws", "gcp", "Draining")
    # The clocks of the hub and of this test are one; a second of reading and writing is allowed for.
    since_checkpoint_s = (seconds(fleet.status("saves")["moves"][0]["decidedAt"]) - ran_s) % INTERVAL_S
    assert since_checkpoint_s <= INTERVAL_S / 2 + 1
    assert [copy.cluster for copy in fleet.copies("bound")] == ["aws"]

    set_aws(fleet, scheduling="Enabled")
    fleet.until_runs("bound", "aws")


def test_work_goes_back_after_an_outage_where_its_policy_wishes_and_only_there(fleet: Fleet) -> None:
    home: Manifest = {
        "failover": {**BRISK, "guarantee": "AtLeastOnce", "failback": {"when": "WhenHealthy", "after": "5s"}}
    }
    dear: Manifest = {
        "failover": {**BRISK, "guarantee": "AtLeastOnce", "failback": {"when": "WhenCheaper", "after": "5s"}}
    }
    stays: Manifest = {"failover": {**BRISK, "guarantee": "AtLeastOnce"}}
    fleet.submit(a_service("chat", **home), a_service("thrifty", **dear), a_service("stays", **stays))
    for name in ("chat", "thrifty", "stays"):
        fleet.until_runs(name, "aws", kind="Deployment")

    fleet.lab.cut("aws")
    for name in ("chat", "thrifty", "stays"):
        fleet.until_runs(name, "gcp", epoch=2, kind="Deployment", within_s=45)
    fleet.lab.heal("aws")
    fleet.until_verdict("aws", "Healthy")

    # aws is the cheapest, so both go back, without a gap; what nobody has asked for stays.
    throughout("chat is served", lambda: serves(fleet, "chat"), for_s=4)
    for name in ("chat", "thrifty"):
        fleet.until_runs(name, "aws", epoch=3, kind="Deployment", within_s=60)
        fleet.until_alone(name, kind="Deployment")
        back, gone = fleet.status(name)["moves"]
        assert (back["fromCluster"], back["toCluster"], back["reason"]) == ("gcp", "aws", "Failback")
        assert (gone["fromCluster"], gone["toCluster"], gone["reason"]) == ("aws", "gcp", "ApiServerSilent")
        assert seconds(back["decidedAt"]) - seconds(back["detectedAt"]) >= 5
    assert [copy.cluster for copy in fleet.copies("stays", kind="Deployment")] == ["gcp"]
    assert len(fleet.status("stays")["moves"]) == 1
    # It is home, and does not go to and fro.
    throughout("chat stays", lambda: len(fleet.status("chat")["moves"]) == 2, for_s=6)


@pytest.mark.usefixtures("open_again", "often")
def test_running_work_moves_for_money_past_its_threshold_and_once(fleet: Fleet) -> None:
    fleet.submit(
        a_service("chat", expectedRuntime=None, failover=BRISK),
        a_job("saves", expectedRuntime={"duration": "90h"}, failover=BRISK, **checkpoint()),
        a_job("short", failover=BRISK, **checkpoint()),
        a_job("plain", expectedRuntime={"duration": "90h"}, failover=BRISK),
    )
    fleet.until_runs("chat", "aws", kind="Deployment")
    for name in ("saves", "short", "plain"):
        fleet.until_runs(name, "aws")

    set_aws(fleet, price="30")
    # Several may go, but one by one, at six a minute.
    fleet.until_runs("saves", "gcp", epoch=2, within_s=60)
    fleet.until_runs("chat", "gcp", epoch=2, kind="Deployment", within_s=60)
    for name in ("saves", "chat"):
        [move] = fleet.status(name)["moves"]
        assert (move["fromCluster"], move["toCluster"], move["reason"]) == ("aws", "gcp", "CheaperElsewhere")
        assert float(move["savingUSD"]) > 50
    first_s, second_s = sorted(seconds(fleet.status(name)["moves"][0]["decidedAt"]) for name in ("saves", "chat"))
    assert second_s - first_s > 9
    # An hour is not worth a move, and without checkpoints nobody knows when to leave.
    for name in ("short", "plain"):
        assert [copy.cluster for copy in fleet.copies(name)] == ["aws"]
        assert fleet.status(name)["moves"] == []

    # A little cheaper is not worth the way back.
    set_aws(fleet, price="2.9")
    throughout("they stay", lambda: len(fleet.status("chat")["moves"]) == 1, for_s=5)
    assert [copy.cluster for copy in fleet.copies("saves")] == ["gcp"]


def test_work_whose_budget_is_spent_rests_until_that_is_raised(fleet: Fleet) -> None:
    budget: Manifest = {"budget": {"maxTotalUSD": "0.012"}}
    fleet.submit(a_job("spends", expectedRuntime={"duration": "10s"}, **budget, **checkpoint(4)))
    fleet.until_runs("spends", "aws")
    fleet.until_reason("spends", "BudgetExhausted", within_s=60)
    until("its copy is gone", lambda: fleet.copies("spends") == [] and not fleet.status("spends")["placements"])
    status = fleet.status("spends")
    assert 0.012 <= float(status["spentUSD"]) < 0.02
    assert "Raise it" in fleet.message("spends")
    assert fleet.reason("spends", "Stalled") == "BudgetExhausted"

    fleet.change("spends", {"budget": {"maxTotalUSD": "5"}})
    fleet.until_runs("spends", "aws", epoch=2)
    assert float(fleet.status("spends")["spentUSD"]) >= float(status["spentUSD"])


def test_spread_work_has_its_shares_on_several_clusters_and_a_lost_one_is_replaced_alone(fleet: Fleet) -> None:
    fleet.submit(a_service("wide", replicas=4, spread={"clusters": 2, "minProviders": 2, "replicas": "Divided"}))
    until("both shares run", lambda: fleet.phase("wide") == "Running" and len(fleet.status("wide")["placements"]) == 2)
    copies = fleet.copies("wide", kind="Deployment")
    assert [(copy.cluster, copy.epoch) for copy in copies] == [("aws", 1), ("gcp", 1)]
    assert [fleet.copy(name, "wide", kind="Deployment")["spec"]["replicas"] for name in ("aws", "gcp")] == [2, 2]

    fleet.lab.kill("aws")
    fleet.until_verdict("aws", "Down")
    until("its share is made elsewhere", lambda: fleet.runs_on("wide", "onprem", epoch=2, kind="Deployment"))
    assert fleet.copies("wide", kind="Deployment", on=("gcp",)) == copies[1:]
    assert [place["cluster"] for place in fleet.status("wide")["placements"]] == ["gcp", "onprem"]

    fleet.lab.resume("aws")
    fleet.until_verdict("aws", "Healthy", within_s=60)
    until(
        "the stale share is gone",
        lambda: [c.cluster for c in fleet.copies("wide", kind="Deployment")] == ["gcp", "onprem"],
    )
    fleet.change("wide", {"spread": None})
    until(
        "all pods are on one cluster",
        lambda: (
            [
                fleet.copy(c.cluster, "wide", kind="Deployment")["spec"]["replicas"]
                for c in fleet.copies("wide", kind="Deployment")
            ]
            == [4]
        ),
    )
