"""Checks for the exercises on linear residual networks."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from resode_course._feedback import Feedback, close, first_wrong, given, recognised

__all__ = ["CHECKS"]


def check_alike(target: Any) -> Feedback:
    """Check a normal target that is neither symmetric nor a multiple of an orthogonal matrix."""
    B = np.asarray(given(target), float)
    if B.shape != (3, 3):
        return f"A 3 x 3 array is asked, yours has the shape {B.shape}."
    if not np.abs(B).max() <= 2:  # nor a number that is none
        return "An entry is larger than 2: a short training would not follow it."
    if np.abs(B - B.T).max() < 0.1:
        return "That is symmetric, or nearly so."
    if np.abs(B @ B.T - np.trace(B @ B.T) / 3 * np.eye(3)).max() < 0.1:
        return "That is a multiple of an orthogonal matrix, or nearly so."
    theta = _trained(np.zeros((6, 3, 3)), np.eye(3), np.eye(3), B, rate=0.01, steps=200)[0]
    apart = np.abs(np.diff(theta, axis=0)).max()
    if apart > 1e-9:
        return f"At t = 2 two neighbours of 6 layers differ by {apart:.2g}."
    return None


def check_readout(readout: Any) -> Feedback:
    """Check ``C``, of shape (2, 4), with which a reflection is learned from zero weights."""
    C = np.asarray(given(readout), float)
    if C.shape != (2, 4):
        return f"A 2 x 4 array is asked, yours has the shape {C.shape}."
    if not np.abs(C).max() <= 1:  # nor a number that is none
        return "An entry is larger than 1."
    B = np.diag([-1.0, 1.0])
    loss = _trained(np.zeros((16, 4, 4)), C, np.eye(4, 2), B, rate=0.05, steps=1000)[1]
    if loss < 0.01:
        return None
    if np.abs(C[:, 2:]).max() == 0:
        return (
            f"At t = 50 the loss is {loss:.3g}. C reads the coordinates of the input only: "
            "nothing breaks the symmetry that keeps the others at zero."
        )
    return f"At t = 50 the loss is {loss:.3g}, and it shall be below 0.01."


def _trained(
    theta: np.ndarray, C: np.ndarray, A: np.ndarray, B: np.ndarray, *, rate: float, steps: int
) -> tuple[np.ndarray, float]:
    """Descend on ``|C Pi A - B|^2``; return the weights and the last loss."""
    depth, width = theta.shape[:2]
    for _ in range(steps):
        M = np.eye(width) + theta / depth
        before, behind = [A], [C]
        for k in range(depth - 1):
            before.append(M[k] @ before[-1])
            behind.append(behind[-1] @ M[-1 - k])
        E = C @ M[-1] @ before[-1] - B
        pairs = zip(behind[::-1], before, strict=True)
        theta = theta - 2 * rate * np.array([P.T @ E @ Q.T for P, Q in pairs])
    return theta, float(np.sum(E**2))


@first_wrong
def check_radius(allowed: Callable) -> Iterator[Feedback]:
    """Check ``allowed(start)``: the largest ``(R - R_0) exp(-3 R)`` over ``R_0 <= R <= 1``."""
    radii = np.linspace(0, 1, 100_001)
    for start in (0.0, 0.25, 0.5, 0.8):
        best = np.max((radii - start) * np.exp(-3 * radii))
        mistakes = {
            "That is the bound at R = 1; a smaller R allows more.": (1 - start) * np.exp(-3),
            "R = 1/3 is best from zero only: the best R depends on the start.": (1 / 3 - start)
            / np.e,
            "R may not exceed 1.": np.exp(-3 * start - 1) / 3,
            "The loss is asked as its root, not squared.": best**2,
        }
        got = float(allowed(start))
        yield recognised(
            got,
            best,
            mistakes,
            f"From R_0 = {start:g} some R allows a root of {best:.4g}, yours is {got:.4g}.",
            same=lambda a, b: close(a, b, 1e-5),  # what the grid above can tell
        )


@first_wrong
def check_floor(floor: Callable) -> Iterator[Feedback]:
    """Check ``floor(B)``: zero, or the square of the least singular value."""
    rng = np.random.default_rng(0)
    left, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    right, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    sign = np.sign(np.linalg.det(left @ right))
    for side in (-1, 1):
        B = left * np.array([side * sign * 0.5, 1.2, 2.0]) @ right
        expected = 0.25 if side < 0 else 0.0
        mistakes = {
            "A target of positive determinant can be reached, so the floor is zero.": 0.25,
            "This one has a negative determinant: no such network reaches it.": 0.0,
            "The loss is a square.": 0.5,
            "Singular values, not eigenvalues, measure the distance to singular matrices.": np.min(
                np.abs(np.linalg.eigvals(B)) ** 2
            ),
            "Turning the sign of a direction costs four times as much as stopping at zero.": 1.0,
            "One direction is given up, the least one, not all of them.": np.linalg.norm(B) ** 2,
        }
        yield recognised(
            floor(B),
            expected,
            mistakes,
            f"For singular values 0.5, 1.2, 2 and a determinant of sign {side} that is not it.",
        )


@first_wrong
def check_reflection(time_to: Callable) -> Iterator[Feedback]:
    """Check ``time_to(u, b)``: training time for ``u' = -2 u^2 (u + b)`` from 1 to ``u``."""
    for u, b in [(0.3, 1.0), (0.05, 2.0), (0.5, 0.5)]:
        exact = _time(u, b)
        mistakes = {
            "The factor 2 of the squared error is missing.": 2 * exact,
            "Time runs forwards: the sign is wrong.": -exact,
            "The flow starts at u = 1, where the time is zero.": exact + _primitive(1.0, b),
            "theta moves by -2 u (u + b); u moves u times as fast.": (
                np.log(1 / u) - np.log((1 + b) / (u + b))
            )
            / (2 * b),
            "The target is -b, so E = u + b, not u - b; or b was taken for 1.": _time(u, 1.0)
            if b != 1
            else np.inf,
        }
        got = float(time_to(u, b))
        yield recognised(
            got,
            exact,
            mistakes,
            f"From 1 to u = {u:g} with b = {b:g} the flow needs {exact:.4g}, yours {got:.4g}.",
        )


def _primitive(u: float, b: float) -> float:
    """Return the antiderivative of ``-1 / (2 u^2 (u + b))`` that the mistakes need."""
    return 1 / (2 * b * u) - np.log((u + b) / u) / (2 * b**2)


def _time(u: float, b: float) -> float:
    """Return the integral of ``1 / (2 v^2 (v + b))`` from ``u`` to 1, by Gauss's rule in log v."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    length = np.log(1 / u)
    v = np.exp(-length / 2 * (nodes + 1))
    return float(length / 2 * weights @ (1 / (2 * v * (v + b))))


@first_wrong
def check_rate(largest_rate: Callable) -> Iterator[Feedback]:
    """Check ``largest_rate(thetas)``: 2 over the curvature where a network fits its target."""
    rng = np.random.default_rng(1)
    for depth, width in [(4, 2), (3, 3)]:
        thetas = rng.standard_normal((depth, width, width))
        expected = 2 / _curvature(thetas)
        mistakes = {
            "That is 2 / beta without the factor L of the gradient.": depth * expected,
            "That is 1 / beta; descent is stable up to 2 / beta.": expected / 2,
            "The factor 2 of the squared loss is missing.": 2 * expected,
            "That is the curvature itself, not 2 over it.": 2 / expected,
            "That is the curvature at the identity; these weights are elsewhere.": 1.0,
            "Mind the 1/L in each layer: M_k = I + theta_k / L.": 2 / _curvature(depth * thetas),
        }
        yield recognised(
            largest_rate(thetas),
            expected,
            mistakes,
            "That is not 2 over the largest eigenvalue of L times the second derivative.",
        )


def _curvature(thetas: np.ndarray) -> float:
    """Return ``L`` times the largest eigenvalue of the Hessian where ``Pi = B``."""
    depth = len(thetas)

    def product(flat: Any) -> Any:
        pi = jnp.eye(thetas.shape[1])
        for theta in flat.reshape(thetas.shape):
            pi = pi + theta @ pi / depth
        return pi.ravel()

    # At zero loss the Hessian of |Pi - B|^2 is 2 J^T J.
    jacobian = np.asarray(jax.jacobian(product)(jnp.asarray(thetas).ravel()))
    return float(2 * depth * np.linalg.norm(jacobian, ord=2) ** 2)


def check_leading(leading: Callable) -> Feedback:
    """Check ``leading(B, Sigma)``: the limit of ``L (theta_{k+1} - theta_k) / t^2``."""
    rng = np.random.default_rng(2)
    B, root = rng.standard_normal((2, 3, 3))
    Sigma = root @ root.T / 3
    E = np.eye(3) - B
    expected = 2 * (E @ Sigma @ Sigma @ E.T - Sigma @ E.T @ E @ Sigma)
    mistakes = {
        "That is for whitened inputs; Sigma is missing.": 2 * (B @ B.T - B.T @ B),
        "The sign is wrong: mind that theta begins as -2 t E Sigma.": -expected,
        "Integrate once more: the second derivative at 0 is twice the coefficient of t^2.": 2
        * expected,
        "Half of it is missing: theta moves with speed 2.": expected / 2,
        "Sigma stands on the other side of E: the gradient is E Sigma.": 2
        * (Sigma @ E @ E.T @ Sigma - E.T @ Sigma @ Sigma @ E),
        "With Sigma, B B^T - B^T B is no longer all: E = I - B does not cancel.": 2
        * (B @ Sigma @ Sigma @ B.T - Sigma @ B.T @ B @ Sigma),
    }
    return recognised(
        leading(B, Sigma),
        expected,
        mistakes,
        "Insert theta_k = -2 t E Sigma and G_k = E Sigma into the commutator, then integrate.",
    )


def check_represent(represent: Callable) -> Feedback:
    """Check ``represent(B, depth)``: weights of bounded norm whose network is ``B`` exactly."""
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    for B in (
        np.array([[1.0, 2.0], [0.0, 0.5]]),
        np.array([[-1.0, 0.0], [0.0, -2.0]]),
        np.array([[0.2, -1.0], [1.5, -0.3]]),
        turn @ turn + 0.1 * turn,
    ):
        name = np.array2string(B, separator=", ").replace("\n", "")
        norms = []
        for depth in (12, 48, 192):
            thetas = np.asarray(represent(B, depth))
            if thetas.shape != (depth, 2, 2):
                return f"Expected an array of shape ({depth}, 2, 2), got {thetas.shape}."
            if np.iscomplexobj(thetas):
                return f"For B = {name} your weights are complex; this B has no real logarithm."
            product = np.eye(2)
            for theta in thetas:
                product = product + theta @ product / depth
            if not close(product, B):
                return _why_not(thetas, B, name)
            norms.append(np.linalg.norm(thetas, ord=2, axis=(1, 2)).max())
        if norms[2] > 1.3 * norms[0] + 1:
            return (
                f"For B = {name} the largest weight grows with the depth: {norms[0]:.3g}, "
                f"{norms[1]:.3g}, {norms[2]:.3g} for L = 12, 48, 192."
            )
    return None


def _why_not(thetas: np.ndarray, B: np.ndarray, name: str) -> str:
    """Say which product was meant, if it is one of the usual ones."""
    depth, backwards, whole = len(thetas), np.eye(2), np.eye(2)
    for theta in thetas:
        backwards = backwards @ (np.eye(2) + theta / depth)
        whole = theta @ whole
    if close(backwards, B):
        return "The layers are in reverse order: layer 0 acts first."
    if close(whole, B):
        return "These are the factors M_k; the weights are L (M_k - I)."
    scaled = np.eye(2)
    for theta in thetas:
        scaled = scaled + theta @ scaled
    if close(scaled, B):
        return "The factor L is missing: M_k = I + theta_k / L."
    limit = np.eye(2)
    for theta in thetas:
        limit = np.asarray(jax.scipy.linalg.expm(jnp.asarray(theta / depth))) @ limit
    if close(limit, B):
        return "That holds for L to infinity only: exp(theta / L) is not I + theta / L."
    return f"For B = {name} and {depth} layers the product is not B."


CHECKS: dict[str, Callable[[Any], Feedback]] = {
    "ex-linear-alike": check_alike,
    "ex-linear-readout": check_readout,
    "ex-linear-radius": check_radius,
    "ex-linear-floor": check_floor,
    "ex-linear-reflection": check_reflection,
    "ex-linear-rate": check_rate,
    "ex-linear-leading": check_leading,
    "ex-linear-represent": check_represent,
}
