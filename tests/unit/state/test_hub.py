"""What the hub says: workloads with their records, policies, priority classes; and what no one can read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.state.manifests import a_workload, placed

from tradewind.model.plan import Wake
from tradewind.model.policy import Guarantee, Mode
from tradewind.model.workload import Key
from tradewind.state.hub import Hub

Manifest = dict[str, Any]
KEY = Key("research", "train")


def hub_with(*objects: Manifest) -> Hub:
    hub = Hub()
    for obj in objects:
        hub.see_workload(obj)
    return hub


def policy(name: str = "default", *, uid: str = "p", **spec: Any) -> Manifest:
    return {"metadata": {"name": name, "namespace": "research", "uid": uid}, "spec": spec}


def test_a_workload_is_read_with_its_record() -> None:
    entry = hub_with(a_workload(status=placed())).workloads[KEY]
    assert entry.workload is not None
    assert (entry.workload.pods.accelerators, entry.record.epoch, entry.uid) == (1, 1, "u-1")
    assert (entry.problem, entry.deleting, entry.generation) == (None, False, 1)


@pytest.mark.parametrize(
    ("version", "news"),
    [("9", False), ("10", False), ("11", True), ("100", True), ("1000000000000000000000", True)],
)
def test_what_is_not_newer_is_no_news(version: str, news: bool) -> None:  # noqa: FBT001 - a table
    """The echo of our own write, or a list that was overtaken by a watch, must undo nothing."""
    hub = hub_with(a_workload(status=placed(epoch=2)))
    assert (hub.see_workload(a_workload(version=version)) == KEY) is news
    assert hub.workloads[KEY].record.epoch == (0 if news else 2)


def test_a_new_status_changes_the_record_and_keeps_what_was_read() -> None:
    hub = hub_with(a_workload())
    before = hub.workloads[KEY]
    workload = before.workload
    before.vetoes["aws"] = (None, 1.0)  # type: ignore[assignment]  # only that it is kept counts
    hub.see_workload(a_workload(version="11", status=placed()))
    assert hub.workloads[KEY].record.epoch == 1
    assert hub.workloads[KEY].workload is workload
    assert "aws" in hub.workloads[KEY].vetoes


def test_a_new_spec_is_read_anew_and_asks_every_cluster_again() -> None:
    hub = hub_with(a_workload())
    hub.workloads[KEY].vetoes["aws"] = (None, 1.0)  # type: ignore[assignment]  # the test needs it odd
    hub.see_workload(a_workload(version="11", generation=2, suspend=True))
    entry = hub.workloads[KEY]
    assert entry.workload is not None
    assert entry.workload.suspended
    assert entry.vetoes == {}


def test_a_promise_under_way_outlives_whatever_is_seen_meanwhile() -> None:
    hub = hub_with(a_workload())
    promise = hub_with(a_workload(status=placed())).workloads[KEY].record
    hub.workloads[KEY].promise = promise
    hub.see_workload(a_workload(version="11"))
    assert hub.workloads[KEY].expected is promise
    hub.see_workload(a_workload(version="12", generation=2))
    assert hub.workloads[KEY].expected is promise
    hub.see_priority_classes([])
    assert hub.workloads[KEY].expected is promise
    hub.see_workload(a_workload(uid="u-2", version="13"))
    assert hub.workloads[KEY].expected is not promise


def test_a_workload_made_again_begins_from_nothing() -> None:
    hub = hub_with(a_workload(status=placed(epoch=7)))
    hub.see_workload(a_workload(uid="u-2", version="1"))
    assert (hub.workloads[KEY].uid, hub.workloads[KEY].record.epoch) == ("u-2", 0)


def test_the_end_of_an_earlier_one_of_that_name_is_not_its_end() -> None:
    hub = hub_with(a_workload(uid="u-2"))
    assert not hub.forget_workload(KEY, "u-1")
    assert hub.forget_workload(KEY, "u-2")
    assert not hub.forget_workload(KEY, "u-2")


def test_a_delete_is_seen() -> None:
    hub = hub_with(a_workload())
    hub.see_workload(a_workload(version="11", deleting=True))
    assert hub.workloads[KEY].deleting


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        pytest.param({"type": "Dreaming"}, "type", id="a type that is none"),
        pytest.param({"run": None}, "run", id="nothing to run"),
        pytest.param(
            {"accelerators": {"anyOf": ["H100-80GB"]}, "run": {"image": "x"}}, "accelerators", id="no accelerator"
        ),
        pytest.param({"failover": {"maxMovesPerHour": -1}}, "maxMovesPerHour", id="a negative limit"),
        pytest.param({"data": "much"}, "data", id="data of a wrong shape"),
    ],
)
def test_a_bad_spec_is_a_problem_with_its_field(spec: Manifest, word: str) -> None:
    entry = hub_with(a_workload(status=placed(), **spec)).workloads[KEY]
    assert entry.workload is None
    assert entry.problem is not None
    assert (entry.problem.reason, entry.problem.wakes_on) == ("InvalidSpec", Wake.WORKLOAD)
    assert word in entry.problem.message
    assert entry.record.epoch == 1, "a bad spec does not hide where the work is"


def test_a_spec_that_is_mended_is_read() -> None:
    hub = hub_with(a_workload(type="Dreaming"))
    hub.see_workload(a_workload(version="11", generation=2))
    assert hub.workloads[KEY].problem is None


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    *("type", "run", "template", "accelerators", "data", "constraints", "failover", "policyRef", "suspend"),
    *("companions", "priorityClassName", "expectedRuntime", "outputs", "checkpoint", "deadline", "budget"),
    *("network", "spread"),
)


@given(spec=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4), status=JSON)
@settings(max_examples=150)
def test_no_workload_that_a_hub_may_hold_is_a_traceback(spec: Manifest, status: Any) -> None:
    """One object that nobody can read must not keep the operator from reading all others."""
    obj = a_workload(**spec)
    obj["status"] = status if isinstance(status, dict) else {}
    hub = hub_with(obj, {**obj, "spec": spec, "metadata": {**obj["metadata"], "resourceVersion": "11"}})
    entry = hub.workloads[KEY]
    assert (entry.workload is None) == (entry.problem is not None)
    if entry.problem is None:
        hub.missing_policy(entry)
    found = hub.understand(entry)
    assert (found.workload is None) == (found.policy is None) == (found.problem is not None)


@given(
    spec=JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(("size", "replicas", "residency", "sharedWith"), JSON))
)
@settings(max_examples=100)
def test_no_dataset_that_a_hub_may_hold_is_a_traceback(spec: Any) -> None:
    data = [{"name": "scans", "datasetRef": {"name": "scans"}}]
    hub = hub_with(a_workload(data=data))
    metadata = {"name": "scans", "namespace": "research", "uid": "d"}
    hub.see_dataset({"kind": "Dataset", "metadata": metadata, "spec": spec}, deleted=False)
    found = hub.understand(hub.workloads[KEY])
    assert (found.problem is None) == (hub.problems == {})


# Priority classes.


def test_a_priority_class_is_looked_up_and_a_missing_one_is_a_problem_until_it_is_there() -> None:
    hub = hub_with(a_workload(priorityClassName="high"))
    problem = hub.workloads[KEY].problem
    assert problem is not None
    assert (problem.reason, problem.wakes_on) == ("PriorityClassNotFound", Wake.CONFIG)
    hub.see_priority_classes([{"metadata": {"name": "high"}, "value": 1000}])
    workload = hub.workloads[KEY].workload
    assert workload is not None
    assert workload.priority == 1000


def test_work_without_a_class_has_the_clusters_default() -> None:
    hub = hub_with(a_workload())
    hub.see_priority_classes([{"metadata": {"name": "normal"}, "value": 5, "globalDefault": True}])
    workload = hub.workloads[KEY].workload
    assert workload is not None
    assert workload.priority == 5


# Policies.


def effective(hub: Hub) -> Any:
    return hub.effective(hub.workloads[KEY])


def test_the_namespaces_default_policy_counts_where_none_is_named() -> None:
    hub = hub_with(a_workload())
    assert effective(hub).guarantee is Guarantee.AT_MOST_ONCE
    hub.see_policy(policy(failover={"guarantee": "AtLeastOnce"}), deleted=False)
    assert effective(hub).guarantee is Guarantee.AT_LEAST_ONCE
    hub.see_policy(policy(), deleted=True)
    assert effective(hub).guarantee is Guarantee.AT_MOST_ONCE


def test_a_policy_of_another_namespace_does_not_count() -> None:
    hub = hub_with(a_workload())
    other = policy(mode="Recommend")
    other["metadata"]["namespace"] = "elsewhere"
    hub.see_policy(other, deleted=False)
    assert effective(hub).mode is Mode.ENFORCE


def test_a_named_policy_counts_and_a_missing_one_is_a_problem() -> None:
    hub = hub_with(a_workload(policyRef={"name": "careful"}))
    entry = hub.workloads[KEY]
    missing = hub.missing_policy(entry)
    assert missing is not None
    assert (missing.reason, missing.wakes_on) == ("PolicyNotFound", Wake.CONFIG)
    hub.see_policy(policy("careful", mode="Recommend"), deleted=False)
    assert hub.missing_policy(entry) is None
    assert effective(hub).mode is Mode.RECOMMEND


def test_a_policy_that_can_not_be_read_changes_nothing_and_is_told() -> None:
    hub = hub_with(a_workload())
    hub.see_policy(policy(mode="Recommend"), deleted=False)
    hub.see_policy(policy(mode="Sometimes"), deleted=False)
    assert effective(hub).mode is Mode.RECOMMEND
    assert ("PlacementPolicy", "research/default") in hub.problems
    hub.see_policy(policy(mode="Enforce"), deleted=False)
    assert hub.problems == {}


def test_the_clusters_policy_is_replaced_and_removed_and_a_bad_one_changes_nothing() -> None:
    hub = Hub()
    hub.see_cluster_policy({"metadata": {"name": "default"}, "spec": {"moves": {"burst": 7}}})
    assert hub.policy.moves.burst == 7
    hub.see_cluster_policy({"metadata": {"name": "default"}, "spec": {"moves": {"burst": "many"}}})
    assert hub.policy.moves.burst == 7
    assert ("ClusterPlacementPolicy", "default") in hub.problems
    hub.see_cluster_policy(None)
    assert (hub.policy.moves.burst, hub.problems) == (100, {})


def test_the_clusters_policy_extends_the_table_of_accelerators() -> None:
    hub = Hub()
    row = {"name": "Mystery-1", "nodeLabels": {"gpu": "mystery"}, "relativeSpeed": "2.5"}
    hub.see_cluster_policy({"metadata": {"name": "default"}, "spec": {"accelerators": [row]}})
    assert hub.table[0].name == "Mystery-1"
    assert len(hub.table) > 1
