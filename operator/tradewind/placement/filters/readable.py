"""What the work reads must be somewhere where it can be read now."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

DATA_UNREADABLE = "DataUnreadable"
CHECKPOINT_UNREADABLE = "CheckpointUnreadable"


class Readable:
    """Every input has a replica that can be read, and so has the checkpoint of work that has run before.

    It says the same of every offer: a place with machines is no use to work whose data is in a region that is gone.
    """

    NAME: ClassVar[str] = "readable data"
    REASONS: ClassVar[tuple[str, ...]] = (DATA_UNREADABLE, CHECKPOINT_UNREADABLE)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.DATA

    def reads(self, ask: Ask, /) -> Hashable | None:
        """The places of each input, and those of the checkpoint where it counts."""
        work = ask.workload
        checkpoint = work.checkpoint if ask.resumes else None
        if not work.data and checkpoint is None:
            return None
        return tuple([one.locations for one in work.data]), checkpoint.locations if checkpoint else None

    def sees(self, _cluster: Cluster, _offer: Offer, /) -> Hashable:
        """Nothing."""
        return ()

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse for the first that can't be read."""
        work, readable = context.workload, context.conditions.network.readable
        for one in work.data:
            if not any(map(readable, one.locations)):
                why = f"no replica of data {one.name} can be read now: {_places(one.locations)}"
                return Refusal(DATA_UNREADABLE, f"{why}; it waits for one, or for a replica elsewhere", self.WAKES_ON)
        checkpoint = work.checkpoint if context.ask.resumes else None
        if checkpoint is not None and not any(map(readable, checkpoint.locations)):
            why = f"its checkpoint can't be read now: {_places(checkpoint.locations)}"
            return Refusal(CHECKPOINT_UNREADABLE, f"{why}; a second checkpoint location would help", self.WAKES_ON)
        return None


def _places(locations: tuple[str, ...]) -> str:
    if not locations:
        return "it has no location"
    return f"{', '.join(locations)} {'is' if len(locations) == 1 else 'are'} lost"
