"""Filters of what a cluster assures: certificates, encryption, readable data, quotas, and that it is open to work."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest
from tests.builders import GIB, NVIDIA, a_cluster, a_workload, an_ask, constraints, some_data
from tests.unit.placement.asking import answer, reason

from tradewind.model.fleet import Certification, Cluster, Quota, Scheduling
from tradewind.model.network import Network
from tradewind.model.plan import Ask, Conditions, Here, Wake
from tradewind.model.workload import Checkpoint, Encryption, Replicas, Spread, Workload
from tradewind.placement.filters.certification import Certified, next_expiry_s
from tradewind.placement.filters.draining import NotDraining
from tradewind.placement.filters.encryption import Encrypts
from tradewind.placement.filters.excluded import NotExcluded
from tradewind.placement.filters.quota import WithinQuota
from tradewind.placement.filters.readable import Readable
from tradewind.placement.filters.scheduling import NotCordoned

NOW_S, DAY_S = 2e9, 86400.0


@pytest.mark.parametrize(
    ("scheduling", "cordon", "drain"),
    [
        pytest.param(Scheduling.ENABLED, None, None, id="an open cluster takes work"),
        pytest.param(Scheduling.CORDONED, "ClusterCordoned", None, id="a cordoned one takes none"),
        pytest.param(Scheduling.DRAINING, None, "ClusterDraining", id="neither does one that is being emptied"),
    ],
)
def test_what_the_owner_allows(scheduling: Scheduling, cordon: str | None, drain: str | None) -> None:
    cluster = a_cluster(scheduling=scheduling)
    assert reason(answer(NotCordoned(), an_ask(), cluster=cluster)) == cordon
    assert reason(answer(NotDraining(), an_ask(), cluster=cluster)) == drain


def test_a_cluster_that_the_work_flees_is_out_of_the_question() -> None:
    ask = replace(an_ask(), lost=frozenset({"a"}))
    assert reason(answer(NotExcluded(), ask, cluster=a_cluster("a"))) == "ClusterExcluded"
    assert answer(NotExcluded(), ask, cluster=a_cluster("b")) is None


def certified(*names: str) -> Workload:
    return a_workload(constraints=replace(constraints(), certifications=frozenset(names)))


def holding(*certificates: tuple[str, float]) -> Cluster:
    return replace(a_cluster(), certifications=tuple(Certification(name, until) for name, until in certificates))


@pytest.mark.parametrize(
    ("wanted", "held", "words"),
    [
        pytest.param((), (), None, id="without a wish none is needed"),
        pytest.param(("C5",), (("C5", inf),), None, id="a certificate without an end"),
        pytest.param(("C5",), (("C5", NOW_S + 1),), None, id="one that is still valid"),
        pytest.param(
            ("C5",),
            (("C5", NOW_S),),
            "CertificationExpired: C5 expired 0s ago: see spec.certifications",
            id="one that expires now",
        ),
        pytest.param(
            ("C5", "ISO27001", "SOC2"),
            (("C5", NOW_S - 3 * DAY_S), ("ISO27001", inf)),
            "CertificationMissing: the cluster lacks SOC2; C5 expired 3d ago: see spec.certifications",
            id="what is missing and what has expired are both named",
        ),
        pytest.param(("C5",), (("C5", NOW_S - 1), ("C5", NOW_S + 1)), None, id="one that was renewed"),
        pytest.param(
            ("iso27001",),
            (("ISO27001", inf),),
            "CertificationMissing: the cluster lacks iso27001: see spec.certifications",
            id="names are names",
        ),
    ],
)
def test_certifications(wanted: tuple[str, ...], held: tuple[tuple[str, float], ...], words: str | None) -> None:
    refusal = answer(
        Certified(), an_ask(certified(*wanted)), cluster=holding(*held), conditions=Conditions(now_s=NOW_S)
    )
    assert (f"{refusal.reason}: {refusal.message}" if refusal else None) == words
    assert refusal is None or refusal.wakes_on is Wake.CLUSTER


@pytest.mark.parametrize(
    ("wanted", "held", "expected"),
    [
        pytest.param((), (("C5", NOW_S),), inf, id="a certificate that the work does not need"),
        pytest.param(("C5",), (("C5", inf),), inf, id="one without an end"),
        pytest.param(("C5", "SOC2"), (("C5", NOW_S + 2), ("SOC2", NOW_S + 1)), NOW_S + 1, id="the first to run out"),
        pytest.param(("C5",), (("C5", NOW_S), ("C5", NOW_S + 9)), NOW_S + 9, id="one that was renewed"),
    ],
)
def test_the_moment_when_running_work_must_leave_is_known(
    wanted: tuple[str, ...], held: tuple[tuple[str, float], ...], expected: float
) -> None:
    work, cluster = certified(*wanted), holding(*held)
    assert next_expiry_s(work, cluster) == expected
    if expected < inf:
        just_before, then = Conditions(now_s=expected - 1), Conditions(now_s=expected)
        assert answer(Certified(), an_ask(work), cluster=cluster, conditions=just_before) is None
        assert answer(Certified(), an_ask(work), cluster=cluster, conditions=then) is not None


@pytest.mark.parametrize(
    ("wanted", "has", "words"),
    [
        pytest.param((), (), None, id="without a wish it need not encrypt"),
        pytest.param(("AtRest",), ("AtRest", "InTransit"), None, id="it encrypts more than is needed"),
        pytest.param(("AtRest", "InTransit"), ("AtRest",), "InTransit, and the cluster", id="one of two is missing"),
        pytest.param(("AtRest",), (), "it says nothing of encryption", id="what it does not say it does not do"),
    ],
)
def test_encryption(wanted: tuple[str, ...], has: tuple[str, ...], words: str | None) -> None:
    wish = replace(constraints(), encryption=frozenset(map(Encryption, wanted)))
    cluster = replace(a_cluster(), encryption=frozenset(map(Encryption, has)))
    refusal = answer(Encrypts(), an_ask(a_workload(constraints=wish)), cluster=cluster)
    assert (refusal is None) == (words is None)
    assert refusal is None or (words or "") in refusal.message


def resuming(*locations: str, resumes: bool = True) -> Ask:
    return replace(an_ask(replace(a_workload(), checkpoint=Checkpoint(1e9, locations))), resumes=resumes)


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        pytest.param(an_ask(), None, id="work that reads nothing"),
        pytest.param(an_ask(a_workload(data=(some_data(1, "gcp/x"),))), None, id="data at another provider"),
        pytest.param(an_ask(a_workload(data=(some_data(1, "aws/eu", "gcp/x"),))), None, id="a replica is left"),
        pytest.param(an_ask(a_workload(data=(some_data(1, "aws/eu"),))), "DataUnreadable", id="the region is lost"),
        pytest.param(
            an_ask(a_workload(data=(some_data(1, "azure/a", "azure/b"),))), "DataUnreadable", id="the provider is lost"
        ),
        pytest.param(
            an_ask(a_workload(data=(some_data(1, "gcp/x"), some_data(1, "aws/eu", name="b")))),
            "DataUnreadable",
            id="one of two inputs is lost",
        ),
        pytest.param(resuming("aws/eu"), "CheckpointUnreadable", id="the only checkpoint is lost"),
        pytest.param(resuming("aws/eu", "gcp/x"), None, id="a second checkpoint is left"),
        pytest.param(resuming("aws/eu", resumes=False), None, id="work that has not run needs no checkpoint"),
        pytest.param(replace(an_ask(), resumes=True), None, id="without checkpoints it starts from the beginning"),
    ],
)
def test_what_the_work_reads_must_be_readable(ask: Ask, expected: str | None) -> None:
    conditions = Conditions(Network(lost=frozenset({"aws/eu", "azure/"})))
    refusal = answer(Readable(), ask, conditions=conditions)
    assert reason(refusal) == expected
    assert refusal is None or refusal.wakes_on is Wake.DATA


def with_quota(*quotas: dict[str, float], namespace: str = "research") -> Cluster:
    return replace(a_cluster(), quotas=tuple(Quota(namespace, free) for free in quotas))


@pytest.mark.parametrize(
    ("cluster", "short"),
    [
        pytest.param(a_cluster(), None, id="without a quota nothing is limited"),
        pytest.param(with_quota({NVIDIA: 16.0}), None, id="just enough"),
        pytest.param(with_quota({NVIDIA: 15.0}), "16 nvidia.com/gpu needed, 15 left", id="one accelerator is missing"),
        pytest.param(with_quota({"memory": GIB, "cpu": 64.0}), "32Gi memory needed, 1Gi left", id="memory"),
        pytest.param(with_quota({"cpu": 7.5}), "8 cpu needed, 7.5 left", id="cores"),
        pytest.param(with_quota({"pods": 1.0}), "2 pods needed, 1 left", id="pods"),
        pytest.param(with_quota({"amd.com/gpu": 0.0, "services": 0.0}), None, id="what the pods do not ask for"),
        pytest.param(with_quota({NVIDIA: 99.0}, {NVIDIA: 0.0}), "0 left", id="the tightest of several quotas counts"),
        pytest.param(with_quota({NVIDIA: -4.0}), ", 0 left", id="a quota that is overdrawn"),
        pytest.param(with_quota({NVIDIA: 0.0}, namespace="other"), None, id="another namespace's quota"),
    ],
)
def test_quota(cluster: Cluster, short: str | None) -> None:
    ask = an_ask(a_workload(pods=2, accelerators=8, cpu_cores=4, memory_bytes=16 * GIB))
    refusal = answer(WithinQuota(), ask, cluster=cluster)
    assert (refusal is None) == (short is None)
    assert refusal is None or (refusal.reason, refusal.wakes_on) == ("QuotaExceeded", Wake.CAPACITY)
    assert refusal is None or (short or "") in refusal.message


@pytest.mark.parametrize(
    ("here", "expected"),
    [
        pytest.param(Here("a", "h100"), None, id="pods that run on the offer already are in the quota"),
        pytest.param(Here("a", "spot"), "QuotaExceeded", id="from another offer they come beside the old ones"),
        pytest.param(Here("b", "h100"), "QuotaExceeded", id="as they do from another cluster"),
        pytest.param(None, "QuotaExceeded", id="or from nowhere"),
    ],
)
def test_a_quota_holds_what_runs_on_the_offer_already(here: Here | None, expected: str | None) -> None:
    cluster = replace(with_quota({NVIDIA: 0.0}), name="a")
    assert reason(answer(WithinQuota(), replace(an_ask(), here=here), cluster=cluster)) == expected


def test_work_that_may_be_divided_over_clusters_needs_room_for_one_pod_only() -> None:
    cluster = with_quota({NVIDIA: 8.0})
    divided = replace(a_workload(pods=4), spread=Spread(clusters=2))
    duplicated = replace(divided, spread=Spread(clusters=2, replicas=Replicas.DUPLICATED))
    assert answer(WithinQuota(), an_ask(divided), cluster=cluster) is None
    assert answer(WithinQuota(), an_ask(duplicated), cluster=cluster) is not None
