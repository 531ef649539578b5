"""What-if on work with checkpoints, and on work that is spread over several clusters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.builders import a_federated_cluster, an_ai_workload, write

from tradewind.cli.explain import explain
from tradewind.cli.plan import plan
from tradewind.cli.whatif import whatif

if TYPE_CHECKING:
    from pathlib import Path

Manifest = dict[str, Any]
PLACES = {"gcp-de": "europe-west3", "aws-es": "eu-south-2", "aws-se": "eu-north-1"}


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Four nodes each, at $3, $4 and $5."""
    clusters = [
        a_federated_cluster(name, provider=name[:3], region=region, usd=str(3 + index), max_nodes=4, interruptions="0")
        for index, (name, region) in enumerate(PLACES.items())
    ]
    return write(tmp_path / "fleet", *clusters)


def checkpointed(*locations: str, interval: str = "1h") -> Manifest:
    manifest = an_ai_workload("train")
    manifest["spec"] |= {"failover": {"guarantee": "AtLeastOnce"}}
    manifest["spec"]["checkpoint"] = {"interval": interval, "size": "100G", "locations": list(locations)}
    return manifest


def spread(*, pods: int = 4) -> Manifest:
    manifest = an_ai_workload("serve")
    manifest["spec"] |= {"type": "Inference", "spread": {"clusters": 2, "minProviders": 2, "replicas": "Divided"}}
    manifest["spec"]["run"]["replicas"] = pods
    return manifest


def forecast(loss: str, *files: Path) -> Manifest:
    options = [word for file in files for word in ("-f", str(file))]
    result = CliRunner().invoke(whatif, ["--lose", loss, *options, "-o", "json"], standalone_mode=False)
    (found,) = json.loads(result.stdout)["workloads"]
    return dict(found)


def pods(bill: Manifest) -> dict[str, int]:
    return {one["cluster"]: one["replicas"] for one in bill["placements"]}


def test_a_move_reads_the_checkpoint_from_where_it_still_can(fleet: Path, tmp_path: Path) -> None:
    work = write(tmp_path / "work", checkpointed("gcp/europe-west3", "aws/eu-south-2"))
    moves = forecast("provider=gcp", fleet, work)
    assert (moves["outcome"], pods(moves["after"])) == ("Moves", {"aws-es": 1})
    # In the region of its checkpoint: 100 GB at 25 Gbit/s, for nothing.
    assert moves["after"]["transferHours"] == pytest.approx(32 / 3600)
    assert moves["before"]["transferHours"] == 0


def test_work_whose_only_checkpoint_was_there_is_stranded(fleet: Path, tmp_path: Path) -> None:
    found = forecast("region=gcp/europe-west3", fleet, write(tmp_path / "work", checkpointed("gcp/europe-west3")))
    assert (found["outcome"], found["reason"]) == ("Stranded", "CheckpointUnreadable")
    assert found["message"].startswith("its checkpoint can't be read now: gcp/europe-west3 is lost")


def test_work_that_runs_on_is_warned_of_a_checkpoint_that_is_lost(fleet: Path, tmp_path: Path) -> None:
    # So seldom that it is worth running far away from where it is kept.
    work = write(tmp_path / "work", checkpointed("aws/eu-south-2", interval="100h"))
    found = forecast("provider=aws", fleet, work)
    assert found["outcome"] == "Stays"
    assert found["warnings"] == [
        "its checkpoint in aws/eu-south-2 can't be read: a restart begins anew",
    ]


def test_work_that_is_held_is_not_told_that_it_begins_anew(fleet: Path, tmp_path: Path) -> None:
    """It waits: for its old copy first, then for its only checkpoint."""
    manifest = checkpointed("gcp/europe-west3")
    manifest["spec"]["failover"] = {"guarantee": "AtMostOnce"}
    found = forecast("region=gcp/europe-west3", fleet, write(tmp_path / "work", manifest))
    assert (found["outcome"], found["reason"], found["warnings"]) == ("Stranded", "OldCopyMayRun", [])
    assert "its checkpoint can't be read now" in found["message"]


def test_of_spread_work_only_the_share_that_was_there_moves(fleet: Path, tmp_path: Path) -> None:
    found = forecast("cluster=aws-es", fleet, write(tmp_path / "work", spread()))
    assert pods(found["before"]) == {"gcp-de": 2, "aws-es": 2}
    assert (found["outcome"], pods(found["after"])) == ("Moves", {"aws-se": 2})


def test_a_share_that_finds_no_second_provider_is_stranded(fleet: Path, tmp_path: Path) -> None:
    found = forecast("provider=gcp", fleet, write(tmp_path / "work", spread()))
    assert found["outcome"] == "Stranded"


def test_the_shares_of_a_spread_are_shown_and_summed(fleet: Path, tmp_path: Path) -> None:
    work = write(tmp_path / "work", spread())
    options = ["-f", str(fleet), "-f", str(work)]
    (found,) = json.loads(CliRunner().invoke(plan, [*options, "-o", "json"]).stdout)["workloads"]
    assert [(one["cluster"], one["replicas"]) for one in found["placements"]] == [("aws-es", 2), ("gcp-de", 2)]
    # Two pods of eight accelerators each, for ten hours, at $4 and at $3.
    assert [one["usdPerHour"] for one in found["placements"]] == [pytest.approx(64), pytest.approx(48)]
    assert found["spread"] == {"clusters": 2, "minProviders": 2, "replicas": "Divided"}
    text = CliRunner().invoke(explain, ["serve", *options]).stdout
    assert "spread over 2 clusters, 2 providers at least: aws-es/h100 x2 + gcp-de/h100 x2" in text
    assert "aws-es/h100 x2 + gcp-de/h100 x2: $1,120 in total" in text
    assert found["decisive"] is None, "shares are chosen together, not one over the other"
    assert "is next: if machines here" not in text
