"""One probe of a member's API server, one small write to it, and what their outcomes prove."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradewind.errors import RetryableError, TradewindError
from tradewind.kube.errors import (
    AlreadyExistsError,
    NotFoundError,
    NotLeadingError,
    UnauthorizedError,
    UnreachableError,
)
from tradewind.kube.resources import LEASES, NAMESPACES
from tradewind.outage.evidence import Fault, Heard, Wrote

if TYPE_CHECKING:
    from tradewind.kube.client import ApiServer

Manifest = dict[str, Any]
IDENTITY = "kube-system"
"""The namespace whose UID is the cluster's: it is made with the cluster, and can't be deleted."""
MAX_WORDS = 200
OUR_SIDE = frozenset({errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""Socket errors that say something about the hub, not about the member. ENETUNREACH is none: any router may say it."""
NO_SUCH_NAME = frozenset(getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA") if hasattr(socket, name))
"""A resolver that answers this works: it is the member's name that is gone. Not every libc tells the two apart."""
NOT_YET_VALID = 9
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID: our clock, most likely."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a probe heard.

    Attributes:
        cluster_uid: of the kube-system namespace, where it was answered in full.
        fault: which fault of our own kept it from being heard.
    """

    heard: Heard
    detail: str
    cluster_uid: str = ""
    fault: Fault | None = None


async def probe(server: ApiServer, *, timeout_s: float) -> Outcome:
    """Ask for the kube-system namespace: one request proves life, credentials and identity. Never raises."""
    try:
        found = await server.get(NAMESPACES, IDENTITY, timeout_s=timeout_s)
    except UnauthorizedError as error:
        return Outcome(Heard.CREDENTIALS, f"{error.reason}: {error.message}"[:MAX_WORDS])
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
        early = NOT_YET_VALID in codes
        return _ours(detail, Fault.CLOCK) if early else Outcome(Heard.CREDENTIALS, detail)
    for cause in chain:
        if isinstance(cause, ssl.SSLError) and "ALERT" in str(cause).upper():
            return Outcome(Heard.CREDENTIALS, detail)
        if isinstance(cause, socket.gaierror) and cause.errno not in NO_SUCH_NAME:
            return _ours(detail, Fault.RESOLVER)
    if any(isinstance(cause, OSError) and cause.errno in OUR_SIDE for cause in chain):
        return _ours(detail, Fault.SOCKET)
    return Outcome(Heard.SILENCE, detail)


async def write(server: ApiServer, *, namespace: str, hub_name: str, timeout_s: float) -> tuple[Wrote, str]:
    """Renew a Lease of our own, as every node does: proof that the API server can also store. Never raises."""
    name = f"tradewind-probe-{hub_name}"
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    body: Manifest = {
        "apiVersion": LEASES.api_version,
        "kind": LEASES.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"holderIdentity": f"tradewind/{hub_name}", "renewTime": now},
    }
    try:
        await _renew(server, body, namespace=namespace, timeout_s=timeout_s)
    except (UnauthorizedError, NotFoundError) as error:
        return Wrote.REFUSED, f"{error.reason}: {error.message}"[:MAX_WORDS]
    except UnreachableError as error:
        outcome = classify(error.__cause__ or error)
        ended = Wrote.FAILED if outcome.heard is Heard.SILENCE else Wrote.UNKNOWN
        return ended, outcome.detail
    except NotLeadingError as error:
        return Wrote.UNKNOWN, error.message
    except RetryableError as error:
        return Wrote.FAILED, f"{error.reason}: {error.message}"[:MAX_WORDS]
    except TradewindError as error:
        # A webhook or a rule that refuses this Lease says nothing about others.
        return Wrote.REFUSED, f"{error.reason}: {error.message}"[:MAX_WORDS]
    return Wrote.WRITTEN, ""


async def _renew(server: ApiServer, lease: Manifest, *, namespace: str, timeout_s: float) -> None:
    """Write the Lease; the first time, its namespace may be missing."""
    try:
        await server.apply(LEASES, lease, namespace=namespace, timeout_s=timeout_s)
    except NotFoundError:
        made = {"apiVersion": "v1", "kind": NAMESPACES.kind, "metadata": {"name": namespace}}
        with suppress(AlreadyExistsError):
            await server.create(NAMESPACES, made)
        await server.apply(LEASES, lease, namespace=namespace, timeout_s=timeout_s)


def _ours(detail: str, fault: Fault) -> Outcome:
    return Outcome(Heard.UNKNOWN, detail, fault=fault)


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
