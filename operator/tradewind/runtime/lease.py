"""Leadership by a Lease, with a monotonic fence: a leader that can't renew stops writing before anyone else may start.

The elector of the client library lets a connection error escape without stopping its leader, and gives nothing back
on exit, hence this one.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradewind.errors import ConflictError, TradewindError
from tradewind.kube.errors import NotFoundError
from tradewind.kube.resources import LEASES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.kube.client import ApiServer

Manifest = dict[str, Any]
log = logging.getLogger(__name__)

LEASE_NAME = "tradewind-operator"
DURATION_S = 15.0
"""How long others wait after the last renewal that they saw."""
RENEW_S = 2.0
MARGIN_S = 5.0
"""The fence closes this long before others may take over: requests that are under way then end first."""


class LeaseLostError(TradewindError):
    """Another operator holds the lease: this one must end."""


class Lease:
    """Holds the Lease for one operator; `holds()` is asked before each write."""

    def __init__(self, hub: ApiServer, *, namespace: str, identity: str) -> None:
        self._hub = hub
        self._namespace = namespace
        self._identity = identity
        self._valid_until_s = 0.0
        self._seen: tuple[str, float] | None = None
        self._held_once = False

    def holds(self) -> bool:
        """Whether nobody else can be leading now, by this process' monotonic clock."""
        return asyncio.get_running_loop().time() < self._valid_until_s

    async def acquire(self) -> None:
        """Wait until the lease is ours."""
        while not await self._try():  # noqa: ASYNC110 - another process decides when, by a Lease that is polled
            await asyncio.sleep(RENEW_S)
        self._held_once = True
        log.info("leading identity=%s", self._identity)

    async def keep(self, *, back: Callable[[], None] = lambda: None) -> None:
        """Renew for ever. A hub that is away only closes the fence; it opens again when the lease is still ours.

        Args:
            back: told when a renewal succeeds after one that failed: the hub answers again.

        Raises:
            LeaseLostError: somebody else has it.
        """
        renewed = True
        while True:
            await asyncio.sleep(RENEW_S)
            before, renewed = renewed, await self._try()
            if renewed and not before:
                back()

    async def give_back(self) -> None:
        """Let the next operator start at once."""
        self._valid_until_s = 0.0
        try:
            lease = await self._hub.get(LEASES, LEASE_NAME, namespace=self._namespace)
            if (lease.get("spec") or {}).get("holderIdentity") == self._identity:
                lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
                await self._hub.replace(LEASES, LEASE_NAME, lease, namespace=self._namespace)
        except TradewindError as error:
            log.info("lease not given back error=%s", error)

    async def _try(self) -> bool:
        """Take or renew the lease; every time is counted from before the request."""
        asked_s = asyncio.get_running_loop().time()
        try:
            await self._write(asked_s)
        except LeaseLostError:
            raise
        except (_HeldError, ConflictError):
            return False
        except TradewindError as error:
            log.warning("lease not renewed error=%s", error)
            return False
        self._valid_until_s = asked_s + DURATION_S - MARGIN_S
        return True

    async def _write(self, asked_s: float) -> None:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        spec = {"holderIdentity": self._identity, "leaseDurationSeconds": int(DURATION_S), "renewTime": now}
        try:
            lease = await self._hub.get(LEASES, LEASE_NAME, namespace=self._namespace)
        except NotFoundError:
            body = {
                "apiVersion": LEASES.api_version,
                "kind": LEASES.kind,
                "metadata": {"name": LEASE_NAME, "namespace": self._namespace},
                "spec": {**spec, "acquireTime": now, "leaseTransitions": 0},
            }
            await self._hub.create(LEASES, body, namespace=self._namespace)
            return
        held = lease.setdefault("spec", {})
        if held.get("holderIdentity") != self._identity:
            self._refuse_if_held(lease, asked_s)
            spec |= {"acquireTime": now, "leaseTransitions": int(held.get("leaseTransitions") or 0) + 1}
        lease["spec"] = {**held, **spec}
        await self._hub.replace(LEASES, LEASE_NAME, lease, namespace=self._namespace)

    def _refuse_if_held(self, lease: Manifest, asked_s: float) -> None:
        """Judge another's lease by how long we ourselves have seen it unchanged, never by its clock."""
        if not lease["spec"].get("holderIdentity"):
            return
        if self._held_once:
            raise LeaseLostError("LeaseLost", f"{lease['spec']['holderIdentity']} holds the lease now.")
        version = lease["metadata"]["resourceVersion"]
        if self._seen is None or self._seen[0] != version:
            self._seen = (version, asked_s)
        if asked_s - self._seen[1] < float(lease["spec"].get("leaseDurationSeconds") or DURATION_S):
            raise _HeldError("LeaseHeld", f"{lease['spec']['holderIdentity']} holds the lease.")


class _HeldError(TradewindError):
    """Another operator holds it, and may still be leading."""
