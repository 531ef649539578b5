"""Small rules of the data: tolerations, selectors, links, sums."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.builders import a_network

from tradewind.model.decision import Usd
from tradewind.model.fleet import Taint, Toleration
from tradewind.model.network import Network
from tradewind.model.workload import Key, PodSet, SelectorTerm

TAINT = Taint("nvidia.com/gpu", "present", "NoSchedule")


@pytest.mark.parametrize(
    ("toleration", "holds"),
    [
        pytest.param(Toleration(operator="Exists"), True, id="no key and Exists tolerate everything"),
        pytest.param(Toleration(), False, id="no key and Equal tolerate nothing"),
        pytest.param(Toleration("nvidia.com/gpu", "Exists"), True, id="the key"),
        pytest.param(Toleration("nvidia.com/gpu", "Equal", "present"), True, id="key and value"),
        pytest.param(Toleration("nvidia.com/gpu", "Equal", "other"), False, id="another value"),
        pytest.param(Toleration("nvidia.com/gpu", "Exists", effect="NoSchedule"), True, id="the effect"),
        pytest.param(Toleration("nvidia.com/gpu", "Exists", effect="NoExecute"), False, id="another effect"),
        pytest.param(Toleration("spot", "Exists"), False, id="another key"),
    ],
)
def test_tolerations_follow_kubernetes(toleration: Toleration, *, holds: bool) -> None:
    assert toleration.tolerates(TAINT) == holds


@pytest.mark.parametrize(
    ("operator", "values", "labels", "holds"),
    [
        pytest.param("In", {"a", "b"}, {"k": "a"}, True, id="In with one of the values"),
        pytest.param("In", {"a"}, {}, False, id="In without the label"),
        pytest.param("NotIn", {"a"}, {"k": "a"}, False, id="NotIn with the value"),
        pytest.param("NotIn", {"a"}, {}, True, id="NotIn without the label"),
        pytest.param("Exists", set(), {"k": ""}, True, id="Exists with an empty value"),
        pytest.param("Exists", set(), {}, False, id="Exists without the label"),
        pytest.param("DoesNotExist", set(), {}, True, id="DoesNotExist without the label"),
        pytest.param("DoesNotExist", set(), {"k": "a"}, False, id="DoesNotExist with the label"),
    ],
)
def test_selectors_follow_kubernetes(operator: str, values: set[str], labels: dict[str, str], *, holds: bool) -> None:
    assert SelectorTerm("k", operator, frozenset(values)).matches(labels) == holds


@pytest.mark.parametrize(
    ("source", "gbps", "assumed"),
    [
        pytest.param("gcp/x", 7.0, "", id="a link to the cluster's name beats one to its region"),
        pytest.param("gcp/y", 5.0, "", id="a link to the region"),
        pytest.param("aws/eu-north-1", 25.0, "sameRegion", id="the same region"),
        pytest.param("aws-se", 25.0, "sameRegion", id="the cluster itself"),
        pytest.param("aws/us-east-1", 4.0, "sameProvider", id="the same provider"),
        pytest.param("azure/z", 1.0, "other", id="another provider"),
        pytest.param("aws", 1.0, "other", id="a cluster that is called as the provider is no region of it"),
    ],
)
def test_the_most_specific_link_counts_and_a_default_is_marked(source: str, gbps: float, assumed: str) -> None:
    network = a_network(
        ("gcp/x", "aws-se", 7.0, 0.0), ("gcp/x", "aws/eu-north-1", 5.0, 0.0), ("gcp/y", "aws/eu-north-1", 5.0, 0.0)
    )
    link = network.link(source, cluster="aws-se", location="aws/eu-north-1")
    assert (link.gbps, link.assumed) == (gbps, assumed)


@pytest.mark.parametrize(
    ("source", "gbps", "assumed"),
    [
        pytest.param("gcp-x", 7.0, "", id="a link from its region"),
        pytest.param("gcp-y", 9.0, "", id="a link from its name beats it"),
        pytest.param("aws-too", 25.0, "sameRegion", id="the same region"),
        pytest.param("aws-us", 4.0, "sameProvider", id="the same provider"),
        pytest.param("gcp-z", 1.0, "other", id="another provider"),
    ],
)
def test_data_at_a_cluster_is_in_its_region(source: str, gbps: float, assumed: str) -> None:
    network = replace(
        a_network(
            ("gcp/x", "aws/eu-north-1", 7.0, 0.0),
            ("gcp/y", "aws/eu-north-1", 5.0, 0.0),
            ("gcp-y", "aws/eu-north-1", 9.0, 0.0),
        ),
        regions={
            "gcp-x": "gcp/x",
            "gcp-y": "gcp/y",
            "gcp-z": "gcp/z",
            "aws-too": "aws/eu-north-1",
            "aws-us": "aws/us-east-1",
        },
    )
    link = network.link(source, cluster="aws-se", location="aws/eu-north-1")
    assert (link.gbps, link.assumed) == (gbps, assumed)


def test_links_are_directed() -> None:
    network = a_network(("gcp/x", "aws/eu-north-1", 7.0, 0.0))
    assert network.link("aws/eu-north-1", cluster="g", location="gcp/x").assumed == "other"


def test_an_unknown_link_is_never_better_than_the_defaults_of_something_nearer() -> None:
    defaults = Network().defaults
    links = (defaults.same_region, defaults.same_provider, defaults.other)
    assert sorted(links, key=lambda link: -link.gbps) == list(links)
    assert sorted(links, key=lambda link: link.egress_usd_per_gb) == list(links)


def test_totals_are_sums() -> None:
    assert Usd(1, 2, 4, 8, 16, 32).total == 63
    assert PodSet(3, accelerators=8).total_accelerators == 24


def test_a_key_is_written_as_kubectl_does() -> None:
    assert str(Key("research", "train")) == "research/train"
