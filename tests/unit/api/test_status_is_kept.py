"""What the operator writes into a status is in the CRD: the API server would prune anything else without a word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.builders import DOWN, a_cluster, a_policy, a_workload

from tradewind.api.cluster_status import ClusterStatus
from tradewind.api.network import NetworkStatus
from tradewind.api.policy import ClusterPolicyStatus, PolicyStatus
from tradewind.api.reading import read
from tradewind.api.workload_status import WorkloadStatus
from tradewind.apply.cluster_status import cluster_status, feed_fields, read_status
from tradewind.apply.status import status_from
from tradewind.decide.step import Step
from tradewind.model.decision import Candidate, Decision, Usd
from tradewind.model.placement import CopyState, Finished, Move, Orphan, Placement, Record, Situation
from tradewind.model.plan import Refusal, Wake
from tradewind.model.policy import FeedProvider
from tradewind.model.snapshot import View
from tradewind.model.workload import Key, Market
from tradewind.outage.feeds.event import EventState, ProviderEvent
from tradewind.state.fleet import ClusterEntry
from tradewind.state.record import iso

NOW_S = 1_795_168_800.0
WORK = a_workload()


def _written(status: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a merge patch removes."""
    return {key: value for key, value in status.items() if value is not None}


def _step(record: Record, candidates: tuple[Candidate, ...]) -> Step:
    view = View(WORK.key, WORK.uid, 3, WORK, a_policy(WORK), record)
    chosen = next(candidate for candidate in candidates if candidate.feasible)
    decision = Decision(WORK.key, chosen, "Placed", "on aws", candidates)
    return Step(view, record, Situation("Running", "Running", "2 of 2 pods run."), decision=decision)


def test_the_status_of_a_workload_is_kept_whole() -> None:
    placement = Placement(
        "aws", "h100", Market.SPOT, 2, 2, 3, CopyState.RUNNING, NOW_S, 12.5, sources=(("scans", "aws/a"),)
    )
    record = Record(
        epoch=2,
        placements=(placement, replace(placement, cluster="gcp", state=CopyState.RELEASING)),
        moves=(Move("gcp", "aws", "ClusterDown", 2, NOW_S, NOW_S, NOW_S, NOW_S), Move("a", "b", "Drain", 1, 1.0, 2.0)),
        finished=Finished("aws", 2, succeeded=True, at_s=NOW_S, message="done"),
        adopted_uid="old",
    )
    refusal = Refusal("NoCapacity", "8 more are needed.", Wake.CAPACITY)
    priced = [Candidate(f"c{i}", "h100", Market.SPOT, usd=Usd(compute=i / 3), assumed=("a",) * 9) for i in range(9)]
    refused = [Candidate(f"r{i}", "h100", Market.OWNED, refusals=(refusal,)) for i in range(9)]
    step = _step(record, (*priced, *refused))
    status = _written(status_from(step, raw={"metadata": {"name": "w"}}, now_s=NOW_S))
    assert read(WorkloadStatus, status, strict=True).epoch == 2


def test_the_status_of_work_that_waits_is_kept_whole() -> None:
    view = View(WORK.key, WORK.uid, 1, None, None, Record())
    step = Step(view, Record(), Situation("Pending", "Unschedulable", "x" * 5000))
    status = _written(status_from(step, raw={"metadata": {"name": "w"}}, now_s=NOW_S))
    assert read(WorkloadStatus, status, strict=True).decisions == ()


def test_the_status_of_a_cluster_is_kept_whole() -> None:
    entry = ClusterEntry(
        {"metadata": {"name": "aws", "generation": 2}}, a_cluster(), health=DOWN, uid="u", version="v1"
    )
    entry.orphans = tuple(Orphan(Key("default", f"w{i}"), "uid") for i in range(2100))
    event = ProviderEvent("e" * 512, "aws", ("us-east-1",), "EC2", EventState.OUTAGE, NOW_S, None, "x" * 200)
    entry.incidents = tuple(replace(event, id=f"e{i}") for i in range(30))
    entry.evidence = replace(
        entry.evidence, lost_at_s=40.0, healthy_since_s=90.0, up_after_s=119.6, nodes_gone_since_s=70.0
    )
    for problem in (None, ("SecretMissing", "x" * 5000)):
        entry.problem = problem
        status = _written(cluster_status(entry, workloads=3, usd_per_hour=1 / 3, now_s=NOW_S, clock_s=100.0))
        kept = read(ClusterStatus, status, strict=True)
        assert (len(kept.orphans), len(kept.incidents)) == (2000, 16)
        assert (status["lostAt"], status["backAt"]) == (_second(NOW_S - 60), _second(NOW_S - 10))
        assert kept.up_after_seconds == 120
        assert [(each.kind, each.says) for each in kept.evidence] == [("Nodes", "NoneReady")]
        assert status["evidence"][0]["since"] == _second(NOW_S - 30)


def _second(at_s: float) -> str:
    return f"{iso(at_s)[:19]}Z"


def test_the_status_of_what_is_only_read_is_kept_whole() -> None:
    for problem in ("", "spec.mode is unknown"):
        raw = {"metadata": {"name": "default", "generation": 1}}
        assert read(PolicyStatus, read_status(raw, problem=problem, now_s=NOW_S), strict=True).conditions
        feeds = feed_fields({FeedProvider.GCP: ("Read", "x" * 5000), FeedProvider.AWS: ("TimedOut", "")})
        cluster_policy = read(
            ClusterPolicyStatus, read_status(raw, problem=problem, now_s=NOW_S, feeds=feeds), strict=True
        )
        assert [feed.provider for feed in cluster_policy.feeds] == ["aws", "gcp"]
        network = read_status(raw, problem=problem, now_s=NOW_S, links=5060)
        assert read(NetworkStatus, network, strict=True).links == 5060
