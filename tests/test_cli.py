"""The command line as a process: what it prints, where, and how it ends."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import zcviz
from tests import helpers
from tests.helpers import add, day, feed_pcap, frames, mold, numbered
from zcviz import cli

ROOT = Path(__file__).resolve().parents[1]
KEYS = [
    "file", "container", "compression", "protocol", "packets", "datagrams", "heartbeats",
    "messages", "counts", "gaps", "missing", "duplicates", "restarts", "unsequenced", "truncated",
    "skipped", "errors", "errors_total",
]  # fmt: skip
not_windows = pytest.mark.skipif(os.name == "nt", reason="signals and terminals of POSIX systems")


@pytest.fixture
def write(tmp_path):
    def put(content, name="file"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return put


@pytest.fixture
def run_here(capfdbinary):
    """The command line without a process of its own: a second less for each."""

    def run(*words):
        try:
            status = cli.main([os.fsdecode(word) for word in words])
        except SystemExit as ended:
            status = ended.code
        told = capfdbinary.readouterr()
        return subprocess.CompletedProcess(words, status, told.out, told.err)

    return run


def check_refused(done):
    """How every command ends that could not do its work: status 2, one line, no traceback."""
    text = done.stderr.decode(errors="replace")
    assert done.returncode == 2, text
    assert done.stdout == b""
    assert text.startswith("zcviz: ")
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert "Traceback" not in text
    return text


# --- info ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
def test_info_json_has_exactly_the_keys_of_the_contract(zcviz_run, write, packed):
    content = helpers.small_pcap()
    path = write(gzip.compress(content) if packed else content)
    done = zcviz_run("info", path, "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    info = json.loads(done.stdout)
    assert list(info) == KEYS
    with zcviz.open(path) as feed:
        assert info == feed.info()
    assert info["file"] == str(path)
    assert info["compression"] == ("gzip" if packed else None)
    assert (info["container"], info["protocol"]) == ("pcap", "itch50")
    assert info["counts"] == {"A": 1, "C": 2, "D": 1, "E": 1, "F": 1, "P": 1, "Q": 1, "R": 2,
                              "S": 1, "U": 2, "W": 2, "X": 1, "z": 1}  # fmt: skip
    assert (info["packets"], info["datagrams"], info["heartbeats"]) == (32, 14, 1)
    assert len(info["errors"]) == info["errors_total"] == 18
    assert all(list(e) == ["offset", "what", "expected", "found"] for e in info["errors"])


def test_info_json_tells_of_the_sequences(run_here, write):
    path = write(feed_pcap(numbered(1, 2), numbered(5, 1), numbered(5, 1), mold(0, add()),
                           numbered(1, 1, salt=1)))  # fmt: skip
    info = json.loads(run_here("info", path, "--json").stdout)
    assert {name: info[name] for name in KEYS[9:14]} == {
        "gaps": 1, "missing": 2, "duplicates": 1, "restarts": 1, "unsequenced": 1,
    }  # fmt: skip


def test_info_json_counts_unknown_types_and_spells_odd_tags(run_here, write):
    path = write(frames(*day(), b"z", b"\x01\2", b"\xff", b" x", b"\x7f") + b"\0\x24A")
    info = json.loads(run_here("info", path, "--json").stdout)
    odd = {tag: n for tag, n in info["counts"].items() if tag not in helpers.DOCUMENTED}
    assert odd == {"0x01": 1, " ": 1, "z": 1, "0x7F": 1, "0xFF": 1}
    assert info["truncated"] == {"offset": path.stat().st_size - 3, "bytes": 3}
    assert (info["packets"], info["datagrams"], info["messages"]) == (0, 0, 19)


def test_info_without_numba_prints_the_same(zcviz_run, write):
    for content in (helpers.small_pcap(), gzip.compress(helpers.small_itch())):
        words = ["info", write(content), "--json"]
        one, two = zcviz_run(*words), zcviz_run(*words, env={"ZCVIZ_NO_NUMBA": "1"})
        assert one.returncode == two.returncode == 0
        assert one.stdout == two.stdout


def test_info_in_words(run_here, write):
    text = run_here("info", write(helpers.small_pcap() + b"cut")).stdout.decode()
    for words in ("itch50 in pcap", "32 packets, 14 datagrams, 1 of them heartbeats", "17 messages",
                  "add_order_mpid", "z ", "unknown type", "18 errors", "expected 36, found 30",
                  "skipped: 12 bad header", "cut off: the last 3 bytes",
                  "1 unsequenced"):  # fmt: skip
        assert words in text


SOUND = frames(*day())
STRICT = {
    "sound": (SOUND, 0),
    "ended": (SOUND + b"\0\0", 0),
    "unknown types": (SOUND + frames(b"z"), 0),
    "duplicates": (feed_pcap(numbered(1, 2), numbered(1, 2)), 0),
    "a sound capture": (feed_pcap(mold(1, *day()), helpers.end_of_session(15)), 0),
    "cut": (SOUND[:-1], 1),
    "corrupt": (SOUND + frames(b"A"), 1),
    "bytes after the end": (SOUND + b"\0\0x", 1),
    "gaps": (feed_pcap(numbered(1, 1), numbered(3, 1)), 1),
    "a packet that was cut": (helpers.pcap((helpers.packet(mold(1, add()))[:70], 200)), 1),
    "cut gzip": (gzip.compress(SOUND)[:-9], 1),
    "wrong checksum": (gzip.compress(SOUND)[:-8] + bytes(8), 1),
}


@pytest.mark.parametrize("name", STRICT)
def test_strict_ends_with_one_where_the_file_was_damaged(name, write, run_here):
    content, expected = STRICT[name]
    path = write(content)
    relaxed, strict = run_here("info", path), run_here("info", path, "--strict")
    assert (relaxed.returncode, strict.returncode) == (0, expected)
    assert strict.stdout == relaxed.stdout
    assert strict.stderr == relaxed.stderr == b""
    assert run_here("info", "--json", "--strict", path).returncode == expected


def test_strict_as_a_process(zcviz_run, write):
    assert zcviz_run("info", write(SOUND), "--strict").returncode == 0
    done = zcviz_run("info", write(SOUND[:-1]), "--strict", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["truncated"]["bytes"] == 13
    assert done.stderr == b""


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["info", "compare", "export"])
def test_what_cannot_be_read(run_here, write, tmp_path, command):
    rest = [tmp_path / "out", "--format", "csv"] if command == "export" else []
    assert "No such file" in check_refused(run_here(command, tmp_path / "missing", *rest))
    assert "directory" in check_refused(run_here(command, tmp_path, *rest))
    for content in (b"", b"x", b"garbage, garbage, garbage", gzip.compress(b"garbage"),
                    b"\x1f\x8b", helpers.pcap()[:20],
                    b"\n\r\r\n" + bytes(40)):  # fmt: skip
        text = check_refused(run_here(command, write(content), *rest))
        assert str(tmp_path) in text or "pcap file header" in text or "byte order of" in text
        assert re.search(r"at byte \d+: expected .*, found .*", text)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words",
    [
        [], ["--bad"], ["bogus"], ["info"], ["info", "FILE", "more"], ["info", "FILE", "--bad"],
        ["info", "FILE", "--protocol"], ["info", "FILE", "--protocol", "itch42"],
        ["info", "FILE", "--protocol", ""], ["info", "FILE", "--schema", "x.xml"],
        ["export", "FILE"], ["export", "FILE", "OUT"], ["export", "FILE", "OUT", "--format", "xls"],
        ["export", "FILE", "OUT", "--format", "csv", "--type"],
        ["export", "FILE", "OUT", "--format", "csv", "--type", "Z"],
        ["export", "FILE", "OUT", "--format", "csv", "--type", ""],
        ["export", "FILE", "OUT", "--format", "csv", "--type", "A", "--type", "AA"],
        ["compare"], ["compare", "FILE", "--rounds", "x"], ["samples"],
        ["samples", "OUT", "--messages", "many"], ["samples", "OUT", "--messages", "-1"],
        ["samples", "OUT", "--messages", "3"], ["samples", "OUT", "--seed", "-1"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_usage_errors(words, write, tmp_path, run_here):
    out = tmp_path / "out"
    names = {"FILE": write(SOUND), "OUT": out}
    check_refused(run_here(*[names.get(word, word) for word in words]))
    assert not out.exists()


def test_refusals_as_processes(zcviz_run, write, tmp_path):
    assert "FILE" in check_refused(zcviz_run("info"))
    assert "No such file" in check_refused(zcviz_run("info", tmp_path / "missing"))
    assert "at byte 0" in check_refused(zcviz_run("info", write(b"garbage, garbage, garbage")))


def test_where_nothing_can_be_written(run_here, write, tmp_path):
    path = write(SOUND)
    blocked = tmp_path / "file" / "inside"  # below a file
    for folder in (path, blocked):
        text = check_refused(run_here("export", path, folder, "--format", "csv"))
        assert str(folder) in text
    taken = tmp_path / "taken"
    (taken / "add_order.csv").mkdir(parents=True)
    text = check_refused(run_here("export", path, taken, "--format", "csv", "--type", "A"))
    assert "add_order.csv" in text


def _is_barred(path):
    try:
        path.open("rb").close()
    except PermissionError:
        return True
    return False


def test_what_may_not_be_read_or_written(write, tmp_path, monkeypatch, capsys):
    path = write(SOUND)
    path.chmod(0)
    if not _is_barred(path):  # root may read anything: say it for the system
        real = Path.open

        def barred(self, *mode, **options):
            if self == path:
                raise PermissionError(13, "Permission denied", str(self))
            return real(self, *mode, **options)

        monkeypatch.setattr(Path, "open", barred)
    assert cli.main(["info", str(path)]) == 2
    told = capsys.readouterr()
    assert told.err == f"zcviz: {path}: Permission denied\n"
    path.chmod(0o600)


OTHER = helpers.packet(b"\x01\x00\x03\x80" + bytes(60))


def test_a_capture_of_another_protocol_is_counted_and_refused(run_here, write):
    for words in ([], ["--json"], ["--json", "--strict"]):
        done = run_here("info", write(helpers.pcap(OTHER, OTHER)), *words)
        assert done.returncode == 2
        assert done.stderr.count(b"\n") == 1
        assert b"expected messages of one of itch50, " in done.stderr
        assert done.stdout == b""
        done = run_here("info", write(helpers.pcap(OTHER, OTHER)), *words, "--protocol", "itch50")
        assert done.returncode == 2
        assert b"no datagram of itch50 in 2 packets" in done.stderr
        if words:
            assert json.loads(done.stdout)["skipped"] == {"another protocol": 2}


def test_other_traffic_beside_the_feeds_is_no_reason_to_refuse(run_here, write):
    for packets in ([OTHER, helpers.packet(mold(1))], [helpers.ethernet(b"", kind=0x806)], []):
        done = run_here("info", write(helpers.pcap(*packets)), "--json", "--strict")
        assert (done.returncode, done.stderr) == (0, b"")


def test_the_file_is_told_as_it_was_given(run_here, write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for content in (SOUND, gzip.compress(SOUND)):
        path = write(content, "day")
        for given in ("day", "./day", path):
            told = json.loads(run_here("info", given, "--json").stdout)["file"]
            assert Path(told) == Path(given)


# --- names from outside are shown, never obeyed --------------------------------------------------


@not_windows
@pytest.mark.parametrize(
    "name", [b"\x1b[31mred\x07", b"two\nlines", b"\xff\xfe", "é\u202ex".encode()]
)
def test_control_characters_in_a_name_are_made_visible(run_here, tmp_path, name):
    path = os.fsencode(tmp_path) + b"/" + name
    Path(os.fsdecode(path)).write_bytes(SOUND)
    done = run_here("info", path)
    assert done.returncode == 0
    first = done.stdout.decode().splitlines()[0]
    assert first.endswith(": itch50 in binaryfile")
    assert first.isprintable()
    info = json.loads(run_here("info", path, "--json").stdout)
    assert os.fsencode(info["file"]) == path
    text = check_refused(run_here("info", path + b"missing"))
    assert text.rstrip("\n").isprintable()
    text = check_refused(run_here("info", path, path))
    assert text.rstrip("\n").isprintable()


@not_windows
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_an_output_that_lacks_characters_loses_none(zcviz_run, tmp_path, encoding):
    path = tmp_path / "é☃\x1b"
    path.write_bytes(SOUND)
    done = zcviz_run("info", path, env={"PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"14 messages" in done.stdout
    check_refused(zcviz_run("info", tmp_path / "ü☃", env={"PYTHONIOENCODING": encoding}))


def test_hostile_bytes_of_the_feed_do_not_reach_the_terminal(run_here, write):
    path = write(frames(add(), *[bytes([n]) + b"\x1b[31m" for n in range(32)], b"\x7f"))
    done = run_here("info", path)
    assert all(line.isprintable() for line in done.stdout.decode().splitlines())


# --- export, compare, samples --------------------------------------------------------------------


def test_export_writes_a_file_a_type(zcviz_run, write, tmp_path):
    path, out = write(frames(*day(), helpers.UNKNOWN)), tmp_path / "deep" / "out"
    done = zcviz_run("export", path, out, "--format", "csv")
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(each.name for each in out.iterdir()) == sorted(
        f"{helpers.DOCUMENTED[tag][0]}.csv" for tag in "ACDEFPQRSUWX"
    )
    assert f"{out / 'add_order.csv'}: 1 rows" in done.stdout.decode()
    assert (out / "stock_directory.csv").read_text().count("\n") == 3


def test_export_of_chosen_types(run_here, write, tmp_path):
    path, out = write(SOUND), tmp_path / "out"
    words = ["--type", "A", "--type", "H", "--type", "add_order", "--type", "h"]
    done = run_here("export", path, out, "--format", "csv", *words)
    assert done.returncode == 0
    assert sorted(each.name for each in out.iterdir()) == [
        "add_order.csv", "operational_halt.csv", "trading_action.csv",
    ]  # fmt: skip
    assert done.stdout.decode().count("\n") == 3


def test_export_of_nothing(run_here, write, tmp_path):
    done = run_here("export", write(b"\0\0"), tmp_path / "out", "--format", "csv")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_compare(run_here, write):
    path = write(SOUND * 30)
    done = run_here("compare", path)
    assert (done.returncode, done.stderr) == (0, b"")
    for word in ("copying", "flyweight", "columnar", "total", "420 messages"):
        assert word in done.stdout.decode()
    done = run_here("compare", path, "--json")
    rows = json.loads(done.stdout)["rows"]
    assert {row["pipeline"] for row in rows} == {"copying", "flyweight", "columnar"}
    assert "holds no message" in check_refused(run_here("compare", write(b"\0\0")))


def test_samples_can_be_read(run_here, tmp_path):
    done = run_here("samples", tmp_path / "s", "--messages", "3000", "--seed", "7")
    assert (done.returncode, done.stderr) == (0, b"")
    counts = []
    for name in ("feed.itch", "feed.pcap"):
        done = run_here("info", tmp_path / "s" / name, "--json", "--strict")
        assert done.returncode == 0
        counts.append(json.loads(done.stdout)["counts"])
    assert counts[0] == counts[1]
    assert sum(counts[0].values()) == 3000
    assert set(counts[0]) == set(helpers.DOCUMENTED)


def test_version_and_help(run_here):
    done = run_here("--version")
    assert (done.returncode, done.stdout.decode().strip()) == (0, f"zcviz {zcviz.__version__}")
    for words in (["--help"], ["info", "--help"], ["export", "-h"]):
        done = run_here(*words)
        assert done.returncode == 0
        assert done.stdout.startswith(b"usage: zcviz")
        assert done.stderr == b""


def test_a_name_that_begins_with_a_dash(run_here, write, tmp_path, monkeypatch):
    write(SOUND, "-x.itch")
    monkeypatch.chdir(tmp_path)
    done = run_here("info", "--json", "--", "-x.itch")
    assert json.loads(done.stdout)["messages"] == 14


def test_the_protocol_can_be_named(run_here, write):
    path = write(frames(b"zz") * 20)
    check_refused(run_here("info", path))
    done = run_here("info", path, "--protocol", "itch50", "--json")
    assert json.loads(done.stdout)["counts"] == {"z": 20}


# --- how a command ends that is not let finish ---------------------------------------------------


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A file that the plain kernels and a comparison need several seconds for."""
    path = tmp_path_factory.mktemp("large") / "large.itch"
    path.write_bytes(SOUND * 150_000)
    return path


def start(*words, **options):
    env = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    return subprocess.Popen(
        [sys.executable, "-m", "zcviz", *map(str, words)],
        env=env, stdin=subprocess.DEVNULL, **options,
    )  # fmt: skip


@not_windows
@pytest.mark.parametrize(
    ("words", "delay"),
    [(["info"], 0.8), (["info"], 1.4), (["compare"], 1.2), (["compare"], 2.5), (["export"], 2.0)],
    ids=lambda each: each[0] if isinstance(each, list) else str(each),
)
def test_an_interrupt_ends_any_command_within_a_second(large, tmp_path, words, delay):
    rest = [tmp_path, "--format", "csv"] if words == ["export"] else []
    env = {"ZCVIZ_NO_NUMBA": "1"} if words == ["info"] else {}
    took = []
    for _ in range(5):  # a loaded machine is given some more tries, a fast one less time
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with start(*words, large, *rest, env=env, **pipes) as process:
            time.sleep(delay)
            if process.poll() is not None:
                delay /= 2
                process.communicate()
                continue
            sent = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        if process.returncode == 0:  # it had done its work, and was on its way out
            delay /= 2
            continue
        took.append(time.monotonic() - sent)
        assert process.returncode in (130, -signal.SIGINT)  # Python may choose the latter
        assert err == b"zcviz: interrupted\n"
        assert words == ["export"] or out == b""
        if took[-1] < 1.0:
            return
    pytest.fail(f"it took {took} seconds")


@not_windows
def test_a_reader_that_goes_away_is_no_error(write):
    odd = [bytes([n]) for n in range(256) if chr(n) not in helpers.DOCUMENTED]
    process = start("info", write(frames(add(), *odd)), stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE)  # fmt: skip
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(timeout=20) == 0


@not_windows
def test_piped_into_head(write):
    path = write(SOUND)
    command = f"{sys.executable} -m zcviz info {path} | head -1; exit ${{PIPESTATUS[0]}}"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", command], env=env, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_told_in_one_line(write):
    with Path("/dev/full").open("wb") as full:
        process = start("info", write(SOUND), stdout=full, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert err == b"zcviz: No space left on device\n"


@not_windows
def test_closed_outputs_are_borne(write, tmp_path):
    path = write(SOUND)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    for command, expected in (
        (f"info {path} >&-", 0), (f"info {path} --json >&-", 0), (f"info {path} 2>&-", 0),
        (f"info {tmp_path}/missing 2>&-", 2), (f"info {tmp_path}/missing >&- 2>&-", 2),
        (f"info {path} --strict <&-", 0),
    ):  # fmt: skip
        line = f"{sys.executable} -m zcviz {command}"
        done = subprocess.run(["bash", "-c", line], env=env, capture_output=True, check=False)
        assert done.returncode == expected, command
        assert b"Traceback" not in done.stdout + done.stderr


# --- progress ------------------------------------------------------------------------------------


def on_terminal(*words, env=None):
    """Run with standard error on a terminal; what was written there, and the exit status."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    process = start(*words, env=env or {}, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    written = b""
    try:
        while piece := os.read(ours, 65536):
            written += piece
    except OSError:  # how Linux says that nobody has the other end any more
        pass
    os.close(ours)
    return written.decode(), process.wait(timeout=30)


@not_windows
def test_long_work_shows_progress_on_a_terminal(large):
    text, status = on_terminal("info", large, env={"ZCVIZ_NO_NUMBA": "1"})
    assert status == 0
    assert "reading" in text
    assert "%" in text
    assert text.endswith("\r\x1b[K")  # wiped, so that nothing of it stays


@not_windows
def test_comparing_and_unpacking_show_progress_too(tmp_path):
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(SOUND * 3000, 1))
    text, status = on_terminal("compare", path)
    assert status == 0
    assert "comparing" in text
    assert text.endswith("\r\x1b[K")


@not_windows
def test_short_work_shows_none(write):
    assert on_terminal("info", write(SOUND)) == ("", 0)


def test_there_is_none_where_standard_error_is_no_terminal(zcviz_run, large):
    done = zcviz_run("info", large, env={"ZCVIZ_NO_NUMBA": "1"})
    assert (done.returncode, done.stderr) == (0, b"")
