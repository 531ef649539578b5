"""The command line: `tradewind COMMAND`, and the same as `kubectl tradewind COMMAND`."""

from __future__ import annotations

import difflib
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from tradewind import __version__
from tradewind.errors import TradewindError

if TYPE_CHECKING:
    from typing import Any

EXIT_INPUT = 2
COMMANDS = {
    "run": ("tradewind.cli.run:run", "Run the operator."),
    "plan": ("tradewind.cli.plan:plan", "Show where work would go, at what price, and why not elsewhere."),
    "explain": ("tradewind.cli.explain:explain", "Say why a workload is where it is, or why it waits."),
    "whatif": ("tradewind.cli.whatif:whatif", "Show what losing a cluster, a region or a provider would come to."),
    "assess": ("tradewind.cli.assess:assess", "Show who could take each workload, and what excludes the others."),
    "top": ("tradewind.cli.top:top", "Show the fleet: verdicts, free accelerators, spending, work."),
    "drain": ("tradewind.cli.drain:drain", "Empty a cluster, and show how its work leaves."),
    "cordon": ("tradewind.cli.drain:cordon", "Let a cluster take no new work."),
    "uncordon": ("tradewind.cli.drain:uncordon", "Let a cluster take work again."),
    "demo": ("tradewind.cli.demo:demo", "Show the main job on real control planes: place, lose a cloud, move."),
    "lab": ("tradewind.cli.lab:lab", "Real control planes on this machine, and faults to try on them."),
    "bench": ("tradewind.cli.bench:bench", "Measure."),
    "crds": ("tradewind.cli.crds:crds", "Write the CRDs from their models."),
}
"""Name: where it is, and its one line of help. A command's module is imported only when it is used."""


class Commands(click.Group):
    """A group that imports a command when it is called, and knows what a misspelt one may have meant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{name} is no command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one is near."""
        near = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and near:
            ctx.fail(f"no such command {args[0]!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table without importing anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tradewind")
def cli() -> None:
    """Place AI work on the best of many Kubernetes clusters, and move it when a cloud fails.

    Example: tradewind plan -f examples/
    """


def main(args: list[str] | None = None) -> None:
    """Run the command line. Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    try:
        outcome: Any = cli.main(args=args, prog_name="tradewind", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except TradewindError as error:
        click.echo(f"Error: {error.message}", err=True)
        sys.exit(EXIT_INPUT if error.reason == "InvalidSpec" else 1)
    sys.exit(outcome if isinstance(outcome, int) else 0)
