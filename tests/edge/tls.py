"""Certificates of every bad kind, made with the openssl command, and a server that shows them."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web
from kubernetes.aio import client as k8s

from tradewind.kube.client import ApiServer
from tradewind.kube.fence import unfenced

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

OPENSSL = shutil.which("openssl")
NOW = ("20200101000000Z", "20990101000000Z")
PAST = ("20200101000000Z", "20210101000000Z")
FUTURE = ("20980101000000Z", "20990101000000Z")
CONFIG = """
[ca]
default_ca = here
[here]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = leaf
unique_subject = no
[any]
commonName = supplied
[leaf]
basicConstraints = critical,CA:FALSE
subjectAltName = {names}
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
authorityKeyIdentifier = keyid
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[req]
distinguished_name = name
[name]
"""


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder of its own."""

    folder: Path

    @classmethod
    def made_in(cls, folder: Path) -> Authority:
        """Make one."""
        folder.mkdir()
        (folder / "index.txt").touch()
        authority = cls(folder)
        authority._configure("IP:127.0.0.1")
        authority._openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650"),
            *("-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test authority", "-extensions", "authority"),
        )
        return authority

    def issue(self, name: str, *, names: str = "IP:127.0.0.1", valid: tuple[str, str] = NOW) -> ssl.SSLContext:
        """Issue a certificate for some names and time; returns a server's context that shows it."""
        self._configure(names)
        self._openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}"),
        )
        self._openssl(
            *("ca", "-batch", "-notext", "-cert", "ca.crt", "-keyfile", "ca.key", "-in", f"{name}.csr"),
            *("-out", f"{name}.crt", "-startdate", valid[0], "-enddate", valid[1]),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        return context

    def _configure(self, names: str) -> None:
        (self.folder / "openssl.cnf").write_text(CONFIG.format(folder=self.folder, names=names), encoding="utf-8")

    def _openssl(self, command: str, *arguments: str) -> None:
        assert OPENSSL is not None
        line = [OPENSSL, command, "-config", "openssl.cnf", *arguments]
        subprocess.run(line, cwd=self.folder, check=True, capture_output=True, timeout=60)  # noqa: S603 - fixed arguments


@asynccontextmanager
async def serving(context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """Answer every request with a namespace; yields the port."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"metadata": {"name": "kube-system", "uid": "abc"}})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client_of(
    host: str, *, authority: Authority | None = None, server_name: str = ""
) -> AsyncIterator[ApiServer]:
    """Make a client of an address that trusts an authority."""
    configuration = k8s.Configuration(host=host)
    if authority is not None:
        configuration.ssl_ca_cert = str(authority.folder / "ca.crt")
    configuration.tls_server_name = server_name or None
    server = ApiServer("aws", configuration, fence=unfenced())
    try:
        yield server
    finally:
        await server.close()
