"""What comes out of a batch: a table, a file for each student, a file for each marker."""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resode_grader.sets import Problem

__all__ = ["Written", "feedback", "marking", "read_written", "write_files", "write_table"]

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a spreadsheet recognises one


@dataclass(frozen=True)
class Written:
    """A written problem, as the instructor edition has it.

    Attributes:
        label: its number.
        title: its heading.
        rubric: how to mark it, Markdown.
    """

    label: str
    title: str
    rubric: str


def read_written(edition: Path | None) -> tuple[Written, ...]:
    """Return the written problems of an instructor edition, none where there is no edition."""
    if not edition or not edition.exists():
        return ()
    cells = json.loads(edition.read_text(encoding="utf-8"))["cells"]
    notes = [(cell["metadata"].get("resode", {}), "".join(cell["source"])) for cell in cells]
    return tuple(
        Written(note["problem"], note["title"], text)
        for note, text in notes
        if note.get("role") == "rubric"
    )


def write_table(
    path: Path,
    results: Iterable[dict[str, Any]],
    problems: Sequence[Problem],
    written: Sequence[Written],
) -> None:
    """Write the marks as CSV, a row for each student; whole or not at all.

    Written problems are empty, for the marker; so is all of a row that could not be marked.

    Args:
        path: of the table.
        results: a student's each.
        problems: those that are marked by the command.
        written: those that a person marks.
    """
    labels = [problem.label for problem in problems] + [problem.label for problem in written]
    best = sum(problem.points for problem in problems)
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8-sig", newline="") as file:  # the mark tells Excel: UTF-8
        table = csv.writer(file)
        table.writerow(["student", *labels, "total so far", "out of", "remark"])
        for result in results:
            marks = {p["label"]: p["earned"] for p in result["problems"]}
            total = "" if result.get("unmarked") else sum(marks.values())
            remark = _harmless(" ".join(result["remarks"]))
            cells = [marks.get(label, "") for label in labels]
            table.writerow([_harmless(result["student"]), *cells, total, best, remark])
    part.replace(path)


def _harmless(text: str) -> str:
    """Text that a spreadsheet does not run, in one line."""
    text = " ".join(text.split())
    return "'" + text if text.startswith(FORMULA) else text


def write_files(out: Path, result: dict[str, Any], written: Sequence[Written]) -> None:
    """Write what the student and what the marker reads, beside the table ``out``."""
    for kind, text in (("feedback", feedback(result)), ("marking", marking(result, written))):
        target = out.with_name(f"{out.stem}-{kind}") / f"{result['student']}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def feedback(result: dict[str, Any]) -> str:
    """Return what the student reads: each part, and why it lost its points.

    A sentence is the one that the student's own check gives. Where only hidden inputs fail, it says
    that and nothing else.
    """
    lines = [f"# {_inline(result['student'])}", ""]
    lines += [f"- {_inline(remark)}" for remark in result["remarks"]]
    for problem in result["problems"]:
        head = f"## {problem['label']} {problem['name']}: {problem['earned']}/{problem['points']}"
        lines += ["", head, ""]
        if not problem["attempted"]:
            lines.append("Not attempted.")
            continue
        for part in problem["parts"]:
            outcome = "right." if part["feedback"] is None else f"{_inline(part['feedback'])}"
            lines.append(f"- {part['title']} ({part['earned']}/{part['points']}): {outcome}")
    return "\n".join(lines) + "\n"


def marking(result: dict[str, Any], written: Sequence[Written]) -> str:
    """Return what the marker reads: the written answers with their rubrics, and hidden feedback."""
    lines = [f"# {_inline(result['student'])}: for the marker", ""]
    lines += [f"- {_inline(remark)}" for remark in result["remarks"]]
    for problem in written:
        answer = result["written"].get(problem.label, "")
        lines += ["", f"## {problem.title}", "", "### Answer", ""]
        lines += [f"> {line}" for line in answer.splitlines()] or ["Nothing written."]
        lines += ["", "### Rubric", "", problem.rubric]
    lost = [
        f"- {problem['label']}, {part['title']}: {_inline(part['hidden'])}"
        for problem in result["problems"]
        for part in problem["parts"]
        if part["hidden"] is not None
    ]
    lines += ["", "## What hidden inputs showed (not for the student)", "", *(lost or ["Nothing."])]
    return "\n".join(lines) + "\n"


def _inline(text: str) -> str:
    """Text of a student's process in one line that cannot become markup."""
    text = " ".join(text.split())
    return text.replace("<", "&lt;").replace("`", "'").replace("![", "! [").replace("](", "] (")
