"""The offer has an accelerator that the work can use, or none where it needs none."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

ACCELERATOR_MISMATCH = "AcceleratorMismatch"
ACCELERATOR_UNKNOWN = "AcceleratorUnknown"
NOT_FOR_CPU_WORK = "NotForCPUWork"


class Accelerator:
    """Pods with accelerators go to an offer of one of their types; pods without go to an offer without.

    Why work without accelerators never goes to accelerator offers: it would hold cores without which the accelerators
    beside them can't be sold.
    """

    NAME: ClassVar[str] = "accelerator"
    REASONS: ClassVar[tuple[str, ...]] = (ACCELERATOR_MISMATCH, ACCELERATOR_UNKNOWN, NOT_FOR_CPU_WORK)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, ask: Ask, /) -> Hashable:
        """The types, and whether the pods ask for any accelerator."""
        return ask.workload.accelerator_types, bool(ask.workload.pods.accelerators)

    def sees(self, _cluster: Cluster, offer: Offer, /) -> Hashable:
        """The type."""
        return offer.accelerator

    def words(self, ask: Ask, /) -> str:
        """Name the field, or what stands in for it."""
        types = ask.workload.accelerator_types
        if not ask.workload.pods.accelerators:
            return "pods without accelerators"
        return f"accelerators.anyOf [{', '.join(types)}]" if types else "pods with accelerators"

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse other types; where no cluster knows what was asked for, say so, and guess what was meant."""
        types, offered = context.workload.accelerator_types, context.offer.accelerator
        if not context.workload.pods.accelerators:
            if not offered:
                return None
            return Refusal(
                NOT_FOR_CPU_WORK,
                f"the pods ask for no accelerators, and the offer is for {offered}: "
                "such work goes to offers without an accelerator",
                self.WAKES_ON,
            )
        if offered and (not types or offered in types):
            return None
        wanted = f"any of {', '.join(types)}" if len(types) > 1 else (types[0] if types else "an accelerator")
        unknown = tuple(name for name in types if name not in context.fleet.accelerators)
        reason = ACCELERATOR_UNKNOWN if types and len(unknown) == len(types) else ACCELERATOR_MISMATCH
        message = f"the work needs {wanted}, the offer has {offered or 'none'}"
        return Refusal(reason, message + _hint(unknown, context.fleet.accelerators), self.WAKES_ON)


def _hint(unknown: tuple[str, ...], known: frozenset[str]) -> str:
    hints = []
    by_lower = {kind.lower(): kind for kind in sorted(known)}
    for name in unknown:
        start = [lower for lower in by_lower if lower.startswith(name.lower())]
        close = start or get_close_matches(name.lower(), list(by_lower), n=1)
        hints.append(f"; no cluster offers {name}" + (f": did you mean {by_lower[close[0]]}?" if close else ""))
    return "".join(hints)
