"""Networks of variable width: the claims of the chapter."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import exp, expm1
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_course.claims._measure import guide, slope
from resode_lib import variable_width
from resode_lib._types import Array, Key, Scalar
from resode_lib.variable_width import Grid, Network, Transfer

__all__ = [
    "KernelFlow",
    "KernelQuadrature",
    "MovingGrid",
    "MovingWindow",
    "RandomNodes",
    "WidthAndDepth",
]

PAPER = "proved in the chapter, after Esteve, Geshkovski, Pighin, Zuazua 2020"

LIPSCHITZ = 2.0
"""``Lambda = S max |w|`` of `network`, as tanh has the Lipschitz constant ``S = 1``."""

SECOND = 12.0
"""A bound of ``(1 + s) (xi z)''`` in ``xi``; it is ``(1 + s) (6 xi + p(s) (xi - 2) e^-xi / 2)``."""

INTEGRAND = 2.4
"""A bound of ``|w z|``, at most ``2 (1 + e^-1 / 2)`` if ``p(s) = s``."""

STATE = 2.5
"""A bound of the second derivative of ``z`` in ``x``, ``2 + s e^-x / 2``."""

CURVATURE = 1 / 4
"""The largest second derivative of ``z`` in ``s`` if it is curved."""

PLACES = 8
"""How many places of a jump are tried."""

JUMPS = (
    "the kernel → one that jumps to zero for ξ below a place; the worst of eight places that are "
    "drawn"
)
NO_WEIGHTS = "the weights h_j of the quadrature → 1"
NEAREST = "linear interpolation between grids → the value of the nearest node"


def exact(s: Scalar, x: Array, *, curved: bool = False) -> Array:
    """Return ``z(s, x) = x^2 + p(s) e^(-x) / 2`` with ``p(s) = s``, or ``s + s^2 / 4`` if curved.

    With ``p(s) = s`` Euler's scheme makes no error: all of it is due to the width.
    """
    return x**2 + (s + s**2 / 4 if curved else s) * jnp.exp(-x) / 2


def network(jump: Scalar = 0.0, *, curved: bool = False) -> Network:
    """Return the network of solution `exact` with the kernel ``(1 + s) e^(-x) xi [xi > jump]``."""
    # int xi z(s, xi) dxi over [jump, 1], by the antiderivatives xi^4/4 and -(1 + xi) e^(-xi).
    square = (1 - jump**4) / 4
    decay = (1 + jump) * jnp.exp(-jump) - 2 * np.exp(-1)

    def bias(s: Scalar, x: Array) -> Array:
        p, rate = (s + s**2 / 4, 1 + s / 2) if curved else (s, 1.0)
        read = (1 + s) * jnp.exp(-x) * (square + p * decay / 2)
        return jnp.arctanh(rate * jnp.exp(-x) / 2) - read

    return Network(lambda s, x, xi: (1 + s) * jnp.exp(-x) * xi * (xi > jump), bias)


def places(claim: "WidthAndDepth | KernelQuadrature") -> np.ndarray:
    """Return where the kernel jumps: at 0, which is nowhere, or at places that are drawn."""
    if not claim.jumps:
        return np.zeros(PLACES)
    return np.asarray(
        jax.random.uniform(jax.random.key(claim.seed), PLACES, minval=0.2, maxval=0.8)
    )


def keep(values: Array, grid: Grid, following: Grid) -> Array:
    """Return the values: the transfer between equal grids."""
    return values


def nearest(values: Array, grid: Grid, following: Grid) -> Array:
    """Return the value of the nearest node."""
    distances = jnp.abs(following.nodes[:, None] - grid.nodes[None])
    return values[jnp.argmin(distances, axis=1)]


def root(y: Array) -> Array:
    """Return ``sqrt |y|``, which is continuous but not Lipschitz at zero."""
    return jnp.sqrt(jnp.abs(y))


def integrals(values: Array) -> Array:
    """Return the integrals from 0 to each depth, by the trapezoidal rule over the first axis."""
    moved = jnp.cumsum((values[1:] + values[:-1]) / 2, axis=0) / (len(values) - 1)
    return jnp.concatenate([jnp.zeros_like(values[:1]), moved])


@dataclass(frozen=True)
class KernelFlow(Claim, label="thm-kernel-flow", source="proved in the chapter (Picard, Grönwall)"):
    """With σ Lipschitz there is one solution, and n Picard iterations leave Λⁿ/n! of a distance.

    A kernel between 1 and 3, start and bias that oscillate, 24 neurons. Integrals over depth are
    trapezoidal, so that no layer is computed from the one before: Picard's map may have any number
    of fixed points.
    """

    activation: Callable[[Array], Array] = jnp.tanh
    size: float = 1.0
    depth: int = 48
    width: int = 24
    iterations: int = 24

    family: ClassVar = {"size": (0.3, 1.0, 3.0), "width": (6, 24, 48)}
    controls: ClassVar = {
        "an activation that is only continuous": Control(
            "tanh → √|y|, with start and bias zero, and S = 1 in the bound",
            fails=(
                "largest distance of the iterates / bound",
                "the same in L²",
                "distance after the last iteration",
                "largest distance of two solutions / bound",
            ),
            why="From zero two solutions start, 0 and one like s². The guesses 0 and 1 end at "
            "one each, whatever the number of iterations. And a start next to zero leaves it.",
            activation=root,
            size=0.0,
        )
    }

    def run(self) -> Measured:
        """Iterate from the guesses 0 and 1, and solve from two starts that are near each other."""
        x, weights = map(np.array, variable_width.uniform(self.width))
        s = np.arange(self.depth + 1) / self.depth
        a, b, phase = np.random.default_rng(self.seed).uniform(1, 4, 3)
        w = 2 + np.cos(a * x[:, None] - b * x + phase + s[:, None, None])  # (depth, to, from)
        bias = self.size * np.sin(2 * x + s[:, None])
        start = self.size * np.cos(3 * x)

        @jax.jit
        def iterates(guess: Array, start: Array) -> Array:
            def picard(y: Array, _: None) -> tuple[Array, Array]:
                rates = self.activation(jnp.einsum("kij,j,kj->ki", w, weights, y) + bias)
                return start[None] + integrals(rates), y

            last, seen = jax.lax.scan(picard, guess, length=self.iterations)
            return jnp.concatenate([seen, last[None]])

        zero = np.zeros((self.depth + 1, self.width))
        first, second = np.array(iterates(zero, start)), np.array(iterates(zero + 1, start))
        other = np.array(iterates(zero, start + 1e-3 * np.sin(20 * x)))[-1]
        gaps = np.abs(first - second)
        distances = gaps.max(axis=(1, 2))
        squares = np.sqrt(gaps**2 @ weights).max(axis=1)
        constant = float((np.abs(w) @ weights).max())  # tanh has the Lipschitz constant 1
        in_squares = float(np.sqrt(np.einsum("kij,i,j->k", w**2, weights, weights).max()))
        half = constant / (2 * self.depth)
        apart = np.abs(other - first[-1]).max(axis=1)
        grown = apart[0] * ((1 + half) / (1 - half)) ** np.arange(self.depth + 1)
        return Measured(
            distances=distances,
            bounds=self._bounds(distances[0], constant),
            squares=squares,
            square_bounds=self._bounds(squares[0], in_squares),
            growth=apart / grown,
        )

    def _bounds(self, first: float, constant: float) -> np.ndarray:
        """Return the first distance integrated ``n`` times, by the same trapezoids."""
        bounds = [np.full(self.depth + 1, first)]
        for _ in range(self.iterations):
            bounds.append(constant * np.asarray(integrals(jnp.asarray(bounds[-1]))))
        return np.array([bound[-1] for bound in bounds])

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Every iteration, in both norms, and two solutions.

        The bounds are those of the proof, ``Lambda^n / n!`` up to the error of the trapezoids; of
        ``e^(Lambda s)`` they make ``((1 + q)/(1 - q))^k`` with ``q = Lambda/(2 L)``. With ``Lambda
        <= 3`` the last bound is ``3^24/24! = 5e-13`` of the first distance; 1e-12 is added for
        rounding.
        """

        def worst(distances: np.ndarray, bounds: np.ndarray) -> float:
            return float((distances[1:] / (bounds[1:] + 1e-12)).max())

        return (
            Check(
                "largest distance of the iterates / bound",
                worst(measured.distances, measured.bounds),
                high=1,
            ),
            Check("the same in L²", worst(measured.squares, measured.square_bounds), high=1),
            Check("distance after the last iteration", float(measured.distances[-1]), high=1e-9),
            Check(
                "largest distance of two solutions / bound",
                float(measured.growth[1:].max()),
                high=1,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """The distance over iterations, and its bound, as far as rounding lets one see."""
        seen = slice(0, 16)
        return Picture(
            np.arange(self.iterations + 1)[seen],
            {"distance of two iterates": measured.distances[seen]},
            {"Λⁿ/n! times the first": measured.bounds[seen]},
            xlabel="iterations n",
            ylabel="distance",
            log="y",
        )


def trapezoid(width: int) -> Grid:
    """Return the trapezoidal rule on ``m`` equidistant nodes."""
    return variable_width.trapezoid(jnp.linspace(0, 1, width))


@cache
def _pair_solver(width: int, rule: Callable[[int], Grid]) -> Callable[..., Array]:
    grid = rule(width)

    @jax.jit
    def error(depth: Array, jumps: Array, power: Array, step: Array) -> Array:
        def worst_of(jump: Array) -> Array:
            model, weighted = network(jump, curved=True), Grid(grid.nodes, grid.weights**power)

            def layer(k: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
                z, worst = carry
                z = variable_width.layer(model, k / depth, z, weighted, weighted, step, keep)
                gap = jnp.abs(z - exact((k + 1) / depth, grid.nodes, curved=True))
                return z, jnp.maximum(worst, gap.max())

            start = exact(0.0, grid.nodes, curved=True)
            return jax.lax.fori_loop(0, depth, layer, (start, jnp.zeros(())))[1]

        return jax.vmap(worst_of)(jumps).max()

    return error


@dataclass(frozen=True)
class WidthAndDepth(Claim, label="thm-width-and-depth", source="proved in the chapter"):
    """L layers on m nodes are within (e^Λ - 1)/Λ (C/(2L) + SQ) of the limit in depth and width.

    A solution in closed form, tanh, and the midpoint or trapezoidal rule, whose error Q is O(1/m²)
    for its smooth kernel. Four depths and four widths, all pairs.
    """

    depths: tuple[int, ...] = (4, 16, 64, 256)
    widths: tuple[int, ...] = (2, 4, 8, 16)
    rule: Callable[[int], Grid] = variable_width.uniform
    jumps: bool = False
    power: float = 1.0  # of the quadrature weights
    factor: bool = True  # whether residuals are multiplied by 1/L

    family: ClassVar = {
        "rule": (variable_width.uniform, trapezoid),
        "depths": ((4, 16, 64, 256), (4, 16, 64, 256, 300), (1, 4, 9, 16, 64, 256)),
    }
    controls: ClassVar = {
        "a kernel that jumps": Control(
            JUMPS,
            fails="slope of the error in m, L = m²",
            why="A jump within a cell leaves Q = O(1/m).",
            jumps=True,
        ),
        "sums without weights": Control(
            NO_WEIGHTS,
            fails=("largest error / bound", "slope of the error in m, L = m²"),
            why="Without 1/m a wider network is another network.",
            power=0.0,
        ),
        "no factor 1/L": Control(
            "the step 1/L → 1",
            fails=("largest error / bound", "slope of the error in m, L = m²"),
            why="L layers travel L times as far.",
            factor=False,
        ),
    }

    def run(self) -> Measured:
        """Run every pair of a depth and a width."""
        jumps = places(self)

        def error(depth: int, width: int) -> float:
            step = 1 / depth if self.factor else 1.0
            return float(_pair_solver(width, self.rule)(depth, jumps, self.power, step))

        errors = [[error(depth, width) for width in self.widths] for depth in self.depths]
        L, m = np.array(self.depths)[:, None], np.array(self.widths)
        growth = expm1(LIPSCHITZ) / LIPSCHITZ
        rule = 24 * m**2 if self.rule is variable_width.uniform else 12 * (m - 1) ** 2
        return Measured(
            errors=np.array(errors), bounds=growth * (CURVATURE / (2 * L) + SECOND / rule)
        )

    def _together(self, values: np.ndarray) -> np.ndarray:
        return np.array([values[self.depths.index(m**2), j] for j, m in enumerate(self.widths)])

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Below the bound everywhere; with ``L = m^2``, a fifth of order two is left."""
        return (
            Check(
                "largest error / bound", float((measured.errors / measured.bounds).max()), high=1
            ),
            Check(
                "slope of the error in m, L = m²",
                slope(self.widths, self._together(measured.errors)),
                high=-1.8,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """Errors and bounds along ``L = m^2``."""
        return Picture(
            self.widths,
            {"largest error, L = m²": self._together(measured.errors)},
            {"the bound": self._together(measured.bounds)},
            xlabel="width m",
        )


Draw = Callable[[Key, int], Grid]


def one_node(key: Key, width: int) -> Grid:
    """Draw one node and use it ``m`` times."""
    return Grid(jnp.full(width, jax.random.uniform(key)), jnp.full(width, 1 / width))


def crowded(key: Key, width: int) -> Grid:
    """Draw squares of uniform variables, which crowd at zero, and weigh them alike."""
    grid = variable_width.random(key, width)
    return Grid(grid.nodes**2, grid.weights)


def repeated(grid: Grid, count: int) -> Grid:
    """Return the same grid for each layer."""
    return Grid(*(jnp.tile(leaf, (count, 1)) for leaf in grid))


@jax.jit
def random_errors(grids: Grid, jump: Array) -> Array:
    """Return the root mean square over nodes and draws; the grids have a leading axis of draws."""

    def squares(grid: Grid) -> Array:
        start, layers = exact(0.0, grid.nodes), repeated(grid, 5)
        end = variable_width.forward(network(jump), start, layers, transfer=keep)
        return (end - exact(1.0, grid.nodes)) ** 2

    return jnp.sqrt(jax.vmap(squares)(grids).mean())


@jax.jit
def mean_of_signs(grids: Grid) -> Array:
    """Return the same for one layer that adds the mean of ``z_0 = sign(x - 1/2)``."""
    averaging = Network(lambda s, x, xi: 1 + 0 * (x + xi), lambda s, x: 0 * x, lambda y: y)

    def squares(grid: Grid) -> Array:
        start = jnp.sign(grid.nodes - 0.5)
        end = variable_width.forward(averaging, start, repeated(grid, 2), transfer=keep)
        return (end - start) ** 2

    return jnp.sqrt(jax.vmap(squares)(grids).mean())


@dataclass(frozen=True)
class RandomNodes(Claim, label="prop-random-nodes", source="proved in the chapter"):
    """On m independent uniform nodes the root mean square error is O(1/L + 1/√m).

    Every bounded kernel will do. Here it jumps, with four layers, tanh, and a solution that is
    linear in depth, so that depth makes no error. Beside it the example that shows the rate to be
    sharp: one layer adds the mean of signs. Root mean squares are taken over 512 draws.
    """

    widths: tuple[int, ...] = (16, 32, 64, 128)
    draws: int = 512
    jump: float = 1 / 3
    draw: Draw = variable_width.random

    family: ClassVar = {"jump": (0.0, 0.2, 1 / 3, 0.7)}
    controls: ClassVar = {
        "one node for all": Control(
            "m independent nodes → one random node, used m times",
            fails=("signs: largest error / bound", "jump: slope of the error"),
            why="Errors of the same sign do not average out.",
            draw=one_node,
        ),
        "nodes that crowd": Control(
            "uniform nodes → their squares, with the weights 1/m",
            fails=("signs: largest error / bound", "jump: slope of the error"),
            why="The rule then computes another integral.",
            draw=crowded,
        ),
    }

    def run(self) -> Measured:
        """Average over draws."""
        keys = jax.random.split(jax.random.key(self.seed), self.draws)
        drawn = [jax.vmap(lambda key, m=m: self.draw(key, m))(keys) for m in self.widths]
        m = np.array(self.widths)
        noise = np.sqrt(m + 3) / m
        return Measured(
            errors=np.array([random_errors(grids, self.jump) for grids in drawn], float),
            bounds=expm1(LIPSCHITZ) / LIPSCHITZ * INTEGRAND * noise,
            signs=np.array([mean_of_signs(grids) for grids in drawn], float),
            sign_bounds=expm1(1.0) * noise,
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Below both bounds; the second one is attained up to ``1/(e - 1) = 0.58``.

        The mean of ``m`` signs has the standard deviation ``1/sqrt(m)``. A root mean square over
        512 draws has a relative one of ``1/sqrt(1024) = 0.03``: 0.85 leaves almost five of them,
        and the slope over three doublings, whose deviation is 0.02, a tenth.
        """
        scaled = measured.signs * np.sqrt(self.widths)
        return (
            Check(
                "jump: largest error / bound",
                float((measured.errors / measured.bounds).max()),
                high=1,
            ),
            Check(
                "signs: largest error / bound",
                float((measured.signs / measured.sign_bounds).max()),
                high=1,
            ),
            Check("jump: slope of the error", slope(self.widths, measured.errors), high=-0.4),
            Check("signs: smallest √m error", float(scaled.min()), low=0.85),
        )

    def picture(self, measured: Measured) -> Picture:
        """The errors of both, and the bound of the sharp one."""
        return Picture(
            self.widths,
            {"mean of signs": measured.signs, "kernel with a jump": measured.errors},
            {"bound for signs": measured.sign_bounds, "bound for the kernel": measured.bounds},
            xlabel="width m",
            ylabel="error in mean square",
        )


@cache
def _grid_solver(transfer: Transfer) -> Callable[..., Array]:
    @jax.jit
    def error(edges: list[Array], jumps: Array, power: Array) -> Array:
        grids = [variable_width.midpoint_rule(each) for each in edges]
        weighted = [Grid(grid.nodes, grid.weights**power) for grid in grids]

        def of(jump: Array) -> Array:
            start = exact(0.0, grids[0].nodes)
            end = variable_width.forward(network(jump), start, weighted, transfer=transfer)
            return jnp.max(jnp.abs(end - exact(1.0, grids[-1].nodes)))

        return jax.vmap(of)(jumps).max()

    return error


@dataclass(frozen=True)
class KernelQuadrature(Claim, label="prop-kernel-quadrature", source=PAPER):
    """At fixed depth, midpoint rules and linear transfer between moving grids err by O(δ²).

    Two layers between three grids of different width, ever denser at one end, tanh. The solution is
    linear in depth, so that the network of continuous width is known. The bound is the proof's.
    """

    widths: tuple[int, ...] = (32, 64, 128, 256)
    parts: tuple[int, ...] = (4, 5, 3)  # the widths of the grids, in quarters
    bend: float = 0.5
    jumps: bool = False
    power: float = 1.0  # of the quadrature weights
    transfer: Transfer = variable_width.interpolate

    family: ClassVar = {
        "parts": ((4, 5, 3), (4, 4, 4), (3, 5, 4, 4), (6, 3)),
        "bend": (-0.5, 0.2, 0.5),
    }
    controls: ClassVar = {
        "a kernel that jumps": Control(
            JUMPS,
            fails="slope of the error in m",
            why="A jump within a cell leaves Q = O(1/m).",
            jumps=True,
        ),
        "sums without weights": Control(
            NO_WEIGHTS,
            fails=("largest error / bound", "slope of the error in m"),
            why="Without 1/m a wider network is another network.",
            power=0.0,
        ),
        "the nearest node": Control(
            NEAREST,
            fails="slope of the error in m",
            why="The nearest value is off by up to half a cell, which is first order.",
            transfer=nearest,
        ),
    }

    def _edges(self, width: int) -> list[np.ndarray]:
        pieces = [np.linspace(0, 1, part * width // 4 + 1) for part in self.parts]
        depths = np.linspace(0, 1, len(pieces))
        return [u + self.bend * s * u * (1 - u) for s, u in zip(depths, pieces, strict=True)]

    def run(self) -> Measured:
        """Run the network on its grids, compare with the solution, evaluate the bound."""
        jumps, layers = places(self), len(self.parts) - 1
        error = _grid_solver(self.transfer)
        cells = [max(np.diff(edges).max() for edges in self._edges(m)) for m in self.widths]
        constant = 0.0
        for _ in range(layers):  # the recursion of the proof, in units of delta^2
            constant = (3 + LIPSCHITZ / layers) * constant + 3 / 8 * STATE + SECOND / (24 * layers)
        return Measured(
            errors=np.array([error(self._edges(m), jumps, self.power) for m in self.widths], float),
            bounds=constant * np.square(cells),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Below the bound, and second order, a tenth left for finite widths."""
        return (
            Check(
                "largest error / bound", float((measured.errors / measured.bounds).max()), high=1
            ),
            Check("slope of the error in m", slope(self.widths, measured.errors), high=-1.9),
        )

    def picture(self, measured: Measured) -> Picture:
        """The error, its bound and its rate."""
        return Picture(
            self.widths,
            {"largest error": measured.errors},
            {"the bound": measured.bounds, "rate 1/m²": guide(self.widths, measured.errors, -2)},
            xlabel="width m",
        )


STILL = Network(lambda s, x, xi: 0 * (x + xi), lambda s, x: 0 * x)
"""Layers that do nothing: all that happens to the state is the transfer."""


@cache
def _moving_solver(transfer: Transfer) -> Callable[..., Array]:
    @jax.jit
    def errors(grids: Array) -> Array:
        """Return the errors of `network` and of ``z = x^2`` in layers that do nothing."""
        grid = variable_width.trapezoid(grids)
        end = variable_width.forward(network(), exact(0.0, grids[0]), grid, transfer=transfer)
        rest = variable_width.forward(STILL, grids[0] ** 2, grid, transfer=transfer)
        gaps = jnp.stack([end - exact(1.0, grids[-1]), rest - grids[-1] ** 2])
        return jnp.abs(gaps).max(axis=1)

    return errors


@dataclass(frozen=True)
class MovingGrid(Claim, label="prop-moving-grid", source=PAPER):
    """With linear transfer J changes of the grid cost O(J δ²), and a grid that creeps costs O(δ).

    As many layers as cells, trapezoidal rules. The solution is linear in depth, so that depth makes
    no error. The grid changes twice, its width too, or moves to the right in every layer. Beside
    the network stands one whose layers do nothing, with the state x²: there the bound is nearly
    attained.
    """

    cells: tuple[int, ...] = (24, 48, 96, 192)
    speed: float = 0.5
    few: bool = True
    transfer: Transfer = variable_width.interpolate

    family: ClassVar = {"speed": (0.3, 0.5, 0.7, 0.9)}
    controls: ClassVar = {
        "a change in every layer": Control(
            "two changes of the grid → it creeps in every layer, by the same distance",
            fails="two changes, idle layers: error / bound",
            why="Each transfer smooths the state a little, like a diffusion.",
            few=False,
        ),
        "the nearest node": Control(
            NEAREST,
            fails=(
                "two changes, idle layers: error / bound",
                "creeping, idle layers: error / bound",
            ),
            why="A grid that moves by less than half a cell leaves the values where they are, and "
            "the nodes walk away.",
            transfer=nearest,
        ),
    }

    def _nodes(self, s: np.ndarray | float, cells: int) -> np.ndarray:
        """Return nodes that move to the right, by a quarter of the speed at most; ends stay."""
        u = np.linspace(0, 1, cells + 1)
        return u + self.speed * np.asarray(s)[..., None] * u * (1 - u)

    def _creeping(self, cells: int) -> np.ndarray:
        return self._padded(self._nodes(np.arange(cells + 1) / cells, cells), cells)

    def _changing(self, cells: int) -> np.ndarray:
        """Return three grids in turn, of ``m``, ``5m/4`` and ``3m/4`` cells, for a third each."""
        pieces = [
            self._padded(self._nodes(s, parts * cells // 4), cells)
            for s, parts in ((0.0, 4), (0.5, 5), (1.0, 3))
        ]
        return np.stack([pieces[min(3 * k // cells, 2)] for k in range(cells + 1)])

    @staticmethod
    def _padded(grid: np.ndarray, cells: int) -> np.ndarray:
        """Repeat the node at one up to ``5m/4 + 1`` nodes: a repeated node has the weight zero."""
        missing = 5 * cells // 4 + 1 - grid.shape[-1]
        return np.concatenate([grid, np.ones((*grid.shape[:-1], missing))], axis=-1)

    def run(self) -> Measured:
        """Run both networks in both ways, and evaluate the bounds, of shape (2, depths)."""
        errors = _moving_solver(self.transfer)
        crept = np.array([errors(self._creeping(m)) for m in self.cells]).T
        few = np.array([errors(self._changing(m)) for m in self.cells]).T if self.few else crept
        spacing = (1 + self.speed) / np.array(self.cells)
        coarsest = spacing / 0.75  # the third of the grids has 3m/4 cells
        growth = np.array([exp(LIPSCHITZ), 1.0])[:, None]
        second = np.array([STATE, 2.0])[:, None]
        quadrature = np.array([expm1(LIPSCHITZ) / LIPSCHITZ * SECOND / 12, 0.0])[:, None]
        return Measured(
            few=few,
            few_bounds=(growth * 2 * second / 8 + quadrature) * coarsest**2,
            creeping=crept,
            # v M/2 delta with v = speed / 4, as far as a node walks: u (1 - u) <= 1/4
            creeping_bounds=growth * self.speed / 4 * second / 2 * spacing
            + quadrature * spacing**2,
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Below the bounds at every width: they have the orders, and the constants.

        A slope would say less: where a node falls between two old ones is a matter of chance.
        """
        few, crept = (
            measured.few / measured.few_bounds,
            measured.creeping / measured.creeping_bounds,
        )
        return (
            Check("two changes: largest error / bound", float(few[0].max()), high=1),
            Check("two changes, idle layers: error / bound", float(few[1].max()), high=1),
            Check("creeping: largest error / bound", float(crept[0].max()), high=1),
            Check("creeping, idle layers: error / bound", float(crept[1].max()), high=1),
        )

    def picture(self, measured: Measured) -> Picture:
        """The errors of the network in both ways, those of idle layers, and a bound of each."""
        return Picture(
            self.cells,
            {
                "creeping, idle layers": measured.creeping[1],
                "creeping": measured.creeping[0],
                "two changes": measured.few[0],
            },
            {
                "bound for idle layers": measured.creeping_bounds[1],
                "bound, creeping": measured.creeping_bounds[0],
                "bound, two changes": measured.few_bounds[0],
            },
            xlabel="cells of the first grid",
        )


LAYERS, FINE = 8, 1025


def center(s: Scalar) -> Scalar:
    """Return the middle of the window, which travels with depth from 0.15 to 0.85."""
    return 0.15 + 0.7 * s


def stays(s: Scalar) -> Scalar:
    """Return the place where the window starts."""
    return center(0.0)


@jax.jit
def through_window(grids: Array, radius: Array, phase: Array) -> Array:
    """Return the states, from ``1 - x/2``, of layers that read through a window of weight one."""

    def kernel(s: Scalar, x: Array, xi: Array) -> Array:
        u = (xi - center(s)) / radius
        return 2 * jnp.cos(2 * x + phase) * 15 / 16 * jnp.maximum(1 - u**2, 0) ** 2 / radius

    model = Network(kernel, lambda s, x: jnp.zeros_like(x))
    return variable_width.trajectory(model, 1 - grids[0] / 2, variable_width.trapezoid(grids))


def dense_at(place: float, width: int, radius: float) -> np.ndarray:
    """Return nodes from 0 to 1, nine times as dense around a place."""
    # The density is 1 + 8 / (1 + u^2) with u = (x - place) / (1.5 radius); this is its integral.
    x = np.linspace(0, 1, FINE)
    mass = x + 12 * radius * np.arctan((x - place) / (1.5 * radius))
    return np.interp(np.linspace(mass[0], mass[-1], width), mass, x)


@dataclass(frozen=True)
class MovingWindow(Claim, label="obs-moving-window", source="measured here", kind="finding"):
    """If layers read through a narrow window that travels, nodes that follow it err much less.

    Eight layers, tanh. "Much less" is five times at least. The window is at most about as wide as
    the spacing of the equidistant grid of as many nodes. Errors are those of states, against 1,025
    nodes.
    """

    widths: tuple[int, ...] = (10, 14, 18)
    radius: float = 0.03
    phase: float = 0.0
    dense: Callable[[Scalar], Scalar] = center

    family: ClassVar = {"radius": (0.025, 0.03, 0.035), "phase": (-0.5, 0.0, 0.5)}
    controls: ClassVar = {
        "nodes that stay": Control(
            "nodes that are dense where the window is → dense where it started",
            fails="least error of equal spacing / of the moving grid",
            why="The window leaves the dense nodes, and meets fewer than on an equidistant grid.",
            dense=stays,
        ),
        "a wide window": Control(
            "the radius of the window 0.03 → 0.3",
            fails="least error of equal spacing / of the moving grid",
            why="Equal spacing sees a wide window well. Of moving, only the transfers are left.",
            radius=0.3,
        ),
    }

    def run(self) -> Measured:
        """Compare with the same depth and 1,025 nodes, joined by lines."""
        depths = np.arange(LAYERS + 1) / LAYERS
        fine = np.tile(np.linspace(0, 1, FINE), (LAYERS + 1, 1))
        reference = np.array(through_window(fine, self.radius, self.phase))
        moved = np.abs(reference[-1] - reference[0]).max()

        def error(grids: np.ndarray) -> float:
            states = np.array(through_window(grids, self.radius, self.phase))
            limits = [np.interp(x, fine[0], z) for x, z in zip(grids, reference, strict=True)]
            return float(np.abs(states - np.stack(limits)).max() / moved)

        def moving(width: int) -> np.ndarray:
            return np.stack([dense_at(self.dense(s), width, self.radius) for s in depths])

        def equal(width: int) -> np.ndarray:
            return np.tile(np.linspace(0, 1, width), (LAYERS + 1, 1))

        return Measured(
            moving=np.array([error(moving(m)) for m in self.widths]),
            equal=np.array([error(equal(m)) for m in self.widths]),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Equal spacing errs several times as much, here five, at every width."""
        gain = float((measured.equal / measured.moving).min())
        return (Check("least error of equal spacing / of the moving grid", gain, low=5),)

    def picture(self, measured: Measured) -> Picture:
        """Both errors."""
        return Picture(
            self.widths,
            {"nodes that move": measured.moving, "equal spacing": measured.equal},
            xlabel="width m",
            ylabel="error / way of the state",
        )
