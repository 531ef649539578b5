"""Breaks and mends one control plane of a lab: kills, pauses and starts its components, or makes it anew."""

from __future__ import annotations

import shutil
import signal
from typing import TYPE_CHECKING

from tradewind.lab import health, kind, processes
from tradewind.lab.clusters import Runtime
from tradewind.lab.errors import BadInputError, LabError
from tradewind.lab.processes import Component

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from tradewind.lab.clusters import Cluster
    from tradewind.lab.nodes import Pool

ALL = "all"
# Each needs those before it.
_ORDER = (
    Component.ETCD,
    Component.APISERVER,
    Component.CONTROLLER_MANAGER,
    Component.SCHEDULER,
    Component.NODES,
)
_STORE = _ORDER[:2]
_SIGNAL_TIMEOUT_S = 10.0
_READY_TIMEOUT_S = 60.0


def components(name: str | Component) -> tuple[Component, ...]:
    """The components that a name stands for, in the order in which they start."""
    if name == ALL:
        return _ORDER
    try:
        return (Component(name),)
    except ValueError:
        raise BadInputError(
            "UnknownComponent",
            f"there is no component {str(name)!r}",
            next_step=f"Known: {', '.join(Component)}, {ALL}.",
        ) from None


def kill(cluster: Cluster, wanted: Iterable[Component], *, now: bool = False) -> int:
    """SIGKILL these components; returns how many were alive.

    Nodes whose simulator was killed turn NotReady after their grace period, about 40 s later; with ``now`` they are
    marked so at once, as the controller manager would.
    """
    wanted = set(wanted)
    _container(cluster, wanted, "kill")
    found = processes.of_cluster(cluster.lab_folder, cluster.name, wanted)
    if now and Component.NODES in wanted and _STORE[1] not in wanted:
        _end([each for each in found if each.component is Component.NODES])
        health.mark_lost(cluster)
    _end(found)
    return len(found)


def _end(found: list[processes.LabProcess]) -> None:
    processes.send(found, signal.SIGKILL)
    processes.wait_gone(found, timeout_s=_SIGNAL_TIMEOUT_S)


def pause(cluster: Cluster, wanted: Iterable[Component]) -> int:
    """SIGSTOP these components: they keep their connections and answer nothing. Returns how many were alive."""
    _container(cluster, set(wanted), "pause")
    found = processes.of_cluster(cluster.lab_folder, cluster.name, wanted)
    processes.pause(found, timeout_s=_SIGNAL_TIMEOUT_S)
    return len(found)


def resume(cluster: Cluster, wanted: Iterable[Component]) -> list[Component]:
    """Continue what is paused and start what is dead, on the same data; wait until it works.

    Returns what had to be started again.
    """
    wanted = set(wanted)
    if cluster.runtime is Runtime.KIND:
        return _resume_container(cluster, wanted)
    found = processes.of_cluster(cluster.lab_folder, cluster.name, _ORDER)
    processes.send([each for each in found if each.component in wanted], signal.SIGCONT)
    alive = {each.component for each in found}
    dead = [component for component in _ORDER if component in wanted and component not in alive]
    up: AbstractSet[Component | None] = alive | set(dead)
    for component in dead:
        if component not in _STORE and set(_STORE) <= up:
            # The others give up if they find no API server when they start.
            cluster.wait_ready(timeout_s=_READY_TIMEOUT_S)
            if component is Component.NODES:
                health.release_nodes(cluster)
        cluster.start(component)
    if set(_STORE) <= up and wanted & {*_STORE, Component.NODES}:
        cluster.wait_ready(timeout_s=_READY_TIMEOUT_S)
        if Component.NODES in up:
            health.wait_nodes(cluster, timeout_s=_READY_TIMEOUT_S)
    return dead


def rebuild(cluster: Cluster, pools: Iterable[Pool]) -> str:
    """Lose all data of a cluster, and start it again with the nodes of its pools; returns its new UID."""
    if cluster.runtime is Runtime.KIND:
        raise LabError("NotWithKind", "a kind cluster cannot be made anew in its place")
    kill(cluster, _ORDER)
    shutil.rmtree(cluster.folder / "etcd")
    for component in _STORE:
        cluster.start(component)
    cluster.wait_ready(timeout_s=_READY_TIMEOUT_S)
    for component in _ORDER[len(_STORE) :]:
        cluster.start(component)
    health.add_nodes(cluster, pools)
    health.wait_nodes(cluster, timeout_s=_READY_TIMEOUT_S)
    return cluster.uid()


def _container(cluster: Cluster, wanted: set[Component], verb: str) -> None:
    """Do to kind's container what is asked for all that runs in it; no part of it can fail alone."""
    inside = wanted & kind.CONTAINER_PARTS
    if cluster.runtime is not Runtime.KIND or not inside:
        return
    if inside != kind.CONTAINER_PARTS:
        raise LabError(
            "NotWithKind",
            f"{', '.join(sorted(inside))} of a kind cluster cannot fail alone",
            next_step=f"Use --component {ALL} or {Component.NODES}, or a lab with --runtime binary.",
        )
    kind.container(cluster, verb)


def _resume_container(cluster: Cluster, wanted: set[Component]) -> list[Component]:
    state = kind.container_state(cluster)
    if state != "Running":
        _container(cluster, wanted, "unpause" if state == "Paused" else "start")
    found = processes.of_cluster(cluster.lab_folder, cluster.name, [Component.NODES])
    processes.send(found, signal.SIGCONT)
    dead = [] if found or Component.NODES not in wanted else [Component.NODES]
    cluster.wait_ready(timeout_s=_READY_TIMEOUT_S)
    if dead:
        health.release_nodes(cluster)
        kind.start_nodes(cluster)
    health.wait_nodes(cluster, timeout_s=_READY_TIMEOUT_S)
    return dead
