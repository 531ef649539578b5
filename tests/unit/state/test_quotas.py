"""What ResourceQuotas leave to a namespace, and what placed work is about to take of it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.state import manifests

from tradewind.state.picture import snapshot
from tradewind.state.quotas import Quotas, free_of
from tradewind.state.store import Store

Manifest = dict[str, Any]
GPU = "nvidia.com/gpu"


def a_quota(
    name: str = "team", *, namespace: str = "research", used: Manifest | None = None, scopes: Any = (), **hard: str
) -> Manifest:
    """Make a ResourceQuota; `gpu` stands for accelerators."""
    named = {f"requests.{GPU}" if key == "gpu" else key: amount for key, amount in hard.items()}
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"hard": named, **({"scopes": list(scopes)} if scopes else {})},
        "status": {"hard": named, "used": used or {}},
    }


class Told:
    """The quotas of a member, and how often it was told that there is more room."""

    def __init__(self, *items: Manifest) -> None:
        self.times = 0
        self.quotas = Quotas(self._grown)
        self.quotas.replace(list(items))

    def _grown(self) -> None:
        self.times += 1

    def free(self) -> dict[str, dict[str, float]]:
        return {quota.namespace: dict(quota.free) for quota in self.quotas.left({})}


@pytest.mark.parametrize(
    ("hard", "used", "free"),
    [
        pytest.param({"requests.cpu": "8"}, {"requests.cpu": "500m"}, {"cpu": 7.5}, id="requests of cores"),
        pytest.param({"cpu": "8"}, {"cpu": "8"}, {"cpu": 0.0}, id="cores by their short name"),
        pytest.param({"cpu": "8", "requests.cpu": "4"}, {}, {"cpu": 4.0}, id="the lesser of two names"),
        pytest.param({"requests.memory": "1Gi"}, {"requests.memory": "1Mi"}, {"memory": 2.0**30 - 2**20}, id="memory"),
        pytest.param({f"requests.{GPU}": "16"}, {f"requests.{GPU}": "24"}, {GPU: -8.0}, id="a quota that was cut"),
        pytest.param({"count/pods": "3", "pods": "9"}, {"pods": "8"}, {"pods": 1.0}, id="pods"),
        pytest.param(
            {"limits.cpu": "1", "requests.storage": "1Ti", "count/jobs.batch": "0"}, {}, {}, id="other things"
        ),
        pytest.param({"cpu": "much"}, {}, {"cpu": 0.0}, id="no quantity counts as nothing"),
    ],
)
def test_a_quota_leaves_what_is_not_used(hard: Manifest, used: Manifest, free: dict[str, float]) -> None:
    assert free_of({"spec": {}, "status": {"hard": hard, "used": used}}) == free


@pytest.mark.parametrize(
    ("spec", "binds"),
    [
        pytest.param({"scopes": ["NotBestEffort"]}, True, id="all pods with requests"),
        pytest.param({"scopes": ["Terminating"]}, False, id="pods with a deadline"),
        pytest.param({"scopes": ["BestEffort"]}, False, id="pods without requests"),
        pytest.param(
            {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]}},
            False,
            id="pods of a priority",
        ),
    ],
)
def test_a_quota_of_some_pods_only_is_left_to_the_member(spec: Manifest, binds: bool) -> None:  # noqa: FBT001 - a column
    assert bool(free_of({"spec": spec, "status": {"hard": {"cpu": "1"}}})) == binds


def test_a_quota_that_its_member_has_not_counted_yet_binds_nothing() -> None:
    assert free_of({"spec": {"hard": {"cpu": "1"}}}) == {}


def test_of_several_quotas_the_least_counts_for_each_resource() -> None:
    told = Told(a_quota("a", gpu="8", cpu="10"), a_quota("b", gpu="16", cpu="5"), a_quota("c", namespace="x", cpu="1"))
    assert told.free() == {"research": {GPU: 8.0, "cpu": 5.0}, "x": {"cpu": 1.0}}


@pytest.mark.parametrize(
    ("kind", "item", "times"),
    [
        pytest.param("MODIFIED", a_quota(gpu="16"), 1, id="raised"),
        pytest.param("MODIFIED", a_quota(gpu="8", used={f"requests.{GPU}": "2"}), 1, id="less used"),
        pytest.param("DELETED", a_quota(gpu="8"), 1, id="deleted"),
        pytest.param("MODIFIED", a_quota(gpu="8", used={f"requests.{GPU}": "4"}), 0, id="the same"),
        pytest.param("MODIFIED", a_quota(gpu="8", used={f"requests.{GPU}": "8"}), 0, id="more used"),
        pytest.param("ADDED", a_quota("other", gpu="1"), 0, id="another one"),
    ],
)
def test_waiting_work_is_woken_only_by_more_room(kind: str, item: Manifest, times: int) -> None:
    told = Told(a_quota(gpu="8", used={f"requests.{GPU}": "4"}))
    told.quotas.change(kind, item)
    assert told.times == times


def test_a_quota_that_is_gone_from_a_new_list_binds_no_longer() -> None:
    told = Told(a_quota(gpu="8"), a_quota(namespace="x", cpu="1"))
    told.quotas.replace([a_quota(gpu="8")])
    assert (told.free(), told.times) == ({"research": {GPU: 8.0}}, 1)
    told.quotas.change("DELETED", a_quota(gpu="8"))
    assert (told.free(), bool(told.quotas)) == ({}, False)


class Fleet:
    """A store with one member that has room, a quota, and a workload placed on it."""

    def __init__(self, *, status: Manifest, gpu: str = "10", gpus: int = 2) -> None:
        self.store = Store()
        entry = self.store.see_cluster(manifests.a_cluster())
        assert entry is not None
        self.member = self.store.connect(entry)
        self.member.nodes_sink.replace([manifests.a_node()])
        self.member.pods_sink.replace([])
        for sink in self.member.copy_sinks.values():
            sink.replace([])
        self.member.quotas.replace([a_quota(gpu=gpu)])
        self.store.identify(entry, "kube-system")
        self.store.see_workload(manifests.a_workload(status=status, gpus=gpus))

    def free(self) -> float:
        """Accelerators that the namespace's quota leaves."""
        (cluster,) = snapshot(self.store, (), now_s=0.0).fleet
        (quota,) = cluster.quotas
        return quota.free[GPU]


def test_pods_that_are_promised_are_taken_off_before_their_member_counts_them() -> None:
    assert Fleet(status=manifests.placed(replicas=3)).free() == 4.0


def test_a_pod_that_exists_is_counted_by_the_quota_whether_it_has_a_node_or_not() -> None:
    fleet = Fleet(status=manifests.placed(replicas=2))
    copy = manifests.a_copy()
    fleet.member.copy_sinks["Job"].change("MODIFIED", {**copy, "spec": {"parallelism": 2, "completions": 2}})
    assert fleet.free() == 6.0
    for uid, node in (("p-1", "n1"), ("p-2", "")):
        fleet.member.pods_sink.change("ADDED", manifests.a_pod(uid, node=node))
    assert fleet.free() == 10.0, "their member's own count has them"
    fleet.member.pods_sink.change("DELETED", manifests.a_pod("p-2", node=""))
    assert fleet.free() == 8.0


def test_work_that_has_ended_owes_nothing() -> None:
    assert Fleet(status=manifests.placed(state="Finished")).free() == 10.0


def test_work_of_another_namespace_owes_nothing() -> None:
    fleet = Fleet(status=manifests.placed())
    fleet.member.quotas.replace([a_quota(namespace="other", gpu="10")])
    assert fleet.free() == 10.0
