"""What a reproduction is: a figure or a table of a paper beside ours."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
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
        read: where we read that: in the paper, in the code, in the abstract.
        theirs: its setting.
        ours: our setting, where it differs.
        differs: why the numbers differ, or what the paper leaves open.
        run: the computation.
        judge: from its data to inequalities, which must all hold.
        spot: computes again some of the recorded numbers, quickly: ``() -> numbers`` by their
            places in the data, such as ``{"largest/1": 2.5}``.
        smaller: whether our setting is smaller than theirs.
        compared: whether we have read a result of theirs on this problem, so that there is
            something to agree with.
        same_run_as: the name of another reproduction whose data this one judges.
    """

    name: str
    item: str
    reports: str
    read: str
    theirs: str
    ours: str
    differs: str
    run: Callable[[], DATA]
    judge: Callable[[DATA], tuple[Check, ...]]
    spot: Callable[[], Mapping[str, float]]
    smaller: bool = False
    compared: bool = True
    same_run_as: str = ""

    def row(self, data: DATA) -> dict[str, Any]:
        """Return the row of the table as JSON can hold it: words, verdict and checks."""
        checks = self.judge(data)
        agrees = "REPRODUCED AT A SMALLER SIZE" if self.smaller else "REPRODUCED"
        verdict = agrees if all(check.holds for check in checks) else "NOT REPRODUCED"
        if not self.compared:
            verdict = "NOT COMPARED"
        words = ("item", "reports", "read", "theirs", "ours", "differs")
        return {
            **{word: getattr(self, word) for word in words},
            "verdict": verdict,
            "checks": [asdict(check) for check in checks],
        }
