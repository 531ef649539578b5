"""Hard limits on where work may be; they hold at every move."""

from __future__ import annotations

from typing import Annotated, ClassVar

from tradewind.api.base import Model, Rule, list_set
from tradewind.api.parts import LabelSelector
from tradewind.api.scalars import CertificationName, DNSLabel, Jurisdiction
from tradewind.model.workload import Encryption, Market, Tier

_SOMETHING_IS_LEFT = Rule(
    "allow: nothing is left of it, since deny names all of it",
    "!has(self.allow) || !has(self.deny) || size(self.allow) == 0 || self.allow.exists(each, !(each in self.deny))",
    lambda rule: not rule.allow or bool(set(rule.allow) - set(rule.deny)),
)


class JurisdictionRule(Model):
    """Where by law."""

    allow: Annotated[tuple[Jurisdiction, ...], list_set(at_most=64)] = ()
    """Only there; absent: anywhere."""
    deny: Annotated[tuple[Jurisdiction, ...], list_set(at_most=64)] = ()
    """Never there."""

    RULES: ClassVar[tuple[Rule, ...]] = (_SOMETHING_IS_LEFT,)


class ProviderRule(Model):
    """With whom."""

    allow: Annotated[tuple[DNSLabel, ...], list_set(at_most=64)] = ()
    """Only with these; absent: with any."""
    deny: Annotated[tuple[DNSLabel, ...], list_set(at_most=64)] = ()
    """Never with these."""

    RULES: ClassVar[tuple[Rule, ...]] = (_SOMETHING_IS_LEFT,)


class ConstraintsSpec(Model):
    """Hard limits; they hold at every move."""

    jurisdictions: JurisdictionRule = JurisdictionRule()
    """Countries by ISO 3166-1, and the groups EU, EEA, EFTA, GCC, FVEY."""
    operator_jurisdictions: JurisdictionRule = JurisdictionRule()
    """Whose courts may be able to compel those who run the cluster; all of theirs must be allowed, none denied."""
    providers: ProviderRule = ProviderRule()
    """Providers, as FederatedClusters name them."""
    markets: Annotated[tuple[Market, ...], list_set(at_most=4)] = ()
    """How accelerators may be bought; absent: in any way."""
    tiers: Annotated[tuple[Tier, ...], list_set(at_most=3)] = ()
    """Where clusters may stand; absent: anywhere."""
    certifications: Annotated[tuple[CertificationName, ...], list_set(at_most=32)] = ()
    """What auditors must have confirmed of the cluster, all of it, and not expired."""
    encryption: Annotated[tuple[Encryption, ...], list_set(at_most=2)] = ()
    """What the cluster must encrypt, all of it."""
    cluster_selector: LabelSelector = LabelSelector()
    """Labels that the FederatedCluster must have."""
