"""AF_XDP: refused where it is, detached when it is closed; and rings without any privilege."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guarded import ROOT
from tests.receive import namespaces
from tests.receive.permitted import drained, opened, sender_to
from zcviz import receive

if sys.platform != "linux":
    pytest.skip("AF_XDP is Linux's", allow_module_level=True)


@pytest.mark.parametrize("where", ["loopback", "veth"])
def test_zero_copy_is_refused_by_the_driver(where, request):
    with opened("xdp.copy"):  # with the privileges it takes
        pass
    if where == "loopback":
        check_refusal("127.0.0.1")
    else:
        veth = request.getfixturevalue("veth")
        with veth.inside_receiver():
            check_refusal(veth.address)


def check_refusal(host):
    with pytest.raises(OSError, match=r"^.Errno 95. xdp\.zerocopy") as refused:
        receive.open("xdp.zerocopy", host=host)
    assert refused.value.errno == errno.EOPNOTSUPP


def test_the_next_one_has_the_queue(veth):
    with veth.inside_receiver():
        for _ in range(3):
            with opened("xdp.copy", host=veth.address) as receiver:
                with veth.inside_sender(), sender_to(receiver.address) as sender:
                    sender.send(b"x")
                assert drained(receiver) == [b"x"]


def test_two_on_one_queue_are_one_too_many(veth):
    with veth.inside_receiver(), opened("xdp.copy", host=veth.address) as receiver:
        with pytest.raises(OSError, match=r"xdp\.copy") as refused:
            receive.open("xdp.copy", host=veth.address)
        assert refused.value.errno == errno.EBUSY
        with veth.inside_sender(), sender_to(receiver.address) as sender:
            sender.send(b"still here")
        assert drained(receiver) == [b"still here"]


def test_a_closed_one_leaves_the_interface_as_it_was(veth):
    with veth.inside_receiver():
        with opened("xdp.copy", host=veth.address):
            assert "xdp" in link_of(veth)
        assert "xdp" not in link_of(veth)
        with receive.open("udp.recv_into", host=veth.address) as receiver:
            with veth.inside_sender(), sender_to(receiver.address) as sender:
                sender.send(b"the usual way")
            assert drained(receiver) == [b"the usual way"]


def link_of(veth):
    words = ["ip", "link", "show", veth.interface]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=20).stdout


def test_fallen_short_of_small_chunks_it_takes_large_ones():
    for slot, chunk in {64: 2048, 1710: 2048, 1711: 4096, 2048: 4096, 65536: 4096}.items():
        with opened("xdp.copy", slot=slot, block=1 << 16, blocks=5) as receiver:
            assert receiver._chunk == chunk
            assert receiver._chunks == (1 << 18) // chunk
            with sender_to(receiver.address) as sender:
                sender.send(bytes(min(slot, 3750)))
            assert drained(receiver, 0.05) == [bytes(min(slot, 3750))]


# --- namespaces


def names() -> set[str]:
    return {each.name for each in Path("/run/netns").iterdir()}


def here() -> str:
    return str(Path("/proc/thread-self/ns/net").readlink())


def test_namespaces_are_there_and_gone():
    before = here()
    try:
        with namespaces.cable() as laid:
            assert {laid.sender, laid.receiver} <= names()
            with laid.inside_sender():
                assert here() != before
            assert here() == before
            raise KeyError("a test that fails")
    except OSError as error:
        pytest.skip(f"no network namespaces here: {error}")
    except KeyError:
        pass
    assert not {laid.sender, laid.receiver} & names()


def test_a_cable_that_cannot_be_laid_leaves_nothing(monkeypatch, veth):
    before = names()

    def refuse(*_):
        raise OSError(errno.EPERM, "refused")

    monkeypatch.setattr(namespaces, "_set_up", refuse)
    with pytest.raises(OSError, match="refused"), namespaces.cable():
        pass
    assert names() == before


# --- an ordinary user

ORDINARY = """
import ctypes, errno, os, sys
from tests.receive.permitted import drained, sender_to
from zcviz import receive

def told(path):
    try:
        with receive.open(path, retire=1) as receiver, sender_to(receiver.address) as sender:
            sender.send(b"x")
            return repr(drained(receiver))
    except OSError as error:
        return errno.errorcode[error.errno]

for path in sys.argv[1:]:
    receive.path_named(path)  # what it takes may lie where only root can read
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
print(*(told(path) for path in sys.argv[1:]), flush=True)
if ctypes.CDLL(None).unshare(0x10000000 | 0x40000000):
    sys.exit()
os.system("ip link set lo up")
print(*(told(path) for path in sys.argv[1:]))
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be less")
def test_an_ordinary_user_has_rings_in_a_namespace_of_their_own():
    done = subprocess.run(
        [sys.executable, "-c", ORDINARY, "packet.ring_v3", "packet.ring_v2", "xdp.copy"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ZCVIZ_NO_NUMBA": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    usual, *unshared = done.stdout.splitlines()
    assert usual == "EPERM EPERM EPERM"
    assert unshared in ([], ["[b'x'] [b'x'] EPERM"])
