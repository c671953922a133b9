"""Linear residual networks in training: the claims of the chapter."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from numpy.polynomial import chebyshev

from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_course.claims._measure import guide, slope
from resode_lib import continuous, resnet, training
from resode_lib._types import Array, Scalar, Stack
from resode_lib.blocks import Linear
from resode_lib.training import Trajectory

__all__ = ["Commutator", "LinearDeterminant", "LinearFlow", "LinearLimit", "LinearPL"]

ROUNDOFF = 2.0**-53


def one(depth: int) -> float:
    """Return 1: the gradient flow in the metric of depth."""
    return 1.0


def one_over_depth(depth: int) -> float:
    """Return ``1/L``: the plain gradient, without the factor."""
    return 1 / depth


def normals(seed: int, *shape: int) -> np.ndarray:
    """Return Gaussian matrices, scaled to operator norm one."""
    drawn = np.random.default_rng(seed).standard_normal(shape)
    return drawn / np.linalg.norm(drawn, ord=2, axis=(-2, -1), keepdims=True)


def root_of_covariance(seed: int, width: int, spread: float) -> np.ndarray:
    """Return a symmetric root of a covariance with random axes and eigenvalues 1 to ``spread``."""
    axes = np.linalg.qr(np.random.default_rng(seed).standard_normal((width, width)))[0]
    return axes @ np.diag(np.sqrt(np.linspace(1, spread, width))) @ axes.T


def product(theta: np.ndarray) -> np.ndarray:
    """Return ``Pi = (I + theta_{L-1}/L) ... (I + theta_0/L)``."""
    value = np.eye(theta.shape[-1])
    for weights in theta:
        value = value + weights @ value / len(theta)
    return value


def follow(
    theta: np.ndarray,
    target: np.ndarray,
    root: np.ndarray,
    times: np.ndarray,
    *,
    speed: float = 1.0,
    tolerance: float = 1e-10,
) -> Trajectory:
    """Return the gradient flow on ``||(Pi - B) Sigma^(1/2)||_F^2``, with all weights at ``times``.

    Args:
        theta: the weights at the start, shape (L, d, d).
        target: ``B``.
        root: ``Sigma^(1/2)``, symmetric.
        times: when weights and loss are recorded.
        speed: multiplies the velocity.
        tolerance: of the solver.
    """
    walk = flow(tuple(np.asarray(times).tolist()), tolerance)
    return walk(jnp.asarray(theta), jnp.asarray(target), jnp.asarray(root), speed)


@cache  # starts, targets and covariances share one program for each depth
def flow(times: tuple[float, ...], tolerance: float) -> Callable[..., Trajectory]:
    """Return the compiled flow that is seen at ``times``."""

    def walk(theta: Array, target: Array, root: Array, speed: Scalar) -> Trajectory:
        def loss(stack: Stack) -> Array:
            # Row i of the output is Pi times column i of the root.
            return jnp.sum((resnet.forward(stack, root) - root @ target.T) ** 2)

        walked = training.gradient_flow(
            lambda stack: speed * loss(stack),
            jax.vmap(Linear)(theta),
            times=np.array(times),
            record=lambda stack: stack.theta[...],
            tolerance=tolerance,
        )
        return walked._replace(losses=walked.losses / speed)

    return jax.jit(walk)


@dataclass(frozen=True)
class LinearPL(Claim, label="prop-linear-pl", source="after Hardt, Ma 2017; proved in the chapter"):
    """If all ‖θ_k‖ ≤ R < L, then ‖∇ℓ‖² ≥ 4(1 - R/L)^(2L-2) λ_min ℓ, and no larger factor will do.

    Random networks of width 3 with all ‖θ_k‖ = 0.9, random inputs and targets, forty of each depth;
    equality for θ_k = -R I and whitened inputs.
    """

    width: int = 3
    radius: float = 0.9
    depths: tuple[int, ...] = (2, 8, 32)
    collapsed: int = 0  # so many layers are -L I
    speed: Callable[[int], float] = one

    family: ClassVar = {"width": (1, 2, 3, 6), "radius": (0.1, 0.5, 0.9, 1.5)}
    controls: ClassVar = {
        "two layers that map to zero": Control(
            "the first two layers → θ_k = -L I, of norm L",
            fails="least ‖∇ℓ‖² / bound",
            why="Every gradient contains one of these layers, and vanishes. The loss does not.",
            collapsed=2,
        ),
        "the norm of all entries": Control(
            "‖∇ℓ‖² in the norm of depth → the sum of the squares of all plain derivatives",
            fails="least ‖∇ℓ‖² / bound",
            why="Without the factor L the squared gradient is L times smaller.",
            speed=one_over_depth,
        ),
    }

    def run(self) -> Measured:
        """Measure the quotient for many networks of each depth, and the extreme ones."""
        rows = np.array([self._quotients(depth) for depth in self.depths])
        return Measured(least=rows[:, 0], extreme=rows[:, 1], gap=rows[:, 2])

    def _quotients(self, depth: int) -> tuple[float, float, float]:
        keys = jax.random.split(jax.random.fold_in(jax.random.key(self.seed), depth), 3)
        d = self.width
        thetas = jax.random.normal(keys[0], (40, depth, d, d))
        thetas *= self.radius / jnp.linalg.norm(thetas, ord=2, axis=(-2, -1), keepdims=True)
        thetas = thetas.at[:, : self.collapsed].set(-depth * jnp.eye(d))
        inputs = jax.random.normal(keys[1], (40, 2 * d, d))
        targets = jax.random.normal(keys[2], (40, d, d))
        quotient = jax.jit(jax.vmap(self._quotient))
        extreme = jnp.broadcast_to(-self.radius * jnp.eye(d), thetas.shape)
        whitened = jnp.broadcast_to(jnp.sqrt(d) * jnp.eye(d), (40, d, d))
        speed = self.speed(depth)
        sharp = speed * quotient(extreme, whitened, targets)
        drawn = speed * quotient(thetas, inputs, targets)
        return (
            float(jnp.minimum(drawn, sharp).min()),
            float(sharp.max()),
            float(jnp.abs(sharp - 1).max()),
        )

    def _quotient(self, theta: Array, inputs: Array, target: Array) -> Array:
        """Return ``||grad||_L^2 / (4 (1 - R/L)^(2 (L - 1)) lambda_min(Sigma) loss)``."""

        def loss(stack: Stack) -> Array:
            return training.mean_squared_error(resnet.forward(stack, inputs), inputs @ target.T)

        value, gradient = training.depth_gradient(loss, jax.vmap(Linear)(theta))
        depth = len(theta)
        smallest = jnp.linalg.eigvalsh(inputs.T @ inputs / len(inputs))[0]
        bound = 4 * (1 - self.radius / depth) ** (2 * (depth - 1)) * smallest * value
        return training.depth_norm(gradient) ** 2 / bound

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """At least one, and one at the extreme, for every target: the bound is sharp.

        Products of L layers of norm up to 1 + R/L are rounded relatively by L d 2^-53 times
        (L + R)^L / (L - R)^L, at most 50 here, and enter twice.
        """
        rounding = 100 * max(self.depths) * self.width * ROUNDOFF
        return (
            Check("least ‖∇ℓ‖² / bound", float(measured.least.min()), low=1 - rounding),
            Check(
                "θ_k = -R I: |‖∇ℓ‖² / bound - 1| / rounding",
                float(measured.gap.max() / rounding),
                high=1,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """The least quotients."""
        return Picture(
            self.depths,
            {"random networks, least": measured.least, "θ_k = -R I": measured.extreme},
            {"one": np.ones(len(self.depths))},
            ylabel="‖∇ℓ‖² / bound",
            lower=True,
        )


def zero(seed: int, width: int, depth: int) -> np.ndarray:
    """Return weights zero: the identity map."""
    return np.zeros((depth, width, width))


def smooth(seed: int, width: int, depth: int) -> np.ndarray:
    """Return slices of a quarter of a circle of matrices."""
    return smooth_path(seed, width, np.arange(depth) / depth)


def smooth_path(seed: int, width: int, s: np.ndarray) -> np.ndarray:
    """Return the circle, at the places ``s``: of norm at most one."""
    first, second = normals(seed, 2, width, width) / np.sqrt(2)
    angle = np.pi / 2 * np.asarray(s)[:, None, None]
    return np.cos(angle) * first + np.sin(angle) * second


def independent(seed: int, width: int, depth: int) -> np.ndarray:
    """Return layers drawn anew."""
    return normals(seed, depth, width, width)


def turned(seed: int, width: int, depth: int) -> np.ndarray:
    """Return a balanced start that is not zero: ``M_k = U_{k+1} (I + D/L) U_k^T``.

    ``D`` is diagonal with entries up to 1/2, and ``U_k`` turns at unit speed in depth.
    """
    from scipy.linalg import expm  # here: it is slow to import

    drawn = normals(seed, width, width)
    skew = (drawn - drawn.T) / 2
    U = expm(np.arange(depth + 1)[:, None, None] / depth * skew)
    D = np.diag(np.random.default_rng(seed).uniform(-0.5, 0.5, width))
    M = U[1:] @ (np.eye(width) + D / depth) @ U[:-1].mT
    return depth * (M - np.eye(width))


def one_small_layer(seed: int, width: int, depth: int) -> np.ndarray:
    """Return weights zero but for the first layer, which keeps a tenth of the first coordinate."""
    theta = np.zeros((depth, width, width))
    theta[0, 0, 0] = -0.9 * depth
    return theta


STARTS = {
    "zero": zero,
    "smooth": smooth,
    "independent": independent,
    "turned": turned,
    "one small layer": one_small_layer,
}
"""Weights at the start by name, ``(seed, width, depth) -> (L, d, d)``."""


def allowed(claim: "LinearFlow", first: np.ndarray) -> np.ndarray:
    """Return a target at the largest distance that the hypothesis allows, in a random direction."""
    root = root_of_covariance(claim.seed, claim.width, claim.spread)
    error = normals(claim.seed + 1, claim.width, claim.width)
    largest = np.linalg.norm(first, ord=2, axis=(1, 2)).max()
    loss = ((claim.radius - largest) / np.exp(3 * claim.radius)) ** 2 / claim.spread
    return product(first) - error * np.sqrt(loss) / np.linalg.norm(error @ root)


def reflected(claim: "LinearFlow", first: np.ndarray) -> np.ndarray:
    """Return a reflection, which no flow from near the identity reaches."""
    return np.diag([-1.0] + [1.0] * (claim.width - 1))


@dataclass(frozen=True)
class LinearFlow(
    Claim,
    label="thm-linear-flow",
    source="after Sander, Ablin, Peyré 2022; proved in the chapter with explicit constants",
):
    """If R_0 + e^(3R) √(λ_max ℓ(0))/λ_min ≤ R ≤ 1, ‖θ_k‖ ≤ R, and the loss falls at the rate 2κ.

    Width 4, R = 1/3, a covariance with eigenvalues from 1 to 2, weights on a smooth curve at the
    start with R_0 at most R/4, and a random target for which the hypothesis is an equality;
    κ = 2e^(-2R) λ_min.
    """

    width: int = 4
    radius: float = 1 / 3
    spread: float = 2.0  # λ_max, where λ_min = 1
    share: float = 0.25  # R_0 / R
    depths: tuple[int, ...] = (8, 32, 128)
    start: str = "smooth"
    target: Callable[["LinearFlow", np.ndarray], np.ndarray] = allowed
    speed: Callable[[int], float] = one

    family: ClassVar = {
        "width": (2, 4),
        "radius": (0.1, 1 / 3, 1.0),
        "spread": (1.0, 2.0, 5.0),
        "start": ("zero", "smooth", "independent"),
    }
    controls: ClassVar = {
        "a far target": Control(
            "a target near the network at the start → the reflection of a coordinate",
            fails=("1: largest ‖θ_k‖ / R", "2: least decay rate of the loss / (2κ)"),
            why="Its determinant is negative: no weights of norm below L reach it.",
            target=reflected,
        ),
        "the plain gradient": Control(
            "the factor L in front of the gradient → 1",
            fails="2: least decay rate of the loss / (2κ)",
            why="The loss falls L times as slowly.",
            speed=one_over_depth,
        ),
    }

    def run(self) -> Measured:
        """Follow the flow for each depth, until the loss is e^-32 of its start."""
        found = [self._at(depth) for depth in self.depths]
        return Measured(
            times=self._times()[1:-1],
            **{name: np.array([row[name] for row in found]) for name in found[0]},
        )

    def _times(self) -> np.ndarray:
        kappa = 2 * np.exp(-2 * self.radius)
        return np.append(np.linspace(0, 4, 17), 16.0) / kappa

    def _at(self, depth: int) -> dict[str, Any]:
        R, times, kappa = self.radius, self._times(), 2 * np.exp(-2 * self.radius)
        first = self.share * R * STARTS[self.start](self.seed, self.width, depth)
        root = root_of_covariance(self.seed, self.width, self.spread)
        target = self.target(self, first)
        walk = follow(first, target, root, times, speed=self.speed(depth))
        weights, losses = np.asarray(walk.records), np.asarray(walk.losses)  # (times, L, d, d)
        smallness = R - np.linalg.norm(first, ord=2, axis=(1, 2)).max()
        steps = np.diff(weights, axis=1)
        moved = np.linalg.norm(steps - steps[:1], axis=(2, 3)).max()
        ways = np.linalg.norm(weights - weights[-1:], axis=(2, 3)).max(axis=1)
        return {
            "sizes": np.linalg.norm(weights, ord=2, axis=(2, 3)).max() / R,
            "rates": -np.log(losses[1:-1] / losses[0]) / (2 * kappa * times[1:-1]),
            "increments": depth * moved / (2 * R * smallness),
            "ways": (ways[:-1] / (smallness * np.exp(-kappa * times[:-1]))).max(),
        }

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The four conclusions, over layers, times and depths.

        The end is taken at t = 16/κ, e^-12 of the largest bound away from it.
        """
        return (
            Check("1: largest ‖θ_k‖ / R", float(measured.sizes.max()), high=1),
            Check("2: least decay rate of the loss / (2κ)", float(measured.rates.min()), low=1),
            Check(
                "3: largest L ‖Δθ_k - at the start‖ / bound",
                float(measured.increments.max()),
                high=1,
            ),
            Check(
                "4: largest distance from the end / bound",
                float(measured.ways.max()),
                high=1 + 1e-4,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """The rate at which the loss has fallen until each time."""
        curves = zip(self.depths, measured.rates, strict=True)
        return Picture(
            measured.times,
            {f"depth {depth}": rates for depth, rates in curves},
            {"one": np.ones(len(measured.times))},
            xlabel="training time t",
            ylabel="decay rate / (2κ)",
            log="",
            lower=True,
        )


def symmetric(seed: int, width: int) -> np.ndarray:
    """Return a symmetric target near the identity."""
    drawn = normals(seed, width, width)
    return np.eye(width) + (drawn + drawn.T) / 8


def rotated(seed: int, width: int) -> np.ndarray:
    """Return a rotation of all coordinates, far from the identity (Cayley's formula)."""
    drawn = normals(seed, width, width)
    skew = (drawn - drawn.T) / 2
    return np.linalg.solve(np.eye(width) - skew, np.eye(width) + skew)


def generic(seed: int, width: int) -> np.ndarray:
    """Return a target near the identity that is not normal."""
    return np.eye(width) + normals(seed, width, width) / 4


def at_zero(seed: int, width: int) -> np.ndarray:
    """Return zero, the start of all layers."""
    return np.zeros((width, width))


def elsewhere(seed: int, width: int) -> np.ndarray:
    """Return a matrix of norm 1/4, the start of all layers."""
    return normals(seed + 1, width, width) / 4


@dataclass(frozen=True)
class Commutator(Claim, label="prop-commutator", source="proved in the chapter"):
    """From zero with Σ = I, layers stay alike iff B is normal; Lδθ begins as 2t²(BBᵀ - BᵀB).

    Sixteen layers of width 4; a random symmetric target and a random rotation until t = 4, and a
    generic target at small times.
    """

    width: int = 4
    depth: int = 16
    normal: tuple[Callable[[int, int], np.ndarray], ...] = (symmetric, rotated)
    start: Callable[[int, int], np.ndarray] = at_zero
    spread: float = 1.0  # λ_max, where λ_min = 1

    family: ClassVar = {"width": (2, 4, 6), "depth": (2, 8, 16)}
    controls: ClassVar = {
        "a target that is not normal": Control(
            "symmetric targets and rotations → a generic target",
            fails="normal targets: largest increment / weight, over rounding",
            why="The commutator is not zero, and layers part along it.",
            normal=(generic,),
        ),
        "inputs with a covariance": Control(
            "whitened inputs → with eigenvalues of the covariance from 1 to 4",
            fails=(
                "normal targets: largest increment / weight, over rounding",
                "generic target: slope of the gap in t",
            ),
            why="The covariance need not commute with the target: it stands on one side of E only.",
            spread=4.0,
        ),
        "a start that is not zero": Control(
            "layers zero at the start → all layers a random matrix of norm 1/4",
            fails=(
                "normal targets: largest increment / weight, over rounding",
                "generic target: slope of the gap in t",
            ),
            why="This start does not commute with the target, and layers part.",
            start=elsewhere,
        ),
    }

    def run(self) -> Measured:
        """Follow the flow to every normal target, and the start of the flow to another one."""
        late = [
            self._weights(target(self.seed, self.width), np.array([0.0, 0.5, 1.0, 4.0]), 1e-10)
            for target in self.normal
        ]
        relative = max(np.abs(np.diff(w, axis=1)).max() / np.abs(w).max() for w in late)
        times = 0.002 * 2.0 ** np.arange(4)
        B = generic(self.seed, self.width)
        early = self._weights(B, np.append(0, times), 1e-13)[1:]
        limit = B @ B.T - B.T @ B
        begun = self.depth * np.diff(early, axis=1) / (2 * times**2)[:, None, None, None]
        gaps = np.linalg.norm(begun - limit, axis=(2, 3)).max(axis=1) / np.linalg.norm(limit)
        return Measured(relative=relative, times=times, gaps=gaps)

    def _weights(self, target: np.ndarray, times: np.ndarray, tolerance: float) -> np.ndarray:
        """Return all weights along the flow, shape (times, L, d, d)."""
        first = np.tile(self.start(self.seed, self.width), (self.depth, 1, 1))
        root = root_of_covariance(self.seed, self.width, self.spread)
        return np.asarray(follow(first, target, root, times, tolerance=tolerance).records)

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Equal to rounding in all layers; otherwise they part along the commutator.

        Products of L layers round by L d 2^-53, in some hundred steps. The gap is O(t), a tenth is
        left for terms of higher order; below one it says that layers differ.
        """
        rounding = 100 * self.depth * self.width * ROUNDOFF
        return (
            Check(
                "normal targets: largest increment / weight, over rounding",
                float(measured.relative / rounding),
                high=1,
            ),
            Check("generic target: relative gap at the least t", float(measured.gaps[0]), high=0.5),
            Check(
                "generic target: slope of the gap in t",
                slope(measured.times, measured.gaps),
                low=0.9,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """The gap to the commutator, beside the rate t through its last point."""
        rate = measured.gaps[-1] * measured.times / measured.times[-1]
        return Picture(
            measured.times,
            {"gap of Lδθ/(2t²), generic target": measured.gaps},
            {"rate t": rate},
            xlabel="training time t",
            ylabel="gap / commutator",
        )


POINTS = 17  # of the polynomials in depth that stand for the limit


def chebyshev_limit(claim: "LinearLimit", times: np.ndarray) -> tuple[Callable, np.ndarray]:
    """Solve the limit: ``s -> Theta(s, .)``, shape (times, n, d, d), and ``Phi(1, 0)`` over time.

    No layers: polynomials through Chebyshev points, and the integral equation for ``Phi``.
    """
    s = (1 - np.cos(np.pi * np.arange(POINTS) / (POINTS - 1))) / 2
    coefficients = np.linalg.inv(chebyshev.chebvander(2 * s - 1, POINTS - 1))
    primitives = chebyshev.chebint(coefficients, lbnd=-1, scl=0.5)
    integral = jnp.asarray(chebyshev.chebval(2 * s - 1, primitives).T)
    d, (first, target, root) = claim.width, claim.instance(claim, s)
    covariance = root @ root

    def flows(theta: Array) -> Array:
        """Return ``Phi(s_j, 0)``: ``Phi_i = I + sum_j integral_ij theta_j Phi_j``."""
        matrix = jnp.einsum("ij,jab->iajb", integral, theta).reshape(POINTS * d, POINTS * d)
        ones = jnp.tile(jnp.eye(d), (POINTS, 1))
        return jnp.linalg.solve(jnp.eye(POINTS * d) - matrix, ones).reshape(POINTS, d, d)

    def velocity(t: Scalar, theta: Array) -> Array:
        Q = flows(theta)
        P = Q[-1] @ jnp.linalg.inv(Q)
        return -2 * P.mT @ (Q[-1] - target) @ covariance @ Q.mT

    @jax.jit
    def solved(theta: Array) -> tuple[Array, Array]:
        return continuous.evolve(
            velocity,
            theta,
            times=times,
            observe=lambda theta: (theta, flows(theta)[-1]),
            tolerance=1e-11,
        )[0]

    thetas, ends = map(np.asarray, solved(jnp.asarray(first)))

    def at(s: np.ndarray) -> np.ndarray:
        matrix = chebyshev.chebvander(2 * s - 1, POINTS - 1) @ coefficients
        return np.einsum("ij,tjab->tiab", matrix, thetas)

    return at, ends


def scalar_limit(claim: "LinearLimit", times: np.ndarray) -> tuple[Callable, np.ndarray]:
    """Solve the limit where all matrices are multiples of I: ``Theta(s, t) = Theta_0(s) + c(t) I``.

    ``Phi' = 2 Phi^2 (b - Phi)`` for the factor ``Phi = exp(int Theta_0 + c)`` and the target ``b``.
    """
    one = np.eye(claim.width)
    _, target, _ = claim.instance(claim, np.zeros(1))
    b = float(target[0, 0])
    begin = float(np.exp(rough(1.0)[1]))
    factors, _ = continuous.evolve(
        lambda t, phi: 2 * phi**2 * (b - phi),
        jnp.array(begin),
        times=times,
        observe=lambda phi: phi,
        tolerance=1e-11,
    )
    moved = np.log(np.asarray(factors) / begin)[:, None, None, None] * one

    def at(s: np.ndarray) -> np.ndarray:
        return claim.instance(claim, s)[0] + moved

    return at, np.asarray(factors)[:, None, None] * one


def rough(s: np.ndarray | float) -> tuple[Any, Any]:
    """Return Weierstrass' function of Hölder exponent 1/2 over 200, and its integral from 0 to s.

    ``w(s) = sum_j 2^(-j/2) cos(2 pi 2^j s) / 200`` for ``j = 1..24``.
    """
    frequencies = 2.0 ** np.arange(1, 25)
    waves = 2 * np.pi * np.multiply.outer(np.asarray(s), frequencies)
    weights = frequencies**-0.5 / 200
    return np.cos(waves) @ weights, np.sin(waves) @ (weights / (2 * np.pi * frequencies))


def smooth_instance(
    claim: "LinearLimit", s: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a smooth start at ``s``, a target at half the distance allowed, and the root."""
    R, first = claim.radius, smooth_path(claim.seed, claim.width, s)
    root = root_of_covariance(claim.seed, claim.width, claim.spread)
    error = normals(claim.seed + 1, claim.width, claim.width)
    distance = 0.5 * 0.75 * R * np.exp(-3 * R) / np.sqrt(claim.spread)
    finest = R / 4 * smooth_path(claim.seed, claim.width, np.arange(1000) / 1000)
    target = product(finest) - error * distance / np.linalg.norm(error @ root)
    return R / 4 * first, target, root


def rough_instance(
    claim: "LinearLimit", s: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a Hölder start at the places ``s``, a target near it and whitened inputs."""
    one = np.eye(claim.width)
    return rough(s)[0][:, None, None] * one, 1.002 * one, one


@dataclass(frozen=True)
class LinearLimit(
    Claim,
    label="thm-linear-limit",
    source="after Sander, Ablin, Peyré 2022; proved in the chapter",
):
    """Under the same hypotheses the weights stay within O(1/L) of a limit in depth, at all times.

    Width 4 and R = 1/3 as in the claim on the flow, from a smooth start that is not zero; the limit
    is solved by polynomials in depth, without layers. Until t = 8: after it no weight moves by more
    than (R - R_0)e^(-8κ).
    """

    width: int = 4
    radius: float = 1 / 3
    spread: float = 2.0  # λ_max, where λ_min = 1
    depths: tuple[int, ...] = (4, 8, 16, 32)
    instance: Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray]] = smooth_instance
    limit: Callable[..., tuple[Callable, np.ndarray]] = chebyshev_limit
    speed: Callable[[int], float] = one

    family: ClassVar = {"width": (2, 4), "radius": (0.2, 1 / 3), "spread": (1.0, 2.0, 4.0)}
    controls: ClassVar = {
        "a rough start": Control(
            "slices of a smooth curve → of a function that is Hölder of exponent 1/2, times I, "
            "with a target near them",
            fails=(
                "slope of the largest ‖θ_k - Θ‖ in L",
                "slope of the largest ‖Π - Φ‖ in L",
            ),
            why="The mean of the slices misses the integral by L^-½, and training corrects it in "
            "all layers.",
            instance=rough_instance,
            limit=scalar_limit,
        ),
        "the plain gradient": Control(
            "the factor L in front of the gradient → 1",
            fails="slope of the largest ‖θ_k - Θ‖ in L",
            why="Every depth has its own clock: at one time the networks are at different places.",
            speed=one_over_depth,
        ),
    }

    def run(self) -> Measured:
        """Compare layer ``k`` of ``L`` with the limit at ``k/L``, and the products."""
        times = np.linspace(0, 8, 17)
        at, ends = self.limit(self, times)

        def distances(depth: int) -> tuple[float, float]:
            s = np.arange(depth) / depth
            first, target, root = self.instance(self, s)
            walk = follow(first, target, root, times, speed=self.speed(depth), tolerance=1e-11)
            weights = np.asarray(walk.records)
            products = np.array([product(theta) for theta in weights])
            return (
                float(np.linalg.norm(weights - at(s), axis=(2, 3)).max()),
                float(np.linalg.norm(products - ends, axis=(1, 2)).max()),
            )

        found = np.array([distances(depth) for depth in self.depths]).T
        return Measured(weights=found[0], products=found[1])

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Both distances fall like ``1/L`` or faster; a tenth is left for finite depths."""
        return (
            Check(
                "slope of the largest ‖θ_k - Θ‖ in L",
                slope(self.depths, measured.weights),
                high=-0.9,
            ),
            Check(
                "slope of the largest ‖Π - Φ‖ in L",
                slope(self.depths, measured.products),
                high=-0.9,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """Both distances, beside the rate through the first point."""
        line = guide(self.depths, measured.weights)
        return Picture(
            self.depths,
            {"weights, ‖θ_k - Θ‖": measured.weights, "products, ‖Π - Φ‖": measured.products},
            {"rate 1/L": line},
            ylabel="largest distance to the limit",
        )


def mirror_image(seed: int, width: int) -> np.ndarray:
    """Return a disturbed reflection, of negative determinant."""
    return np.diag([-1.0] + [1.0] * (width - 1)) @ nearby(seed, width)


def nearby(seed: int, width: int) -> np.ndarray:
    """Return a target near the identity, of positive determinant."""
    return np.eye(width) + normals(seed, width, width) / 4


@dataclass(frozen=True)
class LinearDeterminant(Claim, label="prop-linear-determinant", source="proved in the chapter"):
    """From a balanced start with det Π > 0 it stays positive; if det B < 0, ℓ ≥ λ_min σ_min(B)².

    Sixteen layers of width 4 from zero, a covariance with eigenvalues from 1 to 2, a disturbed
    reflection as target; until t = 60.
    """

    width: int = 4
    depth: int = 16
    spread: float = 2.0  # λ_max, where λ_min = 1
    start: str = "zero"
    target: Callable[[int, int], np.ndarray] = mirror_image

    family: ClassVar = {
        "width": (2, 4),
        "depth": (4, 16),
        "spread": (1.0, 2.0),
        "start": ("zero", "turned"),
    }
    controls: ClassVar = {
        "one small layer": Control(
            "a balanced start → M_0 keeps a tenth of one coordinate, and all other θ_k = 0",
            fails=("least loss / (λ_min σ_min(B)²)", "least determinant of a layer"),
            why="The determinant of this layer changes sign. Balanced layers all have the same "
            "|det M_k|, so none does so alone.",
            start="one small layer",
        ),
        "a target of positive determinant": Control(
            "a target with det B < 0 → det B > 0",
            fails="least loss / (λ_min σ_min(B)²)",
            why="Nothing is in the way: the loss goes to zero.",
            target=nearby,
        ),
    }

    def run(self) -> Measured:
        """Follow the flow."""
        times = np.linspace(0, 60, 16)
        target = self.target(self.seed, self.width)
        root = root_of_covariance(self.seed, self.width, self.spread)
        first = STARTS[self.start](self.seed, self.width, self.depth)
        walk = follow(first, target, root, times)
        layers = np.eye(self.width) + np.asarray(walk.records) / self.depth
        return Measured(
            times=times,
            losses=np.asarray(walk.losses),
            floor=np.linalg.norm(target, ord=-2) ** 2,
            determinants=np.linalg.det(layers).min(axis=1),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The loss stays above its floor, and every determinant stays positive, so theirs too."""
        return (
            Check(
                "least loss / (λ_min σ_min(B)²)",
                float(measured.losses.min() / measured.floor),
                low=1,
            ),
            Check("least determinant of a layer", float(measured.determinants.min()), low=0),
        )

    def picture(self, measured: Measured) -> Picture:
        """The loss above its floor."""
        floor = np.full(len(measured.times), measured.floor)
        return Picture(
            measured.times,
            {"loss": measured.losses},
            {"λ_min σ_min(B)²": floor},
            xlabel="training time t",
            ylabel="loss",
            log="y",
            lower=True,
        )
