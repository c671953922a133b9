"""Problem set 2: gradient flow and implicit regularization."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from resode_course.coursework.cases import Case
from resode_course.coursework.marks import Property
from resode_course.coursework.properties import Combination, End
from resode_grader.sets._draws import ACTIVATIONS, two_digits
from resode_grader.sets._networks import Weights, finite, fitted, momentum, roughness, trained
from resode_grader.sets._problem import Part, Problem

__all__ = ["PROBLEMS"]

Parameters = dict[str, Any]
Rng = np.random.Generator


# 2.1: the backward pass of a leaky block under a robust loss

BACKWARD = ("loss", "G_V", "G_W")


def draw_backward(rng: Rng) -> Parameters:
    """An activation, a leak and the scale of the loss."""
    return {
        "activation": str(rng.choice(sorted(ACTIVATIONS))),
        "leak": two_digits(rng, 0.3, 0.9),
        "delta": two_digits(rng, 0.6, 1.8),
    }


def _outputs(V: Any, W: Any, x: Any, p: Parameters) -> Any:
    """The last states of the network; complex weights are welcome."""
    L, d, m = V.shape
    h = x
    for k in range(L):
        inner = ACTIVATIONS[p["activation"]](h @ W[k].T / np.sqrt(d))
        h = h + (inner @ V[k].T / np.sqrt(m) - p["leak"] * h) / L
    return h


def _robust(V: Any, W: Any, x: Any, y: Any, p: Parameters) -> Any:
    """The loss of the class."""
    squares = ((_outputs(V, W, x, p) - y) ** 2).sum(axis=1)
    return (p["delta"] ** 2 * (np.sqrt(1 + squares / p["delta"] ** 2) - 1)).mean()


def _squared(V: Any, W: Any, x: Any, y: Any, p: Parameters) -> Any:
    """Half the squared error, which the loss of the class is for small errors."""
    return 0.5 * ((_outputs(V, W, x, p) - y) ** 2).sum(axis=1).mean()


def _derivatives(loss: Any, weights: list[np.ndarray], which: int, *rest: Any) -> np.ndarray:
    """The plain gradient in one array of weights, entry by entry.

    The derivative is the imaginary part after an imaginary step. Nothing is subtracted, so it is
    exact up to rounding; and there is no backward pass here to read.
    """
    step = 1e-30
    gradient = np.empty(weights[which].shape)
    for index in np.ndindex(*gradient.shape):
        moved = [w.astype(complex) for w in weights]
        moved[which][index] += 1j * step
        gradient[index] = loss(*moved, *rest).imag / step
    return gradient


def _network(rng: Rng, L: int, outer: float = 1.0) -> tuple[np.ndarray, ...]:
    """Weights and data of a small network."""
    d, m, n = 2, 3, 4
    V, W = outer * rng.normal(size=(L, d, m)), 1.5 * rng.normal(size=(L, m, d))
    return V, W, rng.normal(size=(n, d)), 2 * rng.normal(size=(n, d))


def loss_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The forward pass and the loss."""
    for L in (1, 3):
        V, W, x, y = case = _network(rng, L)
        right = _robust(V, W, x, y, p)
        squares = ((_outputs(V, W, x, p) - y) ** 2).sum(axis=1)
        mistakes = {
            "That is the sum over samples; the loss is their mean.": len(x) * right,
            "That is half the squared error; your class's loss grows more slowly.": squares.mean()
            / 2,
            "That is the squared error; your class has another loss.": squares.mean(),
            "The leak is missing in the block.": _robust(V, W, x, y, {**p, "leak": 0.0}),
            "The 1 under the root is to be subtracted after it.": right + p["delta"] ** 2,
            "The factor delta^2 in front is missing.": right / p["delta"] ** 2,
        }
        hint = f"With {L} layer(s) the forward pass or the loss differs; test V = 0 by hand."
        yield Case(case, right, mistakes, hint, pick="loss", of=BACKWARD)


def _gradient_cases(p: Parameters, rng: Rng, which: int) -> Iterator[Property]:
    """One of the two gradients, on three networks; each shows other mistakes."""
    stages = (
        (
            1,
            1.0,
            "One layer is wrong already: its pair is h_0 with p_1, the derivative of the loss.",
        ),
        (
            3,
            0.0,
            "One layer is right, three are not if V = 0: there the leak alone moves costates.",
        ),
        (4, 1.0, "One layer is right, four are not: follow the costates back through the block."),
    )
    for L, outer, hint in stages:
        V, W, x, y = case = _network(rng, L, outer)
        plain = _derivatives(_robust, [V, W], which, x, y, p)
        squared = _derivatives(_squared, [V, W], which, x, y, p)
        tight = _derivatives(_robust, [V, W], which, x, y, {**p, "leak": 0.0})
        mistakes = {
            "The factor L is missing: the gradient of depth is asked.": plain,
            "The factor L comes twice.": L**2 * plain,
            "The mean over samples is missing.": len(x) * L * plain,
            "The sign is wrong: the gradient is asked, not the step of descent.": -L * plain,
            "The layers are in reverse order.": L * plain[::-1],
            "That belongs to half the squared error; your class's loss is flatter.": L * squared,
            "That belongs to the squared error; your class has another loss.": 2 * L * squared,
            "That belongs to a block without leak.": L * tight,
        }
        yield Case(case, L * plain, mistakes, hint, pick=BACKWARD[1 + which], of=BACKWARD)


def outer_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The gradient in V."""
    return _gradient_cases(p, rng, 0)


def inner_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The gradient in W."""
    return _gradient_cases(p, rng, 1)


# 2.2: where the flow of a network of width one ends

_end = partial(Case, of=("end", "rate", "flattest"), tolerance=1e-5)


def draw_end(rng: Rng) -> Parameters:
    """The slope of the block and the target, below or above one."""
    target = two_digits(rng, 1.5, 2.6) if rng.random() < 0.5 else two_digits(rng, 0.4, 0.7)
    return {"slope": two_digits(rng, 0.6, 1.7), "target": target}


def _factors(theta: np.ndarray, slope: float) -> np.ndarray:
    """The factors by which the layers multiply."""
    return 1 + slope * theta / len(theta)


def _starts(rng: Rng, slope: float) -> list[np.ndarray]:
    """Starts whose factors are positive: one layer, few uneven ones, equal ones, many."""
    few, equal, many = rng.integers(3, 9), rng.integers(3, 9), rng.integers(40, 61)
    one, few = rng.uniform(0.6, 1.5, size=1), rng.uniform(0.5, 1.6, size=few)
    equal = np.full(equal, rng.uniform(0.8, 1.3))
    many = 1 + rng.uniform(-2, 2, size=many) / many
    return [len(u) * (u - 1) / slope for u in (few, one, equal, many)]


def _shift(factors: np.ndarray, target: float) -> float:
    """The number that brings the product of ``sqrt(factors^2 + number)`` to the target."""
    squares = factors**2
    low, high = -squares.min(), target ** (2 / len(squares))
    for _ in range(100):
        middle = (low + high) / 2
        with np.errstate(divide="ignore"):
            below = 0.5 * np.log(np.maximum(squares + middle, 0)).sum() < np.log(target)
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2


def end_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The end meets the target, and differs from the start by what the flow allows."""
    a, C = p["slope"], p["target"]
    for start in _starts(rng, a):
        L, before = len(start), _factors(start, a)

        def weights(factors: np.ndarray, L: int = L) -> np.ndarray:
            return L * (factors - 1) / a

        even = C ** (1 / L)
        mistakes = {
            "All weights moved by the same amount; look again at their velocities.": weights(
                before + _offset(before, C)
            ),
            "All factors grew in the same proportion; look again at their velocities.": weights(
                before * even / np.prod(before) ** (1 / L)
            ),
            "All layers are equal at your end; from an uneven start the flow does not go there.": (
                weights(np.full(L, even))
            ),
        }
        yield End(start, weights(np.sqrt(before**2 + _shift(before, C))), a, C, mistakes)


def _offset(factors: np.ndarray, target: float) -> float:
    """The number that brings the product of ``factors + number`` to the target."""
    low, high = -factors.min(), target ** (1 / len(factors))
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if np.prod(factors + middle) < target else (low, middle)
    return (low + high) / 2


def rate_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The largest rate at the end of the flow."""
    a, C = p["slope"], p["target"]
    for start in _starts(rng, a):
        L, before = len(start), _factors(start, a)
        after = np.sqrt(before**2 + _shift(before, C))
        curvature = 2 * (a * C) ** 2 * np.mean(after**-2.0)
        mistakes = {
            "That is 1/beta: the loss falls most there, but twice as long steps do.": 1 / curvature,
            "That is the limit for the plain gradient; ours has a factor L.": 2 * L / curvature,
            "The factor 2 of the second derivative of a square is missing.": 4 / curvature,
            "That is the limit at the start; the end of the flow is asked.": L
            / (a * np.prod(before)) ** 2
            / np.sum(before**-2.0),
            "That is beta itself.": curvature,
            "The slope a enters the curvature too.": 2 * a**2 / curvature,
            "That is the limit at the flattest minimum; the flow need not end there.": (
                C ** (2 / L) / (a * C) ** 2
            ),
        }
        hint = f"With {L} layers the limit is another one; take the second derivative along v."
        yield _end((start,), 2 / curvature, mistakes, hint, pick="rate")


def flattest_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The largest rate that any minimum of this depth tolerates."""
    a, C = p["slope"], p["target"]
    for start in _starts(rng, a):
        L = len(start)
        right = 1 / (a**2 * C ** (2 - 2 / L))
        mistakes = {
            "That is its limit for infinitely many layers; yours are finitely many.": (a * C) ** -2,
            "That is 1/beta.": right / 2,
            "The slope a enters too.": right * a**2,
            "The exponent of the target is not that of its L-th root: square it.": 1
            / (a**2 * C ** (1 - 1 / L)),
        }
        hint = f"With {L} layers it is another rate; compare two means of the factors."
        yield _end((start,), right, mistakes, hint, pick="flattest")


# 2.3: extrapolation in training time


def draw_extrapolation(rng: Rng) -> Parameters:
    """A loss, and how many times as many steps the three runs take."""
    choices = ((1, 2, 3), (1, 2, 5), (1, 3, 4), (2, 3, 5), (1, 3, 5), (1, 4, 6))
    return {
        "slope": two_digits(rng, 0.6, 1.4),
        "target": two_digits(rng, 1.5, 2.4),
        "multipliers": list(choices[rng.integers(len(choices))]),
    }


def _descent(start: np.ndarray, time: float, steps: int, p: Parameters) -> np.ndarray:
    """Gradient descent in the norm of depth."""
    theta = start
    for _ in range(steps):
        u = _factors(theta, p["slope"])
        h = u.prod()
        theta = theta - time / steps * 2 * (h - p["target"]) * h * p["slope"] / u
    return theta


def _run_cases(rng: Rng) -> list[tuple[np.ndarray, float, int]]:
    """Starts of two depths, times and numbers of steps."""
    # Few and rather long steps: the three runs must differ if their weights are to be seen.
    return [(rng.uniform(-0.6, 0.6, size=L), two_digits(rng, 0.2, 0.3), 5) for L in (6, 3)]


def runs_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The three runs themselves."""
    q = p["multipliers"]
    for start, time, steps in _run_cases(rng):

        def runs(
            duration: float,
            counts: list[int],
            start: np.ndarray = start,
        ) -> np.ndarray:
            return np.array([_descent(start, duration, n, p) for n in counts])

        mistakes = {
            "The factor L is missing in the gradient.": runs(
                time / len(start), [steps * j for j in q]
            ),
            "The runs take steps of the same length and end at different times.": np.array(
                [_descent(start, time * j, steps * j, p) for j in q]
            ),
            "The numbers of steps double here; your class has other multipliers.": runs(
                time, [steps, 2 * steps, 4 * steps]
            ),
            "The factor 2 of the squared error is missing.": runs(time / 2, [steps * j for j in q]),
        }
        yield Case(
            (start, time, steps),
            runs(time, [steps * j for j in q]),
            mistakes,
            "A run differs from gradient descent on this loss, in the norm of depth.",
            pick="runs",
            of=("runs", "combination"),
        )


def _combination(p: Parameters, rng: Rng, order: int) -> Combination:
    """What three numbers must satisfy so that they follow the flow to this order."""
    q = np.array(p["multipliers"], dtype=float)
    conditions = [
        (q**0, 1.0, "Your weights sum to {got}; then even a flow at rest is not met."),
        (q**-1, 0.0, "The error of first order is still there with your weights."),
        (q**-2, 0.0, "The error of second order is still there; three runs can remove it too."),
    ]
    doubled = (np.array([1, 1 / 2, 1 / 4]), "They suit numbers of steps that double.")
    return Combination(_run_cases(rng), conditions[:order], [doubled])


def second_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The combination follows the flow to second order at least."""
    yield _combination(p, rng, 2)


def third_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The combination follows the flow to third order."""
    yield _combination(p, rng, 3)


# 2.4: how rough a linear network becomes

ROUGHNESS = ("measured", "predicted")


def draw_roughness(rng: Rng) -> Parameters:
    """The covariance of the inputs, and the weight of the loss."""
    return {
        "covariance": [
            two_digits(rng, 0.4, 0.8),
            two_digits(rng, 1.3, 1.8),
            two_digits(rng, 0.9, 1.2),
        ],
        "weight": two_digits(rng, 0.4, 0.8),
    }


def _velocity(theta: np.ndarray, B: np.ndarray, p: Parameters) -> np.ndarray:
    """Minus the gradient of depth, for all layers."""
    L, d, _ = theta.shape
    layers = np.eye(d) + theta / L
    before, after = [np.eye(d)], [np.eye(d)]
    for k in range(L - 1):
        before.append(layers[k] @ before[-1])
        after.append(after[-1] @ layers[L - 1 - k])
    product = layers[-1] @ before[-1]
    error = (product - B) @ np.diag(p["covariance"])
    behind = np.array(after[::-1]).transpose(0, 2, 1)
    return -2 * p["weight"] * behind @ error @ np.array(before).transpose(0, 2, 1)


def _trained(B: np.ndarray, depth: int, time: float, p: Parameters) -> np.ndarray:
    """The weights at a time, from zero, by the classical Runge-Kutta method."""
    steps = 24
    theta, dt = np.zeros((depth, *B.shape)), time / steps
    for _ in range(steps):
        a = _velocity(theta, B, p)
        b = _velocity(theta + dt / 2 * a, B, p)
        c = _velocity(theta + dt / 2 * b, B, p)
        theta = theta + dt / 6 * (a + 2 * b + 2 * c + _velocity(theta + dt * c, B, p))
    return theta


def _rough_cases(
    rng: Rng, p: Parameters, depths: tuple[int, ...], times: tuple[float, ...]
) -> list[tuple[np.ndarray, int, float]]:
    """Targets near the identity; the last has a symmetric ``(B - I) Sigma``."""
    D = 0.5 * rng.normal(size=(3, 3, 3))
    D[2] = (D[2] + D[2].T) / 2 / np.array(p["covariance"])
    return [(np.eye(3) + D[j], depths[j], times[j]) for j in range(3)]


def _increments(B: np.ndarray, depth: int, time: float, p: Parameters, **other: Any) -> np.ndarray:
    """``L`` times the increments, perhaps with other numbers than the class's."""
    return depth * np.diff(_trained(B, depth, time, {**p, **other}), axis=0)


def _mistaken_increments(
    B: np.ndarray, depth: int, time: float, p: Parameters
) -> dict[str, np.ndarray]:
    """What typical mistakes give, by the sentence that explains them."""
    case, right = (B, depth, time, p), _increments(B, depth, time, p)
    return {
        "The factor L is missing in the flow: that is where it is at time t / L.": _increments(
            B, depth, time / depth, p
        ),
        "The increments are to be multiplied by L.": right / depth,
        "The sign is that of theta_k - theta_{k+1}.": -right,
        "The layers are in reverse order: layer 0 acts first.": -right[::-1],
        "The weight of your class's loss is missing.": _increments(*case, weight=1.0),
        "The covariance is missing in the gradient.": _increments(*case, covariance=[1.0] * 3),
        "The factor 2 of the squared error is missing.": _increments(B, depth, time / 2, p),
    }


def measured_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """L times the increments of the trained network."""
    for case in _rough_cases(rng, p, (5, 9, 4), (1.0, 1.0, 0.3)):
        _, depth, time = case
        hint = f"With {depth} layers at t = {time} it is off by more than one per cent; use more "
        yield Case(
            case,
            _increments(*case, p),
            partial(_mistaken_increments, *case, p),
            f"{hint}steps, or look at the partial products.",
            pick="measured",
            of=ROUGHNESS,
            tolerance=0.01,
        )


def predicted_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The leading term for deep networks and short times."""
    for case in _rough_cases(rng, p, (3, 2, 4), (0.2, 0.1, 0.15)):
        B, depth, time = case
        D = B - np.eye(3)
        M = p["weight"] * D @ np.diag(p["covariance"])
        commutator = M @ M.T - M.T @ M
        right = 2 * time**2 * commutator
        bare = 2 * time**2 * p["weight"] ** 2 * (D @ D.T - D.T @ D)
        N = M + p["weight"] * np.diag(p["covariance"])  # with B in the place of B - I
        mistakes = {
            "The sign is wrong.": -right,
            "Integrate in time once more: weights grow like t before they differ.": 4
            * time
            * commutator,
            "The integral of t is t^2 / 2.": 2 * right,
            "A factor 2 is missing, of the two squared errors in a product.": right / 2,
            "The covariance is missing.": bare,
            "The error at the start is I - B, not B.": 2 * time**2 * (N @ N.T - N.T @ N),
            "The weight of the loss comes twice, in theta and in the gradient.": right
            / p["weight"],
            "The factor 1/L is already cancelled by the L in front.": right / depth,
        }
        hint = "Insert theta = 2 c t (B - I) Sigma into the velocity of an increment."
        size = 2 * time**2 * float(np.abs(M @ M.T).max())  # the last commutator is zero
        yield Case(case, right, mistakes, hint, pick="predicted", of=ROUGHNESS, size=size)


# 2.5: how long training takes at a depth


def draw_time(rng: Rng) -> Parameters:
    """The target, and the power of the depth that multiplies the gradient."""
    target = two_digits(rng, 1.5, 2.8) if rng.random() < 0.5 else two_digits(rng, 0.35, 0.7)
    return {"target": target, "exponent": float(rng.choice([0.0, 0.25, 0.5, 0.75, 1.5]))}


def _time(L: int | float, fraction: float, C: float, power: float = 2.0) -> float:
    """The time with the factor L, by Gauss's rule in the logarithm of the loss."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    end = -np.log(fraction) / 2
    h = C - (C - 1) * np.exp(-end * (nodes + 1) / 2)
    return float(end / 2 * weights @ (0.5 / h ** (power - 2 / L)))


CASES = ((4, 0.01), (1, 0.5), (64, 1e-4), (1000, 0.9))
_training = partial(Case, of=("time", "scaled"), tolerance=1e-5)


def time_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The time at a finite depth."""
    C, beta = p["target"], p["exponent"]
    for L, largest in CASES:
        fraction = largest * rng.uniform(0.5, 1.0)
        slow = L ** (1 - beta)
        right = slow * _time(L, fraction, C)
        mistakes = {
            "That is the time with the factor L; your class has another power.": right / slow,
            "The power of L is upside down.": right / slow**2,
            "That is the time without any factor.": right / slow * L,
            "A factor L too much: the plain gradient of a layer is small like 1/L.": right / L,
            "The loss is a square: its root falls to the root of the fraction.": slow
            * _time(L, fraction**2, C),
            "The factor 2 of the squared error is missing.": 2 * right,
            "That is the time of infinitely many layers.": slow * _time(np.inf, fraction, C),
            "The velocity of the output has the factor h of the product twice.": slow
            * _time(L, fraction, C, power=1.0),
        }
        hint = f"With {L} layers, down to {fraction:.3g} of the loss, the time is another one."
        yield _training((L, fraction), right, mistakes, hint, pick="time")


def scaled_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The limit of the scaled time."""
    C = p["target"]
    for L, largest in CASES:
        fraction = largest * rng.uniform(0.5, 1.0)
        right = _time(np.inf, fraction, C)
        mistakes = {
            "That is the scaled time at your depth; its limit is asked.": _time(L, fraction, C),
            "The factor 2 of the squared error is missing.": 2 * right,
            "The loss is a square: its root falls to the root of the fraction.": _time(
                np.inf, fraction**2, C
            ),
            "That is the flow of a single layer.": _time(1, fraction, C),
            "Near the target that is right, but the output has to get there.": -np.log(fraction)
            / (4 * C**2),
        }
        hint = f"Down to {fraction:.3g} of the loss the limit is another one; solve the ODE for h."
        yield _training((L, fraction), right, mistakes, hint, pick="scaled")


# 2.8: two starts that train alike

STARTS = ("losses", "frozen", "lipschitz")


def draw_starts(rng: Rng) -> Parameters:
    """An activation, and how the network is trained."""
    return {
        "activation": str(rng.choice(sorted(ACTIVATIONS))),
        "rate": two_digits(rng, 0.1, 0.2),
        "momentum": two_digits(rng, 0.6, 0.8),
    }


def _start_cases(rng: Rng) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, int]]:
    """Inner weights, data and a number of steps: a tied start and an independent one."""
    # One shape, so that an answer is compiled once.
    L, d, m, n = 6, 2, 4, 5
    tied = np.tile(rng.normal(size=(m, d)), (L, 1, 1))
    inner = (tied, rng.normal(size=(L, m, d)))
    data = rng.normal(size=(2, 2, n, d))
    return [(W.round(2), x.round(2), y.round(2), 20) for W, (x, y) in zip(inner, data, strict=True)]


def _run(
    case: tuple[np.ndarray, np.ndarray, np.ndarray, int],
    p: Parameters,
    factor: float | None = None,
    parts: tuple[float, float] = (1.0, 1.0),
) -> tuple[np.ndarray, Weights]:
    """Losses and weights of a training; ``parts`` of the gradients, one for each array."""
    W, x, y, steps = case
    rule = momentum(p["rate"], p["momentum"], len(W) if factor is None else factor)

    def gradient(weights: Weights) -> tuple[float, Weights]:
        loss, plain = fitted(weights, x, y, p["activation"])
        return loss, (parts[0] * plain[0], parts[1] * plain[1])

    return trained(gradient, (np.zeros(W.transpose(0, 2, 1).shape), W), steps, rule)


def _mistaken_losses(
    case: tuple[np.ndarray, np.ndarray, np.ndarray, int], p: Parameters
) -> dict[str, np.ndarray]:
    """What typical mistakes give, by the sentence that explains them."""
    L, n, d = len(case[0]), *case[1].shape
    right = _run(case, p)[0]
    found = {
        "The factor L is missing: that is the training without it.": _run(case, p, 1.0)[0],
        "The factor L comes twice.": _run(case, p, L**2)[0],
        "The momentum is missing.": _run(case, {**p, "momentum": 0.0})[0],
        "The inner weights W do not move; all weights are trained.": _run(case, p, None, (1, 0))[0],
        "The loss is a sum over coordinates and a mean over samples; you take the mean of both.": (
            _run(case, p, L / d)[0] / d
        ),
        "The loss is a mean over samples; you take the sum.": _run(case, p, L * n)[0] * n,
        "That is half the loss.": _run(case, p, L / 2)[0] / 2,
        "These are the losses of steps with half the gradient.": _run(case, p, L / 2)[0],
        "The losses are the other way round: the first is that of the start.": right[::-1],
    }
    return finite(found)


def starts_losses_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The losses of the training in the metric of depth."""
    for case, name in zip(_start_cases(rng), ("a tied", "an independent"), strict=True):
        yield Case(
            case,
            _run(case, p)[0],
            partial(_mistaken_losses, case, p),
            f"From {name} start the losses are others; is the first one right, with V = 0?",
            pick="losses",
            of=STARTS,
        )


def frozen_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The last loss of the training with the plain gradient."""
    case = _start_cases(rng)[1]
    losses = _run(case, p, 1.0)[0]
    mistakes = {
        "That is the loss at the start.": losses[0],
        "That is the loss with the factor L; here the gradient stays plain.": _run(case, p)[0][-1],
        "That is the loss before the last step.": losses[-2],
        "The gradient is to stay plain; yours is divided by L once more.": _run(
            case, p, 1 / len(case[0])
        )[0][-1],
        "The momentum is missing.": _run(case, {**p, "momentum": 0.0}, 1.0)[0][-1],
        "It goes on from the end of the first training; both begin at the start.": _run_on(case, p),
    }
    hint = "With the plain gradient the last loss is another one."
    yield Case(case, losses[-1], mistakes, hint, pick="frozen", of=STARTS)


def _run_on(case: tuple[np.ndarray, np.ndarray, np.ndarray, int], p: Parameters) -> float:
    """The last loss of a plain training that starts where the other one ended."""
    _, x, y, steps = case
    rule = momentum(p["rate"], p["momentum"])
    end = _run(case, p)[1]
    return trained(lambda w: fitted(w, x, y, p["activation"]), end, steps, rule)[0][-1]


def lipschitz_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The Lipschitz number in depth, before and after."""
    for case, name in zip(_start_cases(rng), ("a tied", "an independent"), strict=True):
        W, L = case[0], len(case[0])
        first, last = (np.zeros(W.transpose(0, 2, 1).shape), W), _run(case, p)[1]
        right = np.array([roughness(first), roughness(last)])

        def measured(size: Any, ends: tuple[Weights, Weights] = (first, last)) -> np.ndarray:
            return np.array([size([np.diff(w, axis=0) for w in end]) for end in ends])

        mistakes = {
            "The factor L of the Lipschitz number is missing.": right / L,
            "Both norms are to be joined under one root, for each layer.": L
            * measured(lambda moves: sum(np.sqrt((w**2).sum(axis=(1, 2))).max() for w in moves)),
            "That is the largest entry; the norm of a layer is asked.": L
            * measured(lambda moves: max(np.abs(w).max() for w in moves)),
            "The outer weights V are missing.": L
            * measured(lambda moves: np.sqrt((moves[1] ** 2).sum(axis=(1, 2))).max()),
            "The inner weights W are missing.": L
            * measured(lambda moves: np.sqrt((moves[0] ** 2).sum(axis=(1, 2))).max()),
            "That is the sum over layers; the largest increment is asked.": L
            * measured(lambda moves: np.sqrt(sum((w**2).sum(axis=(1, 2)) for w in moves)).sum()),
            "The end is first; the start is to be.": right[::-1],
        }
        hint = f"From {name} start the Lipschitz numbers before and after training are others."
        yield Case(case, right, mistakes, hint, pick="lipschitz", of=STARTS)


PROBLEMS = (
    Problem(
        "2.1",
        "backward",
        8,
        draw_backward,
        (
            Part("the loss", 1, loss_cases),
            Part("the gradient in V", 3, outer_cases),
            Part("the gradient in W", 4, inner_cases),
        ),
    ),
    Problem(
        "2.2",
        "end_of_flow",
        9,
        draw_end,
        (
            Part("where the flow ends", 4, end_cases),
            Part("the rate it tolerates there", 3, rate_cases),
            Part("the flattest minimum", 2, flattest_cases),
        ),
    ),
    Problem(
        "2.3",
        "extrapolated",
        8,
        draw_extrapolation,
        (
            Part("the three runs", 3, runs_cases),
            Part("second order", 2, second_cases),
            Part("third order", 3, third_cases),
        ),
    ),
    Problem(
        "2.4",
        "roughness",
        9,
        draw_roughness,
        (
            Part("the increments after training", 5, measured_cases),
            Part("the leading term", 4, predicted_cases),
        ),
    ),
    Problem(
        "2.5",
        "training_time",
        8,
        draw_time,
        (
            Part("the time at a depth", 5, time_cases),
            Part("the limit of the scaled time", 3, scaled_cases),
        ),
    ),
    Problem(
        "2.8",
        "train",
        8,
        draw_starts,
        (
            Part("the losses", 4, starts_losses_cases),
            Part("the loss without the factor", 1, frozen_cases),
            Part("the Lipschitz number in depth", 3, lipschitz_cases),
        ),
    ),
)
