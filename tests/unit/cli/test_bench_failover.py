"""The fail-over benchmark's arithmetic: which runs it makes, what a results file keeps, what the watches tell."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from tradewind.cli import cli
from tradewind.cli.bench_failover import table_of, told
from tradewind.cli.bench_failover_cells import (
    ALARMS,
    BOUND,
    PATIENCE_S,
    SETTINGS,
    Cell,
    expected_s,
    matrix,
    missing,
    read_results,
    write_results,
)
from tradewind.cli.bench_failover_fleet import LOST, clusters, ended_jobs, pools
from tradewind.cli.bench_failover_watch import Seen
from tradewind.errors import InputError
from tradewind.lab.fleet import duration_s

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Manifest = dict[str, Any]
KILL = Cell("kill", "AtLeastOnce", "tightest", 100)


def cells(
    *, faults: Sequence[str] = (), settings: Sequence[str] = (), jobs: Sequence[int] = (), runs: int | None = None
) -> list[Cell]:
    return matrix(guarantee="AtLeastOnce", faults=faults, settings=settings, jobs=jobs, runs=runs)


def figures(cell: Cell = KILL, **more: Any) -> dict[str, Any]:
    times = {
        f"{stage}Seconds": at_s
        for at_s, stage in enumerate(("detected", "decided", "delivered", "running", "p50Running", "staleAsked"), 3)
    }
    named = {"fault": cell.fault, "guarantee": cell.guarantee, "settings": cell.settings, "jobs": cell.jobs}
    return {**named, **times, "moved": cell.jobs, "needlessMoves": 0, "lost": 0, **more}


def labelled(kind: str, name: str, *, epoch: int = 1, phase: str = "Running", going: bool = False) -> Manifest:
    labels = {"tradewind.dev/workload": name, "tradewind.dev/epoch": str(epoch)}
    metadata = {"namespace": "failover", "name": name, "uid": f"{kind}-{name}-{epoch}", "labels": labels}
    if going:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"kind": kind, "metadata": metadata, "status": {"phase": phase}}


def test_the_full_matrix_runs_each_bounded_outage_three_times_at_each_setting_and_size() -> None:
    full = cells()
    for fault in BOUND:
        for settings in SETTINGS:
            for jobs in (100, 1000):
                assert full.count(Cell(fault, "AtLeastOnce", settings, jobs)) == 3


def test_the_full_matrix_has_every_fault_that_must_move_nothing() -> None:
    assert {cell.fault for cell in cells()} >= set(ALARMS)


def test_the_short_runs_come_first() -> None:
    assert [cell.jobs for cell in cells()] == sorted(cell.jobs for cell in cells())


def test_what_is_asked_for_is_run_as_often_as_asked() -> None:
    wanted = cells(faults=["flap", "kill"], settings=["tightest"], jobs=[7], runs=2)
    flap = Cell("flap", "AtLeastOnce", "tightest", 7)
    assert wanted == [Cell("kill", "AtLeastOnce", "tightest", 7)] * 2 + [flap] * 2


def test_an_upgrade_is_no_needless_move_where_it_lasts_longer_than_the_patience() -> None:
    assert all(cell.settings == "default" for cell in cells(faults=["upgrade"]))
    with pytest.raises(InputError, match="outage at the tightest settings"):
        cells(faults=["upgrade"], settings=["tightest"])


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_patience_is_that_of_the_policy(settings: str) -> None:
    detection = SETTINGS[settings].get("detection", {"downAfterOneKind": "30s"})
    assert duration_s(detection["downAfterOneKind"]) == PATIENCE_S[settings]


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_flap_is_shorter_than_the_patience_and_other_alarms_but_the_upgrade_are_longer(settings: str) -> None:
    flap = Cell("flap", "AtLeastOnce", settings, 100)
    assert flap.flap_s < PATIENCE_S[settings] < flap.held_s
    for fault in ("credentials", "feed", "hub-cut"):
        assert Cell(fault, "AtLeastOnce", settings, 100).held_s > PATIENCE_S[settings]


def test_runs_that_are_done_are_not_made_again() -> None:
    wanted = cells(faults=["kill", "hang"], settings=["tightest"], jobs=[100])
    hang = Cell("hang", "AtLeastOnce", "tightest", 100)
    done = [figures(), figures(), figures(hang), figures(Cell("kill", "AtMostOnce", "tightest", 100))]
    assert missing(wanted, done) == [KILL, hang, hang]
    assert missing(wanted, [figures()] * 9) == [hang] * 3


def test_more_jobs_and_more_patience_take_longer() -> None:
    assert expected_s(KILL) < expected_s(Cell("kill", "AtLeastOnce", "default", 100))
    assert expected_s(KILL) < expected_s(Cell("kill", "AtLeastOnce", "tightest", 1000))


def test_a_results_file_gives_back_what_was_written(tmp_path: Path) -> None:
    file = tmp_path / "runs.json"
    assert read_results(file) == []
    write_results(file, [figures()])
    write_results(file, [*read_results(file), figures(runningSeconds=None)])
    assert read_results(file) == [figures(), figures(runningSeconds=None)]
    assert json.loads(file.read_text("utf-8"))["runs"] == read_results(file)
    assert [each.name for each in tmp_path.iterdir()] == ["runs.json"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("no JSON", id="no JSON"),
        pytest.param("[]", id="a list"),
        pytest.param('{"runs": [{"fault": "kill"}]}', id="a run that does not say what it is"),
    ],
)
def test_another_file_is_no_results_file_and_is_left_alone(tmp_path: Path, text: str) -> None:
    file = tmp_path / "notes.txt"
    file.write_text(text, "utf-8")
    with pytest.raises(InputError, match="no results file"):
        read_results(file)
    assert file.read_text("utf-8") == text


def test_the_work_fits_on_the_member_that_fails_and_on_the_two_others_together() -> None:
    jobs = 1000
    room = {name: sum(pool.nodes * pool.per_node for pool in each) for name, each in pools(clusters(jobs)).items()}
    lost = room.pop(LOST)
    assert lost >= jobs + ended_jobs(jobs)
    assert max(room.values()) < jobs < sum(room.values())


def test_the_stages_of_a_move_are_told_apart() -> None:
    seen = Seen(lost="aws", prefix="r1-")
    seen.see_pod("aws", labelled("Pod", "r1-0"), deleted=False, at_s=1)
    seen.see_job("gcp", labelled("Job", "r1-0", epoch=2), deleted=False, at_s=5)
    seen.see_pod("gcp", labelled("Pod", "r1-0", epoch=2, phase="Pending"), deleted=False, at_s=6)
    seen.see_pod("gcp", labelled("Pod", "r1-0", epoch=2), deleted=False, at_s=7)
    seen.see_pod("gcp", labelled("Pod", "r1-0", epoch=2), deleted=False, at_s=9)
    seen.see_job("aws", labelled("Job", "r1-0"), deleted=False, at_s=10)
    seen.see_job("aws", labelled("Job", "r1-0", going=True), deleted=False, at_s=11)
    seen.see_job("aws", labelled("Job", "r1-0", going=True), deleted=True, at_s=12)
    seen.see_pod("aws", labelled("Pod", "r1-0"), deleted=True, at_s=13)
    assert (seen.first_s, seen.delivered_s, seen.running_s) == ({"r1-0": 1}, {"r1-0": 5}, {"r1-0": 7})
    assert seen.asked_s == {"r1-0": 11}
    assert seen.ledger.double_s("failover/r1-0") == 6


def test_a_run_sees_only_its_own_work() -> None:
    seen = Seen(lost="aws", prefix="r2-")
    seen.see_pod("aws", labelled("Pod", "r1-0"), deleted=False, at_s=1)
    seen.see_job("gcp", labelled("Job", "r1-0"), deleted=False, at_s=1)
    seen.see_pod("gcp", {"kind": "Pod", "metadata": {"name": "other", "uid": "1"}}, deleted=False, at_s=1)
    assert (seen.first_s, seen.running_s, seen.delivered_s) == ({}, {}, {})


def test_a_verdict_counts_from_the_fault_on() -> None:
    seen = Seen(lost="aws", prefix="r1-")
    for at_s, verdict in enumerate(("Healthy", "Down", "Down", "Healthy", "Down")):
        seen.see_verdict("aws", verdict, at_s)
    assert seen.verdict_s("aws", "Down", since_s=2) == 4
    assert seen.verdict_s("aws", "Recovering", since_s=0) is None


def test_waiting_ends_when_what_is_awaited_is_seen() -> None:
    async def play() -> tuple[bool, bool]:
        seen = Seen(lost="aws", prefix="r1-")
        waiting = asyncio.create_task(seen.until(lambda: bool(seen.delivered_s), within_s=60))
        await asyncio.sleep(0)
        seen.see_job("gcp", labelled("Job", "r1-0"), deleted=False, at_s=1)
        return await waiting, await seen.until(lambda: False, within_s=0)

    assert asyncio.run(play()) == (True, False)


def test_a_run_is_told_in_a_line() -> None:
    assert told(figures()).endswith(
        "detected 3.0 s, decided 4.0 s, delivered 5.0 s, running 6.0 s; old copies asked to go 8.0 s after the return; "
        "needless moves 0, lost 0"
    )
    flap = figures(Cell("flap", "AtLeastOnce", "default", 100), runningSeconds=None, moved=0)
    assert told(flap).endswith("0 jobs moved; needless moves 0, lost 0")


def test_the_table_shows_the_worst_of_a_cell_and_a_dash_where_a_run_has_no_figure() -> None:
    table = table_of([figures(runningSeconds=5.0), figures(runningSeconds=7.25, detectedSeconds=None)])
    assert table.row_count == 1
    shown = {str(column.header): next(iter(column.cells)) for column in table.columns}
    assert (shown["RUNS"], shown["DETECTED"], shown["RUNNING"], shown["P50"]) == ("2", "-", "7.2 s", "7.0 s")


def test_a_fault_that_does_not_exist_is_answered_with_the_nearest_one() -> None:
    result = CliRunner().invoke(cli, ["bench", "failover", "--faults", "kil"])
    assert result.exit_code == 2
    assert "Did you mean kill?" in result.output


def test_a_matrix_that_is_whole_needs_no_lab(tmp_path: Path) -> None:
    file = tmp_path / "runs.json"
    other = figures(Cell("hang", "AtLeastOnce", "default", 100))
    write_results(file, [figures(), other])
    options = ["--faults", "kill", "--settings", "tightest", "--jobs", "100", "--runs", "1", "--results", str(file)]
    result = CliRunner().invoke(cli, ["bench", "failover", *options, "-o", "json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"runs": [figures()]}
