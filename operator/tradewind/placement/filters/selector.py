"""The work may select clusters by their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake
from tradewind.placement.wording import listed

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.model.workload import SelectorTerm
    from tradewind.placement.framework import FilterContext

CLUSTER_NOT_SELECTED = "ClusterNotSelected"


class Selector:
    """The cluster's labels satisfy every term of the work's `clusterSelector`."""

    NAME: ClassVar[str] = "cluster selector"
    REASONS: ClassVar[tuple[str, ...]] = (CLUSTER_NOT_SELECTED,)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = True
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, ask: Ask, /) -> Hashable | None:
        """The terms."""
        terms = ask.workload.constraints.cluster_selector
        return tuple([(term.key, term.operator, term.values) for term in terms]) or None

    def sees(self, cluster: Cluster, _offer: Offer, /) -> Hashable:
        """The labels."""
        return frozenset(cluster.labels.items())

    def words(self, ask: Ask, /) -> str:
        """Name the field, and its terms."""
        terms = "; ".join(_term(term) for term in ask.workload.constraints.cluster_selector)
        return f"constraints.clusterSelector [{terms}]"

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse with every term that fails."""
        labels = context.cluster.labels
        failed = [term for term in context.workload.constraints.cluster_selector if not term.matches(labels)]
        if not failed:
            return None
        why = "; ".join(f"wanted {_term(term)}, has {_label(term, labels)}" for term in failed)
        return Refusal(CLUSTER_NOT_SELECTED, f"the cluster's labels do not match: {why}", self.WAKES_ON)


def _term(term: SelectorTerm) -> str:
    return f"{term.key} {term.operator}" + (f" ({listed(term.values)})" if term.values else "")


def _label(term: SelectorTerm, labels: dict[str, str]) -> str:
    return f"{term.key}={labels[term.key]}" if term.key in labels else f"no label {term.key}"
