"""Leadership: taken, renewed, lost and given back, and a fence that closes before anyone else may start."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.edge.waiting import until

from tradewind.kube import fence as fence_module
from tradewind.kube.errors import UnreachableError
from tradewind.kube.fence import Fence
from tradewind.kube.resources import CONFIG_MAPS
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
    for module, name in (
        (lease_module, "DURATION_S"),
        (lease_module, "RENEW_S"),
        (lease_module, "RETRY_S"),
        (lease_module, "TIMEOUT_S"),
        (lease_module, "STILL_S"),
        (fence_module, "WIRE_S"),
        (fence_module, "SLACK_S"),
        (fence_module, "MIN_WRITE_S"),
        (fence_module, "MARGIN_S"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name) / 20)


class Held(Lease):
    """A lease with its fence."""

    def __init__(self, api: FakeApi, identity: str) -> None:
        self.fence = Fence()
        super().__init__(api.client(), self.fence, namespace="tradewind-system", identity=identity)

    def holds(self) -> bool:
        """Whether a write may begin."""
        return self.fence.is_open


def a_lease(api: FakeApi, identity: str = "me") -> Held:
    return Held(api, identity)


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
async def kept(lease: Held) -> AsyncIterator[asyncio.Task[None]]:
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


async def test_leadership_is_counted_from_before_the_renewal_was_sent(api: FakeApi) -> None:
    """However slow the answer: who reads the renewal may have begun to wait before it arrived here."""
    lease = a_lease(api)
    await lease.acquire()
    calls = len(api.calls)
    released = api.hang(f"PUT /{NAME}")
    renewing = asyncio.create_task(lease._try())  # noqa: SLF001 - one renewal, without the pause before it
    await until(lambda: len(api.calls) > calls)
    arrived_s = lease.fence.clock()
    await asyncio.sleep(0.05)
    released.set()
    assert await renewing
    assert lease.fence.clock() + lease.fence.left_s() <= arrived_s + lease_module.DURATION_S


async def test_a_standby_counts_from_after_it_has_read_the_renewal(api: FakeApi) -> None:
    """However slow the answer: the renewal that it tells of may be newer than the question."""
    hold(api)
    released = api.hang(f"GET /{NAME}", times=1)
    standby = a_lease(api)
    taking = asyncio.create_task(standby.acquire())
    await until(lambda: api.calls)
    await asyncio.sleep(0.1)
    hold(api)
    renewed_s = standby.fence.clock()
    released.set()
    await taking
    assert standby.fence.clock() - renewed_s >= 1.0, "leaseDurationSeconds of the other, after its last renewal"


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


async def test_a_leader_that_was_paused_while_another_came_and_went_ends(api: FakeApi) -> None:
    """The lease is free again, but what the other has decided is not known here."""
    lease = a_lease(api)
    await lease.acquire()
    hold(api, holderIdentity="", leaseDurationSeconds=1)
    with pytest.raises(LeaseLostError, match="another operator"):
        await asyncio.wait_for(lease.keep(), 30)
    assert not lease.holds()


async def test_a_standby_does_not_lead_at_once_because_somebody_deletes_the_lease(api: FakeApi) -> None:
    """Its leader goes on until its fence closes."""
    leader, standby = a_lease(api, "leader"), a_lease(api, "standby")
    await leader.acquire()
    taking = asyncio.create_task(standby.acquire())
    await until(lambda: len(api.verbs(ends=NAME)) >= 4)
    api.objects.remove(LEASES, "tradewind-system", NAME)
    await taking
    assert not leader.holds()


async def test_a_lease_that_is_deleted_is_written_again_by_its_leader(api: FakeApi) -> None:
    lease = a_lease(api)
    async with kept(lease):
        api.objects.remove(LEASES, "tradewind-system", NAME)
        await until(lambda: api.objects.get(LEASES, "tradewind-system", NAME) is not None)
        assert lease.holds()


async def test_a_renewal_is_one_request(api: FakeApi) -> None:
    lease = a_lease(api)
    await lease.acquire()
    before = len(api.calls)
    await lease._try()  # noqa: SLF001 - one renewal, without the pause before it
    assert [call.method for call in api.calls[before:]] == ["PUT"]


async def test_it_is_given_back_only_once_no_write_is_under_way(api: FakeApi) -> None:
    lease = a_lease(api)
    server = api.client(fence=lease.fence)
    await lease.acquire()
    released = api.hang("POST /configmaps")
    writing = asyncio.create_task(server.create(CONFIG_MAPS, {"metadata": {"name": "c"}}, namespace="research"))
    await until(lambda: api.verbs(ends="/configmaps"))
    ending = asyncio.create_task(lease.give_back())
    await until(lambda: not lease.holds())
    assert held(api)["holderIdentity"] == "me"
    released.set()
    await asyncio.gather(writing, ending)
    assert held(api)["holderIdentity"] == ""


async def test_it_is_not_given_back_while_a_write_without_an_answer_may_still_arrive(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lease_module, "STILL_S", 0.05)
    lease = a_lease(api)
    server = api.client(fence=lease.fence)
    await lease.acquire()
    api.lose_answer("POST /configmaps")
    with pytest.raises(UnreachableError):
        await server.create(CONFIG_MAPS, {"metadata": {"name": "c"}}, namespace="research")
    await lease.give_back()
    assert held(api)["holderIdentity"] == "me", "it expires"
    assert "a write is still under way" in caplog.text


async def test_what_was_given_back_is_not_renewed(api: FakeApi) -> None:
    lease = a_lease(api)
    async with kept(lease):
        await lease.give_back()
        await asyncio.sleep(3 * lease_module.RENEW_S)
        assert held(api)["holderIdentity"] == ""
        assert not lease.holds()


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
