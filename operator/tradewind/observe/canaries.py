"""Tries out clusters that a last resort may need: a small write, and a pod that must start, removed afterwards.

Only clusters that are healthy in a region or at a provider that counts as failing are tried, while that is so.
"""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tradewind.errors import TradewindError
from tradewind.kube.errors import NotFoundError
from tradewind.kube.resources import PODS
from tradewind.model.plan import Wake
from tradewind.observe.probe import write
from tradewind.outage.canary import awaited, due_s, ended
from tradewind.outage.domains import convicted
from tradewind.outage.evidence import Wrote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tradewind.kube.client import ApiServer
    from tradewind.model.fleet import Toleration
    from tradewind.observe.measuring import Tell
    from tradewind.state.fleet import ClusterEntry
    from tradewind.state.store import Store

Manifest = dict[str, Any]
log = logging.getLogger(__name__)

TICK_S = 0.5
POLL_S = 0.5
WRITE_TIMEOUT_S = 5.0
START_S = 60.0
"""A pod of an image that nodes know starts within seconds; one that must be pulled, and is tiny, within a minute."""
JITTER_S = 2.0
AT_ONCE = 16
CANARY_LABEL = "tradewind.dev/canary"
STARTED = ("Running", "Succeeded")


class Canaries:
    """Runs as one task."""

    def __init__(
        self,
        store: Store,
        server: Callable[[str], ApiServer | None],
        *,
        namespace: str,
        hub_name: str,
        may_write: Callable[[], bool],
        tell: Tell,
        wall: Callable[[], float],
    ) -> None:
        self._store = store
        self._server = server
        self._namespace = namespace
        self._hub_name = hub_name
        self._may_write = may_write
        self._tell = tell
        self._wall = wall
        self._flying: set[str] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Try out what is convicted and healthy, for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(TICK_S)
                for name in self._wanted():
                    self._flying.add(name)
                    group.create_task(self._try_out(self._store.clusters[name]))

    def _wanted(self) -> list[str]:
        """Name the clusters whose canary is due; all that have one are told what it still says."""
        now_s = asyncio.get_running_loop().time()
        known = {name: entry for name, entry in self._store.clusters.items() if entry.spec and not entry.trouble}
        failing = convicted((entry.spec, entry.health) for entry in known.values() if entry.spec)
        for entry in known.values():
            self._show(entry, awaited(entry.canary, now_s=now_s))
        return [
            name
            for name in failing
            if known[name].health.takes_work
            and name not in self._flying
            and due_s(known[name].canary) <= now_s
            and self._may_write()
        ]

    def _show(self, entry: ClusterEntry, lacks: str) -> None:
        if lacks != entry.canary_lacks:
            entry.canary_lacks = lacks
            self._store.dirty.wake(Wake.HEALTH)

    async def _try_out(self, entry: ClusterEntry) -> None:
        clock = asyncio.get_running_loop().time
        try:
            async with self._slots:
                began_s, server = clock(), self._server(entry.name)
                try:
                    failed = await self._failure(server, entry) if server else "there is no connection to it"
                except TradewindError as error:
                    failed = f"{error.reason}: {error.message}"[:200]
            before = entry.canary
            # A little later than it is due, so that a whole domain is not tried out again at one moment.
            late_s = random.uniform(0, JITTER_S) if failed else 0.0  # noqa: S311 - jitter
            entry.canary = ended(before, failed, began_s=began_s, now_s=clock() + late_s)
            self._show(entry, awaited(entry.canary, now_s=clock()))
            if bool(failed) != bool(before.failed) or before.ended_s is None:
                self._say(entry, failed)
        finally:
            self._flying.discard(entry.name)

    def _say(self, entry: ClusterEntry, failed: str) -> None:
        log.log(logging.WARNING if failed else logging.INFO, "canary cluster=%s failed=%s", entry.name, failed or "no")
        note = (
            f"Its region or provider counts as failing, and it can't be a last resort: {failed}"
            if failed
            else "Its region or provider counts as failing; a write and a pod's start have shown that it can take work."
        )
        reason = "CanaryFailed" if failed else "CanaryPassed"
        self._tell(entry.raw, reason=reason, note=note, action="TryOut", at_s=self._wall(), warning=bool(failed))

    async def _failure(self, server: ApiServer, entry: ClusterEntry) -> str:
        """Write, and start a pod; says what went wrong, "" for nothing."""
        wrote, detail = await write(
            server, namespace=self._namespace, hub_name=self._hub_name, timeout_s=WRITE_TIMEOUT_S
        )
        if wrote is not Wrote.WRITTEN:
            return f"a small write was not stored: {detail}"
        await self._clear(server)
        tolerations = [each for offer in entry.spec.offers for each in offer.tolerations] if entry.spec else []
        image = self._store.hub.policy.moves.canary_image
        made = await server.create(PODS, self._pod(image, tolerations), namespace=self._namespace)
        try:
            return await self._start_failure(server, made["metadata"]["name"])
        finally:
            await self._clear(server)

    async def _start_failure(self, server: ApiServer, name: str) -> str:
        """Wait until the pod runs; says why it does not, "" where it does."""
        pod: Manifest = {}
        try:
            async with asyncio.timeout(START_S):
                while (phase := (pod.get("status") or {}).get("phase")) not in STARTED:
                    if phase == "Failed":
                        return f"its pod failed: {_why(pod)}"
                    await asyncio.sleep(POLL_S if pod else 0)
                    pod = await server.get(PODS, name, namespace=self._namespace)
        except TimeoutError:
            return f"its pod has not started within {START_S:g} s: {_why(pod)}"
        return ""

    async def _clear(self, server: ApiServer) -> None:
        """Remove our canaries, those too that an operator before this one has left."""
        selector = {"labelSelector": f"{CANARY_LABEL}={self._hub_name}"}
        with suppress(TradewindError):  # the next one tries again, and a pod that is left ends by itself
            found, _ = await server.list_all(PODS, namespace=self._namespace, params=selector)
            for pod in found:
                metadata = pod["metadata"]
                with suppress(NotFoundError):
                    await server.delete(
                        PODS, metadata["name"], namespace=self._namespace, uid=metadata["uid"], propagation="Background"
                    )

    def _pod(self, image: str, tolerations: Iterable[Toleration]) -> Manifest:
        """Make a pod that does nothing and needs next to nothing, on nodes that the cluster's offers may use."""
        each = {
            (one.key, one.operator, one.value, one.effect): {
                name: text
                for name, text in {
                    "key": one.key,
                    "operator": one.operator,
                    "value": one.value,
                    "effect": one.effect,
                }.items()
                if text
            }
            for one in tolerations
        }
        container = {
            "name": "canary",
            "image": image,
            "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}, "limits": {"cpu": "50m", "memory": "16Mi"}},
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"tradewind-canary-{uuid.uuid4().hex[:8]}",
                "namespace": self._namespace,
                "labels": {CANARY_LABEL: self._hub_name},
            },
            "spec": {
                "restartPolicy": "Never",
                "activeDeadlineSeconds": 2 * int(START_S),
                "terminationGracePeriodSeconds": 0,
                "automountServiceAccountToken": False,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 65532,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "tolerations": list(each.values()),
                "containers": [container],
            },
        }


def _why(pod: Manifest) -> str:
    """Say what the pod itself tells of why it does not run."""
    status = pod.get("status") or {}
    waiting = ((each.get("state") or {}).get("waiting") or {} for each in status.get("containerStatuses") or ())
    conditions = (each for each in status.get("conditions") or () if each.get("status") == "False")
    told = [each for each in (*waiting, *conditions) if each.get("reason")]
    words = f"{told[0]['reason']}: {told[0].get('message') or ''}".rstrip(": ") if told else status.get("reason") or ""
    return words[:150] or "nothing is said of why"
