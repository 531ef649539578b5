"""Plays many histories, or one: `make soak SEEDS=1000`, `make soak SEED=42`, `make soak MUTATIONS=300`.

Without a kind, many are of all kinds, in the proportions of `make test`, and one is of the whole operator.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from tests.sim.detection.history import play as play_detection
from tests.sim.kinds import DETECTION, LIFECYCLE, OPERATOR, interleaved, mix
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


def outcome(history: tuple[str, int]) -> str:
    """Play a history (kind, seed); returns what it broke, or nothing."""
    kind, seed = history
    return fails(seed, kind=kind)


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


class Tally:
    """What has been played and what failed, by kind; `counts` are the histories that were asked for."""

    def __init__(self, counts: dict[str, int], *, first: int) -> None:
        self.counts, self.first = counts, first
        self.done = dict.fromkeys(counts, 0)
        self.failed: dict[str, list[int]] = {kind: [] for kind in counts}
        self.began_s = time.monotonic()

    def add(self, kind: str, seed: int, found: str) -> None:
        """Count a history; seeds of a kind come in order."""
        self.done[kind] += 1
        if found:
            self.failed[kind].append(seed)

    def progress(self) -> str:
        """Say how far each kind is, and all of them."""
        done, count = sum(self.done.values()), sum(self.counts.values())
        rate = done / (time.monotonic() - self.began_s)
        kinds = ", ".join(f"{kind} {self.done[kind]} of {self.counts[kind]}" for kind in self.counts)
        failed = sum(map(len, self.failed.values()))
        return f"{kinds}; {done} of {count}, {rate:.1f} a second, {(count - done) / rate:.0f} s to go; {failed} failed"

    def rest(self) -> list[str]:
        """Say by which commands exactly what has not been played is played."""
        return [
            f"make soak KIND={kind} FIRST={self.first + self.done[kind]} SEEDS={count - self.done[kind]}"
            for kind, count in self.counts.items()
            if count > self.done[kind]
        ]

    def result(self) -> list[str]:
        """Sum up: a line for each kind, and one for all."""
        taken_s, done = time.monotonic() - self.began_s, sum(self.done.values())
        lines = [
            f"{kind}: {self.done[kind]} histories, {len(failed)} failed{': seeds ' if failed else ''}"
            + ", ".join(map(str, failed))
            for kind, failed in self.failed.items()
        ]
        return [*lines, f"all: {done} histories in {taken_s:.0f} s, {sum(map(len, self.failed.values()))} failed"]


def soak(counts: dict[str, int], *, first: int, workers: int) -> int:
    """Play many; the first that fails is shrunk. Interrupted, it says how to go on."""
    tally, told_s = Tally(counts, first=first), time.monotonic()
    histories = interleaved(counts, first=first)
    with ProcessPoolExecutor(workers) as pool:
        outcomes: Iterable[str] = pool.map(outcome, histories, chunksize=CHUNK)
        try:
            for (kind, seed), found in zip(histories, outcomes, strict=True):
                tally.add(kind, seed, found)
                if found:
                    say(f"{kind} {found}")
                if time.monotonic() - told_s > SAY_EVERY_S:
                    told_s = time.monotonic()
                    say(tally.progress())
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            say("go on with:")
            for command in tally.rest():
                say(f"  {command}")
    for line in tally.result():
        say(line)
    return next((replay(seeds[0], kind) for kind, seeds in tally.failed.items() if seeds), 0)


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
    parser.add_argument("--kind", choices=PLAYS)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--mutations", type=int)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    if chosen.mutations:
        return mutations(chosen.mutations)
    if chosen.seed is not None:
        return replay(chosen.seed, chosen.kind or OPERATOR)
    counts = {chosen.kind: chosen.seeds} if chosen.kind else mix(chosen.seeds)
    return soak(counts, first=chosen.first, workers=chosen.workers)


if __name__ == "__main__":
    sys.exit(main())
