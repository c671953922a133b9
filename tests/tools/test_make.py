"""The Makefile: clear errors, no half-finished installation, no needless work."""

import os
import shutil
import subprocess
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


def test_help_names_every_command(tmp_path):
    text = make(tmp_path, "help").stdout
    for target in (
        "book",
        "test",
        "notebooks",
        "assignments",
        "cohort",
        "benchmarks",
        "repository",
        "lock",
        "versions",
        "clean",
    ):
        assert f"make {target}" in text
