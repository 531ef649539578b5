"""The examples: they parse strictly, are planned as their comments tell, and each price says its source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from tradewind.api.load import load
from tradewind.cli import cli
from tradewind.lab import fleet

EXAMPLES = Path(__file__).parents[2] / "examples"
AWS, GCP, OWN = "aws-eu-south-2", "gcp-europe-west4", "madrid-dc"

PLACES = {
    "products/archive-ocr": (AWS, "l4-spot"),
    "products/chat-assistant": (AWS, "l4-spot"),
    "products/demand-forecast": (OWN, "cpu"),
    "products/semantic-search": (GCP, "l4"),
    "products/translation-eval": (GCP, "l4-spot"),
    "research/claims-etl": (AWS, "cpu-spot"),
    "research/fraud-train": (OWN, "h100"),
    "research/genome-train": None,
    "research/radiology-train": (OWN, "h100"),
    "research/speech-train": (AWS, "h200-spot"),
    "research/support-finetune": (AWS, "h200-spot"),
    "research/vision-pretrain": (GCP, "h100-spot"),
}

Planned = dict[str, dict[str, Any]]


def planned(*options: str) -> Planned:
    result = CliRunner().invoke(cli, ["plan", "-f", str(EXAMPLES), "-o", "json", *options])
    assert result.exit_code == 0, result.stderr
    return {f"{each['namespace']}/{each['name']}": each for each in json.loads(result.stdout)["workloads"]}


@pytest.fixture(scope="module")
def plan() -> Planned:
    return planned()


def candidate(workload: dict[str, Any], cluster: str, offer: str) -> dict[str, Any]:
    return next(each for each in workload["candidates"] if (each["cluster"], each["offer"]) == (cluster, offer))


def test_every_manifest_parses_strictly() -> None:
    manifests = load([EXAMPLES])
    assert [len(manifests.of(kind)) for kind in ("AIWorkload", "FederatedCluster", "NetworkMap", "Dataset")] == [
        12,
        3,
        1,
        2,
    ]
    assert {obj["kind"] for obj in manifests.others} == {"Namespace", "PriorityClass"}


@pytest.mark.parametrize("name", PLACES)
def test_each_workload_goes_where_its_comment_says(plan: Planned, name: str) -> None:
    placed = [(each["cluster"], each["offer"]) for each in plan[name]["placements"]]
    assert placed == ([PLACES[name]] if PLACES[name] else [])


def test_the_work_that_must_stay_in_switzerland_says_which_law_keeps_it_out(plan: Planned) -> None:
    workload = plan["research/genome-train"]
    assert workload["reason"] == "Unschedulable"
    assert all(any(r.startswith("JurisdictionDenied") for r in each["reasons"]) for each in workload["candidates"])


def test_data_gravity_decides_against_cheaper_machines(plan: Planned) -> None:
    chosen = candidate(plan["research/vision-pretrain"], GCP, "h100-spot")["usd"]
    other = candidate(plan["research/vision-pretrain"], AWS, "h200-spot")["usd"]
    assert chosen["compute"] - other["compute"] == pytest.approx(2800, abs=50)
    checkpoints = 120 * 400 * 2**30 / 1e9 * 0.09
    assert (chosen["egress"], other["egress"]) == (0, pytest.approx(5400 + checkpoints))


def test_the_budget_rules_out_what_can_not_be_taken_away(plan: Planned) -> None:
    refused = candidate(plan["research/vision-pretrain"], GCP, "h100")["reasons"]
    assert [reason.partition(":")[0] for reason in refused] == ["BudgetPerHourExceeded", "BudgetTotalExceeded"]


def test_the_law_of_the_shared_dataset_keeps_its_reader_off_a_cluster_in_the_same_country(plan: Planned) -> None:
    refused = candidate(plan["research/radiology-train"], AWS, "h200-spot")["reasons"]
    assert {reason.partition(":")[0] for reason in refused} == {"ResidencyDenied", "OperatorJurisdictionDenied"}


def test_only_a_fabric_with_rdma_will_do_for_work_on_several_machines(plan: Planned) -> None:
    refused = candidate(plan["research/speech-train"], GCP, "h100-spot")["reasons"]
    assert {"InterconnectMismatch", "NodeBandwidthTooLow"} <= {reason.partition(":")[0] for reason in refused}


def test_users_and_carbon_have_their_price_by_figures_that_somebody_gave(plan: Planned) -> None:
    near, far = (candidate(plan["products/chat-assistant"], *each)["usd"] for each in ((AWS, "l4"), (GCP, "l4")))
    assert 0 < near["latency"] < far["latency"]
    for workload in plan.values():
        chosen = [candidate(workload, each["cluster"], each["offer"]) for each in workload["placements"]]
        assert all(each["usd"]["carbon"] > 0 for each in chosen)
        assert not any(assumed.startswith("carbon") for each in chosen for assumed in each["assumed"])


def test_owned_machines_are_cheapest_until_they_are_full(plan: Planned) -> None:
    refused = candidate(plan["research/support-finetune"], OWN, "h100")
    assert refused["totalUSD"] < plan["research/support-finetune"]["placements"][0]["totalUSD"]
    assert [reason.partition(":")[0] for reason in refused["reasons"]] == ["InsufficientCapacity"]


def test_without_aws_all_work_that_may_move_at_once_has_a_place() -> None:
    without = planned("--without", f"cluster={AWS}")
    moved = ["products/archive-ocr", "products/chat-assistant", "research/support-finetune"]
    assert [without[name]["placements"][0]["cluster"] for name in moved] == [GCP, GCP, GCP]


def test_the_lab_can_play_the_fleet() -> None:
    pools = fleet.read(EXAMPLES)
    assert set(pools) == {"aws", "gcp", "onprem"}
    assert {pool.name: pool.nodes for pool in pools["onprem"]} == {"h100": 2, "cpu": 2}
    assert all(pool.nodes == 0 and pool.max_nodes for name in ("aws", "gcp") for pool in pools[name])


@pytest.mark.parametrize("file", ["fleet.yaml", "network.yaml", "policy.yaml"])
def test_every_figure_says_where_it_comes_from(file: str) -> None:
    source = ("[gcp]", "[aws]", "[spot]", "[sky]", "[gsf]", "EXAMPLE")
    figures = ("usdPer", "USDPer", "gramsCO2PerKWh", "interruptionsPerHour", "minSaving")
    above = ""
    for line in (EXAMPLES / file).read_text(encoding="utf-8").splitlines():
        text, _, comment = line.partition("#")
        if any(figure in text for figure in figures):
            assert any(each in (comment or above) for each in source), line
        above = "" if text.strip() and "{from:" not in text else above + comment


def test_namespaces_come_first_and_hold_all_workloads_and_datasets() -> None:
    files = sorted(EXAMPLES.iterdir())
    namespaces = {obj["metadata"]["name"] for obj in yaml.safe_load_all(files[0].read_text(encoding="utf-8"))}
    datasets = {obj["metadata"]["namespace"] for obj in load([EXAMPLES]).of("Dataset")}
    assert {name.partition("/")[0] for name in PLACES} | datasets == namespaces
