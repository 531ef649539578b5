"""`tradewind assess`: who could take each workload today and by the rules, lock-in, and what each limit excludes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.builders import a_federated_cluster, an_ai_workload, write
from tests.unit.cli.test_plan_hub import OURS, a_cluster_of_the_hub, served, stored
from tests.unit.cli.test_whatif_hub import placed

from tradewind.cli.assess import assess

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

Manifest = dict[str, Any]


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """One node each in Germany, and at AWS in Spain and in Sweden."""
    return write(
        tmp_path / "fleet",
        a_federated_cluster(
            "gcp-de", provider="gcp", region="europe-west3", jurisdiction="DE", usd="3", interruptions="0"
        ),
        a_federated_cluster("aws-es", region="eu-south-2", jurisdiction="ES", usd="4", interruptions="0"),
        a_federated_cluster("aws-se", region="eu-north-1", jurisdiction="SE", usd="5", interruptions="0"),
    )


def limited(name: str, **constraints: Any) -> Manifest:
    manifest = an_ai_workload(name)
    manifest["spec"]["constraints"] = constraints
    return manifest


def run(*args: object) -> Result:
    return CliRunner().invoke(assess, [str(arg) for arg in args], standalone_mode=False)


def code_of(result: Result) -> int:
    return result.exit_code if result.return_value is None else int(result.return_value)


def assessed(*args: object) -> dict[str, Any]:
    result = run(*args, "-o", "json")
    assert code_of(result) == 0, result.stderr
    return {each["name"]: each for each in json.loads(result.stdout)["workloads"]}


def test_it_counts_who_has_room_and_who_would_by_the_rules(fleet: Path, tmp_path: Path) -> None:
    work = write(tmp_path / "work", an_ai_workload("a"), an_ai_workload("b"))
    found = assessed("-f", fleet, "-f", work)
    # `b` is in Spain, so Germany (its own) and Sweden are what `a` could have.
    assert found["a"]["today"]["clusters"] == ["aws-se", "gcp-de"]
    assert found["a"]["byRules"] == {
        "offers": ["aws-es/h100", "aws-se/h100", "gcp-de/h100"],
        "clusters": ["aws-es", "aws-se", "gcp-de"],
        "regions": ["aws/eu-north-1", "aws/eu-south-2", "gcp/europe-west3"],
        "providers": ["aws", "gcp"],
    }
    assert (found["a"]["placedOn"], found["a"]["flags"]) == (["gcp-de"], [])
    assert found["b"]["flags"] == ["single-provider"]


@pytest.mark.parametrize(
    ("constraints", "flags"),
    [
        pytest.param({}, [], id="work that could go anywhere has none"),
        pytest.param({"providers": {"allow": ["aws"]}}, ["single-provider"], id="one provider's clusters"),
        pytest.param({"jurisdictions": {"allow": ["DE"]}}, ["single-cluster", "single-provider"], id="one cluster"),
        pytest.param({"jurisdictions": {"allow": ["CH"]}}, ["unplaced"], id="none"),
    ],
)
def test_lock_in_is_flagged(fleet: Path, tmp_path: Path, constraints: Manifest, flags: list[str]) -> None:
    work = write(tmp_path / "work", limited("a", **constraints))
    assert assessed("-f", fleet, "-f", work)["a"]["flags"] == flags


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        pytest.param(
            {"jurisdictions": {"allow": ["ES", "SE"]}},
            {("constraints.jurisdictions.allow", "ES, SE"): (["gcp-de"], ["gcp"])},
            id="an allow list is one limit",
        ),
        pytest.param(
            {"jurisdictions": {"deny": ["DE", "SE"]}},
            {
                ("constraints.jurisdictions.deny", "DE"): (["gcp-de"], ["gcp"]),
                ("constraints.jurisdictions.deny", "SE"): (["aws-se"], []),
            },
            id="each denied country is one",
        ),
        pytest.param(
            {"jurisdictions": {"allow": ["ES"]}, "providers": {"deny": ["gcp"]}},
            {
                ("constraints.jurisdictions.allow", "ES"): (["aws-se"], []),
                ("constraints.providers.deny", "gcp"): ([], []),
            },
            id="what two limits exclude, neither excludes alone",
        ),
        pytest.param(
            {"tiers": ["OnPrem"]},
            {("constraints.tiers", "OnPrem"): (["aws-es", "aws-se", "gcp-de"], ["aws", "gcp"])},
            id="a limit that excludes all",
        ),
    ],
)
def test_each_limit_says_what_it_alone_excludes(
    fleet: Path, tmp_path: Path, constraints: Manifest, expected: dict[tuple[str, str], tuple[list[str], list[str]]]
) -> None:
    found = assessed("-f", fleet, "-f", write(tmp_path / "work", limited("a", **constraints)))["a"]["limits"]
    shown = {(one["field"], one["value"]): one["aloneExcludes"] for one in found}
    assert shown.pop(("accelerators.anyOf", "H100-80GB"))["clusters"] == []
    assert {key: (back["clusters"], back["providers"]) for key, back in shown.items()} == expected


def test_each_certificate_is_a_limit_of_its_own(tmp_path: Path) -> None:
    certified = a_federated_cluster("aws-es", region="eu-south-2")
    certified["spec"]["certifications"] = [{"name": "ISO27001"}, {"name": "C5"}]
    certified["spec"]["encryption"] = ["AtRest"]
    half = a_federated_cluster("gcp-de", provider="gcp", region="europe-west3")
    half["spec"] |= {"certifications": [{"name": "ISO27001"}], "encryption": ["AtRest"]}
    work = limited("a", certifications=["ISO27001", "C5"], encryption=["AtRest"])
    found = assessed("-f", write(tmp_path / "all", certified, half, work))["a"]
    shown = {one["value"]: one["aloneExcludes"]["providers"] for one in found["limits"]}
    assert shown == {"H100-80GB": [], "C5": ["gcp"], "ISO27001": [], "AtRest": []}
    assert found["flags"] == ["single-cluster", "single-provider"]


def test_the_law_of_a_place_that_the_rules_exclude_is_still_known(fleet: Path, tmp_path: Path) -> None:
    """A checkpoint may be written to Germany, though the work itself may not go there."""
    work = limited("a", jurisdictions={"allow": ["EU"]}, providers={"deny": ["gcp"]})
    work["spec"]["checkpoint"] = {"interval": "1h", "size": "1Gi", "locations": ["gcp/europe-west3"]}
    assert assessed("-f", fleet, "-f", write(tmp_path / "work", work))["a"]["today"]["clusters"] == ["aws-es", "aws-se"]


def test_a_budget_that_no_place_meets_is_a_limit_like_others(fleet: Path, tmp_path: Path) -> None:
    manifest = an_ai_workload("a")
    manifest["spec"]["budget"] = {"maxUSDPerHour": "30"}
    found = assessed("-f", fleet, "-f", write(tmp_path / "work", manifest))["a"]
    assert found["byRules"]["clusters"] == ["gcp-de"]
    (budget,) = (one for one in found["limits"] if one["field"] == "budget.maxUSDPerHour")
    assert (budget["value"], budget["aloneExcludes"]["clusters"]) == ("$30.00 an hour", ["aws-es", "aws-se"])


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        pytest.param([], 0, id="nothing is asked for"),
        pytest.param(["unplaced"], 0, id="nothing is found"),
        pytest.param(["single-provider"], 3, id="something is found"),
        pytest.param(["unplaced", "single-cluster"], 3, id="one of several is found"),
    ],
)
def test_the_exit_code_is_for_pipelines(fleet: Path, tmp_path: Path, flags: list[str], code: int) -> None:
    work = write(tmp_path / "work", limited("a", jurisdictions={"allow": ["DE"]}))
    result = run("-f", fleet, "-f", work, *(word for flag in flags for word in ("--fail-on", flag)))
    assert code_of(result) == code
    assert ("default/a (single-cluster, single-provider)" in result.stderr) == bool(code)


def test_work_that_cannot_be_planned_says_why_and_fails_nothing(fleet: Path, tmp_path: Path) -> None:
    manifest = an_ai_workload("a")
    manifest["spec"]["suspend"] = True
    result = run("-f", fleet, "-f", write(tmp_path / "work", manifest), "--fail-on", "unplaced", "-o", "json")
    (found,) = json.loads(result.stdout)["workloads"]
    assert (code_of(result), found["flags"]) == (0, [])
    assert found["problem"].startswith("Suspended:")


def test_the_table_shows_counts_flags_and_limits(fleet: Path, tmp_path: Path) -> None:
    work = write(tmp_path / "work", limited("a", jurisdictions={"allow": ["DE"]}), limited("b", tiers=["Edge"]))
    text = run("-f", fleet, "-f", work).stdout
    a, b = (next(line for line in text.splitlines() if line.startswith(f"default/{name}")) for name in "ab")
    assert "1 of 1" in a
    assert a.rstrip().endswith("single-cluster, by the rules too")
    assert b.rstrip().endswith("unplaced, by the rules too")
    (law,) = (line for line in text.splitlines() if line.startswith("jurisdictions.allow"))
    assert law.split()[1:] == ["DE", "2", "2", "aws", "default/a"]


def test_on_a_hub_a_running_workload_keeps_its_own_room(tmp_path: Path) -> None:
    objects: dict[str, Any] = {
        f"{OURS}/aiworkloads": [placed("runs", "gcp-de"), stored(an_ai_workload("waits"))],
        f"{OURS}/federatedclusters": [
            a_cluster_of_the_hub("gcp-de", free={0: 1}, nodes=1, provider="gcp", region="europe-west3"),
            a_cluster_of_the_hub("aws-es", free={8: 1}, nodes=1, region="eu-south-2"),
        ],
        "/apis/scheduling.k8s.io/v1/priorityclasses": [],
    }
    objects |= {
        f"{OURS}/{kind}": [] for kind in ("networkmaps", "clusterplacementpolicies", "placementpolicies", "datasets")
    }
    with served(objects, tmp_path) as kubeconfig:
        found = assessed("--kubeconfig", kubeconfig)
    assert found["runs"]["today"]["clusters"] == ["aws-es", "gcp-de"]
    # What waits sees the one free node only, and both clusters by the rules.
    assert found["waits"]["today"]["clusters"] == ["aws-es"]
    assert found["waits"]["byRules"]["clusters"] == ["aws-es", "gcp-de"]
