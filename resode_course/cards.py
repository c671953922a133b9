"""A claim's card: what was measured beside what is guaranteed, with a switch for each hypothesis.

The card is one piece of HTML without scripts: the switch is a group of radio buttons, and style
sheets show the setting that is chosen. So it works in a page of the book, in Jupyter and in Colab,
by mouse, finger and keyboard; on paper all settings stand one below the other.
"""

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Any

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator

__all__ = ["Card", "Picture"]

WIDTH, HEIGHT = 440, 250  # of the picture
LEFT, TOP, RIGHT, BOTTOM = 74, 12, 428, 204  # the frame in which curves are drawn
STYLES = ("", " second", " third")
LARGEST = 1e30  # value that a scale takes into account, and in logarithms one over the smallest
DIGITS = 4  # that a stored picture keeps
NAMES = {
    "thm": "This theorem",
    "prop": "This proposition",
    "cor": "This corollary",
    "lem": "This lemma",
    "obs": "This observation",
}

Numbers = Sequence[int | float] | np.ndarray


@dataclass(frozen=True)
class Picture:
    """Curves over one variable: what was measured, and what is guaranteed.

    Args:
        x: where both were evaluated.
        measured: by name; up to three curves.
        guaranteed: by name, the bounds; none where the statement gives no number.
        xlabel: what the horizontal axis shows.
        ylabel: what the vertical axis shows.
        log: the logarithmic axes, "xy", "x", "y" or "".
        lower: the guarantee bounds from below.
    """

    x: Numbers
    measured: Mapping[str, Numbers]
    guaranteed: Mapping[str, Numbers] = field(default_factory=dict)
    xlabel: str = "depth L"
    ylabel: str = "error"
    log: str = "xy"
    lower: bool = False

    def rounded(self) -> "Picture":
        """Return the picture as plain data of few digits, to be stored."""

        def plain(values: Numbers) -> list[float]:
            return [float(f"{float(value):.{DIGITS}g}") for value in values]

        curves = {
            name: {label: plain(values) for label, values in getattr(self, name).items()}
            for name in ("measured", "guaranteed")
        }
        return replace(self, x=plain(self.x), **curves)

    def said(self) -> str:
        """Return the picture in words, for those who do not see it."""
        curves = [
            f"{kind} {name} from {float(values[0]):.2g} to {float(values[-1]):.2g}"
            for kind in ("measured", "guaranteed")
            for name, values in getattr(self, kind).items()
        ]
        span = f"from {float(self.x[0]):g} to {float(self.x[-1]):g}"
        return f"{self.ylabel} against {self.xlabel} {span}: {'; '.join(curves)}."

    def svg(self) -> str:
        """Return the picture as it stands in a page."""
        curves = [*self.measured.values(), *self.guaranteed.values()]
        across = _scale(self.x, LEFT, RIGHT, log="x" in self.log)
        up = _scale(np.concatenate([_numbers(c) for c in curves]), BOTTOM, TOP, log="y" in self.log)
        x = _numbers(self.x)
        parts = [_grid(self.x, across, up), *self._bounds(x, across, up)]
        for style, values in zip(STYLES, self.measured.values(), strict=False):
            points = _points(x, _numbers(values), across, up)
            parts.append(f'<polyline class="measured{style}" points="{_joined(points)}"/>')
            if len(points) <= 12:
                parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5"/>' for a, b in points]
        middle = (TOP + BOTTOM) / 2
        parts += [
            f'<text x="{(LEFT + RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">'
            f"{html.escape(self.xlabel)}</text>",
            f'<text x="12" y="{middle}" text-anchor="middle" '
            f'transform="rotate(-90 12 {middle})">{html.escape(self.ylabel)}</text>',
        ]
        label = html.escape(self.said(), quote=True)
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
            + "".join(parts)
            + "</svg>"
            + self._legend()
        )

    def _bounds(self, x: np.ndarray, across: "Scale", up: "Scale") -> list[str]:
        """The guarantees, and what lies beyond the first one."""
        parts = []
        edge = float(BOTTOM if self.lower else TOP)
        for n, (style, values) in enumerate(zip(STYLES, self.guaranteed.values(), strict=False)):
            points = _points(x, _numbers(values), across, up)
            if n == 0 and len(points) > 1:
                corners = [*points, (points[-1][0], edge), (points[0][0], edge)]
                parts.append(f'<polygon class="beyond" points="{_joined(corners)}"/>')
            parts.append(f'<polyline class="guaranteed{style}" points="{_joined(points)}"/>')
        return parts

    def _legend(self) -> str:
        def entry(kind: str, style: str, name: str) -> str:
            line = f'<path class="{kind}{style}" d="M0 4H32"/>'
            line = f'<svg viewBox="0 0 32 8" aria-hidden="true">{line}</svg>'
            return f"<span>{line}{kind}: {html.escape(name)}</span>"

        entries = [
            entry(kind, style, name)
            for kind in ("measured", "guaranteed")
            for style, name in zip(STYLES, getattr(self, kind), strict=False)
        ]
        return f'<div class="claim-legend">{"".join(entries)}</div>'


@dataclass(frozen=True)
class Scale:
    """From a number to a place on the page, and the numbers that are named beside the axis."""

    place: Callable[[np.ndarray], np.ndarray]
    ticks: list[float]


def _numbers(values: Numbers) -> np.ndarray:
    return np.asarray(values, dtype=float)


def _scale(values: Numbers, first: int, last: int, *, log: bool) -> Scale:
    values = _numbers(values)
    # What grows beyond all measure leaves the frame, so that the rest can be seen.
    usable = values[(np.abs(values) < LARGEST) & ((values > 1 / LARGEST) | (not log))]
    low, high = (usable.min(), usable.max()) if usable.size else (0.1, 1.0)
    if low == high:
        low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    if log:
        low, high = np.log10(low), np.log10(high)
    low, high = low - 0.04 * (high - low), high + 0.04 * (high - low)

    def place(numbers: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            numbers = np.log10(numbers) if log else numbers
        return first + (last - first) * (numbers - low) / (high - low)

    if log and high - low > 1:
        subs = (1,) if high - low > 2 else (1, 2, 5)
        ticks = LogLocator(subs=subs, numticks=6).tick_values(10**low, 10**high)
    else:  # within a decade equal steps are as good
        ticks = MaxNLocator(4).tick_values(*((10**low, 10**high) if log else (low, high)))
    ticks = [t for t in ticks if t > 0 or not log]
    inside = [t for t in ticks if low <= (np.log10(t) if log else t) <= high]
    return Scale(place, [float(tick) for tick in inside])


def _points(x: np.ndarray, y: np.ndarray, across: Scale, up: Scale) -> list[tuple[float, float]]:
    """Where the points of a curve lie; what is infinite, or has no logarithm, is left out."""
    places = np.stack([across.place(x), up.place(y)], axis=-1)
    return [(float(a), float(b)) for a, b in places[np.isfinite(places).all(axis=-1)]]


def _joined(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in points)


def _grid(x: Numbers, across: Scale, up: Scale) -> str:
    few = [float(value) for value in x] if len(x) <= 7 else across.ticks
    parts = [f'<path class="axis" d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}"/>']
    for tick, place in zip(few, across.place(np.array(few)), strict=True):
        if np.isfinite(place):
            parts.append(
                f'<text x="{place:.1f}" y="{BOTTOM + 17}" text-anchor="middle">{tick:g}</text>'
            )
    for tick, place in zip(up.ticks, up.place(np.array(up.ticks)), strict=True):
        parts.append(f'<path class="grid" d="M{LEFT} {place:.1f}H{RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{place + 4:.1f}" text-anchor="end">{tick:g}</text>')
    return "".join(parts)


@dataclass(frozen=True)
class Card:
    """A claim's verdict and those of its controls, to be looked at.

    Args:
        label: of the statement.
        kind: "theorem" or "finding".
        setting: where it was measured, in words.
        seed: of what was drawn; None for a record.
        verdicts: the claim's first, then one for each control.
        controls: by name, what was changed and why it must fail.
        source: the code that measured and judged.
        file: where that code stands.
        sweep: what the record says of other settings, if it does.
    """

    label: str
    kind: str
    setting: str
    seed: int | None
    verdicts: Sequence[Any]
    controls: Mapping[str, Any]
    source: str
    file: str
    sweep: Mapping[str, Any] | None

    def __repr__(self) -> str:
        """Return the verdicts as lines of text."""
        return "\n".join(map(str, self.verdicts))

    def _repr_html_(self) -> str:
        """Return the card."""
        name = NAMES.get(self.label.split("-", 1)[0], self.label)
        style = (files("resode_course") / "cards.css").read_text("utf8")
        head = [f"<b>{name}, measured</b>", f"<span>{self._kind()}</span>", self._swept()]
        settings = "".join(
            f'<div class="claim-setting setting-{n}">{self._setting(verdict)}</div>'
            for n, verdict in enumerate(self.verdicts)
        )
        return (
            f'<form class="claim-card" aria-label="{name}, measured"><style>{style}</style>'
            f'<div class="claim-head">{"".join(head)}</div>{self._switch()}{settings}'
            f"<details><summary>How it is measured: {html.escape(self.file)}</summary>"
            f"<pre>{html.escape(self.source)}</pre></details></form>"
        )

    def _kind(self) -> str:
        said = "proved" if self.kind == "theorem" else "observed"
        return said if self.seed is None else f"{said}; seed {self.seed}"

    def _swept(self) -> str:
        if not self.sweep:
            return ""
        data = self.sweep["data"]
        return f"<span>held in {data['held']} of {data['tried']} settings</span>"

    def _switch(self) -> str:
        names = ["all hypotheses", *(verdict.control for verdict in self.verdicts[1:])]
        choices = "".join(
            f'<label><input type="radio" name="setting" class="choice-{n}"'
            f"{' checked' if n == 0 else ''}>{html.escape(name)}</label>"
            for n, name in enumerate(names)
        )
        return f"<fieldset><legend>What happens with</legend>{choices}</fieldset>"

    def _setting(self, verdict: Any) -> str:
        parts = []
        if verdict.control is None:
            parts.append(f"<p>{html.escape(self.setting)}</p>" if self.setting else "")
        else:
            control = self.controls[verdict.control]
            parts.append(
                f"<p><b>Changed:</b> {html.escape(control.changed)}; all else is kept.</p>"
            )
        if verdict.picture:
            parts.append(verdict.picture.svg())
        parts.append(_table(verdict))
        if verdict.control and self.controls[verdict.control].why:
            parts.append(f"<p>{html.escape(self.controls[verdict.control].why)}</p>")
        return "".join(parts)


def _table(verdict: Any) -> str:
    """The checks in words."""
    rows = []
    for check in verdict.checks:
        must_fail = check.quantity in verdict.must_fail
        if check.holds:
            said = "holds, though it must fail" if must_fail else "holds"
        else:
            said = (
                "must fail, and does" if must_fail else "fails too" if verdict.control else "fails"
            )
        mark = (
            f'<span class="ok">✓ {said}</span>'
            if check.holds
            else f'<span class="no">✗ {said}</span>'
        )
        rows.append(
            f"<tr><td>{html.escape(check.quantity)}</td><td>{check.shown}</td>"
            f"<td>{check.requirement}</td><td>{mark}</td></tr>"
        )
    return (
        "<table><thead><tr><th>what</th><th>measured</th><th>required</th><th>outcome</th></tr>"
        f"</thead><tbody>{''.join(rows)}</tbody></table>"
    )
