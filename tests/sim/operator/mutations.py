"""Faults put into the operator, one function each: the simulator has to find every one of them."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.sim.operator.fakeapi import Client

import tradewind.apply.cluster_status
import tradewind.decide.ending
import tradewind.decide.keeping
import tradewind.decide.lifecycle
import tradewind.decide.placing
import tradewind.decide.shares
import tradewind.decide.sight
import tradewind.observe.connection
import tradewind.outage.verdict
import tradewind.runtime.judging
import tradewind.state.picture
from tradewind.apply.workload_writes import WorkloadWrites
from tradewind.kube.fence import Fence
from tradewind.kube.resources import AIWORKLOADS
from tradewind.model.health import Judgement, Verdict
from tradewind.model.placement import CopyState, Orphan
from tradewind.model.policy import Guarantee
from tradewind.observe.canaries import Canaries
from tradewind.observe.connection import Connection
from tradewind.observe.informer import Informer
from tradewind.outage.evidence import Heard, hear
from tradewind.outage.inflow import Inflow
from tradewind.outage.moves import may_leave
from tradewind.runtime.chores import Chores
from tradewind.runtime.judging import Judging

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Patches = tuple[tuple[object, str, Any], ...]
adopt, with_end = tradewind.decide.placing.adopt, tradewind.decide.ending.with_end
keep_all = tradewind.decide.shares.keep_all
list_again = Connection._list_again  # noqa: SLF001 - wrapped below
informer_ended = Informer._ended  # noqa: SLF001 - as above
merge = Client.merge
show = Canaries._show  # noqa: SLF001 - as above


async def _nothing(*_: object, **__: object) -> None:
    return


def _leaves_hot(health: Any, *, policy: Any, **more: Any) -> Any:
    return may_leave(health, policy=replace(policy, cooldown_s=0.0, max_moves_per_hour=99), **more)


def _leaves_twice(health: Any, *, policy: Any, **more: Any) -> Any:
    return may_leave(health, policy=replace(policy, guarantee=Guarantee.AT_LEAST_ONCE), **more)


def _adopts_running(view: Any, record: Any, *, most: int) -> Any:
    left = {name: copy for name, copy in view.copies.items() if copy.state is not CopyState.FINISHED}
    return adopt(replace(view, copies=left), record, most=most)


def _end_of_the_recorded(view: Any, now_s: float) -> Any:
    return with_end(view, now_s) if view.record.epoch else view.record


def _promised_by_place(copy: Any, *, uid: str, record: Any) -> bool:
    return bool(uid) and any(place.cluster == copy.cluster for place in record.placements)


async def _blind_merge(self: Any, resource: Any, name: str, body: Any, **more: Any) -> Any:
    if resource is AIWORKLOADS:
        metadata = {key: value for key, value in (body.get("metadata") or {}).items() if key != "resourceVersion"}
        body = {**body, "metadata": metadata}
    return await merge(self, resource, name, body, **more)


def _down_at_once(case: Any, **_: Any) -> Judgement:
    return Judgement(Verdict.DOWN, "ApiServerSilent", f"Silent: {bool(case)}.")


def _refusal_is_silence(evidence: Any, probe: Any) -> Any:
    heard = hear(evidence, probe)
    lost = {"silent_since_s": probe.started_s - 1000.0, "silent_probes": 9, "answering_since_s": None}
    return replace(heard, last=replace(probe, heard=Heard.SILENCE), **lost) if heard.credentials else heard


def _empties(self: Any, error: Any) -> Any:
    self._sink.replace([])  # what the mutation does
    return informer_ended(self, error)


async def _purges(self: Any) -> None:
    await list_again(self)
    copies = self.entry.member.inventory().copies.values() if self.entry.member is not None else ()
    self.entry.orphans = tuple(Orphan(copy.key, copy.workload_uid) for copy in copies)


def _oldest_wins(view: Any, record: Any, sight: Any, **more: Any) -> Any:
    old = {name: copy for name, copy in view.copies.items() if copy.epoch < record.epoch and copy.succeeded is None}
    step = adopt(replace(view, copies=old), replace(record, epoch=0), most=1)
    return keep_all(view, record, sight, **more) if step is None else step


def _never_lacks(self: Any, entry: Any, lacks: str) -> None:
    show(self, entry, lacks and "")


async def _merge_by_name(hub: Any, resource: Any, raw: Any, fields: Any) -> Any:
    name, namespace = raw["metadata"]["name"], raw["metadata"].get("namespace", "")
    return await hub.merge(resource, name, {"status": fields}, namespace=namespace, subresource="status")


def _in(*targets: object, attribute: str, value: Any) -> Patches:
    return tuple((target, attribute, value) for target in targets)


MUTATIONS: dict[str, Patches] = {
    # What the design rests on.
    "no reservation": _in(tradewind.state.picture, attribute="_promised", value=lambda *_, **__: {}),
    "cooldown ignored": _in(tradewind.decide.keeping, attribute="may_leave", value=_leaves_hot),
    "AtMostOnce leaves a lost cluster": _in(tradewind.decide.keeping, attribute="may_leave", value=_leaves_twice),
    "epoch not checked when copies are kept": _in(
        tradewind.decide.keeping,
        tradewind.decide.sight,
        tradewind.runtime.judging,
        attribute="is_promised",
        value=_promised_by_place,
    ),
    "clean-up after a cluster takes work again": _in(Judging, attribute="_is_clean", value=lambda *_: True),
    "finished work re-run when its record is gone": (
        (tradewind.decide.placing, "adopt", _adopts_running),
        (tradewind.decide.ending, "with_end", _end_of_the_recorded),
    ),
    "status written without resourceVersion": _in(Client, attribute="merge", value=_blind_merge),
    "writes without the lease": _in(Fence, attribute="left_s", value=lambda _: 60.0),
    "no freeze when most fall silent": _in(tradewind.outage.verdict, attribute="holds", value=lambda *_, **__: {}),
    "what is left behind is not written down": _in(WorkloadWrites, attribute="_write_orphans", value=_nothing),
    "a target that answers 429 is given no less": _in(Inflow, attribute="_cut", value=lambda *_: None),
    "writes go to whoever answers": _in(Connection, attribute="_confirm", value=_nothing),
    "a last resort without a canary": _in(Canaries, attribute="_show", value=_never_lacks),
    "nothing is swept": _in(Chores, attribute="_sweep_one", value=_nothing),
    "no finalizer": _in(WorkloadWrites, attribute="hold", value=_nothing),
    "a restored hub does not wait for members": _in(
        tradewind.decide.placing, attribute="_adoption", value=lambda *_: None
    ),
    "the status of a cluster goes to whoever bears its name": _in(
        tradewind.apply.cluster_status, attribute="_merge_status", value=_merge_by_name
    ),
    # What others got wrong.
    "one lost probe is an outage (liqo 1030)": _in(
        tradewind.outage.verdict, attribute="_judge_silent", value=_down_at_once
    ),
    "refused credentials are an outage (karmada 7408)": _in(
        tradewind.observe.connection, attribute="hear", value=_refusal_is_silence
    ),
    "a watch that breaks shows nothing (kueue 12999)": _in(Informer, attribute="_ended", value=_empties),
    "a cluster that returns loses its work (karmada 5150)": _in(Connection, attribute="_list_again", value=_purges),
    "stale copies stay where they are (karmada 4990)": _in(
        tradewind.decide.lifecycle, attribute="is_stale", value=lambda *_: False
    ),
    "the copy that began first wins (MultiKueue)": _in(
        tradewind.decide.shares, attribute="keep_all", value=_oldest_wins
    ),
}


class UnreachedError(AssertionError):
    """A mutation whose code never ran: that it is not found says nothing."""


@contextmanager
def mutated(name: str) -> Iterator[Counter[str]]:
    """Put one of them in; yields how often the code of each of its patches has run."""
    ran: Counter[str] = Counter()

    def counted(attribute: str, value: Any) -> Any:
        @wraps(value)
        def call(*arguments: Any, **more: Any) -> Any:
            ran[attribute] += 1
            return value(*arguments, **more)

        return call

    with ExitStack() as stack:
        for target, attribute, value in MUTATIONS[name]:
            stack.enter_context(patch.object(target, attribute, counted(attribute, value)))
        yield ran


def needed(name: str, fails: Callable[[int], str], *, first: int, most: int) -> int | None:
    """Say how many histories it takes to find a mutation, not counting those that fail without it; None for more.

    Raises:
        UnreachedError: its code has never run.
    """
    total: Counter[str] = Counter()
    for seed in range(first, first + most):
        with mutated(name) as ran:
            found = fails(seed)
        total += ran
        if found and not fails(seed):
            return seed - first + 1
    if any(not total[attribute] for _, attribute, _ in MUTATIONS[name]):
        raise UnreachedError(name)
    return None
