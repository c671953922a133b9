"""A claim is a value that can fail: a setting, a measurement, a verdict and its controls."""

import ast
import hashlib
import inspect
import json
import os
import random
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Literal

import jax

from resode_course import cards, records, widgets
from resode_course.cards import Picture

__all__ = ["Check", "Claim", "Control", "Measured", "Picture", "Verdict"]

FAR = 0.5  # of a limit: nobody compares a value that is farther from it by its third digit


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
    def slack(self) -> float:
        """How far the value is from its nearest limit, relative to that limit; negative beyond.

        A limit of zero is no scale: then the value is its own.
        """
        limits = ((self.high - self.value, self.high), (self.value - self.low, self.low))
        return min(
            (gap / (abs(limit) or abs(self.value) or 1.0) for gap, limit in limits if gap < inf),
            default=inf,
        )

    @property
    def shown(self) -> str:
        """The value as one reads it.

        Digits that another machine or version does not repeat say nothing. Rounding errors have
        none that it does; and where training amplifies them, two digits are repeated and three are
        not, so three are shown near a limit only. An integer counts something: its zero is one.
        """
        if isinstance(self.value, float):
            if self.quantity.endswith("/ rounding") and abs(self.value) < 1:
                return "below 1"
            if abs(self.value) < 1e-9:
                return "below 1e-9"
            if abs(self.slack) > FAR:
                return f"{float(f'{self.value:.2g}'):.3g}"
        return f"{self.value:.3g}"

    @property
    def requirement(self) -> str:
        """The interval in words."""
        if self.low == self.high:
            return f"exactly {self.low:.3g}"
        if self.low == -inf:
            return f"at most {self.high:.3g}"
        if self.high == inf:
            return f"at least {self.low:.3g}"
        return f"from {self.low:.3g} to {self.high:.3g}"

    def __str__(self) -> str:
        """Return one line: quantity, value, requirement, outcome."""
        outcome = "holds" if self.holds else "fails"
        return f"{self.quantity}: {self.shown}  ({self.requirement})  {outcome}"


class Control:
    """A hypothesis dropped, and nothing else: the same measurement, which must now fail.

    Args:
        changed: what was changed, from what to what, in words.
        fails: the quantities of the checks that must fail; others may hold.
        why: one sentence on what fails, and why.
        **changes: the claim's fields, as they are without the hypothesis.
    """

    def __init__(
        self, changed: str, *, fails: str | Sequence[str], why: str = "", **changes: Any
    ) -> None:
        self.changed = changed
        self.fails = (fails,) if isinstance(fails, str) else tuple(fails)
        self.why = why
        self.changes = changes


class Measured(SimpleNamespace):
    """The arrays that a claim has measured, by name."""


@dataclass(frozen=True)
class Verdict:
    """What was measured in one setting, and whether it is as the statement says.

    Attributes:
        label: the claim's label.
        control: the name of the control, or None where all hypotheses hold.
        checks: the inequalities.
        must_fail: the quantities that must fail; none where all hypotheses hold.
        picture: what was measured, beside what is guaranteed.
    """

    label: str
    control: str | None
    checks: tuple[Check, ...]
    must_fail: tuple[str, ...] = ()
    picture: Picture | None = field(default=None, compare=False)

    @property
    def holds(self) -> bool:
        """Whether every check holds."""
        return all(check.holds for check in self.checks)

    @property
    def as_stated(self) -> bool:
        """Whether all hold with all hypotheses, and without one those fail that must."""
        if self.control is None:
            return self.holds
        failed = {check.quantity for check in self.checks if not check.holds}
        return set(self.must_fail) <= failed

    @property
    def outcome(self) -> str:
        """The verdict in a few words."""
        if self.control is None:
            return "HOLDS" if self.holds else "FAILS"
        return "FAILS, as it must" if self.as_stated else "does not fail as it must"

    def __str__(self) -> str:
        """Return the checks, a line each, under a heading."""
        setting = self.control or "all hypotheses hold"
        lines = [f"{self.label}, {setting}: {self.outcome}"]
        return "\n".join(lines + [f"  {check}" for check in self.checks])


NOTES = "RESODE_VERDICTS"
"""The variable that names a folder for verdicts, where a build of the book keeps them for tests."""


def note(folder: Path, label: str, control: str | None) -> Path:
    """Return where the verdict on one setting of a claim is kept."""
    return folder / f"{label}, {control or 'all hypotheses'}.json".replace("/", " over ")


def _noted(verdict: Verdict) -> Verdict:
    """Keep a verdict in the folder that the environment names, if it names one."""
    if folder := os.environ.get(NOTES):
        path = note(Path(folder), verdict.label, verdict.control)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(to_store(verdict)), encoding="utf-8")
        part.replace(path)
    return verdict


def to_store(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as plain data."""
    picture = verdict.picture and verdict.picture.rounded()
    return asdict(replace(verdict, picture=picture))


def from_store(entry: dict[str, Any]) -> Verdict:
    """Return a verdict that was stored as plain data."""
    return Verdict(
        entry["label"],
        entry["control"],
        tuple(Check(**check) for check in entry["checks"]),
        tuple(entry["must_fail"]),
        entry["picture"] and Picture(**entry["picture"]),
    )


@dataclass(frozen=True)
class Claim(ABC):
    """A statement of the theory with the computation that can refute it.

    A claim is a frozen dataclass: its docstring is the statement (first paragraph) and the setting
    (second), its fields are the setting, the seed and the hypotheses. A subclass gives

    - ``run(self) -> Measured``: compute, without judgement;
    - ``judge(self, measured) -> tuple[Check, ...]``: one-sided where the theorem is;
    - ``picture(self, measured) -> Picture``: what was measured beside what is guaranteed;
    - ``controls``: by name, what drops one hypothesis each;
    - ``family``: for each field that the statement leaves free, values to try.

    Args:
        seed: of everything that is drawn.

    Example:
        >>> from resode_course import claims
        >>> claims.get("thm-euler-bound").measure(seed=3, width=4).errors.shape
        (6,)
    """

    label: ClassVar[str] = ""
    kind: ClassVar[Literal["theorem", "finding"]] = "theorem"
    source: ClassVar[str] = ""
    controls: ClassVar[Mapping[str, Control]] = {}
    family: ClassVar[Mapping[str, Sequence[Any]]] = {}

    seed: int = 0

    def __init_subclass__(
        cls, *, label: str, source: str, kind: Literal["theorem", "finding"] = "theorem"
    ) -> None:
        """Take what is the same for all settings.

        Args:
            label: of the statement in the book.
            source: where it is proved.
            kind: "theorem" (a proof covers the setting) or "finding" (observed, not proved).
        """
        cls.label, cls.source, cls.kind = label, source, kind

    @property
    def chapter(self) -> str:
        """The page that states the claim; it is called like the claim's module."""
        return type(self).__module__.rsplit(".", 1)[-1].replace("_", "-")

    @property
    def statement(self) -> str:
        """What is claimed, in one sentence."""
        return " ".join(inspect.cleandoc(self.__doc__ or "").split("\n\n")[0].split())

    @property
    def setting(self) -> str:
        """Where it is measured, in words."""
        return " ".join(" ".join(inspect.cleandoc(self.__doc__ or "").split("\n\n")[1:]).split())

    @abstractmethod
    def run(self) -> Measured:
        """Compute; no judgement here."""

    @abstractmethod
    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Return the inequalities that the statement gives."""

    def picture(self, measured: Measured) -> Picture | None:
        """Return what was measured beside what is guaranteed."""
        return None

    def measure(self, **changes: Any) -> Measured:
        """Return what is measured with some fields changed.

        Raises:
            RuntimeError: unless JAX computes in float64.
            TypeError: a field that the claim does not have; the message lists those it has.
        """
        return self._changed(**changes).run()

    def _changed(self, **changes: Any) -> "Claim":
        if not jax.config.jax_enable_x64:
            raise RuntimeError(
                f"claim {self.label!r} measures in float64, but JAX computes in float32; call "
                "notebook.start() first."
            )
        known = [field.name for field in fields(self)]
        if unknown := [name for name in changes if name not in known]:
            raise TypeError(f"claim {self.label!r} has no field {unknown[0]!r}; it has {known}.")
        return replace(self, **changes)

    def _verdict(self, name: str | None, control: Control | None) -> Verdict:
        setting = self._changed(**(control.changes if control else {}))
        measured = setting.run()
        must_fail = control.fails if control else ()
        return Verdict(
            self.label, name, setting.judge(measured), must_fail, setting.picture(measured)
        )

    def verdict(self, **changes: Any) -> Verdict:
        """Measure with all hypotheses in place; the verdict must hold."""
        verdict = self._changed(**changes)._verdict(None, None)
        return verdict if changes else _noted(verdict)

    def drop(self, name: str, **changes: Any) -> Verdict:
        """Measure without one hypothesis; the verdict must fail.

        Raises:
            KeyError: if the claim has no such control; the message lists them.
        """
        if name not in self.controls:
            raise KeyError(
                f"claim {self.label!r} has no control {name!r}; it has {list(self.controls)}."
            )
        verdict = self._changed(**changes)._verdict(name, self.controls[name])
        return verdict if changes else _noted(verdict)

    def verdicts(self, **changes: Any) -> list[Verdict]:
        """Return the verdict, and then that of every control."""
        return [self.verdict(**changes), *(self.drop(name, **changes) for name in self.controls)]

    def settings(self) -> Iterator["Claim"]:
        """Yield the claim in settings that its statement allows, without end.

        Each has a seed of its own, and of each field in ``family`` one of the values.
        """
        seed = self.seed
        while True:
            seed += 1
            draw = random.Random(f"{self.label} {seed}")
            chosen = {name: draw.choice(list(values)) for name, values in self.family.items()}
            yield replace(self, seed=seed, **chosen)

    def source_of(self, *methods: str) -> str:
        """Return the text of methods, as in the claim's file, without their margin."""
        parts = [textwrap.dedent(inspect.getsource(getattr(type(self), m))) for m in methods]
        return "\n".join(parts)

    def code_hash(self) -> str:
        """Return a name of what measures and judges; words, layout and the picture do not count."""
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(type(self)))).body
        parts = [part for part in tree.body if getattr(part, "name", "") != "picture"]
        counted = [ast.dump(part) for part in map(_without_words, parts) if part]
        return hashlib.sha256("\n".join(counted).encode()).hexdigest()[:12]

    def todays_setting(self) -> "Claim":
        """Return one setting of the family, another one whenever the claim's code changes."""
        return next(replace(self, seed=int(self.code_hash(), 16) % 1000).settings())

    def card(self, *, recorded: bool = False, **changes: Any) -> cards.Card | widgets.Reseeded:
        """Measure, with every control in turn, and show it.

        Args:
            recorded: show what the record says; nothing is measured.
            **changes: fields to change.

        Returns:
            A figure with a switch in a browser, lines of text in a terminal. With a kernel there is
            a slider for the seed.
        """
        card = self._card(recorded=recorded, **changes)
        if widgets.in_book():
            return card

        def again(seed: int) -> str:
            return self._card(**{**changes, "seed": seed})._repr_html_()

        seed = self._changed(**changes).seed
        return widgets.Reseeded(repr(card), card._repr_html_(), seed, again)

    def _card(self, *, recorded: bool = False, **changes: Any) -> cards.Card:
        setting = self._changed(**changes)
        found = recorded_verdicts(self.label) if recorded else self.verdicts(**changes)
        return cards.Card(
            label=self.label,
            kind=self.kind,
            setting=setting.setting,
            seed=None if recorded else setting.seed,
            verdicts=tuple(found),
            controls=self.controls,
            source=self.source_of("run", "judge"),
            file=f"resode_course/claims/{type(self).__module__.rsplit('.', 1)[-1]}.py",
            sweep=records.load("sweeps").get(self.label),
        )


def _without_words(part: ast.stmt) -> ast.stmt | None:
    """Return a part of a class without its docstring; None for a docstring itself."""
    if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant):
        return None
    if isinstance(part, ast.FunctionDef) and ast.get_docstring(part) is not None:
        part.body = part.body[1:]
    return part


def recorded_verdicts(label: str) -> list[Verdict]:
    """Return the verdicts of the record, the claim first and then its controls."""
    return [from_store(entry) for entry in records.load("claims")[label]["data"]]
