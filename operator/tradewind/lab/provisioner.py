"""Plays the cluster autoscaler of members whose pools grow from zero."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradewind.lab.state import LabRecord


class Provisioner:
    """Adds nodes to pools while pods wait for them."""

    def __init__(self, record: LabRecord) -> None:
        self._record = record

    async def run(self) -> None:
        """Watch the pools for ever."""
        await asyncio.Event().wait()
