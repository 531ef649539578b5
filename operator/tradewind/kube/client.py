"""One API server: requests with time-outs, pages, and watch streams, as plain dicts.

Built on kubernetes.aio, which does the configuration, TLS and connection pool; its models are left out, since
decoding thousands of objects into them costs more than everything else that is done with them.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from kubernetes.aio import client as k8s

from tradewind.kube.errors import BusyError, ExpiredError, UnreachableError, raise_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from tradewind.kube.resources import Resource

Manifest = dict[str, Any]

REQUEST_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 3.0
PAGE_SIZE = 500
WATCH_S = 290
"""API servers end a watch after 5 to 10 minutes anyway; ending it ourselves keeps the end expected."""
WATCH_SILENCE_S = 90.0
"""Bookmarks come every minute: a stream that is silent for longer is dead."""
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class ApiServer:
    """A client of one API server.

    Args:
        name: the cluster's name, for metrics; "hub" for the hub.
        configuration: of kubernetes.aio.
        on_call: told (name, verb, status) of each request; status 0 where none came.
    """

    def __init__(
        self, name: str, configuration: Any, *, on_call: Callable[[str, str, int], None] = lambda *_: None
    ) -> None:
        self.name = name
        self._configuration = configuration
        configuration.connection_pool_maxsize = 64
        configuration.retries = None
        # Read once: aiohttp would look for a proxy and a .netrc at each request.
        configuration.client_session_kwargs = {"trust_env": False}
        configuration.proxy = configuration.proxy or _proxy_for(configuration.host)
        self._rest = k8s.rest.RESTClientObject(configuration)
        self._on_call = on_call
        self._closed = False

    async def close(self) -> None:
        """Close all connections; whoever still asks is told that there is none."""
        self._closed = True
        await self._rest.close()

    async def get(
        self, resource: Resource, name: str, *, namespace: str = "", timeout_s: float | None = None
    ) -> Manifest:
        """Read one object."""
        return await self.request("GET", resource.path(namespace, name), timeout_s=timeout_s)

    async def create(self, resource: Resource, body: Manifest, *, namespace: str = "") -> Manifest:
        """Create an object; AlreadyExistsError where the name is taken."""
        params = {"fieldManager": "tradewind"}
        return await self.request("POST", resource.path(namespace), body=body, params=params)

    async def apply(self, resource: Resource, body: Manifest, *, namespace: str = "") -> Manifest:
        """Server-side apply, with force: what Tradewind delivers is Tradewind's."""
        path = resource.path(namespace, body["metadata"]["name"])
        params = {"fieldManager": "tradewind", "force": "true"}
        return await self.request("PATCH", path, body=body, params=params, content_type=APPLY_PATCH)

    async def merge(
        self, resource: Resource, name: str, body: Manifest, *, namespace: str = "", subresource: str = ""
    ) -> Manifest:
        """Merge-patch an object or its status; with metadata.resourceVersion in the body it is a compare-and-swap."""
        path = resource.path(namespace, name, subresource)
        return await self.request(
            "PATCH", path, body=body, params={"fieldManager": "tradewind"}, content_type=MERGE_PATCH
        )

    async def replace(self, resource: Resource, name: str, body: Manifest, *, namespace: str = "") -> Manifest:
        """Replace an object; its resourceVersion makes it a compare-and-swap."""
        return await self.request("PUT", resource.path(namespace, name), body=body)

    async def delete(
        self, resource: Resource, name: str, *, namespace: str = "", uid: str = "", propagation: str = "Foreground"
    ) -> None:
        """Delete an object, only if it is the one of that uid.

        Foreground: the object stays until its pods are gone, so that its absence proves their end.
        """
        body: Manifest = {"propagationPolicy": propagation}
        if uid:
            body["preconditions"] = {"uid": uid}
        await self.request("DELETE", resource.path(namespace, name), body=body)

    async def list_all(
        self, resource: Resource, *, namespace: str = "", params: Mapping[str, str] | None = None
    ) -> tuple[list[Manifest], str]:
        """List in pages, consistently; returns the items and the resourceVersion to watch from."""
        items: list[Manifest] = []
        query = {"limit": str(PAGE_SIZE), **(params or {})}
        while True:
            page = await self.request("GET", resource.path(namespace), params=query, timeout_s=3 * REQUEST_TIMEOUT_S)
            items += page.get("items") or []
            metadata = page["metadata"]
            if not metadata.get("continue"):
                return items, metadata["resourceVersion"]
            query["continue"] = metadata["continue"]

    async def watch(
        self, resource: Resource, *, since: str, namespace: str = "", params: Mapping[str, str] | None = None
    ) -> AsyncIterator[tuple[str, Manifest]]:
        """Stream (type, object) from a resourceVersion on, bookmarks included, until the server ends it.

        Raises:
            ExpiredError: the resourceVersion is too old, said as HTTP 410 or as an event.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": since,
            "timeoutSeconds": str(WATCH_S),
            **(params or {}),
        }
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=WATCH_SILENCE_S)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                opened = await self._open("GET", resource.path(namespace), params=query, timeout=timeout)
            async with opened as response:
                self._on_call(self.name, "WATCH", response.status)
                if response.status != 200:  # noqa: PLR2004 - HTTP OK
                    raise_for(response.status, _decoded(await response.read()))
                async for line in _lines(response):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        status = event["object"]
                        raise_for(int(status.get("code") or 500), status)
                        raise ExpiredError("WatchError", str(status)[:200])
                    yield event["type"], event["object"]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(type(error).__name__, str(error) or type(error).__name__) from error

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Manifest | None = None,
        params: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout_s: float | None = None,
    ) -> Manifest:
        """Make one request, and decode its answer.

        Raises:
            UnreachableError: there was no HTTP answer in time; the cause is chained.
            TradewindError: what the API server answered, as `raise_for` reads it.
        """
        timeout = aiohttp.ClientTimeout(total=timeout_s or REQUEST_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S)
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        try:
            opened = await self._open(
                method, path, params=params, timeout=timeout, data=data, content_type=content_type
            )
            async with opened as response:
                raw = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError, ssl.SSLError) as error:
            self._on_call(self.name, method, 0)
            raise UnreachableError(type(error).__name__, str(error) or type(error).__name__) from error
        self._on_call(self.name, method, response.status)
        decoded = _decoded(raw)
        raise_for(response.status, decoded, retry_after=response.headers.get("Retry-After"))
        if not isinstance(decoded, dict):
            raise BusyError("NotKubernetes", f"{method} {path} was answered with {response.status} and no JSON object.")
        return decoded

    async def _open(
        self,
        method: str,
        path: str,
        *,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own, passed on
        params: Mapping[str, str] | None = None,
        data: bytes | None = None,
        content_type: str = "application/json",
    ) -> aiohttp.ClientResponse:
        if self._closed:
            raise UnreachableError("Closed", f"The connection to {self.name} has been ended.")
        headers = {"Accept": "application/json"}
        if data is not None:
            headers["Content-Type"] = content_type
        for auth in (await self._configuration.auth_settings()).values():
            headers[auth["key"]] = auth["value"]
        if self._rest.pool_manager is None:
            self._rest.pool_manager = self._rest._create_pool_manager()  # noqa: SLF001 - made lazily there too
        return await self._rest.pool_manager.request(
            method,
            self._configuration.host + path,
            params=params,
            data=data,
            headers=headers,
            timeout=timeout,
            server_hostname=self._configuration.tls_server_name or None,
            proxy=self._configuration.proxy,
            allow_redirects=False,
        )


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Split a stream into lines of any length (aiohttp's own readline has a limit that large objects pass)."""
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                yield line


def _proxy_for(host: str) -> str | None:
    """Find the proxy that the environment names for an address, by HTTPS_PROXY and NO_PROXY."""
    address = urlsplit(host)
    return None if proxy_bypass(address.hostname or "") else getproxies().get(address.scheme)


def _decoded(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except ValueError:
        return raw[:200].decode(errors="replace")
