"""Whatever lies in the folder, whatever disk and terminal do: everybody has a row.

By hand, with many more folders: ``RESODE_FOLDERS=5000 pytest grader/tests/test_folders.py``.
"""

import errno
import io
import os
import random
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import classroom
import folders
import pytest
from resode_grader import _batch, _files

FOLDERS = int(os.environ.get("RESODE_FOLDERS", "300"))
FORMULA = re.compile(r"""(^|[;|\t,])[\s"]*[=+@]""")
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "ul", "li", "pre"}
TAGS |= {"span", "div", "table", "tr", "th", "td", "a", "img"}
TAGS |= {"details", "summary"}
DRAWING = {"svg", "rect", "text"}  # ours, on the page about the class


class Guess(classroom.Quick):
    """A worker that marks by chance, fails by chance, answers nonsense by chance."""

    def __init__(self, batch):
        self.rng = random.Random(repr(batch.details))

    def grade(self, path):
        """Return a result, or fail."""
        chance = self.rng.random()
        if chance < 0.05:
            raise self.rng.choice([OSError("it ended"), TimeoutError("too long"), ValueError("?")])
        if chance < 0.08:
            return self.rng.choice([[], {}, None, 3, {"problems": [{}], "remarks": []}])
        if chance < 0.1:
            raise self.rng.choice([KeyError("no such thing"), RuntimeError("\ud800")])
        return classroom.result(self.rng.random() < 0.5, self.rng.choice(folders.TEXTS))


class Page(HTMLParser):
    """What a page consists of; whatever it should not is an error."""

    allowed = TAGS

    def handle_starttag(self, tag, attributes):
        """Refuse what a page of ours never has."""
        assert tag in self.allowed, tag
        for key, value in attributes:
            assert not key.startswith("on"), key
            if key == "src":
                assert value.startswith("data:image/"), value
            if key == "href":
                assert ":" not in value, value
                assert "//" not in value, value


class Terminal(io.TextIOWrapper):
    """A terminal that writes in one encoding, or one that has gone."""

    def __init__(self, encoding, gone):
        super().__init__(io.BytesIO(), encoding=encoding)
        self.gone = gone

    def write(self, text):
        """Write, unless it has gone."""
        if self.gone:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        return super().write(text)

    def text(self):
        """What was written."""
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


@pytest.fixture(autouse=True)
def guessing(quick, monkeypatch):
    monkeypatch.setattr(_batch, "_Worker", Guess)


def table(folder):
    return classroom.rows(folder / "out/grades.csv")


def grade(folder, monkeypatch, seed, refuses=0.0):
    """Run the command on a terminal by chance; return its status and what it printed."""
    rng = random.Random(seed)
    terminal = Terminal(rng.choice(["utf-8", "latin-1", "ascii", "cp437"]), rng.random() < 0.1)
    real = Path.write_bytes

    def write_bytes(path, data):
        if rng.random() < refuses:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", terminal)
        patch.setattr(sys, "stderr", Terminal("ascii", rng.random() < 0.1))
        if refuses:
            patch.setattr(Path, "write_bytes", write_bytes)
        status = classroom.grade(folder)
    return status, None if terminal.gone else terminal.text()


def lost(expected, rows):
    """Tokens that stand less often in the table than things were handed in."""
    told = [row["student"] + " " + row["remark"] for row in rows]
    return {t: n for t, n in expected.items() if sum(t in text for text in told) < n}


def check_outputs(folder, rows, status, printed):
    names = [row["student"] for row in rows]
    assert len(set(names)) == len(names)
    assert all(row["total so far"] or row["remark"] for row in rows)
    assert (status == 0) == all(row["0.1"] and row["0.2"] for row in rows)
    for row in rows:
        assert not [text for text in row.values() if FORMULA.search(text)]
    assert printed is None or not CONTROL.search(printed)
    assert printed is None or printed.count("\n[") == len(rows)  # a line for each
    for path in (folder / "out").rglob("*"):
        if path.suffix in (".html", ".csv", ".json") and path.is_file():
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".html":
                page = Page()
                page.allowed = TAGS | DRAWING if path.name == "grades-class.html" else TAGS
                page.feed(text)
                page.close()
    pages = [p.name.casefold() for p in (folder / "out/grades-feedback").iterdir()]
    assert len(set(pages)) == len(rows)


def prepare(seed, folder):
    expected = folders.write(seed, folder / "hand-in")
    folders.write_editions(folder / "editions")
    (folder / "spring.key").write_text(classroom.KEY)
    return expected


def one_folder(seed, folder, monkeypatch):
    expected = prepare(seed, folder)
    status, printed = grade(folder, monkeypatch, seed)
    rows = table(folder)
    assert not lost(expected, rows), seed
    check_outputs(folder, rows, status, printed)
    return expected, rows


@pytest.mark.parametrize("tens", range(FOLDERS // 10))
def test_nobody_is_lost(tens, tmp_path, monkeypatch):
    for seed in range(10 * tens, 10 * tens + 10):
        one_folder(seed, tmp_path / str(seed), monkeypatch)


@pytest.mark.parametrize("seed", range(40))
def test_a_disk_that_is_full_at_times_loses_nobody(seed, tmp_path, monkeypatch):
    expected = prepare(seed, tmp_path)
    status, printed = grade(tmp_path, monkeypatch, seed, refuses=0.2)
    if status == 2:  # it was full before anything began, and nothing was graded
        assert printed is None or "\n[" not in printed
        return
    if (tmp_path / "out/grades.csv").exists():
        assert not lost(expected, table(tmp_path))
    elif printed is not None:
        assert status == 1
        assert all(token in printed for token in expected)
    status, _ = grade(tmp_path, monkeypatch, seed)  # with space again
    assert status != 2
    assert not lost(expected, table(tmp_path))


def test_a_second_run_grades_nobody_again(tmp_path, monkeypatch):
    for seed in range(20):
        folder = tmp_path / str(seed)
        one_folder(seed, folder, monkeypatch)
        kept = {p: p.stat().st_mtime_ns for p in (folder / "out/grades-details").glob("*.json")}
        grade(folder, monkeypatch, seed)
        assert {p: p.stat().st_mtime_ns for p in kept} == kept


def test_files_have_names_that_every_disk_takes():
    names = [
        "ann",
        "Ann",
        "ä",
        "a\u0308",
        "x" * 255,
        "x" * 254,
        "a/b",
        "a_b",
        ".",
        "..",
        "con",
        "=1",
        "zoe",
    ]
    found = _files.file_names(names)
    assert found["zoe"] == "zoe"
    assert len({_files._folded(text) for text in found.values()}) == len(names)
    for text in found.values():
        assert len(text.encode()) < 120
        assert "/" not in text
        assert text.strip(". ") == text
        assert text.casefold() != "con"
