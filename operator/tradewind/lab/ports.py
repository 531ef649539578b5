"""Which ports a lab uses.

All lie below the kernel's ephemeral range: the port of a killed API server could else be taken by some client's own
end of a connection, and the API server would not come back. A lab owns one block of ports. The first port of the block
is its guard: whoever listens there owns the block, so two labs that start at once can never share one, also if they
belong to different users.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tradewind.lab.errors import BadInputError, LabError

HOST = "127.0.0.1"
FIRST = 20480
BLOCK = 256
STRIDE = 8
MAX_CLUSTERS = BLOCK // STRIDE - 1
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_DEFAULT_EPHEMERAL = 32768


@dataclass(frozen=True, slots=True)
class ClusterPorts:
    """The ports of one control plane, all on loopback."""

    apiserver: int
    etcd: int
    etcd_peer: int
    controller_manager: int
    scheduler: int
    kwok: int
    proxy: int

    @classmethod
    def at(cls, base: int) -> Self:
        """The ports that follow each other from ``base``."""
        return cls(*range(base, base + len(cls.__slots__)))


@dataclass(slots=True)
class Reservation:
    """A block of ports; it is ours for as long as the guard listens."""

    base: int
    guard: socket.socket

    def cluster(self, index: int) -> ClusterPorts:
        """The ports of the cluster with this index, counted from 0."""
        return ClusterPorts.at(self.base + STRIDE * (index + 1))


def ephemeral_start() -> int:
    """The first port that the kernel gives to clients."""
    try:
        return int(_EPHEMERAL_RANGE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return _DEFAULT_EPHEMERAL


def reserve(clusters: int, *, first: int = FIRST, last: int | None = None) -> Reservation:
    """Take the first block of ports in which every port that ``clusters`` control planes need is free."""
    if clusters > MAX_CLUSTERS:
        raise BadInputError(
            "TooManyMembers",
            f"a lab has at most {MAX_CLUSTERS - 1} members, {clusters - 1} were asked for",
            next_step="Ask for fewer with --members, or start a second lab with --name.",
        )
    last = min(_DEFAULT_EPHEMERAL, ephemeral_start()) if last is None else last
    for base in range(first, last - BLOCK + 1, BLOCK):
        guard = listen(base)
        if guard is None:
            continue
        needed = range(base + STRIDE, base + STRIDE * (clusters + 1))
        if all(is_free(port) for port in needed):
            return Reservation(base, guard)
        guard.close()
    raise LabError(
        "NoFreePorts",
        f"every block of {BLOCK} ports between {first} and {last} is in use",
        next_step="End a lab that is no longer needed: tradewind lab status, tradewind lab down --name NAME.",
    )


def listen(port: int) -> socket.socket | None:
    """A socket that listens on loopback, or None where the port is taken."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # As the servers do themselves: connections in TIME_WAIT must not count as taken.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
        sock.listen()
    except OSError:
        sock.close()
        return None
    return sock


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of loopback now."""
    sock = listen(port)
    if sock is None:
        return False
    sock.close()
    return True
