"""Write the editions of the problem sets: ``make assignments COHORT=name``.

From each ``coursework/setN.md`` come three notebooks, in ``_build/assignments/COHORT``:

    student      stubs, a place for each written answer, and what `check` compares with
    solution     the solution's code with the class's numbers written in, and model answers
    instructor   the solution, rubrics, and what students get wrong

The exam questions, ``coursework/exams.md``, become a notebook beside the instructors' editions.

The same source gives the same notebooks, byte for byte. A source that could mislead is refused,
with file and line.
"""

import argparse
import ast
import hashlib
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from address import fill
from labels import Book, Cell, Page, number_page, read_book, read_page
from myst import Block, Directive, MystError, Text
from nbformat import NotebookNode
from notebooks import KERNEL, read_citations, serialize, site_address
from plain import Writer
from resode_grader.sets import PROBLEMS, Problem, parameters_of, sheet_of

from resode_course.coursework.sheets import pack

ROOT = Path(__file__).resolve().parents[1]
STAFF = {
    "model-answer": "Model answer",
    "rubric": "Rubric",
    "misconceptions": "What students get wrong",
}
EDITIONS = {"student": (), "solution": ("model-answer",), "instructor": tuple(STAFF)}
HEADING = re.compile(
    r"^## Problem (?P<label>\d+\.\d+): (?P<title>.+) "
    r"\((?P<points>\d+) points?(?P<written>, written)?\)$"
)
LIKE_HEADING = re.compile(r"^#+\s*Problem\s+\d")
BEGIN, END = re.compile(r"^\s*# BEGIN SOLUTION\s*$"), re.compile(r"^\s*# END SOLUTION\s*$")
STUB = re.compile(r"^(?P<indent>\s*)# STUB: ?(?P<line>.*)$")
COHORT = re.compile(r'^COHORT = "book"$', re.MULTILINE)
NAME = re.compile(r"[\w.-]+")
PARAMETERS = re.compile(r'(?P<variable>\w+) = parameters\("(?P<label>[\d.]+)"\)')
INSTALLED = re.compile(r"(?P<url>git\+https://[^@\s\"]+)@main")
CHECK = re.compile(r'^check\("(?P<label>[\d.]+)"\)', re.MULTILINE)
ROW = re.compile(r"^\|.*\|\s*(?P<points>\d+)\s*\|\s*$")
# In Jupyter and in Colab.
FOLDED = {"tags": ["hide-input"], "jupyter": {"source_hidden": True}, "cellView": "form"}
TELLING = 16  # characters: a shorter line of a solution may well stand elsewhere


class SourceError(Exception):
    """A source that cannot become a problem set; the message starts with file and line."""


@dataclass
class Task:
    """One problem of a source: its heading, and what was found under it."""

    label: str
    title: str
    points: int
    written: bool
    line: int
    roles: dict[str, Cell | Directive] = field(default_factory=dict)


@dataclass
class Piece:
    """A cell to write: text blocks or code, the problem it belongs to, and its role."""

    role: str  # "text", "code", "answer", "written" or one of STAFF
    task: Task | None
    cell: Cell
    blocks: list[Block] = field(default_factory=list)


@dataclass
class Source:
    """A problem set as read: its pieces in order, its problems by label."""

    book: Book
    page: Page
    problems: dict[str, Problem]
    pieces: list[Piece] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)  # variable -> label

    def error(self, line: int, message: str) -> SourceError:
        """An error at a line."""
        return SourceError(f"{self.page.source.name}:{line}: {message}")


def read_source(path: Path, problems: dict[str, Problem], book: Book) -> Source:
    """Read a problem set and refuse what does not fit together.

    Args:
        path: the source, ``setN.md``.
        problems: the programming problems of this set, by label.
        book: the pages that it may refer to.

    Raises:
        SourceError: with file and line.
    """
    try:
        page = read_page(f"coursework/{path.stem}", "", path)
    except MystError as error:
        raise SourceError(f"{path.name}:{error.line}: {error}") from error
    # A copy: the labels of a problem set are its own, and sets may repeat each other's.
    book = replace(book, labels=dict(book.labels), numbers=dict(book.numbers))
    number_page(book, page, Counter())
    source = Source(book, page, problems)
    task = None
    for cell in page.cells:
        for piece in _pieces(source, cell, task):
            task = piece.task
            source.pieces.append(piece)
    for task in source.tasks.values():
        _check_task(source, task)
    missing = sorted(set(problems) - set(source.tasks))
    if missing:
        raise source.error(1, f"got no heading for the problems {missing}; write them.")
    _note_numbers(source)
    if sum(len(COHORT.findall(cell.source)) for cell in page.cells) != 1:
        raise source.error(1, 'expected the line COHORT = "book" once, in the first code cell.')
    return source


def _note_numbers(source: Source) -> None:
    """Note which variable holds which problem's numbers; each has a name of its own.

    A function looks its variables up when it is called: with one name for all, every answer would
    be checked with the numbers of the last problem.
    """
    for cell in source.page.cells:
        for found in PARAMETERS.finditer(cell.source if cell.kind == "code" else ""):
            variable, label = found["variable"], found["label"]
            if source.numbers.setdefault(variable, label) != label:
                first = source.numbers[variable]
                raise source.error(
                    cell.line,
                    f"got {variable} for the numbers of problem {label}, but it holds those of "
                    f"{first}; rename it.",
                )


def _pieces(source: Source, cell: Cell, task: Task | None) -> Iterator[Piece]:
    """Split a cell: what only some editions show becomes a cell of its own."""
    if cell.kind == "code":
        yield _code_piece(source, cell, task)
        return
    if cell.metadata.get("role") == "answer":
        _take(source, task, "written", cell, cell.line)
        yield Piece("written", task, cell, cell.blocks)
        return
    yield from _text_pieces(source, cell, task)


def _text_pieces(source: Source, cell: Cell, task: Task | None) -> Iterator[Piece]:
    """Split a text cell at notes for staff and at the headings of problems."""
    run: list[Block] = []
    for block in _at_headings(cell.blocks):
        if isinstance(block, Directive) and block.name in STAFF:
            if run:
                yield Piece("text", task, cell, run)
                run = []
            _take(source, task, block.name, block, block.line)
            yield Piece(block.name, task, cell, [block])
            continue
        if isinstance(block, Text) and LIKE_HEADING.match(block.lines[0]):
            if run:
                yield Piece("text", task, cell, run)
                run = []
            task = _heading(source, block)
        run.append(block)
    if run:
        yield Piece("text", task, cell, run)


def _at_headings(blocks: list[Block]) -> Iterator[Block]:
    """The same blocks, but the heading of a problem begins a block of its own."""
    for block in blocks:
        if not isinstance(block, Text):
            yield block
            continue
        starts = [n for n, line in enumerate(block.lines) if n and LIKE_HEADING.match(line)]
        for first, last in pairwise([0, *starts, len(block.lines)]):
            yield Text(block.lines[first:last], block.line + first)


def _heading(source: Source, block: Text) -> Task:
    """The problem whose heading a block begins with."""
    found = HEADING.match(block.lines[0])
    if not found:
        raise source.error(
            block.line,
            f"got {block.lines[0]!r}, expected '## Problem 1.2: title (6 points)', or with "
            "'(6 points, written)'.",
        )
    points, written = int(found["points"]), bool(found["written"])
    task = Task(found["label"], found["title"], points, written, block.line)
    if task.label in source.tasks:
        raise source.error(block.line, f"got a second problem {task.label}; renumber one.")
    source.tasks[task.label] = task
    return task


def _code_piece(source: Source, cell: Cell, task: Task | None) -> Piece:
    """A code cell; one with a solution is the answer."""
    lines = cell.source.split("\n")
    if any(BEGIN.match(line) or END.match(line) or STUB.match(line) for line in lines):
        _split(source, cell)
        _take(source, task, "answer", cell, cell.line)
        return Piece("answer", task, cell)
    found = CHECK.search(cell.source)
    if found:
        if not task or found["label"] != task.label:
            where = f"problem {task.label}" if task else "no problem"
            raise source.error(cell.line, f"got check({found['label']!r}) under {where}; mend it.")
        _take(source, task, "check", cell, cell.line)
    return Piece("code", task, cell)


def _take(source: Source, task: Task | None, role: str, what: Any, line: int) -> None:
    """Remember what plays a role in a problem, once."""
    if task is None:
        raise source.error(line, f"got a {role} before the first problem; move it below a heading.")
    if role in task.roles:
        raise source.error(line, f"got a second {role} in problem {task.label}; join them.")
    task.roles[role] = what


def _split(source: Source, cell: Cell) -> tuple[list[str], list[str], list[str]]:
    """The lines of the student's cell, of the solved cell, and those that only the latter has."""
    student: list[str] = []
    solved: list[str] = []
    secret: list[str] = []
    begun = 0
    for number, text in enumerate(cell.source.split("\n"), cell.line):
        stub = STUB.match(text)
        if BEGIN.match(text) or END.match(text):
            if bool(begun) == bool(BEGIN.match(text)):
                raise source.error(
                    number, f"got {text.strip()!r} out of order; each BEGIN needs one END."
                )
            begun = 0 if begun else number
        elif stub and begun:
            raise source.error(
                number,
                f"got a STUB inside the solution that begins in line {begun}; end that first.",
            )
        elif stub:
            student.append(stub["indent"] + stub["line"])
        elif begun:
            solved.append(text)
            secret.append(text)
        else:
            student.append(text)
            solved.append(text)
    if begun:
        raise source.error(begun, "got BEGIN SOLUTION without END SOLUTION in its cell; add it.")
    return student, solved, secret


def _check_task(source: Source, task: Task) -> None:
    """Refuse a problem that lacks something, or that disagrees with the library."""
    needed = ("written", "model-answer", "rubric") if task.written else ("answer", "check")
    for role in (*needed, "misconceptions"):
        if role not in task.roles:
            raise source.error(task.line, f"problem {task.label} has no {role}; write it.")
    if task.written:
        _check_rubric(source, task)
        return
    problem = source.problems.get(task.label)
    if problem is None:
        raise source.error(
            task.line,
            f"got problem {task.label}, which resode_grader.sets does not have; there are "
            f"{sorted(source.problems)}.",
        )
    if problem.points != task.points:
        raise source.error(
            task.line,
            f"got {task.points} points, but resode_grader.sets gives problem {task.label} "
            f"{problem.points}; change one of them.",
        )
    _check_stub(source, task, problem.name)


def _check_rubric(source: Source, task: Task) -> None:
    """Refuse a rubric in a table whose points do not add up."""
    rubric = task.roles["rubric"]
    rows = [int(found["points"]) for line in rubric.body if (found := ROW.match(line))]
    if rows and sum(rows) != task.points:
        raise source.error(
            rubric.line,
            f"the rubric gives {sum(rows)} points, but problem {task.label} has {task.points}.",
        )


def _check_stub(source: Source, task: Task, name: str) -> None:
    """Refuse a stub that defines the answer in another way than the solution."""
    cell = task.roles["answer"]
    student, solved, _ = _split(source, cell)
    stub = _signature(source, cell, student, name)
    solution = _signature(source, cell, solved, name)
    if stub != solution:
        raise source.error(
            cell.line,
            f"the stub of {name} is {stub}, but the solution is {solution}; make them equal.",
        )


def _signature(source: Source, cell: Cell, lines: list[str], name: str) -> str:
    """How a cell defines a name: as a function with these arguments, or as data."""
    try:
        tree = ast.parse("\n".join(lines))
    except SyntaxError as error:
        raise source.error(
            cell.line, f"an edition of this cell is no Python: {error.msg}."
        ) from error
    for node in reversed(tree.body):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return f"{name}({ast.unparse(node.args)})"
        if isinstance(node, ast.Assign):
            targets = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if name in targets:
                return f"{name} = data"
    raise source.error(
        cell.line, f"an edition of this cell does not define {name}; define it there."
    )


def edition(source: Source, kind: str, cohort: str, version: str = "main") -> NotebookNode:
    """Return one edition of a problem set for one class.

    Args:
        source: the problem set.
        kind: one of `EDITIONS`.
        cohort: the class.
        version: the branch or tag that the first cell installs.
    """
    root = source.book.root
    writer = Writer(source.book, source.page, site_address(root), read_citations(root))
    cells = []
    for piece in source.pieces:
        cells += [cell] if (cell := _cell(source, piece, kind, cohort, writer)) else []
        if piece.role == "code" and COHORT.search(piece.cell.source):
            cells.append(_checks(source, cohort))
    for position, cell in enumerate(cells):
        name = f"{source.page.name}/{kind}/{position}"
        cell["id"] = hashlib.sha256(name.encode()).hexdigest()[:8]
    for cell in cells:
        if cell.cell_type == "code":
            cell.source = fill(INSTALLED.sub(rf"\g<url>@{version}", cell.source))
    note = {"set": source.page.source.stem.removeprefix("set"), "cohort": cohort, "edition": kind}
    return nbformat.v4.new_notebook(cells=cells, metadata={**KERNEL, "resode": note})


def _checks(source: Source, cohort: str) -> NotebookNode:
    """The folded cell that holds what the notebook's checks compare with."""
    number = source.page.source.stem.removeprefix("set")
    packed = _packed(number, tuple(source.problems.values()), cohort)
    code = f'# What `check` compares with. Leave it as it is.\nCHECKS = """\n{packed}\n"""'
    return nbformat.v4.new_code_cell(code, metadata=FOLDED)


@lru_cache(maxsize=16)
def _packed(number: str, problems: tuple[Problem, ...], cohort: str) -> str:
    """The same text for all editions, drawn once."""
    return pack(sheet_of(number, problems, cohort))


def _cell(
    source: Source, piece: Piece, kind: str, cohort: str, writer: Writer
) -> NotebookNode | None:
    """One cell of an edition, None if the edition does not show it."""
    if piece.role in ("code", "answer"):
        code = _code(source, piece, kind, cohort)
        return nbformat.v4.new_code_cell(code, metadata=_metadata(piece))
    if piece.role in STAFF and piece.role not in EDITIONS[kind]:
        return None
    if piece.role == "written" and kind != "student":
        return None  # the model answer stands there
    blocks = piece.blocks[0].content if piece.role in STAFF else piece.blocks
    try:
        text = "\n".join(writer.blocks(blocks)).strip("\n")
    except MystError as error:
        raise source.error(error.line, str(error)) from error
    if piece.role in STAFF:
        text = f"**{STAFF[piece.role]}**\n\n{text}"
    return nbformat.v4.new_markdown_cell(text, metadata=_metadata(piece)) if text else None


def _metadata(piece: Piece) -> dict[str, Any]:
    """What the grader looks for in a cell."""
    kept = {k: v for k, v in piece.cell.metadata.items() if piece.role == "code" and k == "tags"}
    if piece.role in ("text", "code") or not piece.task:
        return kept
    role = "answer" if piece.role == "written" else piece.role
    note = {"role": role, "problem": piece.task.label}
    if role == "rubric":
        note["title"] = (
            f"Problem {piece.task.label}: {piece.task.title} ({piece.task.points} points)"
        )
    return {**kept, "resode": note}


def _code(source: Source, piece: Piece, kind: str, cohort: str) -> str:
    """The code of a cell: stub or solution, for this class."""
    if piece.role == "code":
        return COHORT.sub(f'COHORT = "{cohort}"', piece.cell.source)
    student, solved, _ = _split(source, piece.cell)
    if kind == "student":
        return "\n".join(student).strip("\n")
    text = "\n".join(solved).strip("\n")
    for variable, label in source.numbers.items():
        if label in source.problems:
            numbers = parameters_of(source.problems[label], cohort)
            text = _with_values(text, variable, numbers)
    return text


def _with_values(text: str, variable: str, parameters: dict[str, Any]) -> str:
    """Code with numbers in place of ``p["name"]``: a printed solution belongs to its class."""
    for name, value in parameters.items():
        pattern = rf"\b{variable}\[([\"']){re.escape(name)}\1\]"
        text = re.sub(pattern, lambda _, value=value: _literal(value), text)
    return text


def _literal(value: Any) -> str:
    """A value as code that stands anywhere a name can stand."""
    if isinstance(value, np.ndarray):
        return f"np.array({value.tolist()!r})"
    if isinstance(value, np.generic):
        value = value.item()
    text = repr(value)
    return f"({text})" if text.startswith("-") else text


def leaks(source: Source, notebook: NotebookNode) -> list[str]:
    """Return the lines of solutions and notes for staff that stand in a student's notebook."""
    shown = {line.strip() for cell in notebook.cells for line in cell.source.split("\n")}
    harmless: set[str] = set()
    secret: set[str] = set()
    for piece in source.pieces:
        if piece.role == "answer":
            student, _, hidden = _split(source, piece.cell)
            harmless |= {line.strip() for line in student}
            secret |= {line.strip() for line in hidden}
        elif piece.role == "code":
            harmless |= {line.strip() for line in piece.cell.source.split("\n")}
        elif piece.role in STAFF:
            secret |= {line.strip() for line in piece.blocks[0].body}
    return sorted(line for line in (secret - harmless) & shown if len(line) >= TELLING)


def write_set(source: Source, target: Path, cohort: str, version: str = "main") -> list[Path]:
    """Write the three editions; return their files.

    Raises:
        SourceError: if the student edition shows a line of a solution.
    """
    notebooks = {kind: edition(source, kind, cohort, version) for kind in EDITIONS}
    if found := leaks(source, notebooks["student"]):
        raise source.error(1, f"the student edition would show {found[0]!r} of a solution.")
    written = []
    for kind, notebook in notebooks.items():
        path = target / kind / f"{source.page.source.stem}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(serialize(notebook), encoding="utf-8")
        written.append(path)
    return written


def write_exams(path: Path, target: Path) -> Path:
    """Write the exam questions as a notebook for instructors, a cell for each heading."""
    text = path.read_text(encoding="utf-8")
    cells = [
        nbformat.v4.new_markdown_cell(part.strip("\n"))
        for part in re.split(r"^(?=##)", text, flags=re.MULTILINE)
    ]
    for position, cell in enumerate(cells):
        cell["id"] = hashlib.sha256(f"exams/{position}".encode()).hexdigest()[:8]
    written = target / "instructor" / f"{path.stem}.ipynb"
    written.parent.mkdir(parents=True, exist_ok=True)
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=KERNEL)
    written.write_text(serialize(notebook), encoding="utf-8")
    return written


def problems_of(path: Path) -> dict[str, Problem]:
    """The programming problems of a source, by label."""
    number = path.stem.removeprefix("set")
    return {label: p for label, p in PROBLEMS.items() if label.split(".")[0] == number}


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cohort", default="book", help="the class; its name decides its numbers")
    parser.add_argument("--version", default="main", help="the branch or tag to install on Colab")
    options = parser.parse_args(arguments)
    for what, name in (("cohort", options.cohort), ("version", options.version)):
        if not NAME.fullmatch(name):
            print(
                f"error: got the {what} {name!r}; expected letters, digits, dots, dashes and "
                "underscores.",
                file=sys.stderr,
            )
            return 1
    target = root / "_build/assignments" / options.cohort
    try:
        for path in sorted((root / "coursework").glob("set*.md")):
            source = read_source(path, problems_of(path), read_book(root))
            for written in write_set(source, target, options.cohort, options.version):
                print(f"wrote {written.relative_to(root)}")
        for path in (root / "coursework").glob("exams.md"):
            print(f"wrote {write_exams(path, target).relative_to(root)}")
    except (SourceError, FileNotFoundError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
