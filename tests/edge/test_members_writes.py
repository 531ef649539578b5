"""The small write to each member: while it answers, at once when it returns, and soon again when it failed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from tests.edge.test_members import a_secret, declare, declared, members, plain_http
from tests.edge.waiting import until

from tradewind.kube.fence import Fence
from tradewind.outage.evidence import Wrote

if TYPE_CHECKING:
    from tests.edge.fakeapi import FakeApi

    from tradewind.state.fleet import ClusterEntry

__all__ = ["plain_http"]
WRITE = "PATCH /namespaces/tradewind-system/leases/tradewind-probe-default"


def wrote(entry: ClusterEntry) -> Wrote | None:
    return entry.evidence.write.wrote if entry.evidence.write else None


async def test_a_member_that_answers_is_written_to_at_once(api: FakeApi) -> None:
    async with members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: wrote(entry) is Wrote.WRITTEN)
        assert entry.evidence.wrote_s is not None


@pytest.mark.parametrize("status", [500, 429])
async def test_a_write_that_failed_is_soon_tried_again(api: FakeApi, status: int) -> None:
    api.answer(WRITE, status, times=1)
    async with members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: wrote(entry) is Wrote.FAILED)
        await until(lambda: wrote(entry) is Wrote.WRITTEN, within_s=5)


async def test_one_that_returns_is_written_to_at_once(api: FakeApi) -> None:
    async with members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: wrote(entry) is Wrote.WRITTEN)
        before_s = entry.evidence.wrote_s
        api.drop("GET /namespaces/kube-system", times=3)
        await until(lambda: not entry.answers)
        await until(lambda: entry.answers and entry.evidence.wrote_s != before_s, within_s=5)


async def test_a_standby_probes_and_writes_nothing_and_writes_once_it_leads(api: FakeApi) -> None:
    fence = Fence()
    async with members(fence) as (store, made):
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: entry.answers and entry.member is not None and entry.member.copies_fresh)
        await until(lambda: len(api.verbs(ends="/namespaces/kube-system")) >= 5)
        assert api.writes() == []
        assert wrote(entry) is None, "no evidence at all, least of all that writes fail"
        fence.open(math.inf)
        await until(lambda: wrote(entry) is Wrote.WRITTEN, within_s=5)


async def test_copies_are_listed_afresh_before_their_absence_means_anything_again(api: FakeApi) -> None:
    """Until a moment ago another operator was making them."""
    async with members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: entry.member is not None and entry.member.synced)
        assert entry.member is not None
        made.list_copies_again()
        assert not entry.member.copies_fresh
        assert entry.member.capacity_fresh
        await until(lambda: entry.member is not None and entry.member.copies_fresh)
