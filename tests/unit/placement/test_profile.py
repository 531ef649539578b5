"""Work that reads alike is priced once: what counts for that, and that nothing else changes by it."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from pickle import dumps, loads
from typing import Any

import pytest
from tests.builders import HOUR_S, a_cluster, a_network, a_workload, an_ask, an_offer, some_data

from tradewind.model.fleet import Cluster, Quota
from tradewind.model.plan import Ask, Conditions, Refusal, Wake
from tradewind.model.workload import (
    Checkpoint,
    Client,
    Deadline,
    Key,
    Output,
)
from tradewind.placement.engine import plan
from tradewind.placement.profile import profile_key

NETWORK = a_network(("aws/a", "c0", 25.0, 0.0), ("aws/a", "c1", 25.0, 0.1), ("aws/a", "c2", 25.0, 0.2))


REFUSED = Refusal("WebhookDenied", "no", Wake.CAPACITY)
ASK = an_ask(
    replace(
        a_workload("one", data=(some_data(30.0, "aws/a"),)),
        outputs=(Output("model", 1e9, "aws/a"),),
        clients=(Client("aws/a", 1.0),),
        checkpoint=Checkpoint(1e9, ("aws/a",)),
        deadline=Deadline(HOUR_S),
    )
)


def with_work(**changes: Any) -> Ask:
    return replace(ASK, workload=replace(ASK.workload, **changes))


PLACES = {
    "a workload": ("workload",),
    "pods": ("workload", "pods"),
    "how they are spread": ("workload", "spread"),
    "constraints": ("workload", "constraints"),
    "providers": ("workload", "constraints", "providers"),
    "jurisdictions": ("workload", "constraints", "jurisdictions"),
    "operators": ("workload", "constraints", "operator_jurisdictions"),
    "data": ("workload", "data"),
    "residency": ("workload", "data", "residency"),
    "outputs": ("workload", "outputs"),
    "clients": ("workload", "clients"),
    "a checkpoint": ("workload", "checkpoint"),
    "a deadline": ("workload", "deadline"),
    "a policy's prices and limits": ("policy",),
    "what the round knows of it": (),
}
LEFT_OUT = {
    "a workload": {"key", "uid", "generation", "created_s", "overrides", "suspended", "labels", "datasets"},
    "data": {"name", "urls"},
    "outputs": {"name"},
    "a policy's prices and limits": {
        "mode",
        "guarantee",
        "cooldown_s",
        "max_moves_per_hour",
        "copy_config",
        "min_saving_usd",
        "min_saving_percent",
        "datasets_required",
        "failback",
        "failback_after_s",
    },
}
"""Name and age, what has been looked up, and what only counts once a place has been found."""


def part_of(ask: Ask, place: tuple[str, ...]) -> Any:
    """Find a part of an ask; of several the first."""
    part: Any = ask
    for name in place:
        part = getattr(part, name)
        part = part[0] if isinstance(part, tuple) else part
    return part


def with_other(part: Any, place: tuple[str, ...], field: str) -> Any:
    """Put something else into a field of a part that is found below another."""
    if not place:
        return replace(part, **{field: "something else"})
    inner = getattr(part, place[0])
    if isinstance(inner, tuple):
        return replace(part, **{place[0]: (with_other(inner[0], place[1:], field), *inner[1:])})
    return replace(part, **{place[0]: with_other(inner, place[1:], field)})


@pytest.mark.parametrize(
    ("place", "field", "counts"),
    [
        pytest.param(place, one.name, one.name not in LEFT_OUT.get(name, ()), id=f"{name}: {one.name}")
        for name, place in PLACES.items()
        for one in fields(part_of(ASK, place))
        if (*place, one.name) not in PLACES.values()  # its own fields are looked at one by one
    ],
)
def test_every_field_is_part_of_the_profile_or_left_out_on_purpose(
    place: tuple[str, ...], field: str, *, counts: bool
) -> None:
    other = profile_key(with_other(ASK, place, field), limited=False)
    assert (other != profile_key(ASK, limited=False)) == counts


def test_work_that_differs_in_name_and_age_meets_though_it_was_read_from_two_manifests() -> None:
    other = loads(dumps(with_work(key=Key("other", "two"), uid="2", created_s=7.0, labels={"sweep": "7"})))  # noqa: S301 - our own bytes
    assert profile_key(ASK, limited=False) == profile_key(other, limited=False)
    assert hash(profile_key(ASK, limited=False)) == hash(profile_key(other, limited=False))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(with_work(priority=5), id="priority"),
        pytest.param(with_work(pods=replace(ASK.workload.pods, count=7)), id="pods"),
        pytest.param(with_work(data=(some_data(31.0, "aws/a"),)), id="data"),
        pytest.param(with_work(outputs=(Output("model", 1e9, "gcp/b"),)), id="outputs"),
        pytest.param(with_work(clients=(Client("gcp/b", 1.0),)), id="clients"),
        pytest.param(with_work(checkpoint=None), id="checkpoint"),
        pytest.param(with_work(deadline=Deadline(2 * HOUR_S)), id="deadline"),
        pytest.param(replace(ASK, policy=replace(ASK.policy, usd_per_delay_hour=9.0)), id="policy"),
        pytest.param(replace(ASK, vetoes={"c0": REFUSED}), id="a veto"),
        pytest.param(replace(ASK, lost=frozenset({"c0"})), id="a cluster that it flees"),
        pytest.param(replace(ASK, left=0.5), id="what is left of it"),
    ],
)
def test_work_that_differs_in_what_it_may_or_would_pay_is_looked_at_for_itself(other: Ask) -> None:
    assert profile_key(ASK, limited=False) != profile_key(other, limited=False)


def test_a_namespace_counts_where_quotas_limit_it() -> None:
    other = with_work(key=Key("other", "one"))
    assert profile_key(ASK, limited=True) != profile_key(other, limited=True)


def site(name: str, usd: float, *, nodes: int, quotas: tuple[Quota, ...] = ()) -> Cluster:
    offer = an_offer(usd=usd, max_nodes=nodes, provisioning_s=360.0)
    return replace(a_cluster(name, region=name, offers=(offer,), nodes=()), quotas=quotas)


def test_who_shares_a_list_gets_what_he_would_get_with_one_of_his_own() -> None:
    quotas = (Quota("small", {"nvidia.com/gpu": 8.0}),)
    fleet = [site("c0", 1.0, nodes=4, quotas=quotas), site("c1", 1.5, nodes=3), site("c2", 2.0, nodes=3)]
    asks = [
        an_ask(
            a_workload(
                f"{team}-{number}",
                namespace=team,
                created_s=float(number),
                data=(some_data(300.0, "aws/a"),) if team == "heavy" else (),
            )
        )
        for team in ("small", "heavy", "light")
        for number in range(6)
    ]
    # A cluster that is nowhere changes nothing, but that nobody reads like anybody else.
    apart = [replace(ask, lost=frozenset({f"nowhere-{number}"})) for number, ask in enumerate(asks)]
    shared, own = (plan(some, fleet=fleet, conditions=Conditions(NETWORK)) for some in (asks, apart))
    # Of two that would pay the same, either may have the dearer place.
    places = [Counter(one.chosen.cluster for one in each if one.chosen) for each in (shared, own)]
    assert places[0] == places[1] == {"c0": 4, "c1": 3, "c2": 3}
    usd = [sum(one.chosen.total_usd for one in each if one.chosen) for each in (shared, own)]
    assert usd[0] == pytest.approx(usd[1])
    assert [one.reason for one in shared] == [one.reason for one in own]
