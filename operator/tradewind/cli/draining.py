"""What `tradewind drain` does on the hub: one field is set, and then work is watched until it has left."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from tradewind.api.reading import did_you_mean
from tradewind.cli.drainrows import Row, Stage, as_json, held, rows
from tradewind.cli.gitops import keeper_of
from tradewind.cli.live import hub_list
from tradewind.cli.planning import told_to_people
from tradewind.cli.whyrender import plain_table, stderr_console
from tradewind.errors import InputError, RetryableError, TerminalError
from tradewind.kube.client import ApiServer
from tradewind.kube.fence import unfenced
from tradewind.kube.kubeconfig import own_configuration
from tradewind.kube.resources import AIWORKLOADS, FEDERATED_CLUSTERS
from tradewind.model.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console, RenderableType

Manifest = dict[str, Any]

LOOK_S = 1.0
EXIT_TIME_OVER = 3
UNSEEN_S = 10.0
"""An operator takes note within a second; after this time it is worth a word that none has."""
STYLES = {Stage.BLOCKED: "red", Stage.HELD: "yellow", Stage.AT_CHECKPOINT: "yellow", Stage.GONE: "green"}
MEANS = {
    "Draining": "no new work, and what runs there leaves at its next checkpoint",
    "Cordoned": "no new work; what runs there stays",
    "Enabled": "it takes work again",
}


@dataclass(frozen=True, slots=True)
class Hub:
    """How to reach the hub."""

    kubeconfig: str = ""
    context: str = ""

    async def server(self) -> ApiServer:
        """Make a client."""
        return ApiServer("hub", await own_configuration(self.kubeconfig, self.context), fence=unfenced())


def schedule(hub: Hub, name: str, scheduling: str, *, force: bool) -> Manifest:
    """Set a cluster's `scheduling`, unless it is that already; returns the FederatedCluster.

    Raises:
        SystemExit: said to people, with the exit code.
    """
    with told_to_people():
        return asyncio.run(_schedule(hub, name, scheduling, force=force))


async def _schedule(hub: Hub, name: str, scheduling: str, *, force: bool) -> Manifest:
    server = await hub.server()
    try:
        clusters = {each["metadata"]["name"]: each for each in await hub_list(server, FEDERATED_CLUSTERS)}
        if name not in clusters:
            raise InputError("CLUSTER", "", f"there is no FederatedCluster {name}{did_you_mean(name, clusters)}")
        cluster = clusters[name]
        before = (cluster.get("spec") or {}).get("scheduling") or "Enabled"
        if before == scheduling:
            click.echo(f"{name} is {scheduling} already: {MEANS[scheduling]}.", err=True)
            return cluster
        _minds(cluster, name, scheduling, force=force)
        version = cluster["metadata"]["resourceVersion"]
        body = {"metadata": {"resourceVersion": version}, "spec": {"scheduling": scheduling}}
        changed = await server.merge(FEDERATED_CLUSTERS, name, body)
        click.echo(f"{name} was {before} and is {scheduling} now: {MEANS[scheduling]}.", err=True)
        return changed
    finally:
        await server.close()


def _minds(cluster: Manifest, name: str, scheduling: str, *, force: bool) -> None:
    """Say what becomes of the change where Git keeps the object; refuse what would be set back at once."""
    keeper = keeper_of(cluster, field="scheduling")
    if keeper is None:
        return
    if not keeper.sets:
        click.echo(
            f"Note: {keeper} keeps {name} as Git has it, and Git leaves spec.scheduling open: the change stays, but is "
            "not in Git.",
            err=True,
        )
        return
    if not force:
        raise TerminalError(
            "SetByGit",
            f"{keeper} sets spec.scheduling of {name} from Git, and would set it back. Write scheduling: {scheduling} "
            "there and let it sync; the same command then watches. --force sets it now all the same.",
        )
    click.echo(f"Warning: {keeper} sets spec.scheduling of {name} from Git, and may set it back.", err=True)


def held_by(hub: Hub, name: str) -> set[str]:
    """Name the workloads that a cluster holds, by their uids."""

    async def look() -> set[str]:
        server = await hub.server()
        try:
            return held(await hub_list(server, AIWORKLOADS), name)
        finally:
            await server.close()

    with told_to_people():
        return asyncio.run(look())


def follow(hub: Hub, cluster: Manifest, *, there: set[str], timeout_s: float | None, output: str) -> int:
    """Show how work leaves a cluster until nothing is left; returns the exit code."""
    with told_to_people():
        try:
            return asyncio.run(_follow(hub, cluster, there=there, timeout_s=timeout_s, output=output))
        except KeyboardInterrupt:
            name = cluster["metadata"]["name"]
            click.echo(f"{name} goes on draining. To watch: tradewind drain {name}; to stop: --undo.", err=True)
            raise


async def _follow(hub: Hub, cluster: Manifest, *, there: set[str], timeout_s: float | None, output: str) -> int:
    server, began_s, name = await hub.server(), time.monotonic(), cluster["metadata"]["name"]
    empty, found = False, list[Row]()
    try:
        with _Screen(stderr_console()) as screen:
            while True:
                passed_s = time.monotonic() - began_s
                over = timeout_s is not None and passed_s >= timeout_s
                try:
                    cluster = await server.get(FEDERATED_CLUSTERS, name)
                    workloads = await hub_list(server, AIWORKLOADS)
                except RetryableError as error:
                    screen.show(name, None, [error.message], passed_s=passed_s)
                    if over:
                        raise
                else:
                    there |= held(workloads, name)
                    found = rows(workloads, name, seen=there)
                    empty = not any(row.there for row in found)
                    screen.show(name, found, list(_notes(cluster, passed_s=passed_s)), passed_s=passed_s)
                    if empty or over:
                        break
                await asyncio.sleep(LOOK_S)
    finally:
        await server.close()
    if output == "json":
        click.echo(json.dumps(as_json(cluster, found, seconds=passed_s, now_s=time.time()), indent=2))
    else:
        click.echo(_ended(name, found, passed_s=passed_s))
    return 0 if empty else EXIT_TIME_OVER


def _notes(cluster: Manifest, *, passed_s: float) -> Iterable[str]:
    """Say what keeps everything from going on."""
    name, spec, status = cluster["metadata"]["name"], cluster.get("spec") or {}, cluster.get("status") or {}
    if spec.get("scheduling") != "Draining":
        yield f"{name} is {spec.get('scheduling') or 'Enabled'}, and not Draining: somebody has set it back."
    if passed_s > UNSEEN_S and status.get("observedGeneration") != cluster["metadata"].get("generation"):
        yield "No operator has taken note of it yet: does one run, and is the FederatedCluster valid?"


def _ended(name: str, found: list[Row], *, passed_s: float) -> str:
    left, there = sum(not row.there for row in found), [row for row in found if row.there]
    took = format_duration(passed_s)
    if not there:
        return f"{name} is empty after {took}: {left} left it." if left else f"{name} is empty: no work was there."
    names = "".join(f"\n  {row.namespace}/{row.name}: {row.stage}, {row.message}" for row in there)
    return f"The time is over after {took}: {left} left {name}, and {len(there)} are still there.{names}"


class _Screen:
    """A live table on a terminal; elsewhere a line for each change."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._told: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Begin."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            self._live.stop()

    def show(self, name: str, found: list[Row] | None, notes: list[str], *, passed_s: float) -> None:
        """Show the rows; None where they could not be read."""
        if self._live is not None:
            self._live.update(_whole(name, found, notes, passed_s=passed_s), refresh=True)
            return
        lines = {f"{row.namespace}/{row.name}": _line(row) for row in found or ()} | {note: note for note in notes}
        for key, line in lines.items():
            if self._told.get(key) != line:
                self._console.print(line if key == line else f"{key}: {line}", markup=False, soft_wrap=True)
        self._told |= lines


def _line(row: Row) -> str:
    return f"{row.stage}{f' for {row.to}' if row.to else ''}{f' ({row.reason})' if row.there else ''}"


def _whole(name: str, found: list[Row] | None, notes: list[str], *, passed_s: float) -> RenderableType:
    parts: list[RenderableType] = [Text(note, style="yellow") for note in notes]
    if found is not None:
        there = sum(row.there for row in found)
        head = f"{name} is draining for {format_duration(passed_s)}: {there} still there, {len(found) - there} left it"
        table = plain_table("WORK", "STATE", "TO", "WHY")
        for row in found:
            why = row.message if row.there else ""
            style = STYLES.get(row.stage, "")
            table.add_row(f"{row.namespace}/{row.name}", Text(row.stage, style=style), row.to or "-", Text(why))
        parts = [Text(head, style="bold"), *parts, table]
    return Group(*parts)
