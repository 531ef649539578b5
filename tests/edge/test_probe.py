"""What one probe proves, over real sockets and real TLS."""

from __future__ import annotations

import asyncio
import errno
import itertools
import socket
import ssl
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import aiohttp
import pytest
from tests.edge.tls import FUTURE, OPENSSL, PAST, Authority, client_of, serving

from tradewind.observe.probe import NO_SUCH_NAME, classify, probe, write
from tradewind.outage.evidence import Fault, Heard, Wrote

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.edge.fakeapi import FakeApi

ANSWER, CREDENTIALS, SILENCE, UNKNOWN = Heard.ANSWER, Heard.CREDENTIALS, Heard.SILENCE, Heard.UNKNOWN
KUBE_SYSTEM = "GET /namespaces/kube-system"


async def test_an_answer_proves_life_and_identity(api: FakeApi) -> None:
    outcome = await probe(api.client(), timeout_s=5.0)
    found = api.objects.get("v1/namespaces", "", "kube-system")
    assert found is not None
    assert (outcome.heard, outcome.cluster_uid) == (ANSWER, found["metadata"]["uid"])


@pytest.mark.parametrize("status", [400, 404, 409, 410, 422, 429, 500, 502, 503, 504, 302])
async def test_any_http_answer_is_life(api: FakeApi, status: int) -> None:
    api.answer(KUBE_SYSTEM, status)
    outcome = await probe(api.client(), timeout_s=5.0)
    assert (outcome.heard, outcome.cluster_uid) == (ANSWER, "")


async def test_even_one_that_is_no_object(api: FakeApi) -> None:
    api.raw(KUBE_SYSTEM, "<html>maintenance</html>")
    assert (await probe(api.client(), timeout_s=5.0)).heard is ANSWER


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_is_told_apart(api: FakeApi, status: int) -> None:
    api.answer(KUBE_SYSTEM, status, reason="Nope", message="the token has expired")
    outcome = await probe(api.client(), timeout_s=5.0)
    assert outcome.heard is CREDENTIALS
    assert "the token has expired" in outcome.detail


async def test_a_server_that_accepts_and_says_nothing_is_silent(api: FakeApi) -> None:
    released = api.hang(KUBE_SYSTEM)
    outcome = await probe(api.client(), timeout_s=0.1)
    released.set()
    assert outcome.heard is SILENCE
    assert outcome.detail == "no answer in time"


async def test_a_server_that_hangs_up_is_silent(api: FakeApi) -> None:
    api.drop(KUBE_SYSTEM)
    assert (await probe(api.client(), timeout_s=5.0)).heard is SILENCE


async def test_a_refused_connection_is_silent(api: FakeApi) -> None:
    client = api.client()
    await api.stop()
    outcome = await probe(client, timeout_s=5.0)
    assert outcome.heard is SILENCE
    assert "refused" in outcome.detail


async def test_a_blackhole_is_silent() -> None:
    """A listener whose backlog is full drops every further SYN, as a firewall does."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.settimeout(0)
            filler.connect_ex(listener.getsockname())
        async with client_of(f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
            assert (await probe(client, timeout_s=0.2)).heard is SILENCE


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        pytest.param(socket.EAI_AGAIN, UNKNOWN, id="a resolver that fails is our own trouble"),
        pytest.param(socket.EAI_NONAME, SILENCE, id="a name that is no more is the cluster's"),
    ],
)
async def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch, said: int, heard: Heard) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(said, "so it is")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    async with client_of("http://api.example:6443") as client:
        outcome = await probe(client, timeout_s=20.0)
    assert outcome.heard is heard


async def test_garbage_before_any_http_is_silent() -> None:
    async def garble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        writer.close()

    server = await asyncio.start_server(garble, "127.0.0.1", 0)
    async with server, client_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as client:
        assert (await probe(client, timeout_s=5.0)).heard is SILENCE


needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="the openssl command makes the certificates")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made_in(tmp_path_factory.mktemp("tls") / "ca")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made_in(tmp_path_factory.mktemp("tls") / "stranger")


@asynccontextmanager
async def https(context: ssl.SSLContext, authority: Authority) -> AsyncIterator[str]:
    async with serving(context) as port, client_of(f"https://127.0.0.1:{port}", authority=authority) as client:
        yield (await probe(client, timeout_s=10.0)).heard


@needs_openssl
async def test_a_good_certificate_is_trusted(authority: Authority) -> None:
    async with https(authority.issue("good"), authority) as heard:
        assert heard is ANSWER


@needs_openssl
async def test_an_expired_certificate_is_no_outage(authority: Authority) -> None:
    async with https(authority.issue("expired", valid=PAST), authority) as heard:
        assert heard is CREDENTIALS


@needs_openssl
async def test_a_certificate_that_is_not_yet_valid_is_our_own_clock(authority: Authority) -> None:
    async with https(authority.issue("early", valid=FUTURE), authority) as heard:
        assert heard is UNKNOWN


@needs_openssl
async def test_a_certificate_for_another_name_is_no_outage(authority: Authority) -> None:
    async with https(authority.issue("elsewhere", names="DNS:elsewhere.example"), authority) as heard:
        assert heard is CREDENTIALS


@needs_openssl
async def test_a_certificate_of_an_unknown_authority_is_no_outage(authority: Authority, stranger: Authority) -> None:
    async with https(stranger.issue("forged"), authority) as heard:
        assert heard is CREDENTIALS


@needs_openssl
async def test_a_certificate_for_the_name_that_the_kubeconfig_gives_is_trusted(authority: Authority) -> None:
    context = authority.issue("named", names="DNS:kubernetes")
    async with serving(context) as port:
        host = f"https://127.0.0.1:{port}"
        async with client_of(host, authority=authority, server_name="kubernetes") as client:
            assert (await probe(client, timeout_s=10.0)).heard is ANSWER


@needs_openssl
async def test_a_server_that_wants_our_certificate_and_gets_none_is_no_outage(authority: Authority) -> None:
    """By TLS 1.3 the refusal comes after the handshake, and asyncio shows no more of it than a closed connection."""
    context = authority.issue("strict")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.folder / "ca.crt")

    def refuse(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as secured:
            with suppress(ssl.SSLError):
                secured.do_handshake()
            connection.recv(1)  # until the other side has read the alert, and hangs up

    with socket.create_server(("127.0.0.1", 0)) as listener:
        refusing = asyncio.get_running_loop().run_in_executor(None, refuse, listener)
        host = f"https://127.0.0.1:{listener.getsockname()[1]}"
        async with client_of(host, authority=authority) as client:
            assert (await probe(client, timeout_s=10.0)).heard is CREDENTIALS
        await asyncio.wait_for(asyncio.gather(refusing, return_exceptions=True), 20)


@needs_openssl
async def test_plain_http_behind_an_https_address_is_silent(authority: Authority) -> None:
    async with serving(None) as port, client_of(f"https://127.0.0.1:{port}", authority=authority) as client:
        assert (await probe(client, timeout_s=10.0)).heard is SILENCE


def chained(*errors: BaseException) -> BaseException:
    """Chain errors, the last being the cause of all."""
    for outer, inner in itertools.pairwise(errors):
        outer.__cause__ = inner
    return errors[0]


@pytest.mark.parametrize(
    ("error", "heard"),
    [
        *(
            pytest.param(lambda n=number: OSError(n, "x"), UNKNOWN, id=f"{errno.errorcode[number]} is our own")
            for number in (errno.ENETDOWN, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL)
        ),
        *(
            pytest.param(lambda n=number: OSError(n, "x"), SILENCE, id=f"{errno.errorcode[number]} is silence")
            for number in (errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE, errno.EHOSTUNREACH, errno.ETIMEDOUT)
        ),
        pytest.param(lambda: OSError(errno.ENETUNREACH, "x"), SILENCE, id="a route that was withdrawn is silence"),
        pytest.param(TimeoutError, SILENCE, id="a time-out is silence"),
        *(
            pytest.param(lambda n=number: socket.gaierror(n, "x"), UNKNOWN, id=f"a resolver that fails ({number})")
            for number in (socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_SYSTEM, socket.EAI_MEMORY)
        ),
        *(
            pytest.param(lambda n=number: socket.gaierror(n, "x"), SILENCE, id=f"a resolver that works ({number})")
            for number in sorted(NO_SUCH_NAME)
        ),
        pytest.param(
            lambda: chained(aiohttp.ClientError("x"), OSError(errno.EMFILE, "too many open files")),
            UNKNOWN,
            id="the cause counts, however deep",
        ),
        pytest.param(aiohttp.ServerDisconnectedError, SILENCE, id="a server that hangs up is silent"),
        pytest.param(lambda: ssl.SSLError(1, "[SSL] wrong version number"), SILENCE, id="broken TLS is silence"),
        pytest.param(
            lambda: ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required"),
            CREDENTIALS,
            id="an alert comes from somebody alive",
        ),
    ],
)
def test_classify(error: Callable[[], BaseException], heard: Heard) -> None:
    outcome = classify(error())
    assert outcome.heard is heard
    assert outcome.detail


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = OSError("a"), OSError("b")
    first.__cause__, second.__cause__ = second, first
    assert classify(first).heard is SILENCE


WRITE = "PATCH /namespaces/tradewind-system/leases/tradewind-probe-default"


async def a_write(api: FakeApi, *, timeout_s: float = 5.0) -> Wrote:
    wrote, _ = await write(api.client(), namespace="tradewind-system", hub_name="default", timeout_s=timeout_s)
    return wrote


async def test_a_small_write_renews_a_lease_of_our_own(api: FakeApi) -> None:
    assert await a_write(api) is Wrote.WRITTEN
    lease = api.objects.get("coordination.k8s.io/v1/leases", "tradewind-system", "tradewind-probe-default")
    assert lease is not None
    first = lease["spec"]["renewTime"]
    assert await a_write(api) is Wrote.WRITTEN
    lease = api.objects.get("coordination.k8s.io/v1/leases", "tradewind-system", "tradewind-probe-default")
    assert lease is not None
    assert lease["spec"]["renewTime"] > first


async def test_it_makes_its_namespace_where_it_lacks(api: FakeApi) -> None:
    api.answer(WRITE, 404, reason="NotFound", times=1)
    assert await a_write(api) is Wrote.WRITTEN
    assert api.objects.get("v1/namespaces", "", "tradewind-system") is not None


@pytest.mark.parametrize(
    ("status", "wrote"),
    [
        pytest.param(401, Wrote.REFUSED, id="no credentials"),
        pytest.param(403, Wrote.REFUSED, id="no right to it"),
        pytest.param(422, Wrote.REFUSED, id="a webhook against this Lease"),
        pytest.param(429, Wrote.FAILED, id="too busy"),
        pytest.param(500, Wrote.FAILED, id="a store that takes no writes"),
        pytest.param(503, Wrote.FAILED, id="a store that is away"),
    ],
)
async def test_what_an_answer_to_a_write_proves(api: FakeApi, status: int, wrote: Wrote) -> None:
    api.answer(WRITE, status)
    assert await a_write(api) is wrote


async def test_a_write_that_is_not_answered_has_failed(api: FakeApi) -> None:
    released = api.hang(WRITE)
    assert await a_write(api, timeout_s=0.1) is Wrote.FAILED
    released.set()


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        pytest.param(socket.gaierror(socket.EAI_AGAIN, "try again"), Fault.RESOLVER, id="a resolver that fails"),
        pytest.param(socket.gaierror(socket.EAI_NONAME, "no such name"), None, id="a name that is no more"),
        pytest.param(OSError(errno.EMFILE, "too many"), Fault.SOCKET, id="no socket left"),
        pytest.param(OSError(errno.ENETDOWN, "down"), Fault.SOCKET, id="no network here"),
        pytest.param(OSError(errno.ENETUNREACH, "unreachable"), None, id="no route, as any router on the way may say"),
        pytest.param(ConnectionRefusedError(errno.ECONNREFUSED, "refused"), None, id="a refusal is the other side's"),
    ],
)
def test_a_fault_of_our_own_says_of_which_kind_it_is(error: OSError, fault: Fault | None) -> None:
    outcome = classify(error)
    assert (outcome.fault, outcome.heard is UNKNOWN) == (fault, fault is not None)
