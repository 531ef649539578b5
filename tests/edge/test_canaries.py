"""A healthy cluster at a provider that is failing takes work only after a canary, which leaves nothing behind."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.edge.rig import DOWN, HEALTHY, Rig, a_rig, a_server
from tests.edge.waiting import until

from tradewind.model.fleet import Toleration
from tradewind.observe import canaries
from tradewind.observe.canaries import CANARY_LABEL, Canaries
from tradewind.outage.domains import convicted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Manifest = dict[str, Any]
PODS, SYSTEM = "v1/pods", "tradewind-system"
NAMES = ("one", "two", "three")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canaries, "TICK_S", 0.01)
    monkeypatch.setattr(canaries, "POLL_S", 0.01)
    monkeypatch.setattr(canaries, "JITTER_S", 0.0)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """Three clusters of one provider, each in a region of its own."""
    async with a_rig(*NAMES) as made:
        for name in NAMES:
            entry = made.store.clusters[name]
            assert entry.spec is not None
            tolerating = replace(entry.spec.offers[0], tolerations=(Toleration("gpu", "Exists"),))
            entry.spec = replace(entry.spec, provider="aws", region=name, offers=(tolerating,))
        yield made


@asynccontextmanager
async def trying(rig: Rig) -> AsyncIterator[list[str]]:
    """Try clusters out meanwhile; gives the Events that are told."""
    told: list[str] = []

    def tell(obj: Manifest, *, reason: str, **_: object) -> None:
        told.append(f"{obj['metadata']['name']} {reason}")

    made = Canaries(
        rig.store,
        rig.server,
        namespace=SYSTEM,
        hub_name="default",
        may_write=rig.may_write,
        tell=tell,
        wall=lambda: rig.now_s,
    )
    task = asyncio.create_task(made.run())
    yield told
    assert not task.done()
    task.cancel()


def pods(rig: Rig, name: str = "three") -> list[Manifest]:
    return [item for where, item in rig.members[name].objects.items.items() if where[:2] == (PODS, SYSTEM)]


def becomes(rig: Rig, **status: Any) -> None:
    """Let the kubelet say this of the canary."""
    [pod] = pods(rig)
    rig.members["three"].objects.change(PODS, SYSTEM, pod["metadata"]["name"], status=status)


def lacks(rig: Rig) -> str:
    return rig.store.clusters["three"].canary_lacks


async def fled(rig: Rig) -> None:
    """Let two of the three die, on one of which work runs."""
    rig.create(a_server("train"))
    await rig.settle()
    rig.runs("one")
    await rig.settle()
    rig.judge("one", DOWN)
    rig.judge("two", DOWN)
    await rig.settle()


async def test_work_waits_for_the_canary_and_then_goes_to_the_last_resort(rig: Rig) -> None:
    await fled(rig)
    assert rig.copies() == ["one/train 1"]
    refused = {each["reason"]: each for each in rig.status()["refused"]}
    assert "CanaryAwaited" in refused
    assert "a write, and a pod that starts" in refused["CanaryAwaited"]["message"]
    async with trying(rig) as told:
        await until(lambda: pods(rig))
        [pod] = pods(rig)
        assert pod["metadata"]["labels"] == {CANARY_LABEL: "default"}
        assert pod["spec"]["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
        becomes(rig, phase="Running")
        await until(lambda: not lacks(rig))
        await rig.settle()
        assert rig.copies() == ["one/train 1", "three/train 2"]
        assert pods(rig) == []
        assert told == ["three CanaryPassed"]


async def test_nothing_is_tried_while_no_domain_is_failing(rig: Rig) -> None:
    async with trying(rig) as told:
        rig.judge("one", DOWN)
        await asyncio.sleep(0.1)
        assert (pods(rig), told) == ([], [])


async def test_one_that_comes_to_nothing_says_why_and_is_tried_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canaries, "START_S", 0.2)
    monkeypatch.setattr("tradewind.outage.canary.FIRST_AGAIN_S", 0.05)
    await fled(rig)
    async with trying(rig) as told:
        await until(lambda: pods(rig))
        waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
        becomes(rig, phase="Pending", containerStatuses=[{"state": {"waiting": waiting}}])
        await until(lambda: "ImagePullBackOff: no such image" in lacks(rig))
        await rig.settle()
        assert rig.copies() == ["one/train 1"]
        assert told == ["three CanaryFailed"]
        monkeypatch.setattr(canaries, "START_S", 30.0)
        await until(lambda: pods(rig))
        becomes(rig, phase="Succeeded")
        await until(lambda: not lacks(rig))
        assert told == ["three CanaryFailed", "three CanaryPassed"]


@pytest.mark.parametrize(
    ("verb", "status", "words"),
    [
        pytest.param("PATCH /leases/tradewind-probe-default", 500, "a small write was not stored", id="no write"),
        pytest.param("POST /pods", 403, "exceeded quota", id="no pod"),
        pytest.param("POST /pods", 500, "exceeded quota", id="an error"),
    ],
)
async def test_a_refusal_is_a_failure(rig: Rig, verb: str, status: int, words: str) -> None:
    await fled(rig)
    rig.members["three"].answer(verb, status, message="exceeded quota")
    async with trying(rig):
        await until(lambda: words in lacks(rig))
        assert pods(rig) == []


async def test_what_an_operator_before_has_left_is_removed(rig: Rig) -> None:
    left = {"metadata": {"name": "tradewind-canary-old", "namespace": SYSTEM, "labels": {CANARY_LABEL: "default"}}}
    rig.members["three"].objects.put(PODS, left)
    await fled(rig)
    async with trying(rig):
        await until(lambda: [each["metadata"]["name"] for each in pods(rig)] not in ([], ["tradewind-canary-old"]))
        await until(lambda: len(pods(rig)) == 1)
        becomes(rig, phase="Running")
        await until(lambda: not lacks(rig))
        assert pods(rig) == []


async def test_whoever_does_not_lead_tries_nothing(rig: Rig) -> None:
    await fled(rig)
    rig.leads = False
    async with trying(rig):
        await asyncio.sleep(0.1)
        assert pods(rig) == []


def test_clusters_are_convicted_by_the_newest_verdicts(rig: Rig) -> None:
    specs = {name: entry.spec for name, entry in rig.store.clusters.items()}
    judged = [(spec, HEALTHY if name == "three" else DOWN) for name, spec in specs.items() if spec is not None]
    assert convicted(judged).keys() == set(NAMES)
    assert convicted([(spec, HEALTHY) for spec, _ in judged]) == {}
