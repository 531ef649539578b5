"""Whether what falls silent may be declared Down, or whether the hub itself is cut off.

It is no matter of counting: three of four clusters may well be at the one provider that is down, and moving is then the
very job. Who else has looked decides: an agent outside the set that is silent, then addresses of other providers that
the hub can check itself. The share of the fleet counts only where there is neither.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.model.health import Verdict
from tradewind.outage.heartbeats import FRESH_S, is_heard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.outage.verdict import Case

SICK_HUB_WINDOW_S = 5.0
"""Two clusters that fail by the same fault on our side of the wire within this time: the hub is sick."""
ANCHORS_FRESH_S = 10.0
"""An older check of the anchors says nothing about the hub's network now."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """Addresses at other providers that the policy names: `answered` of `asked` did when last checked, if ever."""

    asked: int
    answered: int = 0
    checked_s: float | None = None

    def sound(self, now_s: float) -> bool | None:
        """Whether two thirds answer, and so the hub's network is sound; None while that is not known."""
        if self.checked_s is None or now_s - self.checked_s > ANCHORS_FRESH_S:
            return None
        return 3 * self.answered >= 2 * self.asked


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a silent cluster may not be declared Down now.

    Attributes:
        isolated: the hub is cut off, so that the silence proves nothing; else it is only not known yet, and the
            silence goes on counting.
    """

    words: str
    isolated: bool = True


def failing(cases: Mapping[str, Case]) -> frozenset[str]:
    """Name the clusters that have fallen silent together; those that were Down before are old news."""
    return frozenset(
        name
        for name, case in cases.items()
        if case.known and case.evidence.silent_probes > 1 and case.previous.verdict is not Verdict.DOWN
    )


def holds(
    cases: Mapping[str, Case], *, anchors: Anchors | None, max_unhealthy_percent: int, now_s: float
) -> dict[str, Hold]:
    """Say for each cluster what keeps it from being declared Down; those that nothing does are not in it."""
    if words := _sick(cases, now_s):
        return dict.fromkeys(cases, Hold(words))
    silent = failing(cases)
    observers = {
        name: agent
        for name, case in cases.items()
        if name not in silent
        and not case.near_hub
        and case.previous.verdict is not Verdict.DOWN
        and (agent := case.evidence.agent) is not None
        and is_heard(agent, now_s=now_s, within_s=FRESH_S)
    }
    otherwise = _without_observers(
        cases,
        silent,
        observed=bool(observers),
        anchors=anchors,
        max_unhealthy_percent=max_unhealthy_percent,
        now_s=now_s,
    )
    found: dict[str, Hold] = {}
    for name in silent:
        if is_heard(cases[name].evidence.agent, now_s=now_s, within_s=FRESH_S):
            continue  # its agent lives: it is not declared Down anyway
        reached_by = next((each for each, agent in observers.items() if name in agent.reached), "")
        if reached_by:
            found[name] = Hold(f"the agent of {reached_by} reaches it")
        elif otherwise is not None and not any(name in agent.unreached for agent in observers.values()):
            found[name] = otherwise
    return found


def _sick(cases: Mapping[str, Case], now_s: float) -> str:
    """Say which fault of our own two clusters share, beside those that are Down anyway; "" where none."""
    recent = Counter(
        case.evidence.fault
        for case in cases.values()
        if case.known
        and case.previous.verdict is not Verdict.DOWN
        and case.evidence.unknown_at_s is not None
        and now_s - case.evidence.unknown_at_s <= SICK_HUB_WINDOW_S
    )
    for fault, count in recent.items():
        if count > 1:
            kind = f" ({fault})" if fault else ""
            return f"probes of {count} clusters fail on the hub's own side{kind}"
    return ""


def _without_observers(
    cases: Mapping[str, Case],
    silent: frozenset[str],
    *,
    observed: bool,
    anchors: Anchors | None,
    max_unhealthy_percent: int,
    now_s: float,
) -> Hold | None:
    """Decide where no agent says that it can't reach a silent cluster either."""
    if not silent:
        return None
    if anchors is not None:
        sound = anchors.sound(now_s)
        if sound is None:
            return Hold("the anchors have not been asked since", isolated=False)
        words = f"only {anchors.answered} of {anchors.asked} anchors answer the hub, and it takes two thirds"
        return None if sound else Hold(words)
    if observed:
        return Hold("no other cluster's agent has said yet that it can't reach it either", isolated=False)
    known = sum(case.known for case in cases.values())
    if len(silent) > 1 and 100 * len(silent) > max_unhealthy_percent * known:
        return Hold(
            f"{len(silent)} of {known} clusters fell silent at once (maxUnhealthyPercent {max_unhealthy_percent})"
        )
    return None
