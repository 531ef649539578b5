"""`tradewind whatif`: what losing a cluster, a region or a provider would come to. Nothing is touched."""

from __future__ import annotations

from typing import Any

import click

from tradewind.cli.plan import files_option, hub_options, output_option, source_of

EXAMPLES = """
\b
Examples:
  tradewind whatif --lose provider=aws -f examples/
  tradewind whatif --lose cluster=madrid-dc --lose region=gcp/europe-west4
  tradewind whatif --lose provider=aws -o json
"""


@click.command("whatif", epilog=EXAMPLES)
@click.option(
    "--lose",
    "lose",
    multiple=True,
    required=True,
    metavar="KEY=VALUE",
    help="What is lost: cluster=NAME, region=REGION, region=PROVIDER/REGION or provider=NAME. May be repeated: all of "
    "it at once. With a region or a provider the data there is lost too.",
)
@files_option
@output_option
@hub_options
def whatif(*, lose: tuple[str, ...], output: str, **source: Any) -> int:
    """Show what would become of all work if clusters, regions or providers were lost. Nothing is touched.

    Work of what is lost moves by the operator's own rules, all of it together: beside the work that keeps its place,
    under shared capacity, from checkpoints and replicas that can still be read. What can't move is stranded, with the
    reason; AtMostOnce work waits for the cluster or for a person's word.

    The work that runs is taken from the status of the hub's AIWorkloads. With FederatedClusters among the files no
    cluster is asked, and work without a status is where a plan would put it.

    The exit code is 0 where nothing is stranded, 3 where something is, 1 where the hub does not answer, 2 for bad
    input.
    """
    from tradewind.cli.whatifshow import show_whatif  # noqa: PLC0415 - start-up time, as in plan

    return show_whatif(source_of(**source), lose=lose, output=output)
