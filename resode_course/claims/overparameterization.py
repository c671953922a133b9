"""The PL constant of wide residual networks: the claims of the chapter."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import ceil, log, sqrt
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_lib import diagnostics, stacks, training
from resode_lib._types import Array, Key, Stack
from resode_lib.blocks import TwoLayer
from resode_lib.resnet import ResNet

__all__ = [
    "GramPositive",
    "GramWidth",
    "PLBall",
    "PLConstant",
    "bottom",
    "directions",
    "duplicated",
    "radius",
]

Activation = Callable[[np.ndarray], np.ndarray]
Points = Callable[[int, int, int], np.ndarray]
"""From samples, dimensions and a seed to points of the unit sphere, shape (n, dimensions)."""

EPS = float(np.finfo(float).eps)
ORDER = 60  # of Hermite series
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(200)
WEIGHTS = WEIGHTS / WEIGHTS.sum()  # Gauss's rule for the standard Gaussian
TWICE = "the second input → the first one again, with a target of its own"


def directions(samples: int, inputs: int, seed: int) -> np.ndarray:
    """Return independent uniform points of the unit sphere."""
    points = np.random.default_rng(seed).standard_normal((samples, inputs))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def duplicated(samples: int, inputs: int, seed: int) -> np.ndarray:
    """Return the same with the first point given twice."""
    points = directions(samples, inputs, seed)
    points[1] = points[0]
    return points


def opposite(samples: int, inputs: int, seed: int) -> np.ndarray:
    """Return the same with the first point and its negative."""
    points = directions(samples, inputs, seed)
    points[1] = -points[0]
    return points


def features(
    points: np.ndarray, neurons: int, activation: Activation, seed: tuple[int, ...]
) -> np.ndarray:
    """Return ``S``, shape (m, n): one row per Gaussian neuron, one column per input."""
    W = np.random.default_rng(seed).standard_normal((neurons, points.shape[1]))
    return activation(W @ points.T)


def bottom(S: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Return the n-th and the first singular value of ``S``, shape (m, n), and the n-th vector."""
    _, values, vectors = np.linalg.svd(S, full_matrices=True)
    least = values[S.shape[1] - 1] if len(S) >= S.shape[1] else 0.0
    return float(least), float(values[0]), vectors[-1]


def first_features(model: ResNet, x: np.ndarray) -> np.ndarray:
    """Return ``S = tanh(W A X / sqrt(d))`` of the first layer, shape (m, n)."""
    W, A = np.asarray(model.stack.W[0]), np.asarray(model.A[...])
    return np.tanh(W @ A @ x.T / sqrt(W.shape[1]))


def many(samples: int) -> tuple[int, ...]:
    """Return numbers of neurons from ``n`` on."""
    return samples, 2 * samples, 8 * samples


def few(samples: int) -> tuple[int, ...]:
    """Return numbers of neurons below ``n``."""
    return samples // 2, 2 * samples // 3, samples - 1


@jax.jit  # one program for each shape
def pl_ratios(model: ResNet, x: Array, residuals: Array) -> Array:
    """Return the PL ratio of the residual weights for each of several residuals."""
    start = model(x)

    def ratio(residual: Array) -> Array:
        def loss(stack: Stack) -> Array:
            prediction = ResNet(model.A[...], stack, model.B[...])(x)
            return training.mean_squared_error(prediction, start - residual)

        return diagnostics.pl_ratio(loss, model.stack)

    return jax.vmap(ratio)(residuals)


@dataclass(frozen=True)
class PLConstant(
    Claim,
    label="prop-pl-constant",
    source="the course; the first layer of the proof of Proposition 5 of Marion et al. 2023",
):
    """With V = 0 the PL constant of the residual weights is 4 λ_min(SᵀS)/(nm).

    So it is positive if and only if the features S of the n samples are independent, and never for
    m < n. Random inputs on a sphere, tanh; the residuals R lie along the bottom singular vector of
    S, or are random. The ratio is that of automatic differentiation through the whole network.
    """

    width: int = 15
    inputs: int = 10
    outputs: int = 5
    samples: int = 30
    depth: int = 6
    neurons: Callable[[int], tuple[int, ...]] = many
    points: Points = directions

    family: ClassVar = {"width": (10, 15, 25), "samples": (8, 20, 30), "outputs": (1, 5, 10)}
    controls: ClassVar = {
        "fewer neurons than samples": Control(
            "n, 2n and 8n neurons → n/2, 2n/3 and n - 1",
            fails="smallest constant / rounding",
            why="A matrix of m < n rows has a kernel: residuals in it have no gradient.",
            neurons=few,
        ),
        "one input twice": Control(
            TWICE,
            fails="smallest constant / rounding",
            why="Two equal columns of S: opposite residuals at the twins have no gradient.",
            points=duplicated,
        ),
    }

    def run(self) -> Measured:
        """Evaluate the formula, and the PL ratios at the worst residual and at random ones."""
        rows = [self._constants(m) for m in self.neurons(self.samples)]
        names = ("formula", "worst", "random", "largest")
        return Measured(**dict(zip(names, map(np.array, zip(*rows, strict=True)), strict=True)))

    def _constants(self, hidden: int) -> tuple[float, float, float, float]:
        """Return formula, worst ratio, least random ratio, and the formula with ``s_1``."""
        n, keys = self.samples, jax.random.split(jax.random.key(self.seed), 3)
        x = self.points(n, self.inputs, self.seed) * sqrt(self.width)
        model = ResNet.at_identity(
            keys[0],
            inputs=self.inputs,
            outputs=self.outputs,
            width=self.width,
            hidden=hidden,
            depth=self.depth,
        )
        least, largest, vector = bottom(first_features(model, x))
        worst = vector[:, None] * jax.random.normal(keys[1], (1, self.outputs))
        random = jax.random.normal(keys[2], (9, n, self.outputs))

        residuals = jnp.concatenate([worst[None], random])
        ratios = np.asarray(pl_ratios(model, jnp.asarray(x), residuals))
        unit = 4 / (n * hidden)
        return unit * least**2, ratios[0], ratios[1:].min(), unit * largest**2

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Formula and differentiation agree to rounding, and beyond it they are positive.

        Singular values have errors of ``e = (m + n) eps s_1``, so their squares have
        ``2 s_n e + e^2``, and a square that is zero shows up to ``e^2``.
        """
        sizes = np.array(self.neurons(self.samples)) + self.samples
        e = sizes * EPS * np.sqrt(measured.largest)
        error = np.abs(measured.worst - measured.formula) / (
            2 * np.sqrt(measured.formula) * e + e**2
        )
        least = np.maximum(measured.formula, e**2)
        return (
            Check("|ratio - formula| / rounding", float(error.max()), high=1),
            Check(
                "random targets: smallest ratio / formula",
                float((measured.random / least).min()),
                low=1,
            ),
            Check("smallest constant / rounding", float((measured.worst / e**2).min()), low=1),
        )

    def picture(self, measured: Measured) -> Picture:
        """The ratio at the worst residual on the formula."""
        return Picture(
            self.neurons(self.samples),
            {"worst residual": measured.worst, "random residuals": measured.random},
            {"4 λ_min(SᵀS)/(nm)": measured.formula},
            xlabel="neurons m",
            ylabel="‖gradient‖² / loss",
            lower=True,
        )


def as_many(samples: int) -> int:
    """Return ``n``."""
    return samples


def one_fewer(samples: int) -> int:
    """Return ``n - 1``."""
    return samples - 1


def identity(a: np.ndarray) -> np.ndarray:
    """Return ``a``: features that are linear in the input."""
    return a


@dataclass(frozen=True)
class GramPositive(Claim, label="prop-gram-positive", source="proved in the course"):
    """For m ≥ n Gaussian neurons the feature vectors of n inputs are independent, almost surely.

    The inputs are nonzero and no two are parallel, the activation is analytic and no polynomial.
    Twelve points of the sphere in R⁵, m = n, tanh, and twenty draws of the neurons.
    """

    samples: int = 12
    inputs: int = 5
    draws: int = 20
    neurons: Callable[[int], int] = as_many
    points: Points = directions
    activation: Activation = np.tanh

    family: ClassVar = {
        "samples": (8, 12, 16),
        "inputs": (3, 5, 7),
        "activation": (np.tanh, np.sin, np.arctan),
    }
    controls: ClassVar = {
        "fewer neurons than samples": Control(
            "n neurons → n - 1",
            fails="smallest rank of S / n",
            why="The rank is at most the number of rows.",
            neurons=one_fewer,
        ),
        "one input twice": Control(
            "the second input → the first one again",
            fails="smallest rank of S / n",
            why="Two columns are equal.",
            points=duplicated,
        ),
        "two opposite inputs": Control(
            "the second input → minus the first one",
            fails="smallest rank of S / n",
            why="An odd activation gives opposite columns.",
            points=opposite,
        ),
        "a linear activation": Control(
            "the activation → the identity, a polynomial",
            fails="smallest rank of S / n",
            why="The rank is at most the dimension of the inputs.",
            activation=identity,
        ),
    }

    def run(self) -> Measured:
        """Draw the neurons and decompose the features."""
        points, m = self.points(self.samples, self.inputs, self.seed), self.neurons(self.samples)
        draws = [
            features(points, m, self.activation, (self.seed, draw)) for draw in range(self.draws)
        ]
        values = np.array([np.linalg.svd(S, compute_uv=False) for S in draws])
        return Measured(relative=values / values[:, :1])

    def _rounding(self) -> float:
        return self.samples * EPS

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The rank counts singular values above rounding, ``n eps s_1``, as is usual."""
        ranks = (measured.relative > self._rounding()).sum(axis=1)
        return (Check("smallest rank of S / n", float(ranks.min() / self.samples), low=1),)

    def picture(self, measured: Measured) -> Picture:
        """All singular values, the least over the draws, above rounding."""
        least = measured.relative.min(axis=0)
        return Picture(
            np.arange(1, len(least) + 1),
            {"least over the draws": least},
            {"above rounding": np.full(len(least), self._rounding())},
            xlabel="number of the singular value",
            ylabel="singular value / the first",
            log="y",
            lower=True,
        )


def coherence(points: np.ndarray) -> float:
    """Return the largest ``|u_i . u_j|`` over pairs of different points."""
    return float(np.abs(points @ points.T - np.eye(len(points))).max())


@cache
def hermite_coefficients(activation: Activation) -> np.ndarray:
    """Return ``E sigma(g) h_r(g)`` for the normalised Hermite polynomials ``h_r``, r = 0..60."""
    polynomials = [np.ones_like(NODES), NODES]
    for r in range(1, ORDER):
        new = NODES * polynomials[r] - np.sqrt(r) * polynomials[r - 1]
        polynomials.append(new / np.sqrt(r + 1))
    return np.array([WEIGHTS @ (activation(NODES) * p) for p in polynomials])


def limit_gram(points: np.ndarray, activation: Activation) -> np.ndarray:
    """Return ``E sigma(w . u_i) sigma(w . u_j)``: the Gram matrix of infinitely many neurons."""
    cosines = np.minimum(points @ points.T, 1.0)
    gram = sum(
        eta**2 * cosines**r for r, eta in enumerate(hermite_coefficients(activation))
    )  # the series is short unless the cosine is near one
    gram[cosines > 1 - 1e-12] = WEIGHTS @ activation(NODES) ** 2
    return gram


def floor(samples: int, rho: float, activation: Activation) -> float:
    """Return ``lambda_* = sum_r eta_r^2 max(0, 1 - (n - 1) rho^r)``."""
    eta = hermite_coefficients(activation)
    return float(np.sum(eta**2 * np.maximum(0, 1 - (samples - 1) * rho ** np.arange(len(eta)))))


def enough(samples: int, promise: float, delta: float) -> int:
    """Return ``8 n / lambda log(n / delta)``, for an activation bounded by one."""
    return ceil(8 * samples / promise * log(samples / delta))


def too_few(samples: int, promise: float, delta: float) -> int:
    """Return ``n``."""
    return samples


@dataclass(frozen=True)
class GramWidth(
    Claim,
    label="prop-gram-width",
    source="after Marion, Wu, Sander, Biau 2023, Proposition 5; proved in the course",
):
    """With (8n/λ*) log(n/δ) Gaussian neurons λ_min(SᵀS)/m ≥ λ*/2, except with probability δ.

    λ* > 0 is explicit in how close inputs are, and below λ_min of infinitely many neurons. Eight
    nearly orthogonal points of the sphere in R¹⁰⁰, tanh, δ = 0.1, twenty draws of the neurons.
    """

    samples: int = 8
    inputs: int = 100
    delta: float = 0.1
    draws: int = 20
    activation: Activation = np.tanh
    points: Points = directions
    neurons: Callable[[int, float, float], int] = enough

    family: ClassVar = {
        "samples": (4, 6, 8),
        "inputs": (100, 200, 400),
        "activation": (np.tanh, np.sin),
    }
    controls: ClassVar = {
        "as many neurons as samples": Control(
            "(8n/λ*) log(n/δ) neurons → n",
            fails="share of draws below half the promise",
            why="Then the features are independent, and no more than that.",
            neurons=too_few,
        ),
        "one input twice": Control(
            "the second input → the first one again, λ* as before",
            fails=("limit / promise", "share of draws below half the promise"),
            why="No number of neurons tells equal inputs apart.",
            points=duplicated,
        ),
    }

    def run(self) -> Measured:
        """Promise what near orthogonality gives, then draw."""
        n = self.samples
        rho = coherence(directions(n, self.inputs, self.seed))
        promise, points = floor(n, rho, self.activation), self.points(n, self.inputs, self.seed)
        m = self.neurons(n, promise, self.delta)
        drawn = [
            bottom_value(features(points, m, self.activation, (self.seed, draw))) ** 2 / m
            for draw in range(self.draws)
        ]
        limit = np.linalg.eigvalsh(limit_gram(points, self.activation))[0]
        return Measured(promise=promise, limit=float(limit), drawn=np.array(drawn))

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The limit keeps the promise, and all but a part delta of the draws half of it.

        The share is that of a sample, the probability is far below delta.
        """
        share = float((measured.drawn < measured.promise / 2).mean())
        return (
            Check("limit / promise", measured.limit / measured.promise, low=1),
            Check("share of draws below half the promise", share, high=self.delta),
        )

    def picture(self, measured: Measured) -> Picture:
        """The draws in order, above half the promise."""
        return Picture(
            np.arange(1, self.draws + 1),
            {"λ_min(SᵀS)/m": np.sort(measured.drawn)},
            {"λ*/2": np.full(self.draws, measured.promise / 2)},
            xlabel="draws in order",
            ylabel="smallest eigenvalue",
            log="y",
            lower=True,
        )


def bottom_value(S: np.ndarray) -> float:
    """Return the n-th singular value of ``S``, shape (m, n), of at least as many rows."""
    return float(np.linalg.svd(S, compute_uv=False)[-1])


def radius(W: np.ndarray, samples: int, bottom: float) -> float:
    """Return the largest ``M <= 1/4`` that the proof allows, by bisection.

    ``a = M (w + M) / sqrt(m d) <= 1/4`` and ``2 sqrt(n) (2 M + w (M + 2 a)) <= sqrt(lambda m)``
    with ``w = ||W||_2``, for tanh.

    Args:
        W: inner weights at the start, shape (m, d).
        samples: ``n``.
        bottom: ``lambda``.
    """
    (m, d), w = W.shape, float(np.linalg.norm(W, ord=2))

    def allowed(M: float) -> bool:
        a = M * (w + M) / sqrt(m * d)
        return a <= 1 / 4 and 2 * sqrt(samples) * (2 * M + w * (M + 2 * a)) <= sqrt(bottom * m)

    low, high = 0.0, 0.25
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if allowed(middle) else (low, middle)
    return low


def all_of_them(model: ResNet, samples: int) -> TwoLayer:
    """Return the first layer as it is."""
    return jax.tree.map(lambda leaf: leaf[0], model.stack)


def too_few_of_them(model: ResNet, samples: int) -> TwoLayer:
    """Return ``n - 2`` neurons of the first layer."""
    return TwoLayer(model.stack.V[0, :, : samples - 2], model.stack.W[0, : samples - 2])


def to_the_sphere(M: float, W: np.ndarray) -> float:
    """Return the radius of the ball."""
    return M


def to_zero(M: float, W: np.ndarray) -> float:
    """Return the distance from ``W`` to zero, far outside the ball."""
    return float(np.linalg.norm(W))


@dataclass(frozen=True)
class PLBall(
    Claim,
    label="thm-pl-ball",
    source="after Marion, Wu, Sander, Biau 2023, Proposition 5; proved in the course",
):
    """On a ball of explicit radius, the same for all depths, L Σ‖∂ℓ/∂Vₖ‖² ≥ 0.3 (λ/n) ℓ.

    λ = λ_min(SᵀS)/m at the start. Six inputs in R⁴, one output, 64 neurons, tanh. We look at 32
    points on the sphere around the start: random ones, smaller weights, and where the ratio falls
    most steeply. Part (b) asks for so many neurons that only its radius is computed.
    """

    samples: int = 6
    inputs: int = 4
    width: int = 5
    hidden: int = 64
    depths: tuple[int, ...] = (1, 16)
    points: Points = directions
    kept: Callable[[ResNet, int], TwoLayer] = all_of_them
    distance: Callable[[float, np.ndarray], float] = to_the_sphere

    family: ClassVar = {
        "samples": (4, 6, 8),
        "inputs": (3, 4),
        "width": (5, 8, 12),
        "hidden": (32, 64, 128),
    }
    controls: ClassVar = {
        "fewer neurons than samples": Control(
            "64 neurons → the first n - 2 of them, with λ and radius as before",
            fails="smallest ratio / promise",
            why="The features of n samples are dependent then.",
            kept=too_few_of_them,
        ),
        "one input twice": Control(
            TWICE + "; λ and radius as before",
            fails="smallest ratio / promise",
            why="No gradient sees opposite residuals at equal inputs.",
            points=duplicated,
        ),
        "weights far outside the ball": Control(
            "the distance from the start: the radius M → the norm of W",
            fails="smallest ratio / promise",
            why="Where W has shrunk to zero all features are gone.",
            distance=to_zero,
        ),
    }

    def start(self, depth: int) -> ResNet:
        """Return the initialisation of the paper."""
        return ResNet.at_identity(
            jax.random.key(self.seed),
            inputs=self.inputs,
            outputs=1,
            width=self.width,
            hidden=self.hidden,
            depth=depth,
        )

    def data(self, points: Points) -> np.ndarray:
        """Return inputs of norm ``sqrt(d)``."""
        return points(self.samples, self.inputs, self.seed) * sqrt(self.width)

    def ball(self) -> tuple[float, float]:
        """Return the radius ``M`` and ``lambda`` of distinct inputs, from the proof."""
        model = self.start(1)
        least = bottom(first_features(model, self.data(directions)))[0] ** 2 / self.hidden
        return radius(np.asarray(model.stack.W[0]), self.samples, least), least

    def run(self) -> Measured:
        """Measure the ratio on the sphere around the start, at every depth."""
        M, least = self.ball()
        start, x = self.start(1), self.data(self.points)
        block = self.kept(start, self.samples)
        models = [
            ResNet(start.A[...], stacks.tied(block, depth), start.B[...]) for depth in self.depths
        ]
        y = jnp.asarray(bottom(first_features(models[0], x))[2][:, None])
        distance = self.distance(M, np.asarray(start.stack.W[0]))
        key = jax.random.key(self.seed)
        ratios = [around(model, jnp.asarray(x), y, distance, key) for model in models]
        return Measured(
            radius=M,
            promise=0.3 * least / self.samples,
            ratios=np.array(ratios),
            part_b=self._part_b(),
        )

    def _part_b(self, inputs: int = 100, delta: float = 0.1) -> float:
        """Return the radius of (b) over the largest of (a), with ``lambda_* / 2`` in both.

        ``W`` is Gaussian and as large as (b) asks.
        """
        n, d = self.samples, inputs + 1
        promise = floor(n, coherence(directions(n, inputs, self.seed)), np.tanh)
        m = max(d, ceil(2 * log(2 / delta)), enough(n, promise, delta))
        W = np.random.default_rng(self.seed + 1).standard_normal((m, d))
        return sqrt(promise / (2 * n)) / 58 / radius(W, n, promise / 2)

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The inequality wherever we look, and the radius of (b) is one that (a) allows."""
        ratio = float(measured.ratios.min() / measured.promise)
        return (
            Check("smallest ratio / promise", ratio, low=1),
            Check("radius of (b) / radius of (a)", measured.part_b, high=1),
        )

    def picture(self, measured: Measured) -> Picture:
        """The smallest ratio at each depth, above the promise."""
        return Picture(
            self.depths,
            {"smallest ratio on the sphere": measured.ratios.min(axis=1)},
            {"0.3 λ/n": np.full(len(self.depths), measured.promise)},
            ylabel="L Σ‖∂ℓ/∂Vₖ‖² / ℓ",
            log="xy",
            lower=True,
        )


@jax.jit  # one program for each shape
def around(model: ResNet, x: Array, y: Array, M: Array, key: Key) -> Array:
    """Return the ratios of the outer weights' gradient at 32 points, every array ``M`` away.

    The first point has all arrays smaller, where features are weakest, the second lies where the
    ratio falls most steeply, the others are random.
    """
    centre = (model.A[...], model.stack.V[...], model.stack.W[...], model.B[...])

    def ratio(arrays: tuple[Array, ...]) -> Array:
        A, V, W, B = arrays

        def loss(V: Array) -> Array:
            return training.mean_squared_error(ResNet(A, jax.vmap(TwoLayer)(V, W), B)(x), y)

        value, gradient = jax.value_and_grad(loss)(V)
        return len(V) * jnp.sum(gradient**2) / value

    def moved(array: Array, moves: Array) -> Array:
        lengths = jnp.sqrt(jnp.sum(moves**2, axis=(-2, -1), keepdims=True))
        return array[None] + M * moves / jnp.maximum(lengths, 1e-300)

    def points(array: Array, slope: Array, key: Key) -> Array:
        random = jax.random.normal(key, (30, *array.shape))
        return moved(array, jnp.concatenate([jnp.stack([-array, -slope]), random]))

    keys = jax.random.split(key, len(centre))
    return jax.vmap(ratio)(tuple(map(points, centre, jax.grad(ratio)(centre), keys)))
