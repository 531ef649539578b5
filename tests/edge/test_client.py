"""The client of one API server: what every answer, and every lack of one, becomes."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from kubernetes.aio import client as k8s
from tests.edge.waiting import until

from tradewind.errors import ConflictError, RetryableError, TerminalError, TradewindError
from tradewind.kube.client import ApiServer
from tradewind.kube.errors import (
    AlreadyExistsError,
    BusyError,
    ExpiredError,
    NotFoundError,
    NotServedError,
    UnauthorizedError,
    UnreachableError,
    WebhookError,
)
from tradewind.kube.fence import unfenced
from tradewind.kube.resources import JOBS, NODES, PODS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kmock import RawHandler
    from tests.edge.fakeapi import FakeApi

JOB = "/apis/batch/v1/namespaces/research/jobs/train"
JOBS_PATH = "/apis/batch/v1/namespaces/research/jobs"
WATCH = "get /api/v1/nodes?watch=true"
Calls = list[tuple[str, str, int]]


@pytest.fixture
def calls() -> Calls:
    return []


@pytest_asyncio.fixture
async def server(kmock: RawHandler, calls: Calls) -> AsyncIterator[ApiServer]:
    configuration = k8s.Configuration(host=str(kmock.url).rstrip("/"))
    made = ApiServer("aws", configuration, fence=unfenced(), on_call=lambda *call: calls.append(call))
    yield made
    await made.close()


def line(kind: str, name: str = "n", version: str = "7") -> bytes:
    return (
        json.dumps({"type": kind, "object": {"metadata": {"name": name, "resourceVersion": version}}}).encode() + b"\n"
    )


async def watched(server: ApiServer) -> list[tuple[str, str]]:
    """Watch until the server ends the stream; say what came."""
    return [(kind, item["metadata"]["name"]) async for kind, item in server.watch(NODES, since="5")]


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [
        pytest.param(400, "BadRequest", TerminalError, id="what can't be understood needs a person"),
        pytest.param(401, "Unauthorized", UnauthorizedError, id="who are you"),
        pytest.param(403, "Forbidden", UnauthorizedError, id="you may not"),
        pytest.param(404, "NotFound", NotFoundError, id="it is not there"),
        pytest.param(404, "", NotServedError, id="no answer about any object"),
        pytest.param(409, "Conflict", ConflictError, id="somebody else wrote first"),
        pytest.param(409, "AlreadyExists", AlreadyExistsError, id="the name is taken"),
        pytest.param(410, "Expired", ExpiredError, id="too old"),
        pytest.param(422, "Invalid", TerminalError, id="refused by validation"),
        pytest.param(429, "TooManyRequests", BusyError, id="too many requests"),
        pytest.param(500, "InternalError", BusyError, id="broken"),
        pytest.param(502, "", BusyError, id="a proxy without its server"),
        pytest.param(503, "ServiceUnavailable", BusyError, id="away"),
        pytest.param(504, "Timeout", BusyError, id="too slow"),
        pytest.param(507, "", TerminalError, id="a status nobody has heard of"),
        pytest.param(302, "", BusyError, id="a redirect, which no API server sends"),
    ],
)
async def test_an_error_status(
    kmock: RawHandler, server: ApiServer, status: int, reason: str, error: type[TradewindError]
) -> None:
    kmock[f"get {JOB}"] << status << {"kind": "Status", "reason": reason, "message": "because"}
    with pytest.raises(TradewindError) as caught:
        await server.get(JOBS, "train", namespace="research")
    assert type(caught.value) is error
    assert caught.value.reason == (reason or f"HTTP{status}")
    assert caught.value.message == "because"


async def test_a_webhook_that_can_not_be_asked_is_told_from_other_faults(kmock: RawHandler, server: ApiServer) -> None:
    words = 'Internal error occurred: failed calling webhook "jobs.example.org": connection refused'
    kmock[f"post {JOBS_PATH}"] << 500 << {"reason": "InternalError", "message": words}
    with pytest.raises(WebhookError, match="failed calling webhook"):
        await server.create(JOBS, {"metadata": {"name": "train"}}, namespace="research")


async def test_every_request_is_counted_with_its_status(kmock: RawHandler, server: ApiServer, calls: Calls) -> None:
    kmock[f"get {JOB}"] << 404 << {"reason": "NotFound"}
    kmock[f"post {JOBS_PATH}"] << 201 << {"metadata": {}}
    with pytest.raises(NotFoundError):
        await server.get(JOBS, "train", namespace="research")
    await server.create(JOBS, {"metadata": {"name": "train"}}, namespace="research")
    assert calls == [("aws", "GET", 404), ("aws", "POST", 201)]


async def test_an_error_without_a_status_body_still_says_something(kmock: RawHandler, server: ApiServer) -> None:
    kmock[f"get {JOB}"] << 503 << b"upstream connect error"
    with pytest.raises(BusyError) as caught:
        await server.get(JOBS, "train", namespace="research")
    assert (caught.value.reason, caught.value.message) == ("HTTP503", "upstream connect error")


async def test_a_very_long_message_is_cut(kmock: RawHandler, server: ApiServer) -> None:
    kmock[f"post {JOBS_PATH}"] << 422 << {"reason": "Invalid", "message": "x" * 100_000}
    with pytest.raises(TerminalError) as caught:
        await server.create(JOBS, {"metadata": {"name": "train"}}, namespace="research")
    assert len(caught.value.message) <= 500


@pytest.mark.parametrize(
    ("header", "wait_s"), [("7", 7.0), ("", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0), ("-1", 0.0)]
)
async def test_the_servers_wish_to_be_left_alone_is_kept(
    kmock: RawHandler, server: ApiServer, header: str, wait_s: float
) -> None:
    kmock[f"get {JOB}"] << 429 << {"reason": "TooManyRequests"} << {"Retry-After": header}
    with pytest.raises(BusyError) as caught:
        await server.get(JOBS, "train", namespace="research")
    assert caught.value.retry_after_s == wait_s


@pytest.mark.parametrize("body", [b"", b"<html>welcome</html>", b"[1, 2]", b'"text"'])
async def test_an_answer_that_is_no_object_is_not_taken_for_one(
    kmock: RawHandler, server: ApiServer, body: bytes
) -> None:
    kmock[f"get {JOB}"] << 200 << body
    with pytest.raises(RetryableError):
        await server.get(JOBS, "train", namespace="research")


async def test_no_answer_in_time_is_unreachable(api: FakeApi, calls: Calls) -> None:
    released = api.hang("GET /train")
    client = api.client(lambda *call: calls.append(call))
    with pytest.raises(UnreachableError) as caught:
        await client.get(JOBS, "train", namespace="research", timeout_s=0.05)
    released.set()
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert calls == [("aws", "GET", 0)]


async def test_a_connection_that_breaks_is_unreachable(api: FakeApi) -> None:
    api.drop("GET /train")
    with pytest.raises(UnreachableError):
        await api.client().get(JOBS, "train", namespace="research")


async def test_a_refused_connection_is_unreachable(api: FakeApi) -> None:
    client = api.client()
    await api.stop()
    with pytest.raises(UnreachableError):
        await client.get(JOBS, "train", namespace="research")


async def test_a_client_that_was_closed_says_so_and_opens_nothing_again(api: FakeApi) -> None:
    used, unused = api.client(), api.client()
    await used.list_all(NODES)
    for client in (used, unused):
        await client.close()
        with pytest.raises(UnreachableError):
            await client.list_all(NODES)
    assert len(api.calls) == 1


async def test_a_list_comes_in_pages_and_with_the_version_to_watch_from(api: FakeApi) -> None:
    for number in range(1203):
        api.objects.put("v1/pods", {"metadata": {"name": f"p{number:04}", "namespace": "default"}})
    items, version = await api.client().list_all(PODS)
    assert len({item["metadata"]["name"] for item in items}) == 1203
    assert version == str(api.objects.version)
    assert len(api.calls) == 3


async def test_a_list_whose_pages_expire_in_the_middle_is_expired(api: FakeApi) -> None:
    for number in range(600):
        api.objects.put("v1/pods", {"metadata": {"name": f"p{number}", "namespace": "default"}})
    expired = api.answer("GET /pods", 410, reason="Expired")
    api.heal()
    api.before("GET /pods", lambda: api.rules.append(expired))
    with pytest.raises(ExpiredError):
        await api.client().list_all(PODS)


async def test_the_requests_are_those_that_the_guarantees_rest_on(api: FakeApi) -> None:
    client = api.client()
    body: dict[str, Any] = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "train", "namespace": "research"},
    }
    made = await client.create(JOBS, body, namespace="research")
    await client.apply(JOBS, body, namespace="research")
    await client.merge(JOBS, "train", {"metadata": {"labels": {"a": "b"}}}, namespace="research")
    await client.delete(JOBS, "train", namespace="research", uid=made["metadata"]["uid"])
    created, applied, merged, deleted = api.calls
    assert created.verb == f"POST {JOBS_PATH}"
    assert (applied.content_type, applied.query["force"]) == ("application/apply-patch+yaml", "true")
    assert merged.content_type == "application/merge-patch+json"
    assert {call.query["fieldManager"] for call in (created, applied, merged)} == {"tradewind"}
    assert deleted.body == {"propagationPolicy": "Foreground", "preconditions": {"uid": made["metadata"]["uid"]}}


async def test_a_delete_of_another_object_of_that_name_is_a_conflict(api: FakeApi) -> None:
    api.objects.put("batch/v1/jobs", {"metadata": {"name": "train", "namespace": "research"}})
    with pytest.raises(ConflictError):
        await api.client().delete(JOBS, "train", namespace="research", uid="another")


# Watches.


async def test_a_watch_starts_where_it_is_told_and_wants_bookmarks(api: FakeApi) -> None:
    api.raw("WATCH /nodes", line("ADDED").decode())
    assert await watched(api.client()) == [("ADDED", "n")]
    query = api.calls[0].query
    assert (query["resourceVersion"], query["allowWatchBookmarks"]) == ("5", "true")
    assert int(query["timeoutSeconds"]) > 0


@pytest.mark.parametrize("size", [1, 2, 7, 64])
async def test_a_stream_may_be_split_anywhere(kmock: RawHandler, server: ApiServer, size: int) -> None:
    text = line("ADDED", "ä" * 3) + line("MODIFIED", "two") + b"\n" + line("DELETED", "three")
    kmock["get /api/v1/nodes"] << tuple(text[start : start + size] for start in range(0, len(text), size))
    assert await watched(server) == [("ADDED", "äää"), ("MODIFIED", "two"), ("DELETED", "three")]


async def test_a_line_may_be_larger_than_any_buffer(kmock: RawHandler, server: ApiServer) -> None:
    huge = "x" * 5_000_000
    kmock["get /api/v1/nodes"] << (line("ADDED", huge), line("DELETED", "small"))
    assert [(kind, len(name)) for kind, name in await watched(server)] == [("ADDED", 5_000_000), ("DELETED", 5)]


@pytest.mark.parametrize(
    ("code", "error"),
    [(410, ExpiredError), (500, BusyError), (403, UnauthorizedError), (None, BusyError), (200, ExpiredError)],
)
async def test_an_error_in_the_stream(
    kmock: RawHandler, server: ApiServer, code: int | None, error: type[TradewindError]
) -> None:
    status = {"kind": "Status", "message": "no more"} | ({} if code is None else {"code": code})
    kmock["get /api/v1/nodes"] << (line("ADDED"), json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")
    stream = server.watch(NODES, since="5").__aiter__()
    assert (await anext(stream))[0] == "ADDED"
    with pytest.raises(error):
        await anext(stream)


@pytest.mark.parametrize(("status", "error"), [(410, ExpiredError), (503, BusyError), (401, UnauthorizedError)])
async def test_a_watch_that_is_refused(
    kmock: RawHandler, server: ApiServer, calls: Calls, status: int, error: type[TradewindError]
) -> None:
    kmock["get /api/v1/nodes"] << status << {"kind": "Status", "message": "too old"}
    with pytest.raises(error):
        await watched(server)
    assert calls == [("aws", "WATCH", status)]


async def test_a_stream_that_breaks_off_ends_or_is_unreachable(api: FakeApi) -> None:
    watching = asyncio.create_task(watched(api.client()))
    await until(lambda: api.watches)
    await api.stop()
    (ended,) = await asyncio.gather(watching, return_exceptions=True)
    assert ended == [] or isinstance(ended, UnreachableError)
