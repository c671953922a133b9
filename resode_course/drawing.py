"""A figure in which the reader draws: the weights of a scalar network as a curve over depth.

The same figure works in a page of the book, in Jupyter and in Colab: what it computes is so small
that ``drawing.js`` does it in the browser, and the first picture is written here. Both compute

    network  h_{k+1} = h_k + theta(k/L) tanh(h_k) / L,
    ODE      h' = theta(s) tanh(h),   that is   sinh h(s) = sinh(h_0) exp(int_0^s theta),

for the piecewise linear ``theta`` through the knots, so that the integral is exact.
"""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from math import asinh, exp, sinh, tanh

import numpy as np

from resode_course.plotting import BLUE, ORANGE

__all__ = ["DrawnNetwork", "euler_states", "ode_states", "theta"]

WIDTH, HEIGHT = 320, 230  # of a panel; two stand side by side, on a phone one above the other
LEFT, TOP, RIGHT, BOTTOM = 36, 10, 312, 196  # the frame in which the curves are drawn
FINE = 128  # points of the ODE's curve
STEP = 0.25  # of an arrow key

Number = float | int
Numbers = Sequence[Number] | np.ndarray
Point = tuple[Number, Number]


def theta(knots: Numbers, s: Number) -> float:
    """Return the piecewise linear curve through equidistant knots on [0, 1] at ``s``."""
    place = s * (len(knots) - 1)
    k = min(int(place), len(knots) - 2)
    return knots[k] + (place - k) * (knots[k + 1] - knots[k])


def euler_states(knots: Numbers, start: Number, depth: int) -> list[float]:
    """Return the states h_0, ..., h_L of the network whose layers read the curve at k / L."""
    states = [float(start)]
    for k in range(depth):
        h = states[-1]
        states.append(h + theta(knots, k / depth) * tanh(h) / depth)
    return states


def ode_states(knots: Numbers, start: Number, points: int = FINE) -> list[float]:
    """Return h(0), h(1/points), ..., h(1) of the ODE, from its closed form.

    ``points`` must be a multiple of the number of intervals between knots: then theta is linear
    between two points, and the trapezoidal rule gives its integral exactly.
    """
    integral, states = 0.0, [float(start)]
    for k in range(points):
        integral += (theta(knots, k / points) + theta(knots, (k + 1) / points)) / (2 * points)
        states.append(asinh(sinh(start) * exp(integral)))
    return states


@dataclass(frozen=True)
class DrawnNetwork:
    """The curve that a reader draws, and what networks of several depths make of it.

    Args:
        curves: curves to begin with, by name; the values at the knots, the same number for all,
            one more than a divisor of 128. The first one is shown first.
        depths: what the slider of depth offers.
        depth: the depth shown first; the first of ``depths`` if not given.
        start: the state h_0.
        limit: the curve stays between ``-limit`` and ``limit``.
        top: the largest state that the right panel shows.

    Raises:
        ValueError: knots whose number differs or does not fit, a value beyond the limit, a depth
            that the slider does not offer.

    Example:
        >>> DrawnNetwork({"rise": (0, 1, 2), "fall": (2, 1, 0)}, depths=(4, 8))
        Drawable figure: curves rise, fall; depth L in 4, 8
    """

    curves: Mapping[str, Numbers]
    depths: Sequence[int]
    depth: int | None = None
    start: Number = 0.5
    limit: Number = 3.0
    top: Number = 4.0

    def __post_init__(self) -> None:
        counts = {len(knots) for knots in self.curves.values()}
        if len(counts) != 1 or any(count < 2 or FINE % (count - 1) for count in counts):
            raise ValueError(
                f"got curves with {sorted(counts)} knots; expected one number for all, one more "
                f"than a divisor of {FINE}: 3, 5, 9, 17 or 33"
            )
        largest = max(abs(value) for knots in self.curves.values() for value in knots)
        if largest > self.limit:
            raise ValueError(
                f"got a knot of size {largest:g}; expected at most limit={self.limit:g}; lower "
                "the curve or raise the limit"
            )
        if self.first_depth not in self.depths:
            raise ValueError(
                f"got depth={self.depth}; expected one of depths={tuple(self.depths)}; add it"
            )

    @property
    def first_depth(self) -> int:
        """The depth shown first."""
        return self.depths[0] if self.depth is None else self.depth

    def __repr__(self) -> str:
        depths = ", ".join(map(str, self.depths))
        return f"Drawable figure: curves {', '.join(self.curves)}; depth L in {depths}"

    def _repr_html_(self) -> str:
        """The first picture and the controls, which stay hidden where no script runs."""
        data = {
            "frame": {"left": LEFT, "top": TOP, "right": RIGHT, "bottom": BOTTOM},
            "curves": {
                name: [float(value) for value in knots] for name, knots in self.curves.items()
            },
            "depths": list(self.depths),
            "start": self.start,
            "limit": self.limit,
            "top": self.top,
            "fine": FINE,
            "step": STEP,
        }
        here = files("resode_lib")
        return (
            f'<div class="drawable" role="group" aria-label="{html.escape(repr(self))}">'
            f"<style>{(here / 'drawing.css').read_text('utf8')}</style>"
            f'<div class="drawable-panels">{self._weights_panel()}{self._states_panel()}</div>'
            f'<p class="drawable-says" aria-live="polite">{self._says()}</p>'
            f"{self._controls()}"
            '<script type="application/json">'
            + json.dumps(data).replace("<", r"\u003c")
            + f"</script><script>{(here / 'drawing.js').read_text('utf8')}</script></div>"
        )

    def _knots(self) -> Numbers:
        return [float(value) for value in next(iter(self.curves.values()))]

    def _weights_panel(self) -> str:
        knots, depth = self._knots(), self.first_depth
        count = len(knots) - 1
        slices = [(k / depth, theta(knots, k / depth)) for k in range(depth)]
        handles = "".join(self._knot(k / count, value) for k, value in enumerate(knots))
        curve = [(k / count, value) for k, value in enumerate(knots)]
        return _panel(
            "weights",
            "The weights over depth: a curve that you draw, and what the layers see of it",
            ("Θ(s)", -self.limit, self.limit),
            _polyline("curve", curve, -self.limit, self.limit)
            + _dots(slices, -self.limit, self.limit)
            + handles,
        )

    def _knot(self, s: float, value: float) -> str:
        """A knot is a slider of its own; one of them is reached by Tab, the others by arrows."""
        return (
            f'<circle class="knot" r="6" stroke="{BLUE}" '
            f"{_at(_pixel(s, value, -self.limit, self.limit))} "
            f'role="slider" aria-orientation="vertical" tabindex="{-1 if s else 0}" '
            f'aria-label="theta at depth {s:.3g}" aria-valuemin="{-self.limit:g}" '
            f'aria-valuemax="{self.limit:g}" aria-valuenow="{value:.2f}"></circle>'
        )

    def _states_panel(self) -> str:
        knots, depth = self._knots(), self.first_depth
        fine = [(k / FINE, h) for k, h in enumerate(ode_states(knots, self.start))]
        network = euler_states(knots, self.start, depth)
        dots = [(k / depth, h) for k, h in enumerate(network)]
        return _panel(
            "states",
            "The states over depth: a line for the ODE, dots for the network",
            ("h(s)", 0.0, self.top),
            _polyline("curve", fine, 0.0, self.top) + _dots(dots, 0.0, self.top),
        )

    def _says(self) -> str:
        """What the picture shows, in words; drawing.js writes the same sentence."""
        knots, depth = self._knots(), self.first_depth
        network, ode = euler_states(knots, self.start, depth)[-1], ode_states(knots, self.start)[-1]
        return (
            f"The network of {depth} layers ends at {network:.2f}, the ODE at {ode:.2f}: "
            f"{abs(network - ode):.2f} apart."
        )

    def _controls(self) -> str:
        buttons = "".join(f'<button type="button">{html.escape(n)}</button>' for n in self.curves)
        place = list(self.depths).index(self.first_depth)
        return (
            f'<div class="drawable-controls" hidden><span>Begin with</span>{buttons}'
            f'<label><span>depth L</span><input type="range" min="0" max="{len(self.depths) - 1}" '
            f'value="{place}" autocomplete="off" aria-label="depth L" '
            f'aria-valuetext="{self.first_depth}"><output>{self.first_depth}</output></label></div>'
        )


def _pixel(s: Number, value: Number, low: Number, high: Number) -> Point:
    """Return where a point stands in a panel whose axis runs from low to high, bottom to top."""
    return LEFT + s * (RIGHT - LEFT), BOTTOM - (value - low) / (high - low) * (BOTTOM - TOP)


def _at(pixel: Point) -> str:
    return f'cx="{pixel[0]:.1f}" cy="{pixel[1]:.1f}"'


def _polyline(name: str, points: Sequence[Point], low: Number, high: Number) -> str:
    pixels = " ".join("{:.1f},{:.1f}".format(*_pixel(*point, low, high)) for point in points)
    return f'<polyline class="{name}" points="{pixels}" fill="none" stroke="{BLUE}"/>'


def _dots(points: Sequence[Point], low: Number, high: Number) -> str:
    circles = "".join(f'<circle r="2.5" {_at(_pixel(*p, low, high))}></circle>' for p in points)
    return f'<g class="dots" fill="{ORANGE}">{circles}</g>'


def _panel(name: str, label: str, axis: tuple[str, Number, Number], inside: str) -> str:
    title, low, high = axis
    zero = _pixel(0, 0, low, high)[1]
    return (
        f'<svg class="{name}" viewBox="0 0 {WIDTH} {HEIGHT}" role="group" aria-label="{label}">'
        f'<path class="axis" d="M{LEFT},{TOP}V{BOTTOM}M{LEFT},{zero:.1f}H{RIGHT}"/>'
        f'<text x="{LEFT - 6}" y="{TOP + 10}" text-anchor="end">{high:g}</text>'
        f'<text x="{LEFT - 6}" y="{BOTTOM}" text-anchor="end">{low:g}</text>'
        f'<text x="{LEFT - 6}" y="{(TOP + BOTTOM) / 2 + 4}" text-anchor="end">{title}</text>'
        f'<text x="{(LEFT + RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">depth s</text>'
        f"{inside}</svg>"
    )
