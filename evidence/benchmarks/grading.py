"""A made-up class, and the time that its grading takes: ``python -m evidence.benchmarks.grading``.

The class is as classes are: half of it right, others half done, copied with new names, wrong in a
sign, called by another name, another class's solution, nothing at all; some late, some twice, some
with proofs as a PDF, one absent, one whom nobody knows. ``--keep FOLDER`` writes it there and
grades nothing, for trying the commands of the page on grading.
"""

import argparse
import copy
import json
import os
import random
import re
import resource
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from resode_grader import _command

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

FIRST = ["Ada", "Bao", "Chiara", "Dmitri", "Elif", "Farid", "Gül", "Håkon", "Inés", "Jürgen"]
FIRST += ["Kofi", "Lê", "Mia", "Noor", "Oğuz", "Paweł"]
LAST = ["Abe", "Braun", "Costa", "D'Angelo", "Eriksen", "Fischer", "García", "Haddad"]
LAST += ["Ivanova", "Jansen", "Kim", "López"]
DUE = 1_800_000_000.0  # seconds since 1970: in January 2027
PDF = b"%PDF-1.4\n%%EOF\n"

Book = dict[str, Any]


def answer_cells(book: Book, kind: str) -> Iterator[tuple[str, Book]]:
    """The cells for answers with the labels of their problems."""
    for cell in book["cells"]:
        note = cell["metadata"].get("resode", {})
        if note.get("role") == "answer" and cell["cell_type"] == kind:
            yield note["problem"], cell


def solved(student: Book, solution: Book, problems: int = 99) -> Book:
    """The student edition with the first programs of a solution, and proofs of a sentence."""
    known = dict(answer_cells(solution, "code"))
    book = copy.deepcopy(student)
    for number, (label, cell) in enumerate(answer_cells(book, "code")):
        if number < problems:
            cell["source"] = known[label]["source"]
    for label, cell in answer_cells(book, "markdown"):
        cell["source"] = f"1. By the chain rule, see Problem {label}.\n2. So $\\|v\\|$ stays."
    return book


def text_of(cell: Book) -> str:
    """The source of a cell."""
    return "".join(cell["source"])


def changed(book: Book, change: Callable[[str], str]) -> Book:
    """A copy in which every program is changed."""
    book = copy.deepcopy(book)
    for _, cell in answer_cells(book, "code"):
        cell["source"] = change(text_of(cell))
    return book


def kinds(student: Book, solution: Book, others: Book) -> list[Book]:
    """Twelve notebooks, of which each stands for a twelfth of the class."""
    right = solved(student, solution)
    renamed = changed(right, lambda text: re.sub(r"\b(h|k|L)\b(?!\")", r"\1_own", text))
    signs = changed(right, lambda text: text.replace(" - ", " + ", 1))
    called = changed(
        right, lambda text: re.sub(r"^def (\w+)", r"def my_\1", text, count=1, flags=re.M)
    )
    half, two = solved(student, solution, 3), solved(student, solution, 2)
    return [right] * 5 + [half, two, renamed, signs, called, solved(student, others), student]


def hand_in(folder: Path, number: str, students: int, seed: int = 0) -> None:
    """Write a class called spring: editions, key, roster, and what it handed in.

    Args:
        folder: gets ``editions``, ``spring.key``, ``roster.csv`` and ``submissions``.
        number: the set.
        students: how many are on the roster; one of them hands in nothing.
        seed: decides who does what.
    """
    books = editions(folder, number)
    rng = random.Random(seed)
    people = [f"{FIRST[n % len(FIRST)]} {LAST[n % len(LAST)]} {n}" for n in range(students)]
    works = [kinds(*books)[n % 12] for n in range(students)]
    rng.shuffle(works)
    lines = ["id,name,email"]
    for n, (name, work) in enumerate(zip(people, works, strict=True)):
        lines.append(f'{1000 + n},"{name}",student{n}@example.org')
        place = folder / f"submissions/{name}_{1000 + n}_assignsubmission_file_"
        if n == 0:
            continue
        write(place / f"set{number}.ipynb", work, DUE + rng.choice([-9000] * 9 + [7200]))
        if n % 15 == 1:
            write(place / "first try.ipynb", books[0], DUE - 90_000)
        if n % 8 == 2:
            (place / "proofs.pdf").write_bytes(PDF)
    write(folder / "submissions/visitor.ipynb", works[0], DUE)
    (folder / "roster.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "spring.key").write_text(secrets.token_hex(32), encoding="utf-8")


def editions(folder: Path, number: str) -> tuple[Book, Book, Book]:
    """Write the editions; return the student's, the solution, and another class's solution."""
    import assignments
    from labels import read_book

    path = ROOT / f"coursework/set{number}.md"
    source = assignments.read_source(path, assignments.problems_of(path), read_book(ROOT))
    assignments.write_set(source, folder / "editions", "spring")
    assignments.write_set(source, folder / "others", "book")
    kept = ("editions/student", "editions/solution", "others/solution")
    student, solution, others = (
        json.loads((folder / place / f"set{number}.ipynb").read_text(encoding="utf-8"))
        for place in kept
    )
    return student, solution, others


def write(path: Path, book: Book, when: float) -> None:
    """Write a notebook that was handed in at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(book), encoding="utf-8")
    os.utime(path, (when, when))


def main() -> None:
    """Write a class's submissions, grade them, and print the time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--students", type=int, default=120)
    parser.add_argument("--set", default="2", dest="number")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="write the class here, grade nothing")
    options = parser.parse_args()
    if options.keep:
        hand_in(options.keep, options.number, options.students)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hand_in(folder, options.number, options.students)
        command = [str(folder / "submissions"), "--set", options.number, "--cohort", "spring"]
        command += ["--key", str(folder / "spring.key"), "--out", str(folder / "grades.csv")]
        command += ["--roster", str(folder / "roster.csv"), "--editions", str(folder / "editions")]
        started = time.perf_counter()
        _command.main([*command, "--workers", str(options.workers)])
        seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{options.students} students, set {options.number}, {options.workers} at a time "
        f"on {os.cpu_count()} processors (load {os.getloadavg()[0]:.1f}): {seconds:.0f} s, "
        f"{used.ru_utime + used.ru_stime:.0f} s of processors"
    )


if __name__ == "__main__":
    main()
