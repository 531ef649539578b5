"""What the commands of ``tradewind lab`` do; their options are declared in ``tradewind.cli.lab``."""

from __future__ import annotations

import json
import signal
import sys
import time
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click
import yaml
from rich.console import Console
from rich.table import Table

from tradewind.lab import binaries, fleet, startup, status
from tradewind.lab.binaries import Source
from tradewind.lab.errors import BadInputError, LabError
from tradewind.lab.lab import Lab
from tradewind.lab.progress import Progress
from tradewind.lab.proxy import Mode
from tradewind.lab.state import lab_folder
from tradewind.lab.tools import CONTROL_PLANE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

NOT_READY = 3


class _Refused(click.ClickException):
    exit_code = 2


def guarded(command: Callable[..., None], *arguments: Any, **options: Any) -> None:
    """Run a command; what the lab cannot do ends with its reason and the next step, never with a traceback."""
    # As Ctrl-C does, these must leave no process and no half-made file behind.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda caught, _: sys.exit(128 + caught))
    try:
        command(*arguments, **options)
    except LabError as error:
        raise (_Refused if isinstance(error, BadInputError) else click.ClickException)(str(error)) from error
    except OSError as error:
        # A folder that cannot be written, a full disk: the message names the file.
        raise click.ClickException(str(error)) from error


def up(
    *,
    name: str,
    root: Path | None,
    members: str,
    nodes: int,
    fleet_path: Path | None,
    time_scale: str,
    runtime: str,
    output: str,
) -> None:
    """Start a lab."""
    started = time.monotonic()
    pools = fleet.read(fleet_path, default_nodes=nodes) if fleet_path else None
    wanted = [each.strip() for each in members.split(",")] if members else []
    if pools is not None and (strangers := set(wanted) - set(pools)):
        raise BadInputError("BadMembers", f"not in {fleet_path}: {', '.join(sorted(strangers))}")
    lab = Lab.up(
        name,
        members=wanted,
        pools=pools,
        nodes_per_pool=nodes,
        time_scale=_scale(time_scale),
        root=root,
        runtime=runtime,
        progress=Progress(),
    )
    described = status.describe(lab) | {"upSeconds": round(time.monotonic() - started, 1)}
    if output == "json":
        _print_json(described)
        return
    _print_table(described)
    option = "" if name == "tradewind" else f" --name {name}"
    click.echo(f"\nUp in {described['upSeconds']} s. Use a cluster, and end the lab:")
    click.echo(f"  export KUBECONFIG=$(tradewind lab kubeconfig hub{option} --path)")
    click.echo(f"  tradewind lab down{option}")


def _scale(text: str) -> float:
    try:
        scale = float(Fraction(text))
    except (ValueError, ZeroDivisionError):
        scale = -1.0
    if scale < 0:
        raise BadInputError("BadTimeScale", f"{text!r} is no share of real time", next_step="For example: 1/60, or 1.")
    return scale


def down(*, name: str, root: Path | None, output: str) -> None:
    """End a lab, whatever state it is in."""
    folder = lab_folder(name, root)
    existed = folder.exists()
    with Progress().task(f"ending the lab {name!r}"):
        ended = startup.remove(folder)
    if output == "json":
        _print_json({"name": name, "existed": existed, "processesEnded": ended})
    else:
        click.echo(f"ended {ended} processes of the lab {name!r}" if existed else f"there is no lab {name!r}")


def show_status(*, name: str, root: Path | None, output: str) -> None:
    """Show a lab; exit 3 unless everything is up."""
    described = status.describe(Lab.open(name, root=root))
    if output == "json":
        _print_json(described)
    else:
        _print_table(described)
    if not described["ready"]:
        sys.exit(NOT_READY)


def kubeconfig(
    *, cluster: str, name: str, root: Path | None, direct: bool, observer: str, path: bool, output: str
) -> None:
    """Print a kubeconfig, or its path."""
    file = Lab.open(name, root=root).kubeconfig(cluster, direct=direct, observer=observer)
    if path:
        click.echo(str(file))
    elif output == "json":
        _print_json(yaml.safe_load(file.read_text(encoding="utf-8")))
    else:
        click.echo(file.read_text(encoding="utf-8"), nl=False)


def kill(*, cluster: str, name: str, root: Path | None, component: str, now: bool, output: str) -> None:
    """Kill components."""
    count = Lab.open(name, root=root).kill(cluster, component=component, now=now)
    _report(output, f"killed {count} processes of {cluster}", cluster=cluster, component=component, processes=count)


def pause(*, cluster: str, name: str, root: Path | None, component: str, output: str) -> None:
    """Pause components."""
    count = Lab.open(name, root=root).pause(cluster, component=component)
    _report(output, f"paused {count} processes of {cluster}", cluster=cluster, component=component, processes=count)


def resume(*, cluster: str, name: str, root: Path | None, component: str, output: str) -> None:
    """Continue and restart components."""
    began = time.monotonic()
    with Progress().task(f"waiting for {cluster}"):
        started = [str(each) for each in Lab.open(name, root=root).resume(cluster, component=component)]
    seconds = round(time.monotonic() - began, 1)
    text = f"{cluster} is back after {seconds} s; started again: {', '.join(started) or 'nothing'}"
    _report(output, text, cluster=cluster, component=component, started=started, seconds=seconds)


def rebuild(*, cluster: str, name: str, root: Path | None, output: str) -> None:
    """Make a cluster anew."""
    with Progress().task(f"making {cluster} anew"):
        uid = Lab.open(name, root=root).rebuild(cluster)
    _report(output, f"{cluster} is empty, and another cluster: its UID is {uid}", cluster=cluster, uid=uid)


def cut(
    *, cluster: str, name: str, root: Path | None, mode: str, delay: str, status: int, observer: str, output: str
) -> None:
    """Cut the network."""
    try:
        delay_s = fleet.duration_s(delay) if mode == Mode.DELAY else 0.0
    except ValueError as error:
        raise BadInputError("BadDelay", str(error)) from None
    Lab.open(name, root=root).cut(cluster, mode=mode, delay_s=delay_s, status=status, observer=observer)
    text = f"{cluster}: {mode}" + (f" from {observer}" if observer else "")
    _report(output, text, cluster=cluster, mode=mode, delaySeconds=delay_s, observer=observer or "all")


def heal(*, cluster: str, name: str, root: Path | None, output: str) -> None:
    """Heal the network."""
    Lab.open(name, root=root).heal(cluster)
    _report(output, f"{cluster}: pass", cluster=cluster, mode=str(Mode.PASS), delaySeconds=0.0)


def show_binaries(*, tools: Sequence[str], source: str, output: str) -> None:
    """Find, fetch or build programs, and say where they are."""
    wanted = [binaries.tool(each) for each in tools] or list(CONTROL_PLANE)
    paths = binaries.ensure(wanted, source=Source(source), progress=Progress())
    rows = [{"name": each.name, "version": each.version, "path": str(paths[each.name])} for each in wanted]
    if output == "json":
        _print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['name']:<24} {row['version']:<10} {row['path']}")


def _report(output: str, text: str, **fields: Any) -> None:
    if output == "json":
        _print_json(fields)
    else:
        click.echo(text)


def _print_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=2))


def _network(proxy: dict[str, Any]) -> str:
    """How the way from the hub is, and those from members that are otherwise."""
    others = [f"from {name} {way['mode']}" for name, way in proxy["from"].items() if way["mode"] != proxy["mode"]]
    return ", ".join([proxy["mode"], *others])


def _print_table(described: dict[str, Any]) -> None:
    table = Table(box=None)
    for column in ("CLUSTER", "READY", "NETWORK", "NODES", "ACCELERATORS", "SERVER"):
        table.add_column(column, no_wrap=True)
    problems = []
    for each in described["clusters"]:
        proxy, nodes = each["proxy"], each["nodes"]
        table.add_row(
            each["name"],
            "yes" if each["ready"] else "[red]no[/red]",
            _network(proxy) if proxy else "?",
            f"{nodes['ready']}/{nodes['total']}",
            ", ".join(f"{count} {key}" for key, count in each["accelerators"].items()),
            each["server"],
        )
        problems += [
            f"{each['name']}: {key} is {state}" for key, state in each["components"].items() if state != "Running"
        ]
    if described["supervisor"] != "Running":
        problems.append("the supervisor is Dead: no proxy works; end the lab and start it again")
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(table)
    for text in (*problems, f"lab {described['name']} in {described['folder']}, {described['memoryMiB']} MiB"):
        console.print(text, highlight=False, markup=False, soft_wrap=True)
