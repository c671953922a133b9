"""Copy this class to start a claim."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_course.claims._measure import slope

__all__ = ["Template"]


@dataclass(frozen=True)
class Template(Claim, label="thm-the-label-in-the-book", source="where it is proved"):
    """What is claimed, in one sentence: the error is at most 2/L.

    Where it is measured, in words.
    """

    exponent: float = 1.0  # one field for each hypothesis that a control can drop
    depths: tuple[int, ...] = (16, 32, 64, 128)

    family: ClassVar = {"depths": ((16, 32, 64, 128), (10, 100, 1000))}
    controls: ClassVar = {
        "half of the rate": Control(
            "the exponent 1 → 1/2",
            fails=("largest ratio error / bound", "slope of the error in L"),
            why="One sentence on what fails, and why.",
            exponent=0.5,
        )
    }

    def run(self) -> Measured:
        """Compute; no judgement here. Everything that is drawn follows from ``self.seed``."""
        factor = np.random.default_rng(self.seed).uniform(0.5, 2.0)
        return Measured(errors=factor * np.asarray(self.depths, float) ** -self.exponent)

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Judge; one-sided where the theorem is. Say here where a tolerance comes from."""
        ratio = float((measured.errors * self.depths).max() / 2)
        return (
            Check("largest ratio error / bound", ratio, high=1),
            Check("slope of the error in L", slope(self.depths, measured.errors), high=-0.9),
        )

    def picture(self, measured: Measured) -> Picture:
        """Draw what was measured beside what is guaranteed."""
        bound = 2 / np.array(self.depths)
        return Picture(self.depths, {"error": measured.errors}, {"2/L": bound})
