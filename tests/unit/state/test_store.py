"""Everything that is known, and one picture of it: who is woken by what, what is promised, what may be believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.state.manifests import (
    KEY,
    NOW_S,
    a_class,
    a_cluster,
    a_copy,
    a_pod,
    a_store,
    a_workload,
    picture,
    placed,
)

from tradewind.apply.cluster_status import cluster_status
from tradewind.model.placement import Orphan
from tradewind.model.plan import Refusal, Wake
from tradewind.model.workload import Key
from tradewind.outage.evidence import Heard, Probe, hear
from tradewind.state.store import Store

Manifest = dict[str, Any]
NAMES = ("placed", "health", "capacity", "data")


def jobs(store: Store, *items: Manifest, name: str = "aws") -> None:
    member = store.clusters[name].member
    assert member is not None
    member.copy_sinks["Job"].replace(list(items))


def pods(store: Store, *items: Manifest, name: str = "aws") -> None:
    member = store.clusters[name].member
    assert member is not None
    member.pods_sink.replace(list(items))


def promised(store: Store, name: str = "aws") -> int:
    cluster = next(each for each in picture(store).fleet if each.name == name)
    return sum(demand.count for demand in cluster.promised)


# What wakes whom.


def labelled() -> Manifest:
    cluster = a_cluster()
    return {**cluster, "metadata": {**cluster["metadata"], "labels": {"env": "prod"}}}


def test_news_of_a_workload_mark_it_and_echoes_do_not() -> None:
    store = a_store()
    store.see_workload(a_workload())
    assert store.dirty.take() == {KEY}
    store.see_workload(a_workload())
    assert store.dirty.take() == set()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda s: s.health_changed("aws"), {"placed", "health", "data"}, id="a verdict"),
        pytest.param(lambda s: s.see_cluster(a_cluster(generation=2)), set(NAMES), id="its spec"),
        pytest.param(lambda s: s.see_cluster(a_cluster(), deleted=True), set(NAMES), id="its end"),
        pytest.param(lambda s: s.see_cluster(labelled()), set(NAMES), id="its labels"),
        pytest.param(lambda s: s.see_cluster(a_cluster("own")), {"capacity", "health", "data"}, id="another cluster"),
        pytest.param(lambda s: s.see_cluster(a_cluster()), set(), id="an echo of its status"),
        pytest.param(pods, {"capacity"}, id="a new list of pods"),
        pytest.param(jobs, {"placed"}, id="a new list of copies: what is not on it is news too"),
        pytest.param(lambda s: s.see_priority_classes([a_class("high")]), set(NAMES), id="priority classes"),
        pytest.param(lambda s: s.see_priority_classes([]), set(), id="a new list of the same priority classes"),
        pytest.param(lambda s: s.see_cluster_policy(None), set(NAMES), id="the clusters' policy"),
    ],
)
def test_who_is_woken(change: Any, expected: set[str]) -> None:
    store = a_store(workloads=tuple(a_workload(n, status=placed() if n == "placed" else None) for n in NAMES))
    for name, wake in (("health", Wake.HEALTH), ("capacity", Wake.CAPACITY), ("data", Wake.DATA)):
        store.dirty.sleep(Key("research", name), frozenset({wake}))
    change(store)
    assert {key.name for key in store.dirty.take()} == expected


def test_a_namespaces_policy_wakes_its_namespace() -> None:
    store = a_store(workloads=(a_workload(),))
    store.see_policy({"metadata": {"name": "default", "namespace": "elsewhere", "uid": "p"}, "spec": {}})
    assert store.dirty.take() == set()
    store.see_policy({"metadata": {"name": "default", "namespace": "research", "uid": "p"}, "spec": {}})
    assert store.dirty.take() == {KEY}


def test_a_copy_of_nobody_wakes_nobody() -> None:
    store = a_store(workloads=(a_workload("other"),))
    jobs(store, a_copy())
    assert store.dirty.take() == set()


# What is promised.


@pytest.mark.parametrize(
    ("status", "copies", "bound", "expected"),
    [
        pytest.param({}, (), 0, 0, id="nothing"),
        pytest.param(placed(replicas=3), (), 0, 3, id="what is decided and not made yet"),
        pytest.param(placed(), (a_copy(),), 0, 1, id="what is made and has no node yet"),
        pytest.param(placed(), (a_copy(),), 1, 0, id="what has a node takes its room there"),
        pytest.param(placed(epoch=2), (a_copy(),), 1, 1, id="pods of an older copy do not count for the new one"),
        pytest.param(placed(state="Releasing"), (), 0, 0, id="what is on its way out and gone"),
        pytest.param(placed(state="Releasing"), (a_copy(),), 0, 1, id="but until its end is seen it may take a node"),
        pytest.param(placed(state="Releasing"), (a_copy(deleting=True),), 0, 0, id="and once it is seen it may not"),
        pytest.param(
            placed(),
            (a_copy(conditions=[{"type": "Complete", "status": "True"}]),),
            0,
            0,
            id="what has ended",
        ),
        pytest.param(placed("gcp"), (), 0, 0, id="what is promised elsewhere"),
    ],
)
def test_promised_room(status: Manifest, copies: tuple[Manifest, ...], bound: int, expected: int) -> None:
    store = a_store("aws", "gcp", workloads=(a_workload(status=status),))
    jobs(store, *copies)
    pods(store, *(a_pod(f"p{index}") for index in range(bound)))
    assert promised(store) == expected


def test_a_stale_copy_where_the_work_has_been_may_still_take_a_node() -> None:
    move = {"fromCluster": "aws", "toCluster": "gcp", "reason": "x", "epoch": 2}
    store = a_store("aws", "gcp", workloads=(a_workload(status={**placed("gcp", epoch=2), "moves": [move]}),))
    jobs(store, a_copy())
    assert (promised(store), promised(store, "gcp")) == (1, 1)


def test_a_promise_counts_before_it_is_written() -> None:
    store = a_store(workloads=(a_workload(),))
    entry = store.hub.workloads[KEY]
    store.see_workload(a_workload("other", uid="u-2", status=placed()))
    entry.promise = store.hub.workloads[Key("research", "other")].record
    assert promised(store) == 2
    entry.promise = None
    assert promised(store) == 1


def test_room_that_a_promise_frees_stays_taken_until_that_is_written() -> None:
    store = a_store("aws", "gcp", workloads=(a_workload(status=placed()),))
    entry = store.hub.workloads[KEY]
    store.see_workload(a_workload("other", uid="u-2", status=placed("gcp")))
    entry.promise = store.hub.workloads[Key("research", "other")].record
    assert (promised(store), promised(store, "gcp")) == (1, 2)


def test_equal_promises_are_one_demand() -> None:
    many = tuple(a_workload(f"w{index}", uid=f"u-{index}", status=placed()) for index in range(50))
    store = a_store(workloads=many)
    (cluster,) = picture(store).fleet
    assert [(demand.offer, demand.count, demand.accelerators) for demand in cluster.promised] == [("h100", 50, 1)]


STATES = st.sampled_from(["", "Delivering", "Pending", "Running", "Releasing", "Finished"])


@given(cases=st.lists(st.tuples(STATES, st.booleans(), st.booleans()), max_size=8))
@settings(max_examples=60)
def test_no_room_is_counted_twice(cases: list[tuple[str, bool, bool]]) -> None:
    """What is free and what is promised add up: no pod both takes room on its node and is promised room."""
    store = a_store()
    copies, found = [], []
    for index, (state, made, bound) in enumerate(cases):
        name = f"w{index}"
        store.see_workload(a_workload(name, uid=f"u-{index}", status=placed(state=state) if state else {}))
        if made:
            copies.append(a_copy(name, uid=f"u-{index}"))
        if made and bound:
            found.append(a_pod(f"p{index}", workload_uid=f"u-{index}"))
    jobs(store, *copies)
    pods(store, *found)
    (cluster,) = picture(store).fleet
    taken = 8 - sum(node.free_accelerators for node in cluster.nodes)
    assert taken == len(found)
    wanted = sum(bool(state) and (made or state not in ("Releasing", "Finished")) for state, made, _ in cases)
    assert taken + sum(demand.count for demand in cluster.promised) <= wanted + sum(
        made and bound and not state for state, made, bound in cases
    )


# What may be believed.


def test_a_view_shows_the_copies_of_all_members_by_cluster() -> None:
    store = a_store("aws", "gcp", workloads=(a_workload(),))
    jobs(store, a_copy(epoch=1))
    jobs(store, a_copy(epoch=2), a_copy("other"), name="gcp")
    (view,) = picture(store).views
    assert {name: copy.epoch for name, copy in view.copies.items()} == {"aws": 1, "gcp": 2}


def test_what_is_not_known_any_more_has_no_view() -> None:
    store = a_store(workloads=(a_workload(),))
    store.see_workload(a_workload(), deleted=True)
    assert picture(store).views == ()


@pytest.mark.parametrize(
    ("trouble", "current"),
    [
        pytest.param("", True, id="it answers, and its lists are fresh"),
        pytest.param("silent", False, id="it is silent"),
        pytest.param("refused", False, id="it refuses us"),
        pytest.param("stale", False, id="a list is stale"),
        pytest.param("rebuilt", False, id="another cluster answers under its name"),
    ],
)
def test_absence_is_believed_only_of_a_fresh_list(trouble: str, current: bool) -> None:  # noqa: FBT001 - a table
    store = a_store(workloads=(a_workload(),))
    entry = store.clusters["aws"]
    heard = {"silent": Heard.SILENCE, "refused": Heard.CREDENTIALS}.get(trouble)
    if heard is not None:
        entry.evidence = hear(entry.evidence, Probe(1.0, heard))
    if trouble == "stale" and entry.member is not None:
        entry.member.copy_sinks["Deployment"].stale()
    if trouble == "rebuilt":
        entry.meant_uid = "another"
    assert picture(store).inventories["aws"].current is current


def test_room_is_not_given_out_by_stale_lists_of_unknown_age() -> None:
    store = a_store()
    member = store.clusters["aws"].member
    assert member is not None
    member.pods_sink.stale()
    (cluster,) = picture(store).fleet
    assert (cluster.known, cluster.nodes) == (False, ())


def test_a_cluster_that_can_not_be_understood_is_no_cluster_that_was_removed() -> None:
    store = a_store()
    entry = store.see_cluster(a_cluster("odd", provider=5))
    assert entry is not None
    assert entry.problem is not None
    assert entry.problem[0] == "InvalidSpec"
    shown = picture(store)
    assert shown.unreadable == frozenset({"odd"})
    assert [cluster.name for cluster in shown.fleet] == ["aws"]
    store.see_cluster(a_cluster("odd", generation=2))
    assert store.clusters["odd"].problem is None
    assert picture(store).unreadable == frozenset()


def test_a_spec_that_is_spoilt_later_keeps_what_was_understood() -> None:
    store = a_store()
    store.see_cluster(a_cluster(generation=2, provider=5))
    (cluster,) = picture(store).fleet
    assert (cluster.provider, cluster.health.takes_work, cluster.health.lost) == ("aws", False, False)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["provider", "region", "connection", "offers", "detection", "scheduling", "tier"])


@given(spec=st.dictionaries(FIELDS, JSON, min_size=1, max_size=3))
@settings(max_examples=60)
def test_no_cluster_that_a_hub_may_hold_is_a_traceback(spec: Manifest) -> None:
    store = a_store(workloads=(a_workload(status=placed("odd")),))
    store.see_cluster(a_cluster("odd", **spec))
    store.see_cluster_policy(None)
    picture(store)


def test_vetoes_are_believed_for_their_time_and_those_of_the_hub_count_everywhere() -> None:
    store = a_store("aws", "gcp", workloads=(a_workload(),))
    entry, refused = store.hub.workloads[KEY], Refusal("RefusedByMember", "no", Wake.CLUSTER)
    missing = Refusal("SecretNotFound", "create it", Wake.CONFIG)
    entry.vetoes = {"aws": (refused, NOW_S + 1), "gcp": (refused, NOW_S)}
    assert dict(picture(store).views[0].vetoes) == {"aws": refused}
    entry.vetoes["*"] = (missing, NOW_S + 1)
    assert dict(picture(store).views[0].vetoes) == {"aws": missing, "gcp": missing}


# Restarts, orphans and lost memory.


def test_the_first_cluster_that_answers_is_the_one_that_is_meant_also_before_its_status_says_so() -> None:
    store = Store()
    entry = store.see_cluster(a_cluster())
    assert entry is not None
    store.identify(entry, "of-the-first")
    store.identify(entry, "of-its-successor")
    assert entry.rebuilt
    store.recall()
    assert cluster_status(entry, workloads=0, usd_per_hour=0.0, now_s=NOW_S)["clusterUID"] == "of-the-first"


def test_a_cluster_is_known_again_from_its_status() -> None:
    orphan = {"namespace": "research", "name": "train", "uid": "u-9"}
    status = {"clusterUID": "k", "inventoriedAt": "2027-01-01T00:00:00Z", "verdict": "Down", "orphans": [orphan]}
    store = Store()
    entry = store.see_cluster(a_cluster(status=status))
    assert entry is not None
    assert (entry.meant_uid, entry.listed, entry.evidence.was_down) == ("k", True, True)
    assert entry.orphans == (Orphan(KEY, "u-9"),)


def test_what_a_workload_leaves_behind_by_force_is_remembered_where_it_may_be() -> None:
    move = {"fromCluster": "gcp", "toCluster": "aws", "reason": "x", "epoch": 2}
    store = a_store("aws", "gcp", "own", workloads=(a_workload(status={**placed(epoch=2), "moves": [move]}),))
    jobs(store, a_copy(epoch=2))
    store.clusters["gcp"].evidence = hear(store.clusters["gcp"].evidence, Probe(1.0, Heard.SILENCE))
    store.see_workload(a_workload(), deleted=True)
    assert {name: len(entry.orphans) for name, entry in store.clusters.items()} == {"aws": 1, "gcp": 1, "own": 0}


def test_an_orphans_copy_is_nobodys() -> None:
    store = a_store(workloads=(a_workload(uid="u-2"),))
    jobs(store, a_copy(uid="u-1"))
    assert set(picture(store).views[0].copies) == {"aws"}
    store.remember_orphan("aws", KEY, "u-1")
    store.remember_orphan("aws", KEY, "u-1")
    assert dict(picture(store).views[0].copies) == {}
    assert len(store.clusters["aws"].orphans) == 1


def test_a_copy_that_no_status_records_means_that_this_hub_has_lost_its_memory() -> None:
    store = a_store(workloads=(a_workload(),))
    assert not picture(store).rebuilt
    jobs(store, a_copy("of-work-that-is-not-back-yet"))
    assert picture(store).rebuilt


@pytest.mark.parametrize(
    "copy",
    [pytest.param(a_copy(), id="a recorded one"), pytest.param(a_copy("gone", deleting=True), id="one on its way out")],
)
def test_a_copy_that_is_accounted_for_does_not(copy: Manifest) -> None:
    store = a_store(workloads=(a_workload(status=placed()),))
    jobs(store, copy)
    assert not picture(store).rebuilt


def test_nothing_is_decided_before_a_declared_cluster_has_been_looked_at() -> None:
    store = Store()
    entry = store.see_cluster(a_cluster())
    assert entry is not None
    assert not entry.ready_to_decide, "its connection has not even begun"
    member = store.connect(entry)
    assert not entry.ready_to_decide
    for sink in (member.nodes_sink, member.pods_sink):
        sink.replace([])
    for copies in member.copy_sinks.values():
        copies.replace([])
    store.identify(entry, "k")
    assert entry.ready_to_decide


@pytest.mark.parametrize("heard", [Heard.SILENCE, Heard.CREDENTIALS, Heard.UNKNOWN])
def test_nobody_waits_for_a_cluster_that_does_not_answer(heard: Heard) -> None:
    store = Store()
    entry = store.see_cluster(a_cluster())
    assert entry is not None
    store.connect(entry)
    entry.evidence = hear(entry.evidence, Probe(0.0, heard))
    assert entry.ready_to_decide


def test_nobody_waits_for_a_cluster_with_a_problem() -> None:
    store = Store()
    entry = store.see_cluster(a_cluster())
    assert entry is not None
    entry.problem = ("SecretNotFound", "create it")
    assert entry.ready_to_decide
    assert replace(entry, problem=None).ready_to_decide is False
