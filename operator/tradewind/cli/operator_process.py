"""The operator as a process of this machine, for the demo, the benchmarks and the tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Self

from tradewind.errors import RetryableError

if TYPE_CHECKING:
    from pathlib import Path

START_S = 60.0
STOP_S = 15.0


def free_port() -> int:
    """Find a port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class OperatorProcess:
    """One `tradewind run`. Use it as a context manager, so that it never outlives its user."""

    def __init__(self, kubeconfig: Path, *, log: Path, port: int = 0, namespace: str = "tradewind-system") -> None:
        self.log = log
        port = port or free_port()
        self._url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-c", "from tradewind.cli import main; main()", "run"]
        self._command += ["--kubeconfig", str(kubeconfig), "--listen", f"127.0.0.1:{port}", "--namespace", namespace]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id.

        Raises:
            RetryableError: it does not run.
        """
        if self._process is None or self._process.poll() is not None:
            raise RetryableError("OperatorEnded", f"The operator does not run; its log is {self.log}.")
        return self._process.pid

    def start(self) -> Self:
        """Start it, and wait until it leads and is ready to decide.

        Raises:
            RetryableError: it ended, or was not ready in time; the message names its log.
        """
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                self._command,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        deadline_s = time.monotonic() + START_S
        while not self._leads():
            if time.monotonic() > deadline_s:
                self.stop()
                raise RetryableError(
                    "OperatorNotReady", f"The operator was not ready in {START_S:.0f} s: see {self.log}."
                )
            _ = self.pid
            time.sleep(0.1)
        return self

    def metrics(self) -> str:
        """Read /metrics."""
        with urllib.request.urlopen(f"{self._url}/metrics", timeout=5) as answer:  # noqa: S310 - http on loopback
            return str(answer.read().decode())

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, and insist."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _leads(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._url}/readyz", timeout=1) as answer:  # noqa: S310 - http on loopback
                return bool(answer.read() == b"ok\n")  # a standby is ready too, and says what it is
        except (urllib.error.URLError, OSError):
            return False

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.stop()
