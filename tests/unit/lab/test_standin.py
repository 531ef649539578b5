"""What answers in place of an API server, with real TLS."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
from tests.edge.tls import OPENSSL, Authority, client_of

from tradewind.kube.errors import BusyError, UnauthorizedError, UnreachableError
from tradewind.kube.resources import NAMESPACES
from tradewind.lab.errors import LabError
from tradewind.lab.ports import HOST
from tradewind.lab.standin import StandIn, expire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="the openssl command makes the certificates")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A folder of keys as a lab's control plane has one."""
    authority = Authority.made_in(tmp_path / "pki")
    authority.issue("admin")
    return authority


@pytest.fixture
async def stand_in(authority: Authority) -> AsyncIterator[StandIn]:
    stand_in = StandIn(authority.folder)
    yield stand_in
    await stand_in.stop()


@needs_openssl
@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        pytest.param(429, BusyError, "TooManyRequests", id="too many requests"),
        pytest.param(503, BusyError, "ServiceUnavailable", id="not available"),
        pytest.param(401, UnauthorizedError, "Unauthorized", id="not let in"),
        pytest.param(500, BusyError, "InternalError", id="broken"),
    ],
)
async def test_every_request_is_answered_as_an_api_server_would(
    authority: Authority, stand_in: StandIn, status: int, error: type[Exception], reason: str
) -> None:
    port = await stand_in.start(status=status, expired=False)
    async with client_of(f"https://{HOST}:{port}", authority=authority) as server:
        for _ in range(3):  # over one connection
            with pytest.raises(error, match=f"{reason}.*answers every request with {status}"):
                await server.create(NAMESPACES, {"metadata": {"name": "x" * 4096}})


@needs_openssl
async def test_a_wish_to_wait_is_passed_on(authority: Authority, stand_in: StandIn) -> None:
    port = await stand_in.start(status=429, expired=False)
    async with client_of(f"https://{HOST}:{port}", authority=authority) as server:
        with pytest.raises(BusyError) as caught:
            await server.get(NAMESPACES, "kube-system")
    assert caught.value.retry_after_s == 1.0


@needs_openssl
async def test_an_expired_certificate_is_of_the_right_authority_and_name(
    authority: Authority, stand_in: StandIn
) -> None:
    expire(authority.folder)
    expire(authority.folder)  # again, as each cut does
    port = await stand_in.start(status=503, expired=True)
    async with client_of(f"https://{HOST}:{port}", authority=authority) as server:
        with pytest.raises(UnreachableError) as caught:
            await server.get(NAMESPACES, "kube-system")
    cause = caught.value.__cause__
    assert "certificate has expired" in str(cause)
    assert isinstance(getattr(cause, "certificate_error", cause), ssl.SSLCertVerificationError)


def test_without_openssl_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match="NoOpenSSL"):
        expire(tmp_path)
