"""Delivers a copy to its member, and removes copies from members."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from tradewind.apply.config import CONFIG_KINDS, Config
from tradewind.apply.owned import Owned, Refused
from tradewind.errors import RetryableError, TerminalError, TradewindError
from tradewind.kube.errors import AlreadyExistsError, NotFoundError, WebhookError
from tradewind.kube.resources import FIELD_MANAGER, JOBS, SERVICE_ACCOUNTS, VOLUME_CLAIMS, Resource, deliverable
from tradewind.model.plan import Refusal, Wake
from tradewind.model.policy import Guarantee
from tradewind.state.copies import (
    COMPANIONS_ANNOTATION,
    EPOCH_LABEL,
    GENERATION_ANNOTATION,
    HUB_LABEL,
    UID_LABEL,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.apply.config import SharedUse
    from tradewind.apply.render import Rendered
    from tradewind.kube.client import ApiServer
    from tradewind.model.placement import Copy

Manifest = dict[str, Any]

__all__ = ["Delivery", "Refused"]


class Delivery:
    """Delivers to one member; ConfigMaps and Secrets are read from the hub."""

    def __init__(self, hub: ApiServer, member: ApiServer, hub_name: str) -> None:
        self._member = member
        self._owned = Owned(member, hub_name)
        self._config = Config(hub, self._owned)

    async def prepare(self, rendered: Rendered) -> None:
        """Check what the copy needs and what can't be brought along, before anything is promised.

        Raises:
            Refused: something is missing.
        """
        namespace = rendered.copy["metadata"]["namespace"]
        try:
            await self._config.read(rendered)
            if rendered.service_account not in ("", "default"):
                await self._require(SERVICE_ACCOUNTS, rendered.service_account, namespace)
            for claim in rendered.volume_claims:
                await self._require(VOLUME_CLAIMS, claim, namespace)
        except TerminalError as error:
            raise self._refused(error) from error

    async def deliver(
        self,
        rendered: Rendered,
        *,
        guarantee: Guarantee,
        copy_config: bool,
        before: Copy | None = None,
        patient: bool = True,
    ) -> Manifest:
        """Bring what the copy needs, then the copy; safe to repeat after a crash at any point.

        `before` is the copy that is there already, if one is: companions that the spec no longer names are removed.
        Unless `patient`, a webhook of the member's that does not answer counts as a refusal.
        Returns the copy as the member has it now.

        Raises:
            Refused: the member, or something missing on the hub, stands against it.
            RetryableError, ConflictError: try again.
        """
        namespace = rendered.copy["metadata"]["namespace"]
        try:
            config = await self._config.read(rendered) if copy_config else []
            for manifest in config:
                await self._config.bring(manifest, namespace)
            for companion in rendered.companions:
                await self._companion(companion, namespace)
            made = await self._owned.within(namespace, partial(self._copy, rendered.copy, guarantee))
            named = rendered.copy["metadata"]["annotations"][COMPANIONS_ANNOTATION].split(",")
            for resource, name in _companions(set(before.companions if before else ()) - set(named)):
                if resource.kind not in CONFIG_KINDS:
                    await self._owned.remove(resource, name, namespace)
        except WebhookError as error:
            if patient:
                raise
            raise self._refused(error) from error
        except TerminalError as error:
            raise self._refused(error) from error
        return made

    async def holds(self, rendered: Rendered) -> bool:
        """Whether the member holds this very copy; asked where the answer to an earlier attempt may have been lost."""
        metadata = rendered.copy["metadata"]
        try:
            found = await self._member.get(
                deliverable(rendered.copy), metadata["name"], namespace=metadata["namespace"]
            )
        except NotFoundError:
            return False
        return _same_copy(found, rendered.copy)

    async def take_back(self, rendered: Rendered, *, shared: SharedUse) -> None:
        """Remove what was brought for a copy that was then refused."""
        metadata = rendered.copy["metadata"]
        namespace, came = metadata["namespace"], metadata["annotations"][COMPANIONS_ANNOTATION].split(",")
        for resource, name in _companions(came):
            if resource.kind not in CONFIG_KINDS or not shared.in_use(
                self._member.name, namespace, resource.kind, name
            ):
                await self._owned.remove(resource, name, namespace, uid=metadata["labels"][UID_LABEL])

    async def release(self, copy: Copy, *, shared: SharedUse) -> Manifest | None:
        """Ask a copy and what came with it to go. Its absence, seen later, is what proves that it is gone.

        Returns the copy as the member has it now, if it has to end first.
        """
        shared.leaves(copy)
        try:
            return await self._remove(copy, shared)
        except TradewindError:
            shared.stays(copy)
            raise

    async def _remove(self, copy: Copy, shared: SharedUse) -> Manifest | None:
        namespace, name = copy.key
        resource = deliverable({"apiVersion": "batch/v1" if copy.kind == "Job" else "apps/v1", "kind": copy.kind})
        for companion, its_name in _companions(copy.companions):
            if companion.kind not in CONFIG_KINDS or not shared.in_use(
                copy.cluster, namespace, companion.kind, its_name
            ):
                await self._owned.remove(companion, its_name, namespace)
        try:
            found = await self._member.delete(resource, name, namespace=namespace, uid=copy.object_uid)
        except NotFoundError:
            return None
        return found if found.get("kind") == copy.kind else None

    async def _copy(self, body: Manifest, guarantee: Guarantee) -> Manifest:
        """Make the copy, or bring up to date the one that is there."""
        resource, metadata = deliverable(body), body["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        try:
            # Create first, whatever the guarantee: an apply would silently take over a foreign object of that name.
            return await self._member.create(resource, body, namespace=namespace)
        except AlreadyExistsError:
            found = await self._member.get(resource, name, namespace=namespace)
        except NotFoundError:
            raise
        except TerminalError as error:
            # A quota may refuse the second attempt because the first one, whose answer was lost, has used it up.
            found = await self._found_after(error, resource, name, namespace)
        self._owned.refuse_foreign(found, name)
        if not _same_copy(found, body):
            raise RetryableError("OldCopyPresent", f"An older copy of {name} has to end on {self._member.name} first.")
        if resource is JOBS:
            # A Job's template is immutable: only the marks of its generation and companions follow.
            marks = {key: metadata["annotations"][key] for key in (GENERATION_ANNOTATION, COMPANIONS_ANNOTATION)}
            patch = {"metadata": {"annotations": marks, "resourceVersion": found["metadata"]["resourceVersion"]}}
            return await self._member.merge(resource, name, patch, namespace=namespace)
        found = await self._own(found, resource)
        if guarantee is Guarantee.AT_MOST_ONCE:
            body = {**body, "metadata": {**metadata, "resourceVersion": found["metadata"]["resourceVersion"]}}
        return await self._member.apply(resource, body, namespace=namespace)

    async def _own(self, found: Manifest, resource: Resource) -> Manifest:
        """Have what was created count as applied: an apply removes only what an earlier apply had set."""
        metadata = found["metadata"]
        entries = metadata.get("managedFields") or []
        applied = [{**entry, "operation": "Apply"} if _is_our_create(entry) else entry for entry in entries]
        if applied == entries:
            return found
        patch = {"metadata": {"managedFields": applied, "resourceVersion": metadata["resourceVersion"]}}
        return await self._member.merge(resource, metadata["name"], patch, namespace=metadata["namespace"])

    async def _found_after(self, error: TerminalError, resource: Resource, name: str, namespace: str) -> Manifest:
        try:
            return await self._member.get(resource, name, namespace=namespace)
        except TerminalError:
            raise error from None

    def _refused(self, error: TradewindError) -> Refused:
        return Refused(Refusal("RefusedByMember", f"{self._member.name} refuses it: {error.message}", Wake.CLUSTER))

    async def _companion(self, body: Manifest, namespace: str) -> None:
        resource, name = deliverable(body), body["metadata"]["name"]
        try:
            found = await self._member.get(resource, name, namespace=namespace)
        except NotFoundError:
            found = None
        if found is not None:
            self._owned.refuse_foreign(found, f"{body['kind']} {name}")
            if found["metadata"]["labels"].get(UID_LABEL) != body["metadata"]["labels"][UID_LABEL]:
                message = (
                    f"{body['kind']} {name} on {self._member.name} came with another AIWorkload. Rename one of them."
                )
                raise Refused(Refusal("NameTaken", message, Wake.CLUSTER))
        await self._owned.apply(body)

    async def _require(self, resource: Resource, name: str, namespace: str) -> None:
        if not await self._owned.has(resource, name, namespace):
            message = f"The pods name {resource.kind} {name}, which {self._member.name} lacks in namespace {namespace}."
            raise Refused(Refusal(f"{resource.kind}NotFound", message, Wake.CLUSTER))


def _is_our_create(entry: Manifest) -> bool:
    """Whether an entry of managedFields is that of our create: later writes of ours are applies, or of marks only."""
    ours = (entry.get("manager"), entry.get("operation")) == (FIELD_MANAGER, "Update")
    return ours and not entry.get("subresource")


def _same_copy(found: Manifest, wanted: Manifest) -> bool:
    """Whether an object is the copy of this workload and epoch."""
    labels, expected = found["metadata"].get("labels") or {}, wanted["metadata"]["labels"]
    return all(labels.get(label) == expected[label] for label in (HUB_LABEL, UID_LABEL, EPOCH_LABEL))


def _companions(items: Iterable[str]) -> list[tuple[Resource, str]]:
    """Read what came along; an annotation that somebody has spoilt names nothing."""
    found = []
    for item in items:
        version, kind, name = ["", "", *item.rsplit("/", 2)][-3:]
        with suppress(KeyError):
            found.append((deliverable({"apiVersion": version, "kind": kind}), name))
    return found
