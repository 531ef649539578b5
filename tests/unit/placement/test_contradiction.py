"""The smallest set of wishes that no offer of the fleet satisfies together, in the words of the API."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.builders import DOWN, a_cluster, a_workload, an_ask, an_offer, constraints

from tradewind.model.fleet import Cluster, Scheduling
from tradewind.model.plan import Conditions
from tradewind.model.workload import (
    AllowDeny,
    Checkpoint,
    Client,
    Constraints,
    Encryption,
    Market,
    SelectorTerm,
    Tier,
    Workload,
)
from tradewind.placement.contradiction import contradiction
from tradewind.placement.screen import Screen
from tradewind.placement.table import tabulate

FLEET = (
    a_cluster("zurich", provider="exo", region="zh", jurisdiction="CH", tier=Tier.ON_PREM),
    a_cluster("berlin", provider="ntt", region="be", jurisdiction="DE", offers=(an_offer("t", accelerator="TPU-V5E"),)),
    a_cluster("oregon", provider="gcp", region="or", jurisdiction="US", offers=(an_offer("s", market=Market.SPOT),)),
)


def named(work: Workload, fleet: tuple[Cluster, ...] = FLEET) -> str:
    return contradiction(an_ask(work), Screen(tabulate(fleet), Conditions()))


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        pytest.param(a_workload(), "", id="without wishes there is nothing to contradict"),
        pytest.param(
            a_workload(types=("TPU-V5E",), constraints=constraints(allow_law=("DE",))),
            "",
            id="wishes that one offer has",
        ),
        pytest.param(
            a_workload(types=("H900", "H901")),
            "no offer of the fleet satisfies accelerators.anyOf [H900, H901]",
            id="one wish that nobody has",
        ),
        pytest.param(
            a_workload(types=("H900",), constraints=constraints(allow_law=("FR",), markets=(Market.SPOT,))),
            "no offer of the fleet satisfies constraints.jurisdictions.allow [FR]; "
            "none satisfies accelerators.anyOf [H900]",
            id="every wish that nobody has is named",
        ),
        pytest.param(
            a_workload(types=("TPU-V5E",), constraints=constraints(allow_law=("CH",), deny_providers=("gcp",))),
            "no offer of the fleet satisfies constraints.jurisdictions.allow [CH] (1 of 3 offers) and "
            "accelerators.anyOf [TPU-V5E] (1 of 3 offers) together",
            id="two wishes, and not the third that has no part in it",
        ),
        pytest.param(
            a_workload(
                types=("H100-80GB",), constraints=constraints(deny_law=("CH",), tiers=(Tier.ON_PREM, Tier.CLOUD))
            ),
            "",
            id="a wish that all have is no part of anything",
        ),
        pytest.param(
            a_workload(
                types=("H100-80GB",), constraints=constraints(deny_providers=("exo",), markets=(Market.ON_DEMAND,))
            ),
            "no offer of the fleet satisfies constraints.providers.deny [exo] (2 of 3 offers), "
            "constraints.markets [OnDemand] (2 of 3 offers) and accelerators.anyOf [H100-80GB] (2 of 3 offers) "
            "together",
            id="three wishes, each two of which can be had",
        ),
        pytest.param(
            a_workload(accelerators=0, cpu_cores=1),
            "no offer of the fleet satisfies pods without accelerators",
            id="work without accelerators where all offers have them",
        ),
    ],
)
def test_the_smallest_contradiction(work: Workload, sentence: str) -> None:
    assert named(work) == sentence


def test_what_passes_by_itself_is_no_contradiction() -> None:
    sick = tuple(replace(one, health=DOWN, scheduling=Scheduling.CORDONED, nodes=()) for one in FLEET)
    assert named(a_workload(types=("TPU-V5E",)), sick) == ""


def test_without_offers_there_is_nothing_to_contradict() -> None:
    assert named(a_workload(types=("H900",)), ()) == ""


def test_a_contradiction_of_four_is_found_and_nothing_can_be_left_out_of_it() -> None:
    # Each cluster lacks another one of the four wishes, so that any three of them can be had.
    full = replace(a_cluster(labels={"env": "prod"}, tier=Tier.EDGE), encryption=frozenset({Encryption.AT_REST}))
    fleet = (
        replace(full, name="a", labels={}),
        replace(full, name="b", tier=Tier.CLOUD),
        replace(full, name="c", encryption=frozenset()),
        replace(full, name="d", jurisdiction="US"),
    )
    wish = Constraints(
        jurisdictions=AllowDeny(deny=frozenset({"US"})),
        providers=AllowDeny(allow=frozenset({"aws"})),
        tiers=frozenset({Tier.EDGE}),
        cluster_selector=(SelectorTerm("env", "In", frozenset({"prod"})),),
        encryption=frozenset({Encryption.AT_REST}),
    )
    assert named(a_workload(constraints=wish), fleet) == (
        "no offer of the fleet satisfies constraints.jurisdictions.deny [US] (3 of 4 offers), "
        "constraints.encryption [AtRest] (3 of 4 offers), constraints.tiers [Edge] (3 of 4 offers) and "
        "constraints.clusterSelector [env In (prod)] (3 of 4 offers) together"
    )


def test_fields_outside_the_constraints_have_their_own_names() -> None:
    work = replace(
        a_workload(constraints=constraints(allow_law=("CH",))),
        min_node_gbps=400.0,
        clients=(Client("gcp/x", 1.0),),
        max_round_trip_ms=0.5,
        checkpoint=Checkpoint(1.0, ("s3/x",)),
    )
    assert named(work) == (
        "no offer of the fleet satisfies checkpoint.locations [s3/x] under the law of the work; "
        "none satisfies accelerators.minNodeBandwidth 400G; none satisfies network.maxRoundTrip 0.5ms to [gcp/x]"
    )
