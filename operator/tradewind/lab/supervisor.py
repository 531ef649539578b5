"""The one process that stays for as long as a lab does: the ways to its clusters, and the provisioner of nodes.

``python -m tradewind.lab.supervisor FOLDER --control-fd N``; N is a listening socket, the guard of the lab's ports.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hmac
import json
import logging
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from tradewind.lab.control import LIMIT
from tradewind.lab.provisioner import Provisioner
from tradewind.lab.proxy import Mode
from tradewind.lab.state import LabRecord
from tradewind.lab.ways import Cut, Ways

_REQUEST_TIMEOUT_S = 10.0


class Supervisor:
    """Holds the ways to each cluster by its name, and answers requests about them."""

    def __init__(self, record: LabRecord) -> None:
        self._record = record
        self._ways = {name: Ways(record, name) for name in record.clusters}
        self._provisioner = Provisioner(record)

    async def run(self, guard: socket.socket) -> None:
        """Serve until a signal says to end."""
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, over.set)
        for ways in self._ways.values():
            await ways.start()
        server = await asyncio.start_server(self._serve, sock=guard, limit=LIMIT)
        async with server, asyncio.TaskGroup() as tasks:
            provisioning = tasks.create_task(self._provisioner.run())
            await over.wait()
            provisioning.cancel()
        for ways in self._ways.values():
            await ways.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                answer = await self._answer(await reader.readline())
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            if not hmac.compare_digest(str(request["token"]), self._record.token):
                return {"error": "this is another lab's token"}
            arguments = request["arguments"]
            match request["operation"]:
                case "status":
                    return self._status()
                case "mode":
                    cut = Cut(Mode(arguments["mode"]), float(arguments["delay_s"]), int(arguments["status"]))
                    await self._ways[arguments["cluster"]].cut(cut, observer=arguments["observer"])
                    return self._status()
                case "way":
                    return {"host": await self._ways[arguments["cluster"]].open(arguments["observer"])}
                case operation:
                    return {"error": f"no such operation: {operation}"}
        except (ValueError, KeyError, TypeError, OSError) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def _status(self) -> dict[str, Any]:
        return {name: ways.status() for name, ways in self._ways.items()}


def main(arguments: list[str]) -> None:
    """Run the supervisor of one lab."""
    parser = argparse.ArgumentParser(prog="python -m tradewind.lab.supervisor")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--control-fd", type=int, required=True)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    # A blackhole keeps every connection that clients open meanwhile.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    guard = socket.socket(fileno=options.control_fd)
    guard.setblocking(False)  # noqa: FBT003 - the socket API has no keyword for it
    asyncio.run(Supervisor(LabRecord.load(options.folder)).run(guard))


if __name__ == "__main__":
    main(sys.argv[1:])
