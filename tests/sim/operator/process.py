"""One operator process: the operator's own wiring on a loop of its own, without kopf, Prometheus and status feeds."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
import time
import uuid
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.sim.operator.clock import ProcessLoop
from tests.sim.operator.fakeapi import OPEN, Client

import tradewind.main
import tradewind.observe.connection
import tradewind.runtime.chores
import tradewind.runtime.loop
import tradewind.runtime.noting
from tradewind.kube.fence import Fence
from tradewind.kube.resources import FEW
from tradewind.runtime.lease import LEASE_NAME
from tradewind.runtime.metrics import Metrics
from tradewind.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sim.operator.world import World

Manifest = dict[str, Any]
SHELL_S = 1.0
PLURALS = {f"{kind.api_version}/{kind.plural}": kind for kind in FEW}


class Quiet:
    """Stands for what asks servers other than API servers."""

    def __init__(self, *_: object, **__: object) -> None:
        return

    async def run(self) -> None:
        """Do nothing."""

    async def wait_until_read(self, _: float) -> None:
        """Have nothing to wait for."""

    def times(self) -> tuple[()]:
        """Know no figures."""
        return ()


class Shell:
    """Stands for kopf: hands over what changes of the hub's few kinds."""

    def __init__(self, _: object, hand_over: Callable[[str, str | None, Manifest], None], **__: object) -> None:
        self._hand_over = hand_over
        loop: Any = asyncio.get_running_loop()
        self._hub = loop.process.world.hub

    async def run(self) -> None:
        """Look at the hub for ever, while it answers."""
        known: dict[Any, Manifest] = {}
        while True:
            await asyncio.sleep(SHELL_S)
            if self._hub.state != OPEN:
                continue
            found = {where: item for where, item in self._hub.objects.items.items() if where[0] in PLURALS}
            for where in known.keys() - found.keys():
                self._tell(where, "DELETED", known[where])
            for where, item in found.items():
                if known.get(where) is not item:
                    self._tell(where, "MODIFIED", item)
            known = found

    def _tell(self, where: Any, event: str, item: Manifest) -> None:
        kind = PLURALS[where[0]]
        self._hand_over(kind.plural, event, {"apiVersion": kind.api_version, "kind": kind.kind, **item})


class SimOperator(tradewind.main.Operator):
    """The operator without its HTTP server and signals."""

    @property
    def identity(self) -> str:
        """What it calls itself in the Lease."""
        return str(self._lease._identity)  # noqa: SLF001 - nobody else has to know

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            await self._work(tasks)


class Process:
    """A process that can be paused, killed, and told to die at one of its next writes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.dead = False
        self.paused_until_s = 0.0
        self.crash_in: int | None = None
        self.crash_before = False
        self.seen: dict[str, int] = {}
        """The newest version of each AIWorkload that it has been shown, by uid."""
        self.led = True
        """It led when the request that is being carried out began, as far as anybody could know."""
        self.loop = ProcessLoop(world.clock.now_s)
        self.loop.process = self  # type: ignore[attr-defined] # how a client finds whose it is
        self._main = self.loop.create_task(self._run())
        self.operator: SimOperator | None = None

    async def _run(self) -> None:
        self.operator = SimOperator(Settings(config_period_s=1e9), self.world.hub)
        with contextlib.suppress(BaseExceptionGroup):
            await self.operator.run()

    def leads(self) -> bool:
        """Whether nobody else holds the lease."""
        lease = self.world.hub.objects.get("coordination.k8s.io/v1/leases", "tradewind-system", LEASE_NAME)
        holder = lease["spec"].get("holderIdentity") if lease else ""
        return not holder or self.operator is None or holder == self.operator.identity

    def knows(self, cluster: str) -> str:
        """Which FederatedCluster it takes a cluster for, by its uid: its watch may be late."""
        loop = self.operator and self.operator._loop  # noqa: SLF001 - nobody else has to know
        entry = loop._store.clusters.get(cluster) if loop else None  # noqa: SLF001 - as above
        return str(entry.raw["metadata"]["uid"]) if entry else ""

    def sees(self, path: str, answer: Manifest) -> None:
        """Be shown what a server holds."""
        if "/aiworkloads" not in path:
            return
        for item in answer.get("items", (answer,)):
            metadata = item.get("metadata") or {}
            if "uid" in metadata:
                uid, version = metadata["uid"], int(metadata["resourceVersion"])
                self.seen[uid] = max(version, self.seen.get(uid, 0))

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself, having lost its lease."""
        return self._main.done()

    @property
    def next_s(self) -> float | None:
        """When it has something to do."""
        due_s = self.loop.next_s()
        return None if due_s is None else max(due_s, self.paused_until_s)

    def turn(self) -> None:
        """Let it do what it can do now."""
        if self.world.clock.now_s >= self.paused_until_s:
            self.loop.turn(self.world.clock.now_s)

    def pause(self, until_s: float) -> None:
        """Let it do nothing for a while."""
        self.paused_until_s = until_s

    def crash(self, writes: int | None, *, before: bool = False) -> None:
        """Let it die after some more writes, before or after the last of them is carried out; None: now."""
        self.dead = writes is None
        self.crash_in, self.crash_before = writes, before

    def crashes(self, *, before: bool) -> bool:
        """Whether it dies at this write, before or after it was carried out."""
        if self.crash_in is None or before is not self.crash_before:
            return False
        self.crash_in -= 1
        if self.crash_in >= 0:
            return False
        self.dead = True
        return True

    def bury(self) -> None:
        """Take its tasks down; nothing of that reaches anybody."""
        self.dead = True
        self.paused_until_s = 0.0
        for _ in range(50):
            tasks = asyncio.all_tasks(self.loop)
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            self.loop.turn(self.world.clock.now_s)
        self.loop.close()


@contextlib.contextmanager
def simulated(world: World, seed: int) -> Iterator[None]:
    """Give the operator's code the simulated servers, time and chance."""

    async def configuration(kubeconfig: str) -> object:
        return world.members[kubeconfig].api

    state = random.getstate()
    random.seed(seed)
    with contextlib.ExitStack() as stack:
        for target, name, value in (
            (tradewind.main, "ApiServer", Client),
            (tradewind.main, "boot_s", lambda: asyncio.get_running_loop().time()),
            (tradewind.main, "unfenced", _unfenced),
            (tradewind.main, "Shell", Shell),
            (tradewind.main, "Measuring", Quiet),
            (tradewind.main, "StatusFeeds", Quiet),
            # A tenth of all time would go into a metric that nobody reads here.
            (Metrics, "show_verdict", lambda *_: None),
            (tradewind.main, "AnchorChecks", Quiet),
            # What only looks again whether there is something to do looks less often: most time would go into that.
            (tradewind.main, "TICK_S", 1.0),
            (tradewind.runtime.loop, "TICK_S", 1.0),
            (tradewind.runtime.noting, "RETRY_S", 1.0),
            (tradewind.runtime.chores, "STATUS_TICK_S", 2.0),
            (tradewind.observe.connection, "ApiServer", Client),
            (tradewind.observe.connection, "configuration_from_secret", configuration),
            (time, "time", world.clock.wall),
            (uuid, "uuid4", lambda: uuid.UUID(int=random.getrandbits(128))),
        ):
            stack.enter_context(patch.object(target, name, value))
        try:
            yield
        finally:
            random.setstate(state)


def _unfenced() -> Fence:
    fence = Fence(lambda: 0.0)
    fence.open(1e9)
    return fence


def kubeconfig(name: str) -> str:
    """Write the Secret's value."""
    return base64.b64encode(name.encode()).decode()
