"""Problem set 4: linear residual networks, adjoints, training without memory."""

from collections.abc import Iterator
from functools import lru_cache, partial
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from resode_course.coursework.cases import Case
from resode_course.coursework.marks import Property
from resode_course.coursework.properties import Along, Plan
from resode_grader.sets._draws import ACTIVATIONS, count, derivative, two_digits
from resode_grader.sets._networks import (
    Weights,
    finite,
    momentum,
    pulled_back,
    residual,
    states,
    trained,
)
from resode_grader.sets._problem import Part, Problem

__all__ = ["PROBLEMS"]

Parameters = dict[str, Any]
Rng = np.random.Generator


# 4.1: what a linear network can be sure of


def draw_certificate(rng: Rng) -> Parameters:
    """The covariance of the inputs."""
    off = two_digits(rng, 0.15, 0.4) * int(rng.choice([-1, 1]))
    return {
        "covariance": [[two_digits(rng, 0.7, 1.0), off], [off, two_digits(rng, 1.1, 1.6)]],
    }


def _linear_loss(theta: np.ndarray, B: np.ndarray, S: np.ndarray) -> Any:
    """The loss of a linear network; complex weights are welcome."""
    product = np.eye(len(B))
    for layer in theta:
        product = product + layer @ product / len(theta)
    E = product - B
    return np.trace(E @ S @ E.T)


def _linear_gradient(theta: np.ndarray, B: np.ndarray, S: np.ndarray) -> np.ndarray:
    """The gradient of depth, entry by entry."""
    gradient = np.empty(theta.shape)
    for index in np.ndindex(*theta.shape):
        moved = theta.astype(complex)
        moved[index] += 1e-30j
        gradient[index] = len(theta) * _linear_loss(moved, B, S).imag / 1e-30
    return gradient


def _linear_constant(theta: np.ndarray, S: np.ndarray, place: int = 0) -> float:
    """The smallest ratio of gradient and loss over all targets, or with place -1 the largest."""
    L, d, _ = theta.shape
    root = np.linalg.cholesky(S)  # E = Y root^(-1) has the loss |Y|^2
    end = np.eye(d)
    for layer in theta:
        end = end + layer @ end / L
    rows = []
    for j in range(d * d):
        Y = np.eye(d * d)[j].reshape(d, d)
        gradient = _linear_gradient(theta, end - Y @ np.linalg.inv(root), S)
        rows.append(gradient.ravel() / np.sqrt(L))
    return float(np.linalg.eigvalsh(np.array(rows) @ np.array(rows).T)[place])


def _radius(start: float, c: float, largest: bool = False) -> float | None:
    """The smallest (or largest) ``R <= 1`` with ``start + c e^(3R) <= R``, None without one."""
    best = min(1.0, max(start, -np.log(3 * c) / 3))  # where R - c e^(3R) is largest
    if start + c * np.exp(3 * best) > best:
        return None
    if largest and start + c * np.exp(3.0) <= 1:
        return 1.0
    bad, good = (1.0, best) if largest else (start, best)
    for _ in range(60):
        middle = (bad + good) / 2
        if start + c * np.exp(3 * middle) <= middle:
            good = middle
        else:
            bad = middle
    return float(good)


def _linear_cases(rng: Rng) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Weights of any size, of several depths, with a target and a part of the loss."""
    return [(rng.normal(size=(L, 2, 2)), rng.normal(size=(2, 2)), 0.1) for L in (1, 3, 6)]


def _near_case(
    rng: Rng, S: np.ndarray, start: float, root: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Weights of the largest norm ``start``, with ``sqrt(lmax l) / lmin`` equal to ``root``."""
    theta = rng.normal(size=(4, 2, 2))
    theta *= start / np.linalg.norm(theta, ord=2, axis=(1, 2)).max()
    low, high = np.linalg.eigvalsh(S)
    E = rng.normal(size=(2, 2))
    E *= root * low / np.sqrt(high) / np.sqrt(np.trace(E @ S @ E.T))
    end = np.eye(2)
    for layer in theta:
        end = end + layer @ end / 4
    return theta, end - E, float(10 ** rng.uniform(-5, -1))


_certificate = partial(Case, of=("gradient", "constant", "time"))


def linear_gradient_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The gradient in the metric of depth."""
    S = np.array(p["covariance"])
    for case in _linear_cases(rng):
        theta, B, _ = case
        L = len(theta)
        right = _linear_gradient(theta, B, S)
        mistakes = {
            "The factor L is missing: the norm is a mean over layers.": right / L,
            "The covariance is missing.": _linear_gradient(theta, B, np.eye(2)),
            "The loss is a square: its derivative has a factor 2.": right / 2,
            "That is minus the gradient, the velocity of the flow.": -right,
            "Derivatives have the shape of the weight; yours are transposed.": right.mT,
            "The layers stand in reverse order.": right[::-1],
        }
        hint = "One layer is wrong: its gradient is 2 E Sigma."
        if L > 1:
            hint = f"With {L} layers it is wrong: which products stand behind and before layer k?"
        yield _certificate(case, right, mistakes, hint, pick="gradient")


def _constant_mistakes(case: tuple[Any, ...], S: np.ndarray, right: float) -> dict[str, Any]:
    """What typical mistakes give for the constant."""
    theta, B, _ = case
    size = np.sum(_linear_gradient(theta, B, S) ** 2) / len(theta)
    return {
        "The factor 4 is missing: the gradient has a 2, which is squared.": right / 4,
        "That is the best target; the worst is asked.": _linear_constant(theta, S, -1),
        "The covariance is missing.": _linear_constant(theta, np.eye(2)),
        "That is the ratio for the target given; the worst target is asked.": size
        / _linear_loss(theta, B, S),
        "That is the constant at zero weights; here they are not.": 4 * np.linalg.eigvalsh(S)[0],
        "Layers count by their mean.": len(theta) * right,
    }


def linear_constant_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The constant at given weights that serves all targets."""
    S = np.array(p["covariance"])
    for case in _linear_cases(rng):
        right = _linear_constant(case[0], S)
        hint = (
            f"At depth {len(case[0])} it is another number. The squared gradient is a quadratic "
            "form in the residual: which matrix has it, and which has the loss?"
        )
        mistakes = partial(_constant_mistakes, case, S, right)
        yield _certificate(case, right, mistakes, hint, pick="constant", tolerance=1e-5)


def linear_time_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The time that the theorem guarantees."""
    S = np.array(p["covariance"])
    low = np.linalg.eigvalsh(S)[0]
    most = {start: np.exp(-3 * start - 1) / 3 for start in (0.0, 0.2)}
    cases = [(0.0, 0.5), (0.2, 0.5 + 0.45 * rng.random()), (0.2, 1.1), (0.8, None), (0.0, 1.5)]
    for start, share in cases:
        c = 0.0105 if share is None else share * most[start]
        case = _near_case(rng, S, start, c)
        R, right, mistakes = _radius(start, c), -1.0, {}
        hint = (
            f"The theorem says nothing for max|theta| = {start} and a root of the loss "
            f"with sqrt(lmax l) / lmin = {c:.4f}; return -1. It wants R <= 1."
        )
        if R is not None:
            right = float(-np.log(case[2]) / (4 * np.exp(-2 * R) * low))
            mistakes = _time_mistakes(right, start, c, R, low)
            hint = "It is another time; which R <= 1 of the theorem is the best?"
        yield _certificate(case, right, mistakes, hint, pick="time", tolerance=1e-5)


def _time_mistakes(right: float, start: float, c: float, R: float, low: float) -> dict[str, float]:
    """What typical mistakes give for the time, where the theorem applies."""
    worst = _radius(start, c, largest=True) or 1.0
    return {
        "The theorem applies here; do not return -1.": -1.0,
        "The loss decays at 2 kappa, its root at kappa.": 2 * right,
        "A larger R is allowed too, but the smallest gives the best rate.": right
        * np.exp(2 * (worst - R)),
        "R = 1 is allowed too, but the smallest R gives the best rate.": right
        * np.exp(2 * (1 - R)),
        "The smallest eigenvalue of the covariance is missing.": right * low,
        "That is with the size of the weights at the start; they grow to R.": right
        * np.exp(2 * (start - R)),
    }


# 4.2: eigenvalues on straight lines


def draw_normal(rng: Rng) -> Parameters:
    """The depth, and the variance of the inputs."""
    return {"depth": int(rng.integers(3, 13)), "variance": two_digits(rng, 0.55, 1.8)}


KINDS = {
    "positive": ("Symmetric, eigenvalues positive", [1.8, 0.5, 1.2, 0.8]),
    "turn": ("Rotations and stretches", [0.9 * np.exp(1.9j), 0.9 * np.exp(-1.9j), 1.6, 0.7]),
    "far": (
        "A rotation by almost half a turn",
        [1.3 * np.exp(2.8j), 1.3 * np.exp(-2.8j), 1.2, 1.0],
    ),
    "reflection": ("One negative eigenvalue", [-1.2, 0.6, 1.5, 1.1]),
    "two": ("Two equal negative eigenvalues", [-0.8, -0.8, 1.3, 0.9]),
    "singular": ("One eigenvalue zero", [0.0, 1.4, 0.6, 1.0]),
}


def _basis(rng: Rng, values: np.ndarray) -> np.ndarray:
    """A unitary basis in which a matrix with these eigenvalues, pairs first, is real."""
    Q = np.linalg.qr(rng.normal(size=(4, 4)))[0].astype(complex)
    if values[0].imag:
        Q[:, :2] = Q[:, :2] @ np.array([[1, 1], [-1j, 1j]]) / np.sqrt(2)
    return Q


def _real(Q: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The real matrix with these eigenvalues in this basis."""
    return (Q @ np.diag(values) @ Q.conj().T).real


def _eigenvalues(b: np.ndarray, time: float, speed: Any, power: Any) -> np.ndarray:
    """Eigenvalues of the product after a time, each on its segment from one to its target.

    Columns of speeds and powers give one row of eigenvalues for each.
    """

    def velocity(tau: np.ndarray) -> np.ndarray:
        return speed * np.abs(1 + tau * (b - 1)) ** power * (1 - tau)

    # The step times the largest slope stays far below one, where the method is stable.
    steps = int(60 * (1 + time))
    tau, dt = np.zeros(np.broadcast_shapes(np.shape(speed), b.shape)), time / steps
    for _ in range(steps):
        k1 = velocity(tau)
        k2 = velocity(tau + dt / 2 * k1)
        k3 = velocity(tau + dt / 2 * k2)
        tau = tau + dt / 6 * (k1 + 2 * k2 + 2 * k3 + velocity(tau + dt * k3))
    return 1 + tau * (b - 1)


def _normal_cases(rng: Rng) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Normal matrices, a little different each time: in words, basis and eigenvalues."""
    cases = []
    for words, eigenvalues in KINDS.values():
        b = np.array(eigenvalues, dtype=complex) * rng.uniform(0.9, 1.1)
        cases.append((words, _basis(rng, b), b))
    return cases


_normal = partial(Case, of=("weights", "product", "floor"))


Walk = tuple[np.ndarray, np.ndarray, float]


def _walked(case: Walk, p: Parameters) -> np.ndarray:
    """The weights after a time: from the eigenvalues of the product their principal roots."""
    L, (Q, b, time) = p["depth"], case
    z = _eigenvalues(b, time, 2 * p["variance"], 2 - 2 / L)
    return _real(Q, L * (z ** (1 / L) - 1))


def _walk_mistakes(case: Walk, p: Parameters) -> dict[str, Any]:
    """What typical mistakes give for the weights."""
    L, s, (Q, b, time) = p["depth"], p["variance"], case
    power = 2 - 2 / L
    others = {
        "The variance of the inputs is missing in the speed.": (2.0, power),
        "The factor 2 of the squared error is missing.": (s, power),
        "The factor L of the norm of depth is missing.": (2 * s / L, power),
        "That is for infinitely many layers; the power is 2 - 2/L.": (2 * s, 2.0),
        "The speed depends on where the eigenvalue is, by its modulus.": (2 * s, 0.0),
    }
    speeds, powers = np.array(list(others.values())).T[:, :, None]
    roots = _eigenvalues(b, time, speeds, powers) ** (1 / L)
    return {
        **{sentence: _real(Q, L * (w - 1)) for sentence, w in zip(others, roots, strict=True)},
        "That is M - I; theta is L times as much.": _walked(case, p) / L,
        "That is the limit, not the weights at this time.": _real(Q, L * (b ** (1 / L) - 1)),
    }


def normal_weights_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The weights at a training time."""
    for words, Q, b in _normal_cases(rng):
        case = (Q, b, float(rng.uniform(0.2, 1.5)))
        yield _normal(
            (_real(Q, b), case[2]),
            _walked(case, p),
            partial(_walk_mistakes, case, p),
            "others are right. Follow one eigenvalue of M.",
            pick="weights",
            tolerance=1e-5,
            where=f"{words}, time {case[2]:.2f}",
            near="the first digits are right; six are asked.",
        )


def _reached(b: np.ndarray) -> np.ndarray:
    """Where eigenvalues of the product end: negative ones are behind zero."""
    return np.where((b.real < 0) & (np.abs(b.imag) < 1e-9), 0, b)


def normal_product_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The product of the layers in the limit of training."""
    for words, Q, b in _normal_cases(rng):
        alone = b * ((b.real >= 0) | (np.prod(b).real > 0))
        mistakes = {
            "not all targets are reached: which segments meet zero?": _real(Q, b),
            "only real negative eigenvalues stop; a pair that turns passes by zero.": _real(
                Q, np.where(b.real < 0, 0, b)
            ),
            "negative eigenvalues do not come back on the other side.": _real(
                Q, np.where(b.imag, b, np.abs(b))
            ),
            "the flow stops at zero though the determinant is positive.": _real(Q, alone),
        }
        right, hint = _real(Q, _reached(b)), "the limit is another matrix."
        yield _normal((_real(Q, b), 0.1), right, mistakes, hint, pick="product", where=words)


def normal_floor_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The loss in the limit of training."""
    for words, Q, b in _normal_cases(rng):
        left = np.sum(np.abs(b - _reached(b)) ** 2)
        right = p["variance"] * left
        mistakes = {
            "the variance of the inputs is missing.": left,
            "the loss is a square.": p["variance"] * np.sqrt(left),
            "an eigenvalue that is never reached costs its square.": 0.0,
            "that is a lower bound; each negative eigenvalue costs its square.": p["variance"]
            * np.min(np.abs(b)) ** 2,
        }
        floor = partial(_normal, (_real(Q, b), 0.1), right, pick="floor", where=words)
        if right == 0:
            yield floor({}, "the loss tends to zero.", tolerance=1e-9, size=1.0)
        else:
            yield floor(mistakes, "the loss tends to another number.")


# 4.3: the backward pass of a two-stage method

STAGES = ("gradient", "start", "alpha")


def draw_stages(rng: Rng) -> Parameters:
    """Where the second stage looks, and an activation."""
    alpha = two_digits(rng, 0.35, 0.47) if rng.random() < 0.5 else two_digits(rng, 0.53, 0.9)
    return {"alpha": alpha, "activation": str(rng.choice(sorted(ACTIVATIONS)))}


def _stage_end(first: Any, second: Any, x: Any, alphas: tuple[Any, Any, Any], p: Parameters) -> Any:
    """The last states, with separate weights for the stages and separate places of alpha."""
    L, sigma, h = len(first) - 1, ACTIVATIONS[p["activation"]], x
    length, place, share = alphas
    for k in range(L):
        slope = sigma(h @ first[k].T)
        middle = (1 - place) * second[k] + place * second[k + 1]
        late = sigma((h + length / L * slope) @ middle.T)
        h = h + ((1 - 1 / (2 * share)) * slope + late / (2 * share)) / L
    return h


def _stage_loss(
    first: Any, second: Any, x: Any, y: Any, alphas: tuple[Any, Any, Any], p: Parameters
) -> Any:
    """The mean squared error of these states."""
    return np.sum((_stage_end(first, second, x, alphas, p) - y) ** 2) / len(x)


def _stage_derivatives(
    case: tuple[np.ndarray, np.ndarray, np.ndarray], p: Parameters
) -> list[np.ndarray]:
    """By the first stages' weights, the second stages', the inputs, the three places of alpha."""
    theta, x, y = case
    values = [theta, theta, x, np.full(3, p["alpha"])]
    derivatives = []
    for which, value in enumerate(values):
        out = np.empty(value.shape)
        for index in np.ndindex(*value.shape):
            moved = list(values)
            moved[which] = value.astype(complex)
            moved[which][index] += 1e-30j
            first, second, start, alphas = moved
            out[index] = _stage_loss(first, second, start, y, tuple(alphas), p).imag / 1e-30
        derivatives.append(out)
    return derivatives


def _stage_cases(rng: Rng) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Slices, inputs and targets for one layer and for four."""
    return [
        (rng.normal(size=(L + 1, 3, 3)), rng.normal(size=(n, 3)), rng.normal(size=(n, 3)))
        for L, n in ((1, 2), (4, 5))
    ]


_staged = partial(Case, of=STAGES)


def stage_gradient_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The derivatives of the loss by the slices."""
    for case in _stage_cases(rng):
        L, x = len(case[0]) - 1, case[1]
        one, two, *_ = _stage_derivatives(case, p)
        right = one + two
        mistakes = {
            "The second stage has weights too.": one,
            "The first stage has weights too.": two,
            "Ordinary derivatives are asked, without the factor L.": L * right,
            "The loss is a mean over the inputs.": len(x) * right,
            "The loss is a square, its derivative has a factor 2.": right / 2,
            "Derivatives have the shape of the weight; yours are transposed.": right.mT,
        }
        hint = "One layer is wrong: write its three lines backwards, one at a time."
        if L > 1:
            hint = "One layer is right, four are not: an inner slice belongs to two layers."
        yield _staged(case, right, mistakes, hint, pick="gradient")
    yield _deep_gradient(p, rng)


def _deep_gradient(p: Parameters, rng: Rng) -> Along:
    """Many layers, along one direction."""
    # Two digits are enough for what is drawn, and keep the notebook that holds it small.
    theta, v = rng.normal(size=(2, 101, 3, 3)).round(1)
    x, y = rng.normal(size=(2, 4, 3))
    alphas = (p["alpha"],) * 3
    moved = theta + 1e-30j * v
    right = _stage_loss(moved, moved, x, y, alphas, p).imag / 1e-30
    return Along((theta, x, y), v, right, STAGES, "Four layers are right, a hundred are not.")


def stage_start_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The derivatives by the inputs."""
    a = p["alpha"]
    for case in _stage_cases(rng):
        theta, x, y = case
        right = _stage_derivatives(case, p)[2]
        mistakes = {
            "The loss is a mean over the inputs.": len(x) * right,
            "The loss is a square, its derivative has a factor 2.": right / 2,
            "That is the costate at the end.": 2
            / len(x)
            * (_stage_end(theta, theta, x, (a, a, a), p) - y),
        }
        hint = (
            "It is not the derivative by the inputs: h enters a layer in three places, directly "
            "and through both stages."
        )
        yield _staged(case, right, mistakes, hint, pick="start")


def stage_alpha_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The derivative by the number alpha."""
    for case in _stage_cases(rng):
        x = case[1]
        length, place, share = _stage_derivatives(case, p)[3]
        right = length + place + share
        mistakes = {
            "Alpha is also the length of the first step.": place + share,
            "Alpha also says which weights the second stage has.": length + share,
            "Alpha is also in the coefficients of the two slopes.": length + place,
            "Alpha stands in three places; that is the coefficients only.": share,
            "The loss is a mean over the inputs.": len(x) * right,
        }
        hint = "It is not the derivative by alpha, which stands in three places of a layer."
        yield _staged(case, right, mistakes, hint, pick="alpha")


# 4.4: a plan for little memory


def draw_plan(rng: Rng) -> Parameters:
    """What the layers cost, in turn."""
    return {"costs": [int(c) for c in rng.choice(np.arange(1, 8), size=3, replace=False)]}


def _least(depth: int, slots: int, costs: list[int]) -> int:
    """The least cost of going back through all layers."""
    until = np.array(list(accumulate((costs[k % 3] for k in range(depth)), initial=0)))
    # table[i, j]: layers i to j - 1, with the state before layer i at hand again and again.
    table = np.zeros((depth + 1, depth + 1), dtype=int)
    for i in range(depth):
        for j in range(i + 1, depth + 1):
            table[i, j] = np.sum(until[i:j] - until[i])
    for _ in range(slots):
        fewer, table = table, table.copy()
        for width in range(2, depth + 1):
            for i in range(depth - width + 1):
                m = np.arange(i + 1, i + width)
                ways = until[m] - until[i] + fewer[m, i + width] + table[i, m]
                table[i, i + width] = min(table[i, i + width], ways.min())
    return int(table[0, depth])


def _plans_asked(rng: Rng) -> list[tuple[int, int]]:
    """Depths and numbers of slots."""
    return [(1, 2), (5, 0), (6, 1), (int(rng.integers(9, 13)), 2), (int(rng.integers(18, 25)), 4)]


def least_cost_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The least cost."""
    for depth, slots in _plans_asked(rng):
        right = _least(depth, slots, p["costs"])
        runs = sum(p["costs"][k % 3] for k in range(depth))
        mistakes = {
            "that is the cost with one slot more.": _least(depth, slots + 1, p["costs"]),
            "that is the cost with one slot fewer.": _least(depth, max(slots - 1, 0), p["costs"]),
            "all layers seem to cost the same.": _least(depth, slots, [1, 1, 1]),
            "the runs inside of the steps back are not counted.": right + runs,
            "no slot seems to be used.": _least(depth, 0, p["costs"]),
        }
        yield Case(
            (depth, slots),
            right,
            mistakes,
            "there is a cheaper plan. A slot that is free again can be used again.",
            pick="cost",
            of=("cost", "plan"),
            tolerance=1e-9,
            where=f"Depth {depth}, slots {slots}",
            below="no plan is that cheap; a slot must be filled before it helps.",
        )


def plan_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """Whether the plan can be carried out."""
    for case in _plans_asked(rng):
        yield Plan(*case, p["costs"], None)


def plan_cost_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """Whether the plan is as cheap as possible."""
    for case in _plans_asked(rng):
        yield Plan(*case, p["costs"], _least(*case, p["costs"]))


# 4.5: the way back, to leading order


def draw_way(rng: Rng) -> Parameters:
    """Where the reverse step looks, and an activation."""
    beta = two_digits(rng, 0.2, 0.7) if rng.random() < 0.5 else two_digits(rng, 1.3, 1.8)
    return {"beta": beta, "activation": str(rng.choice(["arctan", "sin", "softplus", "tanh"]))}


def _there_and_back(A: Any, B: Any, x: Any, L: int, p: Parameters) -> dict[str, np.ndarray]:
    """A network of L layers: its error times L, the inverse of its derivative, sums of defects."""
    sigma, h, D = ACTIVATIONS[p["activation"]], x, np.eye(len(x))
    plain = np.zeros(len(x))
    for k in range(L):
        theta = A + k / L * B
        f = sigma(theta @ h)
        J = derivative(p["activation"], theta @ h)[:, None] * theta
        plain -= (1 - p["beta"]) * J @ f / L
        h, D = h + f / L, D + J @ D / L
    for k in reversed(range(L)):
        theta = A + k / L * B
        h = h - sigma(theta @ (h - p["beta"] / L * sigma(theta @ h))) / L
    return {"leading": L * (h - x), "derivative": D, "plain": plain}


def _limits(A: Any, B: Any, x: Any, p: Parameters) -> dict[str, np.ndarray]:
    """The same as the number of layers grows; the errors of low order are removed."""
    case = np.concatenate([A.ravel(), B.ravel(), x])
    return _limits_of(tuple(case), len(x), p["beta"], p["activation"])


@lru_cache(maxsize=64)
def _limits_of(case: tuple[float, ...], d: int, beta: float, name: str) -> dict[str, np.ndarray]:
    """The limits of a case, which several checks ask for."""
    A, B, x = np.split(np.array(case), [d * d, 2 * d * d])
    p = {"beta": beta, "activation": name}
    A, B = A.reshape(d, d), B.reshape(d, d)
    runs = [_there_and_back(A, B, x, L, p) for L in (60, 120, 240, 480)]
    for order in (1, 2, 3):  # each pass removes the error of that order in 1/L
        runs = [
            {name: fine[name] + (fine[name] - rough[name]) / (2**order - 1) for name in fine}
            for rough, fine in pairwise(runs)
        ]
    return runs[0]


def _way_cases(rng: Rng) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, float]]:
    """Curves of weights in width two and three, a contraction among them, with a tolerance."""
    cases = []
    for d, shift in ((2, 0.0), (3, -1.2)):
        A, B = 0.8 * rng.normal(size=(2, d, d))
        x = rng.choice([-1, 1], size=d) * rng.uniform(0.4, 1.2, size=d)
        tolerance = float(10 ** rng.uniform(-4, -2))
        cases.append((A + shift * np.eye(d), B, x, tolerance))
    return cases


_way = partial(Case, of=("leading", "layers", "amplification"))


def leading_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The limit of L times the error of the recovered input."""
    beta = p["beta"]
    for case in _way_cases(rng):
        limits = _limits(*case[:3], p)
        right = limits["leading"]
        frozen = _limits(case[0], 0 * case[1], case[2], p)["leading"]
        mistakes = {
            "The sign is wrong: what is recovered minus what was there.": -right,
            "That is for beta = 0, the plain step.": right / (1 - beta),
            "The factor is 1 - beta, not beta.": right * beta / (1 - beta),
            "The factor is 1 - beta, not 1 + beta.": right * (1 + beta) / (1 - beta),
            "The defects must be carried back to depth zero; they are not just added.": limits[
                "plain"
            ],
            "The weights move along their curve.": frozen,
            "A step there and a step back share the second-order term; yours is half.": right / 2,
        }
        hint = (
            "It is not the limit. Multiply the error of a network with a thousand layers by L and "
            "compare; then find the equation that the error obeys."
        )
        near = "The first digits are right; five are asked, of the limit."
        yield _way(case, right, mistakes, hint, pick="leading", tolerance=1e-4, near=near)


def layers_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The number of layers for a tolerance, by the leading term."""
    for case in _way_cases(rng):
        need = float(np.linalg.norm(_limits(*case[:3], p)["leading"])) / case[3]
        right, spread = count(need)
        mistakes = {"The error is of first order in 1/L, not of second.": np.ceil(np.sqrt(need))}
        words = f"For the tolerance {case[3]:.1e} these are"
        yield _way(
            case,
            right,
            mistakes,
            f"{words} more than needed.",
            pick="layers",
            tolerance=1.0,
            size=spread,
            below=f"{words} too few.",
            whole=1,
        )


def amplification_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """How much a change of the last state grows on its way back."""
    for case in _way_cases(rng):
        D = _limits(*case[:3], p)["derivative"]
        values = np.linalg.svd(D, compute_uv=False)
        right = 1 / values[-1]
        mistakes = {
            "That is how much changes grow on the way there.": values[0],
            "That is the direction that grows least on its way back.": 1 / values[0],
            "That is how much the best direction shrinks on the way there; invert it.": values[-1],
            "That is the mean over directions, the determinant's part.": np.prod(values)
            ** (-1 / len(D)),
            "That is the Euclidean norm of all entries; the worst direction is asked.": float(
                np.linalg.norm(1 / values)
            ),
            "An eigenvalue says nothing about the worst direction of one journey.": float(
                1 / np.abs(np.linalg.eigvals(D)).min()
            ),
        }
        hint = "It is another number: the derivative of the last state by the first, inverted."
        yield _way(case, right, mistakes, hint, pick="amplification", tolerance=1e-4)


# 4.8: training that keeps no states

Forgetful = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]
FORGETFUL = ("losses", "errors")
HALF = "These are the losses of steps with half the gradient."


def draw_forgetful(rng: Rng) -> Parameters:
    """An activation, the step of descent, and how often a recovered state is corrected."""
    return {
        "activation": str(rng.choice(sorted(ACTIVATIONS))),
        "rate": two_digits(rng, 0.1, 0.3),
        "corrections": int(rng.integers(3)),
    }


def _forgetful_cases(rng: Rng) -> list[Forgetful]:
    """Weights, data and a number of steps."""
    # One shape, so that an answer is compiled once.
    L, d, m, n = 5, 2, 4, 4
    sizes = ((L, d, m), (L, m, d), (n, d), (n, d))
    return [(*(rng.normal(size=size).round(2) for size in sizes), 12) for _ in range(2)]


def _recovered(weights: Weights, last: np.ndarray, p: Parameters) -> list[np.ndarray]:
    """The inputs of all layers, one after the other from the last state."""
    L, found = len(weights[0]), [last]
    for V, W in zip(weights[0][::-1], weights[1][::-1], strict=True):
        guess = found[-1]
        for _ in range(1 + p["corrections"]):
            guess = found[-1] - residual(V, W, guess, p["activation"]) / L
        found.append(guess)
    return found[:0:-1]


def _back(case: Forgetful, weights: Weights, p: Parameters, exact: bool = False) -> Any:
    """The loss and the gradient, from recovered states or from those that were kept."""
    *before, last = states(weights, case[2], p["activation"])
    before = before if exact else _recovered(weights, last, p)
    error = last - case[3]
    costate = 2 * error / len(error)
    return float((error**2).sum(axis=1).mean()), pulled_back(
        weights, before, costate, p["activation"]
    )


def _forgetful_run(
    case: Forgetful, p: Parameters, factor: float = 1.0, exact: bool = False
) -> tuple[np.ndarray, Weights]:
    """Losses and weights of a training; the gradient of depth comes with a factor."""
    rule = momentum(p["rate"], factor=factor * len(case[0]))
    return trained(lambda w: _back(case, w, p, exact), case[:2], case[-1], rule)


def _gradient_gap(case: Forgetful, weights: Weights, p: Parameters) -> np.ndarray:
    """The squares of the error of a gradient, and of the exact one, in both arrays."""
    ours, exact = (_back(case, weights, p, way)[1] for way in (False, True))
    gaps = [np.sum((a - b) ** 2) for a, b in zip(ours, exact, strict=True)]
    return np.array([gaps, [np.sum(b**2) for b in exact]])


def _mistaken_forgetful(case: Forgetful, p: Parameters) -> dict[str, np.ndarray]:
    """What typical mistakes give, by the sentence that explains them."""
    L, n, j = len(case[0]), len(case[2]), p["corrections"]
    found = {
        "That is the training with kept states; yours is to recover them.": _forgetful_run(
            case, p, exact=True
        ),
        "That is one correction more than your class makes.": _forgetful_run(
            case, {**p, "corrections": j + 1}
        ),
        "The factor L is missing in the gradient.": _forgetful_run(case, p, 1 / L),
        "The factor L comes twice.": _forgetful_run(case, p, L),
        HALF: _forgetful_run(case, p, 0.5),
        "The mean over samples is missing in the gradient.": _forgetful_run(case, p, n),
    }
    if j:
        fewer = _forgetful_run(case, {**p, "corrections": j - 1})
        found["That is one correction fewer than your class makes."] = fewer
    losses = {words: run[0] for words, run in found.items()}
    halves = {
        "That is half the loss, and steps with half the gradient.": losses[HALF] / 2,
        "That is half the loss; the steps are right.": _forgetful_run(case, p)[0] / 2,
    }
    return finite(losses | halves)


def forgetful_losses_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The losses of a training with recovered states."""
    for case in _forgetful_cases(rng):
        yield Case(
            case,
            _forgetful_run(case, p)[0],
            partial(_mistaken_forgetful, case, p),
            "The losses are others. Is the first one right? Then look at the recovered states.",
            pick="losses",
            of=FORGETFUL,
        )


def forgetful_errors_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The relative error of the gradient, before and after."""
    for case in _forgetful_cases(rng):
        gaps = [_gradient_gap(case, w, p) for w in (case[:2], _forgetful_run(case, p)[1])]
        right = np.array([np.sqrt(gap[0].sum() / gap[1].sum()) for gap in gaps])
        mistakes = {
            "That is the error itself; divide it by the norm of the exact gradient.": np.array(
                [len(case[0]) * np.sqrt(gap[0].sum()) for gap in gaps]
            ),
            "That is the error of the plain gradient; divide it by the norm of the exact one.": (
                np.array([np.sqrt(gap[0].sum()) for gap in gaps])
            ),
            "The root is missing: these are the squares of the errors.": right**2,
            "That is the error in V alone; both arrays belong to the gradient.": np.array(
                [np.sqrt(gap[0, 0] / gap[1, 0]) for gap in gaps]
            ),
            "That is the error in W alone; both arrays belong to the gradient.": np.array(
                [np.sqrt(gap[0, 1] / gap[1, 1]) for gap in gaps]
            ),
            "The end is first; the start is to be.": right[::-1],
        }
        hint = "The errors of the gradient before and after training are others."
        yield Case(case, right, mistakes, hint, pick="errors", of=FORGETFUL)


PROBLEMS = (
    Problem(
        "4.1",
        "certify",
        8,
        draw_certificate,
        (
            Part("gradient in the metric of depth", 3, linear_gradient_cases),
            Part("constant for all targets", 2, linear_constant_cases),
            Part("guaranteed time", 3, linear_time_cases),
        ),
    ),
    Problem(
        "4.2",
        "train_normal",
        9,
        draw_normal,
        (
            Part("weights at a time", 5, normal_weights_cases),
            Part("limit of the product", 2, normal_product_cases),
            Part("limit of the loss", 2, normal_floor_cases),
        ),
    ),
    Problem(
        "4.3",
        "back",
        9,
        draw_stages,
        (
            Part("derivatives by the weights", 5, stage_gradient_cases),
            Part("derivatives by the inputs", 2, stage_start_cases),
            Part("derivative by the method", 2, stage_alpha_cases),
        ),
    ),
    Problem(
        "4.4",
        "plan_memory",
        8,
        draw_plan,
        (
            Part("least cost", 3, least_cost_cases),
            Part("a plan that can be carried out", 3, plan_cases),
            Part("a plan of the least cost", 2, plan_cost_cases),
        ),
    ),
    Problem(
        "4.5",
        "way_back",
        9,
        draw_way,
        (
            Part("leading term", 5, leading_cases),
            Part("layers for a tolerance", 1, layers_cases),
            Part("what rounding becomes", 3, amplification_cases),
        ),
    ),
    Problem(
        "4.8",
        "train_forgetful",
        8,
        draw_forgetful,
        (
            Part("the losses", 5, forgetful_losses_cases),
            Part("the errors of the gradient", 3, forgetful_errors_cases),
        ),
    ),
)
