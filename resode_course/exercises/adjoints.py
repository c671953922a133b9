"""Checks for the exercises on adjoints."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from resode_course._feedback import Feedback, close, first_wrong, given, recognised

__all__ = ["CHECKS"]


@first_wrong
def check_scalar(costate: Callable) -> Iterator[Feedback]:
    """Check ``costate(a, last, s)`` for ``P' = -a P``, solved in many small steps."""
    for a, last, s in [(1.5, 0.7, 0.3), (-2.0, 3.0, 0.6), (0.4, -1.0, 0.0)]:
        steps = 4000
        factor = 1 + a * (1 - s) / steps + (a * (1 - s) / steps) ** 2 / 2
        exact = last * factor**steps
        got = float(costate(a, last, s))
        mistakes = {
            "The sign is wrong: going back from s = 1, costates grow if a > 0.": last**2 / exact,
            "P(1) is given, not P(0).": last * np.exp(-a * s),
            "That is how a state grows from s = 0; the costate goes back from s = 1.": last
            * np.exp(a * s),
            "That is P(0); the costate at s is asked.": last * np.exp(a),
            "The equation is linear: multiply by the costate at the end.": exact / last,
        }
        same = lambda a, b: close(a, b, 1e-5)  # noqa: E731
        yield recognised(
            got,
            exact,
            mistakes,
            f"For a = {a:g}, P(1) = {last:g} the costate at s = {s:g} is {exact:.4g}, yours is "
            f"{got:.4g}.",
            same,
        )


@first_wrong
def check_quotient(quotient: Callable) -> Iterator[Feedback]:
    """Check ``quotient(loss, weights, direction)`` on a loss with a derivative by hand."""
    rng = np.random.default_rng(0)
    # The last loss is large beside its changes: its rounding forbids very short steps.
    for scale, level in ((1.0, 0.0), (20.0, 0.0), (1.0, 1e5)):
        weights, direction = rng.standard_normal((2, 4, 3, 3))

        def loss(w: np.ndarray, scale: float = scale, level: float = level) -> float:
            return float(np.sum(np.sin(scale * w) + w**3) + level)

        gradient = scale * np.cos(scale * weights) + 3 * weights**2
        exact = np.sum(gradient * direction)
        length = np.linalg.norm(direction)
        mistakes = {
            "The two points are 2 steps apart: divide by that.": 2 * exact,
            "The two points are one step apart, not two.": exact / 2,
            "The sign is wrong: the loss ahead minus the loss behind.": -exact,
            "The direction keeps its length: do not normalise it.": exact / length,
            "That is the derivative in the direction of all ones; use the direction.": np.sum(
                gradient
            ),
            "That is the squared norm of the gradient; one direction is asked.": np.sum(
                gradient**2
            ),
            "A difference is missing: divide by the step.": 0.0,
        }
        # A sum of squares of this size is off by rounding and by the step: four digits suffice to
        # tell mistakes apart, six are asked.
        got = quotient(loss, weights, direction)
        if got is not None and np.shape(got) == () and not np.isfinite(got):
            yield "That is no number: the step must not be zero."
        if np.shape(got) == () and np.abs(got) < 1e-2 * abs(exact):
            yield "That is nearly zero: divide the difference by the step."
        yield recognised(
            got,
            exact,
            mistakes,
            f"The derivative is {exact:.8g}, yours is {np.ravel(got)[0]:.8g}; take the loss on "
            "both sides, with a step near 1e-5.",
            lambda a, b: bool(np.isclose(a, b, rtol=1e-6, atol=0)),
        )


def check_running(costates: Callable) -> Feedback:
    """Check ``costates(thetas, last, running)`` against pushing unit vectors forwards."""
    rng = np.random.default_rng(1)
    thetas, running, last = (
        rng.standard_normal((4, 3, 3)),
        rng.standard_normal((4, 3)),
        rng.standard_normal(3),
    )
    expected = _pushed(thetas, last, running)
    mistakes = {
        "The cost on the way has a factor 1/L too.": _pushed(thetas, last, 4 * running),
        "The cost on the way is missing.": _pushed(thetas, last, 0 * running),
        "Costates go back with the transpose of theta_k.": _pushed(
            thetas.transpose(0, 2, 1), last, running
        ),
        "The factor 1/L of the layer is missing.": _pushed(4 * thetas, last, running),
        "The gradient of c at h_k joins p_k, not p_{k+1}.": _one_late(thetas, last, running),
        "The cost on the way raises the loss: its sign is plus.": _pushed(thetas, last, -running),
        "The order is reversed: p_0 comes first, p_L last.": expected[::-1],
    }
    got = costates(thetas, last, running)
    if got is not None and np.shape(got) == (4, 3):
        return "Five costates belong to four layers: p_L, which is given, is one of them."
    return recognised(
        got, expected, mistakes, "Check p_{L-1} by hand: what does the loss see of h_{L-1}?"
    )


def _pushed(thetas: np.ndarray, last: np.ndarray, running: np.ndarray) -> np.ndarray:
    """Return the derivative of the loss by each state: a change is followed to the end."""
    depth, width = running.shape
    rows = []
    for j in range(depth + 1):
        delta, row = np.eye(width), np.zeros(width)  # one column per entry of h_j
        for k in range(j, depth):
            row = row + running[k] @ delta / depth
            delta = delta + thetas[k] @ delta / depth
        rows.append(row + last @ delta)
    return np.array(rows)


def _one_late(thetas: np.ndarray, last: np.ndarray, running: np.ndarray) -> np.ndarray:
    """Return the costates if the cost of ``h_k`` joins before layer ``k`` goes back."""
    costates = [last]
    for theta, cost in zip(thetas[::-1], running[::-1], strict=True):
        p = costates[0] + cost / len(thetas)
        costates.insert(0, p + theta.T @ p / len(thetas))
    return np.array(costates)


@first_wrong
def check_rate(largest_rate: Callable) -> Iterator[Feedback]:
    """Check ``largest_rate(depth, tolerance)`` by walking there and back."""
    for depth, tolerance in [(10, 0.3), (100, 0.01), (40, 0.634)]:
        exact = _rate_by_bisection(depth, tolerance)
        got = float(largest_rate(depth, tolerance))
        mistakes = {
            "The rate enters squared: take the root.": exact**2,
            "That is (rate / L)^2.": (exact / depth) ** 2,
            "That is rate / L; multiply by the depth.": exact / depth,
            "That is the limit for many layers; here L is given.": np.sqrt(
                -depth * np.log1p(-tolerance)
            ),
            "That holds to first order in the tolerance only.": np.sqrt(depth * tolerance),
            "L factors belong to L layers: take the L-th root of 1 - tolerance.": depth
            * np.sqrt(tolerance),
            "The relative error is 1 minus the power.": depth
            * np.sqrt(1 - tolerance ** (1 / depth)),
        }
        yield recognised(
            got,
            exact,
            mistakes,
            f"With L = {depth} the rate {exact:.4g} has the error {tolerance:g}; yours is "
            f"{got:.4g}.",
        )


def _rate_by_bisection(depth: int, tolerance: float) -> float:
    low, high = 0.0, float(depth)
    for _ in range(100):
        rate = (low + high) / 2
        h = 1.0
        for _ in range(depth):
            h -= rate * h / depth
        for _ in range(depth):
            h += rate * h / depth
        low, high = (rate, high) if 1 - h < tolerance else (low, rate)
    return low


def check_heun(heun_back: Callable) -> Feedback:
    """Check ``heun_back(A, B, p, depth)`` against the transpose of Heun's step as a matrix."""
    rng = np.random.default_rng(2)
    (A, B), p, depth = rng.standard_normal((2, 3, 3)), rng.standard_normal(3), 5
    eye = np.eye(3)

    def step(A: np.ndarray, B: np.ndarray, factor: float = 1 / depth) -> np.ndarray:
        return np.stack([e + factor / 2 * (A @ e + B @ (e + factor * A @ e)) for e in eye], axis=1)

    matrix = step(A, B)
    mistakes = {
        "That is the step itself; its transpose is asked.": matrix @ p,
        "The product is the wrong way round: A acts first, and (B A)^T = A^T B^T.": step(B, A).T
        @ p,
        "B sees h + A h / L, not h: a product is missing.": p + (A + B).T @ p / (2 * depth),
        "That is Euler's step with the left slice.": p + A.T @ p / depth,
        "The factor 1/L is missing.": step(A, B, 1.0).T @ p,
        "The inverse is not the transpose.": np.linalg.solve(matrix, p),
        "Costates go back with a plus: h' = f and P' = -f^T P, read backwards.": step(
            A, B, -1 / depth
        ).T
        @ p,
    }
    return recognised(
        heun_back(A, B, p, depth),
        matrix.T @ p,
        mistakes,
        "Write the step as a matrix, multiply out, and transpose each term.",
    )


@first_wrong
def check_horizon(horizon_derivative: Callable) -> Iterator[Feedback]:
    """Check ``horizon_derivative(theta, h, y, T, depth)`` against a complex step."""
    rng = np.random.default_rng(3)
    for T, depth in [(1.0, 6), (2.5, 9)]:
        theta, (h, y) = rng.standard_normal((3, 3)), rng.standard_normal((2, 3))

        def last(T: Any, theta: Any = theta, h: Any = h, depth: int = depth) -> Any:
            for _ in range(depth):
                h = h + T / depth * np.tanh(theta @ h)
            return h

        exact = np.sum((last(T + 1e-30j) - y) ** 2).imag / 2e-30
        sums = {
            name: _along(theta, h, y, T, depth, **changes)
            for name, changes in {
                "Pair the residual of layer k with p_{k+1}.": {"late": 0},
                "Costates take steps of length T / L too.": {"step": 1 / depth},
                "Costates go back with the transpose.": {"transposed": False},
            }.items()
        }
        mistakes = {
            "Every layer has a share of 1/L.": depth * exact,
            "The derivative by T is asked: T / L is linear in T.": T * exact,
            "The sign is wrong: p_L = h_L - y.": -exact,
            "The loss has a factor 1/2, so p_L has no factor 2.": 2 * exact,
            "That is the limit for many layers: one product at the end.": (last(T) - y)
            @ np.tanh(theta @ last(T)),
            **sums,
        }
        if T == 1:  # where a factor T cannot be seen
            mistakes = {s: v for s, v in mistakes.items() if not close(v, exact)}
        yield recognised(
            horizon_derivative(theta, h, y, T, depth),
            exact,
            mistakes,
            "Sum <p_{k+1}, f(h_k)> / L over the layers, with p as in the network with T.",
        )


def _along(
    theta: np.ndarray,
    h: np.ndarray,
    y: np.ndarray,
    T: float,
    depth: int,
    *,
    late: int = 1,
    step: float | None = None,
    transposed: bool = True,
) -> float:
    """Return the sum of the products, with one part of it wrong."""
    states = [h]
    for _ in range(depth):
        states.append(states[-1] + T / depth * np.tanh(theta @ states[-1]))
    costates = [states[-1] - y]
    for h in states[-2::-1]:
        J = (1 - np.tanh(theta @ h) ** 2)[:, None] * theta
        J = J.T if transposed else J
        costates.insert(0, costates[0] + (T / depth if step is None else step) * J @ costates[0])
    products = [costates[k + late] @ np.tanh(theta @ states[k]) for k in range(depth)]
    return float(np.sum(products) / depth)


def check_home(A: Any) -> Feedback:
    """Check a matrix through which explicit steps come home: its square is zero."""
    A = np.asarray(given(A), float)
    if A.shape != (2, 2):
        return f"Expected an array of shape (2, 2), got {A.shape}."
    if not np.isfinite(A).all() or np.abs(A).max() < 1:
        return "Give a matrix of numbers with an entry of size 1 at least: this one hardly moves."
    eye = np.eye(2)
    power = np.linalg.matrix_power
    for L in (4, 32):
        missed = np.linalg.norm(power(eye - A / L, L) @ power(eye + A / L, L) - eye, 2)
        if not missed < 1e-9:
            return (
                f"With {L} layers some start is missed by {missed:.2g} times its size; to leading "
                f"order by A A / L, and the norm of A A is {np.linalg.norm(A @ A, 2):.3g}."
            )
    return None


def check_uphill(a: Any) -> Feedback:
    """Check a rate for which the discretized adjoint of four layers has the wrong sign."""
    a = given(a)
    if np.shape(a) != () or not np.isfinite(a):
        return "Give one number."
    states = [1.0]
    for _ in range(4):
        states.append(states[-1] + float(a) / 4 * states[-1])
    p = q = states[-1]
    ratios = []
    for k in reversed(range(4)):
        q = q + float(a) / 4 * q
        if states[k] * p == 0:
            return "The true gradient vanishes: a layer maps every state to zero."
        ratios.append(q / p)
        p = p + float(a) / 4 * p
    ratio = ratios[0]
    if ratio < 0:
        return None
    return (
        f"In the last layer the second gradient is {ratio:.3g} times the first: it points the same "
        "way. It is 1 + a/4 times the first; make that negative."
    )


CHECKS: dict[str, Callable[[Any], Feedback]] = {
    "ex-adjoint-home": check_home,
    "ex-adjoint-uphill": check_uphill,
    "ex-adjoint-scalar": check_scalar,
    "ex-adjoint-quotient": check_quotient,
    "ex-adjoint-running": check_running,
    "ex-adjoint-rate": check_rate,
    "ex-adjoint-heun": check_heun,
    "ex-adjoint-horizon": check_horizon,
}
