"""Which networks are close to an ODE: the claims of the chapter."""

from collections.abc import Callable
from dataclasses import dataclass
from math import comb
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_course.claims._measure import StepSize, one_over_depth, slope
from resode_lib import integrators, resnet, stacks
from resode_lib._types import Array, Key, Stack, State
from resode_lib.blocks import Inside, Linear, TwoLayer

__all__ = [
    "Averaging",
    "KeepsOrder",
    "MeanSquare",
    "PiecewiseConstantODE",
    "RandomSigns",
    "ScalingExponents",
]

Layers = Callable[[Callable, Key, int], Stack]
"""How the layers of a network depend on each other: ``(draw a block, key, depth) -> stack``."""


def one_over_root(depth: int) -> float:
    """Return ``1/sqrt(L)``, the scale at which independent layers do not average out."""
    return depth**-0.5


def signs(claim: "PiecewiseConstantODE", key: Key, depth: int) -> tuple[Stack, Array, Array]:
    """Draw ``f(h) = +-h / 10`` from 1, with the norms of its layers: nearly the worst case.

    With ``c = 1/(10 L)`` a layer loses ``(1 + c)/e^c`` or ``(1 - c)/e^-c``, both less than one: all
    errors point the same way.
    """
    theta = 0.1 * jax.random.rademacher(key, (depth, 1, 1)).astype(float)
    return jax.vmap(Linear)(theta), jnp.ones((1, 1)), jnp.abs(theta[:, 0, 0])


def gaussian(claim: "PiecewiseConstantODE", key: Key, depth: int) -> tuple[Stack, Array, Array]:
    """Draw two-layer blocks and inputs, with Lipschitz constants of the layers."""
    d, m = claim.width, 2 * claim.width
    key, key_start = jax.random.split(key)
    stack = stacks.iid(lambda k: TwoLayer.gaussian(k, width=d, hidden=m), key, depth)
    norms = [jnp.linalg.norm(leaf[...], ord=2, axis=(-2, -1)) for leaf in (stack.V, stack.W)]
    start = jax.random.normal(key_start, (16, d))
    return stack, start, norms[0] * norms[1] / jnp.sqrt(d * m)


@dataclass(frozen=True)
class PiecewiseConstantODE(
    Claim, label="prop-piecewise-constant-ode", source="proved in the chapter"
):
    """With step 1/L a network stays within (e^Λ - 1)F/(2L) of the ODE with its layers' weights.

    Independent layers, eight networks of each depth: Gaussian two-layer tanh blocks, and
    f(h) = ±h/10 with a fair sign in each layer, for which the bound is nearly attained.
    """

    width: int = 2
    depths: tuple[int, ...] = (16, 32, 64, 128)
    step_size: StepSize = one_over_depth

    family: ClassVar = {"width": (1, 2, 4, 8)}
    controls: ClassVar = {
        "residuals of size 1/√L": Control(
            "the step 1/L → 1/√L, in the network and in its ODE",
            fails=("signs: largest error / bound", "Gaussian: slope of the error in L"),
            why="Each layer now errs by O(1/L), and L layers by O(1): no depth brings the network "
            "near its own ODE.",
            step_size=one_over_root,
        )
    }

    def run(self) -> Measured:
        """Compare networks with the flows of their own weights: eight RK4 steps in each layer."""
        rows = {
            name: np.array([self._at(draw, depth) for depth in self.depths]).T
            for name, draw in (("gaussian", gaussian), ("signs", signs))
        }
        return Measured(**rows)

    def _at(self, draw: Callable, depth: int) -> tuple[float, float]:
        """Return the mean of the largest error, over networks, and the largest error / bound."""
        step, fine = self.step_size(depth), 8

        def layer(h: State, block: Linear | TwoLayer) -> tuple[State, tuple[State, Array]]:
            states = integrators.integrate(
                lambda s, h: block(h),
                h,
                depth=fine,
                integrator=integrators.rk4,
                step_size=step / fine,
            )
            # The largest of some values of ||f||: less than F makes the bound smaller.
            return states[-1], (states[-1], jnp.linalg.norm(block(states), axis=-1).max())

        @jax.jit
        @jax.vmap
        def both(key: Key) -> tuple[Array, Array]:
            stack, start, lipschitz = draw(self, key, depth)
            _, (exact, speed) = jax.lax.scan(layer, start, stack)
            gap = resnet.trajectory(stack, start, step_size=step)[1:] - exact
            error = jnp.linalg.norm(gap, axis=-1).max()
            return error, error / (jnp.expm1(lipschitz.max()) * speed.max() / (2 * depth))

        errors, ratios = both(
            jax.random.split(jax.random.fold_in(jax.random.key(self.seed), depth), 8)
        )
        return float(errors.mean()), float(ratios.max())

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The bound for every network, and its rate, a tenth left for finite depths."""
        (errors, ratios), (_, sharp) = measured.gaussian, measured.signs
        return (
            Check("Gaussian: largest error / bound", float(ratios.max()), high=1),
            Check("signs: largest error / bound", float(sharp.max()), high=1),
            Check("Gaussian: slope of the error in L", slope(self.depths, errors), high=-0.9),
        )

    def picture(self, measured: Measured) -> Picture:
        """How much of the bound is used."""
        ratios = {"Gaussian layers": measured.gaussian[1], "signs": measured.signs[1]}
        one = np.ones(len(self.depths))
        return Picture(self.depths, ratios, {"one": one}, ylabel="largest error / bound")


def constant(claim: "Averaging", depth: int) -> int:
    """Return the claim's period."""
    return claim.period


def whole_depth(claim: "Averaging", depth: int) -> int:
    """Return the depth: first all layers of one kind, then all of the next."""
    return depth


def random_kinds(claim: "Averaging") -> tuple[Array, Array, Array]:
    """Draw affine residuals ``w_j h + b_j``, ``||w_j|| = 1``, and a start."""
    keys, d = jax.random.split(jax.random.key(claim.seed), 3), claim.width
    w = jax.random.normal(keys[0], (claim.period, d, d))
    w /= jnp.linalg.norm(w, ord=2, axis=(1, 2), keepdims=True)
    return w, jax.random.normal(keys[1], (claim.period, d)), jax.random.normal(keys[2], (d,))


def to_and_fro(claim: "Averaging") -> tuple[Array, Array, Array]:
    """Return ``h/5 + 1`` in the first half of a period, ``h/5 - 1`` in the second; start at 0."""
    b = jnp.where(jnp.arange(claim.period) < claim.period // 2, 1.0, -1.0)
    return jnp.full((claim.period, 1, 1), 0.2), b[:, None], jnp.zeros(1)


@dataclass(frozen=True)
class Averaging(Claim, label="prop-averaging", source="proved in the chapter"):
    """Layers of period p stay within (p - 1/2)(e^Λ - 1)F/L of the ODE of their average.

    Affine layers of norm one, drawn once and repeated with period two; and h/5 + 1, h/5 - 1 in turn
    from 0, which nearly attain a third of the bound. In between, 2(p - 1)F/L more is allowed.
    """

    width: int = 2
    period: int = 2
    depths: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    repeated: Callable[["Averaging", int], int] = constant

    family: ClassVar = {"width": (1, 2, 5), "period": (2, 4, 8)}
    controls: ClassVar = {
        "a period as long as the network": Control(
            "the layers in turn → first all layers of one kind, then all of the next",
            fails=("ends of periods: largest error / bound", "slope of the error in L"),
            why="The order counts now: the network follows one ODE after the other, not their "
            "average.",
            repeated=whole_depth,
        )
    }

    def run(self) -> Measured:
        """Run networks of every depth beside the ODE of the average."""
        drawn = np.array([self._at(random_kinds(self), depth) for depth in self.depths]).T
        line = np.array([self._at(to_and_fro(self), depth) for depth in self.depths]).T
        return Measured(errors=drawn[0], bounds=drawn[1], between=drawn[2], line=line[0] / line[1])

    def _at(self, kinds: tuple[Array, Array, Array], depth: int) -> tuple[float, float, float]:
        """Return the error at ends of periods, its bound, and error / bound in between."""
        w, b, start = kinds
        period = self.repeated(self, depth)
        order = jnp.arange(depth) % period // (period // self.period)
        stack = jax.vmap(lambda w, b: Inside(w, b, activation=lambda h: h))(w[order], b[order])
        states = np.asarray(resnet.trajectory(stack, start))
        exact = flow_of_average(w, b, start, depth)
        steepest = max(float(jnp.linalg.norm(one, ord=2)) for one in w)
        occurring = np.concatenate([states, exact])
        largest = np.linalg.norm(occurring @ w.mT + b[:, None], axis=-1).max()
        bound = (self.period - 0.5) * np.expm1(steepest) * largest / depth
        errors = np.linalg.norm(states - exact, axis=-1)
        between = errors.max() / (bound + 2 * (self.period - 1) * largest / depth)
        return float(errors[::period].max()), float(bound), float(between)

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The bounds, their rate, and a case that comes near.

        Back and forth, a period moves the state by 1/5 p^2/4 / L^2 beyond the average's, where the
        proof allows p (2p - 1)/2 of these units: a share of p/(4p - 2), above 1/4. The rest is
        O(p/L), below a fiftieth at the largest depth.
        """
        ratios = measured.errors / measured.bounds
        largest = max(ratios.max(), measured.line.max())
        return (
            Check("ends of periods: largest error / bound", float(largest), high=1),
            Check("in between: largest error / bound", float(measured.between.max()), high=1),
            Check("slope of the error in L", slope(self.depths, measured.errors), high=-0.9),
            Check("back and forth: error / bound, deepest", float(measured.line[-1]), low=0.25),
        )

    def picture(self, measured: Measured) -> Picture:
        """The error beside its bound."""
        return Picture(
            self.depths,
            {"‖h - H‖ at ends of periods": measured.errors},
            {"the bound": measured.bounds},
        )


def flow_of_average(w: Array, b: Array, start: Array, depth: int) -> np.ndarray:
    """Return the states of the ODE of the average at all ``k/L``, by the matrix exponential."""
    d = len(start)
    generator = jnp.zeros((d + 1, d + 1)).at[:d, :d].set(w.mean(0)).at[:d, d].set(b.mean(0))
    step = np.asarray(jax.scipy.linalg.expm(generator / depth))
    states = [np.append(np.asarray(start), 1.0)]
    for _ in range(depth):
        states.append(step @ states[-1])
    return np.array(states)[:, :d]


def independent(draw: Callable, key: Key, depth: int) -> Stack:
    """Draw every layer anew."""
    return stacks.iid(draw, key, depth)


def in_pairs(draw: Callable, key: Key, depth: int) -> Stack:
    """Draw half as many layers and use each twice, one time after the other."""
    half = stacks.iid(draw, key, depth // 2)
    return jax.tree.map(lambda leaf: jnp.repeat(leaf, 2, axis=0), half)


@dataclass(frozen=True)
class MeanSquare(
    Claim,
    label="prop-mean-square",
    source="after Marion, Fermanian, Biau, Vert, Scaling ResNets in the large-depth regime",
):
    """For independent Gaussian ReLU layers times L^-β, E‖h_L‖² = (1 + L^-2β/2)^L ‖h_0‖².

    As many neurons as coordinates, 200 networks, β = 1 and ½. The mean of ‖h_L - h_0‖² is that of
    ‖h_L‖² less ‖h_0‖².
    """

    width: int = 16
    depth: int = 128
    draws: int = 200
    betas: tuple[float, ...] = (1.0, 0.5)
    layers: Layers = independent

    family: ClassVar = {"width": (8, 16, 24), "depth": (16, 32, 64, 128)}
    controls: ClassVar = {
        "layers used twice": Control(
            "independent layers → L/2 independent layers, each used twice in a row",
            fails=(
                "β = 1: ‖h_L - h_0‖², standard errors off",
                "β = 0.5: ‖h_L - h_0‖², standard errors off",
            ),
            why="The second use of a layer moves the state in the same direction as the first: the "
            "squared sum of two equal moves is four, of two independent ones two.",
            layers=in_pairs,
        )
    }

    def run(self) -> Measured:
        """Average both squares over networks; the exponents share the draws."""
        start, steps = jnp.ones(self.width), self.depth ** -jnp.array(self.betas)

        def block(key: Key) -> TwoLayer:
            d = self.width
            return TwoLayer.gaussian(key, width=d, hidden=d, activation=jax.nn.relu)

        @jax.jit
        @jax.vmap
        def squares(key: Key) -> Array:
            stack = self.layers(block, key, self.depth)
            states = jax.vmap(lambda step: resnet.trajectory(stack, start, step_size=step))(steps)
            return (
                jnp.sum(jnp.stack([states, states - start[None, None]]) ** 2, axis=-1) / self.width
            )

        samples = np.asarray(squares(jax.random.split(jax.random.key(self.seed), self.draws)))
        factors = 1 + 0.5 * self.depth ** (-2 * np.array(self.betas))
        grown = factors[:, None] ** np.arange(self.depth + 1)
        return Measured(  # arrays (squares, exponents, layers)
            means=samples.mean(axis=0),
            errors=samples.std(axis=0, ddof=1) / np.sqrt(self.draws),
            exact=np.stack([grown, grown - 1]),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Within five standard errors, which a normal mean leaves once in a million."""
        off = np.abs(measured.means - measured.exact)[..., -1] / measured.errors[..., -1]
        return tuple(
            Check(f"β = {beta:g}: {square}, standard errors off", float(off[i, j]), high=5)
            for i, square in enumerate(("‖h_L‖²", "‖h_L - h_0‖²"))
            for j, beta in enumerate(self.betas)
        )

    def picture(self, measured: Measured) -> Picture:
        """How far the state has moved after each layer."""
        return Picture(
            np.arange(self.depth + 1),
            {f"β = {b:g}": mean for b, mean in zip(self.betas, measured.means[1], strict=True)},
            {f"formula, β = {b:g}": m for b, m in zip(self.betas, measured.exact[1], strict=True)},
            xlabel="layer k",
            ylabel="mean of ‖h_k - h_0‖²",
            log="",
        )


def smooth(draw: Callable, key: Key, depth: int) -> Stack:
    """Draw Gaussian processes in depth."""
    return stacks.sample(stacks.gaussian_process(draw, key, length_scale=0.3), depth)


def in_eight_blocks(draw: Callable, key: Key, depth: int) -> Stack:
    """Draw eight layers and use each on an eighth of the depth."""
    return jax.tree.map(
        lambda leaf: jnp.repeat(leaf, depth // 8, axis=0), independent(draw, key, 8)
    )


@dataclass(frozen=True)
class ScalingExponents(
    Claim,
    label="obs-scaling-exponents",
    source="after Marion, Fermanian, Biau, Vert, Scaling ResNets in the large-depth regime",
    kind="finding",
):
    """Times L^-β, independent layers move the state by about L^(½-β), smooth ones by L^(1-β).

    Gaussian two-layer tanh blocks, 200 networks, β = 1 and ½. Smooth weights are Gaussian processes
    in depth: random smooth curves, whose values at any depths are jointly Gaussian.
    """

    width: int = 8
    depths: tuple[int, ...] = (16, 32, 64, 128)
    draws: int = 200
    independent: Layers = independent
    smooth: Layers = smooth

    family: ClassVar = {"width": (4, 8, 16)}
    controls: ClassVar = {
        "eight layers, each repeated": Control(
            "independent layers → eight independent ones, each used on an eighth of the depth",
            fails=("independent, β = 1: slope", "independent, β = 0.5: slope"),
            why="Weights that are constant on pieces of the depth add up like smooth ones.",
            independent=in_eight_blocks,
        ),
        "layers that share nothing": Control(
            "smooth weights → weights drawn anew in every layer",
            fails=("smooth, β = 1: slope", "smooth, β = 0.5: slope"),
            why="Without neighbours that are alike, residuals cancel as independent ones do.",
            smooth=independent,
        ),
    }

    def run(self) -> Measured:
        """Average ``||h_L - h_0|| / ||h_0||`` over networks, an array (exponents, depths) each."""
        return Measured(
            **{
                name: np.stack([self._moved(layers, depth) for depth in self.depths], axis=1)
                for name, layers in (("independent", self.independent), ("smooth", self.smooth))
            }
        )

    def _moved(self, layers: Layers, depth: int) -> np.ndarray:
        start, steps = jnp.ones(self.width), depth ** -jnp.array([1.0, 0.5])

        def block(key: Key) -> TwoLayer:
            return TwoLayer.gaussian(key, width=self.width, hidden=self.width)

        @jax.jit
        @jax.vmap
        def one(key: Key) -> Array:
            stack = layers(block, key, depth)
            ends = jax.vmap(lambda step: resnet.forward(stack, start, step_size=step))(steps)
            return jnp.linalg.norm(ends - start[None], axis=1) / jnp.linalg.norm(start)

        return np.asarray(one(jax.random.split(jax.random.key(self.seed), self.draws)).mean(axis=0))

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Slopes within a tenth of the exponents."""
        return tuple(
            Check(
                f"{name}, β = {beta:g}: slope",
                slope(self.depths, moved),
                low=whole - beta - 0.1,
                high=whole - beta + 0.1,
            )
            for name, whole in (("independent", 0.5), ("smooth", 1.0))
            for beta, moved in zip((1.0, 0.5), getattr(measured, name), strict=True)
        )

    def picture(self, measured: Measured) -> Picture:
        """Three displacements; the fourth, of smooth layers with 1/L, is as flat as the second."""
        curves = {
            "independent, 1/L": measured.independent[0],
            "independent, 1/√L": measured.independent[1],
            "smooth, 1/√L": measured.smooth[1],
        }
        return Picture(self.depths, curves, ylabel="‖h_L - h_0‖ / ‖h_0‖")


@dataclass(frozen=True)
class RandomSigns(Claim, label="prop-random-signs", source="proved in the chapter"):
    """For h_{k+1} = h_k(1 ± 1/√L), E[h_L/H(1)] = (cosh c - c sinh c)^L, c = 1/√L: towards e^-½.

    No sampling: a network for each number of positive signs, weighted by how often it comes.
    """

    depths: tuple[int, ...] = (16, 64, 256, 1024)
    step_size: StepSize = one_over_root
    probability: float = 0.5  # of a positive sign

    family: ClassVar = {"depths": ((4, 16, 64, 256), (16, 64, 256, 1024), (10, 50, 200, 500))}
    controls: ClassVar = {
        "residuals of size 1/L": Control(
            "the step 1/√L → 1/L",
            fails="largest L |mean - e^-½|",
            why="The network is close to its own ODE now: the ratio tends to one.",
            step_size=one_over_depth,
        ),
        "three of four signs positive": Control(
            "fair signs → signs that are positive with probability 3/4",
            fails=("|mean / formula - 1| / rounding", "largest L |mean - e^-½|"),
            why="Odd powers of c no longer cancel: the mean ratio still tends to e^-½, but at the "
            "rate 1/√L.",
            probability=0.75,
        ),
    }

    def run(self) -> Measured:
        """Sum over the number of positive signs; scalar layers commute, so their order is free."""
        c = np.array([self.step_size(depth) for depth in self.depths])
        L = np.array(self.depths)
        return Measured(
            means=np.array([self._mean(*pair) for pair in zip(self.depths, c, strict=True)]),
            formula=(np.cosh(c) - c * np.sinh(c)) ** L,
        )

    def _mean(self, depth: int, c: float) -> float:
        positive = np.arange(depth + 1)
        sign = jnp.where(jnp.arange(depth)[None] < positive[:, None], 1.0, -1.0)
        stacks_of = jax.vmap(jax.vmap(Linear))(sign[..., None, None])
        ends = jax.vmap(lambda stack: resnet.forward(stack, jnp.ones(1), step_size=c)[0])(stacks_of)
        ratios = np.asarray(ends) / np.exp(c * (2 * positive - depth))
        weights = np.array([comb(depth, int(n)) / 2**depth for n in positive])
        p = self.probability
        return float(weights @ (ratios * (2 * p) ** positive * (2 - 2 * p) ** (depth - positive)))

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The formula to rounding, and the limit with its next term.

        Each layer rounds twice, powers and sums of L terms add as much: 8 L 2^-53 in all. With
        c^2 = 1/L the logarithm of the formula is -1/2 - 1/(4 L) + O(L^-2), and below -1/2 by at
        most 0.3/L for L >= 4. So L |mean - e^-1/2| is at most 0.3 e^-1/2.
        """
        rounding = 8 * np.array(self.depths) * 2.0**-53
        exact = np.abs(measured.means / measured.formula - 1) / rounding
        distance = np.abs(measured.means - np.exp(-0.5)) * np.array(self.depths)
        return (
            Check("|mean / formula - 1| / rounding", float(exact.max()), high=1),
            Check("largest L |mean - e^-½|", float(distance.max()), high=0.3 * np.exp(-0.5)),
        )

    def picture(self, measured: Measured) -> Picture:
        """The mean ratio beside its formula."""
        limit = np.full(len(self.depths), np.exp(-0.5))
        return Picture(
            self.depths,
            {"mean of h_L / H(1)": measured.means},
            {"e^-½": limit},
            ylabel="mean ratio",
            log="x",
        )


@dataclass(frozen=True)
class KeepsOrder(
    Claim, label="prop-order", source="after Dupont and others 2019, Augmented neural ODEs"
):
    """On the line, residuals with a Lipschitz constant Λ < L keep the order of all points.

    Two-layer tanh blocks of width one that pull towards zero, drawn independently; their slope at
    zero is -Λ, with Λ = 0.9 L. By the proof a layer leaves a share of 1 - Λ/L of each distance.
    """

    depths: tuple[int, ...] = (2, 4, 8, 16)
    share: float = 0.9  # of Λ in L
    neurons: int = 8

    family: ClassVar = {"share": (0.3, 0.6, 0.9), "neurons": (1, 8, 32)}
    controls: ClassVar = {
        "long steps": Control(
            "the steepness Λ = 0.9 L → 1.9 L",
            fails=("neighbours that change places", "least stretch per layer - (1 - Λ/L)"),
            why="A step longer than the way to zero overshoots it: points pass each other.",
            share=1.9,
        )
    }

    def run(self) -> Measured:
        """Send a fine grid through the network of each depth."""
        grid = jnp.linspace(-2, 2, 401)[:, None]

        def block(key: Key, steepness: float) -> TwoLayer:
            V, W = jnp.abs(jax.random.normal(key, (2, self.neurons)))
            steepness = steepness * np.sqrt(self.neurons) / (V @ W)
            return TwoLayer(-steepness * V[None], W[:, None])

        def stretches(depth: int) -> Array:
            steepness = self.share * depth
            key = jax.random.fold_in(jax.random.key(self.seed), depth)
            stack = stacks.iid(lambda key: block(key, steepness), key, depth)
            return jnp.diff(resnet.forward(stack, grid)[:, 0]) / jnp.diff(grid[:, 0])

        found = np.array([stretches(depth) for depth in self.depths])
        least = found.min(axis=1)
        return Measured(
            crossed=found <= 0,
            shrunk=np.sign(least) * np.abs(least) ** (1 / np.array(self.depths)),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """No neighbours change places, and none come nearer than the proof says."""
        least = float(measured.shrunk.min()) - max(0, 1 - self.share)
        return (
            Check("neighbours that change places", int(measured.crossed.sum()), high=0),
            Check("least stretch per layer - (1 - Λ/L)", least, low=0),
        )

    def picture(self, measured: Measured) -> Picture:
        """How near neighbours come."""
        bound = np.full(len(self.depths), max(0, 1 - self.share))
        return Picture(
            self.depths,
            {"least stretch of a distance, per layer": measured.shrunk},
            {"1 - Λ/L": bound},
            ylabel="stretch per layer",
            log="x",
            lower=True,
        )
