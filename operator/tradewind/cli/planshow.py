"""The output of `tradewind plan`: tables, JSON, or the manifests that would be delivered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import yaml
from rich.text import Text

from tradewind.apply.render import render
from tradewind.cli.planjson import plan_json
from tradewind.cli.planning import picture, told_to_people
from tradewind.cli.plantables import candidate_table, plan_table, refusal_table
from tradewind.cli.promises import promises_of
from tradewind.cli.whyrender import assumptions, console, stderr_console, summary
from tradewind.model.placement import Placement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.cli.planning import Source
    from tradewind.cli.world import World
    from tradewind.model.decision import Decision, Share
    from tradewind.model.plan import Ask
    from tradewind.model.workload import Key

Manifest = dict[str, Any]


def show_plan(source: Source, *, output: str, candidates: bool, show_manifest: bool, hub_name: str) -> None:
    """Plan and print; `hub_name` is written on manifests."""
    with told_to_people():
        world = picture(source)
        with stderr_console().status(f"Planning {len(world.asks)} workloads ..."):
            decisions = world.decide()
            # What a decision rests on is measured when it is read.
            text = plan_json(decisions, world.asked, now_s=world.conditions.now_s) if output == "json" else {}
        if output == "json":
            if show_manifest:
                for each, decision in zip(text["workloads"], decisions, strict=True):
                    each["manifests"] = delivered(world, decision, hub_name=hub_name)
            click.echo(json.dumps(text, indent=2, allow_nan=False))
        elif show_manifest:
            _print_manifests(world, decisions, hub_name=hub_name)
        else:
            _print_tables(world, decisions, candidates=candidates or len(decisions) == 1)


def delivered(world: World, decision: Decision, *, hub_name: str) -> list[Manifest]:
    """Render what would be delivered for a decision: the copy, then its companions."""
    ask = world.asked.get(decision.key)
    if ask is None:
        return []
    return [one for share in decision.shares for one in _share(world, ask, share, hub_name)]


def _share(world: World, ask: Ask, share: Share, hub_name: str) -> list[Manifest]:
    chosen, raw = share.candidate, world.manifests[ask.workload.key]
    offers = world.clusters[chosen.cluster]["spec"]["offers"]
    patch = next(offer.get("podPatch") or {} for offer in offers if offer["name"] == chosen.offer)
    placement = Placement(
        cluster=chosen.cluster,
        offer=chosen.offer,
        market=chosen.market,
        replicas=share.replicas,
        epoch=int((raw.get("status") or {}).get("epoch") or 0) + 1,
        generation=ask.workload.generation,
        sources=chosen.sources,
    )
    rendered = render(
        raw,
        placement=placement,
        guarantee=ask.policy.guarantee,
        hub_name=hub_name,
        pod_patch=patch,
        data=ask.workload.data,
    )
    return [rendered.copy, *rendered.companions]


def _print_manifests(world: World, decisions: Sequence[Decision], *, hub_name: str) -> None:
    for decision in decisions:
        ask = world.asked.get(decision.key)
        if decision.chosen is None or ask is None:
            click.echo(f"# {decision.key} is not delivered: {decision.reason}: {decision.message}")
            continue
        for share in decision.shares:
            for manifest in _share(world, ask, share, hub_name):
                click.echo(f"---\n# {decision.key} on {share.candidate.cluster}, offer {share.candidate.offer}")
                click.echo(yaml.safe_dump(manifest, sort_keys=False, width=120), nl=False)


def _promises(world: World, decisions: Sequence[Decision]) -> dict[Key, list[str]]:
    asked, now_s = world.asked, world.conditions.now_s
    return {
        one.key: list(promises_of(one, asked[one.key], now_s=now_s).lines()) for one in decisions if one.key in asked
    }


def _print_tables(world: World, decisions: Sequence[Decision], *, candidates: bool) -> None:
    screen = console()
    if not decisions:
        screen.print("No AIWorkload to plan.")
        return
    screen.print(plan_table(decisions, _promises(world, decisions), width=screen.width))
    if candidates:
        for decision in decisions:
            if decision.candidates:
                screen.print(f"\n[bold]{decision.key}[/]")
                screen.print(candidate_table(decision, width=screen.width))
                refused = refusal_table(decision)
                if refused is not None:
                    screen.print(Text(), refused)
    screen.print(f"\n{summary(decisions)}.")
    assumed = assumptions(decisions)
    if assumed:
        screen.print("* rests on defaults, since nobody gave these figures:", style="dim")
        for phrase in assumed:
            screen.print(f"  {phrase}", style="dim", markup=False)
