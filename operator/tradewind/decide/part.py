"""What one of a workload's places needs next, and how the needs of all of them become one step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.decide.step import Need, Step, earliest
from tradewind.model.placement import Situation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.decide.step import Wish
    from tradewind.model.placement import Copy, Placement, Record
    from tradewind.model.plan import Wake
    from tradewind.model.snapshot import View

_WORST_FIRST = ("Stalled", "Waiting", "Pending", "Moving", "Delivering", "Starting")


@dataclass(frozen=True, slots=True)
class Part:
    """What one place needs.

    Attributes:
        placement: as it is to be recorded; None where its copy is known to be gone.
        situation: where it stands; None leaves what the status says.
        deliver: its copy is to be made or brought up to date.
        release: its copy, if that is to go.
        wish: it wants to leave for another place.
        departs: why it leaves without one, as a stable reason; "" where it does not.
        wakes_on, retry_s: as in Step.
    """

    placement: Placement | None
    situation: Situation | None = None
    deliver: bool = False
    release: tuple[Copy, ...] = ()
    wish: Wish | None = None
    departs: str = ""
    wakes_on: frozenset[Wake] = frozenset()
    retry_s: float | None = None


def join(view: View, record: Record, parts: Sequence[Part], situation: Situation | None) -> Step:
    """Make one step of what all places need; one leaves at a time, that on a lost cluster before others."""
    wishes = [part.wish for part in parts if part.wish is not None]
    return Step(
        view,
        record,
        situation,
        deliver=tuple(part.placement for part in parts if part.deliver and part.placement is not None),
        release=tuple(copy for part in parts for copy in part.release),
        wish=min(wishes, key=lambda wish: list(Need).index(wish.need), default=None),
        wakes_on=frozenset().union(*(part.wakes_on for part in parts)),
        retry_s=earliest(*(part.retry_s for part in parts)),
    )


def common(parts: Sequence[Part]) -> Situation | None:
    """Say where the work stands as a whole: as well as the worst of its places."""
    said = [part.situation for part in parts]
    if not said:
        return None
    if len(said) == 1:
        return said[0]
    known = [situation for situation in said if situation is not None]
    if len(known) < len(said):
        return None
    if all(situation.reason == "Running" for situation in known):
        places = ", ".join(
            f"{place.offer} on {place.cluster} ({place.replicas})" for part in parts if (place := part.placement)
        )
        return Situation("Running", "Running", f"Runs with {places}.", placed=True, ready=True)
    worst = min((s for s in known if s.reason != "Running"), key=_badness)
    running = sum(situation.ready for situation in known)
    message = f"{running} of {len(known)} places run. {worst.message}"
    return Situation(
        worst.phase,
        worst.reason,
        message,
        placed=True,
        ready=all(s.ready for s in known),
        reconciling=any(s.reconciling for s in known),
        stalled=any(s.stalled for s in known),
    )


def _badness(situation: Situation) -> int:
    phase = "Stalled" if situation.stalled else situation.phase
    return _WORST_FIRST.index(phase) if phase in _WORST_FIRST else len(_WORST_FIRST)
