"""What placement answers: priced candidates, and decisions whose words are made when somebody reads them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tradewind.model.plan import Wake

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tradewind.model.plan import Refusal
    from tradewind.model.workload import Key, Market


@dataclass(frozen=True, slots=True)
class Usd:
    """The terms of the total cost, in USD, unrounded."""

    compute: float = 0.0
    egress: float = 0.0
    loss: float = 0.0
    carbon: float = 0.0
    delay: float = 0.0
    latency: float = 0.0

    @property
    def total(self) -> float:
        """Their sum."""
        return self.compute + self.egress + self.loss + self.carbon + self.delay + self.latency


@dataclass(frozen=True, slots=True)
class Candidate:
    """One offer, priced or refused (priced as well where the refusal leaves it possible, to show what it would cost).

    Attributes:
        run_h: T_run. transfer_h: T_move. queue_h: waiting for nodes that must be provisioned. loss_h: expected to be
            lost to interruptions. All in hours.
        assumed: figures that defaults stood in for, each as a short phrase.
        writes: the checkpoints that it writes over the run, and their egress, in words; "" for none.
        sources: the replica of each input that is cheapest for it, as (name of the input, location).
    """

    cluster: str
    offer: str
    market: Market
    refusals: tuple[Refusal, ...] = ()
    usd: Usd = Usd()
    run_h: float = 0.0
    transfer_h: float = 0.0
    queue_h: float = 0.0
    loss_h: float = 0.0
    grams_co2: float = 0.0
    assumed: tuple[str, ...] = ()
    writes: str = ""
    sources: tuple[tuple[str, str], ...] = ()

    @property
    def feasible(self) -> bool:
        """Whether nothing refused it."""
        return not self.refusals

    @property
    def total_usd(self) -> float:
        """The sum of all terms."""
        return self.usd.total


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the work's pods on one offer."""

    candidate: Candidate
    replicas: int


@dataclass(frozen=True, slots=True)
class RefusedGroup:
    """Offers that have one reason in common.

    Attributes:
        count: how many. names: the first of them, as cluster/offer, in the order of the table of candidates.
        message: that of the first.
    """

    reason: str
    count: int
    names: tuple[str, ...]
    message: str


class Evidence(Protocol):
    """What a decision was made of, put into words when somebody reads them: most decisions' are never read whole."""

    def shares(self) -> tuple[Share, ...]:
        """Every offer that gets some of the pods; empty where there is none."""

    def message(self) -> str:
        """One sentence."""

    def places(self) -> tuple[tuple[str, str, int], ...]:
        """Cluster, offer and pods of each share, without their prices."""

    def candidates(self) -> tuple[Candidate, ...]:
        """All offers."""

    def best(self, count: int) -> tuple[Candidate, ...]:
        """The first of the feasible ones."""

    def refused_groups(self, *, names: int) -> tuple[RefusedGroup, ...]:
        """Refusals by reason."""

    def compared(self) -> Compared | None:
        """What staying would cost, beside what was chosen."""

    def wakes_on(self) -> frozenset[Wake]:
        """The kinds of change that are worth another look."""


class Compared(NamedTuple):
    """What staying where it runs would still cost, and what it would cost to move to the place that was chosen."""

    stays_usd: float
    moves_usd: float


@dataclass(frozen=True, slots=True)
class Written:
    """Evidence that is in words already, or that there is nothing to say about."""

    text: str
    table: tuple[Candidate, ...] = ()
    parts: tuple[Share, ...] = ()

    def shares(self) -> tuple[Share, ...]:
        """Return what was given."""
        return self.parts

    def message(self) -> str:
        """Return what was given."""
        return self.text

    def places(self) -> tuple[tuple[str, str, int], ...]:
        """Read them off what was given."""
        return tuple((part.candidate.cluster, part.candidate.offer, part.replicas) for part in self.parts)

    def candidates(self) -> tuple[Candidate, ...]:
        """Return what was given."""
        return self.table

    def best(self, count: int) -> tuple[Candidate, ...]:
        """Return the first feasible ones."""
        return tuple(islice((one for one in self.table if one.feasible), count))

    def refused_groups(self, *, names: int) -> tuple[RefusedGroup, ...]:
        """Group the table's refusals."""
        return grouped(((f"{one.cluster}/{one.offer}", one.refusals) for one in self.table), names=names)

    def compared(self) -> Compared | None:
        """Return nothing: it is not known where the work runs."""
        return None

    def wakes_on(self) -> frozenset[Wake]:
        """Collect the table's; where there is no offer at all, a new cluster is worth a look."""
        if not self.table:
            return frozenset({Wake.CLUSTER})
        return frozenset(refusal.wakes_on for one in self.table for refusal in one.refusals)


def grouped(refused: Iterable[tuple[str, Sequence[Refusal]]], *, names: int) -> tuple[RefusedGroup, ...]:
    """Group refusals of named offers by reason, by the alphabet."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, refusals in refused:
        for refusal in refusals:
            groups.setdefault(refusal.reason, []).append((name, refusal.message))
    return tuple(
        RefusedGroup(reason, len(found), tuple(name for name, _ in found[:names]), found[0][1])
        for reason, found in sorted(groups.items())
    )


class Decision:
    """The outcome for one workload. What it rests on is measured when it is first read, and kept.

    Attributes:
        key: of the workload.
        reason: a stable CamelCase word: Placed, Unschedulable, ...
    """

    __slots__ = ("_candidates", "_chosen", "_evidence", "_message", "_shares", "key", "reason")

    def __init__(  # noqa: PLR0917 - a record, in the order of its reading
        self,
        key: Key,
        chosen: Candidate | None,
        reason: str,
        message: str = "",
        candidates: tuple[Candidate, ...] = (),
        shares: tuple[Share, ...] = (),
        *,
        evidence: Evidence | None = None,
    ) -> None:
        """Make a decision from its words, or from evidence that makes them on demand."""
        self.key, self.reason = key, reason
        self._chosen = chosen
        self._evidence = evidence or Written(message, candidates, shares)
        self._message: str | None = None
        self._candidates: tuple[Candidate, ...] | None = None
        self._shares: tuple[Share, ...] | None = None

    @property
    def shares(self) -> tuple[Share, ...]:
        """Every offer that gets some of its pods: one, unless it is spread; empty where it has no place."""
        if self._shares is None:
            self._shares = self._evidence.shares()
        return self._shares

    @property
    def places(self) -> tuple[tuple[str, str, int], ...]:
        """Cluster, offer and pods of each share: of work that has to wait for its move nothing else is read."""
        return self._evidence.places()

    @property
    def chosen(self) -> Candidate | None:
        """The candidate that gets it, or None; the first of its shares."""
        if self._chosen is None and self.shares:
            self._chosen = self.shares[0].candidate
        return self._chosen

    @property
    def message(self) -> str:
        """One sentence."""
        if self._message is None:
            self._message = self._evidence.message()
        return self._message

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All offers of the fleet: what was chosen, the other feasible ones by price, then the refused ones."""
        if self._candidates is None:
            self._candidates = self._evidence.candidates()
        return self._candidates

    def best(self, count: int) -> tuple[Candidate, ...]:
        """Return the first feasible candidates, without making the others."""
        return self._evidence.best(count)

    def refused_groups(self, *, names: int = 3) -> tuple[RefusedGroup, ...]:
        """Return the refusals by reason, without making candidates."""
        return self._evidence.refused_groups(names=names)

    def compared(self) -> Compared | None:
        """Compare what was chosen with staying, without making candidates.

        Returns:
            None where it stays, where it has no place, or where the offer that it runs on is gone or has no price.
        """
        return self._evidence.compared()

    @property
    def wakes_on(self) -> frozenset[Wake]:
        """The kinds of change that are worth another look; where there is no offer at all, a new cluster is."""
        return self._evidence.wakes_on()

    def __eq__(self, other: object) -> bool:
        """Compare all that can be read."""
        return isinstance(other, Decision) and self._whole() == other._whole()

    __hash__ = None  # type: ignore[assignment] # what is compared is made on demand

    def __repr__(self) -> str:
        """Show the outcome, not the table."""
        return f"Decision({self.key}: {self.reason}, {self.message})"

    def _whole(self) -> tuple[object, ...]:
        return self.key, self.reason, self.message, self.chosen, self.candidates, self.shares
