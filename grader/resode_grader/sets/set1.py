"""Problem set 1: Euler schemes, integrators, and which networks are close to an ODE."""

from collections.abc import Iterator
from functools import partial
from math import exp, floor
from typing import Any

import numpy as np

from resode_course.coursework.cases import Case
from resode_course.coursework.marks import Property
from resode_course.coursework.properties import (
    Arrival,
    Cells,
    Depth,
    Impossible,
    Order,
    Possible,
    Slopes,
    smooth_slices,
)
from resode_grader.sets._draws import ACTIVATIONS, two_digits
from resode_grader.sets._networks import Rule, Weights, adam, finite, fitted, momentum, trained
from resode_grader.sets._problem import Part, Problem

__all__ = ["PROBLEMS"]

Numbers = dict[str, Any]
Generator = np.random.Generator


# 1.1: a layer with two stages.


def draw_layer(rng: Generator) -> Numbers:
    """The node ``alpha`` of the second stage and the decay ``mu`` of the residual."""
    return {"alpha": two_digits(rng, 0.6, 0.9), "mu": two_digits(rng, 0.5, 1.5)}


def residual(theta: np.ndarray, h: np.ndarray, mu: float) -> np.ndarray:
    """``f(h, theta) = tanh(theta h) - mu h``, for one state or a row each."""
    return np.tanh(np.einsum("...ij,...j->...i", theta, h)) - mu * h


def two_stages(
    thetas: np.ndarray,
    h: np.ndarray,
    p: Numbers,
    *,
    second: float | None = None,
    reach: float | None = None,
    mix: float | None = None,
    mu: float | None = None,
    step: float | None = None,
    mixed_residuals: bool = False,
) -> np.ndarray:
    """All states of the network of 1.1, or with one of its numbers replaced: a typical mistake.

    Args:
        thetas: ``L + 1`` slices.
        h: the first state.
        p: the class's numbers.
        second: the weight of the second stage, ``1/(2 alpha)``.
        reach: how far the second stage is, ``alpha``.
        mix: the share of the next slice in the second stage, ``alpha``.
        mu: the decay.
        step: ``1/L``.
        mixed_residuals: mix the residuals of two slices instead of the slices.
    """
    alpha = p["alpha"]
    second = 1 / (2 * alpha) if second is None else second
    reach, mix = alpha if reach is None else reach, alpha if mix is None else mix
    f = partial(residual, mu=p["mu"] if mu is None else mu)
    ds = 1 / (len(thetas) - 1) if step is None else step
    states = [h]
    for left, right in zip(thetas[:-1], thetas[1:], strict=True):
        k1 = f(left, h)
        inner = h + reach * ds * k1
        k2 = f((1 - mix) * left + mix * right, inner)
        if mixed_residuals:
            k2 = (1 - mix) * f(left, inner) + mix * f(right, inner)
        h = h + ds * ((1 - second) * k1 + second * k2)
        states.append(h)
    return np.array(states)


def equal_slices_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """Two layers between equal slices show the weights of the stages and the step."""
    d = int(rng.integers(2, 5))
    theta, h = 1.5 * rng.normal(size=(d, d)), rng.normal(size=d)
    thetas = np.stack([theta, theta, theta])
    with_ = partial(two_stages, thetas, h, p)
    right = with_()
    mistakes = {
        "That is an Euler layer; the second stage has no effect.": with_(second=0.0),
        "The two stages weigh the same: of order two for alpha = 1 only.": with_(second=0.5),
        "Your layer uses the second stage alone: of order two for alpha = 1/2 only.": with_(
            second=1.0
        ),
        "The weights of the two stages are exchanged.": with_(second=1 - 1 / (2 * p["alpha"])),
        "The second stage has the weight alpha; compare the terms of order 1/L^2 again.": with_(
            second=p["alpha"]
        ),
        "The inner state goes a whole step; its node is alpha.": with_(reach=1.0),
        "The decay mu is missing.": with_(mu=0.0),
        "The factor 1/L is missing.": with_(step=1.0),
        "Your step is 1/(L + 1): there are L + 1 slices, but L layers.": with_(step=1 / 3),
        "Every layer starts from the input: the state is not updated.": right[[0, 1, 1]],
    }
    otherwise = "With equal slices two layers of order two with your alpha end elsewhere."
    yield Case((thetas, h), right, mistakes, otherwise, tolerance=1e-5)


def neighbours_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """One layer between two different slices shows what the second stage looks at."""
    d = int(rng.integers(2, 5))
    thetas, h = 1.5 * rng.normal(size=(2, d, d)), rng.normal(size=d)
    with_ = partial(two_stages, thetas, h, p)
    mistakes = {
        "The second stage uses theta_k again; it sits at (k + alpha)/L.": with_(mix=0.0),
        "The second stage uses the whole of theta_{k+1}; it sits at (k + alpha)/L.": with_(mix=1.0),
        "The slices are mixed the wrong way round: near alpha = 1 it is nearly theta_{k+1}.": with_(
            mix=1 - p["alpha"]
        ),
        "You mix two residuals; the weights are to be mixed, then one residual computed.": with_(
            mixed_residuals=True
        ),
    }
    otherwise = "Get equal slices right first; then look at the weights that the second stage sees."
    yield Case((thetas, h), with_(), mistakes, otherwise, tolerance=1e-5)


def reference_end(coefficients: np.ndarray, h: np.ndarray, mu: float, steps: int = 100) -> Any:
    """The ODE's state at ``s = 1``, by RK4: its error is below 1e-8 here.

    Args:
        coefficients: of the polynomial ``A(s)``, shape (degree + 1, d, d).
        h: states at ``s = 0``, shape (n, d).
        mu: rate of the decay.
        steps: of RK4.
    """
    slices = smooth_slices(coefficients, 2 * steps)
    ds = 1 / steps
    for left, centre, right in zip(slices[:-2:2], slices[1:-1:2], slices[2::2], strict=True):
        k1 = residual(left, h, mu)
        k2 = residual(centre, h + ds / 2 * k1, mu)
        k3 = residual(centre, h + ds / 2 * k2, mu)
        k4 = residual(right, h + ds * k3, mu)
        h = h + ds / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return h


def order_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """The error of networks of 16 and 64 layers falls with an order of two."""
    coefficients, h = rng.normal(size=(3, 3, 3)), rng.normal(size=3)
    yield Order(coefficients, h, reference_end(coefficients, h, p["mu"]))


# 1.2: the ODE that a network solves better.


def draw_correction(rng: Generator) -> Numbers:
    """The place ``c`` of the slices in their cells and the decay ``mu``."""
    side = rng.choice([0.0, 0.55])
    return {"c": round(float(side + rng.uniform(0.1, 0.4)), 2), "mu": two_digits(rng, 0.5, 1.5)}


def correction_terms(coefficients: np.ndarray, s: np.ndarray, h: np.ndarray, mu: float) -> tuple:
    """Return ``d_s f``, ``(d_h f) f`` and typical wrong forms of the latter, shape (n, d) each.

    Args:
        coefficients: of the polynomial ``A(s)``, shape (degree + 1, d, d).
        s: depths, shape (n,).
        h: states, shape (n, d).
        mu: rate of the decay.
    """
    powers = np.arange(len(coefficients))
    A = np.einsum("nj,jab->nab", s[:, None] ** powers, coefficients)
    slopes = powers[1:] * s[:, None] ** (powers[1:] - 1)
    dA = np.einsum("nj,jab->nab", slopes, coefficients[1:])
    times = partial(np.einsum, "nab,nb->na")
    z = np.tanh(times(A, h))
    f, slope = z - mu * h, 1 - z**2
    jacobian = slope[:, :, None] * A - mu * np.eye(h.shape[1])
    wrong = {
        "The Jacobian of f in h lacks the decay: it is diag(tanh') A - mu I.": times(
            slope[:, :, None] * A, f
        ),
        "The Jacobian of f is applied transposed.": times(jacobian.swapaxes(1, 2), f),
        "The chain rule lacks the slope of tanh.": times(A - mu * np.eye(h.shape[1]), f),
    }
    return slope * times(dA, h), times(jacobian, f), wrong


def draw_path(rng: Generator, degree: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients of ``A(s)``, depths and states."""
    d, n = int(rng.integers(2, 4)), int(rng.integers(4, 7))
    coefficients = rng.normal(size=(degree + 1, d, d))
    return coefficients, rng.uniform(size=n), rng.normal(size=(n, d))


def tied_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """Weights that do not change with depth leave ``-1/2 (d_h f) f``."""
    coefficients, s, h = draw_path(rng, 0)
    _, bend, wrong = correction_terms(coefficients, s, h, p["mu"])
    mistakes = {
        "The sign is wrong: the ODE has to undo what the layer does not do.": bend / 2,
        "A factor 1/2 is missing: Taylor's formula has H''/2.": -bend,
        "The correction is not zero if A is constant: the layer does not bend with H.": 0 * bend,
        "The place c multiplies the derivative in depth only.": (p["c"] - 0.5) * bend,
        **{sentence: -value / 2 for sentence, value in wrong.items()},
    }
    otherwise = "For a constant A this is not the correction."
    yield Case((coefficients, s, h), -bend / 2, mistakes, otherwise, tolerance=1e-5)


def varying_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """Weights that change with depth add ``(c - 1/2) d_s f``."""
    coefficients, s, h = draw_path(rng, int(rng.integers(2, 4)))
    drift, bend, _ = correction_terms(coefficients, s, h, p["mu"])
    c = p["c"]
    mistakes = {
        "You correct for slices at the left ends; yours sit at (k + c)/L.": -drift / 2 - bend / 2,
        "The derivative in depth has the wrong sign.": (0.5 - c) * drift - bend / 2,
        "The solution's own bend in depth, -1/2 d_s f, is missing.": c * drift - bend / 2,
        "The derivative of f in depth is missing.": -bend / 2,
        "A slice further right acts like more of d_s f: the sign of c is wrong.": -(c + 0.5) * drift
        - bend / 2,
        "The sign is wrong: the ODE has to undo what the layer does not do.": -(c - 0.5) * drift
        + bend / 2,
        "A factor 1/2 is missing in H''/2.": (c - 1) * drift - bend,
    }
    right = (c - 0.5) * drift - bend / 2
    otherwise = "For an A that changes with depth this is not the correction."
    yield Case((coefficients, s, h), right, mistakes, otherwise, tolerance=1e-5)


# 1.3: where to put the layers.


def draw_graded(rng: Generator) -> Numbers:
    """The exponent ``q`` and the offset ``epsilon`` of the curve ``(epsilon + s)^q``."""
    return {"q": two_digits(rng, 0.3, 0.7), "epsilon": round(float(rng.uniform(2e-3, 1e-2)), 4)}


GAUSS = np.polynomial.legendre.leggauss(40)


def share(left: Any, right: Any, epsilon: float, power: float, growth: float) -> Any:
    """``int (epsilon + s)^power e^{growth (1 - s)} ds`` from ``left`` to ``right``.

    In the variable ``log(epsilon + s)`` the integrand is smooth, so that Gauss's rule is exact up
    to rounding.

    Args:
        left: ends of intervals, any shape.
        right: their other ends, the same shape.
        epsilon: shift of the power, positive.
        power: exponent.
        growth: rate of the exponential.
    """
    low, high = np.log(epsilon + np.asarray(left)), np.log(epsilon + np.asarray(right))
    x = low[..., None] + (high - low)[..., None] * (GAUSS[0] + 1) / 2
    s = np.exp(x) - epsilon
    values = np.exp((power + 1) * x + growth * (1 - s))
    return (high - low) / 2 * (values @ GAUSS[1])


def balanced(depth: int, epsilon: float, power: float, growth: float) -> np.ndarray:
    """Nodes whose cells have the same share of the integral of the density.

    Args:
        depth: the number of cells.
        epsilon: see `share`, as for the two that follow.
        power: exponent.
        growth: rate of the exponential.
    """
    # So fine that interpolation changes the length of no cell by more than 1e-5 of it.
    table = np.geomspace(epsilon, 1 + epsilon, 4001) - epsilon
    table[[0, -1]] = 0.0, 1.0
    until = np.append(0.0, np.cumsum(share(table[:-1], table[1:], epsilon, power, growth)))
    return np.interp(np.arange(depth + 1) / depth * until[-1], until, table)


def nodes_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """Nodes are ``L + 1`` increasing numbers from 0 to 1, for a single layer too."""
    for depth in (1, int(rng.integers(5, 30))):
        yield Cells(two_digits(rng, -2.0, 2.0), depth, None, {})


def balance(p: Numbers, rate: float, depth: int) -> Cells:
    """The nodes of the best density, and of typical others.

    Args:
        p: the class's numbers.
        rate: Lipschitz constant of the field.
        depth: number of cells.
    """
    q, nodes = p["q"], partial(balanced, depth, p["epsilon"])
    mistakes = {
        "These are equal steps.": (0.0, 0.0),
        "Every cell has the same share of w. A cell of length d costs w d^2: minimise again.": (
            q - 2,
            rate,
        ),
        "Every cell has the same share of the cube root of w; that is for steps of order two.": (
            (q - 2) / 3,
            rate / 3,
        ),
        "The amplification e^{a (1 - s)} of an early error is missing.": ((q - 2) / 2, 0.0),
        "The amplification is turned round: early errors are amplified, late ones hardly.": (
            (q - 2) / 2,
            -rate / 2,
        ),
        "The root is to be taken of the amplification too.": ((q - 2) / 2, rate),
        "The step errs by the second derivative of y; you balance the first.": (
            (q - 1) / 2,
            rate / 2,
        ),
        "Your cells are long where the curve bends and short where it does not.": (
            (2 - q) / 2,
            -rate / 2,
        ),
    }
    wrong = {sentence: nodes(*density) for sentence, density in mistakes.items()}
    return Cells(rate, depth, nodes((q - 2) / 2, rate / 2), wrong)


def calm_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """Without amplification the density is a power."""
    yield balance(p, 0.0, int(rng.integers(30, 120)))


def amplified_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """Growing and shrinking errors shift the layers."""
    for low, high in ((1.0, 3.0), (-4.0, -1.5)):
        yield balance(p, two_digits(rng, low, high), int(rng.integers(30, 120)))


def gain_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """The gain is ``int w / (int sqrt(w))^2``."""
    q, epsilon = p["q"], p["epsilon"]
    for rate in (0.0, two_digits(rng, 1.0, 3.0), two_digits(rng, -4.0, -1.5)):
        total = float(share(0.0, 1.0, epsilon, q - 2, rate))
        root = float(share(0.0, 1.0, epsilon, (q - 2) / 2, rate / 2))
        right = total / root**2
        calm = share(0.0, 1.0, epsilon, q - 2, 0.0) / share(0.0, 1.0, epsilon, q / 2 - 1, 0.0) ** 2
        mistakes = {
            "The gain is turned round: it is above 1.": 1 / right,
            "That is the root of the gain.": right**0.5,
            "The square over the integral of the root of w is missing.": total / root,
            "That is the gain for a = 0, whatever a is.": calm,
        }
        otherwise = f"For a = {rate:g} the gain is not {{got}}."
        results = ("nodes", "gain")
        yield Case((rate, 50), right, mistakes, otherwise, pick="gain", of=results, tolerance=0.01)


# 1.4: how random a random network is.

MOMENTS = ("mean square", "relative variance")


def draw_random_layer(rng: Generator) -> Numbers:
    """The activation's slope ``a`` on the left, and the deviation ``v`` of the outer weights."""
    slope = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.15, 0.85))
    return {"a": round(slope, 2), "v": two_digits(rng, 1.1, 1.7)}


def layer_moments(p: Numbers, width: int, hidden: int, squared_scale: float) -> tuple:
    """``E|h'|^2`` and ``E|h'|^4`` after one layer with ``c^2 = squared_scale``, for ``|h| = 1``.

    Args:
        p: the class's numbers.
        width: ``d``.
        hidden: ``m``.
        squared_scale: the square of the factor before the residual.
    """
    second = p["v"] ** 2 * (1 + p["a"] ** 2) / 2
    fourth = 3 * p["v"] ** 4 * (1 + p["a"] ** 4) / 2
    square = fourth / hidden + (1 - 1 / hidden) * second**2
    c2, d = squared_scale, width
    return 1 + c2 * second, 1 + c2 * second * (2 + 4 / d) + c2**2 * (1 + 2 / d) * square


def network_moments(p: Numbers, width: int, hidden: int, depth: int, beta: float) -> np.ndarray:
    """Return the mean square and its relative variance.

    Args:
        p: the class's numbers.
        width: ``d``.
        hidden: ``m``.
        depth: ``L``.
        beta: the factor before a residual is ``L^-beta``.
    """
    mean, fourth = layer_moments(p, width, hidden, depth ** (-2 * beta))
    return np.array([mean**depth, np.expm1(depth * (np.log(fourth) - 2 * np.log(mean)))])


def random_network(rng: Generator, depth: int | None = None) -> tuple[int, int, int, float]:
    """Width, hidden width, depth and exponent."""
    depth = int(rng.integers(3, 40)) if depth is None else depth
    return int(rng.integers(2, 9)), int(rng.integers(2, 9)), depth, two_digits(rng, 0.4, 0.9)


def mean_square_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """``E|h_L|^2 / |h_0|^2`` is a power of ``1 + c^2 v^2 (1 + a^2)/2``."""
    width, hidden, depth, beta = network = random_network(rng)
    a, v, c2 = p["a"], p["v"], depth ** (-2 * beta)

    def power(growth: float) -> float:
        return (1 + growth) ** depth

    mistakes = {
        "The scale L^-beta enters squared.": power(c2**0.5 * v**2 * (1 + a**2) / 2),
        "The deviation v of the outer weights enters squared.": power(c2 * v * (1 + a**2) / 2),
        "The deviation v of the outer weights is missing.": power(c2 * (1 + a**2) / 2),
        "The left half of the activation is missing: it is not zero there.": power(c2 * v**2 / 2),
        "The slope a enters squared.": power(c2 * v**2 * (1 + a) / 2),
        "The activation keeps half of the square from each side: a factor 1/2 is missing.": power(
            c2 * v**2 * (1 + a**2)
        ),
        "That is one layer; there are L.": 1 + c2 * v**2 * (1 + a**2) / 2,
    }
    right = network_moments(p, width, hidden, depth, beta)[0]
    otherwise = "The mean square is another."
    yield Case(network, right, mistakes, otherwise, pick=MOMENTS[0], of=MOMENTS)


def one_layer_mistakes(p: Numbers, d: int, m: int) -> dict[str, float]:
    """What typical mistakes give for the relative variance after one layer with ``c = 1``."""
    second = p["v"] ** 2 * (1 + p["a"] ** 2) / 2
    kurtosis = 3 * p["v"] ** 4 * (1 + p["a"] ** 4) / 2
    mean, fourth = layer_moments(p, d, m, 1.0)
    right = fourth / mean**2 - 1

    def relative(square: float) -> float:
        """The relative variance if this were the mean square of ``|sigma|^2/m``."""
        return (1 + second * (2 + 4 / d) + (1 + 2 / d) * square) / mean**2 - 1

    square = kurtosis / m + (1 - 1 / m) * second**2
    return {
        "That is the variance, not yet divided by the squared mean.": fourth - mean**2,
        "That is the fourth moment over the squared mean; subtract 1.": right + 1,
        "That is the root of the relative variance.": right**0.5,
        "The square of h . r is missing: the step has a part along h.": right
        - 4 * second / d / mean**2,
        "Given W the components of r are Gaussian: |r|^4 has the mean d (d + 2) times the square "
        "of their variance, not d^2.": right - 2 * square / d / mean**2,
        "You take the hidden neurons for infinitely many.": relative(second**2),
        "You take the hidden neurons for one.": relative(kurtosis),
        "The fourth moment of a standard Gaussian is 3.": relative(
            kurtosis / 3 / m + (1 - 1 / m) * second**2
        ),
    }


def one_layer_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """The relative variance after one layer, for a narrow and for a wide block."""
    for hidden in (int(rng.integers(2, 6)), 1, 10**6):
        width = int(rng.integers(2, 9))
        yield Case(
            (width, hidden, 1, 0.5),
            network_moments(p, width, hidden, 1, 0.5)[1],
            one_layer_mistakes(p, width, hidden),
            f"After one layer with d = {width}, m = {hidden} it is not {{got}}.",
            pick=MOMENTS[1],
            of=MOMENTS,
            tolerance=1e-5,
        )


def many_layers_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """The relative variance of a deep network."""
    width, hidden, depth, beta = network = random_network(rng)
    mean, fourth = layer_moments(p, width, hidden, depth ** (-2 * beta))
    mistakes = {
        "Relative variances of the layers do not add up: 1 + them multiply.": depth
        * (fourth / mean**2 - 1),
        "That is one layer; there are L.": fourth / mean**2 - 1,
        "That is the variance, not yet divided by the squared mean.": fourth**depth
        - mean ** (2 * depth),
    }
    right = network_moments(p, width, hidden, depth, beta)[1]
    words = f"For d = {width}, m = {hidden}, L = {depth}, beta = {beta:g} it is not {{got}}."
    variance = partial(Case, pick=MOMENTS[1], of=MOMENTS, tolerance=1e-5)
    yield variance(network, right, mistakes, words)
    # So deep that only logarithms see the factors of the layers.
    right = network_moments(p, width, hidden, 10**6, 0.5)[1]
    words = f"For d = {width}, m = {hidden}, L = 10^6 and beta = 1/2 it is not {{got}}."
    yield variance((width, hidden, 10**6, 0.5), right, {}, words)


# 1.5: what the line allows.


def draw_line(rng: Generator) -> Numbers:
    """The Lipschitz constant of the residuals, well between two whole numbers."""
    return {"Lambda": round(float(rng.integers(1, 3) + rng.uniform(0.2, 0.8)), 2)}


def least_depth(smallest: float, largest: float, Lambda: float) -> int | None:
    """The smallest ``L > Lambda`` whose layers can stretch and squeeze gaps by these factors."""
    if smallest <= 0 or largest >= exp(Lambda):
        return None
    L = floor(Lambda) + 1
    while (1 + Lambda / L) ** L < largest:
        L += 1
    return L if (1 - Lambda / L) ** L <= smallest else None


def points_with(ratios: np.ndarray, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points in random order, and targets whose gaps are these multiples of theirs."""
    gaps = rng.uniform(0.3, 1.0, size=len(ratios))
    x = np.concatenate([[0.0], np.cumsum(gaps)]) + rng.normal()
    y = np.concatenate([[0.0], np.cumsum(ratios * gaps)]) + rng.normal()
    order = rng.permutation(len(x))
    return x[order], y[order]


def possible_tasks(p: Numbers, rng: Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Tasks that some network solves: easy ones, and some at the limits of a depth."""
    Lambda = p["Lambda"]
    first = floor(Lambda) + 1
    deep = first + int(rng.integers(2, 6))
    mild = np.exp(Lambda * rng.uniform(-0.5, 0.3, size=4))
    stretch = np.array([1.0, 0.999 * (1 + Lambda / deep) ** deep, 1.3])
    squeeze = np.array([1.001 * (1 - Lambda / first) ** first, 1.0])
    x, y = points_with(np.ones(4), rng)
    return [
        points_with(mild, rng),
        points_with(stretch, rng),
        points_with(squeeze, rng),
        (x, x.copy()),
        (rng.normal(size=1), rng.normal(size=1)),
        points_with(np.exp(0.97 * Lambda) * np.ones(1), rng),
    ]


def gap_factors(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest factor between neighbouring gaps; 1 for a single point."""
    order = np.argsort(x)
    factors = np.diff(y[order]) / np.diff(x[order])
    return float(factors.min(initial=1.0)), float(factors.max(initial=1.0))


def ends_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """The layers carry every point to its target."""
    for x, y in possible_tasks(p, rng):
        yield Arrival(x, y, p["Lambda"])


def lipschitz_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """No residual is steeper than Lambda where the points are."""
    for x, y in possible_tasks(p, rng):
        yield Slopes(x, y, p["Lambda"])


def fewest_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """The depth is the smallest that is possible."""
    for x, y in possible_tasks(p, rng):
        yield Depth(x, y, p["Lambda"], least_depth(*gap_factors(x, y), p["Lambda"]))


def impossible_tasks(p: Numbers, rng: Generator) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Tasks that no network solves, by what is wrong with them."""
    Lambda = p["Lambda"]
    first = floor(Lambda) + 1
    squeezed = 0.999 * (1 - Lambda / first) ** first
    # Fine alone at the first depth; but this stretch needs more layers, and those squeeze less.
    deep = first + 5
    both = np.array([1.02 * (1 - Lambda / first) ** first, 0.98 * (1 + Lambda / deep) ** deep])
    x, y = points_with(np.array([1.0, 0.9]), rng)
    return {
        "two points change their order": (x, -y),
        "two points meet": points_with(np.array([1.0, 0.0, 1.2]), rng),
        "a gap grows by more than any depth allows": points_with(
            np.array([1.001 * exp(Lambda), 1.0]), rng
        ),
        "a gap shrinks by more than the first depth allows": points_with(
            np.array([1.0, squeezed]), rng
        ),
        "one gap shrinks and another grows so much that no depth allows both": points_with(
            both, rng
        ),
    }


def impossible_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """What cannot be done has no layers."""
    yield Possible(*possible_tasks(p, rng)[0])
    for reason, (x, y) in impossible_tasks(p, rng).items():
        yield Impossible(x, y, reason)


# 1.8: refined after training.

Refining = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]
REFINED = ("losses", "repeated", "interpolated")


def draw_refining(rng: Generator) -> Numbers:
    """An activation, the rate of Adam, and how many layers come from one."""
    return {
        "activation": str(rng.choice(sorted(ACTIVATIONS))),
        "rate": two_digits(rng, 0.03, 0.1),
        "times": int(rng.integers(2, 5)),
    }


def _refining_cases(rng: Generator) -> list[Refining]:
    """Weights, data and a number of steps: slices of a line in depth, and independent layers."""
    # One shape, so that an answer is compiled once.
    L, d, m, n = 5, 2, 4, 4
    found = []
    for slices in (True, False):
        weights = [rng.normal(size=(L, *shape)) for shape in ((d, m), (m, d))]
        if slices:
            s = np.arange(L)[:, None, None] / L
            weights = [w[0] + s * w[1] for w in weights]
        data = rng.normal(size=(2, n, d))
        found.append((*(array.round(2) for array in (*weights, *data)), 20))
    return found


def _refining_run(case: Refining, p: Numbers, rule: Rule | None = None) -> Any:
    """Losses and weights of a training."""
    V, W, x, y, steps = case

    def gradient(weights: Weights) -> tuple[float, Weights]:
        return fitted(weights, x, y, p["activation"])

    return trained(gradient, (V, W), steps, rule or adam(p["rate"]))


def _loss(weights: Weights, case: Refining, p: Numbers) -> float:
    """The loss of a network of any depth."""
    return fitted(weights, case[2], case[3], p["activation"])[0]


def _on_lines(weights: Weights, positions: np.ndarray) -> Weights:
    """Weights at positions counted in layers, on the lines through all of them."""
    left = np.clip(np.floor(positions).astype(int), 0, len(weights[0]) - 2)
    part = (positions - left)[:, None, None]
    return tuple((1 - part) * w[left] + part * w[left + 1] for w in weights)


def _interpolated(weights: Weights, times: int) -> Weights:
    """The weights at ``k / (times L)``, constant behind the last slice."""
    L = len(weights[0])
    return _on_lines(weights, np.minimum(np.arange(times * L) / times, L - 1))


def refining_losses_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """The losses of the training."""
    for case, name in zip(_refining_cases(rng), ("a line", "independent layers"), strict=True):
        right, n, d = _refining_run(case, p)[0], *case[2].shape
        mistakes = {
            "That is gradient descent with this rate; Adam is asked.": _refining_run(
                case, p, momentum(p["rate"])
            )[0],
            "That is half the loss.": right / 2,
            "The loss is a mean over samples; you take the sum.": n * right,
            "The loss is a sum over coordinates; you take their mean too.": right / d,
            "The losses are the other way round: the first is that of the start.": right[::-1],
        }
        hint = f"From {name} the losses are others; is the first one that of the weights given?"
        yield Case(case, right, finite(mistakes), hint, pick="losses", of=REFINED)


def repeated_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """The loss of the trained network with each layer several times."""
    for case in _refining_cases(rng):
        losses, end = _refining_run(case, p)
        times = p["times"]
        again = tuple(np.repeat(w, times, axis=0) for w in end)
        mistakes = {
            "That is the loss before refining.": losses[-1],
            "That is the loss of the interpolated network.": _loss(
                _interpolated(end, times), case, p
            ),
            "The whole network is repeated; each layer is to follow itself.": _loss(
                tuple(np.tile(w, (times, 1, 1)) for w in end), case, p
            ),
            "That repeats the weights before training.": _loss(
                tuple(np.repeat(w, times, axis=0) for w in case[:2]), case, p
            ),
            "The layers keep their length; a network of more layers has shorter ones.": _loss(
                (again[0] * times, again[1]), case, p
            ),
        }
        hint = "The loss with repeated layers is not {got}."
        yield Case(case, _loss(again, case, p), mistakes, hint, pick="repeated", of=REFINED)


def interpolated_cases(p: Numbers, rng: Generator) -> Iterator[Property]:
    """The loss of the trained network with interpolated layers."""
    for case in _refining_cases(rng):
        losses, end = _refining_run(case, p)
        times, L = p["times"], len(case[0])
        right = _interpolated(end, times)
        positions = np.arange(times * L) / times
        middles = np.clip((np.arange(times * L) + 0.5) / times - 0.5, 0, L - 1)
        mistakes = {
            "That is the loss before refining.": losses[-1],
            "That is the loss with repeated layers.": _loss(
                tuple(np.repeat(w, times, axis=0) for w in end), case, p
            ),
            "Behind the last slice the weights stay constant; you follow the last line.": _loss(
                _on_lines(end, positions), case, p
            ),
            "The new slices sit at k/(rL), the old ones at k/L; yours fill [0, 1] evenly.": _loss(
                _on_lines(end, np.linspace(0, L - 1, times * L)), case, p
            ),
            "A slice sits where its layer begins, not in its middle.": _loss(
                _on_lines(end, middles), case, p
            ),
            "That interpolates the weights before training.": _loss(
                _interpolated(case[:2], times), case, p
            ),
            "The layers keep their length; a network of more layers has shorter ones.": _loss(
                (right[0] * times, right[1]), case, p
            ),
        }
        hint = "The loss with interpolated layers is not {got}."
        yield Case(case, _loss(right, case, p), mistakes, hint, pick="interpolated", of=REFINED)


PROBLEMS = (
    Problem(
        "1.1",
        "layer_states",
        6,
        draw_layer,
        (
            Part("two layers between equal slices", 2, equal_slices_cases),
            Part("one layer between different slices", 2, neighbours_cases),
            Part("order two for deep networks", 2, order_cases),
        ),
    ),
    Problem(
        "1.2",
        "correction",
        8,
        draw_correction,
        (
            Part("weights that do not change with depth", 4, tied_cases),
            Part("weights that change with depth", 4, varying_cases),
        ),
    ),
    Problem(
        "1.3",
        "graded_layers",
        9,
        draw_graded,
        (
            Part("increasing nodes from 0 to 1", 1, nodes_cases),
            Part("the nodes without amplification", 3, calm_cases),
            Part("the nodes with amplification", 3, amplified_cases),
            Part("the gain", 2, gain_cases),
        ),
    ),
    Problem(
        "1.4",
        "moments",
        8,
        draw_random_layer,
        (
            Part("the mean square", 2, mean_square_cases),
            Part("the relative variance of one layer", 3, one_layer_cases),
            Part("the relative variance of many layers", 3, many_layers_cases),
        ),
    ),
    Problem(
        "1.5",
        "layers_on_the_line",
        10,
        draw_line,
        (
            Part("the points arrive", 2, ends_cases),
            Part("Lipschitz residuals", 3, lipschitz_cases),
            Part("the smallest depth", 3, fewest_cases),
            Part("impossible tasks", 2, impossible_cases),
        ),
    ),
    Problem(
        "1.8",
        "train_and_refine",
        8,
        draw_refining,
        (
            Part("the losses", 4, refining_losses_cases),
            Part("the loss with repeated layers", 1, repeated_cases),
            Part("the loss with interpolated layers", 3, interpolated_cases),
        ),
    ),
)
