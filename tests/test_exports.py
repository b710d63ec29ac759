"""Public names: every module says which it has, and has those; importing zcviz is cheap."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import zcviz

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(
    each.name
    for each in pkgutil.walk_packages(zcviz.__path__, "zcviz.")
    if not each.name.rpartition(".")[2].startswith("_") and "_lessons" not in each.name
)


def loaded(name):
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("zcviz"):
            raise
        pytest.skip(f"{name} needs {error.name}")


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_its_public_names(name):
    module = loaded(name)
    assert module.__doc__
    assert isinstance(module.__all__, list | tuple)
    assert len(set(module.__all__)) == len(module.__all__)
    for each in module.__all__:
        assert hasattr(module, each), each
        assert not each.startswith("_")


@pytest.mark.parametrize("name", MODULES)
def test_what_is_public_is_documented(name):
    module = loaded(name)
    for each in module.__all__:
        made = getattr(module, each)
        if inspect.isclass(made) or inspect.isroutine(made):
            assert inspect.getdoc(made), each


def test_the_root_has_its_public_names():
    assert dir(zcviz) == sorted(zcviz.__all__)
    for each in zcviz.__all__:
        assert getattr(zcviz, each) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        zcviz.nothing  # noqa: B018


@pytest.mark.parametrize(
    "name", ["open", "Feed", "allocations", "provenance", "shares_memory", "compare", "errors"]
)
def test_the_root_has_what_programs_outside_rely_on(name):
    assert name in zcviz.__all__
    assert getattr(zcviz, name)


def asked(code, **env):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return json.loads(done.stdout)


HEAVY = ["numpy", "numba", "pandas", "matplotlib", "IPython", "anywidget", "ipywidgets", "scapy"]


@pytest.mark.parametrize("code", ["import zcviz", "import zcviz.errors", "import zcviz.cli"])
def test_importing_loads_nothing_heavy(code):
    found = asked(f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))")
    assert [name for name in HEAVY if name in found] == []


def test_reading_a_file_loads_no_drawing(itch_file):
    code = (
        "import json, sys, zcviz\n"
        f"with zcviz.open({str(itch_file)!r}) as feed: feed.info(); feed.table('A')['price']\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    found = asked(code)
    assert [name for name in HEAVY[2:] if name in found] == []
    found = asked(code, ZCVIZ_NO_NUMBA="1")
    assert [name for name in HEAVY[1:] if name in found] == []


def test_importing_has_no_side_effect():
    code = (
        "import json, threading, warnings, gc, signal\n"
        "def state():\n"
        "    handler = signal.getsignal(signal.SIGINT)\n"
        "    return threading.active_count(), handler, list(warnings.filters), gc.isenabled()\n"
        "before = state()\n"
        "import zcviz\n"
        "print(json.dumps(before == state()))"
    )
    assert asked(code) is True


def test_no_module_of_ours_stands_before_a_name_of_the_package():
    # A submodule becomes an attribute of its package when it is imported, under its own name.
    code = (
        "import pkgutil, importlib, types, zcviz\n"
        "for home in set(zcviz._HOMES.values()):\n"
        "    package = importlib.import_module(f'zcviz.{home}')\n"
        "    for each in pkgutil.iter_modules(getattr(package, '__path__', [])):\n"
        "        if each.name != '__main__':\n"
        "            importlib.import_module(f'{package.__name__}.{each.name}')\n"
        "print([name for name in set(zcviz.__all__) - {'errors', *zcviz._PACKAGES}\n"
        "       if isinstance(getattr(zcviz, name), types.ModuleType)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
