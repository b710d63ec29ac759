"""Which packets are ours: decided by both kinds of BPF, on the system's own machine for them."""

from __future__ import annotations

import ctypes
import errno
import os
import random
import socket
import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import ethernet, ipv4, mold, udp
from tests.packets import mutated

if sys.platform != "linux":
    pytest.skip("packet sockets are Linux's", allow_module_level=True)

from tests.receive.permitted import opened
from zcviz import receive
from zcviz.receive import Where, bpf
from zcviz.receive.packet import interface_of

PORT, FROM, TO = 26400, "10.0.0.1", "233.54.12.111"  # as the helpers write them
WHOLE = ethernet(ipv4(udp(mold(1))))
OURS = {
    "plain": WHOLE,
    "with options": ethernet(ipv4(udp(mold(1)), options=b"\1" * 12)),
    "with all options": ethernet(ipv4(udp(mold(1)), options=b"\1" * 40)),
    "may be fragmented": ethernet(ipv4(udp(mold(1)), fragment=0)),
}
OTHERS = {
    "TCP": ethernet(ipv4(udp(mold(1)), protocol=6)),
    "first fragment": ethernet(ipv4(udp(mold(1)), fragment=0x2000)),
    "last fragment": ethernet(ipv4(udp(mold(1)), fragment=0x00B9)),
    "IPv6": ethernet(ipv4(udp(mold(1))), kind=0x86DD),
    "tagged": ethernet(ipv4(udp(mold(1))), vlans=((0x8100, 5),)),
    "other port": WHOLE[:36] + b"\x67\x21" + WHOLE[38:],
    "port where options are": ethernet(ipv4(udp(mold(1))[2:], options=udp(b"")[:4])),
    "cut": WHOLE[:37],
    "empty": b"",
}
PLACES = {
    "any": Where(host="0.0.0.0"),
    "host": Where(host=TO),
    "group": Where(group=TO),
    "source": Where(group=TO, source=FROM),
}
ELSEWHERE = {
    "host": Where(host="233.54.12.110"),
    "group": Where(group="239.0.0.1"),
    "source": Where(group=TO, source="10.0.0.2"),
}


class Chooser:
    """A pair of sockets that needs no privilege; the filter sees datagrams as if frames."""

    def __init__(self, where):
        self.here, self.there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        bpf.attach_filter(self.there, bpf.chooser(where, PORT))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.here.close()
        self.there.close()

    def __call__(self, frame):
        self.here.send(frame)
        try:
            return self.there.recv(65536, socket.MSG_DONTWAIT) == frame
        except BlockingIOError:
            return False


@pytest.mark.parametrize("place", PLACES)
def test_a_filter_lets_through_what_a_socket_there_would_get(place):
    with Chooser(PLACES[place]) as lets_through:
        assert {name for name, frame in (OURS | OTHERS).items() if lets_through(frame)} == set(OURS)


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_filter_keeps_to_its_address(place):
    with Chooser(ELSEWHERE[place]) as lets_through:
        assert not any(lets_through(frame) for frame in OURS.values())


def test_a_filter_for_nothing():
    with Chooser(Where()) as lets_through:
        bpf.attach_filter(lets_through.there, bpf.NOTHING)
        assert not lets_through(WHOLE)


class Redirector:
    """The program for AF_XDP, run by the system on frames that we hand to it."""

    RUN, REDIRECT = 10, 4

    def __init__(self, where):
        self.opened = []
        try:
            self.socket = socket.socket(44, socket.SOCK_RAW, 0)
            self.opened.append(bpf.create_map(1))
        except OSError as error:
            pytest.skip(f"no extended BPF here: {error}")
        bpf.put_socket(self.opened[0], 0, self.socket.fileno())
        self.opened.append(bpf.load_program(bpf.redirector(where, PORT, self.opened[0])))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        for each in self.opened:
            os.close(each)

    def __call__(self, frame):
        room = ctypes.create_string_buffer(frame, len(frame))
        request = struct.pack(
            "4I2Q2I2I2Q2II", self.opened[1], 0, len(frame), 0, ctypes.addressof(room), 0, 1, 0, 0,
            0, 0, 0, 0, 0, 0,
        )  # fmt: skip
        asked = ctypes.create_string_buffer(request, 128)
        call = ctypes.CDLL(None, use_errno=True).syscall
        assert call(ctypes.c_long(321), self.RUN, asked, 128) == 0, os.strerror(ctypes.get_errno())
        return struct.unpack_from("2I", asked)[1] == self.REDIRECT


@pytest.mark.parametrize("place", PLACES)
def test_the_program_redirects_what_the_filter_lets_through(place):
    with Redirector(PLACES[place]) as redirects:
        shown = {name: frame for name, frame in (OURS | OTHERS).items() if len(frame) >= 14}
        assert {name for name, frame in shown.items() if redirects(frame)} == set(OURS)


@pytest.mark.parametrize("place", ELSEWHERE)
def test_the_program_keeps_to_its_address(place):
    with Redirector(ELSEWHERE[place]) as redirects:
        assert not any(redirects(frame) for frame in OURS.values())


@given(st.integers(0, 2**32), st.sampled_from(sorted(OURS)))
def test_both_agree_on_damaged_packets(seed, name):
    where = PLACES["source"]
    with Chooser(where) as lets_through, Redirector(where) as redirects:
        noise = random.Random(seed)
        for _ in range(20):
            frame = mutated(OURS[name][:60], noise)
            # The filter does not insist on all of UDP's header: what reads the ring does.
            if len(frame) >= 42 and len(frame) >= 14 + 4 * (frame[14] & 15) + 8:
                assert lets_through(frame) == redirects(frame)


def test_the_interface_of_an_address():
    assert interface_of("127.0.0.1") == "lo"
    assert interface_of("127.4.5.6") == "lo"
    for nobodys in ("0.0.0.0", "203.0.113.77"):
        with pytest.raises(OSError, match=f"address {nobodys}: name one") as refused:
            interface_of(nobodys)
        assert refused.value.errno == errno.EADDRNOTAVAIL


def test_the_interface_of_an_address_among_others(veth):
    interface, _, address = veth.add_cable(9)
    with veth.inside_receiver():
        assert interface_of(veth.address) == veth.interface
        assert interface_of(address) == interface != veth.interface


def test_an_interface_without_ethernet_is_refused(veth):
    try:
        address = veth.add_tunnel()
    except OSError as error:
        pytest.skip(f"no tunnels here: {error}")
    with veth.inside_receiver():
        with opened("packet.ring_v3", host=veth.address):
            pass
        for path in ("packet.ring_v2", "packet.ring_v3"):
            with pytest.raises(OSError, match="do not begin with Ethernet") as refused:
                receive.open(path, host=address)
            assert refused.value.errno == errno.EOPNOTSUPP
