"""`tradewind explain` on manifests: why here, why not there, what would change it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner
from tests.builders import a_federated_cluster, an_ai_workload, write

from tradewind.cli.explain import explain

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two workloads: the older by name takes the cheap node; `c` has a law that no cluster meets."""
    return write(
        tmp_path / "all",
        a_federated_cluster("aws-es", region="eu-south-2", jurisdiction="ES", usd="4", interruptions="0"),
        a_federated_cluster(
            "gcp-de", provider="gcp", region="europe-west3", jurisdiction="DE", usd="3", interruptions="0"
        ),
        an_ai_workload("a", namespace="research"),
        an_ai_workload("b", namespace="research"),
        an_ai_workload("c", namespace="research", law="CH"),
        an_ai_workload("a", namespace="sales", law="ES"),
    )


def run(*args: object) -> Result:
    return CliRunner().invoke(explain, [str(arg) for arg in args])


def test_it_says_why_here_and_what_would_be_cheaper(files: Path) -> None:
    text = run("b", "-f", files).stdout
    assert "research/b Training, 1 pod x 8 accelerators (H100-80GB), priority 0, AtMostOnce" in text
    assert "aws-es/h100 (OnDemand): $320.00 in total, done in 10h5m" in text
    assert "$32.00 an hour for 10h" in text
    change = text[text.index("What would change it") :]
    assert "gcp-de/h100 ($80.00 less): needs 1 pod x 8 H100-80GB; fits 0" in change
    assert "[when nodes or pods there change]" in change


def test_it_says_how_much_dearer_the_place_may_get(files: Path, tmp_path: Path) -> None:
    fleet = [each for each in yaml.safe_load_all(files.read_text(encoding="utf-8")) if each["kind"] != "AIWorkload"]
    text = run("a", "-f", write(tmp_path / "alone", *fleet, an_ai_workload("a"))).stdout
    # $80 more on $240 is a third.
    assert "aws-es/h100 is next: if machines here get dearer by 33.3 %, it is cheaper" in text


def test_it_says_why_nowhere(files: Path) -> None:
    text = run("c", "-f", files).stdout
    law = "no offer of the fleet satisfies constraints.jurisdictions.allow [CH]"
    assert f"Why nowhere\n  Unschedulable: {law}" in text
    (denied,) = (line.split() for line in text.splitlines() if line.startswith("JurisdictionDenied "))
    assert denied[:3] == ["JurisdictionDenied", "2", "gcp-de/h100,"]
    assert "DE is not within those allowed: CH" in text


def test_work_whose_wishes_contradict_each_other_is_told_which_and_what_would_cure_it(
    files: Path, tmp_path: Path
) -> None:
    manifest = an_ai_workload("x", law="ES")
    manifest["spec"]["constraints"]["providers"] = {"deny": ["aws"]}
    work = write(tmp_path / "work", manifest)
    text = run("x", "-f", files, "-f", work).stdout
    cures = text[text.index("What would cure it") :].splitlines()
    assert (
        cures[1].strip().startswith("no offer of the fleet satisfies constraints.providers.deny [aws] (1 of 2 offers)")
    )
    assert cures[2].strip() == "without constraints.jurisdictions.allow ES, gcp-de/h100 could take it"
    assert cures[3].strip() == "without constraints.providers.deny aws, aws-es/h100 could take it"
    found = json.loads(run("x", "-f", files, "-f", work, "-o", "json").stdout)
    assert "together" in found["contradiction"]
    assert [one["offers"] for one in found["cures"]] == [["gcp-de/h100"], ["aws-es/h100"]]


def test_work_that_lacks_room_only_is_told_where(files: Path) -> None:
    text = run("a", "-n", "sales", "-f", files).stdout
    assert "room at one of aws-es/h100: by the rules they could take it" in text


def test_every_term_hour_and_gram_is_in_json_with_what_decided(tmp_path: Path) -> None:
    aws = a_federated_cluster("aws-es", region="eu-south-2", jurisdiction="ES", usd="4", interruptions="0.01")
    gcp = a_federated_cluster("gcp-de", provider="gcp", region="europe-west3", usd="3", interruptions="0")
    policy = {"apiVersion": aws["apiVersion"], "kind": "ClusterPlacementPolicy", "metadata": {"name": "default"}}
    policy["spec"] = {"prices": {"usdPerDelayHour": "2", "usdPerTonneCO2": "100"}}
    work = an_ai_workload("a", data="aws/eu-south-2")
    found = json.loads(run("a", "-f", write(tmp_path / "all", aws, gcp, policy, work), "-o", "json").stdout)
    here, there = found["candidates"]
    assert (here["cluster"], here["moreUSD"], here["dearerBy"]) == ("gcp-de", 0.0, None)
    assert there["dearerBy"] == "compute"
    assert there["lossHours"] > 0
    assert there["usd"]["loss"] == pytest.approx(there["lossHours"] * 32)
    # Grams at a hundred dollars for each million of them.
    assert here["usd"]["carbon"] == pytest.approx(here["gramsCO2"] / 1e4)
    decisive = found["decisive"]
    assert (decisive["over"], decisive["term"], decisive["against"]) == ("aws-es/h100", "compute", "egress")
    assert decisive["totalUSD"] == pytest.approx(there["totalUSD"] - here["totalUSD"])
    text = run("a", "-f", tmp_path / "all.yaml").stdout
    assert "compute decided for gcp-de/h100 over aws-es/h100:" in text


def test_deadline_budget_and_what_is_to_come_are_shown(files: Path, tmp_path: Path) -> None:
    manifest = an_ai_workload("x")
    manifest["spec"] |= {"deadline": {"time": "2999-01-01T00:00:00Z", "mode": "Require"}}
    manifest["spec"] |= {"budget": {"maxUSDPerHour": "50", "maxTotalUSD": "1000"}, "priorityClassName": "high"}
    high = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1000}
    work = write(tmp_path / "work", manifest, high)
    text = run("x", "-f", files, "-f", work).stdout
    assert "deadline 2999-01-01 00:00 UTC (Require): done " in text
    assert "budget per hour: $24.00 of $50.00" in text
    assert "budget: $0.00 spent of $1,000, and $240.00 to come" in text
    found = json.loads(run("x", "-f", files, "-f", work, "-o", "json").stdout)
    assert found["budget"] == {"maxUSDPerHour": 50.0, "maxTotalUSD": 1000.0, "spentUSD": 0.0, "toComeUSD": 240.0}
    assert found["deadline"]["marginHours"] > 1000
    assert found["spread"] is None


def test_json_lists_what_would_change_it(files: Path) -> None:
    result = run("b", "-n", "research", "-f", files, "-o", "json")
    found = json.loads(result.stdout)
    assert (found["namespace"], found["name"], found["status"]) == ("research", "b", None)
    (change,) = found["wouldChange"]
    assert (change["cluster"], change["savesUSD"]) == ("gcp-de", 80.0)
    assert [(one["reason"], one["wakesOn"]) for one in change["refusals"]] == [("InsufficientCapacity", "Capacity")]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        pytest.param(["bb"], 'there is no "bb"; did you mean "b"?', id="a mistyped name"),
        pytest.param(["zzz"], 'there is no "zzz" (known: a, b, c)', id="a name that nothing resembles"),
        pytest.param(["a"], "is in several namespaces: research/a, sales/a; choose one with -n", id="a name twice"),
        pytest.param(["b", "-n", "sales"], 'there is no "b" in namespace sales', id="another namespace"),
    ],
)
def test_a_name_that_fits_nothing_ends_with_2_and_a_hint(files: Path, args: list[str], words: str) -> None:
    result = run(*args, "-f", files)
    assert result.exit_code == 2
    assert words in result.stderr


def test_losses_are_explained_too(files: Path) -> None:
    text = run("b", "-f", files, "--without", "provider=aws").stdout
    assert "the cluster is Down (Without): planned without provider aws" in text


def test_work_for_which_there_is_nothing_to_plan_says_so(tmp_path: Path) -> None:
    workload = an_ai_workload("a")
    workload["spec"]["suspend"] = True
    text = run("a", "-f", write(tmp_path / "all", a_federated_cluster("aws-es"), workload)).stdout
    assert "Suspended: spec.suspend is true" in text


def test_work_without_any_limit_is_offered_no_limit_to_drop(tmp_path: Path) -> None:
    cluster, work = a_federated_cluster("aws-es"), an_ai_workload("a")
    cluster["spec"]["offers"] = []
    del work["spec"]["accelerators"], work["spec"]["expectedRuntime"]
    text = run("a", "-f", write(tmp_path / "all", cluster, work)).stdout
    assert "NoOffers" in text
    assert "What would cure it" not in text
