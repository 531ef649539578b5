"""What answers in place of an API server: every request with one HTTP error, or with a certificate that has expired.

It shows the API server's own certificate, so that clients believe the answers, unless an expired one is asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING

from tradewind.lab.errors import LabError
from tradewind.lab.ports import HOST

if TYPE_CHECKING:
    from pathlib import Path

TOO_MANY_REQUESTS = 429
_IDLE_S = 300.0
_OPENSSL_TIMEOUT_S = 30.0
_EXPIRED = "expired.crt"
_REASONS = {500: "InternalError", 504: "Timeout"}
"""Where an API server's reason is not the phrase of the status."""
_WAIT = (TOO_MANY_REQUESTS, 503)
_CONFIG = """
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = leaf
unique_subject = no
[any]
commonName = supplied
[leaf]
basicConstraints = critical,CA:FALSE
subjectAltName = IP:127.0.0.1,DNS:localhost
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = serverAuth
[req]
distinguished_name = name
[name]
"""


class StandIn:
    """Answers for one API server, on a port of its own. ``pki``: the folder of that API server's keys."""

    def __init__(self, pki: Path) -> None:
        self._pki = pki
        self._answer = b""
        self._server: asyncio.Server | None = None

    async def start(self, *, status: int, expired: bool) -> int:
        """Answer every request with this HTTP status; returns the port."""
        await self.stop()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._pki / (_EXPIRED if expired else "admin.crt"), self._pki / "admin.key")
        self._answer = _response(status)
        self._server = await asyncio.start_server(self._serve, HOST, 0, ssl=context)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Listen no more; what is connected is the proxy's to reset."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while True:
                async with asyncio.timeout(_IDLE_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    await reader.readexactly(_length(head))
                    writer.write(self._answer)
                    await writer.drain()
        writer.close()


def expire(pki: Path) -> None:
    """Have the cluster's own authority issue a certificate for its API server that expired years ago.

    Raises LabError where there is no openssl command.
    """
    if (pki / _EXPIRED).exists():
        return
    openssl = shutil.which("openssl")
    if openssl is None:
        raise LabError("NoOpenSSL", "the openssl command makes expired certificates", next_step="Install OpenSSL.")
    (pki / "index.txt").touch()
    (pki / "expired.cnf").write_text(_CONFIG, encoding="utf-8")
    base = ("-config", "expired.cnf")
    request = ("req", *base, "-new", "-key", "admin.key", "-out", "expired.csr", "-subj", "/CN=expired")
    issue = ("ca", *base, "-batch", "-notext", "-cert", "ca.crt", "-keyfile", "ca.key", "-in", "expired.csr")
    dates = ("-startdate", "20200101000000Z", "-enddate", "20210101000000Z")
    for arguments in (request, (*issue, "-out", "expired.partial", *dates)):
        done = subprocess.run(  # noqa: S603 - fixed arguments
            [openssl, *arguments], cwd=pki, capture_output=True, text=True, timeout=_OPENSSL_TIMEOUT_S, check=False
        )
        if done.returncode:
            raise LabError("OpenSSLFailed", f"openssl {arguments[0]}: {done.stderr.strip()}")
    (pki / "expired.partial").replace(pki / _EXPIRED)


def _length(head: bytes) -> int:
    """Say how long a request's body is. Clients of API servers send no chunks."""
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length" and value.strip().isdigit():
            return int(value)
    return 0


def _response(status: int) -> bytes:
    """Say it as an API server would."""
    phrase = http.client.responses.get(status, "Unknown Error")
    reason = _REASONS.get(status, phrase.replace(" ", ""))
    body = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Status",
            "status": "Failure",
            "reason": reason,
            "message": f"the lab answers every request with {status}",
            "code": status,
        }
    ).encode()
    head = [f"HTTP/1.1 {status} {phrase}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    head += ["Retry-After: 1"] if status in _WAIT else []
    return "\r\n".join([*head, "", ""]).encode() + body
