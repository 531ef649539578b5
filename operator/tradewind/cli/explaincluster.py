"""The output of `tradewind explain cluster/NAME`: the verdict, and the evidence behind it with its age."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from tradewind.api.reading import did_you_mean
from tradewind.cli.offline import objects_of, read_files
from tradewind.cli.planning import overlaid, told_to_people
from tradewind.cli.whyrender import console, plain_table
from tradewind.errors import InputError
from tradewind.model.units import format_duration
from tradewind.state.record import seconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from tradewind.cli.planning import Source

Manifest = dict[str, Any]
TIMES = ("since", "lostAt", "backAt")


def show_cluster(source: Source, *, name: str, output: str) -> None:
    """Explain the verdict on one cluster."""
    with told_to_people():
        given = objects_of(read_files(source.files))
        objects = given if given.clusters else overlaid(source, given)
        clusters = {one["metadata"]["name"]: one for one in objects.clusters}
        status: Manifest = _found(name, clusters).get("status") or {}
        explained = cluster_json(name, status, now_s=time.time())
        if output == "json":
            click.echo(json.dumps(explained, indent=2, allow_nan=False))
        else:
            print_cluster(console(), explained)


def cluster_json(name: str, status: Manifest, *, now_s: float) -> Manifest:
    """Write all that is known, every time with its age in seconds; fields are only ever added."""
    verdict = {field: status.get(field) for field in ("verdict", "reason", "message", *TIMES, "upAfterSeconds")}
    ages = {f"{field}AgeSeconds": _age_s(status.get(field), now_s) for field in TIMES}
    evidence = [
        {**each, "since": each.get("since"), "ageSeconds": _age_s(each.get("since"), now_s)}
        for each in status.get("evidence") or ()
    ]
    incidents = [{**each, "ageSeconds": _age_s(each.get("began"), now_s)} for each in status.get("incidents") or ()]
    return {"cluster": name, **verdict, **ages, "evidence": evidence, "incidents": incidents}


def print_cluster(screen: Console, explained: Manifest) -> None:
    """Print the verdict, then each finding on a line."""
    verdict = explained["verdict"]
    if verdict is None:
        screen.print(f"{explained['cluster']}: no operator has judged it yet.", markup=False)
        return
    screen.print(Text(f"{explained['cluster']} is {verdict}", style="bold"), Text(f"({explained['reason']})"))
    screen.print(f"{explained['message']}", markup=False)
    if explained["since"]:
        screen.print(f"So for {_ago(explained['sinceAgeSeconds'])}.", markup=False)
    if explained["lostAt"]:
        screen.print(_past(explained), markup=False)
    table = plain_table("evidence", "says", "for", "what")
    for each in explained["evidence"]:
        table.add_row(each["kind"], each["says"], _ago(each["ageSeconds"]), Text(each["message"]))
    for each in explained["incidents"]:
        table.add_row("Provider", "Announces", _ago(each["ageSeconds"]), Text(f"{each['title']} ({each['service']})"))
    if table.row_count:
        screen.print()
        screen.print(table)


def _past(explained: Manifest) -> str:
    lost = f"Lost {_ago(explained['lostAtAgeSeconds'])} ago"
    after = format_duration(float(explained["upAfterSeconds"] or 0))
    if explained["backAt"]:
        return f"{lost}, back {_ago(explained['backAtAgeSeconds'])} ago."
    return f"{lost}; on probation until it has answered for {after}."


def _found(name: str, clusters: Mapping[str, Manifest]) -> Manifest:
    if name in clusters:
        return clusters[name]
    hint = did_you_mean(name, set(clusters)) or (f" (known: {', '.join(sorted(clusters)[:5])})" if clusters else "")
    raise InputError("FederatedCluster", "", f'there is no "{name}"{hint}')


def _age_s(text: str | None, now_s: float) -> float | None:
    at_s = seconds_of(text)
    return max(0.0, round(now_s - at_s, 1)) if at_s else None


def _ago(age_s: float | None) -> str:
    return "" if age_s is None else format_duration(age_s)
