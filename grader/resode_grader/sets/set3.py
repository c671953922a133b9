"""Problem set 3: the Polyak-Lojasiewicz condition, overparameterization, the double limit."""

from collections.abc import Iterator
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from resode_course.coursework.cases import Case
from resode_course.coursework.marks import Property
from resode_course.coursework.properties import Blind
from resode_grader.sets._draws import ACTIVATIONS, count, derivative, two_digits
from resode_grader.sets._networks import Weights, finite, momentum, pulled_back, states, trained
from resode_grader.sets._problem import Part, Problem

__all__ = ["PROBLEMS"]

Parameters = dict[str, Any]
Rng = np.random.Generator


# 3.1: a certificate for a loss that is not convex


def draw_certificate(rng: Rng) -> Parameters:
    """How wavy the loss is, and the step as a part of 1/beta."""
    step = two_digits(rng, 0.4, 0.7) if rng.random() < 0.5 else two_digits(rng, 1.3, 1.7)
    return {"wave": two_digits(rng, 1.6, 3.4), "step": step}


def _wave_constant(wave: float) -> float:
    """The smallest ratio of ``phi'^2`` and ``phi`` for ``phi(r) = r^2 + wave sin^2 r``."""
    # Beyond r = 12 the ratio is above (2 r - wave)^2 / (r^2 + wave) > 2.5, more than its minimum.
    low, high = 1e-2, 12.0
    for _ in range(4):  # each grid starts from the neighbours of the last one's best point
        r = np.linspace(low, high, 2001)
        ratio = (2 * r + wave * np.sin(2 * r)) ** 2 / (r**2 + wave * np.sin(r) ** 2)
        j = int(np.clip(ratio.argmin(), 1, len(r) - 2))
        low, high = r[j - 1], r[j + 1]
    return float(ratio.min())


def _matrices(rng: Rng) -> list[np.ndarray]:
    """Matrices with independent rows: wide, a single row, much wider than high."""
    return [rng.normal(size=shape) for shape in ((3, 6), (1, 4), (2, 5), (4, 40))]


def _spectrum(A: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest eigenvalue of ``A A^T``."""
    values = np.linalg.eigvalsh(A @ A.T)
    return float(values[0]), float(values[-1])


_certificate = partial(Case, of=("mu", "beta", "steps"))


def constant_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The PL constant of the composition."""
    wave = _wave_constant(p["wave"])
    for A in _matrices(rng):
        low, high = _spectrum(A)
        mistakes = {
            "The eigenvalue is that of A A^T, the square of a singular value.": wave * low**0.5,
            "Every residual must be seen: the smallest eigenvalue counts, not the largest.": wave
            * high,
            "That is the constant in the convention with 1/2.": wave * low / 2,
            "That is the ratio at r = 0; it is smaller elsewhere.": 4 * (1 + p["wave"]) * low,
            "That is the ratio far out, or of r^2 alone; the wave makes it smaller.": 4 * low,
            "The matrix is missing.": wave,
            "The eigenvalue of A^T A is zero if A is wide; A A^T is what acts on residuals.": 0.0,
        }
        hint = f"For a matrix of shape {A.shape} it is another number; find both minima apart."
        yield _certificate((A, 0.1), wave * low, mistakes, hint, pick="mu", tolerance=1e-4)


def smoothness_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The smallest Lipschitz constant of the gradient."""
    for A in _matrices(rng):
        low, high = _spectrum(A)
        bend = 2 + 2 * p["wave"]
        mistakes = {
            "The steepest direction limits the step: the largest eigenvalue.": bend * low,
            "That is the second derivative of r^2 alone.": 2 * high,
            "Differentiate c sin^2 r twice: 2 c cos 2 r.": (2 + p["wave"]) * high,
            "The eigenvalue is the square of a singular value.": bend * high**0.5,
            "The matrix is missing.": bend,
            "The trace adds all directions; each has its own limit.": bend * np.sum(A**2),
        }
        hint = f"For a matrix of shape {A.shape} it is another number; where is phi'' largest?"
        yield _certificate((A, 0.1), bend * high, mistakes, hint, pick="beta", tolerance=1e-4)


def steps_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The number of steps that the theorem on descent guarantees."""
    for A in _matrices(rng):
        part = float(10 ** rng.uniform(-6, -1))
        low, high = _spectrum(A)
        quotient = _wave_constant(p["wave"]) * low / ((2 + 2 * p["wave"]) * high)
        needed = np.log(part) / np.log1p(-quotient * p["step"] * (1 - p["step"] / 2))
        right, spread = count(needed)
        mistakes = {
            "That is for the step 1/beta; your class has another one.": count(
                np.log(part) / np.log1p(-quotient / 2)
            )[0],
            "That is the flow's exponential; a step loses the factor 1 - beta eta / 2.": count(
                -np.log(part) / quotient / p["step"]
            )[0],
        }
        words = f"For a matrix of shape {A.shape} and the part {part:.2g} these are"
        yield _certificate(
            (A, part),
            right,
            mistakes,
            f"{words} more than needed.",
            pick="steps",
            tolerance=1.0,
            size=spread,
            below=f"{words} too few.",
            whole=1,
        )


# 3.2: the tangent kernel of a residual network


def draw_kernel(rng: Rng) -> Parameters:
    """An activation and a readout."""
    return {
        "activation": str(rng.choice(sorted(ACTIVATIONS))),
        "readout": [two_digits(rng, 0.4, 1.4) * int(rng.choice([-1, 1])) for _ in range(4)],
    }


def _read(V: Any, W: Any, x: Any, p: Parameters) -> Any:
    """The outputs of the network; complex weights are welcome."""
    L, d, m = V.shape
    h = x
    for k in range(L):
        h = h + ACTIVATIONS[p["activation"]](h @ W[k].T / np.sqrt(d)) @ V[k].T / (L * np.sqrt(m))
    return h @ np.array(p["readout"])


def _kernels(V: np.ndarray, W: np.ndarray, x: np.ndarray, p: Parameters) -> list[np.ndarray]:
    """The parts of the kernel that belong to V and to W, from derivatives entry by entry."""
    parts = []
    for which in (0, 1):
        columns = []
        for index in np.ndindex(*(V, W)[which].shape):
            moved = [V.astype(complex), W.astype(complex)]
            moved[which][index] += 1e-30j
            columns.append(_read(*moved, x, p).imag / 1e-30)
        J = np.array(columns)
        parts.append(len(V) * J.T @ J)  # the norm of depth has a factor L
    return parts


def _kernel_case(rng: Rng, L: int, m: int, n: int) -> tuple[np.ndarray, ...]:
    """Weights and inputs of width four."""
    return rng.normal(size=(L, 4, m)), rng.normal(size=(L, m, 4)), 1.5 * rng.normal(size=(n, 4))


_kernel = partial(Case, of=("kernel", "constant"))


def start_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """At V = 0 the kernel is that of the features, summed over the layers."""
    for L, m, n, copies in ((1, 5, 3, 1), (4, 7, 5, 1), (20, 10, 6, 100)):
        V, W, x = _kernel_case(rng, L, m, n)
        # A wide network, so that no answer goes through the weights one by one. Its neurons have
        # two digits and stand there many times over, since a notebook holds them all.
        V, W, m = np.tile(V, copies), np.tile(W.round(2), (1, copies, 1)), m * copies
        size = np.sum(np.square(p["readout"]))
        grams = [
            features @ features.T / m
            for features in (ACTIVATIONS[p["activation"]](x @ w.T / 2) for w in W)
        ]
        right = size * np.mean(grams, axis=0)
        mistakes = {
            "The layers count by their mean: L from the norm, 1/L^2 from two derivatives.": L
            * right,
            "The factor L of the norm of depth is missing.": right / L,
            "The factor 1/m is missing: 1/sqrt(m) comes twice.": m * right,
            "The factor 1/sqrt(m) comes twice.": np.sqrt(m) * right,
            "The readout is missing: costates are b, not one.": right / size,
            "The readout enters with its squared norm.": right / np.sqrt(size),
            "That is the first layer only; others have other weights.": size * grams[0],
        }
        hint = f"With V = 0 and L = {L} states and costates do not move; compute by hand."
        yield _kernel((0 * V, W, x), right, mistakes, hint, pick="kernel")


def kernel_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The kernel at any weights."""
    for L, m, n in ((1, 3, 4), (3, 4, 5)):
        V, W, x = case = _kernel_case(rng, L, m, n)
        outer, inner = _kernels(V, W, x, p)
        right = outer + inner
        mistakes = {
            "The derivatives in W are missing.": outer,
            "The derivatives in V are missing.": inner,
            "The factor 1/d of the derivatives in W is missing.": outer + 4 * inner,
            "The factor 1/m of the derivatives in W is missing.": outer + m * inner,
            "The factor L of the norm of depth is missing.": right / L,
            "The layers count by their mean.": right * L,
        }
        hint = (
            "One layer is wrong: pair h_0 with p_1, and mind the states' products in the part of W."
        )
        if L > 1:
            hint = "One layer is right, three are not: the costate of layer k is p_{k+1}."
        yield _kernel(case, right, mistakes, hint, pick="kernel")


def ratio_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The constant that holds at these weights whatever the targets are."""
    for L, m, n in ((2, 4, 4), (3, 2, 3)):
        V, W, x = case = _kernel_case(rng, L, m, n)
        kernel = sum(_kernels(V, W, x, p))
        values = np.linalg.eigvalsh(kernel)
        right = 4 / n * values[0]
        mistakes = {
            "That is the eigenvalue; the squared error brings a factor 4/n.": values[0],
            "Gradients of the mean have 2/n, squared 4/n^2, and the loss has 1/n.": right / n,
            "The factor 2 of the squared error comes twice.": right / 2,
            "That is the best direction of the errors; the worst is asked.": 4 / n * values[-1],
            "The factor is 4/n.": right * n,
        }
        other = "It belongs to a kernel, and yours is not right yet."
        yield _kernel(
            case,
            right,
            mistakes,
            "It does not belong to the smallest eigenvalue of the kernel.",
            pick="constant",
            tolerance=1e-5,
            first=_kernel(case, kernel, {}, other, pick="kernel"),
        )


# 3.3: the ball in which a flow stays


def draw_ball(rng: Rng) -> Parameters:
    """The slope of the block and the input."""
    return {"slope": two_digits(rng, 0.6, 1.6), "input": two_digits(rng, 0.5, 1.8)}


def _others(factors: np.ndarray) -> np.ndarray:
    """For each layer the product of all other factors, which are positive."""
    return factors.prod() / factors


def _ball(theta: np.ndarray, M: float, p: Parameters) -> tuple[float, float]:
    """The PL constant on the ball, and the largest speed of a layer over the root of the loss."""
    a, x, L = p["slope"], p["input"], len(theta)
    u, step = 1 + a * theta / L, a * M / L
    mu = 4 * (a * x) ** 2 / L * np.sum(_others(u - step) ** 2)
    return float(mu), float(2 * a * x * _others(u + step).max())


def _largest_gap(theta: np.ndarray, p: Parameters) -> float:
    """The largest ``mu M / (2 c)`` over all radii."""
    a, L = p["slope"], len(theta)
    # With factors near one the guarantee falls from a M < 1 on, long before 2.
    low, high = 0.0, min(float((L / a + theta).min()), 2 / a)
    for _ in range(4):
        radii = np.linspace(low, high, 203)[1:-1]
        values = [mu * M / (2 * c) for M in radii for mu, c in [_ball(theta, M, p)]]
        j = int(np.argmax(values))
        low, high = radii[max(j - 1, 0)], radii[min(j + 1, len(radii) - 1)]
    return float(max(values))


def _ball_cases(rng: Rng, p: Parameters) -> list[tuple[np.ndarray, float, float]]:
    """Starts of three depths, with a target and a radius."""
    cases = []
    for L in (6, 3, 120):
        theta = rng.uniform(-0.7, 0.7, size=L)
        output = p["input"] * np.prod(1 + p["slope"] * theta / L)
        cases.append((theta, float(output + rng.choice([-1, 1]) * rng.uniform(0.02, 0.2)), 0.0))
    return [(theta, target, two_digits(rng, 0.15, 0.5)) for theta, target, _ in cases]


_certified = partial(Case, of=("mu", "needed", "gap"))


def ball_constant_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The largest PL constant on the ball."""
    for case in _ball_cases(rng, p):
        theta, _, M = case
        L = len(theta)
        right = _ball(theta, M, p)[0]
        mistakes = {
            "That is the ratio at the start; the smallest on the ball is asked.": _ball(
                theta, 0.0, p
            )[0],
            "That is the largest ratio on the ball.": _ball(theta, -M, p)[0],
            "The norm of depth is missing: its square has a factor L.": right / L,
            "The mean over layers is missing.": right * L,
            "The input enters squared.": right / p["input"],
            "The input is missing.": right / p["input"] ** 2,
            "The slope enters squared.": right / p["slope"],
        }
        hint = f"With {L} layers it is another number; which corner of the ball is the worst?"
        yield _certified(case, right, mistakes, hint, pick="mu")


def needed_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """How far a layer can go."""
    for case in _ball_cases(rng, p):
        theta, target, M = case
        mu, c = _ball(theta, M, p)
        L = len(theta)
        gap = abs(p["input"] * np.prod(1 + p["slope"] * theta / L) - target)
        right = 2 * c * gap / mu
        mistakes = {
            "The root of the loss decays at the rate mu / 2.": right / 2,
            "The speed is proportional to the root of the loss.": right * gap,
            "That is the largest speed, not the way.": c * gap,
            "The fastest layer on the ball counts; costates grow towards its upper corner.": right
            * _ball(theta, 0.0, p)[1]
            / c,
            "That bounds a mean over layers; each layer has to stay in.": 2 * gap / np.sqrt(mu),
            "The constant of the start does not hold on the whole ball.": 2
            * c
            * gap
            / _ball(theta, 0.0, p)[0],
        }
        hint = f"With {L} layers it is another number: bound the speed, then integrate it."
        yield _certified(case, right, mistakes, hint, pick="needed")


def gap_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The largest distance of output and target that some radius certifies."""
    for case in _ball_cases(rng, p):
        theta, _, M = case
        right = _largest_gap(theta, p)
        mu, c = _ball(theta, M, p)
        third = 1 / (3 * p["slope"])
        mu_third, c_third = _ball(theta, third, p)
        mistakes = {
            "That is certified by the radius given; another one certifies more.": mu * M / (2 * c),
            "The way has a factor 2.": 2 * right,
            "That is the loss; the distance is its root.": right**2,
            "The radius 1 / (3 a) is best for infinitely many layers from zero only.": mu_third
            * third
            / (2 * c_third),
            "That is the limit for infinitely many layers from zero.": p["input"] / (3 * np.e),
        }
        hint = f"With {len(theta)} layers from this start, it is another number; try all radii."
        yield _certified(case, right, mistakes, hint, pick="gap", tolerance=1e-5)


# 3.4: what no width can see


def draw_widths(rng: Rng) -> Parameters:
    """The powers of which the activation is made."""
    # Powers 0 and 1 alone would make the features affine, too few for three inputs of the plane.
    choices = [c for size in (2, 3) for c in combinations(range(5), size) if c != (0, 1)]
    return {"powers": list(choices[rng.integers(len(choices))])}


def _products(x: np.ndarray, powers: list[int]) -> np.ndarray:
    """The sum of the entrywise powers of the inputs' inner products."""
    inner = (x @ x.T).astype(float)
    return sum(inner**r for r in powers)


def _rank(x: np.ndarray, powers: list[int]) -> int:
    """The number of inputs that infinitely many neurons tell apart."""
    values = np.linalg.eigvalsh(_products(x, powers))
    return int(np.sum(values > 1e-8 * values[-1]))


def _clear(x: np.ndarray, powers: list[int]) -> bool:
    """Whether no eigenvalue is small without being zero; then rounding cannot change a rank."""
    values = np.linalg.eigvalsh(_products(x, powers))
    return not ((values > 1e-10 * values[-1]) & (values < 1e-5 * values[-1])).any()


def _inputs(rng: Rng, powers: list[int], kind: str) -> np.ndarray:
    """Inputs in the plane with small whole coordinates, so that ranks are exact."""
    while True:
        n = {"few": 3, "many": 13, "line": 7}.get(kind, 5)
        x = rng.integers(-2, 3, size=(n, 2))
        if kind == "line":
            x = np.outer([1, 2, -1, 3, -2, 1, -3], rng.choice([[1, 0], [1, 1], [-1, 1]]))
        if kind == "opposite":
            x[1] = -x[0]
        if kind == "twice":
            x[2] = x[3]
        if kind == "zero":
            x[4] = 0
        if _clear(x, powers) and (kind != "few" or _rank(x, powers) == 3) and x[0].any():
            return x.astype(float)


KINDS = {
    "few": "Three inputs",
    "opposite": "Five inputs, two of them opposite to each other",
    "twice": "Five inputs, one of them twice",
    "zero": "Five inputs, one of them zero",
    "many": "Thirteen inputs of the plane",
    "line": "Seven inputs on a line",
}


_told_apart = partial(Case, of=("rank", "width", "blind"), tolerance=1e-9)


def rank_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The rank for almost all weights."""
    for kind, words in KINDS.items():
        x = _inputs(rng, p["powers"], kind)
        n, most = len(x), _rank(x, p["powers"])
        for m in sorted({1, max(most - 1, 1), most, n, 50}):
            mistakes = {
                "With so few neurons the rank is smaller.": most,
                "Not every set of inputs is told apart by this activation.": min(m, n),
                "That is the rank of the inputs; the activation makes more of them.": min(
                    m, int(np.linalg.matrix_rank(x))
                ),
            }
            hint = "you return another rank than almost all weights have."
            where = f"{words}, {m} neurons"
            yield _told_apart((x, m), min(m, most), mistakes, hint, pick="rank", where=where)


def width_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The smallest width with an invertible Gram matrix."""
    for kind, words in KINDS.items():
        x = _inputs(rng, p["powers"], kind)
        n, most = len(x), _rank(x, p["powers"])
        mistakes = {
            "no width is enough here; return 0.": n,
            "that many neurons reach the largest rank, but it is below the number of inputs.": most,
        }
        right = n if most == n else 0
        hint = "the width is another one."
        yield _told_apart((x, 2), right, mistakes, hint, pick="width", where=words)


def blind_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """An orthonormal basis of the errors that no neuron sees."""
    for kind, words in KINDS.items():
        x = _inputs(rng, p["powers"], kind)
        columns = len(x) - _rank(x, p["powers"])
        yield Blind(x, p["powers"], columns, rng.normal(size=(40, 2)).round(2), words)


# 3.5: lazy training and true training


def draw_lazy(rng: Rng) -> Parameters:
    """An activation and a training time."""
    return {
        "activation": str(rng.choice(["arctan", "sin", "softplus", "tanh"])),
        "time": two_digits(rng, 2.0, 4.0),
    }


def _lazy_velocity(
    V: np.ndarray, W: np.ndarray, h: np.ndarray, y: np.ndarray, name: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Minus the gradients of depth, and the outputs; the last coordinate is read."""
    L, d, m = V.shape
    states, inners = [h], []
    for k in range(L):
        inners.append(states[-1] @ W[k].T / np.sqrt(d))
        moved = ACTIVATIONS[name](inners[-1]) @ V[k].T / (L * np.sqrt(m))
        states.append(states[-1] + moved)
    out = states[-1][:, -1]
    costate = np.zeros_like(h)
    costate[:, -1] = 2 * (out - y) / len(y)
    dV, dW = np.empty_like(V), np.empty_like(W)
    for k in reversed(range(L)):
        back = derivative(name, inners[k]) * (costate @ V[k]) / np.sqrt(m)
        dV[k] = -costate.T @ ACTIVATIONS[name](inners[k]) / np.sqrt(m)
        dW[k] = -back.T @ states[k] / np.sqrt(d)
        costate = costate + back @ W[k] / (L * np.sqrt(d))
    return dV, dW, out


def _true(W: np.ndarray, x: np.ndarray, y: np.ndarray, depth: int, p: Parameters) -> np.ndarray:
    """The outputs after the training time, by the classical Runge-Kutta method."""
    h = np.hstack([x, np.zeros((len(x), 1))])
    V = np.zeros((depth, h.shape[1], len(W)))
    weights, steps = (V, np.tile(W, (depth, 1, 1))), 24
    dt = p["time"] / steps

    def slope(weights: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        return _lazy_velocity(*weights, h, y, p["activation"])[:2]

    def move(by: float, change: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        return tuple(w + by * c for w, c in zip(weights, change, strict=True))

    for _ in range(steps):
        a = slope(weights)
        b = slope(move(dt / 2, a))
        c = slope(move(dt / 2, b))
        e = slope(move(dt, c))
        weights = move(
            dt / 6, tuple(i + 2 * j + 2 * k + l for i, j, k, l in zip(a, b, c, e, strict=True))
        )
    return _lazy_velocity(*weights, h, y, p["activation"])[2]


def _gram(W: np.ndarray, x: np.ndarray, p: Parameters) -> np.ndarray:
    """The Gram matrix of the features at the start; the last coordinate of the states is zero."""
    features = ACTIVATIONS[p["activation"]](x @ W[:, :-1].T / np.sqrt(W.shape[1]))
    return features @ features.T / len(W)


def _relaxed(K: np.ndarray, y: np.ndarray, rate_time: float) -> np.ndarray:
    """The outputs that the kernel has reached, ``(1 - exp(-K rate_time)) y``."""
    values, vectors = np.linalg.eigh(K)
    return vectors @ (-np.expm1(-values * rate_time) * (vectors.T @ y))


def _lazy_cases(rng: Rng) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, int]]:
    """Weights, inputs, targets of a size that moves the features, and a depth."""
    return [
        (
            1.5 * rng.normal(size=(m, 4)),
            1.5 * rng.normal(size=(4, 3)),
            2.5 * rng.choice([-1, 1], size=4) * rng.uniform(0.5, 1.0, size=4),
            depth,
        )
        for m, depth in ((8, 4), (6, 1))
    ]


_trained_both = partial(Case, of=("lazy", "true", "order"))


def _mistaken_lazy(
    W: np.ndarray, x: np.ndarray, y: np.ndarray, depth: int, p: Parameters
) -> dict[str, np.ndarray]:
    """What typical mistakes give for lazy outputs, by the sentence that explains them."""
    K, n, T = _gram(W, x, p), len(x), p["time"]
    return {
        "Residuals decay with 2 K / n: the squared error has a factor 2.": _relaxed(K, y, T / n),
        "The mean over samples is missing.": _relaxed(K, y, 2 * T),
        "The loss decays with 4 / n; its residuals with half of that.": _relaxed(K, y, 4 * T / n),
        "These are the residuals that are left, with their sign changed.": y
        - _relaxed(K, y, 2 * T / n),
        "The factor 1/m is missing in the kernel.": _relaxed(len(W) * K, y, 2 * T / n),
        "The factor L of the flow cancels the depth in the kernel.": _relaxed(
            K, y, 2 * T / n / depth
        ),
        "The layers count by their mean, not by their sum.": _relaxed(K, y, 2 * T * depth / n),
        "These are the targets themselves; the time is finite.": y,
        "That is the true training.": _true(W, x, y, depth, p),
    }


def lazy_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The outputs of the linear model."""
    for case in _lazy_cases(rng):
        W, x, y, _ = case
        yield _trained_both(
            case,
            _relaxed(_gram(W, x, p), y, 2 * p["time"] / len(x)),
            partial(_mistaken_lazy, *case, p),
            "Write the ODE of the outputs for constant features, and solve it.",
            pick="lazy",
        )


def _mistaken_true(
    W: np.ndarray, x: np.ndarray, y: np.ndarray, depth: int, p: Parameters
) -> dict[str, np.ndarray]:
    """What typical mistakes give for true outputs, by the sentence that explains them."""
    T = p["time"]
    return {
        "That is lazy training.": _relaxed(_gram(W, x, p), y, 2 * T / len(x)),
        "The factor L is missing in the flow.": _true(W, x, y, depth, {**p, "time": T / depth}),
        "The factor 2 of the squared error is missing.": _true(
            W, x, y, depth, {**p, "time": T / 2}
        ),
    }


def true_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The outputs of the network."""
    for case in _lazy_cases(rng):
        yield _trained_both(
            case,
            _true(*case, p),
            partial(_mistaken_true, *case, p),
            f"With {case[-1]} layer(s) it is off by more than one per cent of the largest output.",
            pick="true",
            tolerance=0.01,
        )


def order_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The power of the targets' size in the relative difference."""
    for case in _lazy_cases(rng):
        depth = case[-1]
        other = "In a single layer no state moves before it is read."
        if depth > 1:
            other = "Behind the first layer the features see states that have moved."
        hint = f"With {depth} layer(s) it is not {{got}}. {other}"
        right = 2 if depth == 1 else 1
        yield _trained_both(case, right, {}, hint, pick="order", tolerance=1e-9)


# 3.8: the measured rate beside the constant at the start

Wide = tuple[np.ndarray, np.ndarray, np.ndarray, int, int]
WIDE = ("losses", "constant", "rate")


def draw_wide(rng: Rng) -> Parameters:
    """An activation, the step of descent, and over how many steps a rate is fitted."""
    return {
        "activation": str(rng.choice(sorted(ACTIVATIONS))),
        "rate": two_digits(rng, 0.2, 0.4),
        "window": int(rng.integers(8, 16)),
    }


def _wide_cases(rng: Rng) -> list[Wide]:
    """Inner weights, data, a depth and a number of steps."""
    # One shape, so that an answer is compiled once.
    m, n = 8, 4
    drawn = (
        (
            1.5 * rng.normal(size=(m, 4)),
            1.5 * rng.normal(size=(n, 3)),
            rng.choice([-1, 1], size=n) * rng.uniform(0.5, 1.0, size=n),
        )
        for _ in range(2)
    )
    return [(W.round(2), x.round(2), y.round(2), 3, 30) for W, x, y in drawn]


def _wide_run(
    case: Wide, p: Parameters, factor: float = 1.0, inner: float = 1.0, read: int = -1
) -> np.ndarray:
    """The losses of a training; the gradient of depth, and that of ``W``, come with factors."""
    W, x, y, depth, steps = case
    m, d = W.shape
    h = np.hstack([x, np.zeros((len(x), 1))])
    start = np.zeros((depth, d, m)), np.tile(W, (depth, 1, 1))

    def gradient(weights: Weights) -> tuple[float, Weights]:
        *before, last = states(weights, h, p["activation"])
        error, costate = last[:, read] - y, np.zeros_like(h)
        costate[:, read] = 2 * error / len(y)
        outer, other = pulled_back(weights, before, costate, p["activation"])
        return float((error**2).mean()), (outer, inner * other)

    return trained(gradient, start, steps, momentum(p["rate"], factor=factor * depth))[0]


def _mistaken_wide(case: Wide, p: Parameters) -> dict[str, np.ndarray]:
    """What typical mistakes give, by the sentence that explains them."""
    depth, n = case[3], len(case[1])
    found = {
        "The factor L is missing in the gradient.": _wide_run(case, p, 1 / depth),
        "The factor L comes twice.": _wide_run(case, p, depth),
        "The inner weights W do not move; all weights are trained.": _wide_run(case, p, inner=0.0),
        "The loss is a mean over samples; you take the sum.": n * _wide_run(case, p, n),
        "That is half the loss.": _wide_run(case, p, 0.5) / 2,
        "These are the losses of steps with half the gradient.": _wide_run(case, p, 0.5),
        "The last coordinate is read, not the first.": _wide_run(case, p, read=0),
        "The losses are the other way round: the first is that of the start.": _wide_run(case, p)[
            ::-1
        ],
    }
    return finite(found)


def wide_losses_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The losses of the training."""
    for case in _wide_cases(rng):
        yield Case(
            case,
            _wide_run(case, p),
            partial(_mistaken_wide, case, p),
            "The losses are others; is the first one the mean of y^2, with V = 0?",
            pick="losses",
            of=WIDE,
        )


def _wide_features(W: np.ndarray, x: np.ndarray, p: Parameters) -> np.ndarray:
    """The features of the samples, a row each, before training."""
    return ACTIVATIONS[p["activation"]](x @ W[:, :-1].T / np.sqrt(W.shape[1]))


def _gram_spectrum(S: np.ndarray) -> np.ndarray:
    """The eigenvalues of the Gram matrix of features, per neuron, in increasing order."""
    return np.linalg.eigvalsh(S @ S.T) / S.shape[1]


def start_constant_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The PL constant at the start."""
    for case in _wide_cases(rng):
        W, x, n = case[0], case[1], len(case[1])
        m, d = W.shape
        low, *_, high = _gram_spectrum(_wide_features(W, x, p))
        right = 4 * low / n
        unscaled = 4 / n * _gram_spectrum(_wide_features(np.sqrt(d) * W, x, p))[0]
        mistakes = {
            "That is the largest eigenvalue; the inequality needs the smallest.": 4 * high / n,
            "That is the eigenvalue itself; the loss brings the factor 4/n.": low,
            "The Gram matrix is to be divided by the number of neurons m.": right * m,
            "The gradient of a mean of squares has 2/n, its square 4/n^2, and the loss 1/n.": right
            / n,
            "The factor is 4/n: the 2 of the squared error comes squared.": right / 2,
            "That belongs to the sum over samples; the loss is their mean.": right * n,
            "The features see W h / sqrt(d), with the width d of the network.": unscaled,
            "The depth cancels: L layers, each with 1/L^2, and the factor L.": right / case[3],
        }
        hint = "The constant is another one; which gradient is left at V = 0, and how long is it?"
        yield Case(case, right, mistakes, hint, pick="constant", of=WIDE)


def rate_of_losses_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The rate at which the loss falls in the end."""
    for case in _wide_cases(rng):
        losses, eta, window = _wide_run(case, p), p["rate"], p["window"]
        logs = np.log(losses)

        def slope(size: int, logs: np.ndarray = logs, eta: float = eta) -> float:
            return float(-np.polyfit(eta * np.arange(size + 1), logs[-size - 1 :], 1)[0])

        right = slope(window)
        ends = np.log(losses[-window - 1] / losses[-1]) / (eta * window)
        constant = 4 / len(case[1]) * _gram_spectrum(_wide_features(*case[:2], p))[0]
        mistakes = {
            "That is the constant at the start; a rate is measured, from the losses.": constant,
            "That is the slope per step; the training time of a step is the rate.": right * eta,
            "The loss falls, so its rate is positive.": -right,
            "That is the rate of the whole run; the last steps are asked.": slope(len(losses) - 1),
            "The logarithm is the natural one.": right / np.log(10),
            "That is the rate of the root of the loss.": right / 2,
            "That joins two losses; the line of least squares uses all of them.": ends,
            "There are window + 1 losses in so many steps; one is missing.": slope(window - 1),
        }
        hint = "The rate is {got}; expected another one. Fit log(loss) against training time."
        yield Case(case, right, mistakes, hint, pick="rate", of=WIDE)


PROBLEMS = (
    Problem(
        "3.1",
        "certificate",
        8,
        draw_certificate,
        (
            Part("the PL constant", 4, constant_cases),
            Part("the smoothness", 2, smoothness_cases),
            Part("the number of steps", 2, steps_cases),
        ),
    ),
    Problem(
        "3.2",
        "tangent_kernel",
        9,
        draw_kernel,
        (
            Part("the kernel at V = 0", 3, start_cases),
            Part("the kernel at any weights", 4, kernel_cases),
            Part("the constant", 2, ratio_cases),
        ),
    ),
    Problem(
        "3.3",
        "certify",
        9,
        draw_ball,
        (
            Part("the constant on the ball", 3, ball_constant_cases),
            Part("the radius needed", 3, needed_cases),
            Part("the largest gap", 3, gap_cases),
        ),
    ),
    Problem(
        "3.4",
        "told_apart",
        8,
        draw_widths,
        (
            Part("the rank", 3, rank_cases),
            Part("the smallest width", 2, width_cases),
            Part("the blind directions", 3, blind_cases),
        ),
    ),
    Problem(
        "3.5",
        "train_both",
        8,
        draw_lazy,
        (
            Part("lazy training", 3, lazy_cases),
            Part("true training", 4, true_cases),
            Part("the order of the difference", 1, order_cases),
        ),
    ),
    Problem(
        "3.8",
        "train_wide",
        8,
        draw_wide,
        (
            Part("the losses", 4, wide_losses_cases),
            Part("the PL constant at the start", 2, start_constant_cases),
            Part("the measured rate", 2, rate_of_losses_cases),
        ),
    ),
)
