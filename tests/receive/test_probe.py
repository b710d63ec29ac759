"""What this machine permits: found out by doing."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from zcviz import receive
from zcviz.receive import probing

KEYS = ["name", "available", "errno", "remedy"]


def test_every_path_is_asked_and_the_answer_is_plain_data():
    found = receive.probe()
    assert [each["name"] for each in found] == list(receive.PATHS)
    assert all(list(each) == KEYS for each in found)
    json.dumps(found)
    for each in found:
        if each["available"]:
            assert each["errno"] is None and each["remedy"] is None
        else:
            assert hasattr(errno, each["errno"]) and each["remedy"]
    by_name = {each["name"]: each["available"] for each in found}
    assert by_name["udp.recv"] and by_name["udp.recv_into"]
    assert by_name["asyncio"] and by_name["replay"]


def test_what_is_said_to_be_there_opens():
    for each in receive.probe():
        if each["available"] and each["name"] != "replay":
            receive.open(each["name"], block=1 << 16, blocks=4).close()


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("packet.ring_v3", errno.EPERM, "CAP_NET_RAW"),
        ("packet.ring_v2", errno.EACCES, "unshare --user"),
        ("xdp.copy", errno.EPERM, "CAP_BPF"),
        ("xdp.zerocopy", errno.EOPNOTSUPP, "a network interface whose driver can"),
        ("xdp.copy", errno.ENOBUFS, "ulimit -l"),
        ("xdp.copy", errno.EBUSY, "another program has the interface's queue"),
        ("udp.recv", errno.EMFILE, "ulimit -n"),
        ("udp.recv", errno.EPERM, "sandbox"),
        ("udp.recv", errno.EAFNOSUPPORT, "it takes a network"),
        ("udp.gro", errno.ENOPROTOOPT, "Linux 5.0"),
    ],
)
def test_a_refusal_comes_with_the_systems_error_and_a_remedy(name, code, words, monkeypatch):
    def refusing(where):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(probing, "PATHS", [name])
    monkeypatch.setattr(probing, "path_named", lambda _: refusing)
    (mine,) = receive.probe()
    assert not mine["available"] and words in mine["remedy"]
    assert getattr(errno, mine["errno"]) == code
    assert mine["errno"] != "ENOTSUP"


def test_a_path_made_of_what_is_not_there_is_not_available(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(probing, "path_named", missing)
    found = receive.probe()
    assert {each["errno"] for each in found} == {"ENOSYS"}


def test_the_name_is_the_functions_whatever_was_imported():
    assert callable(receive.probe) and receive.probe is probing.probe


def test_on_the_command_line(zcviz_run):
    done = zcviz_run("probe", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    found = json.loads(done.stdout)
    assert [list(each) for each in found] == [KEYS] * len(receive.PATHS)
    done = zcviz_run("probe")
    lines = [line for line in done.stdout.decode().splitlines() if not line.startswith(" ")]
    assert [line.split()[:2] for line in lines] == [
        [each["name"], "yes" if each["available"] else "no"] for each in found
    ]
    assert max(map(len, done.stdout.decode().splitlines())) <= 80


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="root only")
def test_without_privileges_the_udp_paths_remain():
    """A process that was root and gave that up: what it may not is refused by the kernel."""
    code = (
        "import json, os; from zcviz import receive; receive.probe()\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "print(json.dumps(receive.probe()))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, env=env, timeout=60
    )
    found = {each["name"]: each for each in json.loads(done.stdout)}
    for name, each in found.items():
        if name.startswith(("packet", "xdp")):
            assert (each["available"], each["errno"]) == (False, "EPERM")
            assert "capabilit" in each["remedy"] or "CAP_" in each["remedy"]
        else:
            assert each["available"], each
