"""The connections to one API server, and what has to hold for the bytes on them.

Built on kubernetes.aio, which does the configuration, TLS and connection pool.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from kubernetes.aio import client as k8s

from tradewind.kube.connector import AskingConnector
from tradewind.kube.errors import NotLeadingError, UnreachableError
from tradewind.kube.fence import WIRE_S
from tradewind.kube.resolving import LastGoodResolver

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp.abc import AbstractStreamWriter

    from tradewind.kube.fence import Permit

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 64


class Transport:
    """Sends requests as they are given to it; whether a write may be sent is decided by its body's permit.

    Args:
        name: the cluster's name, for errors.
        configuration: of kubernetes.aio; it is changed.
        ask: see `AskingConnector`.
    """

    def __init__(self, name: str, configuration: Any, *, ask: Callable[[], Awaitable[None]]) -> None:
        configuration.connection_pool_maxsize = MAX_CONNECTIONS
        configuration.retries = None
        # Read once: aiohttp would look for a proxy and a .netrc at each request.
        configuration.client_session_kwargs = {"trust_env": False}
        configuration.proxy, login = _without_login(configuration.proxy or _proxy_for(configuration.host))
        if login:
            configuration.proxy_headers = {"Proxy-Authorization": login}
        self._name = name
        self._configuration = configuration
        self._rest = _Rest(configuration, ask=ask)
        self._closed = False

    async def close(self) -> None:
        """Close all connections."""
        self._closed = True
        await self._rest.close()

    async def open(
        self,
        method: str,
        path: str,
        *,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own, passed on
        params: Mapping[str, str] | None = None,
        data: Body | None = None,
        content_type: str = "application/json",
    ) -> aiohttp.ClientResponse:
        """Send one request; the answer's body is still to be read.

        Raises:
            UnreachableError: the transport was closed. aiohttp's own errors and OSError are for the caller.
        """
        # No compression: packing and unpacking a list of pods takes both sides longer than sending it does.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if data is not None:
            headers["Content-Type"] = content_type
        for auth in (await self._configuration.auth_settings()).values():
            headers[auth["key"]] = auth["value"]
        # aiohttp sends those of the proxy with CONNECT alone; what is not encrypted the proxy reads itself.
        if self._configuration.host.startswith("http://"):
            headers |= self._configuration.proxy_headers or {}
        if self._closed:
            raise self._ended()
        if self._rest.pool_manager is None:
            self._rest.pool_manager = self._rest._create_pool_manager()  # noqa: SLF001 - made lazily there too
        try:
            return await self._rest.pool_manager.request(
                method,
                self._configuration.host + path,
                params=params,
                data=data,
                headers=headers,
                timeout=timeout,
                server_hostname=self._configuration.tls_server_name or None,
                proxy=self._configuration.proxy,
                proxy_headers=self._configuration.proxy_headers,
                allow_redirects=False,
            )
        except asyncio.CancelledError:
            # aiohttp, when closed, cancels what waits for an address or for its turn. To whoever asks that would look
            # like a cancellation of the whole task, which would end without a word.
            task = asyncio.current_task()
            if self._closed and task is not None and not task.cancelling():
                raise self._ended() from None
            raise

    def _ended(self) -> UnreachableError:
        return UnreachableError("Closed", f"The connection to {self._name} has been ended.")


class Body(aiohttp.BytesPayload):
    """The body of a write. aiohttp sends it in one piece with the headers, so this is where the last look belongs.

    Attributes:
        refused: why it was not sent.
    """

    def __init__(self, value: bytes, permit: Permit, *, what: tuple[str, str, str]) -> None:
        super().__init__(value)
        self._permit = permit
        self._what = what
        self.refused: NotLeadingError | None = None

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Send it, if it may still be sent: connecting takes time, and the process may have been paused."""
        try:
            self._permit.send()
        except NotLeadingError as error:
            self.refused = error
            raise
        log.debug("sending cluster=%s method=%s path=%s", *self._what)
        await super().write_with_length(writer, content_length)


class _Rest(k8s.rest.RESTClientObject):
    """The library's session, on our own connector, with a resolver that outlives failures of the hub's own."""

    def __init__(self, configuration: Any, *, ask: Callable[[], Awaitable[None]]) -> None:
        super().__init__(configuration)
        self._ask = ask

    def _create_connector(self) -> aiohttp.TCPConnector:
        # The resolver keeps nothing open that would have to be closed.
        return AskingConnector(
            ask=self._ask,
            limit=self.maxsize,
            ssl=self.ssl_context,
            resolver=LastGoodResolver(),
            socket_factory=_a_socket,
        )


def _a_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """Make a socket whose data does not outlive the fence; see `WIRE_S`."""
    made = socket.socket(*address[:3])
    # Linux only. Elsewhere the kernel may go on sending for minutes, and compare-and-swap is what is left.
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(WIRE_S * 1000))
    return made


def _proxy_for(host: str) -> str | None:
    """Find the proxy that the environment names for an address, by HTTPS_PROXY and NO_PROXY."""
    address = urlsplit(host)
    return None if proxy_bypass(address.hostname or "") else getproxies().get(address.scheme)


def _without_login(proxy: str | None) -> tuple[str | None, str]:
    """Part a proxy's address, which errors show, from the header that its user and password make."""
    if not proxy:
        return None, ""
    scheme, rest = proxy.split("://", 1) if "://" in proxy else ("http", proxy)
    # By hand: a password that nobody has escaped makes no address that a parser takes, and its error would show it.
    login, _, address = rest.rpartition("@")
    user, _, password = login.partition(":")
    header = aiohttp.encode_basic_auth(unquote(user), unquote(password)) if login else ""
    return f"{scheme}://{address}", header
