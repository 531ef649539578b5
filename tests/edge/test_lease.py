"""Leadership: taken, renewed, lost and given back, and a fence that closes before anyone else may start."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.edge.waiting import until

from tradewind.runtime import lease as lease_module
from tradewind.runtime.lease import Lease, LeaseLostError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.edge.fakeapi import FakeApi

LEASES = "coordination.k8s.io/v1/leases"
NAME = "tradewind-operator"
Manifest = dict[str, Any]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a second be a twentieth: the same proportions, in less time."""
    for name in ("DURATION_S", "RENEW_S", "MARGIN_S"):
        monkeypatch.setattr(lease_module, name, getattr(lease_module, name) / 20)


def a_lease(api: FakeApi, identity: str = "me") -> Lease:
    return Lease(api.client(), namespace="tradewind-system", identity=identity)


def held(api: FakeApi) -> Manifest:
    found = api.objects.get(LEASES, "tradewind-system", NAME)
    assert found is not None
    spec: Manifest = found["spec"]
    return spec


def hold(api: FakeApi, **spec: Any) -> None:
    """Let another operator hold it."""
    body = {"holderIdentity": "other", "leaseDurationSeconds": 1, "leaseTransitions": 4, **spec}
    api.objects.put(LEASES, {"metadata": {"name": NAME, "namespace": "tradewind-system"}, "spec": body})


@asynccontextmanager
async def kept(lease: Lease) -> AsyncIterator[asyncio.Task[None]]:
    """Acquire a lease, and keep it."""
    async with asyncio.timeout(30):
        await lease.acquire()
    task = asyncio.create_task(lease.keep())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_lease_that_nobody_holds_is_ours_at_once(api: FakeApi) -> None:
    lease = a_lease(api)
    assert not lease.holds()
    await lease.acquire()
    assert (held(api)["holderIdentity"], held(api)["leaseTransitions"]) == ("me", 0)


async def test_it_is_renewed_and_stays_open(api: FakeApi) -> None:
    lease = a_lease(api)
    async with kept(lease):
        first = held(api)["renewTime"]
        await until(lambda: held(api)["renewTime"] > first)
        await until(lease.holds)
        assert held(api)["leaseTransitions"] == 0


async def test_a_hub_that_is_away_closes_the_fence_and_its_return_opens_it(api: FakeApi) -> None:
    lease = a_lease(api)
    async with kept(lease) as keeping:
        api.answer(f"* /{NAME}", 503)
        await until(lambda: not lease.holds())
        assert not keeping.done()
        api.heal()
        await until(lease.holds)
        assert held(api)["leaseTransitions"] == 0


async def test_a_hub_that_does_not_answer_closes_the_fence(api: FakeApi) -> None:
    lease = a_lease(api)
    async with kept(lease):
        released = api.hang(f"* /{NAME}")
        await until(lambda: not lease.holds())
        released.set()
        api.heal()
        await until(lease.holds)


async def test_the_fence_closes_before_anybody_else_may_take_over(api: FakeApi) -> None:
    """Time is counted from before the request: however slow the answer, the margin stays."""
    lease, loop = a_lease(api), asyncio.get_running_loop()
    await lease.acquire()
    asked: list[float] = []
    api.before(f"GET /{NAME}", lambda: asked.append(loop.time()))
    await lease._try()  # noqa: SLF001 - one renewal, without the pause before it
    open_until_s = lease._valid_until_s  # noqa: SLF001 - `holds` only compares it with the clock
    assert open_until_s <= asked[0] + lease_module.DURATION_S - lease_module.MARGIN_S
    await until(lambda: not lease.holds())
    assert loop.time() >= open_until_s


async def test_a_lease_that_another_renews_is_waited_for(api: FakeApi) -> None:
    hold(api, leaseDurationSeconds=3600)
    waiting = asyncio.create_task(a_lease(api).acquire())
    await until(lambda: len(api.verbs(ends=NAME)) >= 4)
    assert not waiting.done()
    assert held(api)["holderIdentity"] == "other"
    waiting.cancel()


async def test_a_lease_that_nobody_renews_is_taken_by_our_own_clock(api: FakeApi) -> None:
    """Its times are of another clock, which may be wrong by years; how long it has not changed is what counts."""
    hold(api, leaseDurationSeconds=1, renewTime="2999-01-01T00:00:00.000000Z")
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    await a_lease(api).acquire()
    assert loop.time() - started_s >= 1.0
    assert (held(api)["holderIdentity"], held(api)["leaseTransitions"]) == ("me", 5)


async def test_a_lease_that_was_given_back_is_taken_at_once(api: FakeApi) -> None:
    first = a_lease(api, "first")
    await first.acquire()
    await first.give_back()
    assert not first.holds()
    second = a_lease(api, "second")
    async with asyncio.timeout(10):
        await second.acquire()
    assert held(api)["holderIdentity"] == "second"


async def test_a_lease_of_another_is_not_given_back(api: FakeApi) -> None:
    hold(api)
    await a_lease(api).give_back()
    assert held(api)["holderIdentity"] == "other"


async def test_giving_back_to_a_hub_that_is_away_is_no_error(api: FakeApi) -> None:
    lease = a_lease(api)
    await lease.acquire()
    api.answer(f"* /{NAME}", 500)
    await lease.give_back()
    assert not lease.holds()


async def test_whoever_finds_another_holder_ends(api: FakeApi) -> None:
    lease = a_lease(api)
    async with kept(lease) as keeping:
        hold(api)
        with pytest.raises(LeaseLostError, match="other holds the lease"):
            await asyncio.wait_for(keeping, 30)


async def test_two_that_start_together_do_not_both_lead(api: FakeApi) -> None:
    leases = [a_lease(api, name) for name in ("one", "two", "three")]
    tasks = [asyncio.create_task(lease.acquire()) for lease in leases]
    await until(lambda: any(task.done() for task in tasks))
    await until(lambda: len(api.verbs(ends=NAME)) >= 8)
    assert sum(lease.holds() for lease in leases) == 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_conflict_is_no_loss(api: FakeApi) -> None:
    """Somebody has put a label on our lease in the middle of a renewal."""
    lease = a_lease(api)
    async with kept(lease) as keeping:
        changed = {"metadata": {"name": NAME, "namespace": "tradewind-system", "labels": {"team": "ops"}}}
        rule = api.before(f"PUT /{NAME}", lambda: api.objects.put(LEASES, {**changed, "spec": held(api)}))
        await until(lambda: rule.hits == 1)
        first = held(api)["renewTime"]
        await until(lambda: held(api)["renewTime"] > first)
        assert not keeping.done()


async def test_a_lease_without_a_spec_is_taken(api: FakeApi) -> None:
    api.objects.put(LEASES, {"metadata": {"name": NAME, "namespace": "tradewind-system"}})
    async with asyncio.timeout(10):
        await a_lease(api).acquire()
    assert held(api)["holderIdentity"] == "me"
