"""Problem set 6: the tools of a project, and a rehearsal."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from resode_course.coursework.cases import Case
from resode_course.coursework.marks import Property
from resode_course.coursework.properties import DESIGN, Alike, Cheapest, Sampled, Widths
from resode_grader.sets._draws import two_digits
from resode_grader.sets._problem import Part, Problem

__all__ = ["PROBLEMS"]

Parameters = dict[str, Any]
Rng = np.random.Generator


# 6.1: a slope with its uncertainty

RATE = ("slope", "half_width")


def draw_rate(rng: Rng) -> Parameters:
    """The confidence level, and below what an error is rounding."""
    return {
        "level": float(rng.choice([0.8, 0.9, 0.95, 0.98, 0.99])),
        "floor": float(rng.choice([1e-12, 3e-12, 1e-11, 3e-11])),
    }


def _fit(depths: np.ndarray, errors: np.ndarray) -> tuple[float, float, int]:
    """Return slope, its standard error, and the degrees of freedom."""
    x, y = np.log(depths), np.log(errors)
    x = x - x.mean()
    slope = x @ y / (x @ x)
    residual = y - y.mean() - slope * x
    freedom = len(x) - 2
    return slope, np.sqrt(residual @ residual / freedom / (x @ x)), freedom


def _above(errors: np.ndarray, floor: float) -> slice:
    """The depths before the first whose error is below the floor."""
    below = np.flatnonzero(errors < floor)
    return slice(0, below[0] if below.size else None)


def _experiments(rng: Rng, floor: float, *, rounding: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    """Depths and errors: powers with noise, and on request a floor that is touched and left."""
    cases = []
    for count, power, noise in ((5, 1.0, 0.02), (7, 2.0, 0.1), (4, 0.5, 0.3), (9, 1.0, 0.2)):
        depths = rng.integers(4, 12) * 2.0 ** np.arange(count)
        errors = depths**-power * np.exp(noise * rng.normal(size=count) + rng.uniform(-3, 1))
        if rounding:
            more = depths[-1] * 2.0 ** np.arange(1, 4)
            tail = floor * np.array([0.3, rng.uniform(1.5, 3.0), rng.uniform(0.1, 0.6)])
            depths, errors = np.concatenate([depths, more]), np.concatenate([errors, tail])
        cases.append((depths, errors))
    return cases


_rate = partial(Case, of=RATE)


def slope_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The slope where no error is rounding."""
    for depths, errors in _experiments(rng, p["floor"], rounding=False):
        slope, x, y = _fit(depths, errors)[0], np.log(depths), np.log(errors)
        chord, exchanged = (y[-1] - y[0]) / (x[-1] - x[0]), 1 / _fit(errors, depths)[0]
        mistakes = {
            "That is the order. The slope of an error that falls is negative.": -slope,
            "That is depth against error; the error is the one that is measured.": exchanged,
            "That joins the first and the last point; all depths count.": chord,
            "Both axes are logarithmic.": np.polyfit(depths, y, 1)[0],
        }
        hint = "For errors c L^a it is a; fit a line to the logarithms by least squares."
        yield _rate((depths, errors), slope, mistakes, hint, pick="slope")


def half_width_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """Half the width of the confidence interval where no error is rounding."""
    for depths, errors in _experiments(rng, p["floor"], rounding=False):
        _, spread, freedom = _fit(depths, errors)
        x, both = np.log(depths), (1 + p["level"]) / 2
        right = stdtrit(freedom, both)
        fewer = np.sqrt(freedom / (freedom + 1))  # the same sum of squares over one more
        quantiles = {
            "With so few points the quantile is Student's, not the normal one.": ndtri(both),
            "The interval has two sides, each with half of what is left out.": stdtrit(
                freedom, p["level"]
            ),
            "That is the standard error, without a quantile.": 1.0,
            "That is the whole width.": 2 * right,
            "A line has two parameters: J - 2 degrees of freedom.": fewer
            * stdtrit(freedom + 1, both),
            "Divide the residuals by J - 2, not by J.": right * np.sqrt(freedom / len(x)),
            "A slope's error is that of a point, divided by the spread of log L.": right
            * np.sqrt(np.sum((x - x.mean()) ** 2)),
            "That is for 95 %; your class has another level.": stdtrit(freedom, 0.975),
        }
        mistakes = {sentence: quantile * spread for sentence, quantile in quantiles.items()}
        hint = f"With {len(x)} depths it is another number. Which quantile, which variance?"
        yield _rate((depths, errors), right * spread, mistakes, hint, pick="half_width")


def floor_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The same where deep networks meet rounding."""
    for depths, errors in _experiments(rng, p["floor"], rounding=True):
        kept, positive = _above(errors, p["floor"]), errors >= p["floor"]
        slope = _fit(depths[kept], errors[kept])[0]
        all_of_them, above = (_fit(depths[i], errors[i])[0] for i in (slice(None), positive))
        mistakes = {
            "Rounding is read as a rate: errors below the floor are in the fit.": all_of_them,
            "An error that rises above the floor again, deeper, is rounding too.": above,
        }
        hint = "Leave out the first depth whose error is below the floor, and all deeper ones."
        yield _rate((depths, errors), slope, mistakes, hint, pick="slope")
        # The half width is right or not in another part: here it is that of the depths kept.
        yield Alike(
            (depths, errors),
            (depths[kept], errors[kept]),
            "half_width",
            RATE,
            "The half width is that of the depths kept.",
        )


# 6.2: how much experiment a verdict needs

MORE = 8  # doublings beyond the fewest, for which a width is known


def draw_design(rng: Rng) -> Parameters:
    """How often a verdict may be wrong."""
    return {"alpha": float(rng.choice([0.01, 0.02, 0.03, 0.05, 0.08, 0.1]))}


def _spread_of_depths(J: int) -> float:
    """The sum of squares of ``log L_j`` about their mean, for ``J`` doublings."""
    return np.log(2) ** 2 * J * (J + 1) * (J + 2) / 12


def _accepted(gap: float, width: float, s: float) -> float:
    """How often a slope that is off by ``gap`` lies within ``width`` of what we expect."""
    return float(ndtr((width - gap) / s) - ndtr((-width - gap) / s))


def _works(s: float, gap: float, alpha: float) -> bool:
    """Whether one width accepts the right slope and refuses the wrong one."""
    return bool(_accepted(gap, ndtri(1 - alpha / 2) * s, s) <= alpha)


def _smallest(sigma: float, gap: float, alpha: float, seeds: int = 1) -> int:
    """The fewest doublings, at least two, that do with so many seeds."""
    J = 2
    while not _works(sigma / np.sqrt(seeds * _spread_of_depths(J)), gap, alpha):
        J += 1
    return J


def _seeds(sigma: float, gap: float, alpha: float) -> list[int]:
    """The fewest seeds that will do with 2, 3, ... doublings, as long as one is not enough."""
    found: list[int] = []
    while not found or found[-1] > 1:
        J, R = len(found) + 2, 1
        while not _works(sigma / np.sqrt(R * _spread_of_depths(J)), gap, alpha):
            R += 1
        found.append(R)
    return found


def _cheapest(sigma: float, gap: float, alpha: float) -> tuple[int, int]:
    """Doublings and seeds with the fewest layers in all."""
    plans = ((R * (2 ** (J + 1) - 1), J, R) for J, R in enumerate(_seeds(sigma, gap, alpha), 2))
    return min(plans)[1:]


def _plans(rng: Rng) -> list[tuple[float, float]]:
    """Noise in a logarithm, and distance of the wrong slope."""
    return [
        (two_digits(rng, 0.15, 0.3), 0.5),
        (two_digits(rng, 0.5, 0.9), 0.5),
        (two_digits(rng, 0.2, 0.5), two_digits(rng, 0.2, 0.35)),
        (two_digits(rng, 0.9, 1.3), 1.0),
    ]


def doublings_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The fewest doublings with one seed."""
    for sigma, gap in _plans(rng):
        J = _smallest(sigma, gap, p["alpha"])
        mistakes = {
            "One less does. J counts doublings, not depths; and a width w exists already if "
            "z_(1 - alpha/2) + z_(1 - alpha) standard deviations of the slope fit into the gap.": (
                J + 1
            )
        }
        words = f"With sigma = {sigma:g} and gap = {gap:g} these doublings are"
        question = (
            "what is the standard deviation of the slope (logarithms are natural), and how wide "
            "must the interval be?"
        )
        yield Case(
            (sigma, gap),
            J,
            mistakes,
            f"{words} more than needed; {question}",
            pick="J",
            of=DESIGN,
            tolerance=1e-9,
            below=f"{words} too few; {question}",
        )


def width_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The narrowest interval that accepts a right network often enough, for this J if it does."""
    for sigma, gap in _plans(rng):
        smallest = _smallest(sigma, gap, p["alpha"])
        doublings = range(2, smallest + MORE + 1)
        yield Widths(
            sigma, gap, smallest, [_width(p["alpha"], sigma, gap, J, smallest) for J in doublings]
        )


def _width(alpha: float, sigma: float, gap: float, own: int, smallest: int) -> Case:
    """The width for the doublings that an answer has.

    Args:
        alpha: the class's number.
        sigma: the noise.
        gap: the distance of the wrong slope.
        own: the answer's doublings.
        smallest: the fewest doublings that will do.
    """
    z = ndtri(1 - alpha / 2)
    s = sigma / np.sqrt(_spread_of_depths(max(own, smallest)))
    mistakes = {
        "The right slope may be missed on both sides: alpha / 2 each.": sigma
        / np.sqrt(_spread_of_depths(own))
        * ndtri(1 - alpha),
        "That is for the noise of one error; a slope of several depths has less.": z * sigma,
        "Half the gap is another choice; we ask for the narrowest width that does.": gap / 2,
        "That is the standard deviation of the slope; which multiple of it?": s,
    }
    what = f"For sigma = {sigma:g} and gap = {gap:g} "
    hint = what + ("no width exists for your J." if own < smallest else "it is another number.")
    return Case((sigma, gap), z * s, mistakes, hint, pick="w", of=DESIGN)


def cheapest_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The plan with the fewest layers."""
    for sigma, gap in _plans(rng):
        yield Cheapest(
            sigma, gap, _cheapest(sigma, gap, p["alpha"]), _seeds(sigma, gap, p["alpha"])
        )


# 6.3: layers that are left out at random

CHANCE = 0.15  # relative: several standard deviations of an error estimated from 4,000 networks


def draw_dropout(rng: Rng) -> Parameters:
    """How often a layer is kept."""
    return {"keep": two_digits(rng, 0.3, 0.9)}


def _root_mean_square(theta: float, depths: np.ndarray, keep: float, scale: float) -> np.ndarray:
    """The distance to ``exp(theta)`` if a kept layer multiplies by ``1 + scale theta / L``."""
    first = (1 + keep * scale * theta / depths) ** depths
    second = (
        1 + 2 * keep * scale * theta / depths + keep * (scale * theta / depths) ** 2
    ) ** depths
    return np.sqrt(second - 2 * np.exp(theta) * first + np.exp(2 * theta))


def _dropout_cases(rng: Rng) -> list[tuple[float, np.ndarray]]:
    """A rate and depths."""
    return [
        (two_digits(rng, 0.4, 1.2), np.array([4, 8, 16, 32, 64])),
        (two_digits(rng, -1.5, -0.4), np.array([5, 10, 40])),
    ]


_dropout = partial(Case, of=("scaled", "unscaled", "sampled"), tolerance=1e-5)


def scaled_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The exact error with the right scaling."""
    for theta, depths in _dropout_cases(rng):
        right = _root_mean_square(theta, depths, p["keep"], 1 / p["keep"])
        bias = abs((1 + theta / depths) ** depths - np.exp(theta))
        mistakes = {
            "That is the network without chance. E[b^2] is p, not p^2.": bias,
            "That is the mean of the square; take its root.": right**2,
            "That is the distance to the mean; but the mean is not the limit.": np.sqrt(
                right**2 - bias**2
            ),
            "Kept layers are divided by p.": _root_mean_square(theta, depths, p["keep"], 1.0),
        }
        hint = f"For theta = {theta:g} it is another number; compute E[h_L] and E[h_L^2] exactly."
        yield _dropout((theta, depths, 0), right, mistakes, hint, pick="scaled")


def unscaled_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The exact error of the control, which tends to another limit."""
    for theta, depths in _dropout_cases(rng):
        right = _root_mean_square(theta, depths, p["keep"], 1.0)
        limit = np.full(depths.shape, abs(np.exp(p["keep"] * theta) - np.exp(theta)))
        divided = _root_mean_square(theta, depths, p["keep"], 1 / p["keep"])
        mistakes = {
            "That is with the division by p.": divided,
            "That is the limit for large L; the depths are finite.": limit,
        }
        hint = f"For theta = {theta:g} it is another number; the distance is that to exp(theta)."
        yield _dropout((theta, depths, 0), right, mistakes, hint, pick="unscaled")


def sampled_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The simulation agrees with what is exact, as far as chance lets it."""
    seed, keep = int(rng.integers(10**6)), p["keep"]
    for theta, depths in _dropout_cases(rng):
        exact = _root_mean_square(theta, depths, keep, 1 / keep)
        kept = (1 + theta / keep / depths) ** depths - np.exp(theta)
        together = np.sqrt(keep * kept**2 + (1 - keep) * (1 - np.exp(theta)) ** 2)
        yield Sampled(theta, depths, seed, exact, together, CHANCE)


PROBLEMS = (
    Problem(
        "6.1",
        "rate",
        8,
        draw_rate,
        (
            Part("the slope", 2, slope_cases),
            Part("its uncertainty", 4, half_width_cases),
            Part("where rounding begins", 2, floor_cases),
        ),
    ),
    Problem(
        "6.2",
        "design",
        10,
        draw_design,
        (
            Part("how many doublings", 4, doublings_cases),
            Part("how wide", 2, width_cases),
            Part("the cheapest plan", 4, cheapest_cases),
        ),
    ),
    Problem(
        "6.3",
        "dropout",
        10,
        draw_dropout,
        (
            Part("the exact error", 4, scaled_cases),
            Part("the control", 3, unscaled_cases),
            Part("the simulation", 3, sampled_cases),
        ),
    ),
)
