"""Filters of law beyond the place of the cluster: its operators, the data, and what is written where."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.builders import a_cluster, a_workload, an_ask, constraints, some_data
from tests.unit.placement.asking import answer, reason

from tradewind.model.network import Network, Place
from tradewind.model.plan import Ask, Conditions, Wake
from tradewind.model.workload import AllowDeny, Checkpoint, DataInput, Output, Residency
from tradewind.placement.filters.lawful_path import LawfulPath
from tradewind.placement.filters.operator_jurisdiction import OperatorJurisdiction
from tradewind.placement.filters.residency import DataAtHome
from tradewind.placement.law import Law, laws_of

EU_ONLY = Residency(frozenset({"EU"}))
EU_OPERATED = Residency(frozenset({"EU"}), frozenset({"EU"}))


def codes(*names: str) -> frozenset[str]:
    return frozenset(names)


def data(residency: Residency, name: str = "scans") -> DataInput:
    return replace(some_data(name=name), residency=residency)


@pytest.mark.parametrize(
    ("allow", "deny", "operators", "expected"),
    [
        pytest.param((), (), (), None, id="without a limit nobody needs to say it"),
        pytest.param(("EU",), (), ("DE",), None, id="a German operator satisfies EU"),
        pytest.param(("EU",), (), ("DE", "FR"), None, id="all of several operators are in the EU"),
        pytest.param(("EU",), (), ("DE", "US"), "OperatorJurisdictionDenied", id="one of the operators is not"),
        pytest.param((), ("US",), ("US",), "OperatorJurisdictionDenied", id="the CLOUD Act reaches a denied operator"),
        pytest.param((), ("US",), ("SE",), None, id="denying others does no harm"),
        pytest.param(("EU", "US"), ("US",), ("US",), "OperatorJurisdictionDenied", id="deny wins"),
        pytest.param((), ("US",), (), "OperatorJurisdictionUnknown", id="what nobody has said fails closed"),
        pytest.param(("EU",), (), ("ZZ",), "OperatorJurisdictionUnknown", id="an operator under no known law"),
        pytest.param(("UK",), (), ("GB",), "OperatorJurisdictionUnknown", id="a misspelt wish fails closed"),
    ],
)
def test_operator_jurisdictions(
    allow: tuple[str, ...], deny: tuple[str, ...], operators: tuple[str, ...], expected: str | None
) -> None:
    wish = replace(constraints(), operator_jurisdictions=AllowDeny(codes(*allow), codes(*deny)))
    cluster = replace(a_cluster(jurisdiction="SE"), operator_jurisdictions=codes(*operators))
    assert reason(answer(OperatorJurisdiction(), an_ask(a_workload(constraints=wish)), cluster=cluster)) == expected


def test_an_unsaid_operator_jurisdiction_is_the_clusters_owner_to_cure_and_a_misspelt_one_the_authors() -> None:
    def ask(name: str) -> Ask:
        wish = replace(constraints(), operator_jurisdictions=AllowDeny(allow=codes(name)))
        return an_ask(a_workload(constraints=wish))

    unsaid, misspelt = answer(OperatorJurisdiction(), ask("EU")), answer(OperatorJurisdiction(), ask("UK"))
    assert unsaid is not None
    assert misspelt is not None
    assert (unsaid.wakes_on, misspelt.wakes_on) == (Wake.CLUSTER, Wake.WORKLOAD)
    assert "set spec.operatorJurisdictions" in unsaid.message
    assert "did you mean GB?" in misspelt.message


@pytest.mark.parametrize(
    ("bound", "place", "operators", "expected"),
    [
        pytest.param(Residency(), "", (), None, id="free data may be read anywhere"),
        pytest.param(EU_ONLY, "SE", (), None, id="a place in the EU, whoever operates it"),
        pytest.param(EU_ONLY, "US", (), "ResidencyDenied", id="a place outside"),
        pytest.param(EU_ONLY, "", (), "ResidencyUnknown", id="a place that nobody has named fails closed"),
        pytest.param(EU_OPERATED, "SE", ("SE",), None, id="place and operator suit it"),
        pytest.param(EU_OPERATED, "SE", ("US",), "ResidencyDenied", id="an American operator in Sweden"),
        pytest.param(EU_OPERATED, "SE", (), "ResidencyUnknown", id="an operator that nobody has named fails closed"),
        pytest.param(Residency(codes("EUU")), "SE", (), "ResidencyUnknown", id="a misspelt law fails closed"),
        pytest.param(Residency(codes("EUU", "EU")), "SE", (), "ResidencyUnknown", id="even beside one that is met"),
    ],
)
def test_residency_of_data(bound: Residency, place: str, operators: tuple[str, ...], expected: str | None) -> None:
    cluster = replace(a_cluster(jurisdiction=place), operator_jurisdictions=codes(*operators))
    ask = an_ask(a_workload(data=(data(Residency(), "free"), data(bound))))
    assert reason(answer(DataAtHome(), ask, cluster=cluster)) == expected


def test_the_law_of_every_input_counts_and_the_message_names_the_one_that_is_broken() -> None:
    ask = an_ask(a_workload(data=(data(EU_ONLY, "scans"), data(Residency(codes("CH")), "labels"))))
    refusal = answer(DataAtHome(), ask, cluster=a_cluster(jurisdiction="SE"))
    assert refusal is not None
    assert refusal.message == (
        "data labels with residency.jurisdictions [CH] binds every place that reads it, and the cluster stands in SE, "
        "not within CH"
    )
    assert DataAtHome.HOLDS_WHILE_RUNNING


US_BUCKET, EU_BUCKET = "aws/us-east-1", "gcp/europe-west4"
PLACES = Network(places={US_BUCKET: Place("US", codes("US")), EU_BUCKET: Place("NL", codes("US"))})


@pytest.mark.parametrize(
    ("wish", "inputs", "checkpoints", "outputs", "expected"),
    [
        pytest.param((), (), (US_BUCKET,), (US_BUCKET,), None, id="without law anything may be written anywhere"),
        pytest.param(("EU",), (), (EU_BUCKET,), (), None, id="a checkpoint under the law of the work"),
        pytest.param(("EU",), (), (US_BUCKET,), (), "WrittenOutsideLaw", id="a checkpoint outside it"),
        pytest.param(("EU",), (), (EU_BUCKET, US_BUCKET), (), "WrittenOutsideLaw", id="every location counts"),
        pytest.param(("EU",), (), ("x/y",), (), "WrittenWhereLawIsUnknown", id="a location that nobody has described"),
        pytest.param((), (EU_ONLY,), (US_BUCKET,), (), "WrittenOutsideLaw", id="a checkpoint outside the data's law"),
        pytest.param((), (EU_OPERATED,), (EU_BUCKET,), (), "WrittenOutsideLaw", id="an American bucket in the EU"),
        pytest.param((), (EU_ONLY,), (), (US_BUCKET,), "WrittenOutsideLaw", id="an output outside the data's law"),
        pytest.param(("EU",), (), (), (US_BUCKET,), None, id="the work's own law does not bind where results go"),
        pytest.param((), (EU_ONLY,), (EU_BUCKET,), (EU_BUCKET,), None, id="all of it under the data's law"),
        pytest.param(("EU",), (), ("aws/eu-north-1",), (), None, id="a cluster there says the law"),
        pytest.param(("EU",), (), ("edge-us",), (), "WrittenOutsideLaw", id="a cluster's name is a location too"),
        pytest.param(("EUU",), (), (EU_BUCKET,), (), None, id="of a misspelt law another filter speaks"),
    ],
)
def test_the_law_of_what_is_written(
    wish: tuple[str, ...],
    inputs: tuple[Residency, ...],
    checkpoints: tuple[str, ...],
    outputs: tuple[str, ...],
    expected: str | None,
) -> None:
    work = replace(
        a_workload(constraints=constraints(allow_law=wish), data=tuple(data(one) for one in inputs)),
        checkpoint=Checkpoint(1e9, checkpoints) if checkpoints else None,
        outputs=tuple(Output(f"o{number}", 1e9, place) for number, place in enumerate(outputs)),
    )
    edge = a_cluster("edge-us", provider="shop", region="boston", jurisdiction="US")
    refusal = answer(LawfulPath(), an_ask(work), conditions=Conditions(PLACES), others=(edge,))
    assert reason(refusal) == expected


def test_an_unknown_law_of_a_location_says_how_to_cure_it() -> None:
    work = replace(a_workload(constraints=constraints(deny_law=("US",))), checkpoint=Checkpoint(1e9, ("x/y",)))
    refusal = answer(LawfulPath(), an_ask(work))
    assert refusal is not None
    assert refusal.message == (
        "checkpoint.locations x/y must suit the law of the work, and it has no known jurisdiction: "
        "say it in spec.locations of a NetworkMap"
    )
    assert refusal.wakes_on is Wake.DATA
    assert not LawfulPath.HOLDS_WHILE_RUNNING


def test_clusters_of_one_place_that_disagree_all_count_and_a_networkmap_overrules_them() -> None:
    here = (
        a_cluster("a", jurisdiction="SE"),
        replace(a_cluster("b", jurisdiction="US"), operator_jurisdictions=codes("US")),
    )
    assert laws_of(here, Network())["aws/eu-north-1"] == Law(codes("SE", "US"), codes("US"))
    said = Network(places={"aws/eu-north-1": Place("SE")})
    assert laws_of(here, said)["aws/eu-north-1"] == Law(codes("SE"), codes("US"))
