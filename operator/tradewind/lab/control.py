"""Talks to a lab's supervisor: one JSON document per line, over loopback, with the lab's token."""

from __future__ import annotations

import json
import socket
from typing import Any

from tradewind.lab.errors import LabError
from tradewind.lab.ports import HOST

LIMIT = 1 << 16
_TIMEOUT_S = 10.0


def ask(port: int, token: str, operation: str, *, timeout_s: float = _TIMEOUT_S, **arguments: Any) -> dict[str, Any]:
    """Ask the supervisor for one operation, and return its answer."""
    request = json.dumps({"token": token, "operation": operation, "arguments": arguments}) + "\n"
    try:
        with socket.create_connection((HOST, port), timeout=timeout_s) as connection:
            connection.sendall(request.encode())
            line = connection.makefile("rb").readline(LIMIT)
        answer: dict[str, Any] = json.loads(line)
    except (OSError, ValueError) as error:
        raise LabError(
            "SupervisorGone",
            f"the lab's supervisor does not answer: {error}",
            next_step="End the lab with tradewind lab down, and start it again.",
        ) from error
    if "error" in answer:
        raise LabError("SupervisorRefused", str(answer["error"]))
    return answer
