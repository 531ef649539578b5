"""`tradewind whatif` on manifests: what moves where, what is stranded and why, what stays, and the exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.builders import a_federated_cluster, an_ai_workload, write

from tradewind.cli.whatif import whatif

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

Manifest = dict[str, Any]


def at_least_once(manifest: Manifest, **spec: Any) -> Manifest:
    return {**manifest, "spec": {**manifest["spec"], "failover": {"guarantee": "AtLeastOnce"}, **spec}}


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Two nodes each in Germany (cheapest), Spain and Sweden; the latter two are both at AWS."""
    return write(
        tmp_path / "fleet",
        a_federated_cluster(
            "gcp-de", provider="gcp", region="europe-west3", jurisdiction="DE", usd="3", interruptions="0", max_nodes=2
        ),
        a_federated_cluster("aws-es", region="eu-south-2", jurisdiction="ES", usd="4", interruptions="0", max_nodes=2),
        a_federated_cluster("aws-se", region="eu-north-1", jurisdiction="SE", usd="5", interruptions="0", max_nodes=2),
    )


def run(*args: object) -> Result:
    return CliRunner().invoke(whatif, [str(arg) for arg in args], standalone_mode=False)


def code_of(result: Result) -> int:
    return result.exit_code if result.return_value is None else int(result.return_value)


def forecast(*args: object) -> tuple[int, dict[str, Any], Manifest]:
    """Give the exit code, the workloads by name, and everything."""
    result = run(*args, "-o", "json")
    found = json.loads(result.stdout)
    return code_of(result), {each["name"]: each for each in found["workloads"]}, found


def where(bill: Manifest) -> list[str]:
    return [one["cluster"] for one in bill["placements"]]


def test_work_of_a_lost_cluster_moves_to_the_cheapest_that_is_left(fleet: Path, tmp_path: Path) -> None:
    work = write(tmp_path / "work", at_least_once(an_ai_workload("a")))
    code, works, found = forecast("--lose", "cluster=gcp-de", "-f", fleet, "-f", work)
    assert (code, works["a"]["outcome"]) == (0, "Moves")
    assert (where(works["a"]["before"]), where(works["a"]["after"])) == (["gcp-de"], ["aws-es"])
    # Ten hours of eight accelerators, at $3 and at $4.
    assert (works["a"]["before"]["totalUSD"], works["a"]["after"]["totalUSD"]) == (240.0, 320.0)
    assert works["a"]["extraUSD"] == 80.0
    assert (found["totals"]["moves"], found["totals"]["movesAfterUSD"]) == (1, 320.0)
    assert (found["totals"]["usdPerHourBefore"], found["totals"]["usdPerHourAfter"]) == (24.0, 32.0)


def test_survivors_keep_their_place_and_movers_share_what_is_left(fleet: Path, tmp_path: Path) -> None:
    """`es` is bound to Spain and runs there: of two that flee Germany only one finds room beside it."""
    work = write(
        tmp_path / "work",
        at_least_once(an_ai_workload("es", law="ES")),
        *(at_least_once(an_ai_workload(name)) for name in ("a", "b")),
    )
    code, works, found = forecast("--lose", "cluster=gcp-de", "-f", fleet, "-f", work)
    assert code == 0
    assert (works["es"]["outcome"], where(works["es"]["before"])) == ("Stays", ["aws-es"])
    assert sorted(where(works["a"]["after"]) + where(works["b"]["after"])) == ["aws-es", "aws-se"]
    assert found["totals"]["stays"] == 1


def test_at_most_once_work_is_stranded_and_says_where_it_would_go(fleet: Path, tmp_path: Path) -> None:
    work = write(tmp_path / "work", an_ai_workload("once"), at_least_once(an_ai_workload("z")))
    code, works, _ = forecast("--lose", "cluster=gcp-de", "-f", fleet, "-f", work)
    once = works["once"]
    assert (code, once["outcome"], once["reason"], once["after"]) == (3, "Stranded", "OldCopyMayRun", None)
    assert "waits for the cluster or for a person's word" in once["message"]
    assert where(once["ifReleased"]) == ["aws-es"]


def test_work_that_would_have_no_place_though_released_says_so(fleet: Path, tmp_path: Path) -> None:
    work = write(tmp_path / "work", an_ai_workload("once", law="DE"))
    _, works, _ = forecast("--lose", "provider=gcp", "-f", fleet, "-f", work)
    assert works["once"]["ifReleased"] is None
    assert "Released, it would have no place: no offer of the fleet satisfies" in works["once"]["message"]


@pytest.mark.parametrize(
    ("workload", "reason", "words"),
    [
        pytest.param(
            an_ai_workload("a", law="DE"),
            "JurisdictionDenied",
            "constraints.jurisdictions.allow [DE]",
            id="the law of the place",
        ),
        pytest.param(an_ai_workload("a", data="gcp/europe-west3"), "DataUnreadable", "scans", id="its only replica"),
    ],
)
def test_stranded_work_says_why(fleet: Path, tmp_path: Path, workload: Manifest, reason: str, words: str) -> None:
    work = write(tmp_path / "work", at_least_once(workload))
    code, works, found = forecast("--lose", "provider=gcp", "-f", fleet, "-f", work)
    assert (code, works["a"]["outcome"], works["a"]["reason"]) == (3, "Stranded", reason)
    assert words in works["a"]["message"]
    assert found["totals"]["strandedUSD"] == works["a"]["before"]["totalUSD"]


def test_what_the_survivors_leave_no_room_for_is_stranded(fleet: Path, tmp_path: Path) -> None:
    work = write(tmp_path / "work", *(at_least_once(an_ai_workload(name)) for name in "abcdef"))
    code, works, found = forecast("--lose", "cluster=aws-es", "-f", fleet, "-f", work)
    assert (code, found["totals"]["stranded"], found["totals"]["stays"]) == (3, 2, 4)
    stranded = [each for each in works.values() if each["outcome"] == "Stranded"]
    assert all(each["reason"] == "InsufficientCapacity" for each in stranded)
    assert all("needs 1 pod x 8 H100-80GB; fits 0" in each["message"] for each in stranded)


def test_data_in_a_lost_region_is_read_from_the_replica_elsewhere(fleet: Path, tmp_path: Path) -> None:
    manifest = at_least_once(an_ai_workload("a", data="gcp/europe-west3"))
    manifest["spec"]["data"][0]["locations"].append("aws/eu-north-1")
    work = write(tmp_path / "work", manifest)
    _, works, _ = forecast("--lose", "region=gcp/europe-west3", "-f", fleet, "-f", work)
    assert (works["a"]["outcome"], where(works["a"]["after"])) == ("Moves", ["aws-es"])
    assert works["a"]["after"]["usd"]["egress"] == 5.0  # 100 GB from Sweden, at $0.05


def test_the_law_of_a_lost_place_still_holds_for_a_checkpoint_there(fleet: Path, tmp_path: Path) -> None:
    """Nobody has forgotten that Germany is in the EU, so the work may go on writing to its other location."""
    checkpoint = {"interval": "1h", "size": "1Gi", "locations": ["gcp/europe-west3", "aws/eu-south-2"]}
    work = write(tmp_path / "work", at_least_once(an_ai_workload("a", law="EU"), checkpoint=checkpoint))
    code, works, _ = forecast("--lose", "cluster=gcp-de", "-f", fleet, "-f", work)
    assert (code, works["a"]["reason"], where(works["a"]["after"])) == (0, "Placed", ["aws-es"])


def test_where_nothing_is_left_it_says_so(fleet: Path, tmp_path: Path) -> None:
    losses = ("--lose", "provider=gcp", "--lose", "provider=aws")
    code, works, _ = forecast(*losses, "-f", fleet, "-f", write(tmp_path / "work", at_least_once(an_ai_workload("a"))))
    assert (code, works["a"]["message"]) == (3, "no cluster is left that has an offer")


def test_several_losses_are_lost_at_once(fleet: Path, tmp_path: Path) -> None:
    work = write(tmp_path / "work", at_least_once(an_ai_workload("a")))
    _, works, found = forecast("--lose", "cluster=gcp-de", "--lose", "region=eu-south-2", "-f", fleet, "-f", work)
    assert found["lost"]["clusters"] == ["aws-es", "gcp-de"]
    assert where(works["a"]["after"]) == ["aws-se"]


def test_work_that_had_no_place_is_not_stranded_by_the_loss(fleet: Path, tmp_path: Path) -> None:
    work = write(tmp_path / "work", at_least_once(an_ai_workload("a", law="CH")))
    code, works, _ = forecast("--lose", "cluster=gcp-de", "-f", fleet, "-f", work)
    assert (code, works["a"]["outcome"], works["a"]["reason"]) == (0, "Unplaced", "Unschedulable")


def test_work_that_runs_on_is_warned_of_a_stream_that_ends(fleet: Path, tmp_path: Path) -> None:
    manifest = at_least_once(an_ai_workload("a", data="aws/eu-north-1"))
    manifest["spec"]["data"][0]["access"] = "Stream"
    work = write(tmp_path / "work", manifest)
    code, works, _ = forecast("--lose", "provider=aws", "-f", fleet, "-f", work)
    assert (code, works["a"]["outcome"]) == (0, "Stays")
    assert works["a"]["warnings"] == ["its input scans is streamed from aws/eu-north-1, which can't be read"]


def test_a_loss_that_the_operator_would_take_for_its_own_fault_is_noted(fleet: Path, tmp_path: Path) -> None:
    work = write(tmp_path / "work", at_least_once(an_ai_workload("a")))
    result = run("--lose", "cluster=gcp-de", "--lose", "cluster=aws-es", "-f", fleet, "-f", work)
    assert "2 of 3 clusters at once are more than maxUnhealthyPercent (60)" in result.stderr


def test_a_status_in_the_files_says_where_work_runs(fleet: Path, tmp_path: Path) -> None:
    manifest = at_least_once(an_ai_workload("a"))
    placement = {"cluster": "aws-se", "offer": "h100", "market": "OnDemand", "replicas": 1, "epoch": 1, "generation": 1}
    placement |= {"state": "Running", "since": "2026-11-20T12:00:00Z", "totalUSD": "411.5"}
    manifest["status"] = {"decisions": [], "epoch": 1, "placements": [placement]}
    work = write(tmp_path / "work", manifest)
    _, works, _ = forecast("--lose", "cluster=aws-se", "-f", fleet, "-f", work)
    before = works["a"]["before"]
    assert (where(before), before["recordedUSD"], before["totalUSD"]) == (["aws-se"], 411.5, 400.0)
    assert where(works["a"]["after"]) == ["gcp-de"]


@pytest.mark.parametrize(
    ("loss", "hint"),
    [
        pytest.param("provder=aws", 'did you mean "provider"?', id="a mistyped key"),
        pytest.param("cluster=gcp-dee", 'there is no cluster "gcp-dee"; did you mean "gcp-de"?', id="a mistyped name"),
        pytest.param("region=mars", "(known: eu-north-1, eu-south-2, europe-west3)", id="a name like no other"),
        pytest.param("region=", "needs a value", id="no value"),
    ],
)
def test_a_loss_that_means_nothing_ends_with_2(fleet: Path, loss: str, hint: str) -> None:
    result = run("--lose", loss, "-f", fleet)
    assert (code_of(result), result.stdout) == (2, "")
    assert hint in result.stderr


def test_a_region_of_two_providers_must_be_named_with_one(fleet: Path, tmp_path: Path) -> None:
    twin = write(tmp_path / "twin", a_federated_cluster("other-se", provider="other", region="eu-north-1"))
    result = run("--lose", "region=eu-north-1", "-f", fleet, "-f", twin)
    assert code_of(result) == 2
    assert "say region=aws/eu-north-1 or region=other/eu-north-1" in result.stderr
    assert forecast("--lose", "region=other/eu-north-1", "-f", fleet, "-f", twin)[2]["lost"]["clusters"] == ["other-se"]


def test_the_table_tells_it_to_people(fleet: Path, tmp_path: Path) -> None:
    work = write(
        tmp_path / "work",
        at_least_once(an_ai_workload("a")),
        an_ai_workload("b"),
        at_least_once(an_ai_workload("c", law="ES")),
    )
    result = run("--lose", "provider=gcp", "-f", fleet, "-f", work)
    assert code_of(result) == 3
    (moves,) = (line for line in result.stdout.splitlines() if line.startswith("default/a"))
    assert moves.split()[1:6] == ["gcp-de/h100", "aws-es/h100", "$240.00", "$320.00", "+$80.00"]
    assert "Stays where it is (1): default/c" in result.stdout
    assert "1 of 2 workloads that are hit move, for $320.00 instead of $240.00 (+$80.00); 1 stranded" in result.stdout


def test_a_loss_that_hits_nothing_says_so(fleet: Path) -> None:
    result = run("--lose", "cluster=aws-se", "-f", fleet)
    assert (code_of(result), result.stdout.splitlines()[-1]) == (0, "Nothing runs there; 0 untouched.")
