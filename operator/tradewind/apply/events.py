"""Kubernetes Events: one for each change of state, written when nothing more urgent is to be written."""

from __future__ import annotations

import asyncio
import logging
import socket
import uuid
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind.errors import TradewindError
from tradewind.kube.resources import EVENTS
from tradewind.state.record import iso

if TYPE_CHECKING:
    from tradewind.kube.client import ApiServer

Manifest = dict[str, Any]
log = logging.getLogger(__name__)

CONTROLLER = "tradewind.dev/operator"
MAX_QUEUED = 5000
"""Beyond this the oldest are dropped: status holds all that a person must act on."""
MAX_NOTE = 1000


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be said about an object."""

    regarding: Manifest
    reason: str
    note: str
    action: str
    warning: bool
    at_s: float


class EventWriter:
    """Writes events in the background, in order; a failure costs the event and nothing else."""

    def __init__(self, hub: ApiServer) -> None:
        self._hub = hub
        self._queue: deque[Note] = deque(maxlen=MAX_QUEUED)
        self._filled = asyncio.Event()

    def say(self, obj: Manifest, *, reason: str, note: str, action: str, at_s: float, warning: bool = False) -> None:
        """Queue one event about an object."""
        metadata = obj["metadata"]
        regarding = {
            "apiVersion": obj.get("apiVersion"),
            "kind": obj.get("kind"),
            "name": metadata["name"],
            "uid": metadata["uid"],
            "namespace": metadata.get("namespace", ""),
        }
        self._queue.append(Note(regarding, reason, note[:MAX_NOTE], action, warning, at_s))
        self._filled.set()

    async def run(self, *, quiet: asyncio.Event) -> None:
        """Write queued events while `quiet` is set, that is while no decision waits to be carried out."""
        while True:
            await self._filled.wait()
            await quiet.wait()
            if not self._queue:
                self._filled.clear()
                continue
            note = self._queue.popleft()
            try:
                await self._hub.create(EVENTS, _event(note), namespace=note.regarding["namespace"] or "default")
            except TradewindError as error:
                log.debug("event lost reason=%s error=%s", note.reason, error)


def _event(note: Note) -> Manifest:
    namespace = note.regarding["namespace"] or "default"
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{note.regarding['name']}.{uuid.uuid4().hex[:16]}", "namespace": namespace},
        "eventTime": iso(note.at_s),
        "reportingController": CONTROLLER,
        "reportingInstance": socket.gethostname()[:128] or "tradewind",
        "action": note.action,
        "reason": note.reason,
        "regarding": {key: value for key, value in note.regarding.items() if value},
        "note": note.note,
        "type": "Warning" if note.warning else "Normal",
    }
