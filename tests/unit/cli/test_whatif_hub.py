"""`tradewind whatif` and `assess` on a live hub: work is where its status says, beside what members have free."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.builders import an_ai_workload
from tests.unit.cli.test_plan_hub import OURS, a_cluster_of_the_hub, run, stored

from tradewind.cli.whatif import whatif

if TYPE_CHECKING:
    from pathlib import Path

Manifest = dict[str, Any]


def placed(name: str, cluster: str, *, guarantee: str = "AtLeastOnce", usd: str = "240", **status: Any) -> Manifest:
    manifest = an_ai_workload(name)
    manifest["spec"]["failover"] = {"guarantee": guarantee}
    placement = {"cluster": cluster, "offer": "h100", "market": "OnDemand", "replicas": 1, "epoch": 1, "generation": 1}
    placement |= {"state": "Running", "since": "2026-11-20T12:00:00Z", "totalUSD": usd}
    return stored(manifest, phase="Running", epoch=1, placements=[placement], **status)


@pytest.fixture
def hub() -> dict[str, Any]:
    """A German cluster that is full, a Spanish one with one free node of two; one workload runs on each."""
    return {
        f"{OURS}/aiworkloads": [placed("de", "gcp-de"), placed("es", "aws-es", usd="320"), stored(an_ai_workload("w"))],
        f"{OURS}/federatedclusters": [
            a_cluster_of_the_hub("gcp-de", free={0: 1}, nodes=1, provider="gcp", region="europe-west3", usd="3"),
            a_cluster_of_the_hub("aws-es", free={8: 1, 0: 1}, nodes=2, region="eu-south-2"),
        ],
        f"{OURS}/networkmaps": [],
        f"{OURS}/datasets": [],
        f"{OURS}/clusterplacementpolicies": [],
        f"{OURS}/placementpolicies": [],
        "/apis/scheduling.k8s.io/v1/priorityclasses": [],
    }


def forecast(hub: dict[str, Any], folder: Path, *args: str) -> dict[str, Any]:
    result = run(whatif, hub, folder, *args, "-o", "json")
    return {each["name"]: each for each in json.loads(result.stdout)["workloads"]}


def test_work_moves_into_what_the_members_have_free(hub: dict[str, Any], tmp_path: Path) -> None:
    works = forecast(hub, tmp_path, "--lose", "cluster=gcp-de")
    assert (works["de"]["outcome"], works["es"]["outcome"]) == ("Moves", "Stays")
    assert works["de"]["after"]["placements"] == [{"cluster": "aws-es", "offer": "h100", "replicas": 1}]
    assert (works["de"]["before"]["totalUSD"], works["de"]["after"]["totalUSD"]) == (240.0, 320.0)


def test_a_survivor_is_not_asked_to_make_room(hub: dict[str, Any], tmp_path: Path) -> None:
    # The German node is taken by `de`, which stays there: `es` has nowhere to go.
    works = forecast(hub, tmp_path, "--lose", "provider=aws")
    assert (works["es"]["outcome"], works["de"]["outcome"]) == ("Stranded", "Stays")
    assert works["es"]["reason"] == "InsufficientCapacity"


def test_work_that_waits_has_no_place_to_lose(hub: dict[str, Any], tmp_path: Path) -> None:
    assert forecast(hub, tmp_path, "--lose", "provider=aws")["w"]["reason"] == "NotDecided"
    ready = {"type": "Ready", "status": "False", "reason": "Unschedulable", "message": "none of 2 offers can take it"}
    hub[f"{OURS}/aiworkloads"][2]["status"] = {"conditions": [ready]}
    works = forecast(hub, tmp_path, "--lose", "provider=aws")
    assert (works["w"]["outcome"], works["w"]["reason"]) == ("Unplaced", "Unschedulable")
    assert works["w"]["message"] == "none of 2 offers can take it"


def test_what_has_ended_is_left_out(hub: dict[str, Any], tmp_path: Path) -> None:
    finished = {"cluster": "gcp-de", "epoch": 1, "result": "Succeeded", "at": "2026-11-20T12:00:00Z"}
    hub[f"{OURS}/aiworkloads"].append(placed("done", "gcp-de", finished=finished))
    assert "done" not in forecast(hub, tmp_path, "--lose", "cluster=gcp-de")


def test_work_that_has_moved_too_often_is_held(hub: dict[str, Any], tmp_path: Path) -> None:
    policy = {"apiVersion": "tradewind.dev/v1alpha1", "kind": "ClusterPlacementPolicy", "metadata": {"name": "default"}}
    hub[f"{OURS}/clusterplacementpolicies"] = [stored({**policy, "spec": {"failover": {"maxMovesPerHour": 0}}})]
    works = forecast(hub, tmp_path, "--lose", "cluster=gcp-de")
    assert (works["de"]["outcome"], works["de"]["reason"]) == ("Stranded", "MovesExhausted")
    assert works["de"]["ifReleased"]["placements"][0]["cluster"] == "aws-es"


def test_recommended_work_does_not_move(hub: dict[str, Any], tmp_path: Path) -> None:
    policy = {"apiVersion": "tradewind.dev/v1alpha1", "kind": "ClusterPlacementPolicy", "metadata": {"name": "default"}}
    hub[f"{OURS}/clusterplacementpolicies"] = [stored({**policy, "spec": {"mode": "Recommend"}})]
    works = forecast(hub, tmp_path, "--lose", "cluster=gcp-de")
    assert (works["de"]["outcome"], works["de"]["reason"]) == ("Stranded", "Recommend")


def test_a_hub_that_does_not_answer_ends_with_1(tmp_path: Path) -> None:
    result = run(whatif, {}, tmp_path, "--lose", "cluster=x")
    assert result.exit_code == 1
    assert "is it the hub?" in result.stderr
