"""Keeps a connection to each declared cluster whose Secret holds a usable kubeconfig."""

from __future__ import annotations

import base64
import binascii
import logging
from typing import TYPE_CHECKING, Any

from tradewind.api.convert import kubeconfig_ref
from tradewind.errors import InputError, TerminalError
from tradewind.observe.connection import Connection
from tradewind.outage.recovery import reconnected

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from tradewind.kube.client import ApiServer
    from tradewind.kube.fence import Fence
    from tradewind.state.fleet import ClusterEntry
    from tradewind.state.store import Store

Manifest = dict[str, Any]
log = logging.getLogger(__name__)


class Members:
    """All connections. `settle()` is called after any change of a FederatedCluster or of a Secret."""

    def __init__(
        self,
        store: Store,
        tasks: asyncio.TaskGroup,
        *,
        namespace: str,
        hub_name: str,
        fence: Fence,
        on_call: Callable[[str, str, int], None],
    ) -> None:
        self._store = store
        self._tasks = tasks
        self._namespace = namespace
        self._hub_name = hub_name
        self._fence = fence
        self._on_call = on_call
        self._secrets: dict[str, dict[str, str]] | None = None
        self._running: dict[str, tuple[Connection, asyncio.Task[None]]] = {}

    def server(self, cluster: str) -> ApiServer | None:
        """Find the client of a member; None while there is no connection."""
        running = self._running.get(cluster)
        return running[0].server if running else None

    def list_copies_again(self) -> None:
        """Have the copies on all members listed afresh."""
        for connection, _ in self._running.values():
            connection.list_copies_again()

    def see_secrets(self, items: list[Manifest]) -> None:
        """Take all Secrets of the operator's namespace."""
        self._secrets = {item["metadata"]["name"]: item.get("data") or {} for item in items}
        self.settle()

    def settle(self) -> None:
        """Start, renew and end connections, so that they agree with what is declared."""
        if self._secrets is None:
            return
        for name in [name for name in self._running if name not in self._store.clusters]:
            self._end(name)
        for name, entry in self._store.clusters.items():
            self._settle_one(name, entry)

    def _settle_one(self, name: str, entry: ClusterEntry) -> None:
        if entry.problem is not None and entry.problem[0] == "InvalidSpec":
            return
        try:
            kubeconfig = self._kubeconfig(entry)
        except TerminalError as error:
            self._problem(entry, error)
            self._end(name)
            return
        running = self._running.get(name)
        if running is not None and running[0].kubeconfig == kubeconfig and running[0].entry is entry:
            return
        self._end(name)
        if entry.problem is not None:
            entry.problem = None
            self._store.health_changed(name)
        entry.evidence = reconnected(entry.evidence)
        connection = Connection(
            entry,
            self._store,
            kubeconfig=kubeconfig,
            hub_name=self._hub_name,
            namespace=self._namespace,
            fence=self._fence,
        )
        self._running[name] = (
            connection,
            self._tasks.create_task(self._keep(connection, entry), name=f"member {name}"),
        )

    async def _keep(self, connection: Connection, entry: ClusterEntry) -> None:
        """Run one connection; a kubeconfig that can't be used is its cluster's problem alone."""
        try:
            await connection.run(on_call=self._on_call)
        except* TerminalError as group:
            for error in group.exceptions:
                if isinstance(error, TerminalError):
                    self._problem(entry, error)
        except* Exception as group:
            log.exception("connection failed cluster=%s", entry.name)
            self._problem(entry, TerminalError("ConnectionFailed", str(group.exceptions[0])[:200]))
            if self._running.get(entry.name, (None,))[0] is connection:
                self._end(entry.name)  # and begun anew the next time that anything is settled

    def _kubeconfig(self, entry: ClusterEntry) -> str:
        """Read the kubeconfig from the Secret that a FederatedCluster names."""
        try:
            name, key = kubeconfig_ref(entry.raw)
        except InputError as error:
            raise TerminalError("InvalidSpec", error.message) from error
        where = f"Secret {self._namespace}/{name}"
        if self._secrets is None or name not in self._secrets:
            command = f"kubectl -n {self._namespace} create secret generic {name} --from-file={key}=KUBECONFIG"
            raise TerminalError("SecretNotFound", f"{where} is missing. Create it: {command}")
        data = self._secrets[name].get(key)
        if data is None:
            raise TerminalError("SecretKeyNotFound", f"{where} has no key {key}.")
        try:
            return base64.b64decode(data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise TerminalError("KubeconfigInvalid", f"{where}, key {key}: no UTF-8 text.") from None

    def _problem(self, entry: ClusterEntry, error: TerminalError) -> None:
        problem = (error.reason, error.message)
        if entry.problem != problem:
            entry.problem = problem
            log.warning("cluster unusable cluster=%s reason=%s message=%s", entry.name, *problem)
            self._store.health_changed(entry.name)

    def _end(self, name: str) -> None:
        running = self._running.pop(name, None)
        if running is not None:
            running[1].cancel()
            member = running[0].entry.member
            if member is not None:
                member.stale()
