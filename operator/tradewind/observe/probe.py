"""One probe of a member's API server, and what its outcome proves."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.errors import TradewindError
from tradewind.kube.errors import UnauthorizedError, UnreachableError
from tradewind.kube.resources import NAMESPACES
from tradewind.outage.evidence import Heard

if TYPE_CHECKING:
    from tradewind.kube.client import ApiServer

OUR_SIDE = frozenset(
    {errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
)
"""Socket errors that say something about the hub, not about the member."""
NOT_YET_VALID = 9
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID: our clock, most likely."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a probe heard; `cluster_uid` is that of the kube-system namespace, where it was answered in full."""

    heard: Heard
    detail: str
    cluster_uid: str = ""


async def probe(server: ApiServer, *, timeout_s: float) -> Outcome:
    """Ask for the kube-system namespace: one request proves life, credentials and identity. Never raises."""
    try:
        found = await server.get(NAMESPACES, "kube-system", timeout_s=timeout_s)
    except UnauthorizedError as error:
        return Outcome(Heard.CREDENTIALS, f"{error.reason}: {error.message}"[:200])
    except UnreachableError as error:
        return classify(error.__cause__ or error)
    except TradewindError as error:
        # Any other HTTP answer, a 429 or a 500 included, comes from a living API server.
        return Outcome(Heard.ANSWER, error.reason)
    return Outcome(Heard.ANSWER, "", str(found.get("metadata", {}).get("uid", "")))


def classify(error: BaseException) -> Outcome:
    """Read a failure without an HTTP answer: silence, a fault of our own, or a refusal of our credentials."""
    chain = _chain(error)
    detail = _in_words(error, chain)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in chain):
        # aiohttp's own error is one too, and has no code; the one that it wraps has.
        codes = {getattr(cause, "verify_code", None) for cause in chain}
        return Outcome(Heard.UNKNOWN if NOT_YET_VALID in codes else Heard.CREDENTIALS, detail)
    for cause in chain:
        if isinstance(cause, ssl.SSLError) and "ALERT" in str(cause).upper():
            return Outcome(Heard.CREDENTIALS, detail)
        if isinstance(cause, socket.gaierror):
            return Outcome(Heard.UNKNOWN, detail)
    if any(isinstance(cause, OSError) and cause.errno in OUR_SIDE for cause in chain):
        return Outcome(Heard.UNKNOWN, detail)
    return Outcome(Heard.SILENCE, detail)


def _in_words(error: BaseException, chain: list[BaseException]) -> str:
    """Say what went wrong without the address, which the cluster's own name says better."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    # Errors of TLS and of resolvers are OSErrors too, with numbers of their own.
    plain = [c.errno for c in chain if isinstance(c, OSError) and not isinstance(c, (ssl.SSLError, socket.gaierror))]
    number = next((number for number in plain if number in errno.errorcode), None)
    if number is not None:
        return os.strerror(number).lower()
    return f"{type(error).__name__}: {error}"[:200] if str(error) else type(error).__name__


def _chain(error: BaseException) -> list[BaseException]:
    """The error and all that it wraps; aiohttp keeps the original in `os_error` or `certificate_error`."""
    found: list[BaseException] = []
    queue: list[object] = [error]
    while queue:
        item = queue.pop()
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            queue += [item.__cause__, item.__context__, getattr(item, "os_error", None)]
            queue.append(getattr(item, "certificate_error", None))
    return found
