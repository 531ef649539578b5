"""What the demo sees: `kubectl get --watch`, as events on one queue. None of it passes through Tradewind's own code."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Manifest = dict[str, Any]

FIRST_PAUSE_S = 0.3
LAST_PAUSE_S = 0.7
"""A watch whose API server is dead is begun again after a pause that grows from the first to the last."""
END_S = 5.0


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a watch.

    Attributes:
        source: the name of the watch that it came from.
        obj: None where the watch begins (again): what was known from it before counts no more.
        deleted: whether the object is gone.
        at_s: when it was read, by the monotonic clock.
    """

    source: str
    obj: Manifest | None
    deleted: bool
    at_s: float


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl on one API server; it keeps its cache out of the user's home."""

    program: Path
    kubeconfig: Path
    cache: Path

    def command(self, *arguments: str) -> list[str]:
        """Make the whole command line."""
        return [str(self.program), f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.cache}", *arguments]

    def list_all(self, kinds: str, *, selector: str = "", timeout_s: float = 30.0) -> list[Manifest]:
        """List objects in all namespaces.

        Raises:
            subprocess.SubprocessError: the API server does not answer.
        """
        arguments = ["get", kinds, "--all-namespaces", "--output=json", f"--selector={selector}"]
        done = subprocess.run(  # noqa: S603 - the lab's own kubectl
            self.command(*arguments), capture_output=True, text=True, timeout=timeout_s, check=True
        )
        items: list[Manifest] = json.loads(done.stdout)["items"]
        return items


class Watches:
    """Watches that put their events on one queue until they are stopped. Use it as a context manager."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._over = threading.Event()
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def watch(self, source: str, kubectl: Kubectl, kind: str, *, selector: str = "") -> None:
        """Begin a watch of one kind in all namespaces; it begins again whenever it ends."""
        arguments = ["get", kind, "--all-namespaces", "--watch", "--output-watch-events", "--output=json"]
        command = kubectl.command(*arguments, f"--selector={selector}")
        thread = threading.Thread(target=self._keep, args=(source, command), name=f"watch {source}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def take(self, *, timeout_s: float) -> Event | None:
        """Wait for the next event; None if there was none."""
        try:
            return self._events.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def _keep(self, source: str, command: list[str]) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._over.is_set():
            lines = 0
            for line in self._lines(source, command):
                if not lines:
                    self._events.put(Event(source, None, deleted=False, at_s=time.monotonic()))
                lines += 1
                event = json.loads(line)
                self._events.put(
                    Event(source, event["object"], deleted=event["type"] == "DELETED", at_s=time.monotonic())
                )
            pause_s = FIRST_PAUSE_S if lines else min(LAST_PAUSE_S, pause_s * 1.5)
            self._over.wait(pause_s)

    def _lines(self, source: str, command: list[str]) -> Iterator[str]:
        with self._lock:
            if self._over.is_set():
                return
            process = self._running[source] = subprocess.Popen(  # noqa: S603 - the lab's own kubectl
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                # Ctrl-C is for the demo, which ends its watches itself.
                start_new_session=True,
            )
        with process:
            yield from _whole(process.stdout or ())

    def stop(self) -> None:
        """End every watch."""
        with self._lock:
            self._over.set()
            for process in self._running.values():
                if process.poll() is None:
                    process.kill()
        for thread in self._threads:
            thread.join(END_S)

    def __enter__(self) -> Self:
        """Begin with no watch."""
        return self

    def __exit__(self, *_: object) -> None:
        """End every watch."""
        self.stop()


def _whole(lines: Iterable[str]) -> Iterator[str]:
    """Leave out a line that a dying kubectl did not finish, and what is no event."""
    for line in lines:
        if line.startswith("{") and line.endswith("}\n"):
            yield line
