"""`tradewind run`: the operator."""

from __future__ import annotations

import click

from tradewind.settings import Settings

DEFAULTS = Settings()


@click.command()
@click.option(
    "--namespace",
    "-n",
    default=DEFAULTS.namespace,
    show_default=True,
    help="The operator's own: Lease and kubeconfigs.",
)
@click.option(
    "--hub-name",
    default=DEFAULTS.hub_name,
    show_default=True,
    help="Written on each copy; a rebuilt hub of this name takes over the copies that it finds.",
)
@click.option("--kubeconfig", default="", help="Of the hub. Default: KUBECONFIG, ~/.kube/config, or the pod's own.")
@click.option("--context", default="", help="Of the kubeconfig.")
@click.option(
    "--listen",
    default=f"{DEFAULTS.listen_host}:{DEFAULTS.listen_port}",
    show_default=True,
    metavar="HOST:PORT",
    help="For /healthz, /readyz and /metrics.",
)
@click.option(
    "--config-period",
    default=DEFAULTS.config_period_s,
    show_default=True,
    type=click.FloatRange(min=1.0),
    metavar="SECONDS",
    help="How often the ConfigMaps and Secrets of placed work are brought up to date.",
)
def run(*, namespace: str, hub_name: str, kubeconfig: str, context: str, listen: str, config_period: float) -> int:
    """Run the operator until it is told to stop, or until another one leads.

    Example: tradewind run --kubeconfig hub.yaml --listen 127.0.0.1:8080
    """
    from tradewind.main import run as run_operator  # noqa: PLC0415 - kopf and the clients take a second to import

    host, _, port = listen.rpartition(":")
    if not port.isdigit():
        raise click.BadParameter(f"{listen!r} is no HOST:PORT", param_hint="--listen")
    return run_operator(
        Settings(
            namespace=namespace,
            hub_name=hub_name,
            kubeconfig=kubeconfig,
            context=context,
            listen_host=host or DEFAULTS.listen_host,
            listen_port=int(port),
            config_period_s=config_period,
        )
    )
