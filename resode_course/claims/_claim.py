"""A claim is an object that can fail: a statement, a measurement, a verdict and its controls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Literal

import jax

__all__ = ["CHAPTERS", "Check", "Claim", "Verdict"]

CHAPTERS = (
    "start/jax-and-flax",
    "discretize/euler",
    "discretize/integrators",
    "discretize/closeness",
    "train/gradient-flow",
    "train/linear-networks",
    "train/implicit-regularization",
    "converge/polyak-lojasiewicz",
    "converge/overparameterization",
    "converge/double-limit",
    "remember/adjoints",
    "remember/training-without-memory",
    "control/limits",
    "control/turnpike",
    "control/variable-width",
    "practice/images",
)
"""The pages of the course that state something, in its order."""


@dataclass(frozen=True)
class Check:
    """One inequality, ``low <= value <= high``; theorems mostly bound from one side."""

    quantity: str
    value: int | float
    low: int | float = -inf
    high: int | float = inf

    @property
    def holds(self) -> bool:
        """Whether the value lies in the interval; a value that is not a number does not."""
        return bool(self.low <= self.value <= self.high)

    @property
    def requirement(self) -> str:
        """The interval in words."""
        if self.low == self.high:
            return f"= {self.low:.3g}"
        if self.low == -inf:
            return f"<= {self.high:.3g}"
        if self.high == inf:
            return f">= {self.low:.3g}"
        return f"in [{self.low:.3g}, {self.high:.3g}]"

    def __str__(self) -> str:
        """Return one line: quantity, value, requirement, outcome."""
        outcome = "holds" if self.holds else "fails"
        # Rounding errors differ between machines and versions: neither their digits nor an exact
        # zero says anything. An integer counts something, so its zero is one.
        rounding = isinstance(self.value, float) and abs(self.value) < 1e-9
        shown = "below 1e-9" if rounding else f"{self.value:.3g}"
        return f"{self.quantity}: {shown}  ({self.requirement})  {outcome}"


@dataclass(frozen=True)
class Verdict:
    """What was measured in one setting, and whether all of it holds.

    Attributes:
        label: the claim's label.
        dropped: the hypothesis that was dropped, or None.
        checks: the inequalities.
    """

    label: str
    dropped: str | None
    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        """Whether every check holds."""
        return all(check.holds for check in self.checks)

    def __str__(self) -> str:
        """Return the checks, a line each, under a heading."""
        setting = "all hypotheses hold" if self.dropped is None else f"without: {self.dropped}"
        outcome = "HOLDS" if self.holds else "FAILS"
        lines = [f"{self.label}, {setting}: {outcome}"]
        return "\n".join(lines + [f"  {check}" for check in self.checks])


@dataclass(frozen=True)
class Claim:
    """A statement of the theory with the computation that can refute it.

    Attributes:
        label: the label of the statement in the book.
        chapter: the page that states and shows it, one of `CHAPTERS`.
        statement: what is claimed, one sentence.
        source: where it is proved.
        kind: "theorem" (a proof covers the setting) or "finding" (observed, not proved).
        config: the setting, a frozen dataclass.
        run: ``config -> result``, the computation.
        judge: ``result -> checks``, one-sided where the theorem is.
        dropped: for each hypothesis the change of ``config`` under which a check must fail.
    """

    label: str
    chapter: str
    statement: str
    source: str
    kind: Literal["theorem", "finding"]
    config: Any
    run: Callable[[Any], Any]
    judge: Callable[[Any], tuple[Check, ...]]
    dropped: Mapping[str, Mapping[str, Any]]

    def __post_init__(self) -> None:
        """Refuse a chapter that the course does not have."""
        if self.chapter not in CHAPTERS:
            raise ValueError(
                f"claim {self.label!r} names the chapter {self.chapter!r}; expected one of "
                f"{list(CHAPTERS)}."
            )

    def measure(self, **changes: Any) -> Any:
        """Return the result of ``run`` for ``config`` with ``changes``.

        Raises:
            RuntimeError: unless JAX computes in float64.
        """
        if not jax.config.jax_enable_x64:
            raise RuntimeError(
                f"claim {self.label!r} measures in float64, but JAX computes in float32; call "
                "notebook.start() first."
            )
        return self.run(replace(self.config, **changes))

    def verdict(self) -> Verdict:
        """Measure with all hypotheses in place; the verdict must hold."""
        return Verdict(self.label, None, self.judge(self.measure()))

    def drop(self, hypothesis: str) -> Verdict:
        """Measure without one hypothesis; the verdict must fail.

        Raises:
            KeyError: if the claim has no such hypothesis; the message lists them.
        """
        if hypothesis not in self.dropped:
            raise KeyError(
                f"claim {self.label!r} has no hypothesis {hypothesis!r}; it has "
                f"{list(self.dropped)}."
            )
        changes = self.dropped[hypothesis]
        return Verdict(self.label, hypothesis, self.judge(self.measure(**changes)))

    def report(self) -> str:
        """Return the verdict and, below it, every control."""
        verdicts = [self.verdict(), *(self.drop(hypothesis) for hypothesis in self.dropped)]
        return "\n".join(map(str, verdicts))
