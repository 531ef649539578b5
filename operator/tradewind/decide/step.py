"""The outcome of one round for one workload: what its status shall say, and what is to be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradewind.model.decision import Decision
    from tradewind.model.placement import Copy, Placement, Record, Situation
    from tradewind.model.plan import Wake
    from tradewind.model.snapshot import View


class Need(StrEnum):
    """Why a workload asks for a place; it is also the order in which they are served."""

    PLACE = "Place"  # it has none, or not enough
    FLEE = "Flee"  # its cluster is lost
    DRAIN = "Drain"  # its cluster is to be emptied: it leaves if there is another place
    RETURN = "Return"  # it runs well, and may go back to where an outage drove it from
    SAVE = "Save"  # it runs well, and leaves only for a place that is cheaper by enough


@dataclass(frozen=True, slots=True)
class Wish:
    """A workload wants a place.

    Attributes:
        leaves: the cluster that it moves away from, "" where it does not move.
        reason: why it leaves.
        detected_s: when that was established, in seconds since the Unix epoch.
        at_s: its next checkpoint, before which it does not leave; None where it can leave now.
        home: the only cluster that it wants to go to; "" for any.
        saves: if it does not go there, it would also leave for a place that is cheaper by enough.
    """

    need: Need = Need.PLACE
    leaves: str = ""
    reason: str = ""
    detected_s: float = 0.0
    at_s: float | None = None
    home: str = ""
    saves: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done for one workload.

    Attributes:
        record: the new record; writing it is the decision.
        situation: where it stands; None leaves what its status says.
        deliver: the placements whose copies are to be made or brought up to date.
        release: copies to delete from their members.
        forget: all copies are gone or unreachable; the finalizer may go.
        abandon: clusters that can't be reached and may hold a copy of work that is being forgotten.
        wish: it wants a place; resolved before the step is carried out.
        decision: the priced table behind the place, where one was asked for in this round.
        undone: the record that counts if the new place turns out to be refused; None where there is no new place.
        wakes_on: kinds of change that are worth another look, beside those that the decision names.
        retry_s: look again then even if nothing changes, in seconds since the Unix epoch.
    """

    view: View
    record: Record
    situation: Situation | None = None
    deliver: tuple[Placement, ...] = ()
    release: tuple[Copy, ...] = ()
    forget: bool = False
    abandon: tuple[str, ...] = ()
    wish: Wish | None = None
    decision: Decision | None = None
    undone: Record | None = None
    wakes_on: frozenset[Wake] = frozenset()
    retry_s: float | None = None

    @property
    def moves(self) -> bool:
        """Whether it moves work from one cluster to another."""
        return self.wish is not None and bool(self.wish.leaves) and self.undone is not None


def earliest(*times_s: float | None) -> float | None:
    """Return the earliest of some times, of which any may be missing."""
    return min((time_s for time_s in times_s if time_s is not None), default=None)
