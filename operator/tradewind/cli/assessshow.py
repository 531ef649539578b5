"""The output of `tradewind assess`: tables or JSON, and the exit code."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from rich.progress import Progress
from rich.text import Text

from tradewind.cli.planning import told_to_people
from tradewind.cli.present import present
from tradewind.cli.reach import Flag, assess
from tradewind.cli.whyrender import console, plain_table, stderr_console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from tradewind.cli.planning import Source
    from tradewind.cli.reach import Assessment, Reach

EXIT_NARROW = 3
SHOWN_NAMES = 2
EXCLUDES = (
    "What each limit alone excludes: offers that would come back if it were dropped, "
    "and the clusters and providers they add"
)


def show_assessment(source: Source, *, fail_on: Sequence[str], output: str) -> int:
    """Assess and print; returns the exit code."""
    with told_to_people():
        now = present(source)
        with Progress(console=stderr_console(), transient=True) as progress:
            task = progress.add_task("Assessing", total=len(now.world.asks))
            found = assess(now, tick=lambda: progress.advance(task))
        if output == "json":
            click.echo(json.dumps(assessment_json(found), indent=2))
        else:
            print_assessment(console(), found)
    failed = [each for each in found if each.problem is None and set(each.flags) & set(fail_on)]
    if failed:
        names = ", ".join(f"{each.key} ({', '.join(each.flags)})" for each in failed)
        click.echo(f"--fail-on {' --fail-on '.join(fail_on)}: {names}", err=True)
    return EXIT_NARROW if failed else 0


def assessment_json(found: Sequence[Assessment]) -> dict[str, Any]:
    """Write it: the interface that scripts rely on. Fields are only ever added."""
    return {
        "workloads": [
            {
                "namespace": each.key.namespace,
                "name": each.key.name,
                "today": reach_json(each.today),
                "byRules": reach_json(each.by_rules),
                "flags": [flag.value for flag in each.flags] if each.problem is None else [],
                "placedOn": list(each.placed_on),
                "limits": [
                    {"field": one.limit.field, "value": one.limit.value, "aloneExcludes": reach_json(one.back)}
                    for one in each.exclusions
                ],
                "problem": f"{each.problem.reason}: {each.problem.message}" if each.problem else None,
            }
            for each in found
        ],
        "counts": {flag.value: sum(flag in each.flags for each in found if each.problem is None) for flag in Flag},
    }


def reach_json(reach: Reach) -> dict[str, list[str]]:
    """Write names; how many there are is their length."""
    return {field: list(names) for field, names in asdict(reach).items()}


def print_assessment(screen: Console, found: Sequence[Assessment]) -> None:
    """Print a row for each workload, and below what each limit excludes."""
    if not found:
        screen.print("No AIWorkload to assess.")
        return
    table = plain_table("WORKLOAD", "ON", right=("OFFERS", "CLUSTERS", "REGIONS", "PROVIDERS"))
    table.add_column("FLAG", overflow="fold")
    for each in found:
        if each.problem is not None:
            table.add_row(str(each.key), *["-"] * 5, Text(f"{each.problem.reason}: {each.problem.message}"))
            continue
        pairs = zip(asdict(each.today).values(), asdict(each.by_rules).values(), strict=True)
        counts = [f"{len(today)} of {len(rules)}" for today, rules in pairs]
        table.add_row(str(each.key), ", ".join(each.placed_on) or "-", *counts, _flags(each))
    screen.print(table)
    exclusions = _grouped(found)
    if exclusions:
        screen.print(Text(f"\n{EXCLUDES}", "bold"))
        screen.print(_exclusions(exclusions))
    screen.print(Text(f"\n{_summary(found)}."))


def _flags(each: Assessment) -> Text:
    flags = each.flags
    if not flags:
        return Text("-", style="dim")
    if flags == (Flag.UNPLACED,):
        return Text("unplaced" if each.by_rules.clusters else "unplaced, by the rules too", style="bold red")
    # One cluster is one provider: the narrower word says both.
    allowed = each.by_rules.clusters if flags[0] is Flag.SINGLE_CLUSTER else each.by_rules.providers
    return Text(flags[0].value + ("" if len(allowed) > 1 else ", by the rules too"), style="yellow")


def _grouped(found: Sequence[Assessment]) -> dict[tuple[str, str, Reach], list[str]]:
    """Put workloads together that one limit excludes the same for."""
    groups: dict[tuple[str, str, Reach], list[str]] = defaultdict(list)
    for each in found:
        for one in each.exclusions:
            groups[one.limit.field, one.limit.value, one.back].append(str(each.key))
    return dict(sorted(groups.items(), key=lambda item: (-len(item[0][2].offers), item[1])))


def _exclusions(groups: dict[tuple[str, str, Reach], list[str]]) -> Any:
    table = plain_table()
    for name in ("LIMIT", "VALUE"):
        table.add_column(name, overflow="fold")
    for name in ("OFFERS", "CLUSTERS"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("PROVIDERS", overflow="fold", min_width=len("PROVIDERS"))
    table.add_column("OF", overflow="fold")
    for (field, value, back), keys in groups.items():
        more = len(keys) - SHOWN_NAMES
        names = "\n".join(keys[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")
        style = "" if back.offers else "dim"
        cells = (
            field.removeprefix("constraints."),
            value,
            str(len(back.offers)),
            str(len(back.clusters)),
            ", ".join(back.providers) or "-",
            names,
        )
        table.add_row(*(Text(cell, style=style) for cell in cells))
    return table


def _summary(found: Sequence[Assessment]) -> str:
    assessed = [each for each in found if each.problem is None]
    counts = {flag: sum(flag in each.flags for each in assessed) for flag in Flag}
    free = sum(not each.flags for each in assessed)
    return (
        f"{free} of {len(assessed)} workloads could go to several providers today; "
        f"{counts[Flag.SINGLE_PROVIDER]} to one provider only, {counts[Flag.SINGLE_CLUSTER]} of them to one cluster "
        f"only; {counts[Flag.UNPLACED]} to none"
    )
