"""Two network namespaces with a cable between them: as root, for the time of a test."""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform != "win32" else None
NEW_NETWORK = 0x40000000
_numbers = itertools.count()


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, timeout=20)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        refused = "not permitted" in said or "denied" in said
        raise OSError(errno.EPERM if refused else errno.EOPNOTSUPP, said)


def _enter(namespace: int) -> None:
    if LIBC.setns(namespace, NEW_NETWORK):
        why = ctypes.get_errno()
        raise OSError(why, os.strerror(why))


@contextmanager
def inside(name: str) -> Iterator[None]:
    """This thread is in the namespace of that name meanwhile; sockets made there stay there."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(f"/run/netns/{name}", os.O_RDONLY)
        try:
            _enter(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(here)
    finally:
        os.close(here)


@contextmanager
def own_network() -> Iterator[None]:
    """This thread, and what it starts, have a loopback of their own meanwhile, where permitted.

    Tests run beside others, and who looks into a network's packets with XDP changes what they
    weigh for everybody in it.
    """
    if LIBC is None or not hasattr(LIBC, "unshare"):
        yield
        return
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if LIBC.unshare(NEW_NETWORK):  # not root: then nobody here looks into packets either
            yield
            return
        try:
            _ip("link", "set", "lo", "up")
            yield
        finally:
            _enter(here)
    finally:
        os.close(here)


@dataclass(frozen=True)
class Veth:
    """Both ends of the cable: names of the namespaces, of the interfaces in them, addresses."""

    sender: str
    receiver: str
    sender_address: str = "10.111.0.1"
    address: str = "10.111.0.2"
    interface: str = "veth0"

    def inside_sender(self):
        return inside(self.sender)

    def inside_receiver(self):
        return inside(self.receiver)

    def add_cable(self, number: int) -> tuple[str, str, str]:
        """Lay another: its name at both ends, the sender's address, the receiver's."""
        name, sender, receiver = f"veth{number}", f"10.111.{number}.1", f"10.111.{number}.2"
        _ip("-n", self.sender, "link", "add", name, "type", "veth",
            "peer", "name", name, "netns", self.receiver)  # fmt: skip
        _set_up(self.sender, name, sender)
        _set_up(self.receiver, name, receiver)
        return name, sender, receiver

    def add_vlan(self, number: int) -> tuple[str, str]:
        """Add a tagged interface at both ends; return their addresses, the sender's first."""
        name, found = f"{self.interface}.{number}", (f"10.111.{number}.1", f"10.111.{number}.2")
        for namespace, address in zip((self.sender, self.receiver), found, strict=True):
            _ip("-n", namespace, "link", "add", "link", self.interface, "name", name,
                "type", "vlan", "id", str(number))  # fmt: skip
            _set_up(namespace, name, address)
        return found

    def add_tunnel(self) -> str:
        """Add an interface to the receiver that has no Ethernet; return its address."""
        _ip("-n", self.receiver, "tuntap", "add", "mode", "tun", "name", "tun0")
        _set_up(self.receiver, "tun0", "10.112.0.2")
        return "10.112.0.2"

    def remove(self, interface: str) -> None:
        """Remove a cable."""
        _ip("-n", self.receiver, "link", "delete", interface)


def _set_up(namespace: str, interface: str, address: str) -> None:
    _ip("-n", namespace, "address", "add", f"{address}/24", "dev", interface)
    # Else the first ones are thrown away if many are sent before the neighbour has answered.
    with inside(namespace):
        waiting = Path(f"/proc/sys/net/ipv4/neigh/{interface}/unres_qlen_bytes")
        waiting.write_text(str(1 << 24))
    _ip("-n", namespace, "link", "set", interface, "up")


def _make(veth: Veth) -> None:
    for name in (veth.sender, veth.receiver):
        _ip("netns", "add", name)
        # Else every fresh interface chats about IPv6, and counters of packets are never quiet.
        with inside(name):
            Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
        _ip("-n", name, "link", "set", "lo", "up")
    veth.add_cable(0)


@contextmanager
def cable() -> Iterator[Veth]:
    """Make both namespaces and the cable, and remove them again, whatever happens.

    Raises
    ------
    OSError
        It is not permitted here, or the command ``ip`` is not there.
    """
    if shutil.which("ip") is None:
        raise OSError(errno.ENOENT, "no command ip")
    own = f"zcviz-{os.getpid()}-{next(_numbers)}"
    veth = Veth(f"{own}-s", f"{own}-r")
    try:
        _make(veth)
        yield veth
    finally:
        for name in (veth.sender, veth.receiver):
            if Path(f"/run/netns/{name}").exists():  # an interface goes with its namespace
                subprocess.run(["ip", "netns", "delete", name], check=False, timeout=20)


@pytest.fixture(scope="module")
def veth() -> Iterator[Veth]:
    """Two namespaces with a cable between them; skips where that is not permitted."""
    with ExitStack() as laid:
        try:
            made = laid.enter_context(cable())
        except OSError as error:
            pytest.skip(f"no network namespaces here: {error}")
        yield made
