"""Training without memory: the claims of the chapter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims import _costates, _reversal
from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_course.claims._measure import StepSize, guide, no_factor, one_over_depth, slope
from resode_course.claims._reversal import Network, Sized
from resode_lib import stacks
from resode_lib._types import Array, Scalar, Stack, State
from resode_lib.blocks import Linear
from resode_lib.integrators import euler, heun

__all__ = [
    "EulerGradientError",
    "EulerReconstruction",
    "FixedPointInversion",
    "HeunReversal",
    "MomentumReversal",
]

SANDER = "after Sander, Ablin, Peyré 2022; proof in the chapter"
NO_FACTOR = "the step 1/L → 1, so that layers add their residuals as they are"
FAR = "Layers move by their whole residual, so that a step back starts too far away."
Networks = Callable[[int, int], Mapping[str, Network]]


def only(name: str, kind: Callable[[int, int, int], tuple[Stack, State]]) -> Networks:
    """Return the networks of one kind, by name."""
    return lambda width, seed: {name: Sized(kind, width, seed)}


def slow(depth: int, width: int, seed: int) -> tuple[Stack, State]:
    """Return ``h' = -h / 20``, for which the bound is nearly attained."""
    return stacks.tied(Linear(-jnp.eye(1) / 20), depth), jnp.ones((1, 1))


SLOW = Sized(slow, width=1, seed=0)


@dataclass(frozen=True)
class EulerReconstruction(Claim, label="prop-euler-reconstruction", source=SANDER):
    """Explicit steps from h_L back recover the states to (e^Λ - 1) max‖f‖ / L, on any weights.

    Two-layer networks with weights on a curve, and with weights that jump at every layer. Beside
    them h' = -h/20, for which the bound is nearly attained.
    """

    width: int = 8
    depths: tuple[int, ...] = (32, 64, 128, 256)
    networks: Networks = _reversal.any_weights
    step_size: StepSize = one_over_depth

    family: ClassVar = {"width": (1, 2, 4, 8, 16)}
    controls: ClassVar = {
        "no factor 1/L": Control(
            NO_FACTOR,
            fails="error / bound, h' = -h/20",
            why=FAR,
            step_size=no_factor,
        ),
        "not Lipschitz in the state": Control(
            "the two-layer residual → -4 sign(h) √|h| from 1, which comes to rest at zero; for Λ "
            "the bound takes 2, the slope at 1",
            fails=("error / bound, a flow to rest", "slope of the error, a flow to rest"),
            why="From zero nobody knows when the flow came to rest.",
            networks=only("a flow to rest", _reversal.to_rest),
        ),
    }

    def run(self) -> Measured:
        """Walk there and back at each depth."""
        errors, bounds = {}, {}
        for name, network in self.networks(self.width, self.seed).items():
            errors[name] = _reversal.state_errors(
                network, self.depths, integrator=euler, step_size=self.step_size
            )
            bounds[name] = _reversal.bounds(network, self.depths, step_size=self.step_size)
        slow_errors = _reversal.state_errors(
            SLOW, self.depths, integrator=euler, step_size=self.step_size
        )
        slow_bounds = _reversal.bounds(SLOW, self.depths, step_size=self.step_size)
        return Measured(errors=errors, bounds=bounds, slow=slow_errors / slow_bounds)

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The bound at every depth, and its rate; a tenth is left for finite depths."""
        checks = []
        for name, errors in measured.errors.items():
            ratio = float((errors / measured.bounds[name]).max())
            checks += [
                Check(f"error / bound, {name}", ratio, high=1),
                Check(f"slope of the error, {name}", slope(self.depths, errors), high=-0.9),
            ]
        return (*checks, Check("error / bound, h' = -h/20", float(measured.slow.max()), high=1))

    def picture(self, measured: Measured) -> Picture:
        """Errors and bounds."""
        return Picture(
            self.depths, measured.errors, measured.bounds, ylabel="max ‖h~ - h‖ over layers"
        )


@jax.jit
def costates_twice(stack: Stack, there: Array, back: Array, step: Scalar) -> tuple:
    """Return costates and gradients, a row a layer, from the states and from recovered ones."""
    p = _costates.costates(stack, there, there[-1], step)
    q = _costates.costates(stack, back, there[-1], step)
    exact, ours = _costates.gradient(stack, there, p), _costates.gradient(stack, back, q)
    return p, q, _costates.by_layer(exact), _costates.by_layer(ours)


@dataclass(frozen=True)
class EulerGradientError(Claim, label="prop-euler-gradient-error", source=SANDER):
    """With recovered states costates and gradient are off by c/L, however the weights vary.

    Two-layer networks with weights on a curve, and with weights that jump at every layer,
    ℓ = Σ‖h_L‖²/2. All constants of both bounds are those of the network. Beside them
    h' = -h/20, for which the second one is nearly attained.
    """

    width: int = 8
    depths: tuple[int, ...] = (32, 64, 128, 256)
    networks: Networks = _reversal.any_weights
    step_size: StepSize = one_over_depth

    family: ClassVar = {"width": (1, 2, 4, 8)}
    controls: ClassVar = {
        "no factor 1/L": Control(
            NO_FACTOR,
            fails="gradient: error / bound, h' = -h/20",
            why=FAR,
            step_size=no_factor,
        ),
        "states on a kink": Control(
            "the two-layer residual → 1 - relu(h - k/L), whose states all sit on the kink",
            fails="slope of the relative error, states on a kink",
            why="The states come back to O(1/L), but beside the kink, to another derivative.",
            networks=only("states on a kink", _reversal.on_a_kink),
        ),
    }

    def run(self) -> Measured:
        """Compare with backpropagation at each depth."""
        relative, costates, gradients = {}, {}, {}
        for name, network in self.networks(self.width, self.seed).items():
            found = [self._errors(network, depth) for depth in self.depths]
            off, off_bounds, gaps, gap_bounds, relative[name] = np.transpose(found)
            costates[name], gradients[name] = off / off_bounds, gaps / gap_bounds
        found = [self._errors(SLOW, depth) for depth in self.depths]
        _, _, gaps, bounds, _ = np.transpose(found)
        return Measured(
            relative=relative, costates=costates, gradients=gradients, slow=gaps / bounds
        )

    def _errors(self, network: Network, depth: int) -> tuple[float, ...]:
        """Return the largest error of a costate, its bound, both for a gradient; a relative error.

        The samples of a batch do not interact: the bounds are taken for each of them.
        """
        step, slices = self.step_size(depth), max(self.depths)
        stack, there, back = _reversal.walk(network, depth, euler, self.step_size, 0, slices)
        # One program for all depths: layers at rest follow, which change nothing.
        rest = [(0, slices - depth), (0, 0), (0, 0)]
        longer = [np.pad(states, rest, mode="edge") for states in (there, back)]
        found = costates_twice(_reversal.padded(stack, slices), *longer, step)
        p, q, exact, ours = map(np.asarray, found)
        known = _reversal.constants(stack, np.concatenate([there, back]))
        C = np.linalg.norm(np.diff(there, axis=0), axis=-1).max() / step
        c = np.exp(known.state) * np.expm1(known.state) * C
        ends = np.linalg.norm(p[-1], axis=-1)
        off = (np.linalg.norm(q - p, axis=-1) / ends).max()
        both = known.weights_slope + known.weights * known.state_slope
        gap = np.linalg.norm(ours - exact, axis=1).max() / ends.sum()
        with np.errstate(invalid="ignore"):  # where tanh is saturated no gradient is left
            relative = np.linalg.norm(ours - exact) / np.linalg.norm(exact)
        return off, c * known.state_slope / depth, gap, c * both / depth, relative

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Both bounds at every depth, and the rate; a tenth is left for finite depths."""
        checks = []
        for name, relative in measured.relative.items():
            checks += [
                Check(
                    f"costates: error / bound, {name}", float(measured.costates[name].max()), high=1
                ),
                Check(
                    f"gradient: error / bound, {name}",
                    float(measured.gradients[name].max()),
                    high=1,
                ),
                Check(
                    f"slope of the relative error, {name}", slope(self.depths, relative), high=-0.9
                ),
            ]
        ratio = float(measured.slow.max())
        return (*checks, Check("gradient: error / bound, h' = -h/20", ratio, high=1))

    def picture(self, measured: Measured) -> Picture:
        """The relative error, and the rate."""
        largest = max(measured.relative.values(), key=lambda errors: errors[0])
        return Picture(
            self.depths,
            measured.relative,
            {"rate 1/L": guide(self.depths, largest)},
            ylabel="relative error of the gradient",
        )


def to_and_fro(depth: int, width: int, seed: int) -> tuple[Stack, State]:
    """Return a rotation forth and back in turn, which hardly moves."""
    turn = jnp.array([[0.0, -1.0], [1.0, 0.0]])
    signs = jnp.asarray((-1.0) ** np.arange(depth))[:, None, None]
    return jax.vmap(Linear)(signs * turn[None]), jnp.array([[1.0, 0.0]])


@dataclass(frozen=True)
class HeunReversal(Claim, label="prop-heun-reversal", source=SANDER):
    """If weights vary by O(1/L) a layer, Heun's scheme reversed is off by O(L^-3), else by O(1/L).

    A two-layer network with weights on a curve, and one whose weights jump at every layer. A
    rotation that turns forth and back in alternate layers shows that O(1/L) is sharp: every layer
    adds its defect.
    """

    width: int = 8
    depths: tuple[int, ...] = (64, 128, 256, 512)
    network: Callable[[int, int, int], tuple[Stack, State]] = _reversal.smooth
    step_size: StepSize = one_over_depth

    family: ClassVar = {"width": (1, 2, 4, 8)}
    controls: ClassVar = {
        "weights that jump at every layer": Control(
            "weights on a curve → two slices in turn",
            fails=("slope of the error of the states", "slope of the error of the gradient"),
            why="Heun's step looks at both ends of a cell, which have nothing in common.",
            network=_reversal.alternating,
        ),
        "no factor 1/L": Control(
            NO_FACTOR,
            fails=("slope of the error of the states", "slope of the error of the gradient"),
            why=FAR,
            step_size=no_factor,
        ),
    }

    def run(self) -> Measured:
        """Walk there and back at each depth, without and with the costates."""

        def states(
            kind: Callable[[int, int, int], tuple[Stack, State]],
            depths: tuple[int, ...],
            step: StepSize = one_over_depth,
        ) -> np.ndarray:
            network = Sized(kind, self.width, self.seed)
            return _reversal.state_errors(network, depths, integrator=heun, step_size=step)

        gradients = _reversal.gradient_errors(
            Sized(self.network, self.width, self.seed),
            self.depths,
            integrator=heun,
            step_size=self.step_size,
        )
        return Measured(
            states=states(self.network, self.depths, self.step_size),
            gradients=gradients,
            jumping=states(_reversal.alternating, self.depths),
            rotating=states(to_and_fro, self.depths[-1:]),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Order three and order one, a tenth left for finite depths.

        A layer of the rotation there and back multiplies by ``(1 + 1/(2 L^2))^2``, so ``L`` times
        the error of the input tends to one, from ``1 - 1/L`` on, as the last cell has no jump.
        """
        sharp = self.depths[-1] * measured.rotating[-1]
        return (
            Check(
                "slope of the error of the states", slope(self.depths, measured.states), high=-2.9
            ),
            Check(
                "slope of the error of the gradient",
                slope(self.depths, measured.gradients),
                high=-2.9,
            ),
            Check("jumping weights: slope", slope(self.depths, measured.jumping), high=-0.9),
            Check(
                "back and forth: L error at the last depth",
                float(sharp),
                low=1 - 2 / self.depths[-1],
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """The states on both kinds of weights, the gradient, and the rate."""
        return Picture(
            self.depths,
            {
                "states": measured.states,
                "gradient": measured.gradients,
                "states, jumping weights": measured.jumping,
            },
            {
                "rate L^-3": guide(self.depths, measured.states, -3),
                "rate 1/L": guide(self.depths, measured.jumping),
            },
        )


def steep(depth: int, width: int, seed: int) -> tuple[Stack, State]:
    """Return ``h' = -40 h``, whose Lipschitz constant is 40 at all depths."""
    return stacks.tied(Linear(-40 * jnp.eye(2)), depth), jnp.ones((1, 2))


@dataclass(frozen=True)
class FixedPointInversion(Claim, label="prop-fixed-point-inversion", source="proof in the chapter"):
    """With j corrections per layer the recovered states are off by e^(2Λ) C (Λ/L)^(j+1) at most.

    A two-layer network whose weights jump at every layer, and h' = -h/20, for which the bound is
    nearly attained. Λ and C are those of the network.
    """

    width: int = 8
    depths: tuple[int, ...] = (32, 64, 128, 256)
    corrections: tuple[int, ...] = (0, 1, 2, 3)
    network: Callable[[int, int, int], tuple[Stack, State]] = _reversal.alternating
    step_size: StepSize = one_over_depth

    family: ClassVar = {"width": (2, 4, 8), "corrections": ((0, 1, 2, 3), (0, 2), (1, 3))}
    controls: ClassVar = {
        "depths below the Lipschitz constant": Control(
            "L ≥ 2Λ → L = 8, 10, 12, 14 for h' = -40 h, with no and with 8 corrections",
            fails=("largest error / bound", "slope, 8 corrections"),
            why="The iteration does not contract: each correction multiplies an error by Λ/L, "
            "here 2.8 or more.",
            network=steep,
            depths=(8, 10, 12, 14),
            corrections=(0, 8),
        ),
        "no factor 1/L": Control(
            NO_FACTOR,
            fails=("slope, 1 corrections", "slope, 3 corrections"),
            why=FAR,
            step_size=no_factor,
            corrections=(0, 1, 2, 3),
        ),
    }

    def run(self) -> Measured:
        """Walk there and back with each number of corrections."""
        errors, bounds = self._errors_and_bounds(self.network, self.step_size)
        slow_errors, slow_bounds = self._errors_and_bounds(slow, one_over_depth)
        # Of h' = -h/20 corrections soon leave nothing but rounding.
        seen = [j for j in self.corrections if j < 2]
        ratios = [(slow_errors[j] / slow_bounds[j]).max() for j in seen]
        return Measured(errors=errors, bounds=bounds, slow=np.array(ratios))

    def _errors_and_bounds(
        self, kind: Callable[[int, int, int], tuple[Stack, State]], step_size: StepSize
    ) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
        network = Sized(kind, self.width, self.seed)
        scheme = {"integrator": euler, "step_size": step_size}
        errors, bounds, largest, rates = {}, {}, [], []
        for depth in self.depths:
            stack, there, _ = _reversal.walk(network, depth, euler, step_size, 0, max(self.depths))
            largest.append(np.linalg.norm(np.diff(there, axis=0), axis=-1).max() / step_size(depth))
            rates.append(_reversal.constants(stack, there).state)
        C, rate, L = np.array(largest), np.array(rates), np.array(self.depths)
        for j in self.corrections:
            errors[j] = _reversal.state_errors(network, self.depths, iterations=j, **scheme)
            bounds[j] = np.exp(2 * rate) * C * (rate / L) ** (j + 1)
        return errors, bounds

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The bound, and the orders, a tenth allowed for finite depths."""
        checks = [
            Check(
                "largest error / bound",
                max(float((e / measured.bounds[j]).max()) for j, e in measured.errors.items()),
                high=1,
            ),
            Check("h' = -h/20: largest error / bound", float(measured.slow.max()), high=1),
        ]
        checks += [
            Check(f"slope, {j} corrections", slope(self.depths, errors), high=-(1 + j) + 0.1)
            for j, errors in measured.errors.items()
        ]
        return tuple(checks)

    def picture(self, measured: Measured) -> Picture:
        """The errors with three numbers of corrections, and their bounds."""
        seen = list(measured.errors)[:3]
        return Picture(
            self.depths,
            {f"{j} corrections": measured.errors[j] for j in seen},
            {f"bound, {j}": measured.bounds[j] for j in seen},
        )


Number = Fraction | float


def walk_back(
    weights: list[Number], momentum: Number, guess: bool, keeps: bool, *, moved: Number, reads: bool
) -> tuple[Number, Number]:
    """Return ``(h_0, v_0)`` recovered from the last pair, in the arithmetic of the weights.

    The residual is ``theta_k h``, or ``theta_k`` itself if it does not read the state.
    """
    depth = len(weights)
    h, v = 1 + 0 * weights[0], 0 * weights[0]
    forgets = 1 if keeps else momentum

    def push(h: Number, theta: Number) -> Number:
        return (1 - momentum) * theta * (h if reads else 1)

    for theta in weights:
        v = forgets * v + push(h, theta)
        h = h + v / depth
    v = (weights[-1] * h if guess else v) + moved
    for theta in reversed(weights):
        h = h - v / depth
        v = (v - push(h, theta)) / forgets
    return h, v


@partial(jax.jit, static_argnames="keeps")
def inverse(pair: Array, thetas: Array, momentum: Scalar, keeps: bool) -> Array:
    """Return ``(h_0, v_0)`` from the last pair, for the residual ``tanh(theta_k h)``."""
    depth = len(thetas)

    def back(pair: Array, theta: Array) -> tuple[Array, None]:
        h, v = pair
        h = h - v / depth
        v = v - (1 - momentum) * jnp.tanh(theta @ h)
        return jnp.stack([h, v if keeps else v / momentum]), None

    return jax.lax.scan(back, pair, thetas, reverse=True)[0]


@dataclass(frozen=True)
class MomentumReversal(
    Claim,
    label="prop-momentum-reversal",
    source="after Sander, Ablin, Blondel, Peyré 2021; proof in the chapter",
):
    """Momentum γ is inverted by a formula, whose derivative has determinant γ^(-dL) for every f.

    Hence some change of the last pair (h, v) grows by γ^(-L/2) at least: the determinant is the
    product of 2d singular values. The inverse is tested in fractions,
    on linear residuals that are drawn, the derivative on residuals tanh(θh), and the growth
    γ^(-L) of a change of v_L on residuals that do not read the state.
    """

    momentum: float = 0.9
    width: int = 3
    depths: tuple[int, ...] = (20, 40, 60, 80, 100)
    guess: bool = False
    keeps: bool = False

    family: ClassVar = {"momentum": (0.85, 0.9, 0.95, 0.99), "width": (1, 2, 3)}
    controls: ClassVar = {
        "a velocity that is guessed": Control(
            "the last velocity v_L → what it is close to, f(h_L)",
            fails="fractions: largest error of the input",
            why="The formula inverts the pair of h and v, not h alone.",
            guess=True,
        ),
        "a velocity that is kept": Control(
            "v ← γv + (1 - γ) f(h) → v ← v + (1 - γ) f(h), inverted by its own formula",
            fails=(
                "largest |log determinant / formula - 1|",
                "fractions: largest |growth of v / γ^(-L) - 1|",
            ),
            why="Such layers keep volume. They need not forget anything.",
            keeps=True,
        ),
    }

    def run(self) -> Measured:
        """Invert in fractions, and differentiate the inverse in floating-point numbers."""
        rng, exact = np.random.default_rng(self.seed), Fraction(str(self.momentum))
        errors, moves, determinants, growth = [], [], [], []
        for depth in self.depths:
            weights = [Fraction(int(n), 8) for n in rng.integers(-16, 17, depth)]
            back = partial(walk_back, weights, exact, keeps=self.keeps)
            errors.append(abs(back(self.guess, moved=Fraction(0), reads=True)[0] - 1))
            moves.append(back(False, moved=Fraction(1), reads=False)[1] * exact**depth - 1)
            thetas = jnp.asarray(rng.standard_normal((depth, self.width, self.width)))
            pair = jnp.asarray(rng.standard_normal((2, self.width)))
            derivative = jax.jacobian(inverse)(pair, thetas, self.momentum, self.keeps)
            values = np.linalg.svd(
                np.asarray(derivative).reshape(2 * self.width, -1), compute_uv=False
            )
            determinants.append(np.log(values).sum())
            growth.append(values[0])
        return Measured(
            errors=np.array(errors, float),
            moves=np.abs(np.array(moves, float)),
            determinants=np.array(determinants),
            growth=np.array(growth),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Fractions are exact. The determinant is a product of singular values.

        The smallest one is rounded by ``2^-53`` times the largest, which stays below ``1e8`` of it,
        and is one factor of several: 1e-6 of the logarithm.
        """
        depths = np.array(self.depths)
        formula = -self.width * depths * np.log(self.momentum)
        return (
            Check("fractions: largest error of the input", float(measured.errors.max()), high=0),
            Check(
                "fractions: largest |growth of v / γ^(-L) - 1|", float(measured.moves.max()), high=0
            ),
            Check(
                "largest |log determinant / formula - 1|",
                float(np.abs(measured.determinants / formula - 1).max()),
                high=1e-6,
            ),
            Check(
                "least growth / γ^(-L/2)",
                float((measured.growth * self.momentum ** (depths / 2)).min()),
                low=1,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """The growth of the worst change, and its bound."""
        return Picture(
            self.depths,
            {"growth of the worst change": measured.growth},
            {"γ^(-L/2)": self.momentum ** (-np.array(self.depths) / 2)},
            ylabel="growth on the way back",
            log="y",
            lower=True,
        )
