"""ConfigMaps and Secrets that pods name: read from the hub one at a time, and copied to where the pods run.

Several copies may name the same one, so it goes with the last of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tradewind.apply.owned import Owned, Refused
from tradewind.kube.errors import NotFoundError, UnauthorizedError
from tradewind.kube.resources import CONFIG_MAPS, SECRETS
from tradewind.model.plan import Refusal, Wake
from tradewind.state.copies import HUB_LABEL, SHARED_LABEL

if TYPE_CHECKING:
    from tradewind.apply.render import Rendered
    from tradewind.kube.client import ApiServer
    from tradewind.model.placement import Copy

Manifest = dict[str, Any]
CONFIG_KINDS = {"ConfigMap": CONFIG_MAPS, "Secret": SECRETS}


class SharedUse(Protocol):
    """Who else needs a ConfigMap or Secret that came along with a copy."""

    def leaves(self, copy: Copy) -> None:
        """Learn that a copy is being asked to go: those that go at the same time don't need anything for its sake."""

    def stays(self, copy: Copy) -> None:
        """Learn that it could not be asked."""

    def in_use(self, cluster: str, namespace: str, kind: str, name: str) -> bool:
        """Whether a copy that stays on this member names it."""


@dataclass(frozen=True, slots=True)
class Config:
    """Copies from the hub to one member.

    Attributes:
        hub: where they are read from, never listed.
        owned: what is ours on the member.
    """

    hub: ApiServer
    owned: Owned

    async def read(self, rendered: Rendered) -> list[Manifest]:
        """Read all that the pods name from the hub, before anything is delivered.

        Raises:
            Refused: something is missing there and on the member, or can't be read.
        """
        found, namespace = [], rendered.copy["metadata"]["namespace"]
        for kind, name, optional in rendered.config:
            try:
                found.append({**await self.hub.get(CONFIG_KINDS[kind], name, namespace=namespace), "kind": kind})
            except NotFoundError:
                if not optional and not await self.owned.has(CONFIG_KINDS[kind], name, namespace):
                    message = f"The pods name {kind} {name}, which namespace {namespace} lacks on the hub. Create it."
                    raise Refused(Refusal(f"{kind}NotFound", message, Wake.CONFIG)) from None
            except UnauthorizedError as error:
                message = f"The hub does not let Tradewind read {kind} {namespace}/{name}: {error.message}"
                raise Refused(Refusal(f"{kind}Unreadable", message, Wake.CONFIG)) from None
        return found

    async def bring(self, found: Manifest, namespace: str) -> None:
        """Copy what was read, unless the member has one of its own under that name: then that one counts."""
        name, kind = found["metadata"]["name"], found["kind"]
        try:
            there = await self.owned.member.get(CONFIG_KINDS[kind], name, namespace=namespace)
        except NotFoundError:
            there = None
        if there is not None and not self.owned.holds(there):
            return
        data = {key: found[key] for key in ("data", "binaryData", "type", "immutable") if key in found}
        if there is not None and all(there.get(key) == value for key, value in data.items()):
            return
        labels = {HUB_LABEL: self.owned.hub_name, SHARED_LABEL: "true"}
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        await self.owned.apply({"apiVersion": "v1", "kind": kind, "metadata": metadata} | data)

    async def refresh(self, kind: str, name: str, namespace: str, *, shared: SharedUse) -> None:
        """Bring one up to date; what has gone from the hub is left as it was."""
        try:
            found = await self.hub.get(CONFIG_KINDS[kind], name, namespace=namespace)
        except NotFoundError:
            return
        await self.bring({**found, "kind": kind}, namespace)
        if not shared.in_use(self.owned.member.name, namespace, kind, name):
            # Its last user went meanwhile, and took away what was then put back.
            await self.owned.remove(CONFIG_KINDS[kind], name, namespace)
