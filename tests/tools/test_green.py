"""A green run is remembered until a file changes."""

import sys

import green
import pytest
from fingerprint import source_files

PASS = [sys.executable, "-c", ""]
FAIL = [sys.executable, "-c", "raise SystemExit(3)"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with one source and a built book."""
    monkeypatch.setattr(green, "ROOT", tmp_path)
    monkeypatch.setattr(green, "STAMP", tmp_path / "_build/green")
    (tmp_path / "_build/html").mkdir(parents=True)
    (tmp_path / "_build/html/index.html").touch()
    (tmp_path / "source.py").write_text("x = 1\n")
    return tmp_path


def test_a_green_run_is_remembered(folder, capsys):
    assert green.check() == 1
    assert green.run(PASS) == 0
    assert green.check() == 0
    assert "Nothing changed since all tests passed" in capsys.readouterr().out


def test_a_red_run_is_not(folder):
    assert green.run(PASS) == 0
    assert green.run(FAIL) == 3
    assert green.check() == 1


@pytest.mark.parametrize("change", ["edit", "add", "remove", "rename"])
def test_any_change_counts(folder, change):
    green.run(PASS)
    source = folder / "source.py"
    if change == "edit":
        source.write_text("x = 2\n")
    elif change == "add":
        (folder / "other.py").touch()
    elif change == "remove":
        source.unlink()
    else:
        source.rename(folder / "renamed.py")
    assert green.check() == 1


def test_a_change_during_the_run_counts(folder):
    edit = "import pathlib; pathlib.Path('source.py').write_text('x = 3')"
    assert green.run([sys.executable, "-c", edit]) == 0
    assert green.check() == 1


def test_a_book_that_is_gone_counts(folder):
    green.run(PASS)
    (folder / "_build/html/index.html").unlink()
    assert green.check() == 1


def test_sources_are_found_and_caches_are_not():
    names = {str(path.relative_to(green.ROOT)) for path in source_files(green.ROOT, green.ROOT)}
    assert {"Makefile", ".ci/run", "book/_ext/resode_book.py", ".gitignore"} <= names
    assert not [
        n for n in names if "__pycache__" in n or n.startswith((".venv", "_build", ".git/"))
    ]


def test_the_command_line_refuses_what_it_does_not_know(capsys):
    assert green.main(["nonsense"]) == 2
    assert "expected 'check' or 'run -- COMMAND'" in capsys.readouterr().err
