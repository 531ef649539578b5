"""`tradewind demo`: the main job on real control planes of this machine."""

from __future__ import annotations

from pathlib import Path

import click

EXAMPLES = """
\b
Examples:
  tradewind demo
  tradewind demo --keep
  tradewind demo --down
"""


@click.command(epilog=EXAMPLES)
@click.option("--keep", is_flag=True, help="Leave the lab and the operator up, and say how to go on by hand.")
@click.option("--down", is_flag=True, help="End what --keep left up.")
@click.option("--name", default="", help="The lab's name.  [default: demo with --keep, else one of its own]")
@click.option(
    "--examples",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The manifests to play.  [default: ./examples, or those of this checkout]",
)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def demo(*, keep: bool, down: bool, name: str, examples: Path | None, output: str) -> int:
    """Place work on three clusters by price, kill the cheapest cloud, watch the work move, and count what is left.

    Needs no cluster and no container engine: the hub and its members are real control planes on this machine, with
    simulated nodes. Their programs are fetched or built the first time. It ends everything that it has started, also
    when it is interrupted.

    The exit code is 0 only if every check at the end holds. With -o json the figures go to stdout.
    """
    # Imported late: the lab and the terminal's tables would double the time of every --help.
    try:
        from tradewind.cli.demo_run import end, play  # noqa: PLC0415 - start-up time, see above
    except ModuleNotFoundError as error:
        raise click.ClickException(f"the lab needs {error.name}: pip install 'tradewind[lab]'") from error
    if down:
        return end(name)
    return play(name=name, keep=keep, examples=examples, as_json=output == "json")
