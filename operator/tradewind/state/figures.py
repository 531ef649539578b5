"""Measured figures: which samples are believed, for how long, and which are not believed yet.

Pure: samples come in with their time, and the time of now is an argument. A figure that can't be believed is never
replaced by a guess: what the spec says counts again, and whoever looks is told why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite, isnan

from tradewind.model.fleet import FigureState, MetricField
from tradewind.model.workload import Market

JUMP_FACTOR = 3.0
"""A figure that grows or shrinks by more is a jump: spot prices seldom double between two readings, and a wrong unit
(cents, a price per machine of eight) is a larger factor still."""
JUMP_SAMPLES = 3
"""A jump is believed once this many samples in a row show it."""
FUTURE_S = 60.0
"""A sample may be this far ahead of our clock; one from further ahead would never grow old."""
PRICES = frozenset({MetricField.USD_PER_ACCELERATOR_HOUR, MetricField.USD_PER_CPU_HOUR})
PAID_FOR = frozenset({Market.OWNED, Market.RESERVED})
"""Markets where an hour more may cost nothing more."""
LIMITS = {
    # What the spec itself can say, or what no machine room reaches: beyond it the query or its unit is wrong.
    MetricField.USD_PER_ACCELERATOR_HOUR: (0.0, 1e6),
    MetricField.USD_PER_CPU_HOUR: (0.0, 1e6),
    MetricField.INTERRUPTIONS_PER_HOUR: (0.0, 3600.0),
    MetricField.GRAMS_CO2_PER_KWH: (0.0, 5000.0),
    MetricField.PUE: (1.0, 10.0),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A measured value, and when it was measured, in seconds since the Unix epoch."""

    value: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no sample: a stable CamelCase reason, and a message for whoever can mend it."""

    state: FigureState
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Figure:
    """What is known of one metric.

    Attributes:
        believed: the newest sample that was believed.
        rival: the newest of those that are not believed yet, `seen` in a row.
        problem: why the last answer was no sample.
    """

    believed: Sample | None = None
    rival: Sample | None = None
    seen: int = 0
    problem: Problem | None = None


NOT_ASKED = Problem(FigureState.UNAVAILABLE, "NotAsked", "It has not been asked for yet.")


def hear(figure: Figure, answer: Sample | Problem, *, said: float | None, max_age_s: float, now_s: float) -> Figure:
    """Take one answer. `said` is the spec's figure; None where the spec has none.

    A sample is compared with what counts now: the last one believed while it is young enough, and else both that one
    and the spec's, since either is a figure that somebody stands for. With nothing to compare it with it is believed.
    """
    if isinstance(answer, Problem):
        # What can't be the figure breaks a row of samples; a server that is silent says nothing about it.
        broken = answer.state is FigureState.INVALID
        rival, seen = (None, 0) if broken else (figure.rival, figure.seen)
        return replace(figure, problem=answer, rival=rival, seen=seen)
    if now_s - answer.at_s > max_age_s:
        old = Problem(FigureState.STALE, "TooOld", "The newest sample is older than maxAge.")
        return replace(figure, problem=old)
    known = (figure.rival, figure.believed)
    if any(sample is not None and answer.at_s <= sample.at_s for sample in known):
        return replace(figure, problem=None)  # the same scrape once more: it confirms nothing
    believed = figure.believed
    young = believed is not None and now_s - believed.at_s <= max_age_s
    references = [sample.value for sample in (believed,) if sample is not None]
    if not young and said is not None:
        references.append(said)
    if not references or any(alike(answer.value, each) for each in references):
        return Figure(believed=answer)
    seen = figure.seen + 1 if figure.rival is not None and alike(answer.value, figure.rival.value) else 1
    if seen >= JUMP_SAMPLES:
        return Figure(believed=answer)
    return Figure(believed=believed, rival=answer, seen=seen)


def alike(one: float, other: float, *, factor: float = JUMP_FACTOR) -> bool:
    """Whether two figures differ by no more than a factor; nothing but zero is like zero."""
    low, high = sorted((one, other))
    return high == low or (low > 0 and high <= factor * low)


def believed(figure: Figure, *, max_age_s: float, now_s: float) -> Sample | None:
    """Give the sample that counts now; None where the spec's figure does."""
    sample = figure.believed
    return sample if sample is not None and now_s - sample.at_s <= max_age_s else None


def finding(figure: Figure, *, max_age_s: float, now_s: float) -> Problem | None:
    """Say what is wrong with a figure now; None where it is fresh."""
    counts = believed(figure, max_age_s=max_age_s, now_s=now_s)
    problem = figure.problem
    if counts is None and figure.believed is not None and (problem is None or problem.state is not FigureState.INVALID):
        why = f"; the last answer: {problem.reason}: {problem.message}" if problem else ""
        return Problem(FigureState.STALE, "TooOld", f"The last good sample is older than maxAge{why}")
    if problem is not None:
        return problem
    if figure.rival is not None:
        before = "the spec's" if figure.believed is None else short(figure.believed.value)
        message = f"From {before} to {short(figure.rival.value)}: seen in {figure.seen} of {JUMP_SAMPLES} samples."
        return Problem(FigureState.JUMP, "NotConfirmed", message)
    return None if counts is not None else NOT_ASKED


def check(value: float, at_s: float, *, field: MetricField, market: Market | None, now_s: float) -> Sample | Problem:
    """Refuse what can't be this figure. `market` is that of the offer; None for a figure of the cluster."""
    low, high = LIMITS[field]
    for wrong, reason, message in (
        (isnan(value), "NotANumber", "The sample is NaN."),
        (not isfinite(value), "Infinite", "The sample is infinite."),
        (value < 0, "Negative", f"The sample is {short(value)}."),
        (
            value == 0 and field in PRICES and market not in PAID_FOR,
            "ZeroPrice",
            f"The price is 0, which only an offer of the market {' or '.join(sorted(PAID_FOR))} can have.",
        ),
        (value < low, "TooLow", f"The sample is {short(value)}, and {field} is at least {short(low)}."),
        (value > high, "TooHigh", f"The sample is {short(value)}, and {field} is at most {short(high)}."),
        (at_s - now_s > FUTURE_S, "FutureSample", f"The sample is {at_s - now_s:.0f} s ahead of the hub's clock."),
        (not isfinite(at_s), "BadTime", "The sample's time is no number."),
    ):
        if wrong:
            return Problem(FigureState.INVALID, reason, message)
    return Sample(value, at_s)


def short(value: float) -> str:
    """Write a figure with four significant digits, and never as a power of ten."""
    if value == 0 or not isfinite(value):
        return f"{value:g}"
    text = f"{float(f'{value:.4g}'):.12f}".rstrip("0").rstrip(".")
    return text if text not in ("0", "-0") else f"{value:.4g}"
