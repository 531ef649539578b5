"""kopf as the shell: what it sees is handed over, and nothing that the hub answers ends its watch for good."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import kopf
import pytest
from kubernetes.aio import client as k8s
from tests.edge.waiting import until

from tradewind.kube.resources import FEW
from tradewind.observe.shell import Backoffs, Shell, connection_info

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.edge.fakeapi import FakeApi

Manifest = dict[str, Any]
CLUSTERS, POLICIES = "tradewind.dev/v1alpha1/federatedclusters", "tradewind.dev/v1alpha1/placementpolicies"
ROOT = "/apis/tradewind.dev/v1alpha1"
WATCH = "WATCH /federatedclusters"


def discovery() -> dict[str, Manifest]:
    """Say what a hub says about the kinds that it has."""
    version = {"groupVersion": "tradewind.dev/v1alpha1", "version": "v1alpha1"}
    kinds = [
        {
            "name": kind.plural,
            "singularName": kind.kind.lower(),
            "kind": kind.kind,
            "namespaced": kind.namespaced,
            "verbs": ["get", "list", "watch", "patch"],
        }
        for kind in FEW
    ]
    core = [{**kinds[0], "name": "namespaces", "singularName": "namespace", "kind": "Namespace", "namespaced": False}]
    return {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": core},
        "/apis": {
            "kind": "APIGroupList",
            "groups": [{"name": "tradewind.dev", "preferredVersion": version, "versions": [version]}],
        },
        ROOT: {"kind": "APIResourceList", "groupVersion": "tradewind.dev/v1alpha1", "resources": kinds},
    }


class Handed:
    """What was handed over."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None, str]] = []
        self.restarts = 0
        self.threads: set[str] = set()

    def take(self, plural: str, event: str | None, obj: Manifest) -> None:
        """Take one object."""
        self.seen.append((plural, event, obj["metadata"]["name"]))
        self.threads.add(threading.current_thread().name)

    def restarted(self) -> None:
        """Count a restart."""
        self.restarts += 1

    def names(self, plural: str = "federatedclusters") -> set[str]:
        """Which objects have been seen."""
        return {name for kind, _, name in self.seen if kind == plural}


@asynccontextmanager
async def watching(api: FakeApi) -> AsyncIterator[Handed]:
    """Run the shell on a hub."""
    api.discovery = discovery()
    handed = Handed()
    shell = Shell(lambda: kopf.ConnectionInfo(server=api.url), handed.take, restarted=handed.restarted)
    task = asyncio.create_task(shell.run())
    try:
        yield handed
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await until(lambda: not [thread for thread in threading.enumerate() if thread.name == "kopf"])


def put(api: FakeApi, name: str, collection: str = CLUSTERS) -> None:
    metadata = {"name": name} if collection == CLUSTERS else {"name": name, "namespace": "research"}
    api.objects.put(collection, {"metadata": metadata, "spec": {}})


@pytest.mark.parametrize("scheme", ["bearer", "Bearer"])
def test_kopf_shows_the_token_as_our_own_client_does(scheme: str) -> None:
    configuration = k8s.Configuration(host="https://10.0.0.1")
    configuration.api_key["BearerToken"] = f"{scheme} a.b.c\n"  # in a pod the library says it in small letters
    assert connection_info(configuration).as_http_headers() == {"Authorization": "Bearer a.b.c"}


async def test_what_is_there_and_what_happens_is_handed_over_on_our_own_thread(api: FakeApi) -> None:
    put(api, "aws")
    put(api, "default", POLICIES)
    async with watching(api) as handed:
        await until(lambda: "aws" in handed.names() and "default" in handed.names("placementpolicies"))
        put(api, "gcp")
        await until(lambda: "gcp" in handed.names())
        api.objects.remove(CLUSTERS, "", "aws")
        await until(lambda: ("federatedclusters", "DELETED", "aws") in handed.seen)
        assert handed.threads == {"MainThread"}


async def test_nothing_is_written(api: FakeApi) -> None:
    put(api, "aws")
    async with watching(api) as handed:
        await until(lambda: "aws" in handed.names())
        api.objects.change(CLUSTERS, "", "aws", spec={"provider": "aws"})
        await until(lambda: len(handed.seen) > 1)
    assert api.writes() == []


@pytest.mark.parametrize(
    "fault",
    [
        "500 on everything",
        "503 on everything",
        "http 410 on watches",
        "410 in the stream",
        "500 in the stream",
        "no JSON",
    ],
)
async def test_no_answer_of_the_hub_ends_the_watch_for_good(api: FakeApi, fault: str) -> None:
    put(api, "before")
    async with watching(api) as handed:
        await until(lambda: "before" in handed.names() and api.watches)
        match fault:
            case "500 on everything":
                rule = api.answer("* federatedclusters", 500)
            case "503 on everything":
                rule = api.answer("* federatedclusters", 503)
            case "http 410 on watches":
                rule = api.answer(WATCH, 410, reason="Expired")
            case "410 in the stream":
                rule = api.raw(WATCH, '{"type":"ERROR","object":{"code":410,"message":"old"}}\n')
            case "500 in the stream":
                rule = api.raw(WATCH, '{"type":"ERROR","object":{"code":500,"message":"oops"}}\n')
            case _:
                rule = api.raw("* federatedclusters", "<html>maintenance</html>")
        api.end_watches()
        await until(lambda: rule.hits)
        api.heal()
        put(api, "after")
        await until(lambda: "after" in handed.names(), within_s=60)


async def test_a_hub_that_is_away_and_comes_back_is_watched_again(api: FakeApi) -> None:
    put(api, "before")
    async with watching(api) as handed:
        await until(lambda: "before" in handed.names() and api.watches)
        await api.stop()
        await until(lambda: not api.watches)
        await api.start()
        put(api, "after")
        await until(lambda: "after" in handed.names(), within_s=60)


async def test_a_hub_that_is_not_there_yet_is_waited_for(api: FakeApi) -> None:
    put(api, "aws")
    api.answer("GET /apis", 503, times=2)
    async with watching(api) as handed:
        await until(lambda: "aws" in handed.names(), within_s=60)


async def test_kopf_is_started_again_when_it_gives_up(api: FakeApi) -> None:
    put(api, "before")
    async with watching(api) as handed:
        await until(lambda: "before" in handed.names() and api.watches)
        api.raw(WATCH, '{"type":"ERROR","object":{"code":500,"message":"oops"}}\n')
        api.end_watches()
        await until(lambda: handed.restarts >= 1, within_s=60)
        api.heal()
        put(api, "after")
        await until(lambda: "after" in handed.names(), within_s=60)


async def test_it_ends_when_it_is_told_to(api: FakeApi, caplog: pytest.LogCaptureFixture) -> None:
    put(api, "aws")
    async with watching(api) as handed:
        await until(lambda: "aws" in handed.names())
    assert "Traceback" not in caplog.text


def test_pauses_grow_to_their_limit_and_never_end() -> None:
    pauses = [pause for pause, _ in zip(Backoffs(), range(50), strict=False)]
    assert 0.25 <= pauses[0] <= 0.5
    assert all(pause <= 20.0 for pause in pauses)
    assert min(pauses[-10:]) >= 10.0


async def test_a_hub_that_does_not_serve_our_kinds_yet_is_asked_again(api: FakeApi) -> None:
    """An API server that has just been started shows its own kinds first; kopf looks for kinds only once."""
    put(api, "aws")
    async with watching(api) as handed:
        full, api.discovery[ROOT] = api.discovery[ROOT], {**api.discovery[ROOT], "resources": []}
        await until(lambda: handed.restarts >= 1)
        api.discovery[ROOT] = full
        await until(lambda: "aws" in handed.names(), within_s=60)
