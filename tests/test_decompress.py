"""Gzip and zstd: whole, damaged, endless, larger than memory should be; with and without isal."""

from __future__ import annotations

import errno
import gzip
import random
import sys
import tempfile
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.packets import flipped, mutated, truncated
from zcviz import decompress as module
from zcviz.buffers import HeldBytes, MappedFile
from zcviz.decompress import compression_of, decompress
from zcviz.errors import BadMagicError, MissingExtraError, ZcvizError

try:
    from compression import zstd
except ImportError:
    zstd = pytest.importorskip("backports.zstd")

TEXT = b"".join(b"message %d of a day, " % number for number in range(20_000))
NOISE = random.Random(1).randbytes(300_000)
SKIPPABLE = b"\x5a\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"aside"


def bgzf(data: bytes, size: int = 1000) -> bytes:
    """`data` as bgzip writes it: many members, each with its own size in an extra field."""
    out = []
    for at in range(0, len(data) + 1, size):  # an empty member ends it
        piece = data[at : at + size] if at < len(data) else b""
        squeeze = zlib.compressobj(wbits=-15)
        body = squeeze.compress(piece) + squeeze.flush()
        head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0"
        trailer = zlib.crc32(piece).to_bytes(4, "little") + len(piece).to_bytes(4, "little")
        size_of = (len(head) + 2 + len(body) + len(trailer) - 1).to_bytes(2, "little")
        out.append(head + size_of + body + trailer)
    return b"".join(out)


WHOLE = {
    "gzip": (gzip.compress(TEXT), TEXT),
    "gzip, stored": (gzip.compress(NOISE, 0), NOISE),
    "gzip, two members": (gzip.compress(TEXT) + gzip.compress(NOISE), TEXT + NOISE),
    "gzip, an empty member": (gzip.compress(b"") + gzip.compress(TEXT), TEXT),
    "gzip, padded": (gzip.compress(TEXT) + bytes(100_000), TEXT),
    "bgzip": (bgzf(TEXT), TEXT),
    "zstd": (zstd.compress(TEXT), TEXT),
    "zstd, hard": (zstd.compress(NOISE, 19), NOISE),
    "zstd, two frames": (zstd.compress(TEXT) + zstd.compress(NOISE), TEXT + NOISE),
    "zstd, skippable frames": (SKIPPABLE + zstd.compress(TEXT) + SKIPPABLE * 2, TEXT),
    "zstd, an empty frame": (zstd.compress(b"") + zstd.compress(TEXT), TEXT),
}


def unpacked(content: bytes, name: str = "file"):
    """(bytes, problems) of compressed `content`."""
    source, compression, damage = decompress(HeldBytes(content, name))
    assert compression == compression_of(memoryview(content))
    found = bytes(source.view)
    source.close()
    return found, damage


@pytest.fixture(params=["as installed", "without isal"])
def either(request, monkeypatch):
    """Run the test with whatever decompresses gzip here, and with zlib."""
    if request.param == "without isal":
        monkeypatch.setitem(sys.modules, "isal.igzip_lib", None)
    else:
        pytest.importorskip("isal")
    return request.param


@pytest.mark.parametrize("name", WHOLE)
def test_all_of_it(either, name):
    packed, content = WHOLE[name]
    assert unpacked(packed) == (content, ())


@pytest.mark.parametrize("content", [b"", b"\0", b"\x1f", b"\x28\xb5\x2f", b"plain text"])
def test_what_is_not_compressed_is_handed_back(content):
    source = HeldBytes(content, "file")
    assert decompress(source) == (source, None, ())


def test_names_say_what_became_of_the_file():
    source, name, _ = decompress(HeldBytes(WHOLE["gzip"][0], "day.gz"))
    assert (source.name, name) == ("day.gz decompressed", "gzip")
    assert type(source) is HeldBytes


def test_nothing_in_it_is_not_damage():
    for packed in (gzip.compress(b""), zstd.compress(b""), SKIPPABLE):
        assert unpacked(packed) == (b"", ())


# --- damage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_ends_early_yields_what_came_before(either, name):
    packed, content = WHOLE[name]
    for cut in random.Random(2).sample(range(40, len(packed)), 15):
        try:
            found, damage = unpacked(packed[:cut])
        except BadMagicError:
            continue
        assert content.startswith(found)
        if damage:
            (problem,) = damage
            assert problem.offset == len(found)
            assert problem.what == f"{name.split(',')[0].replace('bgzip', 'gzip')} data"
            assert problem.found == "the end of the file"


def test_a_wrong_byte_far_in_costs_nothing_that_stands_before_it(either):
    packed, content = WHOLE["gzip, stored"]
    at = packed.index(NOISE[200_000:200_100])
    wrong = packed[:at] + bytes([packed[at] ^ 1]) + packed[at + 1 :]
    found, (problem,) = unpacked(wrong)  # only the checksum at the end tells
    assert (len(found), problem.what) == (len(content), "gzip data")
    assert problem.expected == "a valid stream"
    packed, content = WHOLE["gzip"]
    wrong = packed[: len(packed) // 2] + b"\xff" * 8 + packed[len(packed) // 2 + 8 :]
    found, (problem,) = unpacked(wrong)
    assert problem.offset == len(found) > len(content) // 3
    assert found[: len(content) // 3] == content[: len(content) // 3]


def test_a_wrong_byte_in_zstd_costs_its_block():
    packed = zstd.compress(NOISE)  # stored in blocks of 128 KiB
    wrong = bytearray(packed)
    at = packed.index(NOISE[131_072:131_100])
    wrong[at - 3] |= 0x06  # the reserved type of block
    found, (problem,) = unpacked(bytes(wrong))
    assert found == NOISE[:131_072]
    assert (problem.what, problem.expected) == ("zstd data", "a valid stream")


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_rubbish_after_the_end_is_damage(either, name):
    packed, content = WHOLE[name]
    found, (problem,) = unpacked(packed + b"rubbish")
    assert (found, problem.offset) == (content, len(content))


def test_isal_and_zlib_leave_the_same_of_a_damaged_file(monkeypatch):
    pytest.importorskip("isal")
    content = bytes(TEXT[:600])
    packed = gzip.compress(content, mtime=0)
    pieces = [*truncated(packed + packed), *flipped(packed)]

    def outcome(piece):
        try:
            return unpacked(piece)
        except ZcvizError as error:
            return str(error)

    ours = [outcome(piece) for piece in pieces]
    monkeypatch.setitem(sys.modules, "isal.igzip_lib", None)
    for piece, one in zip(pieces, ours, strict=True):
        # The one difference: bits of the header that are reserved, which isal does not look at.
        assert outcome(piece) == one or piece[3] >= 0x20


@pytest.mark.parametrize("content", [gzip.compress(b"abc" * 50, mtime=0), zstd.compress(TEXT[:99])])
def test_any_flipped_byte(either, content):
    for piece in (*flipped(content), *truncated(content)):
        if compression_of(memoryview(piece)) is None:
            continue
        try:
            unpacked(piece)
        except BadMagicError as error:
            assert "data" in str(error)


@given(st.sampled_from(list(WHOLE.values())), st.randoms(use_true_random=False))
def test_any_damage(whole, noise):
    packed = mutated(whole[0][:3000], noise)
    if compression_of(memoryview(packed)) is not None:
        try:
            found, damage = unpacked(packed)
        except BadMagicError:
            return
        assert all(problem.offset == len(found) for problem in damage)


def test_nothing_of_it_can_be_decompressed(either):
    for content, name in ((b"\x1f\x8b" + b"x" * 90, "gzip"), (WHOLE["zstd"][0][:9], "zstd")):
        with pytest.raises(BadMagicError, match=f"expected {name} data"):
            unpacked(content)


def test_a_window_that_would_take_all_memory_is_refused():
    # Magic, then a descriptor without a content size, then a window of 2 GiB.
    with pytest.raises(BadMagicError, match="memory"):
        unpacked(b"\x28\xb5\x2f\xfd\x00\xa8" + b"\x01\x00\x00")


# --- size ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_an_endless_row_of_zeros_is_bounded(either, monkeypatch, name):
    monkeypatch.setattr(module, "MAX_DECOMPRESSED", 1 << 20)
    squeeze = gzip.compress if name == "gzip" else zstd.compress
    found, (problem,) = unpacked(squeeze(bytes(1 << 26)))
    assert not any(found)
    assert len(found) <= 1 << 20
    assert len(found) > (1 << 20) - (1 << 19)
    assert (problem.what, problem.found) == ("decompressed data", "more than 1048576 bytes")


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_large_goes_into_a_temporary_file(either, monkeypatch, tmp_path, name):
    monkeypatch.setattr(module, "IN_MEMORY", 100_000)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    packed, content = WHOLE[name]
    source, _, damage = decompress(HeldBytes(packed, "day"))
    assert not list(tmp_path.iterdir())
    assert isinstance(source, MappedFile)
    assert source.name == "day decompressed into a temporary file"
    assert (bytes(source.view), damage) == (content, ())
    assert source.head(50).size == 50
    source.close()


def test_damage_after_the_file_was_begun(either, monkeypatch):
    monkeypatch.setattr(module, "IN_MEMORY", 10_000)
    one, other = gzip.compress(TEXT), gzip.compress(NOISE)
    wrong = other[:-9] + bytes([other[-9] ^ 0x80]) + other[-8:]
    found, (problem,) = unpacked(one + wrong)
    assert found[: len(TEXT)] == TEXT
    assert problem.offset == len(found) >= len(TEXT)


class Full:
    """A file on a disk that is full."""

    def write(self, piece):
        raise OSError(errno.ENOSPC, "No space left on device")

    def close(self):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_one_clear_error(monkeypatch):
    monkeypatch.setattr(module, "IN_MEMORY", 1000)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Full())
    with pytest.raises(OSError, match=r"cannot decompress day.*bytes so far.*No space") as caught:
        unpacked(gzip.compress(TEXT), "day")
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == tempfile.gettempdir()


def test_a_temporary_file_closes_only_when_nobody_reads_it(monkeypatch):
    monkeypatch.setattr(module, "IN_MEMORY", 1000)
    source, _, _ = decompress(HeldBytes(gzip.compress(TEXT), "day"))
    users = np.frombuffer(source.owner, np.uint8)
    with pytest.raises(ZcvizError, match="cannot close day"):
        source.close()
    del users
    source.close()


# --- along the way -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gzip, stored", "zstd, two frames"])
def test_progress_goes_from_nothing_to_all(either, name):
    packed, _ = WHOLE[name]
    seen = []
    decompress(HeldBytes(packed, "day"), lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert len(seen) > 3
    assert {total for _, total in seen} == {len(packed)}
    assert seen[-1][0] == len(packed)


@pytest.mark.parametrize("name", ["gzip, stored", "zstd, hard"])
def test_an_interruption_is_passed_on(either, monkeypatch, name):
    monkeypatch.setattr(module, "IN_MEMORY", 1000)

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decompress(HeldBytes(WHOLE[name][0], "day"), interrupt)


def test_without_a_library_for_zstd_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    with pytest.raises(MissingExtraError, match=r"pip install backports\.zstd"):
        unpacked(WHOLE["zstd"][0], "day.zst")
