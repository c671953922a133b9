"""What the class got right, part by part, and the sentences that were said most often."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from resode_grader._page import document
from resode_grader._rows import Row, points_text
from resode_grader._text import line, markup

__all__ = ["PartStatistics", "page", "statistics"]

FREQUENT = 3  # sentences that are shown for one part
NUMBER = re.compile(r"[-+]?\d[\d.]*(e[-+]?\d+)?", re.IGNORECASE)
WIDTH, HEIGHT = 600, 22  # of a bar
COLORS = {"right": "#009e73", "wrong": "#d55e00", "not attempted": "#999999"}


@dataclass(frozen=True)
class PartStatistics:
    """One part of a problem over the class.

    Attributes:
        label: the problem.
        title: the part.
        points: full marks.
        counts: how many are right, wrong and not attempted.
        sentences: the most frequent reasons with how often they were given; numbers are left out.
    """

    label: str
    title: str
    points: int
    counts: dict[str, int]
    sentences: list[tuple[str, int]]


def statistics(rows: Sequence[Row]) -> list[PartStatistics]:
    """Return each part in the order of the set, over all that were graded."""
    found: dict[tuple[str, str, int], list[dict]] = {}
    for row in rows:
        for problem in row.result["problems"]:
            for part in problem["parts"]:
                key = (problem["label"], part["title"], part["points"])
                found.setdefault(key, []).append(part)
    return [_part(key, parts) for key, parts in found.items()]


def _part(key: tuple[str, str, int], parts: list[dict]) -> PartStatistics:
    """One part."""
    states = Counter(map(_state, parts))
    reasons = Counter(
        NUMBER.sub("#", line(part["hidden"])) for part in parts if _state(part) == "wrong"
    )
    return PartStatistics(
        *key, {state: states[state] for state in COLORS}, reasons.most_common(FREQUENT)
    )


def _state(part: dict) -> str:
    """How it ended."""
    if part["hidden"] is None:
        return "right"
    return "wrong" if part.get("attempted", True) else "not attempted"


def page(rows: Sequence[Row], title: str) -> str:
    """Return the page on a class: totals, a bar for each part, and what went wrong most often."""
    totals = sorted(row.total for row in rows if row.total is not None)
    middle = (
        f"; the middle one has {points_text(totals[len(totals) // 2])} points" if totals else ""
    )
    body = [f"<p>{len(rows)} students, {len(totals)} with marks{middle}.</p>", _picture(rows)]
    for part in statistics(rows):
        told = "".join(f"<li>{count} x {markup(text)}</li>" for text, count in part.sentences)
        head = f"{part.label}, {part.title} ({part.points} point{'s' * (part.points != 1)})"
        body += [f"<h3>{markup(line(head))}</h3>", f"<ul>{told}</ul>" if told else ""]
    return document(f"{title}: the class", body)


def _picture(rows: Sequence[Row]) -> str:
    """A bar for each part, as a drawing inside the page."""
    parts = statistics(rows)
    if not parts:
        return ""
    lines = []
    for n, part in enumerate(parts):
        top, left = n * HEIGHT, 0.0
        said = ", ".join(f"{count} {state}" for state, count in part.counts.items())
        for state, count in part.counts.items():
            width = WIDTH * count / max(sum(part.counts.values()), 1)
            lines.append(
                f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{HEIGHT - 4}" '
                f'fill="{COLORS[state]}"/>'
            )
            left += width
        head = f"{part.label} {part.title}: {said}"
        text = f'<text x="{WIDTH + 10}" y="{top + 14}" font-size="13" fill="currentColor">'
        lines.append(f"{text}{markup(line(head))}</text>")
    alternative = (
        "For each part, how many answers are right (green), wrong (red), not attempted (grey)"
    )
    return (
        f'<svg role="img" aria-label="{alternative}" xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 0 {2 * WIDTH} {len(parts) * HEIGHT}">{"".join(lines)}</svg>'
    )
