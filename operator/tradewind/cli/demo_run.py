"""Runs the demo from its options to its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

import click

from tradewind.cli.demo_stage import KEPT_NAME, find_examples, how_to_go_on, stage, strike
from tradewind.cli.demo_story import Story
from tradewind.cli.demo_view import Screen
from tradewind.cli.demo_watch import Watches
from tradewind.cli.signals import end_in_order
from tradewind.errors import RetryableError
from tradewind.lab.errors import LabError
from tradewind.lab.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from tradewind.cli.demo_audit import Count
    from tradewind.cli.demo_checks import Check
    from tradewind.cli.demo_stage import Stage


def play(*, name: str, keep: bool, examples: Path | None, as_json: bool) -> int:
    """Play the demo; returns the exit code."""
    screen = Screen(to_stderr=as_json)
    end_in_order()
    name = name or (KEPT_NAME if keep else f"demo-{os.getpid()}")
    began_s = time.monotonic()
    try:
        screen.step("Four control planes, the CRDs, the operator, the clusters")
        with stage(name, find_examples(examples), progress=Progress(screen.console), keep=keep) as on:
            screen.say(f"a hub and {', '.join(on.lab.members)} are up after {time.monotonic() - began_s:.1f} s")
            story, checks, counted = _tell(on, screen)
            screen.checks(checks)
            if keep:
                screen.step("To go on by hand")
                for line in how_to_go_on(on.lab):
                    screen.console.print(f"   {line}", markup=False, soft_wrap=True)
    except (KeyboardInterrupt, SystemExit):
        screen.say("Interrupted: all that was started has been ended.", "yellow")
        raise
    except LabError as error:
        raise click.ClickException(str(error)) from error
    except subprocess.SubprocessError as error:
        raise RetryableError("KubectlFailed", f"kubectl failed: {error}") from error
    seconds = time.monotonic() - began_s
    good = all(check.holds for check in checks)
    screen.last(_summary(story, checks, seconds), good=good)
    if as_json:
        click.echo(json.dumps(_as_json(story, checks, counted, seconds), indent=2))
    return 0 if good else 1


def end(name: str) -> int:
    """End a demo that was kept; returns the exit code."""
    try:
        click.echo(f"ended {strike(name or KEPT_NAME)} processes of the lab {name or KEPT_NAME!r}")
    except LabError as error:
        raise click.ClickException(str(error)) from error
    return 0


def _tell(on: Stage, screen: Screen) -> tuple[Story, list[Check], Count]:
    with Watches() as watches:
        story = Story(on, screen, watches)
        placed = story.place()
        story.foresee()
        story.lose()
        story.recover()
        checks, counted = story.check(placed=placed)
    return story, checks, counted


def _summary(story: Story, checks: list[Check], seconds: float) -> str:
    failed = [check.name for check in checks if not check.holds]
    if failed:
        return f"Demo failed after {seconds:.0f} s: {', '.join(failed)}."
    outage = story.outage
    placed = sum(bool(work.cluster) for work in story.picture.works.values())
    return (
        f"Demo passed in {seconds:.0f} s: {placed} of {len(story.picture.works)} workloads placed by price; "
        f"{outage.lost.name} died, {len(outage.movable)} moved and ran elsewhere after {outage.recovery_s:.1f} s, "
        f"{len(outage.waited)} waited as AtMostOnce must; no copy was left over."
    )


def _as_json(story: Story, checks: list[Check], counted: Count, seconds: float) -> dict[str, Any]:
    outage = story.outage
    return {
        "passed": all(check.holds for check in checks),
        "seconds": round(seconds, 1),
        "lost": outage.lost.name,
        "detectedSeconds": outage.detected_s,
        "recoverySeconds": outage.recovery_s,
        "moved": outage.reached,
        "waited": sorted(outage.waited),
        "doubleSeconds": {key: story.ledger.double_s(key) for key in outage.movable},
        "checks": [
            {"name": check.name, "text": check.text, "holds": check.holds, "detail": check.detail} for check in checks
        ],
        "members": [
            {
                "name": member.cluster,
                "copies": list(member.copies),
                "podsRunning": member.pods_running,
                "stale": list(member.stale),
            }
            for member in counted.members
        ],
        "forecast": {each.key: each.as_json() for each in story.foreseen},
        "timeline": outage.timeline,
    }
