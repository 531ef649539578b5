"""Kubeconfigs: the operator's own, and those that Secrets hold, which may only contain data.

Who may write a Secret must not thereby run a program or read a file in the operator: `exec`, auth plugins and file
paths are refused, and so is a connection without verified TLS.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio import client as k8s
from kubernetes.aio import config as k8s_config

from tradewind.errors import TerminalError

log = logging.getLogger(__name__)

TOKEN_S = 60.0
"""An older token of our own is read again: those of EKS are good for 15 min, those of GKE for an hour."""
READING_S = 30.0
"""A program that takes longer to make a token has failed."""
FORBIDDEN_USER_KEYS = {
    "exec": "a program to run",
    "auth-provider": "an auth plugin",
    "tokenFile": "a file path",
    "client-certificate": "a file path",
    "client-key": "a file path",
    "username": "basic authentication",
    "password": "basic authentication",
}
FORBIDDEN_CLUSTER_KEYS = {
    "certificate-authority": "a file path",
    "insecure-skip-tls-verify": "TLS without verification",
    "proxy-url": "a proxy",
}


async def own_configuration(kubeconfig: str = "", context: str = "") -> Any:
    """Load the operator's own configuration: a file (argument, then KUBECONFIG, then ~/.kube/config) or the pod's.

    Its token is read again before it expires. A client certificate that a program makes is not.

    Raises:
        TerminalError: there is none, or it can't be read.
    """
    configuration: Any = k8s.Configuration()
    path = kubeconfig or os.environ.get("KUBECONFIG", "")
    in_pod = "KUBERNETES_SERVICE_HOST" in os.environ
    where = path or "~/.kube/config"
    if (path or not in_pod) and not _is_there(where):
        message = f"{where}: there is no such file. Name a kubeconfig with --kubeconfig."
        raise TerminalError("KubeconfigInvalid", message)
    try:
        if not path and in_pod:
            k8s_config.load_incluster_config(client_configuration=configuration)
        else:
            loader = await k8s_config.load_kube_config(
                config_file=path or None, context=context or None, client_configuration=configuration
            )
            configuration.refresh_api_key_hook = _Renewal(loader)
    except (k8s_config.ConfigException, OSError, ValueError, TypeError, LookupError, yaml.YAMLError) as error:
        raise TerminalError("KubeconfigInvalid", f"{where}: {error}. Name a kubeconfig with --kubeconfig.") from error
    return configuration


class _Renewal:
    """Keeps the token of a kubeconfig fresh that a program or a file gives; called at each request.

    No request waits for it, since a program may take seconds and a lease has to be renewed meanwhile. The library's
    loader runs a program again only when what it gave is about to expire.
    """

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._begun_s = asyncio.get_running_loop().time()
        self._reading: asyncio.Task[None] | None = None

    def __call__(self, configuration: Any) -> None:
        """Begin to read the token again, where it is old."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._begun_s >= TOKEN_S:
            self._begun_s = now_s
            self._reading = asyncio.create_task(self._read(configuration))

    async def _read(self, configuration: Any) -> None:
        # Into another one: the loader would also set the address and the proxy anew.
        fresh = k8s.Configuration()
        try:
            async with asyncio.timeout(READING_S):
                await self._loader.load_and_set(fresh)
        except Exception as error:  # noqa: BLE001 - the loader raises whatever its parts raise
            log.warning("token not read again, the old one is kept error=%s", type(error).__name__)
        configuration.api_key |= fresh.api_key


def _is_there(paths: str) -> bool:
    """Whether any of the files is there: KUBECONFIG may name several."""
    return any(Path(one).expanduser().exists() for one in paths.split(os.pathsep))


async def configuration_from_secret(text: str) -> Any:
    """Read the kubeconfig of a member from a Secret's text.

    Raises:
        TerminalError: malformed, or it holds what a Secret must not (reason KubeconfigInvalid or KubeconfigRefused).
    """
    document = _parsed(text)
    _refuse_what_is_not_data(document)
    configuration = k8s.Configuration()
    try:
        await k8s_config.load_kube_config_from_dict(document, client_configuration=configuration)
    except Exception as error:  # noqa: BLE001 - the loader raises whatever its parts raise on malformed data
        raise TerminalError(
            "KubeconfigInvalid", f"The kubeconfig can't be used: {type(error).__name__}: {error}"
        ) from None
    if not str(configuration.host).startswith("https://"):
        raise TerminalError("KubeconfigRefused", "The kubeconfig's server must be an https:// address.")
    _refuse_what_no_connection_takes(configuration)
    return configuration


def _refuse_what_no_connection_takes(configuration: Any) -> None:
    """Try the certificates, and look at the token: later it would be the connection that fails, and not say why."""
    try:
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        if configuration.cert_file:
            # The password is never right, but with none OpenSSL would ask for it at the terminal.
            context.load_cert_chain(configuration.cert_file, configuration.key_file, password="")
    except (ssl.SSLError, OSError) as error:
        message = f"The kubeconfig's certificates can't be loaded ({type(error).__name__})."
        raise TerminalError(
            "KubeconfigInvalid", f"{message} They must be PEM, with a key without a password."
        ) from None
    if not all(value.isascii() and value.isprintable() for value in configuration.api_key.values()):
        raise TerminalError("KubeconfigInvalid", "The kubeconfig's token holds characters that no token has.")


def _parsed(text: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that is none, brackets without end
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        at = "" if line is None else f" at line {line + 1}"
        # The parser's own message quotes the text, which may be a key.
        raise TerminalError("KubeconfigInvalid", f"The kubeconfig is no YAML{at}.") from None
    wanted = {"clusters", "users", "contexts"}
    if not isinstance(document, dict) or not wanted <= document.keys():
        raise TerminalError("KubeconfigInvalid", "The kubeconfig lacks clusters, users or contexts.")
    if not all(isinstance(document[key], list) for key in wanted):
        raise TerminalError("KubeconfigInvalid", "The kubeconfig's clusters, users and contexts must be lists.")
    return document


def _refuse_what_is_not_data(document: dict[str, Any]) -> None:
    entries = [("user", FORBIDDEN_USER_KEYS, entry) for entry in document["users"]]
    entries += [("cluster", FORBIDDEN_CLUSTER_KEYS, entry) for entry in document["clusters"]]
    for part, forbidden, entry in entries:
        found = entry.get(part) if isinstance(entry, dict) else None
        body = found if isinstance(found, dict) else {}
        keys = {key for key, value in body.items() if value}
        if "token" in keys and not isinstance(body["token"], str):
            raise TerminalError("KubeconfigInvalid", f"The kubeconfig's {part} has a token that is no text.")
        for key in sorted(keys & forbidden.keys()):
            raise TerminalError(
                "KubeconfigRefused",
                f"The kubeconfig's {part} uses {key} ({forbidden[key]}). Put the data itself into the Secret: "
                "a token or client-certificate-data with client-key-data, and certificate-authority-data.",
            )
