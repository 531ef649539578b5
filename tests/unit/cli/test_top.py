"""`tradewind top` on a hub, over real HTTP: the fleet, the work by phase, and the reason next to each number."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.unit.cli.test_plan_hub import OURS, served

from tradewind.cli.top import top
from tradewind.cli.topmoney import money_of
from tradewind.cli.toprows import Free, phases, rows
from tradewind.state.record import iso

if TYPE_CHECKING:
    from pathlib import Path

Manifest = dict[str, Any]
SPOT: dict[str, Any] = {"podPatch": {"nodeSelector": {"pool": "spot"}}, "maxNodes": 4}


def an_offer(name: str, accelerator: str = "H100-80GB", **more: Any) -> Manifest:
    kind = {"accelerator": accelerator, "perNode": 8} if accelerator else {"nodeResources": {"cpu": "64"}}
    return {"name": name, "market": "OnDemand", **kind, **more}


def a_cluster(name: str, *offers: Manifest, spec: Manifest | None = None, **status: Any) -> Manifest:
    place = {"provider": "aws", "region": "eu-south-2", "jurisdiction": "ES"}
    return {"metadata": {"name": name}, "spec": {**place, "offers": list(offers), **(spec or {})}, "status": status}


def an_offer_status(name: str, *, nodes: int, free: int = 0, cpu: str = "0") -> Manifest:
    return {"name": name, "nodes": nodes, "freeAccelerators": free, "freeCPU": cpu}


def a_workload(
    name: str, *, cluster: str = "", state: str = "Running", phase: str = "Running", why: str = ""
) -> Manifest:
    placements = [{"cluster": cluster, "offer": "o", "state": state}] if cluster else []
    ready = {"type": "Ready", "reason": why or phase, "message": f"{name} says why"}
    status = {"phase": phase, "conditions": [ready], "placements": placements}
    return {"metadata": {"namespace": "ml", "name": name, "uid": name}, "spec": {}, "status": status}


def test_what_pools_may_still_add_stands_beside_what_is_free() -> None:
    cluster = a_cluster("aws", an_offer("spot", **SPOT), offers=[an_offer_status("spot", nodes=1, free=3)])
    assert rows([cluster], [])[0].accelerators == (Free("H100-80GB", free=3, growth=24),)


def test_offers_that_speak_of_the_same_nodes_are_counted_once() -> None:
    seen = [an_offer_status(name, nodes=1, free=5) for name in ("a", "b")]
    cluster = a_cluster("aws", an_offer("a", **SPOT), an_offer("b", **SPOT), offers=seen)
    assert rows([cluster], [])[0].accelerators[0].free == 5


def test_types_are_summed_over_markets_and_kept_apart() -> None:
    offers = [an_offer("h"), an_offer("h-spot", **SPOT), an_offer("l", "L4")]
    seen = [an_offer_status(name, nodes=1, free=2) for name in ("h", "h-spot", "l")]
    found = rows([a_cluster("aws", *offers, offers=seen)], [])[0].accelerators
    assert [(each.type, each.free) for each in found] == [("H100-80GB", 4), ("L4", 2)]


def test_cores_of_offers_without_accelerators_are_counted_with_their_growth() -> None:
    cluster = a_cluster("dc", an_offer("cpu", "", maxNodes=3), offers=[an_offer_status("cpu", nodes=1, cpu="12500m")])
    row = rows([cluster], [])[0]
    assert (row.free_cpu, row.growth_cpu) == (12.5, 128)


@pytest.mark.parametrize(
    ("workload", "running", "waiting"),
    [
        pytest.param(a_workload("w", cluster="aws"), 1, 0, id="a copy that runs is running work"),
        pytest.param(
            a_workload("w", cluster="aws", state="Pending", phase="Starting"), 0, 1, id="a copy that starts waits"
        ),
        pytest.param(
            a_workload("w", cluster="aws", phase="Waiting"),
            0,
            1,
            id="work held on a lost cluster waits, though its copy ran",
        ),
        pytest.param(
            a_workload("w", cluster="aws", state="Finished", phase="Succeeded"), 0, 0, id="what has ended is neither"
        ),
        pytest.param(a_workload("w", phase="Pending"), 0, 0, id="work without a place is on no cluster"),
    ],
)
def test_work_on_a_cluster(workload: Manifest, running: int, waiting: int) -> None:
    row = rows([a_cluster("aws")], [workload])[0]
    assert (row.running, row.waiting) == (running, waiting)


def test_a_cluster_that_no_operator_has_seen_says_so() -> None:
    row = rows([a_cluster("aws")], [])[0]
    assert (row.verdict, row.reason) == ("Unknown", "NotSeenYet")


def test_work_is_grouped_by_phase_and_reason_the_largest_group_first() -> None:
    works = [
        a_workload("a", phase="Waiting", why="OldCopyMayRun"),
        a_workload("c", cluster="aws"),
        a_workload("b", cluster="aws"),
        a_workload("d", phase="Waiting", why="MovesExhausted"),
    ]
    found = [(group.phase, group.reason, group.names) for group in phases(works)]
    assert found == [
        ("Running", "Running", ("ml/b", "ml/c")),
        ("Waiting", "MovesExhausted", ("ml/d",)),
        ("Waiting", "OldCopyMayRun", ("ml/a",)),
    ]


def on_a_hub(
    tmp_path: Path, *options: str, clusters: list[Manifest], workloads: list[Manifest]
) -> tuple[int, str, str]:
    kinds = ("networkmaps", "clusterplacementpolicies", "placementpolicies", "datasets")
    objects: dict[str, Any] = {f"{OURS}/{kind}": [] for kind in kinds}
    objects |= {f"{OURS}/federatedclusters": clusters, f"{OURS}/aiworkloads": workloads}
    objects["/apis/scheduling.k8s.io/v1/priorityclasses"] = []
    with served(objects, tmp_path) as kubeconfig:
        result = CliRunner().invoke(top, ["--kubeconfig", kubeconfig, *options])
    return result.exit_code, result.stdout, result.stderr


DOWN = a_cluster(
    "aws",
    an_offer("h"),
    offers=[an_offer_status("h", nodes=1, free=8)],
    verdict="Down",
    reason="ApiServerSilent",
    message="No answer in 30s.",
    since="2026-11-20T10:00:00Z",
    usdPerHour="12.5000",
)
HEALTHY = a_cluster(
    "gcp",
    an_offer("h"),
    spec={"scheduling": "Cordoned"},
    offers=[an_offer_status("h", nodes=1, free=8)],
    verdict="Healthy",
    reason="Answering",
    usdPerHour="2.5000",
)
HELD = a_workload("train", cluster="aws", phase="Waiting", why="OldCopyMayRun")


def test_the_table_has_the_reason_next_to_each_number(tmp_path: Path) -> None:
    code, text, _ = on_a_hub(tmp_path, clusters=[HEALTHY, DOWN], workloads=[HELD])
    lines = {line.partition(" ")[0]: line for line in text.splitlines()}
    assert code == 0
    assert "Down" in lines["aws"]
    assert "ApiServerSilent: No answer in 30s." in lines["aws"]
    assert "8 H100-80GB" not in lines["aws"], "what was free before the outage can't be had"
    assert "8 H100-80GB" in lines["gcp"]
    assert "scheduling is Cordoned" in lines["gcp"]
    assert "$15.00" in text
    assert "OldCopyMayRun: train says why" in lines["Waiting"]


def test_json_has_numbers_for_scripts(tmp_path: Path) -> None:
    code, text, _ = on_a_hub(tmp_path, "-o", "json", clusters=[DOWN], workloads=[HELD])
    shown = json.loads(text)
    assert code == 0
    assert shown["clusters"][0]["accelerators"] == [{"type": "H100-80GB", "free": 8, "growth": 0}]
    assert (shown["clusters"][0]["waiting"], shown["usdPerHour"]) == (1, 12.5)
    assert shown["workloads"][0] | {"message": ""} == {
        "phase": "Waiting",
        "reason": "OldCopyMayRun",
        "names": ["ml/train"],
        "count": 1,
        "message": "",
    }


def test_an_empty_hub_says_what_to_do_next(tmp_path: Path) -> None:
    code, text, _ = on_a_hub(tmp_path, clusters=[], workloads=[])
    assert code == 0
    assert "kubectl apply -f examples/" in text


def test_a_hub_that_does_not_answer_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    with served({}, tmp_path) as kubeconfig:
        pass
    result = CliRunner().invoke(top, ["--kubeconfig", kubeconfig])
    assert result.exit_code == 1
    assert result.stderr.lower().startswith("error: ")
    assert "Traceback" not in result.stderr


def test_an_api_server_without_our_kinds_is_named_as_no_hub(tmp_path: Path) -> None:
    with served({}, tmp_path) as kubeconfig:
        result = CliRunner().invoke(top, ["--kubeconfig", kubeconfig])
    assert result.exit_code == 1
    assert "is it the hub?" in result.stderr


NOW_S = 1_800_000_000.0


def a_spender(
    name: str, *, spent: str, limit: str, usd_per_hour: str = "0", moves: tuple[Manifest, ...] = ()
) -> Manifest:
    manifest = a_workload(name)
    place = {"cluster": "aws", "offer": "o", "market": "Spot", "replicas": 1, "epoch": 1, "generation": 1}
    place |= {"state": "Running", "usdPerHour": usd_per_hour, "runningSince": iso(NOW_S - 3600)}
    manifest["status"] |= {
        "spentUSD": spent,
        "spentUntil": iso(NOW_S - 1800),
        "placements": [place],
        "moves": list(moves),
        "effective": {"maxTotalUSD": limit} if limit else {},
    }
    return manifest


def test_a_budget_counts_what_is_settled_and_what_has_run_since() -> None:
    money = money_of([a_spender("a", spent="10", limit="40", usd_per_hour="20")], now_s=NOW_S)
    # Ten dollars by half an hour ago, and twenty an hour since: twenty dollars are left, for an hour.
    (budget,) = money.budgets
    assert [budget.spent_usd, budget.used, budget.lasts_h or 0.0] == pytest.approx([20, 0.5, 1])
    assert money.spent_usd == pytest.approx(20)


def test_budgets_are_listed_the_most_used_first_and_work_without_one_is_not() -> None:
    works = [a_spender("low", spent="1", limit="100"), a_spender("none", spent="5", limit="")]
    works.append(a_spender("high", spent="90", limit="100"))
    assert [each.name for each in money_of(works, now_s=NOW_S).budgets] == ["ml/high", "ml/low"]


def test_moves_for_money_say_what_they_saved(tmp_path: Path) -> None:
    move = {"fromCluster": "aws", "toCluster": "gcp", "reason": "CheaperElsewhere", "epoch": 2}
    move |= {"detectedAt": iso(NOW_S - 60), "decidedAt": iso(NOW_S - 60)}
    forced = {**move, "reason": "ApiServerSilent"}
    works = [a_spender("a", spent="95", limit="100", moves=({**move, "savingUSD": "72.5"}, forced))]
    code, text, _ = on_a_hub(tmp_path, clusters=[HEALTHY], workloads=works)
    assert code == 0
    assert "Moved for money: 1, which saves $72.50" in text
    assert "ml/a: aws -> gcp, $72.50 less" in text
    (budget,) = (line for line in text.splitlines() if line.startswith("ml/a "))
    assert budget.split()[1:5] == ["$95.00", "$100.00", "95", "%"]
    shown = json.loads(on_a_hub(tmp_path, "-o", "json", clusters=[HEALTHY], workloads=works)[1])
    assert (shown["budgets"][0]["maxTotalUSD"], shown["movesForMoney"][0]["savedUSD"]) == (100.0, 72.5)
