"""The output of `tradewind explain`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from tradewind.cli.bill import bill_of
from tradewind.cli.explainterms import term_lines
from tradewind.cli.planjson import workload_json
from tradewind.cli.planning import find, picture, told_to_people
from tradewind.cli.plantables import candidate_table, refusal_table
from tradewind.cli.present import from_here
from tradewind.cli.promises import promises_of
from tradewind.cli.wayout import way_out_of
from tradewind.cli.whyrender import cheaper_but_refused, console, why_chosen
from tradewind.model.plan import Wake
from tradewind.model.units import format_usd
from tradewind.placement.decisive import runner_up

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from tradewind.cli.planning import Source
    from tradewind.cli.wayout import WayOut
    from tradewind.model.decision import Candidate, Decision
    from tradewind.model.plan import Ask

Manifest = dict[str, Any]

SHOWN_CHANGES = 3
SHOWN_OFFERS = 3
CURES = {
    Wake.CAPACITY: "when nodes or pods there change",
    Wake.HEALTH: "when the cluster's health changes",
    Wake.CLUSTER: "when the FederatedCluster or the work's wish changes",
    Wake.WORKLOAD: "only if the workload's own spec changes",
    Wake.CONFIG: "when what the work names is there",
    Wake.DATA: "when its data's places change",
    Wake.PRICE: "when a price, a link or a budget changes",
}


def show_explanation(source: Source, *, name: str, namespace: str, output: str) -> None:
    """Plan and explain one workload."""
    with told_to_people():
        world = picture(source, also=(name, namespace))
        key = find(name, namespace, world.manifests)
        world = from_here(world, key)
        decision = next(one for one in world.decide() if one.key == key)
        ask, status = world.asked.get(key), world.manifests[key].get("status") or {}
        way_out = way_out_of(world, ask) if ask is not None and decision.chosen is None else None
        if output == "json":
            found = explanation_json(decision, ask, status, way_out, now_s=world.conditions.now_s)
            click.echo(json.dumps(found, indent=2, allow_nan=False))
        else:
            print_explanation(console(), decision, ask, status, way_out, now_s=world.conditions.now_s)


def would_change(decision: Decision) -> list[Candidate]:
    """List refused offers that would be taken if their refusals were cured: cheaper ones, fewest refusals first."""
    return sorted(cheaper_but_refused(decision), key=lambda one: (len(one.refusals), one.total_usd))[:SHOWN_CHANGES]


def margin_percent(decision: Decision) -> float | None:
    """Say by how many percent the machines here may get dearer before the next offer is cheaper; None without one."""
    chosen, second = decision.chosen, runner_up(decision.candidates)
    if chosen is None or second is None or len(decision.shares) > 1 or not chosen.usd.compute:
        return None
    return 100 * (second.total_usd - chosen.total_usd) / chosen.usd.compute


def explanation_json(
    decision: Decision, ask: Ask | None, status: Manifest, way_out: WayOut | None, *, now_s: float
) -> Manifest:
    """Write all that is known; fields are only ever added."""
    chosen = decision.chosen
    changes = [
        {
            "cluster": one.cluster,
            "offer": one.offer,
            "savesUSD": chosen.total_usd - one.total_usd if chosen else None,
            "refusals": [
                {"reason": each.reason, "message": each.message, "wakesOn": each.wakes_on.value}
                for each in one.refusals
            ],
        }
        for one in would_change(decision)
    ]
    recorded = {
        name: status[name] for name in ("phase", "conditions", "placements", "moves", "epoch") if name in status
    }
    return {
        **workload_json(decision, ask, now_s=now_s),
        "status": recorded or None,
        "wouldChange": changes,
        "contradiction": (way_out.contradiction or None) if way_out else None,
        "cures": way_out.as_json() if way_out else [],
    }


def print_explanation(
    screen: Console, decision: Decision, ask: Ask | None, status: Manifest, way_out: WayOut | None, *, now_s: float
) -> None:
    """Print why here or nowhere, every offer with every term, every refusal, and what would change it."""
    screen.print(Text(str(decision.key), style="bold"), Text(_what(ask)) if ask else "")
    promised = promises_of(decision, ask, now_s=now_s).lines() if ask else ()
    for line in (*_recorded(decision, status), *promised):
        screen.print(line, markup=False)
    if decision.chosen is None:
        _section(screen, "Why nowhere", [f"{decision.reason}: {decision.message}"])
        if way_out is not None:
            _section(screen, "What would cure it", way_out.lines())
    else:
        terms = term_lines(bill_of(decision.shares), decision, ask)
        _section(screen, "Why here", [*terms, why_chosen(decision)])
    if decision.candidates:
        _section(screen, "All offers")
        screen.print(candidate_table(decision, width=screen.width))
    refused = refusal_table(decision)
    if refused is not None:
        _section(screen, "What keeps it away, by reason")
        screen.print(refused)
    _section(screen, "What would change it", _changes(decision))
    _section(screen, "* rests on defaults, since nobody gave these figures", _assumed(decision))


def _assumed(decision: Decision) -> list[str]:
    """List every figure that a default stood in for, with the offers whose price rests on it."""
    priced = [one for one in decision.candidates if one.run_h]
    offers: dict[str, list[str]] = {}
    for one in priced:
        for phrase in one.assumed:
            offers.setdefault(phrase, []).append(f"{one.cluster}/{one.offer}")
    return [f"{phrase}: {_listed(names, of=len(priced))}" for phrase, names in offers.items()]


def _listed(names: list[str], *, of: int) -> str:
    if len(names) == of:
        return "every offer"
    more = len(names) - SHOWN_OFFERS
    return ", ".join(names[:SHOWN_OFFERS]) + (f" and {more} more" if more > 0 else "")


def _section(screen: Console, title: str, lines: Iterable[str] | None = None) -> None:
    lines = None if lines is None else list(lines)
    if lines == []:
        return
    screen.print(Text(f"\n{title}", style="bold"))
    for line in lines or ():
        screen.print(f"  {line}", markup=False)


def _what(ask: Ask) -> str:
    work = ask.workload
    pods = "1 pod" if work.pods.count == 1 else f"{work.pods.count} pods"
    types = f" ({' or '.join(work.accelerator_types)})" if work.accelerator_types else ""
    each = f"{work.pods.accelerators} accelerators{types}" if work.pods.accelerators else f"{work.pods.cpu_cores:g} CPU"
    return f"{work.type}, {pods} x {each}, priority {work.priority}, {ask.policy.guarantee}"


def _recorded(decision: Decision, status: Manifest) -> list[str]:
    """Say what the operator recorded, and whether a fresh plan agrees."""
    lines = []
    if status.get("phase"):
        ready: Manifest = next((one for one in status.get("conditions") or () if one["type"] == "Ready"), {})
        lines.append(f"The operator says: {status['phase']}. {ready.get('message', '')}".rstrip())
    for placement in status.get("placements") or ():
        here = f"{placement['cluster']}/{placement['offer']}"
        lines.append(f"Its copy: {placement['state']} on {here}, epoch {placement['epoch']}.")
    chosen = {(share.candidate.cluster, share.candidate.offer) for share in decision.shares}
    placed = {(one["cluster"], one["offer"]) for one in status.get("placements") or ()}
    if placed and chosen and placed != chosen:
        where = bill_of(decision.shares).where
        lines.append(f"A fresh plan would choose {where}; running work moves only for a saving past the policy's.")
    return lines


def _changes(decision: Decision) -> list[str]:
    lines = []
    chosen, margin, second = decision.chosen, margin_percent(decision), runner_up(decision.candidates)
    for one in would_change(decision):
        price = f"{format_usd(chosen.total_usd - one.total_usd)} less" if chosen else format_usd(one.total_usd)
        cures = "; ".join(f"{each.message} [{CURES[each.wakes_on]}]" for each in one.refusals)
        lines.append(f"{one.cluster}/{one.offer} ({price}): {cures}")
    if second is not None and margin is not None:
        lines.append(
            f"{second.cluster}/{second.offer} is next: if machines here get dearer by {margin:.1f} %, it is cheaper"
        )
    return lines
