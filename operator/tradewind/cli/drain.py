"""`tradewind drain`, `cordon` and `uncordon`: what a FederatedCluster's owner lets happen on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tradewind.model.units import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

DRAIN_EXAMPLES = """
\b
Examples:
  tradewind drain aws-eu-north-1
  tradewind drain aws-eu-north-1 --timeout 2h -o json
  tradewind drain aws-eu-north-1 --undo
"""
CORDON_EXAMPLE = "Example: tradewind cordon aws-eu-north-1"
UNCORDON_EXAMPLE = "Example: tradewind uncordon aws-eu-north-1"


class DurationType(click.ParamType[float]):
    """A duration as the API writes it, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it."""
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _hub_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--context", default="", help="The context in the kubeconfig."),
        click.option("--kubeconfig", default="", help="The hub's kubeconfig; KUBECONFIG or ~/.kube/config if absent."),
        click.option("--force", is_flag=True, help="Also where Git sets the field, and will set it back."),
    ):
        command = option(command)
    return command


@click.command("drain", epilog=DRAIN_EXAMPLES)
@click.argument("cluster")
@click.option("--undo", is_flag=True, help="Let it take work again: the same as tradewind uncordon.")
@click.option("--timeout", type=DurationType(), default=None, help="Stop watching after this time, such as 2h.")
@click.option("--no-wait", is_flag=True, help="Set it and return; the operator goes on by itself.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="How to print.")
@_hub_options
def drain(*, cluster: str, undo: bool, timeout: float | None, no_wait: bool, output: str, **hub: Any) -> None:
    r"""Empty a cluster: no new work, and what runs there leaves at its next checkpoint, if there is another place.

    It sets spec.scheduling to Draining, and shows each workload until none is left. Ctrl-C ends only the watching.
    Where Git sets that field, as with Argo CD, change it there: it would be set back. Once it is Draining, by whoever,
    the same command watches.

    \b
    Exit codes:
      0  nothing is left there, or --no-wait, or --undo
      1  the hub does not answer, or Git sets the field
      2  there is no such cluster, or the input is bad otherwise
      3  the time is over, and work is still there
    """
    from tradewind.cli.draining import Hub, follow, held_by, schedule  # noqa: PLC0415 - it is slow to import: --help

    where, watches = Hub(hub["kubeconfig"], hub["context"]), not (undo or no_wait)
    # Some work leaves within a second: what is there is looked at before.
    there = held_by(where, cluster) if watches else set()
    changed = schedule(where, cluster, "Enabled" if undo else "Draining", force=hub["force"])
    if watches:
        raise SystemExit(follow(where, changed, there=there, timeout_s=timeout, output=output))


@click.command("cordon", epilog=CORDON_EXAMPLE)
@click.argument("cluster")
@_hub_options
def cordon(*, cluster: str, **hub: Any) -> None:
    """Let a cluster take no new work; what runs there stays. Sets spec.scheduling to Cordoned.

    The exit codes are those of tradewind drain.
    """
    from tradewind.cli.draining import Hub, schedule  # noqa: PLC0415 - as above

    schedule(Hub(hub["kubeconfig"], hub["context"]), cluster, "Cordoned", force=hub["force"])


@click.command("uncordon", epilog=UNCORDON_EXAMPLE)
@click.argument("cluster")
@_hub_options
def uncordon(*, cluster: str, **hub: Any) -> None:
    """Let a cluster take work again, after cordon or drain. Sets spec.scheduling to Enabled.

    The exit codes are those of tradewind drain.
    """
    from tradewind.cli.draining import Hub, schedule  # noqa: PLC0415 - as above

    schedule(Hub(hub["kubeconfig"], hub["context"]), cluster, "Enabled", force=hub["force"])
