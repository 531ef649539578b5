"""One API server: requests with time-outs, pages, and watch streams, as plain dicts.

The models of the Kubernetes client library are left out, since decoding thousands of objects into them costs more than
everything else that is done with them.
"""

from __future__ import annotations

import asyncio
import json
import math
import ssl
from typing import TYPE_CHECKING, Any

import aiohttp
from pydantic_core import from_json

from tradewind.kube.connector import READS
from tradewind.kube.errors import BusyError, ExpiredError, UnreachableError, raise_for
from tradewind.kube.transport import Body, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from tradewind.kube.fence import Fence, Permit
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
        fence: asked at each write, by whatever method it is made; `unfenced()` for programs that are no operator.
        on_call: told (name, verb, status) of each request; status 0 where none came.

    Attributes:
        on_write: told (status, when it began by the event loop's clock) of each write that has ended.
        confirm: awaited before the first write over each connection; where it raises, nothing is written. It may make
            one request of this client, which goes over that very connection.
    """

    def __init__(
        self,
        name: str,
        configuration: Any,
        *,
        fence: Fence,
        on_call: Callable[[str, str, int], None] = lambda *_: None,
    ) -> None:
        self.name = name
        self._fence = fence
        self.on_write: Callable[[int, float], None] = lambda *_: None
        self.confirm: Callable[[], Awaitable[None]] | None = None
        self._transport = Transport(name, configuration, ask=self._whose)
        self._on_call = on_call

    async def close(self) -> None:
        """Close all connections; whoever still asks is told that there is none."""
        await self._transport.close()

    async def get(
        self, resource: Resource, name: str, *, namespace: str = "", timeout_s: float | None = None
    ) -> Manifest:
        """Read one object."""
        return await self.request("GET", resource.path(namespace, name), timeout_s=timeout_s)

    async def create(
        self, resource: Resource, body: Manifest, *, namespace: str = "", timeout_s: float | None = None
    ) -> Manifest:
        """Create an object; AlreadyExistsError where the name is taken."""
        params = {"fieldManager": "tradewind"}
        return await self.request("POST", resource.path(namespace), body=body, params=params, timeout_s=timeout_s)

    async def apply(
        self, resource: Resource, body: Manifest, *, namespace: str = "", timeout_s: float | None = None
    ) -> Manifest:
        """Server-side apply, with force: what Tradewind delivers is Tradewind's."""
        path = resource.path(namespace, body["metadata"]["name"])
        params = {"fieldManager": "tradewind", "force": "true"}
        return await self.request(
            "PATCH", path, body=body, params=params, content_type=APPLY_PATCH, timeout_s=timeout_s
        )

    async def merge(
        self, resource: Resource, name: str, body: Manifest, *, namespace: str = "", subresource: str = ""
    ) -> Manifest:
        """Merge-patch an object or its status; with metadata.resourceVersion in the body it is a compare-and-swap."""
        path = resource.path(namespace, name, subresource)
        return await self.request(
            "PATCH", path, body=body, params={"fieldManager": "tradewind"}, content_type=MERGE_PATCH
        )

    async def replace(
        self, resource: Resource, name: str, body: Manifest, *, namespace: str = "", timeout_s: float | None = None
    ) -> Manifest:
        """Replace an object; its resourceVersion makes it a compare-and-swap."""
        return await self.request("PUT", resource.path(namespace, name), body=body, timeout_s=timeout_s)

    async def delete(
        self, resource: Resource, name: str, *, namespace: str = "", uid: str = "", propagation: str = "Foreground"
    ) -> Manifest:
        """Delete an object, only if it is the one of that uid; returns it as it is now, or a Status where it is gone.

        Foreground: the object stays until its pods are gone, so that its absence proves their end.
        """
        body: Manifest = {"propagationPolicy": propagation}
        if uid:
            body["preconditions"] = {"uid": uid}
        return await self.request("DELETE", resource.path(namespace, name), body=body)

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
                opened = await self._transport.open("GET", resource.path(namespace), params=query, timeout=timeout)
            async with opened as response:
                self._on_call(self.name, "WATCH", response.status)
                if response.status != 200:  # noqa: PLR2004 - HTTP OK
                    raise_for(response.status, _decoded(await response.read()))
                async for line in _lines(response):
                    event = from_json(line)
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
        """Make one request, and decode its answer; a write only while the fence is open, and not for longer.

        Raises:
            NotLeadingError: a write, and the fence is closed.
            UnreachableError: there was no HTTP answer in time; the cause is chained.
            TradewindError: what the API server answered, as `raise_for` reads it.
        """
        timeout_s = timeout_s or REQUEST_TIMEOUT_S
        if method in READS:
            return await self._exchange(method, path, params=params, timeout_s=timeout_s)
        with self._fence.write(at_most_s=timeout_s) as permit:
            # The API server gives up when we do: else it might store what was still queued there long after.
            params = {**(params or {}), "timeout": f"{permit.timeout_s:.3f}s"}
            return await self._exchange(
                method,
                path,
                body=body or {},
                params=params,
                content_type=content_type,
                timeout_s=permit.timeout_s,
                permit=permit,
            )

    async def _exchange(
        self,
        method: str,
        path: str,
        *,
        body: Manifest | None = None,
        params: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout_s: float,
        permit: Permit | None = None,
    ) -> Manifest:
        # Without a limit for rounding: aiohttp would round a time-out up to the next second.
        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_TIMEOUT_S, ceil_threshold=math.inf)
        data = None
        if permit is not None:
            data = Body(json.dumps(body, separators=(",", ":")).encode(), permit, what=(self.name, method, path))
        started_s = asyncio.get_running_loop().time()
        try:
            opened = await self._transport.open(
                method, path, params=params, timeout=timeout, data=data, content_type=content_type
            )
            async with opened as response:
                raw = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError, ssl.SSLError) as error:
            if data is not None and data.refused is not None:
                raise data.refused from error
            self._tell(method, 0, started_s)
            raise UnreachableError(type(error).__name__, str(error) or type(error).__name__) from error
        if permit is not None:
            permit.answered = True
        self._tell(method, response.status, started_s)
        decoded = _decoded(raw)
        raise_for(response.status, decoded, retry_after=response.headers.get("Retry-After"))
        if not isinstance(decoded, dict):
            raise BusyError("NotKubernetes", f"{method} {path} was answered with {response.status} and no JSON object.")
        return decoded

    async def _whose(self) -> None:
        if self.confirm is not None:
            await self.confirm()

    def _tell(self, method: str, status: int, started_s: float) -> None:
        self._on_call(self.name, method, status)
        if method != "GET":
            self.on_write(status, started_s)


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Split a stream into lines of any length (aiohttp's own readline has a limit that large objects pass)."""
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                yield line


def _decoded(raw: bytes) -> object:
    try:
        # Lists of pods take a third to a half of the standard library's time.
        return from_json(raw)
    except ValueError:
        return raw[:200].decode(errors="replace")
