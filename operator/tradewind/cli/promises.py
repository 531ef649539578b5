"""What a decision means for the deadline, the budget and the spread that a workload asks for, in words and figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradewind.cli.bill import bill_of
from tradewind.model.kind import WorkloadType
from tradewind.model.units import SECONDS_PER_HOUR, format_duration, format_usd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.cli.bill import Bill
    from tradewind.model.decision import Decision
    from tradewind.model.plan import Ask


@dataclass(frozen=True, slots=True)
class Promises:
    """One ask and what was decided for it.

    Attributes:
        bill: what was chosen; None where nothing was.
        now_s: when, in seconds since the Unix epoch.
    """

    ask: Ask
    bill: Bill | None
    now_s: float

    @property
    def margin_h(self) -> float | None:
        """Hours from the expected end to the deadline, negative where it is late; None without either."""
        deadline = self.ask.workload.deadline
        if deadline is None or self.bill is None:
            return None
        return (deadline.time_s - self.now_s) / SECONDS_PER_HOUR - self.bill.done_in_h

    @property
    def bill_usd(self) -> float:
        """What providers will charge: machines and egress. Of servers, which have no end, only what comes before."""
        if self.bill is None:
            return 0.0
        usd = self.bill.usd
        if self.ask.workload.type is WorkloadType.INFERENCE:
            return usd.egress + self.bill.usd_per_hour * self.bill.transfer_h
        return usd.compute + usd.loss + usd.egress

    def lines(self) -> Iterator[str]:
        """Say each of them that the workload asks for."""
        yield from self._deadline()
        yield from self._budget()
        spread = self.ask.workload.spread
        if spread.clusters > 1:
            where = f": {self.bill.where}" if self.bill else ""
            yield f"spread over {spread.clusters} clusters, {spread.min_providers} providers at least{where}"

    def _deadline(self) -> Iterator[str]:
        deadline = self.ask.workload.deadline
        if deadline is None:
            return
        at = datetime.fromtimestamp(deadline.time_s, UTC)
        text = f"deadline {at:%Y-%m-%d %H:%M} UTC ({deadline.mode})"
        if self.margin_h is not None:
            span = format_duration(abs(self.margin_h) * SECONDS_PER_HOUR)
            text += f": done {span} {'before' if self.margin_h >= 0 else 'after'} it"
        yield text

    def _budget(self) -> Iterator[str]:
        policy, spent = self.ask.policy, self.ask.spent_usd
        if policy.max_usd_per_hour is not None:
            hourly = format_usd(self.bill.usd_per_hour) if self.bill else "nothing"
            yield f"budget per hour: {hourly} of {format_usd(policy.max_usd_per_hour)}"
        if policy.max_total_usd is not None:
            come = f", and {format_usd(self.bill_usd)} to come" if self.bill else ""
            yield f"budget: {format_usd(spent)} spent of {format_usd(policy.max_total_usd)}{come}"

    def as_json(self) -> dict[str, Any]:
        """Write them; each is None where the workload does not ask for it."""
        work, policy = self.ask.workload, self.ask.policy
        deadline, spread = work.deadline, work.spread
        budget = policy.max_usd_per_hour is not None or policy.max_total_usd is not None
        return {
            "deadline": deadline
            and {
                "time": datetime.fromtimestamp(deadline.time_s, UTC).isoformat(),
                "mode": deadline.mode.value,
                "marginHours": self.margin_h,
            },
            "budget": {
                "maxUSDPerHour": policy.max_usd_per_hour,
                "maxTotalUSD": policy.max_total_usd,
                "spentUSD": self.ask.spent_usd,
                "toComeUSD": self.bill_usd if self.bill else None,
            }
            if budget
            else None,
            "spread": {"clusters": spread.clusters, "minProviders": spread.min_providers, "replicas": spread.replicas}
            if spread.clusters > 1
            else None,
        }


def promises_of(decision: Decision, ask: Ask, *, now_s: float) -> Promises:
    """Put a decision beside what was asked for."""
    return Promises(ask, bill_of(decision.shares) if decision.chosen else None, now_s)
