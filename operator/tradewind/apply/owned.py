"""What is Tradewind's on one member: objects with this hub's label. What others have there is left alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind.kube.errors import AlreadyExistsError, NotFoundError
from tradewind.kube.resources import NAMESPACES, Resource, deliverable
from tradewind.model.plan import Refusal, Wake
from tradewind.state.copies import HUB_LABEL, UID_LABEL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tradewind.kube.client import ApiServer

Manifest = dict[str, Any]


class Refused(Exception):  # noqa: N818 - an outcome of delivery, told to the next decision
    """The member can't take this copy; `refusal` says why and what could change it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Owned:
    """Our objects on one member."""

    member: ApiServer
    hub_name: str

    def holds(self, found: Manifest) -> bool:
        """Whether an object that was found there is ours."""
        return (found["metadata"].get("labels") or {}).get(HUB_LABEL) == self.hub_name

    def refuse_foreign(self, found: Manifest, name: str) -> None:
        """Stop where the object is not ours.

        Raises:
            Refused: it has the name that ours would have.
        """
        if not self.holds(found):
            message = (
                f"{name} exists on {self.member.name} and is not Tradewind's: it is left alone. Rename one of them."
            )
            raise Refused(Refusal("NameTaken", message, Wake.CLUSTER))

    async def has(self, resource: Resource, name: str, namespace: str) -> bool:
        """Whether the member has an object, ours or not."""
        try:
            await self.member.get(resource, name, namespace=namespace)
        except NotFoundError:
            return False
        return True

    async def apply(self, body: Manifest) -> Manifest:
        """Apply an object, and make its namespace where that is missing."""
        namespace = body["metadata"]["namespace"]
        return await self.within(namespace, lambda: self.member.apply(deliverable(body), body, namespace=namespace))

    async def within(self, namespace: str, write: Callable[[], Awaitable[Manifest]]) -> Manifest:
        """Write, and only if the namespace turns out to be missing, create it and write again."""
        try:
            return await write()
        except NotFoundError:
            await self._make_namespace(namespace)
            return await write()

    async def remove(self, resource: Resource, name: str, namespace: str, *, uid: str = "") -> None:
        """Remove an object if it is ours; with `uid`, only one that did not come with another workload."""
        try:
            found = await self.member.get(resource, name, namespace=namespace)
            labels = found["metadata"].get("labels") or {}
            others = uid and labels.get(UID_LABEL, uid) != uid
            if self.holds(found) and not others:
                await self.member.delete(resource, name, namespace=namespace, uid=found["metadata"]["uid"])
        except NotFoundError:
            return

    async def _make_namespace(self, name: str) -> None:
        body = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {HUB_LABEL: self.hub_name}},
        }
        try:
            await self.member.create(NAMESPACES, body)
        except AlreadyExistsError:
            return
