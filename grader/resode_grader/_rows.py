"""A student's line in the table: what the command and what a person found, added up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from resode_grader._editions import Written
from resode_grader._entries import Entry
from resode_grader._marks import HandMark
from resode_grader.sets import Problem

__all__ = ["Row", "full_marks", "points_text"]


@dataclass(frozen=True)
class Row:
    """One student.

    Attributes:
        entry: who, and what was handed in.
        result: what the grader found.
        by_hand: what a person gave, by the label of the problem.
        best: full marks by the label of every problem, programs first.
        code: what stands in place of the name where marking is anonymous, "" elsewhere.
    """

    entry: Entry
    result: dict[str, Any]
    by_hand: Mapping[str, HandMark]
    best: Mapping[str, float]
    code: str = ""

    @property
    def student(self) -> str:
        """The name."""
        return self.entry.student

    @cached_property
    def points(self) -> dict[str, float | None]:
        """What each problem earned; None is not marked yet."""
        found = {problem["label"]: problem["earned"] for problem in self.result["problems"]}
        by_hand = {label: mark.points for label, mark in self.by_hand.items()}
        return {label: by_hand.get(label, found.get(label)) for label in self.best}

    @property
    def open(self) -> list[str]:
        """The problems that nobody has marked."""
        return [label for label, points in self.points.items() if points is None]

    def earned(self, labels: Sequence[str]) -> float | None:
        """The sum over some problems; None if one of them is not marked yet."""
        points = [self.points[label] for label in labels]
        return None if None in points else sum(points)

    @property
    def total(self) -> float | None:
        """The sum of what is marked; None if nothing is."""
        known = [points for points in self.points.values() if points is not None]
        return sum(known) if known else None

    @property
    def out_of(self) -> float:
        """Full marks of what is marked."""
        return sum(self.best[label] for label in self.best if self.points[label] is not None)

    @property
    def remarks(self) -> list[str]:
        """What was unusual."""
        changed = [
            f"{p['label']} by hand: {points_text(self.by_hand[p['label']].points)} in place of "
            f"{points_text(p['earned'])}."
            for p in self.result["problems"]
            if p["label"] in self.by_hand
        ]
        return [*self.entry.remarks, *self.result["remarks"], *changed]

    def is_mark(self, programs: Sequence[str]) -> bool:
        """Whether the programs have a mark, from the command or by hand."""
        return self.earned(programs) is not None


def full_marks(problems: Sequence[Problem], written: Sequence[Written]) -> dict[str, float]:
    """Return full marks by label, programs first."""
    return {problem.label: float(problem.points) for problem in (*problems, *written)}


def points_text(points: float | None) -> str:
    """Points as a table shows them; nothing for what is not marked."""
    return "" if points is None else f"{points:g}"
