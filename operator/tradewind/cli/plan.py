"""`tradewind plan`: where work would go, what it would cost, and why; nothing is touched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tradewind.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.cli.planning import Source

EXAMPLES = """
\b
Examples:
  tradewind plan -f examples/
  tradewind plan -f fleet.yaml -f train.yaml --candidates
  tradewind plan -f examples/ --without provider=aws -o json
  tradewind plan -f train.yaml --show-manifest
"""


files_option = click.option(
    "-f",
    "--filename",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE|DIR",
    help="Manifests: a file, or a folder's *.yaml, *.yml and *.json. May be repeated. With FederatedClusters among "
    "them no cluster is asked; without, the hub's fleet is used.",
)
without_option = click.option(
    "--without",
    "losses",
    multiple=True,
    metavar="KEY=VALUE",
    help="Plan as if a cluster=, region= or provider= were lost, with the data that is there. May be repeated.",
)
output_option = click.option(
    "-o", "--output", type=click.Choice(["table", "json"]), default="table", help="How to print."
)


def hub_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where the hub is."""
    for option in (
        click.option(
            "--system-namespace",
            default=Settings().namespace,
            show_default=True,
            help="The operator's namespace on the hub, where link tables are.",
        ),
        click.option("--context", default="", help="The context in the kubeconfig."),
        click.option("--kubeconfig", default="", help="The hub's kubeconfig; KUBECONFIG or ~/.kube/config if absent."),
    ):
        command = option(command)
    return command


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what is planned on; the command takes them as one `source`."""
    return files_option(without_option(output_option(hub_options(command))))


def source_of(**given: Any) -> Source:
    """Put the options of `source_options` together."""
    # Imported late, here and below: the solver and the Kubernetes client would double the time of every --help.
    from tradewind.cli.planning import Source  # noqa: PLC0415 - start-up time, see above

    return Source(**given)


@click.command("plan", epilog=EXAMPLES)
@source_options
@click.option("--candidates", is_flag=True, help="Show every offer for every workload, with the reason next to it.")
@click.option("--show-manifest", is_flag=True, help="Print what would be delivered, as YAML.")
@click.option("--hub-name", default=Settings().hub_name, show_default=True, help="For --show-manifest: the hub's name.")
def plan(*, output: str, candidates: bool, show_manifest: bool, hub_name: str, **source: Any) -> None:
    """Show where work would go, what it would cost, and why. Nothing is touched.

    All workloads are planned together, under shared capacity. Without -f, those that wait on the hub are planned.

    The exit code is 0 also where some work finds no place, 1 where the hub does not answer, 2 for bad input.
    """
    from tradewind.cli.planshow import show_plan  # noqa: PLC0415 - start-up time, as above

    show_plan(source_of(**source), output=output, candidates=candidates, show_manifest=show_manifest, hub_name=hub_name)
