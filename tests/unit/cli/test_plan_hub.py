"""`plan` and `explain` on a live hub, over real HTTP: its fleet, its free capacity, its waiting work."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner
from tests.builders import a_federated_cluster, an_ai_workload, write

from tradewind.cli.explain import explain
from tradewind.cli.plan import plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

Manifest = dict[str, Any]
OURS = "/apis/tradewind.dev/v1alpha1"
TABLE = "from,to,gbps,rtt_ms,egress_usd_per_gb\naws/x,gcp/europe-west3,8,10,0.5\n"


@contextmanager
def served(objects: dict[str, Any], folder: Path) -> Iterator[str]:
    """Serve lists (and objects) by path as an API server does; yields a kubeconfig."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            found = objects.get(path)
            body = {"metadata": {"resourceVersion": "1"}, "items": found} if isinstance(found, list) else found
            with suppress(ConnectionError):  # a client that has seen enough hangs up in the middle of an answer
                self.send_response(404 if body is None else 200)
                self.end_headers()
                self.wfile.write(json.dumps(body or {"reason": "NotFound", "message": f"no {path}"}).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = False  # each answer ends with its server, not in the output of the next test

    server = Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "hub", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "me", "user": {}}],
        "contexts": [{"name": "hub", "context": {"cluster": "hub", "user": "me"}}],
        "current-context": "hub",
    }
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    try:
        yield str(file)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def stored(manifest: Manifest, **status: Any) -> Manifest:
    """Give a manifest what an API server adds."""
    namespaced = {"namespace": "default"} if manifest["kind"] == "AIWorkload" else {}
    added = {"uid": f"uid-{manifest['metadata']['name']}", "resourceVersion": "1", "generation": 1, **namespaced}
    return {**manifest, "metadata": added | manifest["metadata"], "status": status}


def a_cluster_of_the_hub(
    name: str, *, free: dict[int, int], nodes: int, verdict: str = "Healthy", **more: Any
) -> Manifest:
    histogram = [{"free": each, "nodes": count} for each, count in free.items()]
    offer = {
        "name": "h100",
        "nodes": nodes,
        "freeAccelerators": sum(each * count for each, count in free.items()),
        "freeByNode": histogram,
        "freeCPU": str(64 * sum(free.values())),
        "freeMemory": "512Gi",
    }
    manifest = a_federated_cluster(name, max_nodes=None, interruptions="0", **more)
    return stored(
        manifest, verdict=verdict, reason="R", message="M.", inventoriedAt="2026-11-20T12:00:00Z", offers=[offer]
    )


@pytest.fixture
def hub() -> dict[str, Any]:
    placement = {"cluster": "gcp-de", "offer": "h100", "market": "OnDemand", "replicas": 1, "epoch": 3}
    placement |= {"generation": 1, "state": "Running", "since": "2026-11-20T12:00:00Z", "totalUSD": "240"}
    ready = {"type": "Ready", "status": "True", "reason": "Running", "message": "Runs with h100 on gcp-de."}
    running = stored(an_ai_workload("runs"), phase="Running", epoch=3, placements=[placement], conditions=[ready])
    return {
        f"{OURS}/aiworkloads": [running, stored(an_ai_workload("waits"))],
        f"{OURS}/federatedclusters": [
            a_cluster_of_the_hub("aws-es", free={8: 1, 0: 1}, nodes=3, region="eu-south-2"),
            a_cluster_of_the_hub("gcp-de", free={0: 1}, nodes=1, provider="gcp", region="europe-west3", usd="3"),
        ],
        f"{OURS}/networkmaps": [],
        f"{OURS}/datasets": [],
        f"{OURS}/clusterplacementpolicies": [],
        f"{OURS}/placementpolicies": [],
        "/apis/scheduling.k8s.io/v1/priorityclasses": [],
    }


def run(command: Any, hub: dict[str, Any], folder: Path, *args: object) -> Result:
    with served(hub, folder) as kubeconfig:
        return CliRunner().invoke(command, ["--kubeconfig", kubeconfig, *(str(arg) for arg in args)])


def planned(hub: dict[str, Any], folder: Path, *args: object) -> dict[str, Any]:
    result = run(plan, hub, folder, *args, "-o", "json")
    assert result.exit_code == 0, result.stderr
    return {each["name"]: each for each in json.loads(result.stdout)["workloads"]}


def test_without_files_the_work_that_waits_is_planned_on_what_is_free(hub: dict[str, Any], tmp_path: Path) -> None:
    plans = planned(hub, tmp_path)
    assert list(plans) == ["waits"]
    assert [one["cluster"] for one in plans["waits"]["placements"]] == ["aws-es"]
    full = next(one for one in plans["waits"]["candidates"] if one["cluster"] == "gcp-de")
    assert full["reasons"][0].startswith("InsufficientCapacity: needs 1 pod x 8 H100-80GB; fits 0 (0 free nodes of 1")


def test_a_file_of_work_that_runs_is_planned_with_the_room_that_it_holds(hub: dict[str, Any], tmp_path: Path) -> None:
    work = write(tmp_path / "work", an_ai_workload("runs", law="DE"))
    hub[f"{OURS}/federatedclusters"][1]["spec"]["jurisdiction"] = "DE"
    assert planned(hub, tmp_path, "-f", work)["runs"]["placements"][0]["cluster"] == "gcp-de"


def test_cores_go_with_the_free_accelerators(hub: dict[str, Any], tmp_path: Path) -> None:
    workload = an_ai_workload("new")
    workload["spec"]["run"]["resources"]["requests"] = {"cpu": "100"}
    work = write(tmp_path / "work", workload)
    # 128 cores are free on a node with eight free accelerators and one with none.
    assert planned(hub, tmp_path, "-f", work)["new"]["placements"]


def test_files_without_a_fleet_are_planned_on_the_hubs(hub: dict[str, Any], tmp_path: Path) -> None:
    work = write(tmp_path / "work", an_ai_workload("new"))
    plans = planned(hub, tmp_path, "-f", work)
    assert list(plans) == ["new"]
    assert plans["new"]["placements"][0]["cluster"] == "aws-es"


def test_a_cluster_that_is_down_is_refused_with_the_hubs_words(hub: dict[str, Any], tmp_path: Path) -> None:
    hub[f"{OURS}/federatedclusters"][0]["status"]["verdict"] = "Down"
    waits = planned(hub, tmp_path)["waits"]
    assert waits["placements"] == []
    assert any("the cluster is Down (R): M." in one["reasons"][0] for one in waits["candidates"])


def test_a_cluster_that_the_operator_has_not_seen_is_refused(hub: dict[str, Any], tmp_path: Path) -> None:
    hub[f"{OURS}/federatedclusters"][0]["status"] = {}
    waits = planned(hub, tmp_path)["waits"]
    assert any("NotProbedYet" in one["reasons"][0] for one in waits["candidates"])


def test_copies_on_their_way_take_their_room(hub: dict[str, Any], tmp_path: Path) -> None:
    moving = hub[f"{OURS}/aiworkloads"][0]["status"]["placements"][0]
    moving |= {"cluster": "aws-es", "state": "Delivering"}
    assert planned(hub, tmp_path)["waits"]["placements"] == []


def test_links_come_from_the_operators_config_maps(hub: dict[str, Any], tmp_path: Path) -> None:
    network = {"apiVersion": "tradewind.dev/v1alpha1", "kind": "NetworkMap", "metadata": {"name": "m"}}
    hub[f"{OURS}/networkmaps"] = [stored({**network, "spec": {"csv": [{"name": "links", "key": "l.csv"}]}})]
    hub["/api/v1/namespaces/tradewind-system/configmaps/links"] = {
        "metadata": {"name": "links"},
        "data": {"l.csv": TABLE},
    }
    work = write(tmp_path / "work", an_ai_workload("new", data="aws/x"))
    candidates = planned(hub, tmp_path, "-f", work)["new"]["candidates"]
    assert next(one for one in candidates if one["cluster"] == "gcp-de")["usd"]["egress"] == 50.0


def test_a_network_that_lacks_its_table_is_left_out_and_named(hub: dict[str, Any], tmp_path: Path) -> None:
    network = {"apiVersion": "tradewind.dev/v1alpha1", "kind": "NetworkMap", "metadata": {"name": "m"}}
    hub[f"{OURS}/networkmaps"] = [stored({**network, "spec": {"csv": [{"name": "links", "key": "l.csv"}]}})]
    result = run(plan, hub, tmp_path, "-o", "json")
    assert result.exit_code == 0
    assert "note: NetworkMap m is left out:" in result.stderr


def test_a_price_that_the_operator_has_measured_counts_and_one_of_an_earlier_spec_does_not(
    hub: dict[str, Any], tmp_path: Path
) -> None:
    cluster = hub[f"{OURS}/federatedclusters"][0]
    query = {"name": "price", "field": "usdPerAcceleratorHour", "offer": "h100", "prometheus": {"query": "usd"}}
    cluster["spec"]["metrics"] = [query]
    figure = {"name": "price", "value": "1", "at": "2026-11-20T12:00:00Z", "state": "Fresh", "reason": "Answered"}
    cluster["status"] |= {"metrics": [{**figure, "message": ""}], "observedGeneration": 1}

    def compute() -> float:
        candidates = planned(hub, tmp_path)["waits"]["candidates"]
        return float(next(one for one in candidates if one["cluster"] == "aws-es")["usd"]["compute"])

    measured = compute()
    cluster["metadata"]["generation"] = 2
    assert compute() == pytest.approx(4 * measured)


def test_a_dataset_of_the_hub_is_read_by_work_in_a_file(hub: dict[str, Any], tmp_path: Path) -> None:
    work = an_ai_workload("new")
    work["spec"]["data"] = [{"name": "scans", "datasetRef": {"name": "scans"}}]
    file = write(tmp_path / "work", work)
    assert planned(hub, tmp_path, "-f", file)["new"]["reason"] == "DatasetNotFound"
    spec = {"size": "1T", "replicas": [{"location": "gcp/europe-west3"}]}
    metadata = {"name": "scans", "namespace": "default"}
    kind = {"apiVersion": "tradewind.dev/v1alpha1", "kind": "Dataset"}
    hub[f"{OURS}/datasets"] = [stored({**kind, "metadata": metadata, "spec": spec})]
    candidates = planned(hub, tmp_path, "-f", file)["new"]["candidates"]
    assert next(one for one in candidates if one["cluster"] == "aws-es")["usd"]["egress"] == pytest.approx(150)


def test_explain_shows_what_the_operator_says_and_keeps_the_works_own_room(hub: dict[str, Any], tmp_path: Path) -> None:
    text = run(explain, hub, tmp_path, "runs").stdout
    assert "The operator says: Running. Runs with h100 on gcp-de." in text
    assert "Its copy: Running on gcp-de/h100, epoch 3." in text
    assert "gcp-de/h100 (OnDemand): $240.00 in total" in text
    assert "A fresh plan would choose" not in text


def test_explain_says_where_a_fresh_plan_differs(hub: dict[str, Any], tmp_path: Path) -> None:
    hub[f"{OURS}/federatedclusters"][1]["spec"]["scheduling"] = "Cordoned"
    text = run(explain, hub, tmp_path, "runs").stdout
    assert "A fresh plan would choose aws-es/h100; running work moves only for a saving past the policy's." in text


def test_explain_counts_what_running_work_has_spent_and_what_is_left_of_it(hub: dict[str, Any], tmp_path: Path) -> None:
    running = hub[f"{OURS}/aiworkloads"][0]
    running["spec"] |= {"budget": {"maxTotalUSD": "500"}, "checkpoint": {"interval": "1h", "size": "1Gi"}}
    running["spec"]["checkpoint"]["locations"] = ["gcp/europe-west3"]
    running["spec"]["expectedRuntime"]["accelerator"] = "H100-80GB"
    since = datetime.now(UTC) - timedelta(hours=5, minutes=30)
    running["status"]["placements"][0] |= {"usdPerHour": "24", "runningSince": since.isoformat()}
    found = json.loads(run(explain, hub, tmp_path, "runs", "-o", "json").stdout)
    # Five and a half of ten hours have run, and five are in a checkpoint.
    assert found["budget"]["spentUSD"] == pytest.approx(132, abs=0.1)
    assert found["candidates"][0]["runHours"] == pytest.approx(5)
    assert found["candidates"][0]["transferHours"] == 0


def test_explain_in_json_has_the_recorded_status(hub: dict[str, Any], tmp_path: Path) -> None:
    found = json.loads(run(explain, hub, tmp_path, "runs", "-o", "json").stdout)
    assert (found["status"]["phase"], found["status"]["epoch"]) == ("Running", 3)


def test_an_api_server_without_the_kinds_ends_with_1_and_says_what_to_do(tmp_path: Path) -> None:
    result = run(plan, {}, tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "is it the hub? kubectl apply -f crds/" in result.stderr


def test_without_a_fleet_and_without_a_hub_the_input_is_at_fault(tmp_path: Path) -> None:
    work = write(tmp_path / "work", an_ai_workload("new"))
    result = CliRunner().invoke(plan, ["-f", str(work), "--kubeconfig", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert "the files hold no FederatedCluster, so the hub's fleet is needed" in result.stderr
    assert "Traceback" not in result.output
