"""Plays many histories, or one: `make soak SEEDS=1000`, `make soak SEED=42`, `make soak MUTATIONS=300`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from tests.sim.detection.history import play as play_detection
from tests.sim.kinds import DETECTION, LIFECYCLE, OPERATOR
from tests.sim.lifecycle.play import play as play_lifecycle
from tests.sim.operator.mutations import MUTATIONS, needed
from tests.sim.operator.play import Failure, shrink
from tests.sim.operator.play import play as play_operator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PLAYS: dict[str, Callable[[int], None]] = {
    OPERATOR: play_operator,
    LIFECYCLE: play_lifecycle,
    DETECTION: play_detection,
}
SAY_EVERY_S = 10.0
CHUNK = 10


def say(line: object) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def fails(seed: int, *, kind: str = OPERATOR) -> str:
    """Play a history; returns what it broke, or nothing."""
    try:
        PLAYS[kind](seed)
    except Exception as error:  # noqa: BLE001 - a finding, whatever it is
        return " ".join([f"seed {seed}: {error}".partition("\n")[0], *getattr(error, "__notes__", ())])
    return ""


def replay(seed: int, kind: str) -> int:
    """Play one history; one of the operator that fails is shrunk to what makes it fail."""
    try:
        PLAYS[kind](seed)
    except Failure as failure:
        say(shrink(failure))
        return 1
    except AssertionError:
        say(fails(seed, kind=kind))
        return 1
    say(f"seed {seed} passes")
    return 0


def soak(first: int, count: int, *, workers: int, kind: str) -> int:
    """Play many; the first that fails is shrunk. Interrupted, it says how to go on."""
    began_s = told_s = time.monotonic()
    failed, done = [], 0
    with ProcessPoolExecutor(workers) as pool:
        outcomes: Iterable[str] = pool.map(partial(fails, kind=kind), range(first, first + count), chunksize=CHUNK)
        try:
            for seed, found in enumerate(outcomes, start=first):
                done += 1
                if found:
                    failed.append(seed)
                    say(found)
                now_s = time.monotonic()
                if now_s - told_s > SAY_EVERY_S:
                    told_s, rate = now_s, done / (now_s - began_s)
                    left_s = (count - done) / rate
                    say(f"{done} of {count}, {rate:.1f} a second, {left_s:.0f} s to go; {len(failed)} failed")
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            say(f"go on with: make soak KIND={kind} FIRST={first + done} SEEDS={count - done}")
    taken_s = time.monotonic() - began_s
    say(f"{done} histories in {taken_s:.0f} s, {done / taken_s:.1f} a second; {len(failed)} failed")
    return replay(failed[0], kind) if failed else 0


def mutations(most: int) -> int:
    """Say of each mutation how many histories it takes to find it."""
    missed = 0
    for name in MUTATIONS:
        count = needed(name, fails, first=0, most=most)
        missed += count is None
        say(f"{name}: {f'found in {count}' if count else f'NOT found in {most}'}")
    return int(missed > 0)


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=PLAYS, default=OPERATOR)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--mutations", type=int)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    if chosen.mutations:
        return mutations(chosen.mutations)
    if chosen.seed is not None:
        return replay(chosen.seed, chosen.kind)
    return soak(chosen.first, chosen.seeds, workers=chosen.workers, kind=chosen.kind)


if __name__ == "__main__":
    sys.exit(main())
