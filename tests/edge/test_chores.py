"""What is done at leisure: statuses as they change and never otherwise, orphans swept, config kept in step; events."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from tests.edge.rig import CLUSTERS, DOWN, HEALTHY, JOBS, Rig, a_job, with_pod
from tests.edge.waiting import until
from tests.unit.state.manifests import a_workload

from tradewind.apply.events import MAX_QUEUED, EventWriter
from tradewind.kube.resources import CLUSTER_POLICIES, DATASETS, NETWORK_MAPS
from tradewind.model.placement import Orphan
from tradewind.model.policy import FeedProvider
from tradewind.model.workload import Key
from tradewind.observe.feed import Feed
from tradewind.observe.members import Members
from tradewind.runtime import chores as chores_module
from tradewind.runtime.chores import Chores

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from tests.edge.fakeapi import FakeApi

Manifest = dict[str, Any]
CONFIG = "v1/configmaps"
LABELS = {"tradewind.dev/hub": "default", "tradewind.dev/workload": "train", "tradewind.dev/epoch": "1"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores_module, "STATUS_TICK_S", 0.01)


@asynccontextmanager
async def chores(rig: Rig) -> AsyncIterator[tuple[Chores, Feed]]:
    """Make the chores of a rig; tasks that are started by `doing` end with it."""
    async with asyncio.TaskGroup() as tasks:
        members = Members(
            rig.store, tasks, namespace="tradewind-system", hub_name="default", fence=rig.fence, on_call=lambda *_: None
        )
        client = rig.hub.client()
        feed = Feed(client, rig.store, members, namespace="tradewind-system")
        yield Chores(rig.store, client, rig, feed, hub_name="default", config_period_s=0.02), feed


@asynccontextmanager
async def doing(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        assert not task.done(), "a chore never ends"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def shown(rig: Rig, name: str = "aws") -> Manifest:
    found = rig.hub.objects.get(CLUSTERS, "", name)
    assert found is not None
    status: Manifest = found.get("status") or {}
    return status


def writes(rig: Rig) -> int:
    return len(rig.hub.writes())


async def test_a_clusters_status_shows_verdict_identity_and_room(rig: Rig) -> None:
    async with chores(rig) as (made, _), doing(made.write_statuses()):
        await until(lambda: shown(rig).get("verdict") and shown(rig, "gcp").get("verdict"))
    status = shown(rig)
    assert (status["verdict"], status["clusterUID"]) == ("Healthy", "kube-system-of-aws")
    assert status["offers"][0]["freeAccelerators"] == 8
    assert status["inventoriedAt"]
    assert {each["type"]: each["status"] for each in status["conditions"]}["Ready"] == "True"


async def test_a_verdict_is_shown_when_it_changes_and_nothing_is_written_meanwhile(rig: Rig) -> None:
    async with chores(rig) as (made, _), doing(made.write_statuses()):
        await until(lambda: shown(rig, "gcp").get("verdict"))
        before = writes(rig)
        ticks = len(rig.hub.calls)
        await asyncio.sleep(0.2)
        assert (writes(rig), len(rig.hub.calls)) == (before, ticks)
        rig.judge("aws", DOWN, noted=False)
        await until(lambda: shown(rig)["verdict"] == "Down")
        assert writes(rig) == before + 1


async def test_a_changed_spec_is_acknowledged_at_once(rig: Rig) -> None:
    async with chores(rig) as (made, _), doing(made.write_statuses()):
        await until(lambda: shown(rig).get("verdict"))
        raw = rig.store.clusters["aws"].raw
        newer = int(raw["metadata"].get("generation", 1)) + 1
        rig.store.see_cluster({**raw, "metadata": {**raw["metadata"], "generation": newer}})
        await until(lambda: shown(rig)["observedGeneration"] == newer, within_s=5)  # figures are written every ten


async def test_labels_that_a_written_status_brings_back_before_their_event_are_still_read(rig: Rig) -> None:
    entry = rig.store.clusters["aws"]
    entry.raw = deepcopy(entry.raw)
    labelled = rig.hub.objects.get(CLUSTERS, "", "aws")
    assert labelled is not None
    labelled["metadata"]["labels"] = {"audited": "yes"}  # its watch event is on its way
    async with chores(rig) as (made, _), doing(made.write_statuses()):
        await until(lambda: shown(rig).get("clusterUID"))
    rig.store.see_cluster(labelled)
    assert entry.spec is not None
    assert entry.spec.labels == {"audited": "yes"}


async def test_who_does_not_lead_writes_nothing(rig: Rig) -> None:
    rig.leads = False
    async with chores(rig) as (made, _), doing(made.write_statuses()), doing(made.sweep()), doing(made.keep_config()):
        await asyncio.sleep(0.2)
    assert writes(rig) == 0


@pytest.mark.parametrize("status", [500, 404, 409])
async def test_a_hub_that_refuses_a_status_gets_it_later(rig: Rig, status: int) -> None:
    rule = rig.hub.answer("PATCH /aws/status", status)
    async with chores(rig) as (made, _), doing(made.write_statuses()):
        await until(lambda: rule.hits >= 2 and shown(rig, "gcp").get("verdict"))
        rig.hub.heal()
        await until(lambda: shown(rig).get("verdict"))


async def test_an_unforeseen_error_ends_no_chore(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    async with chores(rig) as (made, _), doing(made.write_statuses()):
        entry = rig.store.clusters["aws"]
        raw, entry.raw = entry.raw, {"metadata": {"name": "aws", "creationTimestamp": ""}, "status": 5}
        await until(lambda: shown(rig, "gcp").get("verdict"))
        entry.raw = raw
        await until(lambda: shown(rig).get("verdict"))
    assert "chore failed" in caplog.text


async def test_policies_and_maps_are_told_whether_they_are_in_force(rig: Rig) -> None:
    bad = {"metadata": {"name": "default"}, "spec": {"mode": "Sometimes"}}
    good = {"metadata": {"name": "measured"}, "spec": {"links": []}}
    async with chores(rig) as (made, feed):
        for resource, obj in ((CLUSTER_POLICIES, bad), (NETWORK_MAPS, good)):
            stored = rig.hub.objects.put(f"{resource.api_version}/{resource.plural}", obj)
            feed.take(resource.plural, None, {"apiVersion": resource.api_version, "kind": resource.kind, **stored})

        def conditions(resource: Any, name: str) -> dict[str, str]:
            found = rig.hub.objects.get(f"{resource.api_version}/{resource.plural}", "", name) or {}
            return {each["type"]: each["reason"] for each in (found.get("status") or {}).get("conditions") or ()}

        async with doing(made.write_statuses()):
            await until(lambda: conditions(CLUSTER_POLICIES, "default") and conditions(NETWORK_MAPS, "measured"))
            await until(lambda: shown(rig, "gcp").get("verdict"))
            before = writes(rig)
            await asyncio.sleep(0.2)
            assert writes(rig) == before, "without an echo of its own writes it writes for ever"
        assert conditions(CLUSTER_POLICIES, "default")["Stalled"] == "InvalidSpec"
        assert conditions(NETWORK_MAPS, "measured")["Ready"] == "Accepted"


async def test_the_policy_says_what_became_of_its_feeds_as_long_as_it_names_them(rig: Rig) -> None:
    collection = f"{CLUSTER_POLICIES.api_version}/{CLUSTER_POLICIES.plural}"

    def feeds() -> Any:
        found = rig.hub.objects.get(collection, "", "default") or {}
        return (found.get("status") or {}).get("feeds", "none")

    async with chores(rig) as (made, feed), doing(made.write_statuses()):
        stored = rig.hub.objects.put(collection, {"metadata": {"name": "default"}, "spec": {}})
        feed.take(CLUSTER_POLICIES.plural, None, {"kind": CLUSTER_POLICIES.kind, **stored})
        rig.store.feeds[FeedProvider.AWS] = "WebPage", "a web page"
        await until(lambda: feeds() == [{"provider": "aws", "reason": "WebPage", "message": "a web page"}])
        rig.store.feeds.clear()
        await until(lambda: feeds() == "none")


async def test_a_dataset_is_told_how_many_workloads_name_it(rig: Rig) -> None:
    spec = {"size": "1G", "replicas": [{"location": "aws/eu-north-1"}]}
    data = [{"name": "scans", "datasetRef": {"name": "scans"}}]
    collection = f"{DATASETS.api_version}/{DATASETS.plural}"

    def read_by() -> int | None:
        found = rig.hub.objects.get(collection, "research", "scans") or {}
        return (found.get("status") or {}).get("readBy")

    async with chores(rig) as (made, feed), doing(made.write_statuses()):
        stored = rig.hub.objects.put(collection, {"metadata": {"name": "scans", "namespace": "research"}, "spec": spec})
        feed.take(DATASETS.plural, None, {"apiVersion": DATASETS.api_version, "kind": DATASETS.kind, **stored})
        await until(lambda: read_by() == 0)
        rig.store.see_workload(a_workload(data=data))
        await until(lambda: read_by() == 1)


# Orphans.


def an_orphan(rig: Rig, *, uid: str = "gone") -> None:
    """Leave a copy of a deleted workload on aws."""
    labels = {**LABELS, "tradewind.dev/uid": uid}
    rig.members["aws"].objects.put(JOBS, {"metadata": {"name": "train", "namespace": "research", "labels": labels}})
    rig.store.remember_orphan("aws", Key("research", "train"), "gone")


async def test_an_orphan_is_removed_and_then_forgotten(rig: Rig) -> None:
    an_orphan(rig)
    async with chores(rig) as (made, _), doing(made.sweep()):
        await until(lambda: any(verb.startswith("DELETE") for verb in rig.members["aws"].verbs()))
        assert rig.store.clusters["aws"].orphans == (Orphan(Key("research", "train"), "gone"),)
        rig.members["aws"].objects.finish_deletes()
        await until(lambda: rig.store.clusters["aws"].orphans == ())
    assert len([verb for verb in rig.members["aws"].verbs() if verb.startswith("DELETE")]) == 1


async def test_an_orphan_that_is_gone_is_forgotten(rig: Rig) -> None:
    rig.store.remember_orphan("aws", Key("research", "train"), "gone")
    async with chores(rig) as (made, _), doing(made.sweep()):
        await until(lambda: rig.store.clusters["aws"].orphans == ())


async def test_another_cluster_in_its_place_does_not_prove_that_an_orphan_is_gone(rig: Rig) -> None:
    rig.store.remember_orphan("aws", Key("research", "train"), "gone")
    rig.store.clusters["aws"].meant_uid = "kube-system-of-its-predecessor"
    async with chores(rig) as (made, _), doing(made.sweep()):
        await asyncio.sleep(0.1)
    assert rig.store.clusters["aws"].orphans == (Orphan(Key("research", "train"), "gone"),)


async def test_a_copy_of_a_living_workload_of_that_name_is_not_swept(rig: Rig) -> None:
    an_orphan(rig, uid="alive")
    async with chores(rig) as (made, _), doing(made.sweep()):
        await until(lambda: rig.store.clusters["aws"].orphans == ())
    assert rig.copies() == ["aws/train 1"]


async def test_a_cluster_that_is_away_is_swept_when_it_returns(rig: Rig) -> None:
    an_orphan(rig)
    rig.judge("aws", DOWN)
    async with chores(rig) as (made, _), doing(made.sweep()):
        await asyncio.sleep(0.1)
        assert rig.copies() == ["aws/train 1"]
        rig.judge("aws", HEALTHY)
        await until(lambda: any(verb.startswith("DELETE") for verb in rig.members["aws"].verbs()))


async def test_a_member_that_refuses_to_be_swept_is_asked_again(rig: Rig) -> None:
    an_orphan(rig)
    rule = rig.members["aws"].answer("DELETE /train", 503)
    async with chores(rig) as (made, _), doing(made.sweep()):
        await until(lambda: rule.hits >= 2)
        rig.members["aws"].heal()
        await until(lambda: rule.hits >= 2 and "deletionTimestamp" in str(rig.members["aws"].objects.items))


# Config.


async def test_config_of_placed_work_is_kept_in_step_and_never_watched(rig: Rig) -> None:
    put = {"metadata": {"name": "settings", "namespace": "research"}, "data": {"mode": "slow"}}
    rig.hub.objects.put(CONFIG, put)
    rig.create(with_pod(a_job(), container={"envFrom": [{"configMapRef": {"name": "settings"}}]}))
    await rig.settle()
    async with chores(rig) as (made, _), doing(made.keep_config()):
        rig.hub.objects.change(CONFIG, "research", "settings", data={"mode": "fast"})

        def there() -> Manifest | None:
            return rig.members["aws"].objects.get(CONFIG, "research", "settings")

        await until(lambda: (there() or {}).get("data") == {"mode": "fast"})
        rig.hub.objects.remove(CONFIG, "research", "settings")
        await asyncio.sleep(0.1)
        assert there() is not None
    assert rig.hub.verbs(ends="/configmaps") == []


# Events.


async def test_an_event_says_what_happened_to_whom(api: FakeApi) -> None:
    writer, quiet = EventWriter(api.client()), asyncio.Event()
    quiet.set()
    obj = {**a_job(), "metadata": {**a_job()["metadata"], "uid": "u-1"}}
    writer.say(obj, reason="Placed", note="x" * 5000, action="Decide", at_s=1_800_000_000.0)
    writer.say(obj, reason="OldCopyMayRun", note="waits", action="Decide", at_s=1_800_000_001.0, warning=True)
    async with doing(writer.run(quiet=quiet)):
        await until(lambda: len(api.objects.names("events.k8s.io/v1/events")) == 2)
    events = sorted(
        (item for (path, _, _), item in api.objects.items.items() if path.startswith("events")),
        key=lambda item: str(item["eventTime"]),
    )
    assert [(event["reason"], event["type"]) for event in events] == [
        ("Placed", "Normal"),
        ("OldCopyMayRun", "Warning"),
    ]
    assert len(events[0]["note"]) <= 1024
    assert events[0]["regarding"] == {
        "apiVersion": "tradewind.dev/v1alpha1",
        "kind": "AIWorkload",
        "name": "train",
        "uid": "u-1",
        "namespace": "research",
    }


async def test_events_wait_while_decisions_are_carried_out(api: FakeApi) -> None:
    writer, quiet = EventWriter(api.client()), asyncio.Event()
    writer.say({**a_job(), "metadata": {**a_job()["metadata"], "uid": "u"}}, reason="A", note="", action="B", at_s=1.0)
    async with doing(writer.run(quiet=quiet)):
        await asyncio.sleep(0.1)
        assert api.calls == []
        quiet.set()
        await until(lambda: api.calls)


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_an_event_that_is_refused_is_lost_and_the_next_is_not(api: FakeApi, status: int) -> None:
    writer, quiet = EventWriter(api.client()), asyncio.Event()
    quiet.set()
    api.answer("POST /events", status, times=1)
    obj = {**a_job(), "metadata": {**a_job()["metadata"], "uid": "u"}}
    for reason in ("Lost", "Kept"):
        writer.say(obj, reason=reason, note="", action="Decide", at_s=1.0)
    async with doing(writer.run(quiet=quiet)):
        await until(lambda: api.objects.names("events.k8s.io/v1/events"))


def test_a_flood_of_events_is_bounded(api: FakeApi) -> None:
    writer = EventWriter(api.client())
    for _ in range(MAX_QUEUED + 10):
        writer.say({**a_job(), "metadata": {"name": "n", "uid": "u"}}, reason="A", note="", action="B", at_s=1.0)
    assert len(writer._queue) == MAX_QUEUED  # noqa: SLF001 - there is no other way to see it
