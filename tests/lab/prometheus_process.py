"""A real Prometheus with an exporter that a test sets: figures on their way from a scrape to a decision."""

from __future__ import annotations

import http
import json
import signal
import socket
import subprocess
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING

from tests.lab.operator_waiting import until

from tradewind.lab import binaries
from tradewind.lab.binaries import Source
from tradewind.lab.loopback import Loopback

if TYPE_CHECKING:
    from pathlib import Path

END_S = 20.0
ANSWER_S = 5.0


class Exporter(Loopback):
    """Serves what OpenCost's exporter does, and the intensity of a grid: lines of the text format."""

    def __init__(self) -> None:
        super().__init__(self._text, content_type="text/plain; version=0.0.4")
        self.lines: dict[str, str] = {}

    def _text(self) -> bytes:
        return "".join(f"{series} {value}\n" for series, value in self.lines.items()).encode()


class Prometheus:
    """One server; it can be started again after it ended, with what it had stored."""

    def __init__(self, exporter: Exporter, folder: Path) -> None:
        self._exporter = exporter
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, scraping every second; return once it is ready."""
        config = self._folder / "prometheus.yml"
        job = {"job_name": "opencost", "static_configs": [{"targets": [self._exporter.address]}]}
        config.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}), encoding="utf-8")
        tools = binaries.ensure([binaries.tool("prometheus"), binaries.tool("promtool")], source=Source.CACHE)
        subprocess.run([tools["promtool"], "check", "config", config], check=True, capture_output=True, timeout=30)  # noqa: S603 - the lab's own program
        command = [str(tools["prometheus"]), f"--config.file={config}", f"--web.listen-address=127.0.0.1:{self._port}"]
        with (self._folder / "prometheus.log").open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 - the lab's own program
                [*command, f"--storage.tsdb.path={self._folder / 'data'}"], stdout=out, stderr=out
            )
        until("Prometheus is ready", self._ready)

    def _ready(self) -> bool:
        with urllib.request.urlopen(f"{self.url}/-/ready", timeout=ANSWER_S) as answer:  # noqa: S310 - our own process
            return bool(answer.status == http.HTTPStatus.OK)

    def value(self, query: str) -> str:
        """What it answers to a query itself; "" where it finds nothing."""
        address = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        with urllib.request.urlopen(address, timeout=ANSWER_S) as answer:  # noqa: S310 - our own process
            result = json.load(answer)["data"]["result"]
        return str(result[0]["value"][1]) if result else ""

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(END_S)
