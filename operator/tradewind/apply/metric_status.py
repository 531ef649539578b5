"""What FederatedClusters say of their metrics: at once when a state changes, and else at most once a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.apply.conditions import conditions
from tradewind.model.fleet import FigureState
from tradewind.state.figures import short
from tradewind.state.record import iso

if TYPE_CHECKING:
    from tradewind.state.fleet import ClusterEntry
    from tradewind.state.measured import Measured

Manifest = dict[str, Any]
WRITTEN_S = 60.0
CONDITION = "MetricsReady"
NAMED = 3


class Shown:
    """What has been written of one cluster's metrics, and when."""

    def __init__(self) -> None:
        self.measured: tuple[Measured, ...] | None = None
        self._at_s = 0.0

    def see(self, entry: ClusterEntry, *, now_s: float) -> tuple[Measured, ...] | None:
        """Choose what is to be written now; None before all metrics have been asked for, so that nothing is lost."""
        if entry.spec is None or len(entry.measured) != len(entry.spec.metrics):
            return None
        known = self.measured
        if known is entry.measured:
            return known
        same = known is not None and _states(known) == _states(entry.measured)
        if not same or now_s - self._at_s >= WRITTEN_S:
            self.measured, self._at_s = entry.measured, now_s
        return self.measured


def metric_fields(measured: tuple[Measured, ...]) -> list[Manifest]:
    """Write status.metrics."""
    return [_field(each) for each in measured]


def metrics_condition(entry: ClusterEntry, measured: tuple[Measured, ...] | None, *, now_s: float) -> list[Manifest]:
    """Write the condition, as a list of one; of none where there is no metric."""
    before = (entry.raw.get("status") or {}).get("conditions") or ()
    if measured is None:
        return [each for each in before if each["type"] == CONDITION]
    if not measured:
        return []
    wrong = [each for each in measured if each.state is not FigureState.FRESH]
    names = ", ".join(f"{each.metric.name} is {each.state}" for each in wrong[:NAMED])
    more = f", and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    return conditions(
        {CONDITION: not wrong},
        reason=wrong[0].wrong.reason if wrong and wrong[0].wrong else "AllFresh",
        message=f"{names}{more}. See status.metrics." if wrong else "Every metric was answered, and is believed.",
        before=before,
        generation=entry.raw["metadata"].get("generation", 1),
        now_s=now_s,
    )


def _states(measured: tuple[Measured, ...]) -> list[tuple[object, ...]]:
    return [(each.metric, each.state, each.wrong and each.wrong.reason, each.counts is None) for each in measured]


def _field(each: Measured) -> Manifest:
    counts = {} if each.counts is None else {"value": short(each.counts.value), "at": f"{iso(each.counts.at_s)[:19]}Z"}
    reason = "Believed" if each.wrong is None else each.wrong.reason
    return {"name": each.metric.name, **counts, "state": each.state.value, "reason": reason, "message": each.message}
