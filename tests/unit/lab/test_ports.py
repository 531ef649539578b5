"""Ports are free, below the kernel's own, and of one lab only."""

from __future__ import annotations

import socket

import pytest

from tradewind.lab import ports
from tradewind.lab.errors import LabError

FIRST = 29952
"""Above the blocks that labs take first, so that these tests and a running lab do not meet."""


@pytest.fixture(autouse=True)
def _two_free_blocks() -> None:
    for block in (FIRST, FIRST + ports.BLOCK):
        if not ports.is_free(block):
            pytest.skip("another lab has these ports")


def test_two_reservations_never_share_a_port() -> None:
    one, two = (ports.reserve(4, first=FIRST) for _ in range(2))
    with one.guard, two.guard:
        used = [
            {getattr(each.cluster(index), field) for index in range(4) for field in ports.ClusterPorts.__slots__}
            for each in (one, two)
        ]
        assert len(used[0]) == len(used[1]) == 4 * 7
        assert not used[0] & used[1]
        assert not {one.base, two.base} & (used[0] | used[1])


def test_a_block_in_which_a_port_is_taken_is_passed_over() -> None:
    taken = FIRST + ports.STRIDE * 2 + 1
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((ports.HOST, taken))
        other.listen()
        reservation = ports.reserve(4, first=FIRST)
        with reservation.guard:
            assert reservation.base == FIRST + ports.BLOCK


def test_a_block_is_free_again_when_its_guard_is_closed() -> None:
    ports.reserve(1, first=FIRST).guard.close()
    with ports.reserve(1, first=FIRST).guard as guard:
        assert guard.getsockname()[1] == FIRST


def test_every_port_lies_below_those_that_the_kernel_gives_to_clients() -> None:
    reservation = ports.reserve(ports.MAX_CLUSTERS, first=FIRST)
    with reservation.guard:
        assert reservation.cluster(ports.MAX_CLUSTERS - 1).proxy < ports.ephemeral_start()


def test_too_many_members_are_refused_with_the_limit() -> None:
    with pytest.raises(LabError, match=rf"TooManyMembers.*{ports.MAX_CLUSTERS - 1}"):
        ports.reserve(ports.MAX_CLUSTERS + 1)


def test_no_block_left_is_an_error_with_the_next_step() -> None:
    with ports.reserve(1, first=FIRST, last=FIRST + ports.BLOCK).guard, pytest.raises(LabError, match="lab down"):
        ports.reserve(1, first=FIRST, last=FIRST + ports.BLOCK)
