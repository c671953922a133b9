"""The directive `dependency-map`: which statement of the course rests on which, as a drawing.

Everything is read from the sources of the chapters, in the order of the table of contents: the
labelled blocks of sphinx-proof, and the references in a statement and in its proof.
"""

import re
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"^(`{3,}){prf:\w+} (?P<title>.+)\n:label: (?P<label>\S+)\n(?P<text>(?s:.*?))^\1$", re.M
)
REFERENCE = re.compile(r"{prf:ref}`([\w-]+)`")
PROOF = re.compile(r"(?:\*Proof|^### Proof|\*\*Idea|Full proof).*\\square", re.M | re.S)

ROW, ARCS, WIDTH = 26, 150, 560  # pixels: a line, the room for arcs, the whole drawing


class Statement(NamedTuple):
    """A statement, the page it stands on, and the labels that it and its proof refer to."""

    label: str
    title: str
    page: str
    uses: tuple[str, ...]


def pages(root: Path = ROOT) -> list[str]:
    """Return the pages of the table of contents, without suffix, in its order."""
    parts = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    return [chapter["file"] for part in parts for chapter in part["chapters"]]


def read(page: str, root: Path = ROOT) -> Iterator[Statement]:
    """Yield the statements of a page; at the next statement or section a proof is over."""
    text = (root / f"{page}.md").read_text(encoding="utf-8")
    blocks = list(BLOCK.finditer(text))
    borders = [*(block.start() for block in blocks), len(text)]
    for block, end in zip(blocks, borders[1:], strict=True):
        behind = re.split(r"^## ", text[block.end() : end], maxsplit=1, flags=re.M)[0]
        proof = PROOF.search(behind)
        found = REFERENCE.findall(block["text"] + (proof[0] if proof else ""))
        uses = tuple(label for label in dict.fromkeys(found) if label != block["label"])
        yield Statement(block["label"], block["title"], page, uses)


def statements(root: Path = ROOT) -> list[Statement]:
    """Return all statements of the course, in its order, with references to each other only."""
    found = [statement for page in pages(root) for statement in read(page, root)]
    known = {statement.label for statement in found}
    return [s._replace(uses=tuple(label for label in s.uses if label in known)) for s in found]


def heading(page: str, root: Path = ROOT) -> str:
    """Return the title of a page."""
    return re.search(r"^# (.+)$", (root / f"{page}.md").read_text(encoding="utf-8"), re.M)[1]


def plain(title: str) -> str:
    """Return a title without the marks of formulas, for a drawing."""
    return re.sub(r"[$\\]", "", title.replace(r"\sqrt L", "√L"))


def drawing(found: list[Statement], root: Path = ROOT) -> str:
    """Return an SVG: a line per statement below its chapter, and an arc to each that it uses."""
    titles = {statement.label: plain(statement.title) for statement in found}
    lines, heights, y = [], {}, 0
    for page, group in groupby(found, key=lambda statement: statement.page):
        y += 3 * ROW // 2
        name = escape(heading(page, root))
        lines.append(f'<text class="chapter" x="{ARCS + 14}" y="{y}">{name}</text>')
        for statement in group:
            y += ROW
            heights[statement.label] = y
    lines += [_line(statement, titles, heights) for statement in found]
    return (
        f'<svg class="dependency-map" viewBox="0 0 {WIDTH} {y + ROW}" role="group" '
        f'aria-label="Statements of the course and what they rest on">{"".join(lines)}</svg>'
    )


def _line(statement: Statement, titles: dict[str, str], heights: dict[str, int]) -> str:
    """Return a statement as a link, with its arcs."""
    y, rests = heights[statement.label], [titles[label] for label in statement.uses]
    words = escape(f"{titles[statement.label]}. Refers to: {'; '.join(rests) or 'nothing'}.")
    arcs = "".join(_arc(y, heights[label]) for label in statement.uses)
    return (
        f'<a href="../../{statement.page}.html#{statement.label}" aria-label="{words}">'
        f'<title>{words}</title>{arcs}<circle cx="{ARCS}" cy="{y - 5}" r="4"/>'
        f'<text x="{ARCS + 14}" y="{y}">{escape(titles[statement.label])}</text></a>'
    )


def _arc(start: int, end: int) -> str:
    """Return half an ellipse between two heights, the wider the farther apart they are."""
    reach = min(ARCS - 8, 12 + abs(start - end) // 8)
    sweep = int(end < start)
    return (
        f'<path d="M {ARCS} {start - 5} A {reach} {abs(start - end) / 2:g} 0 0 {sweep} '
        f'{ARCS} {end - 5}"/>'
    )


class DependencyMap(SphinxDirective):
    """Draw the map; the page is read again when a chapter changes."""

    def run(self) -> list[nodes.Node]:
        """Return the drawing."""
        for source in ("_toc.yml", *(f"{page}.md" for page in pages())):
            self.env.note_dependency(str(ROOT / source))
        return [nodes.raw("", drawing(statements()), format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known."""
    app.add_directive("dependency-map", DependencyMap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
