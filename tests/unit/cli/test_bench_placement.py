"""The placement benchmark on small tables: its truth by hand, its models, its optimum, and bad input."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from tradewind.cli.bench import bench
from tradewind.cli.bench_quality import (
    by_tradewind,
    greedily,
    machine_prices,
    optimum,
    price_only_usd,
    quality,
    rooms,
    skypilot_usd,
    true_usd,
)
from tradewind.cli.bench_speed import MIXES, measure
from tradewind.cli.bench_tables import read_tables
from tradewind.cli.bench_work import asks_of
from tradewind.model.workload import Market
from tradewind.placement.profile import profile_key

if TYPE_CHECKING:
    from pathlib import Path

LINKS = """from,to,gbps,rtt_ms,egress_usd_per_gb
aws/a,aws/b,4,20,0.02
aws/a,gcp/c,2,90,0.09
aws/b,aws/a,4,20,0.02
aws/b,gcp/c,1,90,0.09
gcp/c,aws/a,8,90,0.12
gcp/c,aws/b,,95,
"""
PRICES = """provider,region,instance_type,accelerator,count,usd_per_hour,usd_per_hour_spot
aws,a,p5.48xlarge,H100,8,64,32
aws,b,p5.48xlarge,H100,8,48,
gcp,c,a3-highgpu-8g,H100,8,40,8
gcp,c,a3-megagpu-8g,H100,8,1,1
gcp,c,g2-standard-4,L4,1,0.7,0.2
"""
CARBON = """provider,region,year,grams_co2_per_kwh,pue,grid_zone
aws,a,2024,400,1.2,US-CAL-CISO
gcp,c,2024,50,,SE
"""
ON_DEMAND = {"aws/a": 64.0, "aws/b": 48.0, "gcp/c": 40.0}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name, text in (("network/links", LINKS), ("prices/gpu_prices", PRICES), ("carbon/regions", CARBON)):
        path = tmp_path / f"{name}.csv"
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_the_tables_are_read_as_they_are(data: Path) -> None:
    tables = read_tables(data)
    assert tables.homes == ("aws/a", "aws/b", "gcp/c")
    assert machine_prices(tables, Market.ON_DEMAND) == ON_DEMAND
    assert machine_prices(tables, Market.SPOT) == {"aws/a": 32.0, "gcp/c": 8.0}
    assert (tables.grids["gcp/c"].pue, tables.grids["aws/a"].country) == (None, "US")


def test_the_truth_is_the_machine_while_it_runs_and_waits_and_the_egress(data: Path) -> None:
    usd = true_usd(read_tables(data), ("aws/a", "gcp/c"), ON_DEMAND, size_gb=1800, hours=10)
    # 1,800 GB take 4 h at 1 Gbit/s, 1 h at 4 and 0.5 h at 8; at home 0.16 h, at 25 Gbit/s.
    assert usd[0].tolist() == pytest.approx([64 * 10.16, 48 * 11 + 36, 40 * 12 + 162])
    # No figures from gcp/c to aws/b: 1 Gbit/s and $0.15.
    assert usd[1].tolist() == pytest.approx([64 * 10.5 + 216, 48 * 14 + 270, 40 * 10.16])


def test_the_other_models_see_what_they_are_published_to_see() -> None:
    assert price_only_usd(("aws/a",), ON_DEMAND, hours=10).tolist() == [[640, 480, 400]]
    seen = skypilot_usd(("aws/a", "gcp/c"), ON_DEMAND, size_gb=1000, hours=10)
    assert seen.tolist() == pytest.approx(np.array([[640, 480, 490], [760, 600, 400]]))


def test_a_third_has_room_at_the_places_that_the_optimum_would_use() -> None:
    usd = np.array([[1.0, 2.0, 3.0]] * 5 + [[2.0, 1.0, 3.0]])
    assert rooms(usd, capacity="ample").tolist() == [6, 6, 6]
    assert rooms(usd, capacity="third").tolist() == [2, 1, 3]


def test_the_optimum_and_the_greedy_models_keep_to_the_room() -> None:
    usd, room = np.array([[1.0, 2.0], [1.0, 9.0]]), np.array([1, 1])
    assert optimum(usd, room).tolist() == [1, 0]
    assert greedily(usd, room).tolist() == [0, 1]


def test_tradewind_pays_what_the_truth_says_and_finds_the_optimum(data: Path) -> None:
    tables = read_tables(data)
    homes = [home for home in tables.homes for _ in range(4)]
    usd = true_usd(tables, homes, ON_DEMAND, size_gb=1800, hours=10)
    room = np.array([4, 4, 4])
    places = by_tradewind(tables, homes, ON_DEMAND, room, market=Market.ON_DEMAND, size_gb=1800, hours=10)
    everyone = np.arange(len(homes))
    assert usd[everyone, places].sum() == pytest.approx(usd[everyone, optimum(usd, room)].sum())


def test_every_cell_has_all_models_with_their_figures(data: Path) -> None:
    cells = list(quality(read_tables(data)))
    assert {(one["model"], one["capacity"]) for one in cells} == {
        (model, capacity) for model in ("tradewind", "price-only", "skypilot") for capacity in ("ample", "third")
    }
    ours = [one for one in cells if one["model"] == "tradewind"]
    assert max(one["meanOverspend"] for one in ours if one["capacity"] == "ample") == pytest.approx(0, abs=1e-9)
    assert max(one["meanOverspend"] for one in ours) <= 0.01
    assert all(json.dumps(one, allow_nan=False) for one in cells)


def test_speed_is_measured_on_work_that_the_seed_draws(data: Path) -> None:
    tables = read_tables(data)
    first, again, other = (asks_of(tables, workloads=30, seed=seed, per_template=10) for seed in (1, 1, 2))
    assert first == again != other
    figures = measure(data, "templates", 30, 6, 1)
    assert (figures["mix"], figures["workloads"], figures["clusters"]) == ("templates", 30, 6)
    assert figures["decisionsPerSecond"] > 0
    assert 1 < figures["rssMiB"] < 10_000


@pytest.mark.parametrize(
    ("mix", "least", "most"),
    [
        pytest.param("templates", 15, 20, id="ten to a template"),
        pytest.param("distinct", 200, 200, id="all different"),
    ],
)
def test_the_mix_says_how_much_work_reads_alike(data: Path, mix: str, least: int, most: int) -> None:
    asks = asks_of(read_tables(data), workloads=200, seed=0, per_template=MIXES[mix])
    assert len({ask.workload.key for ask in asks}) == 200
    assert least <= len({profile_key(ask, limited=True) for ask in asks}) <= most
    # As if each had been read from a manifest of its own; policies that are equal are one, as in the operator.
    assert len({id(ask.workload.pods) for ask in asks}) == 200


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda path: (path / "network/links.csv").unlink(), "links.csv", id="a missing table"),
        pytest.param(
            lambda path: (path / "prices/gpu_prices.csv").write_text("provider,region\naws,a\n"),
            "instance_type",
            id="a missing column",
        ),
        pytest.param(
            lambda path: (path / "network/links.csv").write_text(LINKS.replace("0.02", "cheap")),
            "cheap",
            id="a figure that is no number",
        ),
    ],
)
def test_bad_tables_are_named_without_a_traceback(data: Path, change: object, words: str) -> None:
    assert callable(change)
    change(data)
    result = CliRunner().invoke(bench, ["placement", "--data", str(data)])
    assert result.exit_code == 1
    assert words in result.output
    assert "Traceback" not in result.output
