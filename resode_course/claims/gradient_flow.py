"""The gradient flow: the claims of the chapter."""

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
from resode_lib import resnet, stacks, training
from resode_lib._types import Array, Scalar, Stack
from resode_lib.blocks import TwoLayer
from resode_lib.training import Trajectory

__all__ = [
    "BlowUp",
    "ClippedFlow",
    "DepthFactor",
    "DescentIsEuler",
    "DescentLemma",
    "Displacement",
    "LayerBound",
]

ROUNDOFF = 2.0**-53
SAMPLES = 32


@dataclass(frozen=True)
class Regression:
    """Gaussian inputs and targets, and networks of two-layer tanh blocks without embedding.

    Attributes:
        seed: of data and weights.
        width: of the states; a layer has four times as many neurons.
        scale: of the targets.
        outer: the standard deviation of the outer weights at the start.
    """

    seed: int
    width: int
    scale: float = 1.0
    outer: float = 0.0

    def loss(self, stack: Stack) -> Array:
        """Return the mean squared error."""
        keys = jax.random.split(jax.random.key(self.seed))
        x, y = (jax.random.normal(key, (SAMPLES, self.width)) for key in keys)
        return training.mean_squared_error(resnet.forward(stack, x), self.scale * y)

    def block(self, key: Array) -> TwoLayer:
        """Draw a layer."""
        hidden = 4 * self.width
        return TwoLayer.gaussian(key, width=self.width, hidden=hidden, outer_scale=self.outer)

    def tied(self, depth: int) -> Stack:
        """Return the same layer everywhere."""
        return stacks.tied(self.block(self._key()), depth)

    def independent(self, depth: int) -> Stack:
        """Return layers drawn anew."""
        return stacks.iid(self.block, self._key(), depth)

    def _key(self) -> Array:
        return jax.random.fold_in(jax.random.key(self.seed), 1)


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


def flow(problem: Regression, depth: int, time: float) -> Trajectory:
    """Follow the flow; record weights, speed, energy ``int ||theta'||^2`` and length.

    Integrals of the polynomial through 33 Chebyshev points: their error is below the solver's.
    """
    times = time * (1 - np.cos(np.pi * np.arange(33) / 32)) / 2

    @jax.jit
    def walk(stack: Stack) -> Trajectory:
        def speed(stack: Stack) -> Array:
            return training.depth_norm(training.depth_gradient(problem.loss, stack)[1])

        return training.gradient_flow(
            problem.loss,
            stack,
            times=times,
            record=lambda stack: (stack, speed(stack)),
            tolerance=1e-9,
        )

    walked = walk(problem.tied(depth))
    weights, speeds = walked.records

    def integral(values: np.ndarray) -> np.ndarray:
        fit = np.polynomial.Chebyshev.fit(times, values, deg=32)
        return fit.integ(lbnd=0)(times)

    speeds = np.asarray(speeds)
    return walked._replace(records=(weights, integral(speeds**2), integral(speeds)))


def long_steps(problem: Regression, depth: int, time: float) -> Trajectory:
    """Walk by gradient descent, on straight lines between eight points; record the same."""

    def speed(stack: Stack) -> Array:
        return training.depth_norm(training.depth_gradient(problem.loss, stack)[1])

    rate = time / 8
    walked = training.gradient_descent(
        problem.loss,
        problem.tied(depth),
        rate=rate,
        steps=8,
        record=lambda stack: (stack, speed(stack)),
    )
    weights, speeds = walked.records

    def integral(values: np.ndarray) -> np.ndarray:
        return np.append(0, rate * np.cumsum(values[:-1]))

    speeds = np.asarray(speeds)
    return walked._replace(records=(weights, integral(speeds**2), integral(speeds)))


@dataclass(frozen=True)
class Displacement(
    Claim, label="prop-displacement", source="proved in the chapter, from the energy identity"
):
    """Along the flow the loss lost is ∫‖θ'‖², and displacement ≤ length ≤ √(t · loss lost).

    Gaussian regression with a two-layer tanh network of width 8 and depth 16 from a tied start, in
    the norm of depth, until t = 4.
    """

    width: int = 8
    depth: int = 16
    time: float = 4.0
    walk: Callable[[Regression, int, float], Trajectory] = flow

    family: ClassVar = {"width": (2, 4, 8), "depth": (4, 16, 48), "time": (1.0, 4.0)}
    controls: ClassVar = {
        "long steps": Control(
            "the flow → gradient descent with eight steps until the same time",
            fails=("|loss lost - energy| / loss lost", "largest displacement / bound"),
            why="A step loses less than the gradient at its beginning promises, by half of step "
            "times curvature: energy is an identity for the flow only.",
            walk=long_steps,
        )
    }

    def run(self) -> Measured:
        """Walk, and compare lengths and energies at all times."""
        walk = self.walk(Regression(self.seed, self.width), self.depth, self.time)
        weights, energies, lengths = walk.records
        moves = jax.tree.map(lambda leaf: leaf - leaf[:1], weights)
        lost = np.asarray(walk.losses[0] - walk.losses)
        return Measured(
            times=np.asarray(walk.times),
            lost=lost,
            energies=energies,
            lengths=lengths,
            displacements=np.asarray(jax.vmap(training.depth_norm)(moves)),
            bounds=np.sqrt(np.asarray(walk.times) * np.maximum(lost, 0)),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The identity and both inequalities.

        The solver's tolerance is 1e-9 per step, and it makes fewer than 1000.
        """
        gap = np.abs(measured.lost - measured.energies).max() / measured.lost[-1]
        straight = (measured.displacements[1:] / measured.lengths[1:]).max()
        return (
            Check("|loss lost - energy| / loss lost", float(gap), high=1e-6),
            Check("largest displacement / length", float(straight), high=1 + 1e-6),
            Check(
                "largest displacement / bound",
                _ratio(measured.displacements, measured.bounds),
                high=1 + 1e-6,
            ),
            Check(
                "largest length / bound", _ratio(measured.lengths, measured.bounds), high=1 + 1e-6
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """Displacement and length, which energy bounds."""
        return Picture(
            measured.times,
            {"displacement": measured.displacements, "length of the path": measured.lengths},
            {"√(t · loss lost)": measured.bounds},
            xlabel="training time t",
            ylabel="length in the norm of depth",
            log="",
        )


def _ratio(values: np.ndarray, bounds: np.ndarray) -> float:
    """Return the largest ratio behind the start, where both are zero."""
    return float((values[1:] / np.maximum(bounds[1:], 1e-12)).max())


def quartic(x: Array) -> Array:
    """Return ``-x^4 / 4``: its flow is ``x' = x^3``."""
    return -jnp.sum(x**4) / 4


def flattened(x: Array) -> Array:
    """Return ``-x^4 / (4 + x^4)``: the same near zero, and never below -1."""
    return -jnp.sum(x**4 / (4 + x**4))


def parabola(x: Array) -> Array:
    """Return ``-x^2 / 2``: no lower bound, but the gradient grows linearly."""
    return -jnp.sum(x**2) / 2


@dataclass(frozen=True)
class BlowUp(
    Claim, label="prop-blow-up", source="proved in the chapter, by separation of variables"
):
    """The gradient flow of -θ⁴/4 is θ(0)(1 - 2θ(0)²t)^-½: it has no end, at a finite time.

    From θ(0) = 3/2, by the solver of the library, at times that come near t* = 1/(2θ(0)²).
    """

    start: float = 1.5
    loss: Callable[[Array], Array] = quartic

    family: ClassVar = {"start": (0.5, 1.0, 1.5, 4.0)}
    controls: ClassVar = {
        "a floor under the loss": Control(
            "-θ⁴/4 → -θ⁴/(4 + θ⁴), alike near zero and never below -1",
            fails="largest distance from the formula, relative",
            why="A bounded loss cannot pay for an infinite path in finite time.",
            loss=flattened,
        ),
        "a gradient of linear growth": Control(
            "-θ⁴/4 → -θ²/2, without a lower bound too",
            fails="largest distance from the formula, relative",
            why="By Grönwall the flow takes for ever.",
            loss=parabola,
        ),
    }

    def run(self) -> Measured:
        """Solve the flow until a hundred-thousandth of the time to the blow-up is left."""
        left = 10.0 ** -np.arange(0, 5.5, 0.5)
        end = 1 / (2 * self.start**2)
        flow = training.gradient_flow(
            self.loss,
            jnp.array([self.start]),
            times=jnp.array(end * (1 - left)),
            record=lambda x: x[0],
            tolerance=1e-10,
        )
        return Measured(
            left=left, positions=np.asarray(flow.records), formula=self.start / np.sqrt(left)
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The formula.

        Relative errors of 1e-10 in some hundred steps move the time of the blow-up by 1e-8 of it
        at most, a thousandth of what is left in the end, and the last position by half of that.
        """
        distance = np.abs(measured.positions / measured.formula - 1).max()
        return (Check("largest distance from the formula, relative", float(distance), high=1e-3),)

    def picture(self, measured: Measured) -> Picture:
        """The position against the time that is left."""
        return Picture(
            measured.left,
            {"θ(t)": measured.positions},
            {"θ(0) (1 - t/t*)^-½": measured.formula},
            xlabel="1 - t/t*, what is left of the time",
            ylabel="θ",
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


def two_layers(claim: "LayerBound", depth: int) -> float:
    """Return the largest ``||theta_k||`` of a network trained until the claim's time."""
    problem = Regression(claim.seed, claim.width, outer=claim.outer)
    stack = getattr(problem, claim.start)(depth)
    walk = descend(problem, stack, steps=int(claim.time / 0.05))
    squares = jax.tree.map(lambda leaf: jnp.sum(leaf**2, axis=(-2, -1)), walk.records)
    return float(jnp.sqrt(sum(jax.tree.leaves(squares))).max())


def descend(problem: Regression, stack: Stack, steps: int) -> Trajectory:
    """Train by gradient descent with rate 0.05, a surrogate of the flow; record all weights."""
    return training.gradient_descent(
        problem.loss, stack, rate=0.05, steps=steps, every=steps // 10, record=lambda s: s
    )


def cubic(claim: "LayerBound", depth: int) -> float:
    """Return the largest weight for ``f(h, theta) = theta^3 h`` at time 1/3, one layer ahead.

    One sample 1 with target 2. The first weight starts at 1, the others at 0, where their gradient
    vanishes.
    """

    def loss(theta: Array) -> Array:
        return (jnp.prod(1 + theta**3 / depth) - 2.0) ** 2

    start = jnp.zeros(depth).at[0].set(1.0)
    times = jnp.array([0.0, 1 / 3])
    return float(training.gradient_flow(loss, start, times=times).parameters.max())


@dataclass(frozen=True)
class LayerBound(
    Claim, label="prop-layer-bound", source="proved in the chapter, from the energy identity"
):
    """With two-layer residuals all layers stay bounded on finite times, uniformly in depth.

    Gaussian regression with tanh networks of width 8 from a tied start, without clipping, until
    t = 15, by gradient descent with rate 1/20.
    """

    width: int = 8
    start: str = "tied"
    outer: float = 0.0  # standard deviation of the outer weights at the start
    time: float = 15.0
    depths: tuple[int, ...] = (8, 16, 32, 64)
    largest: Callable[["LayerBound", int], float] = two_layers

    family: ClassVar = {
        "width": (4, 8),
        "start": ("tied", "independent"),
        "outer": (0.0, 0.5),
        "time": (5.0, 15.0),
    }
    controls: ClassVar = {
        "cubic residuals": Control(
            "two layers, f = Vσ(Wh) → f = θ³h, one sample, one layer ahead of the others, t = 1/3",
            fails="slope of the largest ‖θ_k‖ in L",
            why="The further a layer is, the faster it runs: by then it has grown at least like "
            "L^(1/3).",
            largest=cubic,
        )
    }

    def run(self) -> Measured:
        """Train one network per depth."""
        return Measured(norms=np.array([self.largest(self, depth) for depth in self.depths]))

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The largest layer does not grow with depth; a tenth is left for finite depths.

        The proof's constant is far too large to be worth a comparison.
        """
        return (
            Check("slope of the largest ‖θ_k‖ in L", slope(self.depths, measured.norms), high=0.1),
        )

    def picture(self, measured: Measured) -> Picture:
        """The largest layer, which does not grow."""
        flat = np.full(len(self.depths), measured.norms[0])
        return Picture(
            self.depths,
            {"largest ‖θ_k‖": measured.norms},
            {"the same at all depths": flat},
            ylabel="norm of the largest layer",
        )


@dataclass(frozen=True)
class ClippedFlow(
    Claim, label="prop-clipped-flow", source="Marion, Wu, Sander, Biau 2023, Propositions 1 and 3"
):
    """Along the clipped flow every layer moves by at most t times the bound of the clipping.

    Gaussian regression in width 8 with targets a hundred times as large as the inputs; every entry
    of the gradient is clipped at 1/2, so an array of p entries moves by at most t √p / 2.
    """

    width: int = 8
    scale: float = 100.0
    depths: tuple[int, ...] = (8, 32)
    clip: Callable[[Array], Array] = training.clip_coordinates(0.5)

    family: ClassVar = {"width": (4, 8), "scale": (50.0, 100.0, 200.0)}
    controls: ClassVar = {
        "gradients as they are": Control(
            "clipping at 1/2 → none",
            fails="largest displacement / (t · speed)",
            why="Large targets make large gradients, and nothing holds a layer.",
            clip=training.unclipped,
        )
    }

    def run(self) -> Measured:
        """Solve the flow at each depth; the largest displacement over layers, over its bound."""
        problem = Regression(self.seed, self.width, scale=self.scale)
        times = np.array([0.0, 0.025, 0.05, 0.1, 0.2])

        def shares(depth: int) -> np.ndarray:
            walk = jax.jit(
                lambda stack: training.gradient_flow(
                    problem.loss,
                    stack,
                    times=times,
                    record=lambda s: s,
                    clip=self.clip,
                    tolerance=1e-6,
                )
            )(problem.tied(depth))
            moved = [
                jnp.linalg.norm(leaf - leaf[:1], axis=(2, 3)).max(axis=1)
                for leaf in jax.tree.leaves(walk.records)
            ]
            allowed = times[1:] * 0.5 * sqrt(4 * self.width**2)
            return np.max(moved, axis=0)[1:] / allowed

        return Measured(times=times[1:], shares=np.array([shares(depth) for depth in self.depths]))

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """No layer is faster than the clipping allows, up to the solver's tolerance."""
        largest = float(measured.shares.max())
        return (Check("largest displacement / (t · speed)", largest, high=1 + 1e-4),)

    def picture(self, measured: Measured) -> Picture:
        """The share of what is allowed."""
        curves = zip(self.depths, measured.shares, strict=True)
        return Picture(
            measured.times,
            {f"depth {depth}": share for depth, share in curves},
            {"one": np.ones(len(measured.times))},
            xlabel="training time t",
            ylabel="displacement / (t · speed)",
            log="",
        )
