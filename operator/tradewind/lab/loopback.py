"""A web server on loopback, in place of what providers and exporters serve; and what AWS serves in an outage."""

from __future__ import annotations

import json
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

from tradewind.lab.ports import HOST

if TYPE_CHECKING:
    from collections.abc import Callable

_BEGAN_AGO_S = 60


class Loopback:
    """Answers every GET with the body that a function says at that moment, and HEAD without it. A context manager.

    Attributes:
        status: the HTTP status of its answers, to be changed at any time.
    """

    def __init__(self, body: Callable[[], bytes], *, content_type: str = "") -> None:
        """`body` is called in a thread of the server's; without `content_type` the answers name none."""
        self.status: int = HTTPStatus.OK
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> bytes:
                answer = body()
                self.send_response(loopback.status)
                if content_type:
                    self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                return answer

            def do_GET(self) -> None:
                self.wfile.write(self.do_HEAD())

            def log_message(self, *_: object) -> None:
                """Say nothing: the output is its user's."""

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        """Its host and port."""
        return f"{HOST}:{self._server.server_port}"

    @property
    def url(self) -> str:
        """Its address, as URL."""
        return f"http://{self.address}/"

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.stop()

    def stop(self) -> None:
        """Answer no more; once is as good as twice."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def aws_events(region: str, *states: str, title: str = "Increased Error Rates") -> bytes:
    """Write what AWS's status feed answers, in its encoding: for each state ("3": outage) an event of EC2 there."""
    events = [
        {
            "date": str(int(time.time()) - _BEGAN_AGO_S),
            "arn": f"arn:aws:health:{region}::event/EC2/AWS_EC2_OPERATIONAL_ISSUE/AWS_EC2_OPERATIONAL_ISSUE_1",
            "service": f"ec2-{region}",
            "service_name": "Amazon Elastic Compute Cloud",
            "status": state,
            "summary": title,
        }
        for state in states
    ]
    return b"\xfe\xff" + json.dumps(events).encode("utf-16-be")
