"""``tradewind lab``: real control planes on one machine. Only declares the commands, so that it imports quickly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

COMPONENTS = ("apiserver", "scheduler", "controller-manager", "nodes", "etcd", "all")
MODES = ("blackhole", "refuse", "delay", "one-way", "answer", "expired")
SOURCES = ("auto", "cache", "download", "build")
RUNTIMES = ("auto", "binary", "kind")


def _commands() -> ModuleType:
    from tradewind.lab import commands  # noqa: PLC0415 - every other command of tradewind would pay for it

    return commands


def _run(command: str, **options: Any) -> None:
    commands = _commands()
    commands.guarded(getattr(commands, command), **options)


def _example(*lines: str) -> str:
    """The end of a help text; the backspace keeps click from wrapping it."""
    return "\n".join(["\b", "Example:", *(f"  {line}" for line in lines)])


def _of_lab(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which lab."""
    command = click.option("--name", default="tradewind", show_default=True, help="The lab's name.")(command)
    return click.option(
        "--dir",
        "root",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of all labs. [default: TRADEWIND_LAB_DIR, else ~/.local/state/tradewind/lab]",
    )(command)


_output = click.option(
    "-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="How to print."
)
_component = click.option(
    "--component",
    type=click.Choice(COMPONENTS),
    default="all",
    show_default=True,
    help="Which part of the control plane; nodes is what keeps the simulated nodes alive.",
)
_cluster = click.argument("cluster", metavar="CLUSTER")


@click.group(
    epilog=_example(
        "tradewind lab up --members aws,gcp,onprem",
        "tradewind lab kill aws && tradewind lab resume aws",
        "tradewind lab down",
    )
)
def lab() -> None:
    """Real Kubernetes control planes on this machine, to try and to break.

    A lab is a hub and some members, each with its own API server, etcd, controller manager and scheduler on loopback.
    Nodes, accelerators and pods are simulated by KWOK.
    """


@lab.command(
    epilog=_example(
        "tradewind lab up",
        "tradewind lab up --name second --members edge-1,edge-2 --nodes 4",
        "tradewind lab up --fleet examples/",
    )
)
@_of_lab
@click.option("--members", default="", help="Their names, comma-separated. [default: aws,gcp,onprem, or the fleet's]")
@click.option(
    "--nodes", type=click.IntRange(0, 1000), default=2, show_default=True, help="Nodes per pool that cannot grow."
)
@click.option(
    "--fleet",
    "fleet_path",
    type=click.Path(path_type=Path, exists=True),
    help="FederatedCluster manifests: the members and nodes to make. A file, or a folder of them.",
)
@click.option("--time-scale", default="1/60", show_default=True, help="Lab time per real time of `provisioning`.")
@click.option("--runtime", type=click.Choice(RUNTIMES), default="auto", show_default=True, help="What runs the planes.")
@_output
def up(**options: Any) -> None:
    """Start a lab, and wait until it is ready. The programs it needs are fetched or built the first time."""
    _run("up", **options)


@lab.command()
@_of_lab
@_output
def down(**options: Any) -> None:
    """End a lab: every process, every file."""
    _run("down", **options)


@lab.command()
@_of_lab
@_output
def status(**options: Any) -> None:
    """Show what runs, and what is cut. Exit status 3 unless everything is up."""
    _run("show_status", **options)


@lab.command(epilog=_example("export KUBECONFIG=$(tradewind lab kubeconfig aws --path)", "kubectl get nodes"))
@_cluster
@_of_lab
@click.option("--direct", is_flag=True, help="Not through the proxy: cuts are not felt.")
@click.option("--from", "observer", default="hub", show_default=True, help="By the way of this cluster (Linux).")
@click.option("--path", is_flag=True, help="Print the path of a file instead.")
@_output
def kubeconfig(**options: Any) -> None:
    """Print the kubeconfig of the hub or of a member."""
    _run("kubeconfig", **options)


@lab.command()
@_cluster
@_of_lab
@_component
@click.option("--now", is_flag=True, help="With nodes: mark them lost at once, not after their grace period (40 s).")
@_output
def kill(**options: Any) -> None:
    """Kill a cluster, or a part of it, as a crash would (SIGKILL)."""
    _run("kill", **options)


@lab.command()
@_cluster
@_of_lab
@_component
@_output
def pause(**options: Any) -> None:
    """Make a cluster, or a part of it, hang (SIGSTOP): connections stay, nothing answers."""
    _run("pause", **options)


@lab.command()
@_cluster
@_of_lab
@_component
@_output
def resume(**options: Any) -> None:
    """Continue what is paused and start what was killed, on the same data; wait until it works."""
    _run("resume", **options)


@lab.command(epilog=_example("tradewind lab rebuild aws", "tradewind explain cluster/aws"))
@_cluster
@_of_lab
@_output
def rebuild(**options: Any) -> None:
    """Lose all data of a cluster: another one, empty but for its nodes, answers under the same name and address."""
    _run("rebuild", **options)


@lab.command(
    epilog=_example(
        "tradewind lab cut aws",
        "tradewind lab cut aws --mode delay --delay 30s",
        "tradewind lab cut aws --mode answer --status 503",
        "tradewind lab cut aws --from hub",
        "tradewind lab heal aws",
    )
)
@_cluster
@_of_lab
@click.option("--mode", type=click.Choice(MODES), default="blackhole", show_default=True, help="How it fails.")
@click.option("--delay", default="3s", show_default=True, help="For delay: what each round trip takes longer.")
@click.option(
    "--status",
    type=click.IntRange(400, 599),
    default=429,
    show_default=True,
    help="For answer: the HTTP status of all answers.",
)
@click.option("--from", "observer", default="", help="Only the way of this cluster: hub, or a member. [default: all]")
@_output
def cut(**options: Any) -> None:
    r"""Cut the network to a cluster's API server, also for connections that exist.

    \b
    blackhole  nothing passes
    one-way    requests arrive, answers don't
    refuse     connections are reset, new ones refused
    delay      everything takes longer
    answer     every request is answered with an error
    expired    the certificate has expired
    """
    _run("cut", **options)


@lab.command()
@_cluster
@_of_lab
@_output
def heal(**options: Any) -> None:
    """Make the network to a cluster's API server whole again, for all who look at it."""
    _run("heal", **options)


@lab.command(epilog=_example("tradewind lab binaries", "tradewind lab binaries --from build kubectl"))
@click.argument("tools", metavar="[TOOL]...", nargs=-1)
@click.option("--from", "source", type=click.Choice(SOURCES), default="auto", show_default=True, help="Where from.")
@_output
def binaries(**options: Any) -> None:
    """Get the programs that labs need, or the named ones, and say where they are.

    They are looked for in the folder named by TRADEWIND_LAB_BIN or KUBEBUILDER_ASSETS, then in the user's cache; then
    the official releases are fetched where they can be reached; else they are built with Go.
    """
    _run("show_binaries", **options)
