"""`tradewind explain`: why here, why not there, and what would change it."""

from __future__ import annotations

from typing import Any

import click

from tradewind.cli.plan import source_of, source_options

EXAMPLES = """
\b
Examples:
  tradewind explain scan-pretrain -n research
  tradewind explain research/scan-pretrain -f examples/
  tradewind explain scan-pretrain --without provider=aws -o json
  tradewind explain cluster/aws-eu-north-1
"""


@click.command("explain", epilog=EXAMPLES)
@click.argument("name")
@click.option("-n", "--namespace", default="", help="The workload's namespace; needed where a name is in several.")
@source_options
def explain(*, name: str, namespace: str, output: str, **source: Any) -> None:
    """Say why a workload is where it is, why not elsewhere, and what would change it.

    On a hub it also shows what the operator recorded, and whether a fresh plan would choose the same place. With -f it
    plans the files, all of their workloads together.

    cluster/NAME explains the verdict on a FederatedCluster instead: the evidence behind it, each with its age. (A
    workload of a namespace that is called cluster is found with -n.)

    The exit code is 0 also where it finds no place, 1 where the hub does not answer, 2 for bad input.
    """
    from tradewind.cli.explainshow import show_explanation  # noqa: PLC0415 - start-up time, as in plan

    if name.startswith("cluster/") and not namespace:
        from tradewind.cli.explaincluster import show_cluster  # noqa: PLC0415 - start-up time, as in plan

        show_cluster(source_of(**source), name=name.removeprefix("cluster/"), output=output)
        return
    show_explanation(source_of(**source), name=name, namespace=namespace, output=output)
