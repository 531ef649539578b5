"""Figures that can't be true: each ends as a refusal of what needs it, never as a bargain, a warning or a crash."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.builders import GB, a_cluster, a_network, a_workload, an_offer, some_data
from tests.unit.placement.priced import SPEEDS, WATTS, ask_for, conditions, green, price_all

from tradewind.model.fleet import Carbon
from tradewind.model.network import Link, Network
from tradewind.model.plan import Wake
from tradewind.model.workload import Access, Checkpoint, Client, Deadline, Output
from tradewind.placement.engine import plan

if TYPE_CHECKING:
    from tradewind.model.fleet import Cluster
    from tradewind.model.plan import Ask, Conditions

STORE, BAD, GOOD = "s/x", "bad/r", "good/r"
NETWORK = a_network(
    *((STORE, place, 2.0, 0.01) for place in (BAD, GOOD)), *((p, STORE, 2.0, 0.01) for p in (BAD, GOOD))
)
NETWORK = replace(NETWORK, links={pair: replace(link, round_trip_ms=20.0) for pair, link in NETWORK.links.items()})
WORK = replace(
    a_workload(data=(some_data(900, STORE), some_data(90, STORE, name="stream", access=Access.STREAM))),
    checkpoint=Checkpoint(100 * GB, (STORE,)),
    outputs=(Output("model", 10 * GB, STORE),),
    clients=(Client(STORE, 1.0),),
    deadline=Deadline(3600.0, usd_per_hour_late=5.0),
)
ASK = ask_for(WORK, usd_per_delay_hour=1.0, usd_per_tonne_co2=90.0, usd_per_round_trip_ms_hour=0.01)
OFFER = replace(an_offer(accelerator="L4", per_node=8), interruptions_per_hour=0.05)
UNTRUE = (nan, inf, -inf, -1.0)


def a_place(name: str, **said: Any) -> Cluster:
    figures: dict[str, Any] = {"carbon": Carbon(100.0, 1.2), "offers": (OFFER,)} | said
    return replace(a_cluster(name, provider=name, region="r"), **figures)


def link(**said: Any) -> dict[str, Any]:
    links = dict(NETWORK.links)
    for pair in ((STORE, BAD), (BAD, STORE)):
        links[pair] = replace(links[pair], **said)
    return {"network": replace(NETWORK, links=links)}


def offer(**said: Any) -> dict[str, Any]:
    return {"offers": (replace(OFFER, **said),)}


CASES = [
    *(pytest.param(offer(usd_per_accelerator_hour=bad), {}, id=f"a price of {bad}") for bad in UNTRUE),
    *(pytest.param(offer(interruptions_per_hour=bad), {}, id=f"{bad} interruptions") for bad in UNTRUE),
    *(pytest.param({}, link(gbps=bad), id=f"a bandwidth of {bad}") for bad in (0.0, *UNTRUE)),
    *(pytest.param({}, link(egress_usd_per_gb=bad), id=f"an egress price of {bad}") for bad in UNTRUE),
    *(pytest.param({}, link(round_trip_ms=bad), id=f"a round trip of {bad}") for bad in UNTRUE),
    *(pytest.param({}, {"speeds": SPEEDS | {"L4": bad}}, id=f"a speed of {bad}") for bad in (0.0, *UNTRUE)),
    *(pytest.param({}, {"watts": WATTS | {"L4": bad}}, id=f"{bad} watts") for bad in (0.0, *UNTRUE)),
    *(pytest.param({"carbon": Carbon(bad, 1.2)}, {}, id=f"a grid of {bad}") for bad in UNTRUE),
    *(pytest.param({"carbon": Carbon(100.0, bad)}, {}, id=f"a PUE of {bad}") for bad in (0.0, 0.9, *UNTRUE)),
    pytest.param(offer(max_nodes=1, provisioning_s=nan), {}, id="provisioning of nan"),
    pytest.param(offer(max_nodes=1, provisioning_s=-1.0), {}, id="provisioning of -1"),
]
NEUTRAL = replace(an_offer(), interruptions_per_hour=0.05)


def worlds(fleet_said: dict[str, Any], said: dict[str, Any]) -> tuple[list[Cluster], Conditions]:
    """Make a fleet whose first cluster has the bad figure, and whose second has accelerators that it does not touch."""
    return [a_place("bad", **fleet_said), a_place("good", offers=(NEUTRAL,))], conditions(
        **({"network": NETWORK} | said)
    )


@pytest.mark.parametrize(("fleet_said", "said"), CASES)
def test_a_figure_that_cannot_be_true_refuses_its_own_place_only(fleet_said: Any, said: Any) -> None:
    fleet, given = worlds(fleet_said, said)
    whole, _ = worlds({}, {})
    prices, _ = price_all([ASK, ASK], fleet, given)
    before, _ = price_all([ASK], whole, conditions(NETWORK))
    assert before.valid.all()
    assert prices.valid.tolist() == [[False, True]] * 2
    if "carbon" not in fleet_said:  # the grid of one end counts for transfers to the other only where it is known
        assert prices.total[0, 1] == before.total[0, 1]


@pytest.mark.parametrize(("fleet_said", "said"), CASES)
def test_the_engine_names_it_and_goes_on(fleet_said: Any, said: Any) -> None:
    fleet, given = worlds(fleet_said, said)
    (decision,) = plan([ASK], fleet=fleet, conditions=given)
    (bad,) = [one for one in decision.candidates if one.cluster == "bad"]
    (message,) = [refusal.message for refusal in bad.refusals if refusal.reason == "PriceInvalid"]
    assert "mend it in" in message
    assert Wake.PRICE in decision.wakes_on
    assert all(np.isfinite(one.total_usd) for one in decision.candidates)


CPP = "the ClusterPlacementPolicy"
TO_BAD = f"link {STORE} -> {BAD}"


@pytest.mark.parametrize(
    ("fleet_said", "said", "words"),
    [
        pytest.param(
            offer(usd_per_accelerator_hour=nan),
            {},
            "usdPerAcceleratorHour is nan, and must be a number of 0 or more (mend it in FederatedCluster bad, "
            "spec.offers h100, or the metric that it comes from)",
            id="a price",
        ),
        pytest.param(
            {"carbon": Carbon(100.0, 0.9)},
            {},
            "PUE is 0.9, and must be a number of 1 or more (mend it in FederatedCluster bad, spec.carbon)",
            id="a PUE",
        ),
        pytest.param(
            {},
            {"speeds": SPEEDS | {"L4": -1.0}},
            f"the speed of L4 is -1, and must be a number over 0 (mend it in {CPP}'s accelerators)",
            id="a speed",
        ),
        pytest.param(
            {},
            {"watts": WATTS | {"L4": 0.0}},
            f"the watts of L4 is 0, and must be a number over 0 (mend it in {CPP}'s accelerators)",
            id="watts",
        ),
        pytest.param(
            {},
            link(gbps=0.0, egress_usd_per_gb=-1.0),
            f"{TO_BAD}, bandwidth in Gbit/s is 0, and must be a number over 0 (mend it in a NetworkMap's spec.links or "
            f"table); {TO_BAD}, egressUSDPerGB is -1, and must be a number of 0 or more (mend it in a NetworkMap's "
            f"spec.links or table); link {BAD} -> {STORE}, egressUSDPerGB is -1, and must be a number of 0 or more "
            "(mend it in a NetworkMap's spec.links or table)",
            id="a link, of which at most three figures are named",
        ),
    ],
)
def test_the_figure_is_named_with_where_to_mend_it(fleet_said: Any, said: Any, words: str) -> None:
    fleet, given = worlds(fleet_said, said)
    assert refused_for(ASK, fleet, given) == f"there is no total: {words}"


def refused_for(ask: Ask, fleet: list[Cluster], given: Conditions) -> str:
    """Return the message of the first cluster's PriceInvalid."""
    (decision,) = plan([ask], fleet=fleet, conditions=given)
    (bad,) = [one for one in decision.candidates if one.cluster == fleet[0].name]
    (message,) = [refusal.message for refusal in bad.refusals if refusal.reason == "PriceInvalid"]
    return message


def test_a_bad_replica_is_not_blamed_where_another_could_serve() -> None:
    fleet, given = worlds(offer(usd_per_accelerator_hour=-1.0), {})
    network = replace(NETWORK, links=NETWORK.links | {("t/x", BAD): Link(nan, 0.0)})
    ask = ask_for(a_workload(data=(some_data(900, STORE, "t/x"),)))
    assert "t/x" not in refused_for(ask, fleet, replace(given, network=network))
    alone = ask_for(a_workload(data=(some_data(900, "t/x"),)))
    assert "link t/x -> bad/r, bandwidth" in refused_for(alone, fleet, replace(given, network=network))


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({}, id="of links, as NetworkMaps have it"),
        pytest.param({"checkpoint_gbps": 0.0}, id="of checkpoints"),
        pytest.param({"restart_s": nan}, id="of restarts"),
        pytest.param({"transfer_kwh_per_gb": nan}, id="of transfers"),
    ],
)
def test_a_default_that_cannot_be_true_is_blamed_as_such(said: dict[str, float]) -> None:
    fleet, given = worlds({}, {})
    there = replace(NETWORK.defaults, other=Link(nan, 0.01, "other")) if not said else NETWORK.defaults
    given = replace(given, assumptions=replace(given.assumptions, **said), network=Network({}, there))
    expected = f"(mend it in {CPP}'s assumptions)" if said else "(mend it in a NetworkMap's spec.defaults)"
    assert expected in refused_for(ASK, fleet, given)


def spoiled(**said: Any) -> Ask:
    return replace(ASK, workload=replace(WORK, **said))


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(spoiled(data=(some_data(nan, STORE),)), id="data of nan bytes"),
        pytest.param(spoiled(data=(some_data(-5, STORE),)), id="data of less than nothing"),
        pytest.param(spoiled(outputs=(Output("model", -1.0, STORE),)), id="an output of less than nothing"),
        pytest.param(spoiled(checkpoint=Checkpoint(-1.0, (STORE,))), id="a checkpoint of less than nothing"),
        pytest.param(spoiled(expected_runtime_s=nan), id="a run time of nan"),
        pytest.param(spoiled(expected_runtime_s=-1.0), id="a run time of less than nothing"),
        pytest.param(spoiled(clients=(Client(STORE, nan),)), id="a client of weight nan"),
        pytest.param(spoiled(clients=(Client(STORE, 0.0),)), id="clients of no weight"),
        pytest.param(spoiled(deadline=Deadline(nan, usd_per_hour_late=1.0)), id="a deadline of nan"),
        pytest.param(spoiled(deadline=Deadline(0.0, usd_per_hour_late=-1.0)), id="a reward for being late"),
        pytest.param(replace(ASK, left=-0.5), id="less than nothing left"),
        pytest.param(replace(ASK, policy=replace(ASK.policy, usd_per_delay_hour=-1.0)), id="a reward for delay"),
        pytest.param(replace(ASK, policy=replace(ASK.policy, usd_per_tonne_co2=nan)), id="a carbon price of nan"),
    ],
)
def test_an_ask_that_cannot_be_true_has_no_price_and_spoils_no_other(ask: Ask) -> None:
    fleet, given = worlds({}, {})
    alone, _ = price_all([ASK], fleet, given)
    prices, _ = price_all([ask, ASK], fleet, given)
    assert "mend it in" in refused_for(ask, fleet, given)
    assert prices.valid.tolist() == [[False, False], [True, True]]
    assert prices.total[1].tolist() == alone.total[0].tolist()


@pytest.mark.parametrize("bad", [nan, inf, -1.0])
def test_a_figure_that_nobody_needs_refuses_nothing(bad: float) -> None:
    fleet, given = worlds({}, link(gbps=bad, egress_usd_per_gb=bad, round_trip_ms=bad))
    prices, _ = price_all([ask_for(a_workload()), ASK], fleet, given)
    assert prices.valid.tolist() == [[True, True], [False, True]]


def test_a_bad_replica_is_passed_over_for_a_good_one() -> None:
    network = replace(NETWORK, links=NETWORK.links | {("t/x", BAD): Link(nan, 0.0)})
    work = a_workload(data=(some_data(900, STORE, "t/x"),))
    prices, _ = price_all([ask_for(work)], [green(a_place("bad"))], conditions(network))
    assert prices.valid.all()
    assert prices.transfer_h[0, 0] == pytest.approx(1)


def test_a_grid_that_cannot_be_true_spoils_no_transfer_from_there() -> None:
    fleet = [a_place("bad", carbon=Carbon(nan, 1.2)), a_place("good")]
    prices, _ = price_all([ask_for(a_workload(data=(some_data(900, BAD),)))], fleet, conditions(NETWORK))
    assert prices.valid.tolist() == [[False, True]]


def test_data_that_cannot_be_read_is_named_and_no_price_is_blamed() -> None:
    fleet, given = worlds({}, {"network": replace(NETWORK, lost=frozenset({STORE}))})
    (decision,) = plan([ASK], fleet=fleet, conditions=given)
    reasons = {refusal.reason for one in decision.candidates for refusal in one.refusals}
    assert "DataUnreadable" in reasons
    assert "PriceInvalid" not in reasons


def test_a_price_of_nothing_is_a_price() -> None:
    fleet, given = worlds(offer(usd_per_accelerator_hour=0.0), {})
    prices, _ = price_all([ask_for(a_workload())], fleet, given)
    assert prices.valid.all()
    assert prices.total[0, 0] == 0.0


def test_no_asks_and_no_offers_are_no_trouble() -> None:
    prices, _ = price_all([], [a_place("good")], conditions())
    assert prices.total.shape == (0, 1)
    prices, _ = price_all([ASK], [a_place("good", offers=())], conditions(NETWORK))
    assert prices.total.shape == (1, 0)
