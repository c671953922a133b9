"""A tiny book on disk, with the repository's own settings and extension."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

"""
TOC = """format: jb-book
root: book/index
parts:
  - caption: One
    numbered: 1
    chapters:
      - file: book/one
  - caption: Two
    numbered: 1
    chapters:
      - file: book/two
"""
REFERENCES = """@misc{first2020,
  author = {First, Ann and Second, Bob and Third, Cy}, title = {One}, year = {2020},
  url = {https://example.org/one}
}
@misc{pair2021,
  author = {First, Ann and Second, Bob}, title = {Two}, year = {2021}, eprint = {2101.1}
}
"""


CHAPTERS = {"one": "# One\n", "two": "# Two\n"}


class TinyBook:
    """A book of three pages in a temporary folder."""

    def __init__(self, root: Path, chapters: dict[str, str] | None = None) -> None:
        """Copy the settings and the extension; write three short pages."""
        self.root = root
        for name in ("book/_ext", "book/_templates", "tools"):
            shutil.copytree(ROOT / name, root / name, dirs_exist_ok=True)
        for name in ("_config.yml", "requirements.txt"):
            shutil.copy(ROOT / name, root / name)
        self.write("_toc.yml", TOC)
        self.write("book/references.bib", REFERENCES)
        self.write("book/_static/resode.css", "")
        self.write("book/_static/draggable.js", "")
        self.write("book/_static/folded.js", "")
        self.write("book/_static/formulas.js", "")
        self.write("book/_static/finding.js", "")
        self.write("book/_static/favicon.svg", '<svg xmlns="http://www.w3.org/2000/svg"/>')
        self.write("book/index.md", "# Front\n\nHello.\n")
        for name, text in (CHAPTERS if chapters is None else chapters).items():
            self.chapter(name, text)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the book."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def chapter(self, name: str, text: str) -> Path:
        """Write a chapter that is a notebook."""
        return self.write(f"book/{name}.md", HEADER + text)

    def build(self, *options: str, **shell: str) -> subprocess.CompletedProcess[str]:
        """Build the pages as a reader would, without make, with variables of the reader's shell."""
        jupyter_book = Path(sys.executable).with_name("jupyter-book")
        environment = {**os.environ, "NO_COLOR": "1", **shell}
        for name in {"RESODE_MAKE", "RESODE_STATIC", "JAX_PLATFORMS"} - set(shell):
            environment.pop(name, None)
        return subprocess.run(
            [jupyter_book, "build", ".", *options],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def page(self, name: str) -> str:
        """The HTML of a built page."""
        return (self.root / "_build/html" / name).read_text(encoding="utf-8")
