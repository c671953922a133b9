"""Every file could be read anywhere: no path of one machine, no private host, no leftovers."""

import re
from pathlib import Path

import pytest
from fingerprint import source_files

ROOT = Path(__file__).parents[2]
TEXT = {".cff", ".css", ".in", ".ipynb", ".js", ".md", ".py", ".toml", ".txt", ".yml", ".bib", ""}
FILES = [path for path in source_files(ROOT, ROOT) if path.suffix in TEXT]

# Written in pieces, so that this file does not find itself.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.$}])/(work|root|home|Users|opt/(pypi|wheels))" + "/",
    "the host of a package registry": r"pypi\." + r"org|files\.pythonhosted|registry\.npm",
    "an unresolved merge": r"^(<{7}|>{7}|={7})( |$)",
    "unfinished work": r"\b(TO" + "DO|FIX" + "ME|XX" + "X)\\b",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_contains(what):
    pattern = re.compile(FORBIDDEN[what], re.MULTILINE)
    found = {}
    for path in FILES:
        if match := pattern.search(path.read_text(encoding="utf-8")):
            found[str(path.relative_to(ROOT))] = match[0]
    assert not found


def test_text_files_end_with_one_line_end_and_have_no_trailing_spaces():
    bad = []
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        trailing = path.suffix != ".ipynb" and re.search(r"[ \t]+$", text, re.MULTILINE)
        if text and (not text.endswith("\n") or text.endswith("\n\n") or trailing):
            bad.append(str(path.relative_to(ROOT)))
    assert not bad


def test_no_large_file():
    large = {p: p.stat().st_size for p in source_files(ROOT, ROOT) if p.stat().st_size > 400_000}
    assert not large


def test_every_page_of_the_contents_is_there_and_every_page_is_in_them():
    contents = (ROOT / "_toc.yml").read_text()
    pages = [p.relative_to(ROOT).with_suffix("") for p in (ROOT / "book").rglob("*.md")]
    strays = [str(p) for p in pages if p.name[0] != "_" and str(p) not in contents]
    assert not strays, "pages that _toc.yml does not name"
