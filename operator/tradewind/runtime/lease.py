"""Leadership by a Lease that opens and closes the fence of all writes: see `kube.fence` for why nothing passes it late.

The elector of the client library lets a connection error escape without stopping its leader, and gives nothing back
on exit, hence this one. Its times rest on one clock each: a leader counts from before it sent its renewal, a standby
from after it has read one, so that no delay on the way can make both lead. Times that the Lease holds are for people.
"""

from __future__ import annotations

import asyncio
import logging
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradewind.errors import ConflictError, TradewindError
from tradewind.kube.errors import NotFoundError
from tradewind.kube.resources import LEASES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.kube.client import ApiServer
    from tradewind.kube.fence import Fence

Manifest = dict[str, Any]
log = logging.getLogger(__name__)

LEASE_NAME = "tradewind-operator"
DURATION_S = 15.0
"""How long others wait after the last renewal that they saw: what Kubernetes' own controllers use."""
RENEW_S = 2.0
RETRY_S = 1.0
"""How often a standby looks, and after how long a renewal that failed is tried again; both jittered."""
TIMEOUT_S = 3.0
"""Of one request: two that hang leave time for a third before the fence closes."""
STILL_S = 5.0
"""How long the end waits for writes that are under way."""


class LeaseLostError(TradewindError):
    """Another operator holds the lease: this one must end."""


class Lease:
    """Holds the Lease for one operator, and its fence open while it does.

    Args:
        hub: a client for this alone, unfenced: a renewal must not queue behind the writes that depend on it.
        fence: of all other clients.
    """

    def __init__(self, hub: ApiServer, fence: Fence, *, namespace: str, identity: str) -> None:
        self._hub = hub
        self._fence = fence
        self._namespace = namespace
        self._identity = identity
        self._seen: tuple[str, float, float] | None = None
        self._ours: Manifest | None = None
        self._held_once = False
        self._failed = False
        self._ended = False
        self._asking = asyncio.Lock()

    async def acquire(self) -> None:
        """Wait until the lease is ours."""
        while not await self._try():  # noqa: ASYNC110 - another process decides when, by a Lease that is polled
            await asyncio.sleep(_jittered(RETRY_S))
        log.info("leading identity=%s", self._identity)

    async def keep(self, *, back: Callable[[], None] = lambda: None) -> None:
        """Renew for ever. A hub that is away only closes the fence; it opens again when the lease is still ours.

        Args:
            back: told when a renewal succeeds after one that failed: the hub answers again.

        Raises:
            LeaseLostError: somebody else has it, or had it.
        """
        renewed = True
        while True:
            await asyncio.sleep(RENEW_S if renewed else _jittered(RETRY_S))
            before, renewed = renewed, await self._try()
            if renewed and not before:
                back()

    async def give_back(self) -> None:
        """Begin no write any more, and let the next operator start at once, unless a write may still be under way."""
        if self._ended:
            return
        self._ended = True
        self._fence.close()
        if not await self._fence.still(within_s=STILL_S):
            log.warning("lease not given back: a write is still under way; the next operator waits until it expires")
            return
        try:
            async with self._asking:
                lease = await self._hub.get(LEASES, LEASE_NAME, namespace=self._namespace, timeout_s=TIMEOUT_S)
                if (lease.get("spec") or {}).get("holderIdentity") == self._identity:
                    lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
                    await self._replace(lease)
                    log.info("lease given back identity=%s", self._identity)
        except TradewindError as error:
            log.info("lease not given back error=%s", error)

    async def close(self) -> None:
        """Close its connection."""
        await self._hub.close()

    async def _try(self) -> bool:
        """Take or renew the lease."""
        async with self._asking:
            if self._ended:
                return False
            try:
                asked_s = await self._write()
            except LeaseLostError:
                self._fence.close()
                raise
            except (_HeldError, ConflictError):
                self._ours = None
                return False
            except TradewindError as error:
                self._ours = None
                # Once: it is tried every second, for as long as the hub is away.
                log.log(logging.DEBUG if self._failed else logging.WARNING, "lease not written error=%s", error)
                self._failed = True
                return False
            self._failed = False
            self._held_once = True
            if not self._ended:
                self._fence.open(asked_s + DURATION_S)
            return True

    async def _write(self) -> float:
        """Write the Lease; returns when that was asked for, which is before anybody can have read the answer."""
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        spec = {"holderIdentity": self._identity, "leaseDurationSeconds": int(DURATION_S), "renewTime": now}
        try:
            lease = self._ours or await self._hub.get(
                LEASES, LEASE_NAME, namespace=self._namespace, timeout_s=TIMEOUT_S
            )
        except NotFoundError:
            self._refuse_if_just_seen()
            return await self._create({**spec, "acquireTime": now, "leaseTransitions": 0})
        held = lease.get("spec") or {}
        if held.get("holderIdentity") != self._identity:
            self._refuse_if_held(lease, held)
            spec |= {"acquireTime": now, "leaseTransitions": int(held.get("leaseTransitions") or 0) + 1}
        return await self._replace({**lease, "spec": {**held, **spec}})

    async def _create(self, spec: Manifest) -> float:
        metadata = {"name": LEASE_NAME, "namespace": self._namespace}
        body = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata, "spec": spec}
        asked_s = self._fence.clock()
        self._ours = await self._hub.create(LEASES, body, namespace=self._namespace, timeout_s=TIMEOUT_S)
        return asked_s

    async def _replace(self, lease: Manifest) -> float:
        asked_s = self._fence.clock()
        self._ours = await self._hub.replace(LEASES, LEASE_NAME, lease, namespace=self._namespace, timeout_s=TIMEOUT_S)
        return asked_s

    def _refuse_if_held(self, lease: Manifest, held: Manifest) -> None:
        """Judge another's lease by how long we ourselves have seen it unchanged, never by its clock."""
        holder = held.get("holderIdentity")
        if self._held_once:
            # Also if it is free by now: whoever had it meanwhile has decided, and we know nothing of that.
            raise LeaseLostError("LeaseLost", f"{holder or 'another operator, which has ended'} holds the lease now.")
        if not holder:
            return
        version, now_s = lease["metadata"]["resourceVersion"], self._fence.clock()
        if self._seen is None or self._seen[0] != version:
            self._seen = (version, now_s, float(held.get("leaseDurationSeconds") or DURATION_S))
        self._refuse_if_just_seen()

    def _refuse_if_just_seen(self) -> None:
        """Refuse what may still be led; somebody who deletes the Lease doesn't end its leader."""
        if self._seen is not None:
            _, seen_s, duration_s = self._seen
            if self._fence.clock() - seen_s < duration_s:
                raise _HeldError("LeaseHeld", "Another operator holds the lease.")


class _HeldError(TradewindError):
    """Another operator holds it, and may still be leading."""


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.8, 1.0)  # noqa: S311 - jitter
