"""`tradewind`, on a machine whose resolver is a file: `python operator_resolver.py FILE run ...`.

The file holds lines of a name and an address. Without it the resolver fails, as one does that nobody answers.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

from tradewind.cli import main

ZONE = ".clusters.test"
_system = socket.getaddrinfo


def _getaddrinfo(host: Any, *arguments: Any, **more: Any) -> Any:
    if not str(host).endswith(ZONE):
        return _system(host, *arguments, **more)
    try:
        names = dict(line.split() for line in _names.read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution") from None
    return _system(names[str(host)], *arguments, **more)


if __name__ == "__main__":
    _names = Path(sys.argv.pop(1))
    socket.getaddrinfo = _getaddrinfo
    main()
