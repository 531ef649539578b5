"""What the operator writes into members: copies that are made, and copies that go; so many at a time to each."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from tradewind.apply.delivery import Delivery
from tradewind.apply.render import Rendered, render
from tradewind.errors import RetryableError, TerminalError

if TYPE_CHECKING:
    from tradewind.decide.step import Step
    from tradewind.kube.client import ApiServer
    from tradewind.model.placement import Copy, Placement
    from tradewind.model.policy import EffectivePolicy
    from tradewind.state.hub import WorkloadEntry
    from tradewind.state.store import Store

log = logging.getLogger(__name__)

MAX_PER_MEMBER = 16


class Lookup(Protocol):
    """What whoever writes asks of the rest of the operator."""

    def server(self, cluster: str) -> ApiServer | None:
        """Find the client of a member; None while there is no connection."""

    def may_write(self) -> bool:
        """Whether this operator is still the leader, by a clock that can't be set."""


class CopyWrites:
    """Makes and removes copies; what the members answer is in the store at once, before their watches say it.

    Methods that write raise RetryableError while there is no connection, and `Refused` where the member will not have
    the work.
    """

    def __init__(self, store: Store, hub: ApiServer, lookup: Lookup, *, hub_name: str) -> None:
        self._store = store
        self._hub = hub
        self._lookup = lookup
        self._hub_name = hub_name
        self._slots: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(MAX_PER_MEMBER))

    def render(self, step: Step, entry: WorkloadEntry, placement: Placement) -> Rendered:
        """Render what is delivered to one place.

        Raises:
            TerminalError: the workload is not understood.
        """
        policy, cluster = _policy_of(step), self._store.clusters.get(placement.cluster)
        offers = cluster.raw["spec"].get("offers") or [] if cluster else []
        patch = next((o.get("podPatch") for o in offers if o["name"] == placement.offer), None)
        return render(
            entry.raw,
            placement=placement,
            guarantee=policy.guarantee,
            hub_name=self._hub_name,
            pod_patch=patch or {},
            adopted_uid=step.record.adopted_uid,
            data=step.view.workload.data if step.view.workload else (),
        )

    async def prepare(self, step: Step, place: Placement, rendered: Rendered) -> None:
        """Check that a new place has what the copy needs, and bring what the hub has of it."""
        needs = rendered if _policy_of(step).copy_config else replace(rendered, config=())
        async with self._slots[place.cluster]:
            await self._delivery(place.cluster).prepare(needs)

    async def make(self, step: Step, place: Placement, rendered: Rendered, *, patient: bool) -> None:
        """Make one copy, or bring the one that is there up to date; `patient` gives a webhook that fails more time."""
        policy, delivery = _policy_of(step), self._delivery(place.cluster)
        async with self._slots[place.cluster]:
            made = await delivery.deliver(
                rendered,
                guarantee=policy.guarantee,
                copy_config=policy.copy_config,
                before=step.view.copies.get(place.cluster),
                patient=patient,
            )
        self._store.made(place.cluster, made)

    async def is_made(self, place: Placement, rendered: Rendered) -> bool:
        """Ask the member itself whether it has the copy: the answer to an earlier write may have been lost."""
        return await self._delivery(place.cluster).holds(rendered)

    async def take_back(self, place: Placement, rendered: Rendered) -> None:
        """Remove what came along with a copy that was refused."""
        await self._delivery(place.cluster).take_back(rendered, shared=self._store)

    async def release(self, copy: Copy) -> None:
        """Ask a copy to go."""
        async with self._slots[copy.cluster]:
            going = await self._delivery(copy.cluster).release(copy, shared=self._store)
        if going is not None:
            self._store.made(copy.cluster, going)
        log.info("released workload=%s cluster=%s epoch=%s", copy.key, copy.cluster, copy.epoch)

    def _delivery(self, cluster: str) -> Delivery:
        server = self._lookup.server(cluster)
        if server is None:
            raise RetryableError("NotConnected", f"There is no connection to {cluster}.")
        return Delivery(self._hub, server, self._hub_name)


def _policy_of(step: Step) -> EffectivePolicy:
    if step.view.policy is None:
        raise TerminalError("InvalidSpec", f"{step.view.key} is not understood, and can't be delivered.")
    return step.view.policy
