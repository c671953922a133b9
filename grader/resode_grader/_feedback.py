"""What a student reads: each part of each problem, its points, and why they were lost."""

from collections.abc import Sequence

from resode_grader._editions import Written
from resode_grader._page import document, items
from resode_grader._rows import Row, points_text
from resode_grader._text import line, markup

__all__ = ["feedback"]


def feedback(row: Row, written: Sequence[Written], title: str) -> str:
    """Return a page for a student.

    A sentence is the one that the student's own check gives. Where only hidden inputs fail, it says
    that and nothing else.

    Args:
        row: the student.
        written: the problems that a person marks.
        title: of the set.
    """
    total = f"{points_text(row.total)} of {points_text(row.out_of)} points"
    body = [f"<p>{total if row.total is not None else 'Not marked yet'}.</p>"]
    body.append(items([*row.entry.remarks, *row.result["remarks"]]))
    if row.entry.late:
        body.append(f"<p>Late: {markup(line(row.entry.late))}.</p>")
    for problem in row.result["problems"]:
        body += _program(row, problem)
    found = {problem["label"] for problem in row.result["problems"]}
    heads = {problem.label: problem.title for problem in written}
    for label in (label for label in row.best if label not in found):
        mark = row.by_hand.get(label)
        points = f"{points_text(mark.points)}/{points_text(row.best[label])}" if mark else "not yet"
        body.append(f"<h2>{markup(line(heads.get(label, f'Problem {label}')))}: {points}</h2>")
        body += _comments(row, label)
    return document(f"{title}: {row.student}", body)


def _program(row: Row, problem: dict) -> list[str]:
    """A problem that the command marked."""
    label = problem["label"]
    earned = points_text(row.points.get(label, problem["earned"]))
    lines = [
        f"<h2>{markup(line(label + ' ' + problem['name']))}: {earned}/{problem['points']}</h2>"
    ]
    if not problem.get("attempted", True):
        return [*lines, "<p>Not attempted.</p>", *_comments(row, label)]
    told = [
        f"{part['title']} ({part['earned']}/{part['points']}): "
        + ("right." if part["feedback"] is None else part["feedback"])
        for part in problem["parts"]
    ]
    return [*lines, items(told), *_comments(row, label)]


def _comments(row: Row, label: str) -> list[str]:
    """What the person who marked it says."""
    mark = row.by_hand.get(label)
    return [f"<p>{markup(comment)}</p>" for comment in mark.comments] if mark else []
