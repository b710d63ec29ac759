"""Addresses: only those that no other machine can hear, unless asked for."""

from __future__ import annotations

import socket

import pytest

from zcviz.errors import SelectionError
from zcviz.send import target_of


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("127.0.0.1:26400", ("127.0.0.1", 26400, "", 0)),
        (("127.9.9.9", 1), ("127.9.9.9", 1, "", 0)),
        ("localhost:65535", ("127.0.0.1", 65535, "", 0)),
        ("[::1]:7", ("::1", 7, "", 0)),
        ("239.1.2.3:7", ("239.1.2.3", 7, "127.0.0.1", 0)),
    ],
)
def test_loopback_is_allowed(to, expected):
    assert target_of(to) == expected
    assert str(target_of("[::1]:7")) == "[::1]:7"


@pytest.mark.parametrize(
    "to",
    [
        "10.0.0.1:1", "0.0.0.0:1", "255.255.255.255:1", "126.255.255.255:1", "128.0.0.0:1",
        "[::]:1", "[::ffff:10.0.0.1]:1", "[::ffff:127.0.0.1]:1", "[fe80::1]:1",
        "example.invalid:1", "localhost.example.invalid:1",
    ],
)  # fmt: skip
def test_everything_else_is_refused_and_said_why(to, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", None)  # not even asked for
    with pytest.raises(SelectionError, match=r"not on loopback.*--allow-remote"):
        target_of(to)


def test_a_group_stays_here_unless_asked_for():
    for options in ({"ttl": 1}, {"interface": "10.0.0.1"}, {"interface": "0.0.0.0"}):
        with pytest.raises(SelectionError, match="not on loopback"):
            target_of("239.1.2.3:7", **options)
    assert target_of("239.1.2.3:7", allow_remote=True) == ("239.1.2.3", 7, "", 1)
    there = target_of("239.1.2.3:7", allow_remote=True, interface="10.0.0.1", ttl=0)
    assert there == ("239.1.2.3", 7, "10.0.0.1", 0)
    assert target_of("10.0.0.1:7", allow_remote=True) == ("10.0.0.1", 7, "", 0)


@pytest.mark.parametrize(
    "to",
    [
        "", ":", "127.0.0.1", "127.0.0.1:", ":5", "127.0.0.1:0", "127.0.0.1:65536",
        "127.0.0.1:-1", "127.0.0.1:\uff11", "127.0.0.1:1e3", "::1:7", "[::1]", ("", 5),
        ("127.0.0.1", 0),
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_address_is_refused(to):
    with pytest.raises(SelectionError, match="expected HOST:PORT"):
        target_of(to)


@pytest.mark.parametrize(
    "options",
    [{"ttl": 2}, {"ttl": -1}, {"interface": "eth0"}, {"interface": "::1"}],
    ids=str,
)
def test_what_is_no_way_to_a_group_is_refused(options):
    with pytest.raises(SelectionError):
        target_of("239.1.2.3:7", allow_remote=True, **options)
    with pytest.raises(SelectionError, match="IPv4 only"):
        target_of("[ff02::1]:7", allow_remote=True)
