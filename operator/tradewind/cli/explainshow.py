"""The output of `tradewind explain`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from tradewind.cli.planjson import workload_json
from tradewind.cli.planning import find, picture, told_to_people
from tradewind.cli.whyrender import (
    assumptions,
    candidate_table,
    cheaper_but_refused,
    console,
    done_in_h,
    usd_per_hour,
    why_chosen,
)
from tradewind.model.plan import Wake
from tradewind.model.units import SECONDS_PER_HOUR, format_duration, format_usd

if TYPE_CHECKING:
    from rich.console import Console

    from tradewind.cli.planning import Source
    from tradewind.model.plan import Ask, Candidate, Decision

Manifest = dict[str, Any]

SHOWN_CHANGES = 3
CURES = {
    Wake.CAPACITY: "when nodes or pods there change",
    Wake.HEALTH: "when the cluster's health changes",
    Wake.CLUSTER: "when the FederatedCluster or the work's wish changes",
    Wake.WORKLOAD: "only if the workload's own spec changes",
    Wake.CONFIG: "when what the work names is there",
}


def show_explanation(source: Source, *, name: str, namespace: str, output: str) -> None:
    """Plan and explain one workload."""
    with told_to_people():
        world = picture(source, also=(name, namespace))
        key = find(name, namespace, world.manifests)
        decision = next(one for one in world.decide() if one.key == key)
        ask, status = world.asked.get(key), world.manifests[key].get("status") or {}
        if output == "json":
            click.echo(json.dumps(_json(decision, ask, status), indent=2, allow_nan=False))
        else:
            _print(console(), decision, ask, status)


def would_change(decision: Decision) -> list[Candidate]:
    """List refused offers that would be taken if their refusals were cured: cheaper ones, fewest refusals first."""
    return sorted(cheaper_but_refused(decision), key=lambda one: (len(one.refusals), one.total_usd))[:SHOWN_CHANGES]


def margin_percent(decision: Decision) -> float | None:
    """Say by how many percent the machines here may get dearer before the next offer is cheaper; None without one."""
    feasible = [one for one in decision.candidates if one.feasible]
    if len(feasible) < 2 or not feasible[0].usd.compute:  # noqa: PLR2004 - the chosen one and the next
        return None
    return 100 * (feasible[1].total_usd - feasible[0].total_usd) / feasible[0].usd.compute


def _json(decision: Decision, ask: Ask | None, status: Manifest) -> Manifest:
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
    return {**workload_json(decision, ask), "status": recorded or None, "wouldChange": changes}


def _print(screen: Console, decision: Decision, ask: Ask | None, status: Manifest) -> None:
    screen.print(Text(str(decision.key), style="bold"), Text(_what(ask)) if ask else "")
    for line in _recorded(decision, status):
        screen.print(line, markup=False)
    chosen = decision.chosen
    if chosen is None:
        screen.print(Text.assemble("\n", ("Why nowhere", "bold"), f"\n  {decision.reason}: {decision.message}"))
    else:
        screen.print(Text.assemble("\n", ("Why here", "bold")))
        for line in _terms(chosen, ask):
            screen.print(f"  {line}", markup=False)
        screen.print(f"  {why_chosen(decision)}", markup=False)
    if decision.candidates:
        screen.print(Text.assemble("\n", ("All offers", "bold")))
        screen.print(candidate_table(decision, width=screen.width))
    changes = _changes(decision)
    if changes:
        screen.print(Text.assemble("\n", ("What would change it", "bold")))
        for line in changes:
            screen.print(f"  {line}", markup=False)
    assumed = assumptions([decision])
    if assumed:
        screen.print(Text.assemble("\n", ("* rests on defaults: ", "dim"), ("; ".join(assumed), "dim")))


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
        chosen = decision.chosen
        if chosen is not None and (chosen.cluster, chosen.offer) != (placement["cluster"], placement["offer"]):
            lines.append(
                f"A fresh plan would choose {chosen.cluster}/{chosen.offer}; running work is not moved for money."
            )
    return lines


def _terms(chosen: Candidate, ask: Ask | None) -> list[str]:
    usd, held_h = chosen.usd, chosen.run_h + chosen.transfer_h
    done = _time(done_in_h(chosen))
    lines = [
        f"{chosen.cluster}/{chosen.offer} ({chosen.market}): {format_usd(chosen.total_usd)} in total, done in {done}",
        f"compute  {format_usd(usd.compute):>10}  {format_usd(usd_per_hour(chosen))} an hour for {_time(held_h)}",
    ]
    if usd.egress or chosen.transfer_h:
        lines.append(f"egress   {format_usd(usd.egress):>10}  its data is moved in {_time(chosen.transfer_h)}")
    if usd.delay and ask is not None:
        hourly = format_usd(ask.policy.usd_per_delay_hour)
        lines.append(f"delay    {format_usd(usd.delay):>10}  {hourly} an hour for {done}")
    return lines


def _changes(decision: Decision) -> list[str]:
    lines = []
    chosen, margin = decision.chosen, margin_percent(decision)
    for one in would_change(decision):
        price = f"{format_usd(chosen.total_usd - one.total_usd)} less" if chosen else format_usd(one.total_usd)
        cures = "; ".join(f"{each.message} [{CURES[each.wakes_on]}]" for each in one.refusals)
        lines.append(f"{one.cluster}/{one.offer} ({price}): {cures}")
    if chosen is not None and margin is not None:
        second = next(one for one in decision.candidates[1:] if one.feasible)
        lines.append(
            f"{second.cluster}/{second.offer} is next: if machines here get dearer by {margin:.1f} %, it is cheaper"
        )
    return lines


def _time(hours: float) -> str:
    return format_duration(hours * SECONDS_PER_HOUR)
