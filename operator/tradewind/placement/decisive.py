"""Which term decided between two places: the one that speaks most for the cheaper of them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from tradewind.model.decision import Usd
from tradewind.model.units import format_usd

if TYPE_CHECKING:
    from tradewind.model.decision import Candidate

TERMS = tuple(one.name for one in fields(Usd))


@dataclass(frozen=True, slots=True)
class Decisive:
    """What made the difference between two candidates.

    Attributes:
        term: the term with the largest difference in favour of the chosen one; "" where none is in its favour.
        usd: that difference. total_usd: that of the totals; less than 0 where the chosen one is the dearer.
        against: the term that speaks most against the chosen one; "" where none does. against_usd: by how much.
    """

    chosen: str
    other: str
    term: str
    usd: float
    total_usd: float
    against: str = ""
    against_usd: float = 0.0

    @property
    def sentence(self) -> str:
        """Say it to people."""
        if not self.term:
            return f"{self.chosen} is no cheaper than {self.other} in any term"
        verb = "decided" if self.total_usd >= 0 else "spoke"
        said = f"{self.term} {verb} for {self.chosen} over {self.other}: {format_usd(self.usd)} less"
        if self.against:
            said += f", against {format_usd(self.against_usd)} more for {self.against}"
        return f"{said}; {format_usd(abs(self.total_usd))} {'less' if self.total_usd >= 0 else 'more'} in all"


def decisive(chosen: Candidate, other: Candidate) -> Decisive:
    """Compare the terms of two candidates; of equal differences the first term counts."""
    savings = {term: getattr(other.usd, term) - getattr(chosen.usd, term) for term in TERMS}
    best = max(TERMS, key=lambda term: savings[term])
    worst = min(TERMS, key=lambda term: savings[term])
    return Decisive(
        chosen=f"{chosen.cluster}/{chosen.offer}",
        other=f"{other.cluster}/{other.offer}",
        term=best if savings[best] > 0 else "",
        usd=max(0.0, savings[best]),
        total_usd=other.total_usd - chosen.total_usd,
        against=worst if savings[worst] < 0 else "",
        against_usd=max(0.0, -savings[worst]),
    )


def runner_up(candidates: tuple[Candidate, ...]) -> Candidate | None:
    """Return the cheapest feasible candidate but the chosen one, which comes first; None where there is none."""
    feasible = [one for one in candidates if one.feasible]
    return feasible[1] if len(feasible) > 1 else None
