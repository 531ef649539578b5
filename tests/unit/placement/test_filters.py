"""Every filter, case by case: what it refuses, with which reason, and what could cure it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.builders import DOWN, a_cluster, a_cpu_offer, a_workload, an_ask, an_offer, constraints

from tradewind.model.fleet import Cluster, Offer, Scheduling
from tradewind.model.health import UNHEARD, Judgement, Verdict
from tradewind.model.plan import Conditions, Refusal, Wake
from tradewind.model.policy import Guarantee
from tradewind.model.workload import Market, SelectorTerm, Tier
from tradewind.placement.facts import FleetFacts
from tradewind.placement.filters.accelerator import Accelerator
from tradewind.placement.filters.health import Health
from tradewind.placement.filters.jurisdiction import Jurisdiction
from tradewind.placement.filters.market import InMarket
from tradewind.placement.filters.provider import Provider
from tradewind.placement.filters.scheduling import NotCordoned
from tradewind.placement.filters.selector import Selector
from tradewind.placement.filters.tier import InTier
from tradewind.placement.filters.veto import NotVetoed
from tradewind.placement.framework import Filter, FilterContext, refusal_of

if TYPE_CHECKING:
    from tradewind.model.plan import Ask
    from tradewind.model.workload import Constraints

FLEET_HAS = frozenset({"H100-80GB", "L4", "A100-80GB"})


def check(one: Filter, ask: Ask, *, cluster: Cluster | None = None, offer: Offer | None = None) -> Refusal | None:
    context = FilterContext(ask, cluster or a_cluster(), offer or an_offer(), Conditions(), FleetFacts(FLEET_HAS))
    return refusal_of(one, context)


@pytest.mark.parametrize(
    ("health", "words"),
    [
        pytest.param(DOWN, ["Down", "ApiServerSilent", "31 s"], id="a dead cluster is refused with its reason"),
        pytest.param(UNHEARD, ["Unknown", "NotProbedYet"], id="a cluster that nobody has probed is refused"),
        pytest.param(Judgement(Verdict.SUSPECT, "Silent", ""), ["Suspect (Silent)"], id="a suspect takes no new work"),
        pytest.param(Judgement(Verdict.RECOVERING, "Back", ""), ["Recovering"], id="a recovering one waits"),
    ],
)
def test_only_a_healthy_cluster_takes_work(health: Judgement, words: list[str]) -> None:
    refusal = check(Health(), an_ask(), cluster=a_cluster(health=health))
    assert refusal is not None
    assert (refusal.reason, refusal.wakes_on) == ("ClusterNotHealthy", Wake.HEALTH)
    assert all(word in refusal.message for word in words)


@pytest.mark.parametrize("guarantee", list(Guarantee))
def test_a_cluster_without_its_agent_takes_only_work_that_may_run_twice(guarantee: Guarantee) -> None:
    ask = an_ask()
    ask = replace(ask, policy=replace(ask.policy, guarantee=guarantee))
    refusal = check(Health(), ask, cluster=a_cluster(health=Judgement(Verdict.AGENT_DOWN, "AgentSilent", "")))
    assert (refusal is None) is (guarantee is Guarantee.AT_LEAST_ONCE)


def test_a_healthy_open_cluster_is_accepted() -> None:
    assert check(Health(), an_ask()) is None
    assert check(NotCordoned(), an_ask()) is None


def test_a_cordoned_cluster_takes_no_new_work_and_keeps_what_runs() -> None:
    refusal = check(NotCordoned(), an_ask(), cluster=a_cluster(scheduling=Scheduling.CORDONED))
    assert refusal is not None
    assert (refusal.reason, refusal.wakes_on) == ("ClusterCordoned", Wake.CLUSTER)
    assert not NotCordoned.HOLDS_WHILE_RUNNING


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        pytest.param(constraints(), None, id="without lists every provider will do"),
        pytest.param(constraints(allow_providers=("aws", "gcp")), None, id="an allowed provider is accepted"),
        pytest.param(constraints(deny_providers=("azure",)), None, id="denying another provider does no harm"),
        pytest.param(
            constraints(allow_providers=("gcp", "azure")),
            "provider aws is not among those allowed: azure, gcp",
            id="a provider that is not listed is refused",
        ),
        pytest.param(
            constraints(allow_providers=("aws",), deny_providers=("aws",)),
            "the work denies provider aws",
            id="deny beats allow",
        ),
    ],
)
def test_provider(wish: Constraints, message: str | None) -> None:
    refusal = check(Provider(), an_ask(a_workload(constraints=wish)))
    assert (refusal.message if refusal else None) == message
    assert refusal is None or (refusal.reason, refusal.wakes_on) == ("ProviderDenied", Wake.CLUSTER)


@pytest.mark.parametrize(
    ("wish", "place", "reason"),
    [
        pytest.param(constraints(), "", None, id="without a limit an unknown place is fine"),
        pytest.param(constraints(allow_law=("SE",)), "SE", None, id="a country allows itself"),
        pytest.param(constraints(allow_law=("EU",)), "SE", None, id="Sweden satisfies EU"),
        pytest.param(constraints(allow_law=("EEA",)), "NO", None, id="Norway satisfies EEA"),
        pytest.param(constraints(allow_law=("EU",)), "NO", "JurisdictionDenied", id="Norway does not satisfy EU"),
        pytest.param(constraints(allow_law=("EU",)), "GB", "JurisdictionDenied", id="the United Kingdom has left"),
        pytest.param(constraints(allow_law=("EU", "CH")), "CH", None, id="a group and a country add up"),
        pytest.param(constraints(deny_law=("US",)), "US", "JurisdictionDenied", id="a denied country is refused"),
        pytest.param(constraints(deny_law=("FVEY",)), "GB", "JurisdictionDenied", id="a denied group is refused"),
        pytest.param(constraints(deny_law=("US",)), "SE", None, id="denying another country does no harm"),
        pytest.param(constraints(allow_law=("EU",), deny_law=("DE",)), "DE", "JurisdictionDenied", id="deny wins"),
        pytest.param(constraints(allow_law=("EU",)), "", "JurisdictionUnknown", id="allow refuses an unknown place"),
        pytest.param(constraints(deny_law=("US",)), "", "JurisdictionUnknown", id="deny refuses an unknown place"),
        pytest.param(constraints(deny_law=("US",)), "ZZ", "JurisdictionUnknown", id="a place that is no country"),
        pytest.param(constraints(deny_law=("UK",)), "SE", "JurisdictionUnknown", id="a misspelt deny fails closed"),
        pytest.param(constraints(deny_law=("DE",)), "EU", "JurisdictionDenied", id="somewhere in the EU may be DE"),
        pytest.param(constraints(allow_law=("EEA",)), "EU", None, id="anywhere in the EU is in the EEA"),
    ],
)
def test_jurisdiction(wish: Constraints, place: str, reason: str | None) -> None:
    refusal = check(Jurisdiction(), an_ask(a_workload(constraints=wish)), cluster=a_cluster(jurisdiction=place))
    assert (refusal.reason if refusal else None) == reason


def test_a_misspelt_jurisdiction_is_the_authors_to_cure_and_is_guessed() -> None:
    refusal = check(Jurisdiction(), an_ask(a_workload(constraints=constraints(allow_law=("UK",)))))
    assert refusal is not None
    assert "did you mean GB?" in refusal.message
    assert refusal.wakes_on is Wake.WORKLOAD


@pytest.mark.parametrize(
    ("tiers", "refused"),
    [
        pytest.param((), False, id="without tiers every tier will do"),
        pytest.param((Tier.CLOUD, Tier.EDGE), False, id="a named tier is accepted"),
        pytest.param((Tier.ON_PREM,), True, id="another tier is refused"),
    ],
)
def test_tier(tiers: tuple[Tier, ...], *, refused: bool) -> None:
    refusal = check(InTier(), an_ask(a_workload(constraints=constraints(tiers=tiers))))
    assert (refusal is not None) == refused
    assert refusal is None or refusal.message == "tier Cloud is not among those allowed: OnPrem"


@pytest.mark.parametrize(
    ("markets", "refused"),
    [
        pytest.param((), False, id="without markets every market will do"),
        pytest.param((Market.SPOT, Market.ON_DEMAND), False, id="a named market is accepted"),
        pytest.param((Market.SPOT,), True, id="another market is refused"),
    ],
)
def test_market(markets: tuple[Market, ...], *, refused: bool) -> None:
    refusal = check(InMarket(), an_ask(a_workload(constraints=constraints(markets=markets))))
    assert (refusal is not None) == refused
    assert refusal is None or refusal.message == "market OnDemand is not among those allowed: Spot"


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        pytest.param((), None, id="without a selector every cluster will do"),
        pytest.param((SelectorTerm("env", "In", frozenset({"prod"})),), None, id="a label that matches"),
        pytest.param((SelectorTerm("lab", "NotIn", frozenset({"x"})),), None, id="NotIn holds without the label"),
        pytest.param(
            (SelectorTerm("env", "In", frozenset({"test", "dev"})),),
            "wanted env In (dev, test), has env=prod",
            id="another value",
        ),
        pytest.param((SelectorTerm("gdpr", "Exists"),), "wanted gdpr Exists, has no label gdpr", id="a missing label"),
        pytest.param(
            (SelectorTerm("gdpr", "Exists"), SelectorTerm("env", "DoesNotExist")),
            "has no label gdpr; wanted env DoesNotExist, has env=prod",
            id="every failed term is named",
        ),
    ],
)
def test_selector(terms: tuple[SelectorTerm, ...], words: str | None) -> None:
    ask = an_ask(a_workload(constraints=constraints(selector=terms)))
    refusal = check(Selector(), ask, cluster=a_cluster(labels={"env": "prod"}))
    assert (refusal is None) == (words is None)
    assert refusal is None or (words or "") in refusal.message


@pytest.mark.parametrize(
    ("accelerators", "types", "offered", "reason"),
    [
        pytest.param(8, (), "L4", None, id="any type will do where none is named"),
        pytest.param(8, ("H100-80GB", "L4"), "L4", None, id="one of several types"),
        pytest.param(8, ("H100-80GB",), "L4", "AcceleratorMismatch", id="another type is refused"),
        pytest.param(8, (), "", "AcceleratorMismatch", id="accelerators are not had from a CPU offer"),
        pytest.param(8, ("H900",), "L4", "AcceleratorUnknown", id="a type that no cluster has"),
        pytest.param(8, ("H900", "L4"), "H100-80GB", "AcceleratorMismatch", id="one of the types is known"),
        pytest.param(0, (), "", None, id="work without accelerators goes to a CPU offer"),
        pytest.param(0, (), "L4", "NotForCPUWork", id="work without accelerators leaves them to others"),
    ],
)
def test_accelerator(accelerators: int, types: tuple[str, ...], offered: str, reason: str | None) -> None:
    ask = an_ask(a_workload(accelerators=accelerators, types=types))
    offer = an_offer(accelerator=offered) if offered else a_cpu_offer()
    refusal = check(Accelerator(), ask, offer=offer)
    assert (refusal.reason if refusal else None) == reason
    assert refusal is None or refusal.wakes_on is Wake.CLUSTER


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("H100-80G", "did you mean H100-80GB?", id="a missing letter"),
        pytest.param("a100-80gb", "did you mean A100-80GB?", id="the wrong case"),
        pytest.param("H100", "did you mean H100-80GB?", id="the memory left out"),
        pytest.param("TPUv9", "no cluster offers TPUv9", id="nothing near"),
    ],
)
def test_an_unknown_accelerator_is_guessed(name: str, hint: str) -> None:
    refusal = check(Accelerator(), an_ask(a_workload(types=(name,))), offer=an_offer(accelerator="L4"))
    assert refusal is not None
    assert refusal.message.endswith(hint)


def test_a_veto_is_passed_on_with_its_own_reason_and_cure() -> None:
    veto = Refusal("ConfigMissing", "Secret bucket is missing", Wake.CONFIG)
    ask = an_ask(vetoes={"aws-eu-north-1": veto})
    assert check(NotVetoed(), ask) is veto
    assert check(NotVetoed(), ask, cluster=a_cluster("other")) is None
