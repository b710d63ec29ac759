"""The magics, in a shell of IPython's own."""

from __future__ import annotations

import pytest

pytest.importorskip("IPython")
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import zcviz
from zcviz.errors import ZcvizError
from zcviz.kernels import COMPILED


@pytest.fixture
def shell():
    InteractiveShell.clear_instance()
    made = InteractiveShell.instance()
    zcviz.load_ipython_extension(made)
    made.run_cell("import numpy as np, asyncio\na = np.arange(10)")
    yield made
    zcviz.unload_ipython_extension(made)
    made.history_manager.end_session()
    InteractiveShell.clear_instance()


def run(shell, cell):
    return shell.run_cell(cell, store_history=True)


def value_of(shell, cell):
    done = run(shell, cell)
    done.raise_error()
    return done.result


def test_zccopy_knows_the_users_names(shell):
    found = value_of(shell, "%zccopy a[::2]")
    assert (found.viewed, found.fresh) == (40, 0)
    assert found.parts[0].views == (("a", 40),)
    found = value_of(shell, "%zccopy a[a > 3].astype('f4')")
    assert (found.viewed, found.fresh) == (0, 24)
    assert found.why.startswith("A boolean mask")


@pytest.mark.parametrize("line", ["%zccopy", "%zccopy a[", "%zccopy a = 3"])
def test_zccopy_takes_one_expression(shell, line, capsys):
    assert isinstance(run(shell, line).error_in_exec, UsageError)


def test_zccopy_lets_errors_through(shell, capsys):
    assert isinstance(run(shell, "%zccopy missing + 1").error_in_exec, NameError)
    assert isinstance(run(shell, "%zccopy a[99]").error_in_exec, IndexError)


def test_zcmem_says_what_stays_and_what_was_made(shell, capsys):
    lines = ("kept = bytearray(1_000_000)", "for _ in range(10):", "    bytes(50_000)", "len(kept)")
    assert value_of(shell, "\n".join(["%%zcmem -o seen", *lines])) == 1_000_000
    seen = shell.user_ns["seen"]
    assert 1_000_000 <= seen.net < 1_010_000
    assert seen.by_line(1)[0].source == "kept = bytearray(1_000_000)"
    assert seen.by_line(1)[0].line == 2  # as a reader counts: the magic is line 1
    if COMPILED:
        assert 1_500_000 <= seen.exact.total.bytes < 1_520_000
    assert "held at the end" in capsys.readouterr().out


def test_zcmem_can_be_quiet_and_short(shell, capsys):
    value_of(shell, "%%zcmem -q\nx = bytearray(100_000)")
    assert not capsys.readouterr().out.strip()
    cell = "%%zcmem --top 1\nx = bytearray(100_000)\ny = bytearray(200_000)"
    value_of(shell, cell)
    shown = capsys.readouterr().out
    assert "bytearray(200_000)" in shown
    assert "bytearray(100_000)" not in shown


@pytest.mark.parametrize("cell", ["%%zcmem --bogus\n1", "%%zcmem --top many\n1", "%%zcmem -o 1x\n1",
                                  "%%zccompare -r 0\n1\n# ---\n1", "%%zccompare\n1",
                                  "%%zccompare\n1\n# ---\nx = 1",
                                  "%%zccompare\n# --- a\n1\n# --- a\n1"])  # fmt: skip
def test_wrong_use_is_a_usage_error(shell, cell, capsys):
    assert isinstance(run(shell, cell).error_in_exec, UsageError)


@pytest.mark.parametrize("magic", ["%%zcmem", "%%zccompare\n1\n# ---"])
def test_failures_of_the_cell_propagate(shell, magic, capsys):
    assert isinstance(run(shell, f"{magic}\n1 / 0").error_in_exec, ZeroDivisionError)
    assert isinstance(run(shell, f"{magic}\n1 +").error_in_exec, SyntaxError)
    assert not run(shell, "still = 1").error_in_exec


def test_cells_may_await(shell, capsys):
    cell = "%%zcmem -q -o seen\nawait asyncio.sleep(0.001)\nkept = bytearray(70_000)\n5"
    assert value_of(shell, cell) == 5
    assert shell.user_ns["seen"].net >= 70_000
    cell = "%%zccompare -q -r 1 -o found\n# --- one\nawait asyncio.sleep(0.001, 7)\n# --- other\n7"
    value_of(shell, cell)
    one, other = shell.user_ns["found"].rows
    assert one.seconds > other.seconds


def test_a_cell_that_only_mentions_await_is_left_alone(shell):
    assert value_of(shell, "%%zcmem -q\nlen('await this')") == 10


def test_zccompare_compares_only_what_agrees(shell, capsys):
    done = run(shell, "%%zccompare\n# --- one\na.sum()\n# --- other\na.sum() + 1")
    assert isinstance(done.error_in_exec, zcviz.errors.ZcvizError)
    assert "one and other give different values" in str(done.error_in_exec)


def test_zccompare_measures_each_variant(shell, capsys):
    cell = (
        "%%zccompare -r 3 -o found\nsetup = 1\n"
        "# --- copying\nlist(bytes(a))\n# --- zero-copy\nlist(a.view('u1'))"
    )
    done = run(shell, cell)
    assert isinstance(done.error_in_exec, UsageError)  # what stands before the first mark is one
    value_of(shell, cell.replace("setup = 1\n", ""))
    found = shell.user_ns["found"]
    assert [row.name for row in found.rows] == ["copying", "zero-copy"]
    assert all(row.seconds > 0 and row.spread >= 1 for row in found.rows)
    if COMPILED:
        assert found.rows[0].allocated >= 80
    assert found.sentence in capsys.readouterr().out
    assert "copying" in found._repr_html_()


def test_variants_have_names_of_their_own(shell, capsys):
    cell = "%%zccompare -q -r 1\n# --- one\na = 3\na\n# --- other\nint(a[3])"
    value_of(shell, cell)
    assert shell.user_ns["a"].tolist() == list(range(10))


def test_only_a_comment_at_the_start_of_a_line_begins_a_variant(shell, capsys):
    text = '"""\n# --- in a text\n"""'
    block = "if True:\n    # --- indented\n    x = 7\n"
    cell = f"# --- one\nlen({text})\n# --- other\n{block}len(f{text}) # --- behind"
    value_of(shell, f"%%zccompare -q -r 1 -o found\n{cell}")
    assert [row.name for row in shell.user_ns["found"].rows] == ["one", "other"]
    cell = "# --- one\n!true don't\nlen('a')\n# --- other\n1"
    value_of(shell, f"%%zccompare -q -r 1 -o found\n{cell}")
    assert [row.name for row in shell.user_ns["found"].rows] == ["one", "other"]


@pytest.mark.parametrize("end", [";", " ; # nothing; at all"])
def test_a_semicolon_shows_no_value(shell, end, capsys):
    assert value_of(shell, f"%zccopy a[1:]{end}") is None
    assert value_of(shell, f"%%zcmem -q\nx = 1\na[1:]{end}") is None
    assert value_of(shell, f"%%zcmem -q\nawait asyncio.sleep(0, 5){end}") is None
    value_of(shell, f"%%zccompare -q -r 1\n# ---\nlen(a){end}\n# ---\n10{end}")
    assert value_of(shell, "%%zcmem -q\n';'") == ";"
    assert isinstance(run(shell, f"%zccopy {end}").error_in_exec, UsageError)
    assert isinstance(run(shell, f"%zccopy a; a{end}").error_in_exec, UsageError)


def test_braces_are_those_of_the_expression(shell):
    assert value_of(shell, "%zccopy {'some': a[2:]}").parts[0].views == (("a", 64),)
    assert value_of(shell, "%zccopy {len(a)}").source == "{len(a)}"


@pytest.mark.parametrize("line", ["-o 1x", "-o class", "-o 'x", "--top x", "--nope"])
def test_bad_options_are_said_before_the_cell_runs(shell, line):
    done = run(shell, f"%%zcmem {line}\nran = True")
    assert isinstance(done.error_in_exec or done.error_before_exec, UsageError)
    assert "ran" not in shell.user_ns


def test_values_that_are_no_numbers_agree_and_what_cannot_be_compared_is_said(shell):
    for nothing in "float('nan')", "np.array(['NaT'], 'M8[s]')":
        value_of(shell, f"%%zccompare -q -r 1\n# ---\n{nothing}\n# ---\n{nothing}")
    done = run(shell, "%%zccompare -q\n# ---\nslice(a)\n# ---\nslice(a.copy())")
    assert isinstance(done.error_in_exec or done.error_before_exec, ZcvizError)


def test_help_is_there(shell):
    for name, kind in (("zcmem", "cell"), ("zccompare", "cell"), ("zccopy", "line")):
        text = shell.find_magic(name, kind).__doc__
        assert len(text.splitlines()) > 3


def test_unloading_takes_everything_away(shell, capsys):
    zcviz.unload_ipython_extension(shell)
    assert shell.find_cell_magic("zcmem") is None
    assert shell.find_line_magic("zccopy") is None
    assert not any(each.__module__ == "zcviz.magics" for each in shell.input_transformers_cleanup)
    zcviz.load_ipython_extension(shell)
    zcviz.load_ipython_extension(shell)
    names = [each.__module__ for each in shell.input_transformers_cleanup]
    assert names.count("zcviz.magics") == 1


@pytest.mark.parametrize(("expression", "text"), [("'<script>'", "&lt;script&gt;"),
                                                  ("{'<b>': a}", "&lt;b&gt;")])  # fmt: skip
def test_hostile_text_is_escaped(shell, expression, text):
    html = value_of(shell, f"%zccopy {expression}")._repr_html_()
    assert text in html
    assert "<script>" not in html
    assert "<b>" not in html
