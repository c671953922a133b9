"""Limits of training problems: the claims of the chapter."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from resode_course.claims import _costates, _depth_limits
from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_course.claims._depth_limits import TAU, Data, Penalty, tanh_layer
from resode_course.claims._measure import guide, no_factor, slope
from resode_course.claims._problems import Drift
from resode_lib import control, resnet
from resode_lib._types import Array, Block, Key, Scalar, Stack, State
from resode_lib.blocks import Outside

__all__ = ["LimitOfMinima", "NaturalBoundary", "RegulariserLimit"]

PROVED = "proved in the chapter, after Thorpe, van Gennip 2018"


def discrete_seminorm(depth: int) -> float:
    """Return the factor ``L`` of ``sum |u_{k+1} - u_k|^2``: a sum of squared slopes over ``L``."""
    return float(depth)


def mean(depth: int) -> float:
    """Return ``1/L``: the mean of the squared increments."""
    return 1 / depth


@jax.jit
@jax.vmap
def squared_increments(controls: Array) -> Scalar:
    """Return ``sum |u_{k+1} - u_k|^2``: the roughness without its term at depth 0."""
    return control.roughness(0.0)(Drift(controls[:, None]), jnp.zeros((1, 1, 1)), 1.0)


@dataclass(frozen=True)
class RegulariserLimit(Claim, label="prop-regulariser-limit", source=PROVED):
    """L Σ|Δu|² is ∫|û'|², on samples of w rises to ∫|w'|², on wiggles costs more in the end.

    Samples of w(s) = sin(ωs), those plus (-1)^k/L, which tend to the same curve uniformly, and the
    checkerboard (-1)^k.
    """

    frequency: float = 3.0
    depths: tuple[int, ...] = (16, 64, 256, 1024)
    factor: Callable[[int], float] = discrete_seminorm

    family: ClassVar = {"frequency": (1.0, 3.0, 9.0, 16.0)}
    controls: ClassVar = {
        "the plain sum": Control(
            "the factor of Σ|Δu|² L → 1",
            fails=(
                "largest |R_L / ∫|û'|² - 1|",
                "samples: largest gap / bound",
                "wiggles: R_L / R at the last depth",
                "checkerboard: largest |R_L / 4L(L-1) - 1|",
            ),
            why="Curves cost O(1/L), so the limit does not see their roughness.",
            factor=no_factor,
        ),
        "the mean": Control(
            "the factor of Σ|Δu|² L → 1/L",
            fails=(
                "largest |R_L / ∫|û'|² - 1|",
                "samples: largest gap / bound",
                "wiggles: R_L / R at the last depth",
                "checkerboard: largest |R_L / 4L(L-1) - 1|",
            ),
            why="Even the checkerboard costs less than 4 at every depth.",
            factor=mean,
        ),
    }

    def run(self) -> Measured:
        """Evaluate the penalty of each sequence, and the integral of one joined by lines."""
        w = self.frequency
        penalties, joined = [], []
        for depth in self.depths:
            k = np.arange(depth)
            smooth, signs = np.sin(w * k / depth), (-1.0) ** k
            sequences = np.stack([smooth, smooth + signs / depth, signs])
            penalties.append(self.factor(depth) * np.asarray(squared_increments(sequences)))
            # The same curve on a grid three times as fine: its slopes are the curve's own.
            fine = np.interp(np.arange(3 * (depth - 1) + 1) / 3, k, sequences[1])
            joined.append(3 * depth * np.sum(np.diff(fine) ** 2))
        sampled, wiggled, checkerboard = np.transpose(penalties)
        return Measured(
            sampled=sampled,
            wiggled=wiggled,
            checkerboard=checkerboard,
            joined=np.array(joined),
            limit=w**2 / 2 * (1 + np.sin(2 * w) / (2 * w)),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Every item; identities up to 1e-9, as ``L`` squares are rounded to ``2^-53``.

        With ``|w'| <= w`` and ``|w''| <= w^2`` the last cell, which has no difference, leaves out
        ``w^2/L`` at most, and the variances of ``w'`` in the others ``w^4/(12 L^2)``. The wiggles
        add ``4 (1 - 1/L)``, and mixed terms of at most ``4 (w + w^2/2)/L``, an alternating sum. So
        they cost more than the limit once ``L >= w^2 + w + 1``: at the last depth for
        ``w <= 16``.
        """
        w, depths = self.frequency, np.array(self.depths, float)
        bound = w**2 / depths + w**4 / (12 * depths**2)
        exact = 4 * depths * (depths - 1)
        return (
            Check(
                "largest |R_L / ∫|û'|² - 1|",
                float(np.abs(measured.wiggled / measured.joined - 1).max()),
                high=1e-9,
            ),
            Check(
                "samples: largest R_L / R", float(measured.sampled.max() / measured.limit), high=1
            ),
            Check(
                "samples: largest gap / bound",
                float(((measured.limit - measured.sampled) / bound).max()),
                high=1,
            ),
            Check(
                "wiggles: R_L / R at the last depth",
                float(measured.wiggled[-1] / measured.limit),
                low=1,
            ),
            Check(
                "checkerboard: largest |R_L / 4L(L-1) - 1|",
                float(np.abs(measured.checkerboard / exact - 1).max()),
                high=1e-9,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """Samples from below, wiggles from above."""
        return Picture(
            self.depths,
            {"R_L of samples": measured.sampled, "R_L of wiggles": measured.wiggled},
            {"R of the limit": np.full(len(self.depths), measured.limit)},
            ylabel="roughness",
            log="x",
        )


def turned(x: Array, key: Key) -> Array:
    """Return the points turned and bent."""
    return jnp.stack([jnp.sin(2 * x[:, 1]), jnp.tanh(x[:, 0]) - 0.5 * x[:, 1]], axis=-1)


def drawn(x: Array, key: Key) -> Array:
    """Return ``tanh`` of a random affine map of the points."""
    K, b = jax.random.normal(key, (2, 2)), jax.random.normal(jax.random.fold_in(key, 1), (1, 2))
    return jnp.tanh(x @ K.T + b)


def data_of(claim: "LimitOfMinima | NaturalBoundary") -> Data:
    """Return twelve points of the plane, and where we want them."""
    key = jax.random.key(claim.seed)
    x = jax.random.normal(jax.random.fold_in(key, 1), (12, 2))
    return Data(x, claim.target(x, jax.random.fold_in(key, 2)))


class Product(nnx.Module):
    """The residual ``f(x) = v w x``: a product of two weights."""

    def __init__(self, v: Array, w: Array):
        self.v, self.w = nnx.Param(v), nnx.Param(w)

    def __call__(self, h: State) -> State:
        """Return ``v w h``."""
        return self.v[...] * self.w[...] * h


def product_layer(key: Key) -> Block:
    """Return the slice ``v w x`` of a start."""
    return Product(*(2 * jax.random.normal(key, (2,))))


def rough(weight: Scalar) -> Penalty:
    """Return the penalty of the theorems."""
    return Penalty(roughness=weight, size=0.0, metric=control.H1)


def large(weight: Scalar) -> Penalty:
    """Return the penalty on size, weight decay."""
    return Penalty(roughness=0.0, size=weight, metric=control.L2)


def on_grid(controls: np.ndarray, finest: int) -> np.ndarray:
    """Return the values of the piecewise linear curve at ``k / finest``, the last slice held."""
    depth = len(controls)
    at, nodes = np.arange(finest + 1) / finest, np.arange(depth) / depth
    return np.stack([np.interp(at, nodes, column) for column in controls.T], axis=1)


def h1_norm(values: np.ndarray) -> float:
    """Return ``(|u(0)|^2 + int |u'|^2)^(1/2)`` of a piecewise linear curve on equal cells."""
    squares = np.sum(values[0] ** 2) + (len(values) - 1) * np.sum(np.diff(values, axis=0) ** 2)
    return float(np.sqrt(squares))


@partial(jax.jit, static_argnames="depth")
def cost_of_path(
    weights: Array, depth: int, wiggle: Scalar, charged: tuple[Scalar, Scalar], data: Data
) -> Scalar:
    """Return the cost of samples of a random trigonometric path, plus ``(-1)^k wiggle``.

    Charged are roughness and size.
    """
    s = jnp.arange(depth) / depth
    waves = jnp.stack([jnp.ones_like(s), jnp.cos(3 * s), jnp.sin(3 * s)], axis=1)
    u = waves @ weights + wiggle * (-1.0) ** jnp.arange(depth)[:, None]
    stack = jax.vmap(Outside)(u[:, :4].reshape(depth, 2, 2), u[:, 4:])
    penalty = Penalty(*charged, metric=control.H1)
    return _depth_limits.cost(penalty, stack, jnp.asarray(depth), data)


@dataclass(frozen=True)
class LimitOfMinima(Claim, label="thm-limit-of-minima", source=PROVED):
    """Charged by roughness, min J_L is within C/L of min J, and minimisers converge in H¹.

    Twelve points of the plane, tanh(Kx + b). Beside it stands v w x with labels twice as far out,
    where (v, w) and (-v, -w) are the same map and are not told apart. Every depth is minimised from
    a random start of its own. Each depth is compared with the next one, so that no deepest network
    stands for the limit.
    """

    alpha: float = 0.05
    depths: tuple[int, ...] = (8, 16, 32, 64, 128)
    target: Callable[[Array, Key], Array] = turned
    penalty: Callable[[float], Penalty] = rough

    family: ClassVar = {"alpha": (0.05, 0.1, 0.2), "target": (turned, drawn)}
    controls: ClassVar = {
        "a penalty on size": Control(
            "the penalty on roughness → one on size",
            fails="v w x: slope of the distance in H¹",
            why="All minimisers of v w x are known: in every layer v = w = a and v = w = -a are "
            "equally good, whatever the others do. The minima converge, the minimisers that are "
            "found do not.",
            penalty=large,
        )
    }

    def run(self) -> Measured:
        """Minimise at each depth, and evaluate the cost of a fixed curve at each depth."""
        data, key = data_of(self), jax.random.key(self.seed)
        penalty = self.penalty(self.alpha)
        found, other = (
            _depth_limits.minima(
                self.depths, penalty=penalty, key=jax.random.fold_in(key, 3), data=each, draw=draw
            )
            for each, draw in (
                (data, tanh_layer),
                (Data(data.x, 2 * data.x), product_layer),
            )
        )
        curves, products = (
            [on_grid(_depth_limits.entries(stack), max(self.depths)) for stack in each.stacks]
            for each in (found, other)
        )
        weights = jax.random.normal(jax.random.fold_in(key, 4), (3, 6))
        charged = penalty.roughness, penalty.size
        fixed, wiggled = (
            np.array(
                [cost_of_path(weights, L, size / L, charged, data) for L in self.depths], float
            )
            for size in (0.0, 1.0)
        )
        return Measured(
            minima=found.values,
            gaps=np.abs(np.diff(found.values)),
            distances=np.array([h1_norm(a - b) for a, b in zip(curves, curves[1:], strict=False)]),
            products=np.array(
                [
                    min(h1_norm(a - b), h1_norm(a + b))
                    for a, b in zip(products, products[1:], strict=False)
                ]
            ),
            recovery=np.abs(np.diff(fixed)),
            excess=wiggled - fixed,
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Rates of the differences from a depth to the next; a tenth is left for finite depths.

        Item 1 is ``O(1/L)``. Item 2 has no rate. But where ``J`` grows quadratically around its
        minimiser, ``J(u_L) <= min J + C/L`` puts ``u_L`` within ``O(L^(-1/2))`` of it. Item 3: the
        cost of samples of a curve converges, smooth ones at the rate ``1/L``. Terms of different
        order and sign may cancel at some depth, so twice ``1/8`` of the largest gap is allowed at
        the last. A sequence that wiggles has the same limit, and costs no less in the end.
        """
        coarse = self.depths[:-1]
        return (
            Check("minima: slope of the gap", slope(coarse, measured.gaps), high=-0.9),
            Check(
                "minimisers: slope of the distance in H¹",
                slope(coarse, measured.distances),
                high=-0.4,
            ),
            Check(
                "v w x: slope of the distance in H¹", slope(coarse, measured.products), high=-0.4
            ),
            Check(
                "fixed curve: last gap / largest",
                float(measured.recovery[-1] / measured.recovery.max()),
                high=0.25,
            ),
            Check("wiggles: extra cost at the last depth", float(measured.excess[-1]), low=0),
        )

    def picture(self, measured: Measured) -> Picture:
        """Both differences, and the rate of the minima."""
        coarse = self.depths[:-1]
        return Picture(
            coarse,
            {
                "|min J_L - min J_2L|": measured.gaps,
                "distance of the minimisers in H¹": measured.distances,
                "the same for v w x": measured.products,
            },
            {"rate 1/L of the minima": guide(coarse, measured.gaps)},
            ylabel="from L to 2L layers",
        )


@jax.jit
def gradient_in_depth(stack: Stack, data: Data) -> Stack:
    """Return ``g_k``, ``L`` times the gradient of the loss by a slice, by the costates."""
    step = 1 / len(jax.tree.leaves(stack)[0])
    states = resnet.trajectory(stack, data.x, step_size=step)
    last = 2 / len(data.y) * (states[-1] - data.y)
    return _costates.gradient(stack, states, _costates.costates(stack, states, last, step))


@dataclass(frozen=True)
class NaturalBoundary(Claim, label="prop-natural-boundary", source=PROVED):
    """Charged by roughness, minimisers satisfy 2αu'' = g, u'(1) = 0 and u'(0) = τu(0) up to O(1/L).

    Twelve points of the plane, tanh(Kx + b). Every depth is minimised from a random start of its
    own, and g is computed by the costates.
    """

    alpha: float = 0.02
    depths: tuple[int, ...] = (16, 32, 64, 128)
    tolerance: float = 1e-8
    target: Callable[[Array, Key], Array] = turned
    penalty: Callable[[float], Penalty] = rough

    family: ClassVar = {"alpha": (0.002, 0.02, 0.1), "target": (turned, drawn)}
    controls: ClassVar = {
        "a penalty on size": Control(
            "the penalty on roughness → one on size",
            fails=(
                "largest |2αL²Δ²u - g| / what the search leaves",
                "largest L |u'(0) - τu(0)| / C",
                "largest L |u'(1)| / C",
            ),
            why="Then 2αu = -g at every layer for itself: neither the interior nor the ends know "
            "their neighbours.",
            penalty=large,
        )
    }

    def run(self) -> Measured:
        """Minimise at each depth, difference the minimiser and compute ``g`` from it."""
        data = data_of(self)
        found = _depth_limits.minima(
            self.depths,
            penalty=self.penalty(self.alpha),
            key=jax.random.fold_in(jax.random.key(self.seed), 3),
            data=data,
            tolerance=self.tolerance,
        )
        rows = []
        for n, stack in zip(self.depths, found.stacks, strict=True):
            u = _depth_limits.entries(stack)
            g = _depth_limits.entries(gradient_in_depth(stack, data)) / (2 * self.alpha)
            residuals = n**2 * np.diff(u, 2, axis=0) - g[1:-1]
            ends = n * (u[1] - u[0]) - TAU * u[0], n * (u[-1] - u[-2])
            rows.append([np.linalg.norm(r, axis=-1).max() for r in (residuals, *ends, g)])
        interior, at_start, at_end, forces = np.transpose(rows)
        return Measured(interior=interior, at_start=at_start, at_end=at_end, forces=forces)

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Both ends within ``C/L``, with one ``C = max |g| / (2 alpha)`` for all depths.

        The search stops at a gradient norm ``tol`` in the coordinates ``sqrt(L) (u_k - u_{k-1})``.
        Of the objective's derivative by ``u_k`` it leaves ``sqrt(2 L) tol``, of ``L^2`` times the
        second difference ``sqrt(2) L^(3/2) tol / (2 alpha)``; at an end a factor ``L`` less. A
        thousandth is left for that at the ends. ``C`` approaches its limit like ``1/L``: the last
        of three doublings makes a seventh of the change, for which a tenth is left.
        """
        depths = np.array(self.depths, float)
        left = np.sqrt(2) * depths**1.5 * self.tolerance / (2 * self.alpha)
        C = measured.forces.max()
        return (
            Check(
                "largest |2αL²Δ²u - g| / what the search leaves",
                float((measured.interior / left).max()),
                high=1,
            ),
            Check(
                "largest L |u'(0) - τu(0)| / C",
                float((depths * measured.at_start).max() / C),
                high=1.001,
            ),
            Check("largest L |u'(1)| / C", float((depths * measured.at_end).max() / C), high=1.001),
            Check(
                "C at the last depth / largest before",
                float(measured.forces[-1] / measured.forces[:-1].max()),
                high=1.1,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """Both residuals, and the bound."""
        return Picture(
            self.depths,
            {"|u'(1)|": measured.at_end, "|u'(0) - τu(0)|": measured.at_start},
            {"C/L": measured.forces.max() / np.array(self.depths)},
            ylabel="residual at the ends",
        )
