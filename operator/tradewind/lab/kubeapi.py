"""A small client of one API server, from the standard library: the supervisor must stay light."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from tradewind.lab.ports import HOST

if TYPE_CHECKING:
    from pathlib import Path

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
_OK = range(200, 300)


class ApiError(Exception):
    """The API server answered with an error; ``status`` is the HTTP code."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class KubeApi:
    """Talks to one API server as its administrator. One connection, kept open; not for several threads at once."""

    def __init__(self, *, port: int, pki: Path, timeout_s: float = 10.0) -> None:
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        self._connection = http.client.HTTPSConnection(HOST, port, context=context, timeout=timeout_s)

    def __enter__(self) -> Self:
        """The connection is made by the first request."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """GET an object or a list."""
        answer = self._request("GET", f"{path}?{urlencode(query)}" if query else path)
        return json.loads(answer)  # type: ignore[no-any-return]  # what the API server answers is an object

    def get_text(self, path: str) -> str:
        """GET what is not JSON, such as /readyz."""
        return self._request("GET", path).decode()

    def create(self, path: str, body: dict[str, Any]) -> None:
        """POST an object; one that is there already stays as it is."""
        try:
            self._request("POST", path, body)
        except ApiError as error:
            if error.status != http.client.CONFLICT:
                raise

    def patch(self, path: str, body: dict[str, Any], *, kind: str = MERGE_PATCH) -> None:
        """PATCH an object."""
        self._request("PATCH", path, body, content_type=kind)

    def delete(self, path: str) -> None:
        """DELETE an object, or all objects of a list, and what belongs to them, as kubectl does.

        By default an API server leaves the pods of a Job behind.
        """
        self._request("DELETE", f"{path}?propagationPolicy=Background")

    def _request(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, content_type: str = "application/json"
    ) -> bytes:
        payload = json.dumps(body) if body is not None else None
        headers = {"Content-Type": content_type} if payload else {}
        kept = self._connection.sock is not None
        try:
            status, data = self._exchange(method, path, payload, headers)
        except (ConnectionError, ssl.SSLEOFError):
            if not kept:
                raise
            # A kept connection may lead to an API server that has ended since. All that is asked for here can be asked
            # again: objects are made by name, patches say what shall be, and what is gone stays gone.
            status, data = self._exchange(method, path, payload, headers)
        if status not in _OK:
            raise ApiError(status, _message(data))
        return data

    def _exchange(self, method: str, path: str, payload: str | None, headers: dict[str, str]) -> tuple[int, bytes]:
        try:
            self._connection.request(method, path, payload, headers)
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            # The next request starts with a new connection.
            self._connection.close()
            raise


def _message(data: bytes) -> str:
    try:
        return str(json.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        return data[:200].decode("utf-8", "replace")
