"""Adjoints: the claims of the chapter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from resode_course.claims import _costates, _reversal
from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_course.claims._measure import StepSize, guide, no_factor, one_over_depth, slope
from resode_course.claims._reversal import Network
from resode_lib import adjoint, continuous, integrators, resnet, stacks
from resode_lib._types import Array, Block, Scalar, Stack, State
from resode_lib.blocks import Linear, TwoLayer

__all__ = ["ContinuousAdjoint", "DiscreteAdjoint", "StiffReversal", "TwoGradients"]

NO_FACTOR = "the step 1/L → 1, so that layers add their residuals as they are"
TINY = 1e-30
"""The complex step: nothing is subtracted, so it can be as small as it likes."""


def two_layer_step(leaves: tuple, h: np.ndarray) -> np.ndarray:
    """Return the residual by its formula: it continues to complex weights and states."""
    V, W = leaves
    m, d = W.shape
    return np.tanh(h @ W.T / np.sqrt(d)) @ V.T / np.sqrt(m)


def kink_step(leaves: tuple, h: np.ndarray) -> np.ndarray:
    """Return ``speed (1 - max(h - place, 0))``; numpy compares imaginary parts if real ones tie.

    So the complex step gives the derivative in a direction, on a kink too.
    """
    place, speed = leaves
    return speed * (1 - np.maximum(h - place, 0))


@partial(jax.jit, static_argnames=("transposed", "late"))
def by_costates(stack: Stack, start: State, sign: Scalar, transposed: bool, late: int) -> tuple:
    """Return the derivatives of ``sum ||h_L||^2 / 2`` by the weights and the input."""
    step = 1 / stacks.depth(stack)
    states = resnet.trajectory(stack, start, step_size=step)
    p = _costates.costates(stack, states, states[-1], step, sign=sign, transposed=transposed)
    gradient = _costates.gradient(stack, states, p, late=late)
    return [step * leaf for leaf in jax.tree.leaves(gradient)], p[0]


@dataclass(frozen=True)
class DiscreteAdjoint(
    Claim, label="prop-discrete-adjoint", source="classical; proof in the chapter"
):
    """Costates that go back with transposed Jacobians give all derivatives of the loss, exactly.

    A two-layer network with ℓ = Σ‖h_L‖²/2, against complex steps in random directions, which know
    nothing of costates. Three controls are wrong formulas, to see that the test would notice them.
    """

    width: int = 8
    depth: int = 16
    directions: int = 4
    transposed: bool = True
    sign: int = 1
    late: int = 1
    network: Callable[[int, int, int], tuple[Stack, State]] = _reversal.alternating
    residual: Callable[..., np.ndarray] = two_layer_step

    family: ClassVar = {"width": (2, 4, 8, 16), "directions": (4, 10)}
    controls: ClassVar = {
        "states on a kink": Control(
            "the two-layer residual → v (1 - relu(h - w)) with the weights v = 1, w = k/L, whose "
            "states all sit on the kink",
            fails="gap of the derivatives by weights",
            why="The complex step, with relu(iε) = iε and relu(-iε) = 0, takes the derivative to "
            "one side. On a kink it is not linear in the direction: no gradient can agree.",
            network=_reversal.on_a_kink,
            residual=kink_step,
        ),
        "the Jacobian itself": Control(
            "a wrong formula: ∂fᵀ p → ∂f p",
            fails=("gap of the derivatives by weights", "gap of the derivatives by the input"),
            why="The transpose moves the derivative to the other side of a product.",
            transposed=False,
        ),
        "the other sign": Control(
            "a wrong formula: p_{k+1} + ∂fᵀ p_{k+1} / L → p_{k+1} - ∂fᵀ p_{k+1} / L",
            fails=("gap of the derivatives by weights", "gap of the derivatives by the input"),
            why="The recursion already runs backwards.",
            sign=-1,
        ),
        "the costate before the layer": Control(
            "a wrong formula: p_{k+1} → p_k in the gradient",
            fails="gap of the derivatives by weights",
            why="A weight acts on the loss through what comes behind its layer.",
            late=0,
        ),
    }

    def run(self) -> Measured:
        """Differentiate along random directions, by costates and by complex steps."""
        stack, start = self.network(self.depth, self.width, self.seed)
        options = (float(self.sign), self.transposed, self.late)
        by_weights, by_input = by_costates(stack, start, *options)
        gradients = [np.asarray(leaf) for leaf in (*by_weights, by_input)]
        point = [np.asarray(leaf) for leaf in (*jax.tree.leaves(stack), start)]
        rng = np.random.default_rng(self.seed)

        def loss(leaves: list[np.ndarray]) -> complex:
            *weights, h = leaves
            for block in zip(*weights, strict=True):
                h = h + self.residual(block, h) / self.depth
            return complex(np.sum(h**2) / 2)

        def pairs(along_input: bool) -> np.ndarray:
            found = []
            for _ in range(self.directions):
                along = [rng.standard_normal(x.shape) for x in point]
                moves = [v * (along_input == (i == len(point) - 1)) for i, v in enumerate(along)]
                ahead = [x + 1j * TINY * v for x, v in zip(point, moves, strict=True)]
                ours = sum(np.sum(g * v) for g, v in zip(gradients, moves, strict=True))
                found.append((ours, loss(ahead).imag / TINY))
            return np.array(found)

        sizes = [
            np.sqrt(sum(np.sum(g**2) for g in part)) for part in (gradients[:-1], gradients[-1:])
        ]
        return Measured(weights=pairs(False) / sizes[0], inputs=pairs(True) / sizes[1])

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """An identity, relative to the gradient's norm: rounding of ``1e-16`` in 16 layers.

        Each layer rounds a few times and amplifies by ``1 + Lambda/L``: 1e-12 is far above it.
        """

        def gap(pairs: np.ndarray) -> float:
            return float(np.abs(pairs[:, 0] - pairs[:, 1]).max())

        return (
            Check("gap of the derivatives by weights", gap(measured.weights), high=1e-12),
            Check("gap of the derivatives by the input", gap(measured.inputs), high=1e-12),
        )

    def picture(self, measured: Measured) -> Picture:
        """The derivative in each direction, in both ways."""
        return Picture(
            np.arange(1, self.directions + 1),
            {"by costates": measured.weights[:, 0]},
            {"by complex steps": measured.weights[:, 1]},
            xlabel="direction",
            ylabel="derivative / norm of the gradient",
            log="",
        )


class Lagging(nnx.Module):
    """The residual ``1 + s + 2/3 |h - H|^(3/2)`` with ``H = s + s^2/2``, which solves its ODE.

    Its derivative in the state is only Hoelder continuous, of exponent 1/2.
    """

    def __init__(self, s: Array):
        self.s = nnx.Param(s)

    def __call__(self, h: State) -> State:
        """Return the residual, elementwise."""
        s = self.s[...]
        gap = jnp.abs(h - s - s**2 / 2)
        # The root of zero has no derivative that JAX could multiply by zero.
        power = jnp.where(gap > 0, jnp.where(gap > 0, gap, 1.0) ** 1.5, 0.0)
        return 1 + s + 2 / 3 * power


Weights = tuple[Block, Block]
Curve = Callable[[Weights, Scalar], Block]
"""A block at each depth, from weights that are arguments of a program and no part of it."""


def turning(weights: Weights, s: Scalar) -> Block:
    """Return ``cos(2 s)`` times the first block plus ``sin(2 s)`` times the second."""
    return jax.tree.map(lambda a, b: jnp.cos(2 * s) * a + jnp.sin(2 * s) * b, *weights)


def lagging(weights: Weights, s: Scalar) -> Block:
    """Return `Lagging`, which has no weights but depth itself."""
    return Lagging(s)


@partial(jax.jit, static_argnames=("curve", "transposed", "finest"))
def limit_of(
    curve: Curve, weights: Weights, start: State, sign: Scalar, transposed: bool, finest: int
) -> tuple[Array, Array]:
    """Return ``H`` and ``P`` of the ODE at ``k / finest``, by RK4."""
    path = partial(curve, weights)
    rk4 = partial(integrators.integrate, integrator=integrators.rk4, depth=finest)

    def back(r: Scalar, pair: Array) -> Array:  # r = 1 - s
        H, P = pair
        block = path(1 - r)
        f, pull = jax.vjp(block, H)
        move = pull(P)[0] if transposed else jax.jvp(block, (H,), (P,))[1]
        return jnp.stack([-f, -sign * move])

    H = rk4(continuous.field_of(path), start)
    return tuple(jnp.moveaxis(rk4(back, jnp.stack([H[-1], H[-1]]))[::-1], 1, 0))


@partial(jax.jit, static_argnames="curve")
@partial(jax.vmap, in_axes=(None, None, None, None, None, 0))
def derivative_and_integral(
    curve: Curve, weights: Weights, start: State, H: Array, P: Array, key: Array
) -> Array:
    """Return the derivative of RK4's loss in a random direction, and the theorem's integral."""
    path, finest = partial(curve, weights), len(H) - 1
    nodes = jnp.arange(finest + 1) / finest
    slices = jax.vmap(path)(nodes)
    leaves, tree = jax.tree.flatten(slices)
    draws = [jax.random.normal(key, (2, *leaf.shape[1:])) for leaf in leaves]
    w = jax.random.normal(jax.random.fold_in(key, 1), start.shape)

    def along(s: Scalar) -> Block:
        parts = [jnp.cos(3 * s) * a + jnp.sin(5 * s) * b for a, b in draws]
        return jax.tree.unflatten(tree, parts)

    def loss(eps: Scalar) -> Array:
        moved = lambda s: jax.tree.map(lambda a, v: a + eps * v, path(s), along(s))  # noqa: E731
        end = integrators.integrate(
            continuous.field_of(moved),
            start + eps * w,
            depth=finest,
            integrator=integrators.rk4,
        )[-1]
        return jnp.sum(end**2) / 2

    def density(block: Block, h: State, p: State) -> Block:
        return jax.vjp(lambda block: block(h), block)[1](p)[0]

    simpson = jnp.ones(finest + 1).at[1:-1:2].set(4).at[2:-1:2].set(2) / (3 * finest)
    G = _costates.by_layer(jax.vmap(density)(slices, H, P))
    v = _costates.by_layer(jax.vmap(along)(nodes))
    integral = jnp.sum(P[0] * w) + simpson @ jnp.sum(G * v, axis=1)
    return jnp.stack([jax.jvp(loss, (0.0,), (1.0,))[1], integral])


def relative(a: Array, b: Array) -> Array:
    """Return the largest distance, relative to the largest value."""
    return jnp.abs(a - b).max() / jnp.abs(b).max()


@partial(jax.jit, static_argnames=("curve", "depth"))
def network_gaps(
    curve: Curve, weights: Weights, start: State, H: Array, P: Array, step: Scalar, depth: int
) -> tuple[Array, Array]:
    """Return the largest distances of costates and gradients of a network to those of the ODE."""
    stack = stacks.sample(partial(curve, weights), depth)
    states = resnet.trajectory(stack, start, step_size=step)
    p = _costates.costates(stack, states, states[-1], step)
    of_network = jax.tree.leaves(_costates.gradient(stack, states, p))
    of_ode = jax.tree.leaves(_costates.gradient(stack, H, P, late=0))
    return relative(p, P), jnp.stack([*map(relative, of_network, of_ode)]).max()


@dataclass(frozen=True)
class ContinuousAdjoint(
    Claim,
    label="thm-continuous-adjoint",
    source="after Chen, Rubanova, Bettencourt, Duvenaud 2018; proof in the chapter",
):
    """With P' = -∂fᵀP an ODE's loss has derivative ⟨P(0), w⟩ + ∫⟨G, v⟩; networks are O(1/L) off.

    A smooth path of two-layer blocks, ℓ = Σ‖H(1)‖²/2. Part 1 is compared with the derivative of the
    solver, in a random direction. Two controls are wrong formulas, to see that the test would
    notice them.
    """

    width: int = 4
    depths: tuple[int, ...] = (32, 64, 128, 256)
    sign: int = -1
    transposed: bool = True
    step_size: StepSize = one_over_depth
    curve: Curve = turning

    family: ClassVar = {"width": (4, 8)}
    controls: ClassVar = {
        "a residual that is barely C¹": Control(
            "the two-layer residual → one with f' Hölder continuous of exponent 1/2: "
            "1 + s + 2/3 |h - H(s)|^(3/2)",
            fails=("slope of the error of the costates", "slope of the error of the gradients"),
            why="States are O(1/L) off, so their Jacobians are O(L^-1/2) off. Part 1 asks for C¹ "
            "only, and holds.",
            curve=lagging,
        ),
        "no factor 1/L": Control(
            NO_FACTOR,
            fails=("slope of the error of the costates", "slope of the error of the gradients"),
            why="L layers travel L times as far.",
            step_size=no_factor,
        ),
        "the other sign": Control(
            "a wrong formula: P' = -∂fᵀP → P' = ∂fᵀP",
            fails=(
                "|derivative - integral| / largest",
                "slope of the error of the costates",
                "slope of the error of the gradients",
            ),
            why="The recursion runs backwards, so plus there is minus here.",
            sign=1,
        ),
        "the Jacobian itself": Control(
            "a wrong formula: P' = -∂fᵀP → P' = -∂f P",
            fails=(
                "|derivative - integral| / largest",
                "slope of the error of the costates",
                "slope of the error of the gradients",
            ),
            why="In width one, or for symmetric Jacobians, it would not show.",
            transposed=False,
        ),
    }

    def run(self) -> Measured:
        """Compare on the grid of each depth, with one solution on the finest."""
        keys = jax.random.split(jax.random.key(self.seed), 4)
        draw = partial(TwoLayer.gaussian, width=self.width, hidden=2 * self.width)
        start = jax.random.normal(keys[2], (3, self.width))
        if self.curve is lagging:
            start = jnp.zeros((1, 1))
        problem = self.curve, (draw(keys[0]), draw(keys[1])), start
        finest = max(self.depths)
        H, P = limit_of(*problem, float(self.sign), self.transposed, finest)
        found = []
        for depth in self.depths:
            every = finest // depth
            found.append(
                network_gaps(*problem, H[::every], P[::every], self.step_size(depth), depth)
            )
        costates, gradients = np.array(found, float).T
        derivatives = derivative_and_integral(*problem, H, P, jax.random.split(keys[3], 4))
        return Measured(costates=costates, gradients=gradients, derivatives=np.asarray(derivatives))

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Part 1 up to RK4 and Simpson's rule, part 2 with order one, a tenth allowed.

        Both rules err by a constant times ``256^-4 = 2e-10``; 1e-6 leaves a factor of thousands for
        fourth derivatives. With the residual that is barely C¹ the solver's states are off by
        ``O(L^-3)``, so their Jacobians by ``O(L^-3/2)``.
        """
        derivative, integral = measured.derivatives.T
        gap = np.abs(derivative - integral).max() / np.abs(derivative).max()
        allowed = max(self.depths) ** -1.5 if self.curve is lagging else 1e-6
        return (
            Check("|derivative - integral| / largest", float(gap), high=allowed),
            Check(
                "slope of the error of the costates",
                slope(self.depths, measured.costates),
                high=-0.9,
            ),
            Check(
                "slope of the error of the gradients",
                slope(self.depths, measured.gradients),
                high=-0.9,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """Both errors, and the rate."""
        return Picture(
            self.depths,
            {"costates": measured.costates, "gradients": measured.gradients},
            {"rate 1/L": guide(self.depths, measured.costates)},
            ylabel="relative distance",
        )


@jax.jit
def two_gradients(stack: Stack, start: State, step: Array) -> tuple[Array, Array, Array]:
    """Return both gradients, a row for each layer, and the states."""
    states = resnet.trajectory(stack, start, step_size=step)
    p = _costates.costates(stack, states, states[-1], step)
    q = _costates.costates(stack, states, states[-1], step, end=1)
    exact = _costates.gradient(stack, states, p)
    other = _costates.gradient(stack, states, q, late=0)
    return _costates.by_layer(exact), _costates.by_layer(other), states


@dataclass(frozen=True)
class TwoGradients(Claim, label="prop-two-gradients", source="proof in the chapter"):
    """The costate equation, discretized by itself, gives a gradient O(1/L) away from the network's.

    Two-layer networks with weights on a curve, and with weights that jump at every layer,
    ℓ = Σ‖h_L‖²/2. All constants of the bound are those of the network. In the example f = ah the
    distance is |a|/L exactly.
    """

    width: int = 8
    rate: float = 0.5
    depths: tuple[int, ...] = (32, 64, 128, 256)
    networks: Callable[[int, int], Mapping[str, Network]] = _reversal.any_weights
    step_size: StepSize = one_over_depth

    family: ClassVar = {"width": (1, 2, 4, 8), "rate": (-0.3, 0.1, 0.5, 0.8)}
    controls: ClassVar = {
        "states on a kink": Control(
            "the two-layer residual → 1 - relu(h - k/L), whose states all sit on the kink",
            fails=(
                "largest distance / bound, states on a kink",
                "slope of the distance, states on a kink",
            ),
            why="At h_k and at h_{k+1} the derivative is another one, however close they are.",
            networks=lambda width, seed: {
                "states on a kink": _reversal.Sized(_reversal.on_a_kink, width, seed)
            },
        ),
        "no factor 1/L": Control(
            NO_FACTOR,
            fails="example: |L distance / |a| - 1|",
            why="Neighbouring states are no longer close: in the example the distance is |a|.",
            step_size=no_factor,
        ),
    }

    def run(self) -> Measured:
        """Compute both gradients at each depth."""
        gaps, ratios = {}, {}
        for name, network in self.networks(self.width, self.seed).items():
            found = np.array([self._distance(network, depth) for depth in self.depths])
            gaps[name], ratios[name] = found.T
        scalar = [self._distance(self._example, depth) for depth in self.depths]
        return Measured(gaps=gaps, ratios=ratios, scalar=np.array(scalar))

    def _example(self, depth: int) -> tuple[Stack, State]:
        return stacks.tied(Linear(self.rate * jnp.eye(1)), depth), jnp.ones((1, 1))

    def _distance(self, network: Network, depth: int) -> tuple[float, float]:
        """Return the relative distance of the gradients, and the largest of a layer / bound."""
        stack, start = network(depth)
        step = self.step_size(depth)
        # One program for all depths: layers at rest follow, which change neither.
        longer = _reversal.padded(stack, max(self.depths))
        exact, other, states = map(np.asarray, two_gradients(longer, start, step))
        exact, other, states = exact[:depth], other[:depth], states[: depth + 1]
        known = _reversal.constants(stack, states)
        C = np.linalg.norm(np.diff(states, axis=0), axis=-1).max() / step
        ends = np.linalg.norm(states[-1], axis=-1).sum()
        bound = known.weights / depth * np.exp(known.state) * (known.state + known.state_slope * C)
        gap = other - exact
        with np.errstate(invalid="ignore"):  # where tanh is saturated no gradient is left
            relative = np.linalg.norm(gap) / np.linalg.norm(exact)
        return relative, np.linalg.norm(gap, axis=1).max() / (bound * ends)

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The bound in every layer, order one with a tenth allowed, and the example up to rounding.

        The samples of a batch do not interact: the bound is taken for each of them, with the same
        constants, and summed.
        """
        checks = []
        for name, gaps in measured.gaps.items():
            checks += [
                Check(
                    f"largest distance / bound, {name}", float(measured.ratios[name].max()), high=1
                ),
                Check(f"slope of the distance, {name}", slope(self.depths, gaps), high=-0.9),
            ]
        distances, ratios = measured.scalar.T
        off = np.abs(distances * np.asarray(self.depths) / abs(self.rate) - 1).max()
        return (
            *checks,
            Check("example: largest distance / bound", float(ratios.max()), high=1),
            Check("example: |L distance / |a| - 1|", float(off), high=1e-9),
        )

    def picture(self, measured: Measured) -> Picture:
        """The relative distances, and that of the example."""
        return Picture(
            self.depths,
            {**measured.gaps, "the example f = ah": measured.scalar[:, 0]},
            {"|a|/L": abs(self.rate) / np.array(self.depths)},
            ylabel="relative distance",
        )


@dataclass(frozen=True)
class StiffReversal(
    Claim,
    label="prop-stiff-reversal",
    source="after Gholami, Keutzer, Biros 2019; proof in the chapter",
):
    """Explicit steps back through h' = -λh err by 1 - (1 - λ²/L²)^L, and every way back amplifies.

    Here λ = 10. A change of h_L is multiplied by (1 + λ/L)^L by explicit steps, by e^λ if the ODE
    is solved back, and by (1 - λ/L)^-L, which is more, if every layer is inverted exactly.
    """

    depths: tuple[int, ...] = (100, 1000, 10000)
    rate: float = 10.0
    change: float = 1.0
    corrections: int = 0

    family: ClassVar = {
        "rate": (0.5, 2.0, 5.0, 10.0, 20.0),
        "change": (-2.0, 0.1, 1.0),
        "depths": ((100, 1000, 10000), (50, 200, 800)),
    }
    controls: ClassVar = {
        "a rate above the depth": Control(
            "λ < L → λ = 40 and L = 5, 10, 15",
            fails="inverted exactly: least growth / e^λ",
            why="With λ > 2L a layer overshoots zero so far that it expands, and to invert it is "
            "to contract. The other formulas ask for no λ < L, and hold.",
            rate=40.0,
            depths=(5, 10, 15),
        ),
        "three corrections": Control(
            "explicit steps back → three corrections of each, as in the next chapter",
            fails="error: |measured / formula - 1|",
            why="They remove the error of the scheme, and not the amplification.",
            corrections=3,
        ),
    }

    def run(self) -> Measured:
        """Walk there, and back twice: from the last state and from its neighbour."""
        rows = []
        for depth in self.depths:
            stack = stacks.tied(Linear(-self.rate * jnp.eye(1)), depth)
            last = resnet.forward(stack, jnp.ones((1, 1)))
            pair = jnp.concatenate([last, last + self.change])
            back = adjoint.reconstruction(stack, pair, iterations=self.corrections)[0, :, 0]
            inverse = pair[:, 0]
            for _ in range(depth):
                inverse = inverse / (1 - self.rate / depth)
            rows.append((float(back[0]), float(back[1]), float(inverse[1] - inverse[0])))
        first, other, inverted = np.transpose(rows)
        ode = integrators.integrate(
            lambda s, h: self.rate * h,
            jnp.full((1, 1), self.change),
            depth=1000,
            integrator=integrators.rk4,
        )
        return Measured(
            errors=np.abs(first - 1),
            amplified=(other - first) / self.change,
            inverted=inverted / self.change,
            solved=float(ode[-1, 0, 0]) / self.change,
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Closed forms: ``L`` steps there and back are rounded, a few times each.

        So what comes back, a part of the start, is rounded by ``4 L 2^-53`` of itself or of one,
        and its distance to one by as much. RK4 with 1000 steps solves ``h' = lambda h`` up to
        ``lambda^5/(120 10^12)``, 3e-8 for ``lambda = 20``.
        """
        depths = np.array(self.depths, float)
        returned = (1 - (self.rate / depths) ** 2) ** depths
        predicted = np.abs(1 - returned)
        grown = (1 + self.rate / depths) ** depths
        rounding = 4 * depths * 2.0**-53 * np.maximum(np.abs(returned), 1) / predicted
        gap = np.abs(measured.errors / predicted - 1)
        return (
            Check("error: |measured / formula - 1|", float(gap.max()), high=float(rounding.max())),
            Check(
                "explicit steps: |growth / (1 + λ/L)^L - 1|",
                float(np.abs(measured.amplified / grown - 1).max()),
                high=1e-9,
            ),
            Check(
                "ODE solved back: |growth / e^λ - 1|",
                float(abs(measured.solved / np.exp(self.rate) - 1)),
                high=1e-6,
            ),
            Check(
                "inverted exactly: least growth / e^λ",
                float((np.abs(measured.inverted) / np.exp(self.rate)).min()),
                low=1,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """How a change grows, and e^lambda."""
        return Picture(
            self.depths,
            {"explicit steps": measured.amplified, "layers inverted": np.abs(measured.inverted)},
            {"e^λ": np.full(len(self.depths), np.exp(self.rate))},
            ylabel="growth of a change of h_L",
            lower=True,
        )
