"""`tradewind assess`: who could take each workload, where it is locked in, and what its limits exclude."""

from __future__ import annotations

from typing import Any

import click

from tradewind.cli.plan import files_option, hub_options, output_option, source_of

EXAMPLES = """
\b
Examples:
  tradewind assess -f examples/
  tradewind assess
  tradewind assess -f deploy/ --fail-on single-provider --fail-on unplaced
"""
FLAGS = ("single-provider", "single-cluster", "unplaced")


@click.command("assess", epilog=EXAMPLES)
@click.option(
    "--fail-on",
    "fail_on",
    multiple=True,
    type=click.Choice(FLAGS),
    help="End with 3 if some workload could go to a single provider or cluster only, or to none. May be repeated.",
)
@files_option
@output_option
@hub_options
def assess(*, fail_on: tuple[str, ...], output: str, **source: Any) -> int:
    """Show how many clusters, regions and providers could take each workload, and what its limits exclude.

    "1 of 3" means: one has room today, beside all other work; three could by the rules, if there were room. Below, for
    each law, certificate and other limit: the offers that it alone excludes, which would come back if it were dropped.

    The exit code is 0, 3 where --fail-on finds something, 1 where the hub does not answer, 2 for bad input.
    """
    from tradewind.cli.assessshow import show_assessment  # noqa: PLC0415 - start-up time, as in plan

    return show_assessment(source_of(**source), fail_on=fail_on, output=output)
