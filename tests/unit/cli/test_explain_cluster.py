"""`tradewind explain cluster/NAME`: the verdict with its evidence and ages."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner
from tests.builders import a_federated_cluster, write
from tests.unit.cli.test_plan_hub import OURS, served, stored

from tradewind.cli.explain import explain

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

Manifest = dict[str, Any]


def ago(seconds: float) -> str:
    return datetime.fromtimestamp(time.time() - seconds, UTC).isoformat()


def a_status() -> Manifest:
    evidence = [
        {"kind": "Reads", "says": "Silent", "since": ago(11000), "message": "20 probes in a row: no answer in time"},
        {"kind": "Writes", "says": "Stored", "since": ago(7200), "message": "stored within 256 ms"},
        {"kind": "Agent", "says": "Heard", "message": "heard through gcp"},
    ]
    incident = {"id": "1", "title": "Errors", "service": "EC2", "began": ago(600)}
    return {
        "verdict": "Down",
        "reason": "ApiServerSilent",
        "message": "No answer.",
        "since": ago(10),
        "lostAt": ago(10),
        "upAfterSeconds": 120,
        "evidence": evidence,
        "incidents": [incident],
    }


def run(folder: Path, *args: str, status: Manifest | None = None) -> Result:
    cluster = stored(a_federated_cluster("aws"), **(a_status() if status is None else status))
    names = ("aiworkloads", "networkmaps", "clusterplacementpolicies", "placementpolicies", "datasets")
    lists: dict[str, Any] = {f"{OURS}/{name}": [] for name in names}
    lists |= {f"{OURS}/federatedclusters": [cluster], "/apis/scheduling.k8s.io/v1/priorityclasses": []}
    with served(lists, folder) as kubeconfig:
        return CliRunner().invoke(explain, [*args, "--kubeconfig", kubeconfig], env={"COLUMNS": "160"})


def test_the_table_has_the_verdict_and_every_finding_with_its_age(tmp_path: Path) -> None:
    result = run(tmp_path, "cluster/aws")
    assert result.exit_code == 0, result.output
    for words in ("aws is Down", "ApiServerSilent", "Silent", "3h3m", "no answer in time", "2h", "heard through gcp"):
        assert words in result.output
    assert "Errors (EC2)" in result.output
    assert "on probation until it has answered for 2m" in result.output


def test_the_json_has_every_age_in_seconds(tmp_path: Path) -> None:
    result = run(tmp_path, "cluster/aws", "-o", "json")
    found = json.loads(result.stdout)
    assert (found["cluster"], found["verdict"], found["upAfterSeconds"]) == ("aws", "Down", 120)
    assert 10 <= found["sinceAgeSeconds"] < 110
    reads, _, agent = found["evidence"]
    assert (reads["kind"], reads["says"]) == ("Reads", "Silent")
    assert 11000 <= reads["ageSeconds"] < 11100
    assert (agent["since"], agent["ageSeconds"]) == (None, None)
    assert found["backAtAgeSeconds"] is None
    assert found["incidents"][0]["ageSeconds"] >= 599


def test_a_cluster_that_nobody_has_judged_says_so(tmp_path: Path) -> None:
    assert "no operator has judged it yet" in run(tmp_path, "cluster/aws", status={}).output


def test_a_wrong_name_is_answered_with_the_right_one(tmp_path: Path) -> None:
    result = run(tmp_path, "cluster/awz")
    assert (result.exit_code, '"awz"' in result.stderr, "aws" in result.stderr) == (2, True, True)


def test_files_are_read_without_a_hub(tmp_path: Path) -> None:
    file = write(tmp_path / "fleet.yaml", a_federated_cluster("aws"))
    result = CliRunner().invoke(explain, ["cluster/aws", "-f", str(file)])
    assert (result.exit_code, "no operator has judged it yet" in result.output) == (0, True)
