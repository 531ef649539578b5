"""One answer of a stranger's HTTP server: bounded in time and size, and every failure has a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager

MAX_WORDS = 200
"""Of an error, or of what a server says."""
CHUNK_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with any status, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why there is none: a stable CamelCase reason, and words for a person."""

    reason: str
    message: str


def session_with_strangers(headers: Mapping[str, str]) -> aiohttp.ClientSession:
    """Make a session that keeps no cookies and unpacks nothing: what is small when packed may be without bound."""
    return aiohttp.ClientSession(
        headers={"Accept-Encoding": "identity", **headers},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=True,
    )


async def answer_to(
    request: AbstractAsyncContextManager[aiohttp.ClientResponse], *, timeout_s: float, max_bytes: int
) -> Answer | NoAnswer:
    """Send a request that ends by itself after `timeout_s`, and read the answer. Nothing is raised."""
    try:
        async with request as response:
            body = await _read(response, max_bytes)
    except TimeoutError:
        return NoAnswer("TimedOut", f"No answer within {timeout_s:g} s.")
    except aiohttp.ClientPayloadError:
        return NoAnswer("BadAnswer", "The connection was closed in the middle of the answer.")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return NoAnswer("Unreachable", f"{type(error).__name__}: {error}"[:MAX_WORDS])
    if body is None:
        return NoAnswer("TooLarge", f"The answer is larger than {max_bytes // 1024} KiB.")
    return Answer(response.status, response.headers, body)


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes | None:
    """Read an answer; None where it is too large."""
    raw = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        raw += chunk
        if len(raw) > max_bytes:
            response.close()
            return None
    return bytes(raw)
