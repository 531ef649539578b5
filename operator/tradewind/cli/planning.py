"""What `plan` and `explain` share: from options to a picture, and from errors to exit codes."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click
from rich.console import Console

from tradewind.api.reading import did_you_mean
from tradewind.cli.loss import parse, without
from tradewind.cli.offline import objects_of, offline_world, read_files, skipped
from tradewind.cli.world import Objects, hub_of
from tradewind.errors import InputError, TradewindError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from tradewind.cli.world import World
    from tradewind.model.workload import Key

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2


@dataclass(frozen=True, slots=True)
class Source:
    """Where the picture comes from.

    Attributes:
        files: manifests; where they hold a fleet, no API server is asked.
        losses: as `--without` gives them.
        kubeconfig, context: of the hub.
        system_namespace: the operator's, where link tables are.
    """

    files: tuple[Path, ...]
    losses: tuple[str, ...] = ()
    kubeconfig: str = ""
    context: str = ""
    system_namespace: str = ""


@contextmanager
def told_to_people() -> Iterator[None]:
    """Turn errors into a line on stderr and an exit code: 2 where the input must change, 1 where the hub fails."""
    try:
        yield
    except TradewindError as error:
        click.echo(f"Error: {error.message}", err=True)
        bad = isinstance(error, InputError) or error.reason == "KubeconfigInvalid"
        raise SystemExit(EXIT_BAD_INPUT if bad else EXIT_FAILED) from None


def picture(source: Source, *, also: tuple[str, str] | None = None) -> World:
    """Make the picture that a command plans on.

    Files that hold a fleet are planned by themselves. Otherwise the hub's fleet is used, for the files' workloads, or
    without files for those that wait on the hub.

    Args:
        source: the options.
        also: name and namespace ("" for any) of a workload to plan on the hub even if it has a place.

    Raises:
        TradewindError: for input that can't be used, or a hub that does not answer.
    """
    losses = [parse(text) for text in source.losses]
    manifests = read_files(source.files)
    if manifests.of("FederatedCluster"):
        world = offline_world(manifests)
    else:
        given = objects_of(manifests)
        world = _on_hub(source, given, also=also)
        world = replace(world, notes=(*world.notes, *skipped(manifests)))
    noted(world.notes)
    return without(world, losses)


def noted(notes: Iterable[str]) -> None:
    """Tell what the reader of the output should know of the picture behind it."""
    for each in notes:
        click.echo(f"note: {each}", err=True)


def find(name: str, namespace: str, among: Collection[Key]) -> Key:
    """Find a workload by `NAME` or `NAMESPACE/NAME`.

    Raises:
        InputError: there is none, or several, of that name.
    """
    *spaces, short = name.split("/", 1)
    wanted = namespace or "".join(spaces)
    found = sorted(key for key in among if key.name == short and (not wanted or key.namespace == wanted))
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(str(key) for key in found)
        raise InputError("AIWorkload", "", f'"{short}" is in several namespaces: {listed}; choose one with -n')
    names = {str(key) if spaces else key.name for key in among}
    hint = did_you_mean(name, names) or (f" (known: {', '.join(sorted(names)[:5])})" if names else "")
    where = f" in namespace {wanted}" if wanted else ""
    raise InputError("AIWorkload", "", f'there is no "{short}"{where}{hint}')


def overlaid(source: Source, given: Objects) -> Objects:
    """Read the hub, and lay what files gave over it.

    Raises:
        TradewindError: the hub does not answer, or does not let us in.
    """
    # The Kubernetes client takes half of the time that a plan of files needs, and files need none.
    from tradewind.cli.live import fetch  # noqa: PLC0415 - see above

    try:
        with Console(stderr=True).status("Reading the hub ..."):
            stored = fetch(
                kubeconfig=source.kubeconfig, context=source.context, system_namespace=source.system_namespace
            )
    except TradewindError as error:
        if source.files:
            error.message = f"the files hold no FederatedCluster, so the hub's fleet is needed: {error.message}"
        raise
    return given.over(stored)


def _on_hub(source: Source, given: Objects, *, also: tuple[str, str] | None) -> World:
    from tradewind.cli.live import live_world, waits  # noqa: PLC0415 - start-up time, see above

    objects = overlaid(source, given)
    hub = hub_of(objects)
    mine = hub_of(given).workloads
    keys = {key for key, entry in hub.workloads.items() if key in mine or (not source.files and waits(entry))}
    if also is not None:
        keys.add(find(*also, hub.workloads))
    return live_world(objects, keys=sorted(keys), hub=hub)
