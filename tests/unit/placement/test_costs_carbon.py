"""What emissions and round trips cost, by figures worked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.builders import GB, a_cluster, a_cpu_offer, a_network, a_workload, an_offer, some_data
from tests.unit.placement.priced import HOME, ask_for, conditions, green, price, price_all

from tradewind.model.fleet import Carbon
from tradewind.model.kind import WorkloadType
from tradewind.model.network import Link, Network
from tradewind.model.workload import Client, Output

# 8 accelerators x 1 kW x 10 h x PUE 1.2 x 100 g/kWh.
GRAMS = 8 * 1.0 * 10 * 1.2 * 100


def test_power_times_hours_times_pue_times_the_grid() -> None:
    found = price(ask_for(a_workload(), usd_per_tonne_co2=90.0))
    assert found.grams_co2 == pytest.approx(GRAMS)
    assert found.usd.carbon == pytest.approx(GRAMS / 1e6 * 90)


def test_grams_are_counted_at_no_price_too() -> None:
    found = price(ask_for(a_workload()))
    assert (found.grams_co2, found.usd.carbon) == pytest.approx((GRAMS, 0.0))


def test_hours_that_are_lost_emit_as_well() -> None:
    cluster = green(a_cluster(offers=(replace(an_offer(), interruptions_per_hour=0.05),)))
    found = price(ask_for(a_workload()), cluster=cluster)
    assert found.grams_co2 == pytest.approx(GRAMS / 10 * (10 + found.loss_h))


def test_work_without_accelerators_counts_by_cores() -> None:
    # 3 pods x 4 cores x 10 W = 0.12 kW.
    found = price(
        ask_for(a_workload(pods=3, accelerators=0, cpu_cores=4)), cluster=green(a_cluster(offers=(a_cpu_offer(),)))
    )
    assert found.grams_co2 == pytest.approx(0.12 * 10 * 1.2 * 100)


def test_unknown_figures_are_assumed_and_named() -> None:
    cluster = a_cluster(offers=(replace(an_offer(accelerator="B900"), interruptions_per_hour=0.0),))
    found = price(ask_for(a_workload(runtime_on="B900")), cluster=cluster)
    assert found.grams_co2 == pytest.approx(8 * 1.275 * 10 * 1.6 * 800)
    assert found.assumed == ("power: 1275 W, since that of B900 is unknown", "carbon: 800 g/kWh, PUE 1.6")


def test_a_figure_that_is_known_is_not_named() -> None:
    cluster = replace(
        a_cluster(offers=(replace(an_offer(), interruptions_per_hour=0.0),)), carbon=Carbon(grams_co2_per_kwh=0.0)
    )
    found = price(ask_for(a_workload()), cluster=cluster)
    assert (found.grams_co2, found.assumed) == (0.0, ("carbon: PUE 1.6",))


def test_what_is_known_of_measured_figures_is_passed_on() -> None:
    offer = replace(an_offer(), interruptions_per_hour=0.0, assumed=("price: measured 3h ago",))
    cluster = replace(
        a_cluster(offers=(offer,)), carbon=Carbon(100.0, 1.2, assumed=("carbon: no answer from Prometheus",))
    )
    assert price(ask_for(a_workload()), cluster=cluster).assumed == (
        "price: measured 3h ago",
        "carbon: no answer from Prometheus",
    )


@pytest.mark.parametrize(
    ("there", "dirtier"),
    [
        pytest.param(500.0, 500.0, id="that of the source"),
        pytest.param(20.0, 100.0, id="that of the cluster"),
        pytest.param(None, 800.0, id="the assumption where no cluster tells of the source"),
    ],
)
def test_a_transfer_emits_by_the_dirtier_grid_of_its_ends(there: float | None, dirtier: float) -> None:
    network = a_network(("gcp/store", HOME, 10.0, 0.0))
    fleet = [green()]
    if there is not None:
        neighbour = a_cluster("z", provider="gcp", region="store")
        fleet.append(replace(neighbour, carbon=Carbon(there, 1.2)))
    ask = ask_for(a_workload(data=(some_data(900, "gcp/store"),)))
    prices, _ = price_all([ask], fleet, conditions(network))
    # 900 GB x 0.001 kWh/GB.
    assert prices.grams_co2[0, 0] == pytest.approx(GRAMS + 0.9 * dirtier)


def test_outputs_emit_on_their_way() -> None:
    work = replace(a_workload(), outputs=(Output("model", 900 * GB, "gcp/store"),))
    found = price(ask_for(work), given=conditions(a_network((HOME, "gcp/store", 10.0, 0.0))))
    assert found.grams_co2 == pytest.approx(GRAMS + 0.9 * 800)


NEAR, FAR = "gcp/near", "gcp/far"
ROUND_TRIPS = Network({(NEAR, HOME): Link(1.0, 0.0, "", 10.0), (FAR, HOME): Link(1.0, 0.0, "", 40.0)})
SERVING = replace(
    a_workload(type=WorkloadType.INFERENCE, runtime_h=None), clients=(Client(NEAR, 70.0), Client(FAR, 30.0))
)


def test_round_trips_are_weighted_by_the_clients_shares_over_the_horizon() -> None:
    found = price(ask_for(SERVING, usd_per_round_trip_ms_hour=0.002), given=conditions(ROUND_TRIPS))
    # 0.7 x 10 ms + 0.3 x 40 ms = 19 ms, for 24 h.
    assert found.usd.latency == pytest.approx(0.002 * 19 * 24)
    assert not any("link" in one for one in found.assumed)


def test_an_unknown_round_trip_is_long_and_named() -> None:
    known = Network({(NEAR, HOME): Link(1.0, 0.0, "other round trip", 250.0), (FAR, HOME): Link(1.0, 0.0, "", 40.0)})
    found = price(ask_for(SERVING, usd_per_round_trip_ms_hour=0.002), given=conditions(known))
    assert found.usd.latency == pytest.approx(0.002 * (0.7 * 250 + 0.3 * 40) * 24)
    assert f"link {NEAR} -> {HOME}: default 250 ms" in found.assumed


def test_round_trips_are_free_until_someone_gives_them_a_price() -> None:
    found = price(ask_for(SERVING), given=conditions(ROUND_TRIPS))
    assert (found.usd.latency, found.valid) == (0.0, True)
