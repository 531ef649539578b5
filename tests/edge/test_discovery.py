"""Which kinds a member knows: read on connection and now and then, and never guessed from an answer that is none."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tests.edge.waiting import until

from tradewind.errors import TradewindError
from tradewind.observe import discovery
from tradewind.observe.discovery import Discovery, kinds_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.edge.fakeapi import FakeApi

BUILT_IN = {
    "/api/v1": ("Service", "ConfigMap", "Secret"),
    "/apis/apps/v1": ("Deployment",),
    "/apis/autoscaling/v2": ("HorizontalPodAutoscaler",),
    "/apis/batch/v1": ("Job", "CronJob"),
    "/apis/networking.k8s.io/v1": ("Ingress",),
    "/apis/policy/v1": ("PodDisruptionBudget",),
}
ROUTES = "/apis/gateway.networking.k8s.io/v1"


def serve(api: FakeApi, groups: dict[str, tuple[str, ...]]) -> None:
    for path, kinds in groups.items():
        resources = [{"name": f"{kind.lower()}s", "kind": kind} for kind in kinds]
        status = [{"name": f"{kind.lower()}s/status", "kind": f"{kind}Status"} for kind in kinds]
        api.discovery[path] = {"kind": "APIResourceList", "resources": [*resources, *status]}


@asynccontextmanager
async def running(api: FakeApi) -> AsyncIterator[tuple[Discovery, list[frozenset[str]]]]:
    taken: list[frozenset[str]] = []
    made = Discovery(api.client(), taken.append)
    task = asyncio.create_task(made.run())
    yield made, taken
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_is_installed_is_known_by_version_and_kind(api: FakeApi) -> None:
    serve(api, BUILT_IN)
    found = await kinds_of(api.client())
    assert {"v1/Service", "batch/v1/Job", "apps/v1/Deployment"} <= found
    assert not {each for each in found if "HTTPRoute" in each or "Status" in each}
    serve(api, {ROUTES: ("HTTPRoute",)})
    assert "gateway.networking.k8s.io/v1/HTTPRoute" in await kinds_of(api.client())


@pytest.mark.parametrize(
    ("verb", "status"),
    [
        pytest.param("GET /apis/batch/v1", 503, id="a group whose server is away"),
        pytest.param("GET /apis/batch/v1", 403, id="a group that we may not see"),
        pytest.param("GET /api/v1", 404, id="a proxy that has lost its server"),
    ],
)
async def test_a_group_that_can_not_be_read_is_not_one_that_is_not_installed(
    api: FakeApi, verb: str, status: int
) -> None:
    serve(api, BUILT_IN)
    api.answer(verb, status)
    with pytest.raises(TradewindError):
        await kinds_of(api.client())


async def test_an_answer_that_is_no_discovery_is_no_knowledge(api: FakeApi) -> None:
    serve(api, BUILT_IN)
    api.raw("GET /apis/apps/v1", '{"kind": "APIResourceList", "resources": null}')
    with pytest.raises(TradewindError, match="NotDiscovery"):
        await kinds_of(api.client())


async def test_a_failure_is_retried(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "RETRY_S", 0.01)
    serve(api, BUILT_IN)
    rule = api.answer("GET /api/v1", 500, times=2)
    async with running(api) as (_, taken):
        await until(lambda: taken)
        assert rule.hits == 2
        assert "batch/v1/Job" in taken[0]


async def test_a_member_that_has_been_away_is_read_at_once(api: FakeApi) -> None:
    serve(api, BUILT_IN)
    async with running(api) as (made, taken):
        await until(lambda: taken)
        serve(api, {ROUTES: ("HTTPRoute",)})
        made.read_again()
        await until(lambda: len(taken) > 1)
        assert taken[1] - taken[0] == {"gateway.networking.k8s.io/v1/HTTPRoute"}
