"""Number what the book numbers, the way Sphinx does, so that notebooks and pages agree.

Theorems, figures and exercises count through a numbered chapter (2.1, 2.2, ...) and through all
unnumbered pages together; equations count through each page. Only equations with a label count.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import jupytext
import yaml
from docutils.nodes import make_id
from myst import Block, Directive, Math, Target, Text, parse, walk

# The theorem-like blocks of sphinx-proof; each kind has a counter of its own.
THEOREMS = {
    *("axiom", "theorem", "lemma", "algorithm", "definition", "remark", "conjecture"),
    *("corollary", "criterion", "example", "property", "observation", "proposition"),
    *("assumption", "notation"),
}
HEADING = re.compile(r"^(#{1,6})\s+(?P<title>.*?)\s*#*\s*$")
PREFIX = {"figure": "Fig.", "table": "Table", "equation": "Equation"}


@dataclass
class Label:
    """Where a label points: its page, what it is, its number and its title."""

    page: str
    kind: str
    anchor: str
    number: str = ""
    title: str = ""

    @property
    def name(self) -> str:
        """What a reader calls it: "Theorem 2.1", or the title of a section."""
        if self.kind == "section" or not self.number:
            return self.title or self.kind.capitalize()
        return f"{PREFIX.get(self.kind, self.kind.capitalize())} {self.number}"


@dataclass
class Page:
    """One page of the table of contents: its name, its chapter number and its cells."""

    name: str
    chapter: str
    source: Path
    title: str = ""
    cells: list = field(default_factory=list)
    is_notebook: bool = False


@dataclass
class Book:
    """Every page, every label, and the numbers of blocks by (page, line)."""

    root: Path
    pages: dict[str, Page]
    labels: dict[str, Label] = field(default_factory=dict)
    numbers: dict[tuple[str, int], str] = field(default_factory=dict)


@dataclass
class Cell:
    """One cell of a page: its kind, source, metadata, first line, and blocks when Markdown."""

    kind: str
    source: str
    metadata: dict
    line: int
    blocks: list[Block] = field(default_factory=list)


def read_book(root: Path) -> Book:
    """Read every page of the table of contents and number it."""
    book = Book(root, {})
    counters: dict[str, Counter] = {}
    for name, chapter in table_of_contents(root):
        source = root / f"{name}.md"
        if not source.exists():
            raise FileNotFoundError(
                f"_toc.yml: got the page {name}, expected the file {name}.md; "
                "write it or remove the line"
            )
        page = read_page(name, chapter, source)
        book.pages[name] = page
        number_page(book, page, counters.setdefault(chapter, Counter()))
    return book


def table_of_contents(root: Path) -> list[tuple[str, str]]:
    """The pages in order, each with its chapter number ("" when it has none)."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    pages, chapter = [(toc["root"], "")], 0
    for part in toc.get("parts", [{**toc, "numbered": False}]):
        for entry in part.get("chapters", []):
            chapter += bool(part.get("numbered"))
            number = str(chapter) if part.get("numbered") else ""
            pages += [(name, number) for name in _files(entry)]
    return pages


def _files(entry: dict) -> list[str]:
    """A chapter's file and those of its sections."""
    below = [name for section in entry.get("sections", []) for name in _files(section)]
    return [entry["file"].removesuffix(".md"), *below]


def read_page(name: str, chapter: str, source: Path) -> Page:
    """Split a page into cells; a page without jupytext's header is one Markdown cell."""
    text = source.read_text(encoding="utf-8")
    page = Page(name, chapter, source, is_notebook=is_notebook(text))
    if page.is_notebook:
        page.cells = _notebook_cells(text)
    else:
        page.cells = [Cell("markdown", text, {}, 1)]
    for cell in page.cells:
        if cell.kind == "markdown":
            cell.blocks = parse(cell.source.split("\n"), cell.line)
    titles = (HEADING.match(line) for cell in page.cells for line in _text_lines(cell.blocks))
    page.title = next((match["title"] for match in titles if match), name)
    return page


def is_notebook(text: str) -> bool:
    """True when the source starts with jupytext's header: only then are its cells run."""
    header = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    return bool(header and "jupytext" in (yaml.safe_load(header[1]) or {}))


def _notebook_cells(text: str) -> list[Cell]:
    """Jupytext's cells, each with the line it starts on."""
    cells, offset = [], 0
    for cell in jupytext.reads(text, fmt="md:myst").cells:
        found = text.find(cell.source, offset)
        offset = max(found, offset)
        line = text.count("\n", 0, offset) + 1
        cells.append(Cell(cell.cell_type, cell.source, dict(cell.metadata), line))
        offset += len(cell.source) if found >= 0 else 0
    return cells


def _text_lines(blocks: list[Block]) -> list[str]:
    """The lines of ordinary text among blocks."""
    return [line for block in blocks if isinstance(block, Text) for line in block.lines]


def number_page(book: Book, page: Page, counter: Counter) -> None:
    """Give numbers to everything on a page that has one, and note its labels."""
    equations = Counter()
    for cell in page.cells:
        if cell.kind == "code":
            _number_code_figure(book, page, cell, counter)
        pending: list[str] = []
        for block in walk(cell.blocks):
            if isinstance(block, Target):
                pending.append(block.label)
            elif isinstance(block, Math) and block.label:
                number = _count(page, equations, "equation")
                _note(book, page, block.label, "equation", number, "", block.line)
            elif isinstance(block, Directive):
                _number_directive(book, page, block, counter, pending)
                pending = []
            elif isinstance(block, Text):
                pending = _note_headings(book, page, block, pending)


def _count(page: Page, counter: Counter, kind: str) -> str:
    """The next number of this kind."""
    counter[kind] += 1
    return f"{page.chapter}.{counter[kind]}".lstrip(".")


def _note(
    book: Book, page: Page, label: str, kind: str, number: str, title: str, line: int
) -> None:
    """Remember a label, unless another place has it."""
    book.numbers[page.name, line] = number
    if not label:
        return
    known = book.labels.get(label)
    if known:
        raise ValueError(
            f"{page.source}:{line}: got the label {label!r} twice (also on {known.page}); "
            "expected one; rename one of them"
        )
    # The anchor on the page, as Sphinx writes it.
    anchor = make_id(f"equation-{label}" if kind == "equation" else label)
    book.labels[label] = Label(page.name, kind, anchor, number, title)


def _number_directive(
    book: Book, page: Page, block: Directive, counter: Counter, targets: list[str]
) -> None:
    """Number a theorem, an exercise, a solution or a figure."""
    kind = block.name.removeprefix("prf:").removesuffix("-start")
    label = block.options.get("label") or block.options.get("name", "")
    title = caption(block) if kind == "figure" else block.argument
    counted = (
        kind == "exercise"
        or (kind in THEOREMS and block.name.startswith("prf:"))
        or (kind in ("figure", "table") and title)
    )
    number = _count(page, counter, kind) if counted and "nonumber" not in block.options else ""
    for name in {label: None, **dict.fromkeys(targets)}:
        _note(book, page, name, kind, number, title, block.line)


def caption(block: Directive) -> str:
    """The caption of a figure: its first paragraph."""
    return "\n".join(block.body).strip().split("\n\n")[0].replace("\n", " ")


def _number_code_figure(book: Book, page: Page, cell: Cell, counter: Counter) -> None:
    """A code cell whose output has a caption is a numbered figure too."""
    figure = cell.metadata.get("mystnb", {}).get("figure", {})
    if figure.get("caption"):
        number = _count(page, counter, "figure")
        title = figure["caption"].strip()
        _note(book, page, figure.get("name", ""), "figure", number, title, cell.line)


def _note_headings(book: Book, page: Page, block: Text, pending: list[str]) -> list[str]:
    """Give pending targets to the first heading or paragraph; return those still pending."""
    for offset, line in enumerate(block.lines):
        if line.strip():
            heading = HEADING.match(line)
            title = heading["title"] if heading else ""
            for label in pending:
                _note(book, page, label, "section", "", title, block.line + offset)
            return []
    return pending
