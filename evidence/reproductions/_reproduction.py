"""What a reproduction is: a figure or a table of a paper beside ours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from resode_course.claims import Check

MARION, SANDER = "Marion, Wu, Sander, Biau 2023", "Sander, Ablin, Peyré 2022"

DATA = Mapping[str, Any]
"""What JSON can hold: numbers, lists, text."""


@dataclass(frozen=True)
class Reproduction:
    """A figure or a table of a paper beside ours.

    Attributes:
        name: a short name for the record.
        item: paper and figure.
        reports: what the paper shows there.
        theirs: its setting.
        ours: our setting, where it differs.
        differs: why the numbers differ, or what the paper leaves open.
        run: the computation.
        judge: from its data to inequalities, which must all hold.
        smaller: whether our setting is smaller than theirs.
    """

    name: str
    item: str
    reports: str
    theirs: str
    ours: str
    differs: str
    run: Callable[[], DATA]
    judge: Callable[[DATA], tuple[Check, ...]]
    smaller: bool = False

    def report(self, data: DATA) -> str:
        """Return the row of the table, some lines of text."""
        checks = self.judge(data)
        agrees = "REPRODUCED AT A SMALLER SIZE" if self.smaller else "REPRODUCED"
        verdict = agrees if all(check.holds for check in checks) else "NOT REPRODUCED"
        words = ("reports", "theirs", "ours", "differs")
        lines = [f"  {word + ':':9s}{getattr(self, word)}" for word in words]
        return "\n".join([f"{self.item}: {verdict}", *lines, *(f"  {check}" for check in checks)])
