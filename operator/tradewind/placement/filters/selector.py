"""The work may select clusters by their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.plan import Ask
    from tradewind.model.workload import SelectorTerm
    from tradewind.placement.framework import FilterContext

CLUSTER_NOT_SELECTED = "ClusterNotSelected"


class Selector:
    """The cluster's labels satisfy every term of the work's `clusterSelector`."""

    NAME: ClassVar[str] = "cluster selector"
    HOLDS_WHILE_RUNNING: ClassVar[bool] = True
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, ask: Ask, /) -> Hashable:
        """The terms."""
        return ask.workload.constraints.cluster_selector

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse with every term that fails."""
        labels = context.cluster.labels
        terms = context.workload.constraints.cluster_selector
        failed = [_sentence(term, labels) for term in terms if not term.matches(labels)]
        if not failed:
            return None
        return Refusal(CLUSTER_NOT_SELECTED, f"the cluster's labels do not match: {'; '.join(failed)}", self.WAKES_ON)


def _sentence(term: SelectorTerm, labels: dict[str, str]) -> str:
    values = f" ({', '.join(sorted(term.values))})" if term.values else ""
    has = f"{term.key}={labels[term.key]}" if term.key in labels else f"no label {term.key}"
    return f"wanted {term.key} {term.operator}{values}, has {has}"
