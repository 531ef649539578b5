"""The operator as its users run it: `tradewind run` as a process, with its log and its exit code."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from tests.lab.operator_waiting import until

START_S = 60.0
END_S = 30.0
NAMESPACE = "tradewind-system"
LEADS = (200, "ok\n")
STANDS_BY = (200, "ok, on standby\n")


class Operator:
    """One operator; it can be started again after it ended, and then goes on with the same log.

    Attributes:
        names: the file that its machine's resolver is, from its next start on; None for the real one.
    """

    def __init__(self, kubeconfig: Path, log: Path, *, log_level: str = "INFO") -> None:
        self.names: Path | None = None
        self._kubeconfig = kubeconfig
        self._log_level = log_level
        self._log = log
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        """Start it; with `wait`, return once it is ready to decide."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        program = ["-c", "from tradewind.cli import main; main()"]
        if self.names is not None:
            program = [str(Path(__file__).with_name("operator_resolver.py")), str(self.names)]
        command = [sys.executable, *program, "run"]
        command += ["--kubeconfig", str(self._kubeconfig), "--listen", f"127.0.0.1:{self._port}"]
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 - the program under test
                [*command, "--namespace", NAMESPACE, "--config-period", "2"],
                stdout=out,
                stderr=out,
                start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1", "TRADEWIND_LOG_LEVEL": self._log_level},
            )
        if wait:
            self.until_ready()

    def until_ready(self) -> None:
        """Wait until it leads and has seen all members."""
        until("the operator leads", lambda: self.runs and self.get("/readyz") == LEADS, within_s=START_S)

    def until_warm(self) -> None:
        """Wait until it stands by, and could take over."""
        until("the operator stands by", lambda: self.runs and self.get("/readyz") == STANDS_BY, within_s=START_S)

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def get(self, path: str) -> tuple[int, str]:
        """GET one of its own endpoints; status 0 where nothing listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (urllib.error.URLError, OSError):
            return 0, ""

    def metric(self, name: str, **labels: str) -> float:
        """The sum of one metric's samples that have these labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        samples = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        return sum(float(value) for found, value in samples if all(each in found for each in wanted))

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self._process is not None and self.runs:
            self._process.send_signal(number)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it, and return its exit code."""
        self.send(how)
        return self.exit_code()

    def kill(self) -> None:
        """End it as a crash would."""
        self.end(signal.SIGKILL)

    def exit_code(self) -> int:
        """Wait for its end."""
        assert self._process is not None
        try:
            return self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(END_S)
            raise

    def log(self) -> str:
        """All that it has logged."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""
