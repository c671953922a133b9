"""The factor L: the claims of the chapter."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_course.claims._measure import slope
from resode_course.claims._regression import SAMPLES, Regression
from resode_lib import training
from resode_lib._types import Array, Scalar, Stack
from resode_lib.training import Trajectory

__all__ = ["DepthFactor", "DescentIsEuler", "DescentLemma"]

ROUNDOFF = 2.0**-53


def one(depth: int) -> float:
    """Return 1: the flow in the metric of depth."""
    return 1.0


def one_over_depth(depth: int) -> float:
    """Return ``1/L``: the plain gradient, without the factor."""
    return 1 / depth


@cache  # the controls share the programs
def with_curvature(problem: Regression) -> Callable[[Stack, Scalar], Trajectory]:
    """Return the compiled flow until t = 2, of the loss times a factor.

    It records the norm of the gradient ``g`` and the curvature along it, ``||D^2 l g|| / ||g||``.
    """

    def gradient(stack: Stack) -> Stack:
        return training.depth_gradient(problem.loss, stack)[1]

    def seen(stack: Stack) -> tuple[Array, Array]:
        g, bent = jax.jvp(gradient, (stack,), (gradient(stack),))
        size = training.depth_norm(g)
        return size, training.depth_norm(bent) / size

    times = jnp.linspace(0, 2, 9)  # here: inside of the program it would be no array of numbers
    return jax.jit(
        lambda stack, speed: training.gradient_flow(
            lambda stack: speed * problem.loss(stack),
            stack,
            times=times,
            record=seen,
            tolerance=1e-6,
        )
    )


@dataclass(frozen=True)
class DepthFactor(
    Claim, label="prop-depth-factor", source="Marion, Wu, Sander, Biau 2023, Section 3"
):
    """With the factor L all depths lose S(1 - e^(-2βt))/(2β) at least; without it, G²t/L at most.

    Gaussian regression with tanh networks of width 8 from a tied start with V = 0, until
    t = 2. S is the squared gradient at the start, G the largest gradient, and β the largest
    curvature along it, which is what item 2 needs, in the norm of depth: S is the same at all
    depths, and G and β do not grow with them.
    """

    width: int = 8
    depths: tuple[int, ...] = (8, 16, 32, 64)
    speed: Callable[[int], float] = one
    outer: float = 0.0

    family: ClassVar = {"width": (2, 4, 8)}
    controls: ClassVar = {
        "the plain gradient": Control(
            "the factor L in front of the gradient → 1",
            fails="1, 2: least loss lost / bound",
            why="Training freezes: the deeper the network, the slower the loss falls.",
            speed=one_over_depth,
        ),
        "a start that moves the state": Control(
            "V = 0 at the start → V Gaussian",
            fails="2: largest difference of S, relative / rounding",
            why="The state that a layer sees depends on the layers before it, and so on the depth.",
            outer=1.0,
        ),
    }

    def run(self) -> Measured:
        """Follow the flow with and without the factor at each depth."""
        found = [self._at(depth) for depth in self.depths]
        return Measured(**{name: np.array([row[name] for row in found]) for name in found[0]})

    def _at(self, depth: int) -> dict[str, float]:
        follow, time = with_curvature(Regression(self.seed, self.width)), 2.0
        start = Regression(self.seed, self.width, outer=self.outer).tied(depth)
        walk, plain = follow(start, self.speed(depth)), follow(start, 1 / depth)
        sizes, curvatures = walk.records
        S, G, beta = sizes[0] ** 2, sizes.max(), curvatures.max()
        return {
            "S": float(S),
            "G": float(G),
            "beta": float(beta),
            "lost": float(walk.losses[0] - walk.losses[-1]) / self.speed(depth),
            "bounds": float(S * -jnp.expm1(-2 * beta * time) / (2 * beta)),
            "plain": float(plain.losses[0] - plain.losses[-1]) * depth,
            "plain_bounds": float(plain.records[0].max()) ** 2 * time / depth,
        }

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Items 1 to 3 of the proposition.

        The proof of item 2 needs the curvature along the gradient g, at most ||D²l g|| / ||g||. It
        is measured at nine times; a tenth of the slopes is left for finite depths. S is a
        sum over samples and neurons of products that pass L layers.
        """
        rounding = 4 * (max(self.depths) + SAMPLES + 5 * self.width) * ROUNDOFF
        apart = (measured.S.max() / measured.S.min() - 1) / rounding
        return (
            Check("1: slope of G in L", slope(self.depths, measured.G), high=0.1),
            Check("1: slope of β in L", slope(self.depths, measured.beta), high=0.1),
            Check("2: largest difference of S, relative / rounding", float(apart), high=1),
            Check(
                "1, 2: least loss lost / bound",
                float((measured.lost / measured.bounds).min()),
                low=1,
            ),
            Check(
                "3: largest loss lost without L / bound",
                float((measured.plain / measured.plain_bounds).max()),
                high=1,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """What training takes off the loss, with the factor and without it."""
        return Picture(
            self.depths,
            {"with the factor": measured.lost, "without it": measured.plain},
            {"at least, with it": measured.bounds, "at most, without it": measured.plain_bounds},
            ylabel="loss lost at t = 2",
            lower=True,
        )


def waves(claim: "DescentLemma", x: Array) -> Array:
    """Return ``a sum sin^2 x_i``, whose curvature is at most ``2 a``."""
    return claim.amplitude * jnp.sum(jnp.sin(x) ** 2)


def cusps(claim: "DescentLemma", x: Array) -> Array:
    """Return the same, with ``sum |x_i|^(3/2)``, whose gradient is not Lipschitz at zero."""
    return waves(claim, x) + jnp.sum(jnp.abs(x) ** 1.5)


@dataclass(frozen=True)
class DescentLemma(Claim, label="lem-descent", source="classical; proved in the chapter"):
    """If ∇ℓ is β-Lipschitz, a step η lowers ℓ by at least η(1 - ηβ/2)‖∇ℓ‖²: it falls if η < 2/β.

    A random quadratic form of norm 2 plus 3 Σ sin² x_i in three variables, with β = 8; steps
    η = 1/β from points of all sizes. Near zero the curvature is β.
    """

    width: int = 3
    amplitude: float = 3.0
    step: float = 1.0  # in units of 1/β
    rest: Callable[["DescentLemma", Array], Array] = waves

    family: ClassVar = {
        "width": (1, 3, 10),
        "amplitude": (1.0, 3.0, 10.0),
        "step": (0.1, 0.5, 1.0, 1.5, 1.9),
    }
    controls: ClassVar = {
        "long steps": Control(
            "η = 1/β → 2.5/β",
            fails="points where the loss does not fall",
            why="Near zero the curvature is β, and a step jumps further than to the other side. "
            "The inequality itself holds for every step.",
            step=2.5,
        ),
        "a gradient with infinite slope": Control(
            "ℓ → ℓ + Σ |x_i|^(3/2), with β as before",
            fails="least loss lost / (η‖∇ℓ‖²) - (1 - ηβ/2)",
            why="Near zero the gradient changes faster than β allows.",
            rest=cusps,
        ),
    }

    def run(self) -> Measured:
        """Take one step from each point."""
        keys = jax.random.split(jax.random.key(self.seed))
        root = jax.random.normal(keys[0], (self.width, self.width))
        root *= sqrt(2) / jnp.linalg.norm(root, ord=2)
        steepest = jnp.linalg.svd(root)[2][:1]

        def loss(x: Array) -> Array:
            return jnp.sum((root @ x) ** 2) / 2 + self.rest(self, x)

        directions = jnp.concatenate([steepest, jax.random.normal(keys[1], (40, self.width))])
        sizes = 10.0 ** jnp.linspace(-3, 1, 17)
        x = (sizes[:, None, None] * directions[None]).reshape(-1, self.width)
        step = self.step / (2 + 2 * self.amplitude)
        gradient = jax.vmap(jax.grad(loss))(x)
        lost = jax.vmap(loss)(x) - jax.vmap(loss)(x - step * gradient)
        share = np.asarray(lost / (step * jnp.sum(gradient**2, axis=1)))
        return Measured(sizes=np.asarray(sizes), shares=share.reshape(len(sizes), -1))

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The inequality at every point, and what follows.

        Near zero, where it is nearly sharp, losses of size 1e-6 are rounded relatively by some
        2^-53.
        """
        excess = float(measured.shares.min()) - (1 - self.step / 2)
        return (
            Check("least loss lost / (η‖∇ℓ‖²) - (1 - ηβ/2)", excess, low=-1e-12),
            Check("points where the loss does not fall", int((measured.shares <= 0).sum()), high=0),
        )

    def picture(self, measured: Measured) -> Picture:
        """The least share at each size of the point."""
        return Picture(
            measured.sizes,
            {"least loss lost / (η‖∇ℓ‖²)": measured.shares.min(axis=1)},
            {"1 - ηβ/2": np.full(len(measured.sizes), 1 - self.step / 2)},
            xlabel="size of the point",
            ylabel="loss lost / (η‖∇ℓ‖²)",
            log="x",
            lower=True,
        )


def plain(rate: float) -> optax.GradientTransformation:
    """Return gradient descent."""
    return optax.sgd(rate)


def heavy_ball(rate: float) -> optax.GradientTransformation:
    """Return gradient descent with momentum 0.9, which follows the flow ten times as fast."""
    return optax.sgd(rate, momentum=0.9)


@dataclass(frozen=True)
class DescentIsEuler(
    Claim,
    label="cor-descent-is-euler",
    source="proved in the chapter: the Euler estimate in training time",
):
    """Descent with N steps stays within (e^(βT) - 1)/2 G T/N of the flow until T.

    Two scalar linear layers from a random start towards a product of 2, T = 1/20, where β and G
    have formulas; and for the rate a tanh network of width 8 with four layers, T = 1.
    """

    width: int = 8
    counts: tuple[int, ...] = (32, 64, 128, 256)
    method: Callable[[float], optax.GradientTransformation] = plain

    family: ClassVar = {"width": (2, 4, 8)}
    controls: ClassVar = {
        "momentum 0.9": Control(
            "gradient descent → with momentum 0.9",
            fails=(
                "two weights: largest distance / bound",
                "network: slope of the distance in N",
            ),
            why="Momentum follows the flow at ten times the speed, so at the same time it is "
            "elsewhere.",
            method=heavy_ball,
        )
    }

    def run(self) -> Measured:
        """Compare with the accurately solved flow, at 33 times."""
        problem = Regression(self.seed, self.width)
        _, network = self._distances(problem.loss, problem.tied(4), 1.0)
        start = jax.random.uniform(jax.random.key(self.seed), (2,), minval=-1.0, maxval=2.0)
        curve, small = self._distances(small_loss, start, 0.05)
        bounds = small_bounds(curve, 0.05, np.array(self.counts))
        return Measured(network=network, small=small, bounds=bounds)

    def _distances(self, loss: Callable, start: Stack, time: float) -> tuple[Stack, np.ndarray]:
        """Return the flow, and the largest distance of descent to it for each number of steps."""
        times = np.linspace(0, time, 33)

        @jax.jit
        def follow(start: Stack) -> Stack:
            return training.gradient_flow(
                loss, start, times=times, record=lambda theta: theta, tolerance=1e-10
            ).records

        curve = follow(start)

        def distance(count: int) -> float:
            walk = training.optimise(
                loss,
                start,
                self.method(time / count),
                steps=count,
                every=count // 32,
                record=lambda theta: theta,
            )
            gap = jax.tree.map(jnp.subtract, walk.records, curve)
            return float(jax.vmap(training.depth_norm)(gap).max())

        return curve, np.array([distance(count) for count in self.counts])

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The bound where it is explicit, and the rate, with a tenth left for finite counts."""
        return (
            Check(
                "two weights: largest distance / bound",
                float((measured.small / measured.bounds).max()),
                high=1,
            ),
            Check(
                "network: slope of the distance in N",
                slope(self.counts, measured.network),
                high=-0.9,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """The distances, and the bound for two weights."""
        return Picture(
            self.counts,
            {"two weights": measured.small, "network": measured.network},
            {"bound for two weights": measured.bounds},
            xlabel="number of steps N",
            ylabel="largest distance to the flow",
        )


def small_loss(theta: Array) -> Array:
    """Return ``(u v - 2)^2`` for the layers ``u = 1 + theta_0/2`` and ``v = 1 + theta_1/2``."""
    return (jnp.prod(1 + theta / 2) - 2) ** 2


def small_bounds(curve: Array, time: float, counts: np.ndarray) -> np.ndarray:
    """Return the bounds for two weights, whose ``beta`` and ``G`` hold within 1/5 of the curve.

    The gradient in the norm of depth is ``2 (uv - 2) (v, u)``. Its derivative is the matrix of
    ``(v, u)`` with itself plus ``(uv - 2)`` times the exchange of coordinates: of norm at most
    ``u^2 + v^2 + |uv - 2|``.

    Raises:
        ValueError: if the bound is not below 1/5, where the corollary says nothing.
    """
    radius = 0.2
    u, v = (np.abs(1 + np.asarray(curve) / 2).max(axis=0) + radius / sqrt(2)).tolist()
    miss = u * v + 2
    beta, G = u**2 + v**2 + miss, miss * sqrt(2 * (u**2 + v**2))
    bounds = np.expm1(beta * time) / 2 * G * time / counts
    if bounds.max() > radius:
        raise ValueError(f"the bound {bounds.max():.2g} leaves the tube of radius {radius}.")
    return bounds
