"""Checks for the exercises on overparameterization."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from resode_course._feedback import NO_RETURN, Feedback, close, first_wrong, recognised
from resode_lib import diagnostics, training
from resode_lib.blocks import TwoLayer
from resode_lib.resnet import ResNet

__all__ = ["CHECKS"]


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    """Return features: tanh of Gaussian numbers."""
    return np.tanh(np.random.default_rng(seed).standard_normal(shape))


def smallest(S: np.ndarray) -> float:
    """Return the smallest eigenvalue of ``S^T S``."""
    return float(np.linalg.eigvalsh(S.T @ S)[0])


@first_wrong
def check_constant(pl_constant: Callable) -> Iterator[Feedback]:
    """Check ``pl_constant(S)`` with more neurons than samples, and with fewer."""
    S = drawn(9, 5)
    m, n = S.shape
    unit = 4 / (n * m)
    mistakes = {
        "The factor 4 is missing; it comes from the squared error.": unit / 4 * smallest(S),
        "The factor 1/n of the mean over samples is missing.": n * unit * smallest(S),
        "The factor 1/m of the layer is missing.": m * unit * smallest(S),
        "That is the m x m matrix S S^T; the samples' is S^T S.": unit * smallest(S.T),
        "That is the largest eigenvalue.": unit * float(np.linalg.norm(S, ord=2)) ** 2,
        "The eigenvalue of S^T S is the square of a singular value.": unit * smallest(S) ** 0.5,
    }
    yield recognised(
        pl_constant(S), unit * smallest(S), mistakes, "That is not 4 lambda_min(S^T S) / (n m)."
    )
    few = float(pl_constant(drawn(3, 5)))
    if abs(few) > 1e-9:
        yield f"Three neurons cannot tell five samples apart: the constant is 0, yours {few:.3g}."


def check_neurons(neurons_needed: Callable) -> Feedback:
    """Check ``neurons_needed(samples, eigenvalue, probability)``: enough, and not one too many."""
    for n, eigenvalue, delta in [(20, 0.1, 0.02), (7, 0.033, 0.2)]:
        exact = 8 * n / eigenvalue * np.log(n / delta)
        got = neurons_needed(n, eigenvalue, delta)
        unit, log = 8 * n / eigenvalue, np.log(n / delta)
        mistakes = {
            "The logarithm is natural.": unit * np.log10(n / delta),
            "The logarithm is that of n / delta: every direction may fail.": unit
            * np.log(1 / delta),
            "The factor n in front of the logarithm is missing.": unit / n * log,
            "The eigenvalue divides.": unit * eigenvalue**2 * log,
            "The factor 8 is missing.": unit / 8 * log,
        }
        if np.shape(got) != ():
            return f"Expected one number, got an array of shape {np.shape(got)}."
        if got == np.ceil(exact):
            continue
        for sentence, value in mistakes.items():
            if abs(got - value) <= 1:
                return sentence
        if abs(got - exact) <= 1:
            return f"Round up: the smallest whole number that is at least {exact:.2f} is asked."
        return f"For n = {n}, lambda = {eigenvalue}, delta = {delta}, {got} is not {exact:.2f}."
    return None


def check_limit(limit_entry: Callable) -> Feedback:
    """Check ``limit_entry(activation, cosine)`` on a polynomial, in closed form, and on tanh."""

    def polynomial(g: Any) -> Any:
        return g**3 + g**2

    for rho in (0.5, -0.8):
        # E (g^3 + g^2)(k^3 + k^2) = (9 rho + 6 rho^3) + (1 + 2 rho^2) for a pair (g, k).
        exact = 9 * rho + 6 * rho**3 + 1 + 2 * rho**2
        got = np.asarray(limit_entry(polynomial, rho))
        mistakes = {
            "The Hermite polynomials are normalised: divide He_r by sqrt(r!).": 9 * rho
            + 36 * rho**3
            + 1
            + 4 * rho**2,
            "The coefficients enter squared.": 3 * rho + 6**0.5 * rho**3 + 1 + 2**0.5 * rho**2,
            "The constant term, r = 0, is missing.": exact - 1,
            "That is the diagonal entry: the cosine has no effect.": 18.0,
            "That is a product of means, as for cosine 0.": 1.0,
            "Gauss's weights must sum to 1: divide by their sum.": 2 * np.pi * exact,
            "hermgauss is for exp(-x^2): the Gaussian's rule is hermite_e.hermegauss.": (
                9 * rho + 6 * rho**3
            )
            / 8
            + (1 + 2 * rho**2) / 4,
        }
        if got.shape != ():
            return f"Expected one number, got an array of shape {got.shape}."
        for sentence, value in mistakes.items():
            if close(got, value, 1e-4):
                return sentence
        if not close(got, exact, 1e-4):
            return f"For g^3 + g^2 and cosine {rho} the entry is {exact:.4f}, yours {got:.4f}."
    return _check_limit_of_tanh(limit_entry)


def _check_limit_of_tanh(limit_entry: Callable) -> Feedback:
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    for rho in (0.6, -0.95):  # near the ends the series needs the most terms
        pair = rho * nodes[:, None] + np.sqrt(1 - rho**2) * nodes
        exact = float(weights @ (np.tanh(nodes)[:, None] * np.tanh(pair)) @ weights)
        got = float(limit_entry(np.tanh, rho))
        if not close(got, exact, 1e-4):
            return (
                f"Right for polynomials, but tanh at the cosine {rho} needs more terms: "
                f"{exact:.5f}, yours {got:.5f}."
            )
    return None


def check_pair(pair_bound: Callable) -> Feedback:
    """Check ``pair_bound(S)``: a nearly equal pair, then a nearly opposite one."""
    for sign in (1.0, -1.0):
        S = drawn(8, 5, seed=1)
        S[:, 3] = sign * S[:, 1] + 0.05 * drawn(8, seed=2)
        m, n = S.shape
        pairs = [(i, j) for i in range(n) for j in range(i)]
        minus = [np.sum((S[:, i] - S[:, j]) ** 2) for i, j in pairs]
        plus = [np.sum((S[:, i] + S[:, j]) ** 2) for i, j in pairs]
        best = min(minus + plus) / (2 * m)
        mistakes = {
            "The test vector has norm one: the factor 1/2 is missing.": 2 * best,
            "The bound is on the eigenvalue divided by m.": m * best,
            "Distances enter squared.": (2 * m * best) ** 0.5 / (2 * m),
            "The closest pair gives the best bound.": max(minus + plus) / (2 * m),
            "Opposite features are dependent too: try the other sign.": min(minus) / (2 * m),
            "Equal features are dependent too: try the other sign.": min(plus) / (2 * m),
        }
        if close(best, pair_bound(S)):
            continue
        return recognised(
            pair_bound(S), best, mistakes, f"The best bound here is {best:.4g}; test all pairs."
        )
    return None


@cache
def layers_instance() -> tuple[np.ndarray, float]:
    """Return features of three layers, fewer neurons than samples, and what autodiff gives."""
    W, x = drawn(3, 4, 5, seed=3), drawn(6, 5, seed=4)
    S = np.tanh(np.einsum("kij,nj->kin", W, x) / np.sqrt(5))
    stack = jax.vmap(TwoLayer)(jnp.zeros((3, 5, 4)), jnp.asarray(W))
    return S, _worst(stack, np.eye(5), np.eye(5), x, sum(s.T @ s for s in S), ends=False)


@cache
def whole_instance() -> tuple[np.ndarray, np.ndarray, float]:
    """Return features, inputs and what autodiff gives when all weights move."""
    x, W = 2 * drawn(5, 3, seed=5), 2 * drawn(4, 7, seed=6)
    A, B = np.eye(7, 3), np.eye(2, 7, k=5)
    S = np.tanh(W @ A @ x.T / np.sqrt(7))
    stack = jax.vmap(TwoLayer)(jnp.zeros((2, 7, 4)), jnp.broadcast_to(W, (2, 4, 7)))
    return S, x, _worst(stack, A, B, x, S.T @ S / 4 + 2 * x @ x.T, ends=True)


def check_layers(layers_constant: Callable) -> Feedback:
    """Check ``layers_constant(features)`` against automatic differentiation."""
    S, expected = layers_instance()
    L, m, n = S.shape
    each = [smallest(s) * 4 / (n * m) for s in S]
    mistakes = {
        "That is the mean of the layers' constants; first sum the matrices.": float(np.mean(each)),
        "The mean over layers is missing: divide by L.": L * expected,
        "That is one layer only.": each[0],
        "The weight of the layers is 1/L, not 1/L^2.": expected / L,
        "The best of the layers is not what the sum gives.": max(each),
        "A network whose layers share their mean features is another one.": 4
        / (n * m)
        * smallest(S.mean(axis=0)),
    }
    got = layers_constant(S)
    if np.shape(got) == () and close(got, 0.0, 1e-9):
        return "One layer has fewer neurons than samples, but three layers together do not."
    return recognised(got, expected, mistakes, f"Autodiff gives {expected:.4g} for three layers.")


def check_whole(whole_constant: Callable) -> Feedback:
    """Check ``whole_constant(S, x)`` against automatic differentiation of all weights."""
    S, x, expected = whole_instance()
    n = len(x)

    def with_factor(factor: float, features: float = 1 / 4) -> float:
        return 4 / n * float(np.linalg.eigvalsh(features * S.T @ S + factor * x @ x.T)[0])

    mistakes = {
        "Only one of A and B is counted.": with_factor(1.0),
        "A and B have no factor 1/m.": with_factor(2 / 4),
        "That is the constant of the residual weights alone; matrices add, eigenvalues do not.": (
            with_factor(0.0)
        ),
        "The features keep their factor 1/m.": with_factor(2.0, features=1.0),
        "The factor 4/n is missing.": expected * n / 4,
        "A and B have no factor n: their gradients are means too.": with_factor(2.0 * n),
    }
    return recognised(
        whole_constant(S, x), expected, mistakes, f"Autodiff gives {expected:.4g} here."
    )


def _worst(stack: Any, A: Any, B: Any, x: Any, gram: Any, *, ends: bool) -> float:
    """Return the PL ratio for targets along the bottom eigenvector of ``gram``."""
    model = ResNet(jnp.asarray(A), stack, jnp.asarray(B))
    y = model(jnp.asarray(x)).at[:, 0].add(np.linalg.eigh(gram)[1][:, 0])

    def loss(part: Any) -> Any:
        whole = part if ends else ResNet(model.A[...], part, model.B[...])
        return training.mean_squared_error(whole(jnp.asarray(x)), y)

    ratio = jax.jit(lambda part: diagnostics.pl_ratio(loss, part))
    return float(ratio(model if ends else stack))


def check_blind(activation: Callable) -> Feedback:
    """Check an activation whose features of 20 inputs in four dimensions are dependent."""
    rng = np.random.default_rng(0)
    x, W = rng.standard_normal((20, 4)), rng.standard_normal((400, 4))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    u = np.linspace(-2, 2, 9)
    values = activation(u)
    if values is None:
        return NO_RETURN
    if np.shape(values) != u.shape:
        return "An activation acts on each entry of an array."
    if close(np.diff(values, 2), np.zeros(7)):
        return "That is affine; find one that bends."
    S = np.asarray(activation(W @ x.T), float)
    found = np.linalg.eigvalsh(S.T @ S)
    if found[0] < 1e-9 * found[-1]:
        return None
    return (
        f"400 of these neurons tell the 20 inputs apart: smallest eigenvalue {found[0] / 400:.2g}; "
        "look for a function of which there are few in four variables."
    )


def check_far(moved: Callable) -> Feedback:
    """Check weights at 0.9 of their length from the start whose features are gone."""
    rng = np.random.default_rng(1)
    x, W = rng.standard_normal((30, 10)), rng.standard_normal((60, 15))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    got = moved(W.copy())
    if got is None:
        return NO_RETURN
    got = np.asarray(got, float)
    if got.shape != W.shape:
        return f"Expected weights of shape {W.shape}, got {got.shape}."
    distance = float(np.linalg.norm(got - W) / np.linalg.norm(W))
    if abs(distance - 0.9) > 1e-6:
        return f"The distance is {distance:.3g} times the length of W; 0.9 is asked."
    before, after = (smallest(np.tanh(each[:, :10] @ x.T)) for each in (W, got))
    if after < 0.05 * before:
        return None
    return f"The eigenvalue is {after / before:.3g} times what it was: these features live."


CHECKS: dict[str, Callable[[Any], Feedback]] = {
    "ex-over-blind": check_blind,
    "ex-over-far": check_far,
    "ex-over-constant": check_constant,
    "ex-over-neurons": check_neurons,
    "ex-over-limit": check_limit,
    "ex-over-pair": check_pair,
    "ex-over-layers": check_layers,
    "ex-over-whole": check_whole,
}
