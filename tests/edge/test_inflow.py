"""How a member takes our writes decides how many moves it is given, and our own flood convicts nobody."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from tests.edge.rig import Rig, a_job, a_rig
from tests.edge.test_members import a_secret, declare, declared, members, plain_http
from tests.edge.waiting import until

from tradewind.errors import TradewindError
from tradewind.kube.resources import JOBS
from tradewind.outage import inflow
from tradewind.outage.inflow import MIN_ANSWERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.edge.fakeapi import FakeApi

    from tradewind.kube.client import ApiServer
    from tradewind.state.fleet import ClusterEntry
    from tradewind.state.store import Store

__all__ = ["plain_http"]
CREATE_JOB = "POST /jobs"
JOB = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "train", "namespace": "research"}, "spec": {}}


def per_minute(entry: ClusterEntry) -> float:
    now_s = asyncio.get_running_loop().time()
    return entry.inflow.pace(per_minute=900, burst=100, now_s=now_s).per_minute


@asynccontextmanager
async def answering(api: FakeApi) -> AsyncIterator[tuple[Store, ClusterEntry, ApiServer]]:
    """Declare one member, and wait until it answers."""
    async with members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: entry.answers)
        server = made.server("aws")
        assert server is not None
        yield store, entry, server


async def test_a_member_that_answers_429_is_given_half_and_recovers(api: FakeApi) -> None:
    api.answer(CREATE_JOB, 429, times=1)
    async with answering(api) as (_, entry, server):
        assert per_minute(entry) == 900
        with pytest.raises(TradewindError):
            await server.create(JOBS, JOB, namespace="research")
        halved = per_minute(entry)
        assert 450 <= halved < 500
        await server.create(JOBS, JOB, namespace="research")
        await until(lambda: per_minute(entry) > halved)


async def test_a_member_whose_reads_hang_while_it_answers_our_writes_is_not_declared_down(api: FakeApi) -> None:
    async with answering(api) as (_, entry, server):
        # By their first writes connections have said whose they are; a read that hangs takes one of them.
        early = [{**JOB, "metadata": {"name": name, "namespace": "research"}} for name in ("one", "two", "three")]
        await asyncio.gather(*(server.create(JOBS, job, namespace="research") for job in early))
        released = api.hang("GET /namespaces/kube-system")
        await until(lambda: entry.evidence.silent_probes >= 1)
        await server.create(JOBS, JOB, namespace="research")
        answered_s, since_s = entry.inflow.answered_s, entry.evidence.silent_since_s
        assert answered_s is not None
        assert since_s is not None
        assert answered_s > since_s
        released.set()


async def test_answers_that_a_round_of_ours_kept_from_being_heard_are_not_held_against_the_member(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflow, "SLOW_S", 0.3)
    loop = asyncio.get_running_loop()
    async with answering(api) as (store, entry, server):

        async def a_round(name: str, *, noted: bool) -> float:
            released = api.hang(CREATE_JOB)
            async with asyncio.TaskGroup() as tasks:
                for index in range(MIN_ANSWERS):
                    job = {**JOB, "metadata": {"name": f"{name}-{index}", "namespace": "research"}}
                    tasks.create_task(server.create(JOBS, job, namespace="research"))
                await asyncio.sleep(0)  # they are on their way
                began_s = loop.time()
                time.sleep(0.6)  # noqa: ASYNC251 - a round that decides hears nothing meanwhile
                if noted:
                    store.stalls.note(began_s, loop.time())
                released.set()
            return per_minute(entry)

        assert await a_round("noted", noted=True) == 900
        assert await a_round("blamed", noted=False) < 900


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with a_rig("aws", "gcp") as one:
        yield one


async def test_a_member_that_is_busy_is_asked_again_when_it_wishes(rig: Rig) -> None:
    rule = rig.members["aws"].answer(CREATE_JOB, 429, times=1, **{"Retry-After": "20"})
    rig.create(a_job())
    await rig.settle()
    await rig.settle(later_s=10)
    assert (rig.copies(), rule.hits) == ([], 1)
    await rig.settle(later_s=11)
    assert rig.copies() == ["aws/train 1"]


async def test_a_member_that_refuses_the_same_work_again_is_asked_less_and_less_often(rig: Rig) -> None:
    rule = rig.members["aws"].answer(CREATE_JOB, 403, message="exceeded quota")
    rig.members["gcp"].answer(CREATE_JOB, 403, message="exceeded quota")
    rig.create(a_job())
    await rig.settle()
    hits = []
    for _ in range(60):
        await rig.settle(later_s=60)
        hits.append(rule.hits)
    asked_at = [minute for minute, (before, after) in enumerate(pairwise(hits)) if after > before]
    pauses = [later - earlier for earlier, later in pairwise(asked_at)]
    assert 3 <= rule.hits <= 8
    assert pauses == sorted(pauses)


async def test_a_change_of_its_spec_lets_it_be_asked_at_once(rig: Rig) -> None:
    rule = rig.members["aws"].answer(CREATE_JOB, 403, message="no label")
    rig.members["gcp"].answer(CREATE_JOB, 403, message="no label")
    rig.create(a_job())
    await rig.settle()
    assert rule.hits == 1
    rig.members["aws"].heal()
    rig.edit(priorityClassName=None, constraints={"markets": ["OnDemand"]})
    await rig.settle()
    assert [copy.partition(" ")[0] for copy in rig.copies()] == ["aws/train"]
