"""What writing checkpoints costs, by figures worked by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.builders import GB, a_cluster, a_network, a_workload, an_offer, some_data
from tests.unit.placement.priced import HOME, ask_for, conditions, green, price

from tradewind.model.kind import WorkloadType
from tradewind.model.network import Link, Network
from tradewind.model.plan import Here
from tradewind.model.workload import Access, Checkpoint, Deadline, Workload

STORE, OTHER = "gcp/store", "gcp/other"
NETWORK = a_network(
    (STORE, HOME, 2.0, 0.0), (HOME, STORE, 2.0, 0.09), (OTHER, HOME, 2.0, 0.0), (HOME, OTHER, 8.0, 0.02)
)
KNOWN = conditions(NETWORK)
TOO_SLOW = (
    "checkpoints: one takes 2h to write to az/x, at 1 Gbit/s, longer than the interval of 1h30m; no stall is priced"
)
STEADY = green(a_cluster(offers=(replace(an_offer(), interruptions_per_hour=0.0),)))


def training(gb: float = 400, *places: str, every_h: float | None = 0.5, **said: Any) -> Workload:
    saved = Checkpoint(gb * GB, places or (STORE,), None if every_h is None else every_h * 3600)
    return replace(a_workload(**({"runtime_h": 80} | said)), checkpoint=saved)


@pytest.mark.parametrize(
    ("work", "usd"),
    [
        pytest.param(training(), 160 * 400 * 0.09, id="one each half hour of eighty"),
        pytest.param(training(400, STORE, OTHER), 160 * 400 * 0.11, id="each goes to every location"),
        pytest.param(training(400, STORE, STORE), 160 * 400 * 0.09, id="a location that is named twice is one"),
        pytest.param(training(400, HOME), 0.0, id="nothing leaves the region"),
        pytest.param(training(every_h=0.75), 106 * 400 * 0.09, id="the hour that is begun at the end writes none"),
        pytest.param(training(every_h=1 / 3, runtime_h=10), 30 * 400 * 0.09, id="a third of an hour goes into ten"),
        pytest.param(training(every_h=81), 0.0, id="a run that is over before the first"),
        pytest.param(training(0), 0.0, id="checkpoints of nothing"),
        pytest.param(
            training(runtime_on="L4"), 13 * 400 * 0.09, id="a faster accelerator runs shorter, and writes less"
        ),
        pytest.param(training(type=WorkloadType.INFERENCE, runtime_h=None), 0.0, id="servers write none"),
        pytest.param(a_workload(), 0.0, id="work without checkpoints"),
    ],
)
def test_every_checkpoint_leaves_the_cluster_for_each_of_its_locations(work: Workload, usd: float) -> None:
    found = price(ask_for(work), given=KNOWN)
    assert found.usd.egress == pytest.approx(usd)
    assert (found.transfer_h, found.valid) == (0, True)


def test_what_is_left_of_the_run_writes_the_rest_also_where_it_runs() -> None:
    ask = ask_for(training(every_h=30), left=0.75, resumes=True, here=Here("aws-eu-north-1", "h100"))
    assert price(ask, given=KNOWN).usd.egress == pytest.approx(2 * 400 * 0.09)


def test_a_location_that_cannot_be_reached_is_not_written_to() -> None:
    given = conditions(replace(NETWORK, lost=frozenset({STORE})))
    assert price(ask_for(training(400, STORE, OTHER)), given=given).usd.egress == pytest.approx(160 * 400 * 0.02)
    assert price(ask_for(training(400, STORE)), given=given).usd.egress == 0


def test_a_run_that_waits_for_a_stream_writes_more() -> None:
    # 90,000 GB at 2 Gbit/s: 100 h instead of 80.
    work = training(data=(some_data(90_000, STORE, access=Access.STREAM),))
    assert price(ask_for(work), given=KNOWN).usd.egress == pytest.approx(200 * 400 * 0.09)


def test_the_choice_of_a_replica_weighs_the_checkpoints_of_a_longer_run() -> None:
    # STORE takes 100 h, a fast replica 80 for $900 more. 20 h less are 40 checkpoints, $1,440, less.
    links = NETWORK.links | {("far/fast", HOME): Link(10.0, 0.01)}
    free = replace(a_cluster(), offers=(replace(an_offer(usd=0.0), interruptions_per_hour=0.0),))
    for every_h, run_h in ((0.5, 80), (2.0, 100)):
        work = training(every_h=every_h, data=(some_data(90_000, STORE, "far/fast", access=Access.STREAM),))
        found = price(ask_for(work), cluster=green(free), given=conditions(Network(links)))
        assert found.run_h == pytest.approx(run_h)


def test_youngs_interval_counts_where_the_work_gives_none_whatever_a_write_costs() -> None:
    # T_save = 900 x 8 / 2 s = 1 h, 0.05 interruptions an hour: sqrt(2 x 1 / 0.05) = 6.32 h; 12 of them in 80 h.
    cluster = green(a_cluster(offers=(replace(an_offer(), interruptions_per_hour=0.05),)))
    for usd_per_gb in (0.09, 9.0):
        links = NETWORK.links | {(HOME, STORE): Link(2.0, usd_per_gb)}
        found = price(ask_for(training(900, every_h=None)), cluster=cluster, given=conditions(Network(links)))
        assert found.usd.egress == pytest.approx(12 * 900 * usd_per_gb)


def test_what_is_never_interrupted_needs_no_checkpoint() -> None:
    assert price(ask_for(training(every_h=None)), given=KNOWN).usd.egress == 0


def test_writing_emits_on_the_way_to_each_location() -> None:
    plain, saved = (price(ask_for(work), given=KNOWN) for work in (training(0), training(400, STORE, OTHER)))
    # 160 x 400 GB to two locations x 0.001 kWh/GB, by the assumed 800 g/kWh.
    assert saved.grams_co2 - plain.grams_co2 == pytest.approx(160 * 400 * 2 * 0.001 * 800)


def test_a_budget_sees_what_checkpoints_cost() -> None:
    # 80 h of $32 are $2,560; the checkpoints $5,760.
    within, over = (price(ask_for(training(), max_total_usd=usd), given=KNOWN) for usd in (8_320.0, 8_319.0))
    assert (within.refusals, over.refusals) == ((), ("BudgetTotalExceeded",))
    assert over.messages == ("machines and egress of $8,320 are over maxTotalUSD $8,319 by $1.00",)


def test_writing_takes_no_time_of_its_own() -> None:
    found = price(ask_for(replace(training(), deadline=Deadline(80 * 3600.0)), usd_per_delay_hour=1.0), given=KNOWN)
    assert (found.run_h, found.usd.delay, found.transfer_h) == (80, 80, 0)


@pytest.mark.parametrize(
    ("work", "phrases"),
    [
        # 900 GB at 2 Gbit/s: 1 h; at 8 Gbit/s a quarter of that.
        pytest.param(training(900, STORE, OTHER, every_h=1.0), (), id="a write just as long as the interval"),
        pytest.param(
            training(900, OTHER, STORE, every_h=0.5),
            (f"checkpoints: one takes 1h to write to {STORE}, longer than the interval of 30m; no stall is priced",),
            id="the slowest link counts",
        ),
        pytest.param(
            training(900, "az/x", every_h=3.0),
            (f"link {HOME} -> az/x: default $0.15/GB",),
            id="an unknown price",
        ),
        pytest.param(
            training(900, "az/x", every_h=1.5),
            (
                f"link {HOME} -> az/x: default $0.15/GB",
                TOO_SLOW,
            ),
            id="an unknown link writes at the assumed bandwidth",
        ),
        pytest.param(training(900, "az/x", every_h=90.0), (), id="nothing is written, so nothing is assumed"),
    ],
)
def test_what_cannot_keep_up_and_what_is_not_known_is_said(work: Workload, phrases: tuple[str, ...]) -> None:
    assert price(ask_for(work), cluster=STEADY, given=KNOWN).assumed == phrases


@pytest.mark.parametrize(
    ("work", "words"),
    [
        pytest.param(training(), "160 checkpoints of 400 GB to gcp/store: $5,760", id="many"),
        pytest.param(
            training(1.5, STORE, OTHER, every_h=80.0),
            "1 checkpoint of 1.5 GB to gcp/other and gcp/store: $0.17",
            id="one, to two places",
        ),
        pytest.param(training(every_h=81.0), "", id="none"),
        pytest.param(a_workload(), "", id="no checkpoints at all"),
    ],
)
def test_what_is_written_is_put_into_words(work: Workload, words: str) -> None:
    assert price(ask_for(work), given=KNOWN).writes == words
