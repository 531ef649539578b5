"""`tradewind plan` on manifests alone: the interface that scripts rely on, and what people read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner
from tests.builders import VERSION, a_federated_cluster, an_ai_workload, write

from tradewind.cli.plan import plan

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

TERMS = {"compute", "egress", "loss", "carbon", "delay", "latency"}


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """A Spanish and a German cluster; one H100 node may grow on each, the German one is cheaper."""
    return write(
        tmp_path / "fleet",
        a_federated_cluster("aws-es", region="eu-south-2", jurisdiction="ES", usd="4", interruptions="0"),
        a_federated_cluster(
            "gcp-de", provider="gcp", region="europe-west3", jurisdiction="DE", usd="3", interruptions="0"
        ),
    )


def run(*args: object) -> Result:
    return CliRunner().invoke(plan, [str(arg) for arg in args])


def planned(*args: object) -> dict[str, Any]:
    result = run(*args, "-o", "json")
    assert result.exit_code == 0, result.stderr
    return {each["name"]: each for each in json.loads(result.stdout)["workloads"]}


def test_json_has_every_candidate_with_all_terms_or_a_reason(fleet: Path, tmp_path: Path) -> None:
    work = write(tmp_path / "work", an_ai_workload("train", data="aws/eu-south-2", law="ES"))
    train = planned("-f", fleet, "-f", work)["train"]
    assert train["placements"] == [
        {
            "cluster": "aws-es",
            "offer": "h100",
            "replicas": 1,
            "totalUSD": pytest.approx(320 + 32 * 32 / 3600),
            "usdPerHour": pytest.approx(32),
        }
    ]
    assert (train["namespace"], train["reason"]) == ("default", "Placed")
    chosen, refused = train["candidates"]
    for one in (chosen, refused):
        assert set(one["usd"]) == TERMS
        assert sum(one["usd"].values()) == pytest.approx(one["totalUSD"], rel=1e-9)
    assert (chosen["feasible"], chosen["reasons"], chosen["market"]) == (True, [], "OnDemand")
    assert (refused["feasible"], refused["usd"]["egress"]) == (False, pytest.approx(15.0))
    assert refused["reasons"][0].startswith("JurisdictionDenied: DE is not within those allowed: ES")


def test_workloads_share_capacity_and_the_last_one_says_why_not(fleet: Path, tmp_path: Path) -> None:
    work = write(tmp_path / "work", *(an_ai_workload(name) for name in ("a", "b", "c")))
    plans = planned("-f", fleet, "-f", work)
    assert [plans[name]["placements"][0]["cluster"] for name in ("a", "b")] == ["gcp-de", "aws-es"]
    assert plans["c"]["placements"] == []
    assert plans["c"]["reason"] == "Unschedulable"
    assert all("InsufficientCapacity" in one["reasons"][0] for one in plans["c"]["candidates"])


def test_priority_classes_in_the_files_decide_who_comes_first(fleet: Path, tmp_path: Path) -> None:
    high = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1000}
    work = write(
        tmp_path / "work", high, an_ai_workload("a"), an_ai_workload("b"), an_ai_workload("z", priority="high")
    )
    plans = planned("-f", fleet, "-f", work)
    assert plans["z"]["placements"][0]["cluster"] == "gcp-de"
    assert plans["b"]["placements"] == []


def test_an_unknown_priority_class_is_a_reason_and_stops_nobody_else(fleet: Path, tmp_path: Path) -> None:
    work = write(tmp_path / "work", an_ai_workload("a", priority="hihg"), an_ai_workload("b"))
    plans = planned("-f", fleet, "-f", work)
    assert (plans["a"]["reason"], plans["a"]["placements"]) == ("PriorityClassNotFound", [])
    assert plans["b"]["placements"]


def test_suspended_work_is_not_placed(fleet: Path, tmp_path: Path) -> None:
    workload = an_ai_workload("a")
    workload["spec"]["suspend"] = True
    plans = planned("-f", fleet, "-f", write(tmp_path / "work", workload))
    assert (plans["a"]["reason"], plans["a"]["placements"]) == ("Suspended", [])


def test_nodes_of_a_cluster_are_capacity(tmp_path: Path) -> None:
    cluster = a_federated_cluster("onprem", max_nodes=None)
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": "n1",
            "labels": {"tradewind.dev/cluster": "onprem", "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"},
        },
        "status": {"allocatable": {"nvidia.com/gpu": 8}},
    }
    stray = {**node, "metadata": {"name": "n2", "labels": {"tradewind.dev/cluster": "onperm"}}}
    work = an_ai_workload("a")
    result = run("-f", write(tmp_path / "all", cluster, node, stray, work), "-o", "json")
    assert json.loads(result.stdout)["workloads"][0]["placements"][0]["cluster"] == "onprem"
    assert 'Node n2 counts for no cluster: there is no "onperm"; did you mean "onprem"?' in result.stderr


def test_without_nodes_and_max_nodes_an_offer_says_that_it_has_no_capacity(tmp_path: Path) -> None:
    files = write(tmp_path / "all", a_federated_cluster("onprem", max_nodes=None), an_ai_workload("a"))
    (candidate,) = planned("-f", files)["a"]["candidates"]
    assert candidate["reasons"] == ["NoCapacity: the offer has no capacity: no nodes and no maxNodes"]


@pytest.mark.parametrize(
    ("loss", "left"),
    [
        pytest.param("cluster=gcp-de", "aws-es", id="a cluster"),
        pytest.param("region=europe-west3", "aws-es", id="a region"),
        pytest.param("region=gcp/europe-west3", "aws-es", id="a region with its provider"),
        pytest.param("provider=aws", "gcp-de", id="a provider"),
    ],
)
def test_without_plans_as_if_something_were_lost(fleet: Path, tmp_path: Path, loss: str, left: str) -> None:
    work = write(tmp_path / "work", an_ai_workload("a"))
    a = planned("-f", fleet, "-f", work, "--without", loss)["a"]
    assert [one["cluster"] for one in a["placements"]] == [left]
    lost = next(one for one in a["candidates"] if one["cluster"] != left)
    assert lost["reasons"][0].endswith(f"planned without {loss.replace('=', ' ')}")


def test_work_whose_only_data_is_lost_is_stranded(fleet: Path, tmp_path: Path) -> None:
    work = write(tmp_path / "work", an_ai_workload("a", data="aws/eu-south-2"))
    assert planned("-f", fleet, "-f", work, "--without", "cluster=aws-es")["a"]["placements"]
    stranded = planned("-f", fleet, "-f", work, "--without", "provider=aws")["a"]
    assert (stranded["placements"], stranded["reason"]) == ([], "Unschedulable")
    assert all("DataUnreadable" in {why["reason"] for why in one["refusals"]} for one in stranded["candidates"])


@pytest.mark.parametrize(
    ("loss", "hint"),
    [
        pytest.param("provder=aws", 'did you mean "provider"?', id="a mistyped key"),
        pytest.param("cluster=aws-se", 'did you mean "aws-es"?', id="a mistyped cluster"),
        pytest.param("provider=", "needs a value", id="no value"),
    ],
)
def test_a_loss_that_means_nothing_is_refused(fleet: Path, loss: str, hint: str) -> None:
    result = run("-f", fleet, "--without", loss)
    assert result.exit_code == 2
    assert hint in result.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            "{apiVersion: tradewind.dev/v1alpha1, kind: AIWorkload, metadata: {name: bad}, "
            "spec: {type: Training, acelerators: {anyOf: [H100]}}}",
            ["bad.yaml", "acelerators", 'did you mean "accelerators"?'],
            id="a mistyped field",
        ),
        pytest.param("{apiVersion: v1, kind: Node, metadata: {}}", ["Node", "metadata.name"], id="an object unnamed"),
        pytest.param("a: [", ["bad.yaml"], id="no YAML"),
    ],
)
def test_a_bad_file_ends_with_2_and_names_file_and_field(
    fleet: Path, tmp_path: Path, text: str, words: list[str]
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(text, encoding="utf-8")
    result = run("-f", fleet, "-f", bad, "-o", "json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert all(word in result.stderr for word in words)
    assert "Traceback" not in result.stderr


def test_kinds_that_mean_nothing_to_a_plan_are_skipped_with_a_note(fleet: Path, tmp_path: Path) -> None:
    other = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "research"}}
    result = run("-f", fleet, "-f", write(tmp_path / "work", other, an_ai_workload("a")), "-o", "json")
    assert result.exit_code == 0
    assert result.stderr == "note: skipped objects that a plan does not read: 1 Namespace\n"


def test_the_table_shows_the_reason_next_to_the_number(fleet: Path, tmp_path: Path) -> None:
    work = write(tmp_path / "work", an_ai_workload("a", law="ES"), an_ai_workload("b", law="CH"))
    text = run("-f", fleet, "-f", work).stdout
    a, b = (next(line for line in text.splitlines() if f"default/{name}" in line) for name in "ab")
    assert all(word in a for word in ("aws-es", "h100", "OnDemand", "$32.00", "$320.00", "the only feasible offer"))
    assert "gcp-de/h100 would be $80.00 less, but" in a
    assert "Unschedulable: no offer of the fleet satisfies constraints.jurisdictions.allow [CH]" in b
    assert "1 of 2 workloads placed: $32.00 an hour, $320.00 in total." in text


def test_one_workload_alone_is_shown_with_all_offers(fleet: Path, tmp_path: Path) -> None:
    text = run("-f", fleet, "-f", write(tmp_path / "work", an_ai_workload("a"))).stdout
    assert "cheapest: chosen" in text
    assert "+$80.00" in text


def test_defaults_are_listed_below_the_table(fleet: Path, tmp_path: Path) -> None:
    text = run("-f", fleet, "-f", write(tmp_path / "work", an_ai_workload("a", data="azure/spaincentral"))).stdout
    assert "$260.33*" in text
    assert "link azure/spaincentral -> gcp/europe-west3: default 1 Gbit/s, $0.15/GB" in text


def test_show_manifest_prints_what_would_be_delivered(fleet: Path, tmp_path: Path) -> None:
    work = write(tmp_path / "work", an_ai_workload("a"), an_ai_workload("b", law="CH"))
    result = run("-f", fleet, "-f", work, "--show-manifest", "--hub-name", "emea")
    (job,) = [one for one in yaml.safe_load_all(result.stdout) if one]
    assert (job["kind"], job["metadata"]["name"], job["metadata"]["labels"]["tradewind.dev/hub"]) == (
        "Job",
        "a",
        "emea",
    )
    assert job["spec"]["template"]["spec"]["nodeSelector"] == {"pool": "h100"}
    assert "# default/b is not delivered: Unschedulable" in result.stdout


def test_show_manifest_tells_pods_where_their_data_is(fleet: Path, tmp_path: Path) -> None:
    replicas = [{"location": "aws/eu-south-2", "url": "s3://es"}, {"location": "gcp/europe-west3", "url": "gs://de"}]
    metadata = {"name": "scans", "namespace": "default"}
    scans = {
        "apiVersion": VERSION,
        "kind": "Dataset",
        "metadata": metadata,
        "spec": {"size": "1T", "replicas": replicas},
    }
    work = an_ai_workload("a")
    work["spec"]["data"] = [{"name": "scans", "datasetRef": {"name": "scans"}}]
    for law, location, url in (("ES", "aws/eu-south-2", "s3://es"), ("DE", "gcp/europe-west3", "gs://de")):
        work["spec"]["constraints"] = {"jurisdictions": {"allow": [law]}}
        plans = planned("-f", fleet, "-f", write(tmp_path / "work", scans, work), "--show-manifest")
        ((job,),) = [one["manifests"] for one in plans.values()]
        env = {one["name"]: one["value"] for one in job["spec"]["template"]["spec"]["containers"][0]["env"]}
        assert (env["TRADEWIND_DATA_SCANS_LOCATION"], env["TRADEWIND_DATA_SCANS_URL"]) == (location, url)


def test_show_manifest_in_json_is_a_list_per_workload(fleet: Path, tmp_path: Path) -> None:
    plans = planned("-f", fleet, "-f", write(tmp_path / "work", an_ai_workload("a")), "--show-manifest")
    assert [one["kind"] for one in plans["a"]["manifests"]] == ["Job"]


def test_a_fleet_without_work_is_an_empty_plan(fleet: Path) -> None:
    assert planned("-f", fleet) == {}
    assert "No AIWorkload to plan." in run("-f", fleet).stdout


def test_a_narrow_window_gets_the_reasons_below(fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewind.cli.whyrender.PIPED_WIDTH", 90)
    text = run("-f", fleet, "-f", write(tmp_path / "work", an_ai_workload("a"))).stdout
    assert "WHY" not in text
    assert "default/a: cheapest of 2; next aws-es/h100 +$80.00" in text
    assert max(map(len, text.splitlines())) <= 90
