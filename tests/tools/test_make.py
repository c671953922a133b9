"""The Makefile: clear errors, no half-finished installation, no needless work."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OLD_PYTHON = """#!/bin/sh
case "$1" in
  --version) echo "Python 3.8.10" ;;
  *) exit 1 ;;
esac
"""


def make(folder, *arguments):
    """Run make in a folder, as from a terminal."""
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "CI")}
    command = ["make", "-f", ROOT / "Makefile", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("target", ["book", "test", "notebooks", "check-python"])
def test_an_old_python_is_refused_with_advice(tmp_path, target):
    python = tmp_path / "python3.8"
    python.write_text(OLD_PYTHON)
    python.chmod(0o755)
    for name in ("requirements.txt", "pyproject.toml"):
        (tmp_path / name).write_text("")
    done = make(tmp_path, target, f"PYTHON={python}")
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr
    assert "Python 3.8.10" in done.stderr
    assert "make book PYTHON=python3.12" in done.stderr


def test_a_missing_python_is_refused_with_advice(tmp_path):
    done = make(tmp_path, "check-python", "PYTHON=no-such-python")
    assert done.returncode != 0
    assert "'no-such-python'" in done.stderr


def test_a_failed_installation_does_not_count(tmp_path):
    (tmp_path / "requirements.txt").write_text("./no-such-folder\n")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    done = make(tmp_path, "book")
    assert done.returncode != 0
    assert "no-such-folder" in done.stderr
    assert not list(tmp_path.glob(".venv/installed-*"))


def recipes(text):
    """Return the commands of each phony target, as make has read them."""
    found = {}
    for block in text.split("\n\n"):
        lines = block.splitlines()
        names = [line.split(":")[0] for line in lines if re.match(r"[\w-]+:", line)]
        if names:
            found[names[0]] = [line for line in lines if line.startswith("\t")]
    return found


def test_every_command_has_help_and_a_recipe_of_its_own(tmp_path):
    text = make(tmp_path, "help").stdout
    rules = make(tmp_path, "--print-data-base", "--question", "help").stdout
    phony = re.search(r"^\.PHONY: (.+)$", rules, re.MULTILINE)[1].split()
    assert "sweep" in phony
    for target in phony:
        if target not in ("help", "check-python"):
            assert f"make {target}" in text
    without = [target for target in phony if not recipes(rules).get(target)]
    assert without == ["versions"]  # which only calls two others


FOREIGN = {
    "JAX_ENABLE_X64": "0",
    "JAX_PLATFORMS": "cuda",
    "XLA_FLAGS": "--no_such_flag=1",
    "MPLBACKEND": "agg",
    "JUPYTER_PATH": "/nowhere",
    "JUPYTER_CONFIG_DIR": "/nowhere",
    "IPYTHONDIR": "/nowhere",
    "VIRTUAL_ENV": "/nowhere",
    "PYTHONPATH": "/nowhere",
    "PYTHONHOME": "/nowhere",  # no Python would start
    "PYTHONSTARTUP": "/nowhere",
    "PYTHONOPTIMIZE": "1",  # no assert would be checked
    "PIP_USER": "1",  # pip refuses it in an environment
    "PIP_TARGET": "/nowhere",
    "PIP_CONSTRAINT": "/nowhere",
}
KEPT = {"PIP_INDEX_URL": "the index of an institute", "JAX_COMPILATION_CACHE_DIR": "/cache"}


def test_the_users_shell_does_not_reach_a_recipe(tmp_path, monkeypatch):
    for name, value in (FOREIGN | KEPT).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "show.mk").write_text("show:\n\t@env\n")
    done = make(tmp_path, "-f", "show.mk", "check-python", "show", "XLA_FLAGS=asked for")
    assert done.returncode == 0, done.stderr
    seen = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    still = {name for name, value in FOREIGN.items() if seen.get(name) == value}
    assert not still
    assert {name: seen.get(name) for name in KEPT} == KEPT
    assert (seen["JAX_PLATFORMS"], seen["PIP_USER"]) == ("cpu", "0")
    assert seen["XLA_FLAGS"] == "asked for", "what is named on the command line counts"
    variables = make(tmp_path, "-pn", "help").stdout
    assert re.search(r"^PYTHON_VERSION := 3\.\d+$", variables, re.MULTILINE), "PYTHONHOME counted"


def test_the_users_shell_does_not_reach_the_tests():
    users = {name: FOREIGN[name] for name in ("JAX_PLATFORMS", "XLA_FLAGS")} | {"MPLBACKEND": "no"}
    shell = {k: v for k, v in os.environ.items() if k != "RESODE_MAKE"} | users
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/unit/test_plotting.py",
    ]
    done = subprocess.run(command, cwd=ROOT, env=shell, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
