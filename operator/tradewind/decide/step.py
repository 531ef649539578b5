"""The outcome of one round for one workload: what its status shall say, and what is to be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradewind.model.placement import Copy, Placement, Record, Situation
    from tradewind.model.plan import Decision
    from tradewind.model.snapshot import View


@dataclass(frozen=True, slots=True)
class Wish:
    """A workload wants a place.

    Attributes:
        leaves: the lost cluster that it moves away from, "" where it does not move.
        reason: why it leaves.
        detected_s: when the loss was established, in seconds since the Unix epoch.
    """

    leaves: str = ""
    reason: str = ""
    detected_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done for one workload.

    Attributes:
        record: the new record; writing it is the decision.
        situation: where it stands; None leaves what its status says.
        deliver: the placement whose copy is to be made or brought up to date.
        release: copies to delete from their members.
        forget: all copies are gone or unreachable; the finalizer may go.
        abandon: clusters that can't be reached and may hold a copy of work that is being forgotten.
        wish: it wants a place; resolved before the step is carried out.
        decision: the priced table behind the place, where one was asked for in this round.
        retry_s: look again then even if nothing changes, in seconds since the Unix epoch.
    """

    view: View
    record: Record
    situation: Situation | None = None
    deliver: Placement | None = None
    release: tuple[Copy, ...] = ()
    forget: bool = False
    abandon: tuple[str, ...] = ()
    wish: Wish | None = None
    decision: Decision | None = None
    retry_s: float | None = None
