"""Datasets of the hub: what they make of a workload's inputs, who may read them, and who hears of a change."""

from __future__ import annotations

from typing import Any

from tests.unit.state.manifests import a_workload, placed

from tradewind.model.plan import Refusal, Wake
from tradewind.model.workload import Access, DataInput, Key, Residency
from tradewind.state.hub import Hub
from tradewind.state.picture import snapshot
from tradewind.state.store import Store

Manifest = dict[str, Any]
KEY = Key("research", "train")
GB = 1e9


def a_dataset(
    name: str = "scans", namespace: str = "research", *, shared: tuple[str, ...] = (), **spec: Any
) -> Manifest:
    """Make a Dataset of 100 GB in Sweden that must stay in the EU."""
    given = {
        "size": "100G",
        "replicas": [{"location": "aws/eu-north-1"}],
        "residency": {"jurisdictions": ["EU"]},
        "sharedWith": {"namespaces": list(shared)},
    }
    metadata = {"name": name, "namespace": namespace, "uid": f"d-{name}"}
    return {"kind": "Dataset", "metadata": metadata, "spec": {**given, **spec}}


def reads(name: str = "scans", namespace: str = "", **more: Any) -> Manifest:
    """Name a Dataset as an input."""
    return {"name": name, "datasetRef": {"name": name, **({"namespace": namespace} if namespace else {})}, **more}


def a_hub(*datasets: Manifest, policy: Manifest | None = None, **workload: Any) -> Hub:
    hub = Hub()
    for dataset in datasets:
        hub.see_dataset(dataset, deleted=False)
    if policy is not None:
        hub.see_cluster_policy({"metadata": {"name": "default"}, "spec": policy})
    hub.see_workload(a_workload(**workload))
    return hub


def problem(hub: Hub) -> Refusal:
    found = hub.understand(hub.workloads[KEY])
    assert found.problem is not None
    assert (found.workload, found.policy) == (None, None)
    return found.problem


def inputs(hub: Hub) -> tuple[DataInput, ...]:
    found = hub.understand(hub.workloads[KEY])
    assert found.workload is not None
    return found.workload.data


def test_a_named_dataset_is_an_input_with_the_size_the_replicas_and_the_law_that_it_gives() -> None:
    hub = a_hub(a_dataset(), data=[reads(access="Stream")])
    residency = Residency(frozenset({"EU"}))
    assert inputs(hub) == (DataInput("scans", 100 * GB, ("aws/eu-north-1",), Access.STREAM, residency),)


def test_the_address_of_a_replica_comes_with_it() -> None:
    replicas = [{"location": "aws/eu-north-1", "url": "s3://scans"}, {"location": "gcp/europe-west4"}]
    (scans,) = inputs(a_hub(a_dataset(replicas=replicas), data=[reads()]))
    assert scans.urls == (("aws/eu-north-1", "s3://scans"),)


def test_inline_data_stands_beside_it() -> None:
    inline = {"name": "labels", "size": "1G", "locations": ["gcp/europe-west4"]}
    assert [each.name for each in inputs(a_hub(a_dataset(), data=[inline, reads()]))] == ["labels", "scans"]


def test_a_replica_that_appears_counts_from_the_next_look_on() -> None:
    hub = a_hub(a_dataset(), data=[reads()])
    replicas = [{"location": "aws/eu-north-1"}, {"location": "gcp/europe-west4"}]
    assert hub.see_dataset(a_dataset(replicas=replicas), deleted=False) == {KEY}
    assert inputs(hub)[0].locations == ("aws/eu-north-1", "gcp/europe-west4")


def test_a_dataset_that_is_not_there_is_a_problem_until_it_is() -> None:
    hub = a_hub(data=[reads()])
    missing = problem(hub)
    assert (missing.reason, missing.wakes_on) == ("DatasetNotFound", Wake.DATA)
    assert missing.message == (
        "spec.data[scans].datasetRef names Dataset scans, which is not in namespace research. Create it."
    )
    assert hub.see_dataset(a_dataset(), deleted=False) == {KEY}
    assert inputs(hub)[0].name == "scans"
    assert hub.see_dataset(a_dataset(), deleted=True) == {KEY}
    assert problem(hub).reason == "DatasetNotFound"


def test_a_dataset_of_another_namespace_must_be_shared() -> None:
    hub = a_hub(a_dataset(namespace="radiology", shared=("research",)), data=[reads(namespace="radiology")])
    assert inputs(hub)[0].size_bytes == 100 * GB
    hub.see_dataset(a_dataset(namespace="radiology", shared=("finance",)), deleted=False)
    refused = problem(hub)
    assert (refused.reason, refused.wakes_on) == ("DatasetNotShared", Wake.DATA)


def test_nobody_learns_whether_another_namespace_has_a_dataset_that_is_not_shared() -> None:
    work: Manifest = {"data": [reads(namespace="radiology")]}
    there, not_there = a_hub(a_dataset(namespace="radiology"), **work), a_hub(**work)
    assert problem(there) == problem(not_there)
    assert "radiology/scans, which is not shared with namespace research" in problem(there).message


def test_a_dataset_of_the_same_name_in_the_workloads_namespace_is_another_one() -> None:
    hub = a_hub(a_dataset(), data=[reads(namespace="radiology")])
    assert problem(hub).reason == "DatasetNotShared"


def test_inline_data_is_refused_where_datasets_are_required_and_a_named_one_is_not() -> None:
    inline = {"name": "labels", "size": "1G", "locations": ["gcp/europe-west4"]}
    policy = {"datasetsRequired": True}
    refused = problem(a_hub(a_dataset(), policy=policy, data=[inline, reads()]))
    assert (refused.reason, refused.wakes_on) == ("InlineDataForbidden", Wake.WORKLOAD)
    assert "describes labels inline" in refused.message
    assert inputs(a_hub(a_dataset(), policy=policy, data=[reads()]))[0].name == "scans"
    assert inputs(a_hub(policy=policy)) == ()


def test_a_dataset_that_can_not_be_read_changes_nothing_and_is_told() -> None:
    hub = a_hub(a_dataset(), data=[reads()])
    hub.see_dataset(a_dataset(size="much"), deleted=False)
    assert inputs(hub)[0].size_bytes == 100 * GB
    assert "is no quantity" in hub.problems["Dataset", "research/scans"]
    hub.see_dataset(a_dataset(size="1G"), deleted=False)
    assert hub.problems == {}
    hub.see_dataset(a_dataset(size="much"), deleted=False)
    hub.see_dataset(a_dataset(size="much"), deleted=True)
    assert hub.problems == {}


def test_a_users_suspend_and_an_end_do_not_wait_for_a_dataset() -> None:
    suspended = a_hub(data=[reads()], suspend=True)
    assert suspended.understand(suspended.workloads[KEY]).problem is None
    ended = {"finished": {"cluster": "aws", "epoch": 1, "result": "Succeeded", "at": "2027-01-01T00:00:00Z"}}
    finished = a_hub(data=[reads()], status=placed(state="Finished") | ended)
    assert finished.understand(finished.workloads[KEY]).problem is None


def test_only_those_who_read_a_dataset_hear_of_its_change() -> None:
    store = Store()
    store.see_workload(a_workload(data=[reads()]))
    store.see_workload(a_workload("other", uid="u-2"))
    store.see_workload(a_workload("third", uid="u-3", data=[reads("more"), reads()]))
    assert store.dirty.take() == {KEY, Key("research", "other"), Key("research", "third")}
    store.see_dataset(a_dataset())
    assert store.dirty.take() == {KEY, Key("research", "third")}
    store.see_dataset(a_dataset("unread"))
    assert store.dirty.take() == set()


def test_a_status_that_comes_back_and_a_dataset_that_can_not_be_read_wake_nobody() -> None:
    store = Store()
    store.see_workload(a_workload(data=[reads()]))
    store.see_dataset(a_dataset())
    store.dirty.take()
    store.see_dataset({**a_dataset(), "status": {"readBy": 1}})
    store.see_dataset(a_dataset(size="much"))
    assert store.dirty.take() == set()
    store.see_dataset(a_dataset(size="2G"))
    assert store.dirty.take() == {KEY}
    store.see_dataset(a_dataset(), deleted=True)
    store.see_dataset(a_dataset(), deleted=True)
    assert store.dirty.take() == {KEY}


def test_who_reads_a_dataset_follows_the_workloads() -> None:
    hub = a_hub(data=[reads(), reads("more")])
    scans, more = Key("research", "scans"), Key("research", "more")
    assert hub.datasets.readers(scans) == hub.datasets.readers(more) == {KEY}
    hub.see_workload(a_workload(version="11", generation=2, data=[reads("more")]))
    assert [hub.datasets.readers(each) for each in (scans, more)] == [frozenset(), frozenset({KEY})]
    hub.see_priority_classes([])
    assert hub.datasets.readers(more) == {KEY}
    hub.forget_workload(KEY, "u-1")
    assert hub.datasets.readers(more) == frozenset()


def test_a_picture_holds_the_data_that_was_looked_up_and_work_that_runs_keeps_its_record_without() -> None:
    store = Store()
    store.see_dataset(a_dataset())
    store.see_workload(a_workload(data=[reads()], status=placed(state="Running")))
    (view,) = snapshot(store, [KEY], now_s=0.0).views
    assert view.workload is not None
    assert view.workload.data[0].locations == ("aws/eu-north-1",)
    store.see_dataset(a_dataset(), deleted=True)
    (view,) = snapshot(store, [KEY], now_s=0.0).views
    assert view.workload is None
    assert view.problem is not None
    assert view.problem.reason == "DatasetNotFound"
    assert [place.cluster for place in view.record.placements] == ["aws"]


def test_a_map_that_changes_something_wakes_what_waits_for_a_link_or_for_the_law_of_a_place() -> None:
    store, link = Store(), {"from": "aws/a", "to": "gcp/b", "bandwidth": "1G"}
    measured = {"kind": "NetworkMap", "metadata": {"name": "m"}, "spec": {"links": [link]}}
    for wake in (Wake.PRICE, Wake.DATA):
        store.dirty.sleep(Key("research", wake), frozenset({wake}))
    both = {Key("research", Wake.PRICE), Key("research", Wake.DATA)}
    store.see_map(measured)
    assert store.dirty.take() == both
    store.see_map(measured)
    assert store.dirty.take() == set()
    store.see_map(measured, deleted=True)
    assert store.dirty.take() == both
