"""A loss is written before anything is done about it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.edge.rig import CLUSTERS, DOWN, Rig, a_cluster, a_server
from tests.edge.waiting import until

from tradewind.runtime import noting
from tradewind.runtime.noting import Noting
from tradewind.state.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Manifest = dict[str, Any]
STATUS = "PATCH /federatedclusters/aws/status"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noting, "RETRY_S", 0.02)
    monkeypatch.setattr(noting, "MAX_RETRY_S", 0.1)


@asynccontextmanager
async def writing(rig: Rig) -> AsyncIterator[Noting]:
    made = Noting(rig.store, rig.hub.client(), may_write=rig.may_write, wall=lambda: rig.now_s)
    task = asyncio.create_task(made.run())
    yield made
    assert not task.done()
    task.cancel()


def dies(rig: Rig) -> None:
    """Let the judge find a cluster lost, and nobody have written it."""
    entry = rig.store.clusters["aws"]
    entry.health = DOWN
    entry.evidence = replace(entry.evidence, answering_since_s=None, lost_at_s=0.0, up_after_s=60.0)
    rig.store.health_changed("aws")


def written(rig: Rig) -> Manifest:
    found = rig.hub.objects.get(CLUSTERS, "", "aws")
    assert found is not None
    status: Manifest = found.get("status") or {}
    return status


async def served(rig: Rig) -> None:
    """Place a server on the cheaper cluster."""
    rig.create(a_server("train"))
    await rig.settle()
    rig.runs("aws")
    await rig.settle()
    assert rig.copies() == ["aws/train 1"]


async def test_work_leaves_once_the_loss_is_written_and_not_before(rig: Rig) -> None:
    await served(rig)
    rig.hub.answer(STATUS, 503)
    async with writing(rig) as made:
        dies(rig)
        made.wake()
        await until(lambda: rig.hub.verbs(ends="federatedclusters/aws/status"))
        await rig.settle()
        assert [place.cluster for place in rig.entry().record.placements] == ["aws"]
        rig.hub.heal()
        await until(lambda: rig.store.clusters["aws"].noted)
        assert (written(rig)["verdict"], written(rig)["upAfterSeconds"]) == ("Down", 60)
        assert written(rig)["lostAt"]
    await rig.settle()
    assert rig.entry().record.placements[0].cluster == "gcp"


async def test_who_takes_over_finds_it_on_probation(rig: Rig) -> None:
    async with writing(rig) as made:
        dies(rig)
        made.wake()
        await until(lambda: written(rig).get("verdict") == "Down")
    entry = Store().see_cluster(rig.hub.objects.get(CLUSTERS, "", "aws") or {})
    assert entry is not None
    assert entry.evidence.was_down


async def test_an_operator_that_does_not_lead_writes_nothing(rig: Rig) -> None:
    rig.leads = False
    async with writing(rig) as made:
        dies(rig)
        for _ in range(5):
            made.wake()
            await asyncio.sleep(0.02)
        assert written(rig) == {}


async def test_what_is_known_of_a_cluster_is_never_written_of_one_declared_anew_under_its_name(rig: Rig) -> None:
    """Its clusterUID would make the new one look rebuilt, and its work leave it; the watch may be seconds late."""
    async with writing(rig) as made:
        known = rig.store.clusters["aws"].raw
        rig.hub.objects.remove(CLUSTERS, "", "aws")
        rig.hub.objects.put(CLUSTERS, a_cluster("aws", usd="1.0"))
        rig.store.clusters["aws"].raw = known
        dies(rig)
        made.wake()
        await until(lambda: rig.hub.verbs(ends="federatedclusters/aws"))
        assert written(rig) == {}
        assert not rig.store.clusters["aws"].noted


async def test_a_loss_is_written_although_somebody_has_changed_the_cluster_in_the_meantime(rig: Rig) -> None:
    async with writing(rig) as made:
        known = rig.store.clusters["aws"].raw
        rig.hub.objects.change(CLUSTERS, "", "aws", spec={**known["spec"], "scheduling": "Draining"})
        rig.store.clusters["aws"].raw = known
        dies(rig)
        made.wake()
        await until(lambda: rig.store.clusters["aws"].noted)
        assert written(rig)["verdict"] == "Down"
