"""Each connection says whose it is before its first write, and what leads elsewhere is not written to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tradewind.errors import RetryableError
from tradewind.kube import transport
from tradewind.kube.errors import UnreachableError
from tradewind.kube.resources import JOBS, NAMESPACES

if TYPE_CHECKING:
    from tests.edge.fakeapi import FakeApi

    from tradewind.kube.client import ApiServer

WHOSE = "GET /api/v1/namespaces/kube-system"
CREATE = "POST /apis/batch/v1/namespaces/research/jobs"


def asking(api: FakeApi, *, hoped_for: str = "the-first") -> ApiServer:
    """Make a client of a server whose name is `the-first`; it writes to one of that name alone."""
    api.objects.put("v1/namespaces", {"metadata": {"name": "kube-system", "uid": "the-first"}})
    server = api.client()

    async def confirm() -> None:
        found = await server.get(NAMESPACES, "kube-system")
        if found["metadata"]["uid"] != hoped_for:
            raise RetryableError("Elsewhere", "It is another.")

    server.confirm = confirm
    return server


def verbs(api: FakeApi) -> list[str]:
    return [call.verb for call in api.calls]


async def create(server: ApiServer, name: str, *, timeout_s: float | None = None) -> None:
    body = {"metadata": {"name": name, "namespace": "research"}}
    await server.create(JOBS, body, namespace="research", timeout_s=timeout_s)


async def test_a_connection_is_asked_before_its_first_write_and_never_again(api: FakeApi) -> None:
    server = asking(api)
    await create(server, "one")
    await create(server, "two")
    await server.list_all(JOBS)
    assert verbs(api)[:3] == [WHOSE, CREATE, CREATE]
    assert verbs(api).count(WHOSE) == 1


async def test_what_is_only_read_is_not_asked_about(api: FakeApi) -> None:
    server = asking(api)
    await server.list_all(JOBS)
    assert WHOSE not in verbs(api)
    await create(server, "one")
    assert verbs(api)[1:] == [WHOSE, CREATE], "the same connection, which is now to carry a write"


async def test_nothing_is_written_over_a_connection_that_leads_elsewhere(api: FakeApi) -> None:
    server = asking(api, hoped_for="another")
    for _ in range(2):
        with pytest.raises(RetryableError, match="It is another"):
            await create(server, "one")
    assert verbs(api) == [WHOSE, WHOSE]


async def test_a_connection_that_was_made_anew_is_asked_anew(api: FakeApi) -> None:
    server = asking(api)
    await create(server, "one")
    await api.stop()
    api.objects.put("v1/namespaces", {"metadata": {"name": "kube-system", "uid": "the-second"}})
    await api.start()
    with pytest.raises(RetryableError, match="It is another"):
        await create(server, "two")
    assert verbs(api).count(CREATE) == 1


async def test_writes_at_the_same_time_all_go_over_connections_that_were_asked(api: FakeApi) -> None:
    server = asking(api)
    await asyncio.gather(*(create(server, f"job-{index}") for index in range(20)))
    asked = verbs(api).count(WHOSE)
    assert verbs(api).count(CREATE) == 20
    assert 1 <= asked <= 20
    await asyncio.gather(*(create(server, f"more-{index}") for index in range(asked)))
    assert verbs(api).count(WHOSE) == asked, "all connections were known by then"


async def test_a_question_without_an_answer_keeps_the_write_from_being_sent(api: FakeApi) -> None:
    server = asking(api)
    api.drop("GET /namespaces/kube-system")
    with pytest.raises(RetryableError):
        await create(server, "one")
    assert CREATE not in verbs(api)
    api.heal()
    await create(server, "one")


async def test_where_each_connection_ends_with_its_first_answer_a_write_says_so_and_does_not_ask_for_ever(
    api: FakeApi,
) -> None:
    server = asking(api)
    api.answer_last("GET /namespaces/kube-system")
    with pytest.raises(UnreachableError, match="ends each connection after one answer"):
        await create(server, "one", timeout_s=3.0)
    assert verbs(api) == [WHOSE, WHOSE]


async def test_one_that_ends_so_is_followed_by_another(api: FakeApi) -> None:
    server = asking(api)
    api.answer_last("GET /namespaces/kube-system", times=1)
    await create(server, "one")
    assert verbs(api) == [WHOSE, WHOSE, CREATE]


async def test_a_connection_that_others_took_meanwhile_has_not_ended(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_CONNECTIONS", 3)
    server = asking(api)
    await asyncio.gather(*(create(server, f"job-{index}") for index in range(40)))
    assert verbs(api).count(CREATE) == 40
