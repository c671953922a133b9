"""What a marker reads: all that a student wrote, the rubrics, and what hidden inputs showed."""

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path

from resode_grader._answers import Piece, answers
from resode_grader._editions import Editions, Written
from resode_grader._files import write
from resode_grader._folder import File
from resode_grader._notebook import Notebook, NotebookError, Picture, read_notebook
from resode_grader._page import SAFE, document, image, items, link, text_block
from resode_grader._rows import Row, points_text
from resode_grader._text import line, markup

__all__ = ["contents", "marking"]

LARGEST = 100_000_000  # bytes of a file that is copied beside the page
MARKS = {  # how the files begin that a browser shows: what is called so and is not, is only named
    b"%PDF-": ("pdf", ""),
    b"\x89PNG\r\n\x1a\n": ("png", "image/png"),
    b"\xff\xd8\xff": ("jpg", "image/jpeg"),
    b"GIF8": ("gif", "image/gif"),
}
PRINTED = 20_000  # characters of output that a page repeats


def marking(row: Row, editions: Editions, folder: Path) -> str:
    """Return the page of a student; files that were handed in beside the notebook are copied.

    Args:
        row: the student; with a code in place of the name where the row has one.
        editions: what was handed out, and the rubrics.
        folder: where the pages are.
    """
    body = ['<p class="small">Written by the command: marks and comments go into the table.</p>']
    body.append(items(_named(row, text) for text in row.remarks))
    body += _beside(row, folder)
    try:
        notebook = read_notebook(row.entry.path) if row.entry.notebook else Notebook(())
    except NotebookError as error:
        body.append(f"<p>{markup(str(error))}</p>")
        notebook = Notebook(())
    found = answers(notebook, editions.handed_out, row.best)
    for problem in editions.written:
        body += _written(row, problem, found.pop(problem.label, []))
    for label in [label for label in row.best if label in found]:
        body += [f"<h2>Problem {markup(label)}: program</h2>", *_pieces(found.pop(label))]
    for pieces in found.values():
        body += ["<h2>Before the first problem</h2>", *_pieces(pieces)]
    body += ["<h2>What hidden inputs showed (not for the student)</h2>", items(_lost(row))]
    return document(f"{row.code or row.student}: for the marker", body)


def contents(rows: Iterable[Row], written: Sequence[Written]) -> str:
    """Return the page that leads to all others, with what is still to mark."""
    lines = ["<table><tr><th>student</th>"]
    lines += [f"<th>{markup(problem.label)}</th>" for problem in written]
    lines.append("</tr>")
    for row in rows:
        name = row.code or row.student
        cells = [link(f"{row.code or row.entry.file}.html", name)]
        cells += [points_text(row.points[problem.label]) or "to mark" for problem in written]
        lines.append("<tr>" + "".join(f"<td>{text}</td>" for text in cells) + "</tr>")
    return document("For the marker", [*lines, "</table>"])


def _written(row: Row, problem: Written, pieces: list[Piece]) -> list[str]:
    """A written problem: the answer, and the rubric beside it."""
    mark = row.by_hand.get(problem.label)
    given = f"marked: {points_text(mark.points)}" if mark else "to mark"
    shown = _pieces(pieces) or ["<p>Nothing written.</p>"]
    return [
        f'<h2>{markup(line(problem.title))}: {given}</h2><div class="beside"><div>',
        *shown,
        '</div><div class="rubric"><h3>Rubric</h3>',
        text_block((text, False) for text in problem.rubric.splitlines()),
        "</div></div>",
    ]


def _pieces(pieces: list[Piece]) -> list[str]:
    """Cells that differ from what was handed out."""
    shown = []
    for piece in pieces:
        shown.append(f'<p class="small">Cell {piece.number}, {markup(line(piece.kind))}</p>')
        shown.append(text_block(piece.lines))
        if piece.printed:
            shown.append(
                "<details><summary>Output</summary>" + _output(piece.printed) + "</details>"
            )
        shown += [
            image(picture, f"picture {n} of cell {piece.number}")
            for n, picture in enumerate(piece.pictures, 1)
        ]
    return shown


def _output(printed: str) -> str:
    """What a cell printed, cut where it is very long."""
    more = len(printed) - PRINTED
    text = text_block((text, False) for text in printed[:PRINTED].splitlines())
    return text + (f"<p>... and {more} more characters: see the notebook.</p>" if more > 0 else "")


def _lost(row: Row) -> list[str]:
    """What the hidden inputs showed about each part that is not right."""
    lost = [
        f"{problem['label']}, {part['title']}: {part['hidden']}"
        for problem in row.result["problems"]
        for part in problem["parts"]
        if part["hidden"] is not None
    ]
    return lost or ["Nothing."]


def _named(row: Row, text: str) -> str:
    """A remark; where marking is anonymous, without the names in it."""
    files = [file.name for file in (row.entry.notebook, *row.entry.beside) if file]
    for name in [*files, row.student] if row.code else []:
        text = text.replace(name, "(a name)")
    return text


def _beside(row: Row, folder: Path) -> list[str]:
    """What was handed in beside the notebook: pictures and PDFs to look at, the rest by name."""
    shown = []
    for number, file in enumerate(row.entry.beside, 1):
        name = f"file {number}" if row.code else file.name
        shown.append(_file(file, name, folder / (row.code or row.entry.file), number))
    return ["<h2>Handed in beside the notebook</h2>", *shown] if shown else []


def _file(file: File, name: str, folder: Path, number: int) -> str:
    """One file, copied under a name of ours."""
    try:
        known = None if file.fault else _known(file.path)
        data = file.path.read_bytes() if known else b""
    except OSError as error:
        return f"<p>{markup(line(name))}: cannot be read ({markup(str(error.strerror))}).</p>"
    if known is None:
        told = file.fault or "to be looked at where it was handed in"
        return f"<p>{markup(line(name))}: {markup(line(told))}.</p>"
    ending, kind = known
    if kind in SAFE:
        code = base64.b64encode(data).decode()
        return f"<p>{markup(line(name))}</p>" + image(Picture(kind, code), name)
    write(folder / f"{number}.{ending}", data)
    return f"<p>{link(f'{folder.name}/{number}.{ending}', name)}</p>"


def _known(path: Path) -> tuple[str, str] | None:
    """The ending and the kind of what a browser shows, by how the file begins."""
    if path.stat().st_size > LARGEST:
        return None
    with path.open("rb") as opened:
        head = opened.read(16)
    return next((known for mark, known in MARKS.items() if head.startswith(mark)), None)
