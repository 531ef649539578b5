"""The work may ask that its data is encrypted, at rest and in transit."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake
from tradewind.placement.wording import field_of, listed

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.framework import FilterContext

ENCRYPTION_MISSING = "EncryptionMissing"


class Encrypts:
    """The cluster says that it encrypts all that the work names. What it does not say, it does not do."""

    NAME: ClassVar[str] = "encryption"
    REASONS: ClassVar[tuple[str, ...]] = (ENCRYPTION_MISSING,)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = True
    WAKES_ON: ClassVar[Wake] = Wake.CLUSTER

    def reads(self, ask: Ask, /) -> Hashable | None:
        """What must be encrypted."""
        return ask.workload.constraints.encryption or None

    def sees(self, cluster: Cluster, _offer: Offer, /) -> Hashable:
        """What is."""
        return cluster.encryption

    def words(self, ask: Ask, /) -> str:
        """Name the field."""
        return field_of("constraints.encryption", ask.workload.constraints.encryption)

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse with what is missing."""
        has = context.cluster.encryption
        missing = context.workload.constraints.encryption - has
        if not missing:
            return None
        said = f"it has {listed(has)}" if has else "it says nothing of encryption"
        why = f"the work needs encryption {listed(missing)}, and the cluster does not promise it ({said})"
        return Refusal(ENCRYPTION_MISSING, f"{why}: see spec.encryption", self.WAKES_ON)
