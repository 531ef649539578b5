"""The loop, the feed of the hub's objects and the endpoints, on real sockets."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.edge.rig import CLUSTERS, DOWN, KEY, WORKLOADS, Rig, a_cluster, a_job
from tests.edge.waiting import until

from tradewind.kube.fence import unfenced
from tradewind.kube.resources import FEDERATED_CLUSTERS
from tradewind.model.health import Verdict
from tradewind.model.workload import Key
from tradewind.observe.feed import Feed
from tradewind.observe.members import Members
from tradewind.outage.evidence import Heard, Probe
from tradewind.runtime import loop as looped
from tradewind.runtime.endpoints import serve
from tradewind.runtime.loop import Loop
from tradewind.runtime.metrics import Metrics
from tradewind.state.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.edge.fakeapi import FakeApi

Manifest = dict[str, Any]


# The loop.


@asynccontextmanager
async def looping(rig: Rig) -> AsyncIterator[Loop]:
    """Let a rig decide for itself."""
    loop = Loop(rig.store, rig.executor, Metrics(), may_write=rig.may_write)
    rig.store.dirty._woken = loop.wake  # noqa: SLF001 - the store is made before the loop that it wakes
    rig.now_s = 4_000_000_000.0
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(loop.run(tasks))
        try:
            yield loop
        finally:
            running.cancel()


async def test_what_is_created_is_placed_and_followed_without_being_asked(rig: Rig) -> None:
    async with looping(rig):
        rig.create(a_job())
        await until(lambda: rig.copies() == ["aws/train 1"])
        rig.runs("aws")
        await until(lambda: rig.status().get("phase") == "Running")


async def test_nothing_is_decided_before_every_member_has_been_looked_at(rig: Rig) -> None:
    late = rig.store.clusters["gcp"]
    assert late.member is not None
    late.member.copy_sinks["Job"].stale()
    async with looping(rig) as loop:
        rig.create(a_job())
        await asyncio.sleep(0.3)
        assert (loop.started, rig.copies()) == (False, [])
        rig.look("gcp")
        await until(lambda: rig.copies() == ["aws/train 1"])
        assert loop.started


async def test_a_member_that_does_not_answer_keeps_nobody_waiting(rig: Rig) -> None:
    late = rig.store.clusters["gcp"]
    assert late.member is not None
    late.member.stale()
    late.evidence = replace(late.evidence, answering_since_s=None, last=Probe(0.0, Heard.SILENCE))
    async with looping(rig) as loop:
        await until(lambda: loop.started)


async def test_who_does_not_lead_decides_nothing_and_who_leads_again_goes_on(rig: Rig) -> None:
    rig.leads = False
    async with looping(rig) as loop:
        rig.create(a_job())
        await until(lambda: loop.started)
        await asyncio.sleep(0.3)
        assert rig.hub.writes() == []
        rig.leads = True
        await until(lambda: rig.copies() == ["aws/train 1"])


async def test_a_round_notes_that_it_heard_nothing_meanwhile(rig: Rig, monkeypatch: Any) -> None:
    decide = looped.__dict__["decide"]

    def slowly(*args: Any, **more: Any) -> Any:
        time.sleep(0.2)
        return decide(*args, **more)

    monkeypatch.setattr(looped, "decide", slowly)
    clock = asyncio.get_running_loop().time
    began_s = clock()
    async with looping(rig):
        rig.create(a_job())
        await until(lambda: rig.copies() == ["aws/train 1"])
    assert 0.2 <= rig.store.stalls.unheard_s(began_s, clock()) <= clock() - began_s


async def test_a_burst_is_decided_together(rig: Rig) -> None:
    async with looping(rig):
        for index in range(16):
            rig.create(a_job(f"job-{index}"))
        await until(lambda: len(rig.copies()) == 16)
    assert sum(copy.startswith("aws/") for copy in rig.copies()) == 8, "no accelerator is promised twice"


async def test_while_work_flees_a_few_statuses_follow_their_copies_now_and_then_and_all_of_them_afterwards(
    rig: Rig, monkeypatch: Any
) -> None:
    monkeypatch.setattr(looped, "MAX_FOLLOWING", 2)
    keys = {Key("research", f"job-{index}") for index in range(6)}
    for key in keys:
        rig.create(a_job(key.name))
    await rig.settle()
    loop = Loop(rig.store, rig.executor, Metrics(), may_write=rig.may_write)

    def taken(moved_s: float, *at_s: float) -> list[int]:
        loop._moved_s = moved_s  # noqa: SLF001 - a round then moved work
        return [len(loop._urgent_first(keys, now_s)) for now_s in at_s]  # noqa: SLF001 - no need to wait for rounds

    assert taken(100.0, 100.2, 100.4, 102.0) == [2, 0, 6]
    rig.judge("aws", DOWN)
    assert taken(200.0, 200.2, 200.4) == [6, 6], "what has to leave follows nothing"


async def test_in_the_first_seconds_of_a_flight_no_status_follows(rig: Rig) -> None:
    for index in range(6):
        rig.create(a_job(f"job-{index}", failover={"guarantee": "AtLeastOnce"}))
    await rig.settle()
    loop = Loop(rig.store, rig.executor, Metrics(), may_write=rig.may_write)
    rig.now_s = 4_000_000_000.0
    fled = {Key("research", f"job-{index}") for index in range(6)}
    rig.judge("aws", DOWN)
    async with asyncio.TaskGroup() as tasks:
        rig.store.dirty.mark(fled)
        moved_s = asyncio.get_running_loop().time()
        loop._round(tasks)  # noqa: SLF001 - its own batches would go on meanwhile
    assert sum(copy.startswith("gcp/") for copy in rig.copies()) == 6
    taken = [len(loop._urgent_first(fled, moved_s + wait_s)) for wait_s in (0.3, 0.9, 5.5)]  # noqa: SLF001 - as above
    assert taken == [0, 0, 6]


async def test_work_that_no_decision_can_be_made_on_disturbs_nobody_else(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    member = rig.store.clusters["gcp"].member
    assert member is not None
    labels = {"tradewind.dev/workload": "odd", "tradewind.dev/epoch": "1", "tradewind.dev/uid": "u"}
    member.copy_sinks["Job"].change(
        "ADDED", {"metadata": {"name": "odd", "namespace": "research", "uid": "o", "labels": labels}}
    )
    odd = member._copies[Key("research", "odd")]  # noqa: SLF001 - nothing that can be read makes a decision fail
    member._copies[odd.key] = replace(odd, market="Bazaar")  # noqa: SLF001 - as above
    async with looping(rig):
        rig.create(a_job("odd"))
        rig.create(a_job())
        await until(lambda: "aws/train 1" in rig.copies())
    assert "not decided on workload=research/odd" in caplog.text


# The feed.


@asynccontextmanager
async def feeding(api: FakeApi) -> AsyncIterator[tuple[Feed, Store]]:
    store = Store()
    async with asyncio.TaskGroup() as tasks:
        members = Members(
            store, tasks, namespace="tradewind-system", hub_name="default", fence=unfenced(), on_call=lambda *_: None
        )
        yield Feed(api.client(), store, members, namespace="tradewind-system"), store


async def test_the_hub_is_listed_until_it_has_answered_for_every_kind(api: FakeApi, monkeypatch: Any) -> None:
    monkeypatch.setattr("tradewind.observe.feed.RETRY_S", 0.01)
    api.objects.put(CLUSTERS, a_cluster("aws", usd="1.0"))
    api.answer("GET /federatedclusters", 503, times=2)
    api.raw("GET /placementpolicies", "<html>maintenance</html>", times=2)
    async with feeding(api) as (feed, store):
        await asyncio.wait_for(feed.list_until_complete(), 30)
        assert set(store.clusters) == {"aws"}


async def test_what_was_deleted_unseen_is_found_by_the_next_list(api: FakeApi, monkeypatch: Any) -> None:
    monkeypatch.setattr("tradewind.observe.feed.RESYNC_S", 0.05)
    for name in ("aws", "gcp"):
        api.objects.put(CLUSTERS, a_cluster(name, usd="1.0"))
    async with feeding(api) as (feed, store):
        await feed.list_until_complete()
        api.objects.remove(CLUSTERS, "", "aws")
        resync = asyncio.create_task(feed.resync_for_ever())
        await until(lambda: set(store.clusters) == {"gcp"})
        api.answer("GET /federatedclusters", 500)
        api.objects.remove(CLUSTERS, "", "gcp")
        await asyncio.sleep(0.2)
        assert set(store.clusters) == {"gcp"}, "a hub that does not answer has deleted nothing"
        assert not resync.done()
        resync.cancel()


async def test_what_was_made_again_unseen_is_another(api: FakeApi) -> None:
    first = api.objects.put(CLUSTERS, a_cluster("aws", usd="1.0"))
    async with feeding(api) as (feed, store):
        feed.take(FEDERATED_CLUSTERS.plural, None, first)
        store.clusters["aws"].meant_uid = "of-the-first"
        api.objects.remove(CLUSTERS, "", "aws")
        feed.take(FEDERATED_CLUSTERS.plural, None, api.objects.put(CLUSTERS, a_cluster("aws", usd="1.0")))
        assert store.clusters["aws"].meant_uid == ""


async def test_workloads_that_were_deleted_unseen_are_forgotten(api: FakeApi) -> None:
    api.objects.put(WORKLOADS, a_job())
    async with feeding(api) as (feed, store):
        informers = [asyncio.create_task(informer.run()) for informer in feed.informers()]
        await asyncio.wait_for(feed.wait_for_lists(), 30)
        await until(lambda: KEY in store.hub.workloads)
        await api.stop()
        api.objects.remove(WORKLOADS, "research", "train")
        api.objects.put(WORKLOADS, a_job("other"))
        await api.start()
        await until(lambda: {key.name for key in store.hub.workloads} == {"other"})
        for informer in informers:
            informer.cancel()
        await asyncio.gather(*informers, return_exceptions=True)


# The endpoints.


async def get(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


async def test_health_and_readiness_say_what_is_not() -> None:
    said = {"healthy": "", "ready": "waiting for the lease"}
    metrics = Metrics()
    async with serve(
        metrics, host="127.0.0.1", port=0, healthy=lambda: said["healthy"], ready=lambda: said["ready"]
    ) as port:
        assert await get(port, "/healthz") == (200, "ok\n")
        assert await get(port, "/readyz") == (503, "waiting for the lease\n")
        said["healthy"], said["ready"] = "the judging loop is silent", ""
        assert (await get(port, "/healthz"))[0] == 503
        assert (await get(port, "/readyz"))[0] == 200
        assert (await get(port, "/else"))[0] == 404


async def test_metrics_are_what_prometheus_reads_with_bounded_labels() -> None:
    metrics = Metrics()
    metrics.count_request("aws", "GET", 200)
    metrics.show_verdict("aws", Verdict.DOWN)
    metrics.show_phases({"Running": 3, "Pending": 1})
    metrics.show_phases({"Running": 4})
    metrics.placement_seconds.observe(0.7)
    async with serve(metrics, host="127.0.0.1", port=0, healthy=str, ready=str) as port:
        status, text = await get(port, "/metrics")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert status == 200
    wanted = {"tradewind_api_requests", "tradewind_cluster_verdict", "tradewind_workloads", "tradewind_build_info"}
    assert wanted <= set(families)
    phases = {sample.labels["phase"]: sample.value for sample in families["tradewind_workloads"].samples}
    assert phases == {"Running": 4, "Pending": 0}
    labels = {key for family in families.values() for sample in family.samples for key in sample.labels}
    assert labels <= {"cluster", "verb", "code", "verdict", "phase", "le", "version", "quantile"}


@pytest.mark.parametrize("name", ["aws", "never-shown"])
def test_a_cluster_that_is_gone_is_shown_no_more(name: str) -> None:
    metrics = Metrics()
    metrics.show_verdict("aws", Verdict.HEALTHY)
    metrics.show_verdict(name, None)
    assert (b'cluster="aws"' in metrics.text()) == (name != "aws")
