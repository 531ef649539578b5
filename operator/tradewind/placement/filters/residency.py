"""The law that binds the data that the work reads: it holds wherever the data is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tradewind.model.plan import Refusal, Wake
from tradewind.placement.law import bound_inputs, law_of, limits_of, misspelt, trespass
from tradewind.placement.wording import residency_words

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.facts import RowFacts
    from tradewind.placement.framework import FilterContext
    from tradewind.placement.table import Mask

RESIDENCY_DENIED = "ResidencyDenied"
RESIDENCY_UNKNOWN = "ResidencyUnknown"


class DataAtHome:
    """The cluster, and those who operate it, are under the law that binds each input. It fails closed."""

    NAME: ClassVar[str] = "residency of data"
    REASONS: ClassVar[tuple[str, ...]] = (RESIDENCY_DENIED, RESIDENCY_UNKNOWN)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = True
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, ask: Ask, /) -> Hashable | None:
        """The law of each input, without its name."""
        return frozenset([limits_of(one.residency) for one in bound_inputs(ask.workload)]) or None

    def sees(self, cluster: Cluster, _offer: Offer, /) -> Hashable:
        """Both laws."""
        return cluster.jurisdiction, cluster.operator_jurisdictions

    def words(self, ask: Ask, /) -> str:
        """Name the inputs with their law."""
        return " and ".join(residency_words(one) for one in bound_inputs(ask.workload))

    def mask(self, ask: Ask, facts: RowFacts, /) -> Mask:
        """Combine the columns of each law: works have all sorts of inputs, and these have few sorts of law."""
        lawful = [facts.suits(limits_of(one.residency)) for one in bound_inputs(ask.workload)]
        everywhere: Mask = np.all(lawful, axis=0)
        return everywhere

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse for the first input whose law is broken or can't be checked."""
        law = law_of(context.cluster)
        for one in bound_inputs(context.workload):
            limits = limits_of(one.residency)
            if wrong := misspelt(limits):
                return Refusal(RESIDENCY_UNKNOWN, f"residency of data {one.name}: {wrong}", Wake.DATA)
            found = trespass(law, limits)
            if found is not None:
                bound = f"{residency_words(one)} binds every place that reads it"
                cure = ": set spec.jurisdiction and spec.operatorJurisdictions" if found.unknown else ""
                reason = RESIDENCY_UNKNOWN if found.unknown else RESIDENCY_DENIED
                return Refusal(reason, f"{bound}, and the cluster {found.why}{cure}", self.WAKES_ON)
        return None
