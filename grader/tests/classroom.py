"""A class without processes: workers that mark at once, and what the command writes about it."""

import csv
import json

import folders
import hostile
import mini
from resode_grader._command import main

KEY = "a secret key of the tests"


class Quick:
    """A worker that needs no time: right is who says so."""

    def __init__(self, batch):
        pass

    def grade(self, path):
        """Return a result."""
        return result(b"right" in path.read_bytes())

    def kill(self):
        """Nothing runs."""

    def stop(self):
        """Nothing runs."""


def result(right, words="It must be linear."):
    """A result of the tests' own small set."""
    found = []
    for problem in mini.PROBLEMS:
        parts = [
            {
                "title": part.title,
                "points": part.points,
                "earned": part.points if right else 0,
                "attempted": True,
                "feedback": None if right else words,
                "hidden": None if right else words,
            }
            for part in problem.parts
        ]
        earned = sum(part["earned"] for part in parts)
        facts = {"label": problem.label, "name": problem.name, "points": problem.points}
        found.append({**facts, "earned": earned, "attempted": True, "parts": parts})
    return {"remarks": [] if right else [words], "problems": found}


def prepare(folder, **cells):
    """Write key and editions, and a notebook for each name."""
    (folder / "hand-in").mkdir(parents=True)
    folders.write_editions(folder / "editions")
    (folder / "spring.key").write_text(KEY)
    for name, own in cells.items():
        write(folder / f"hand-in/{name}.ipynb", own)


def write(path, cells):
    """Write a notebook; a cell that is a dictionary is one as it stands in the file."""
    book = json.loads(hostile.notebook(["" if isinstance(cell, dict) else cell for cell in cells]))
    for number, cell in enumerate(cells):
        if isinstance(cell, dict):
            book["cells"][number] = cell
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(book))


def command(folder, *options):
    """The command line for a folder."""
    return [
        *(str(folder / "hand-in"), "--set", "0", "--cohort", "spring", "--problems", "mini"),
        *("--key", str(folder / "spring.key"), "--out", str(folder / "out/grades.csv")),
        *("--editions", str(folder / "editions"), "--workers", "2", *map(str, options)),
    ]


def grade(folder, *options):
    """Run the command; return its exit status."""
    return main(command(folder, *options))


def rows(path):
    """A table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def table(folder):
    """The table of marks by student."""
    return {row["student"]: row for row in rows(folder / "out/grades.csv")}
