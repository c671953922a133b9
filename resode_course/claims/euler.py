"""Residual networks as Euler schemes: the claims of the chapter."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from resode_course.claims import _problems
from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_course.claims._measure import (
    StepSize,
    guide,
    network_errors,
    no_factor,
    one_over_depth,
    slope,
)
from resode_course.claims._problems import Drift, Problem
from resode_lib import continuous, integrators, resnet
from resode_lib._types import Array, Key, Numbers, Scalar, Stack, State

__all__ = [
    "AttachedODE",
    "EulerBound",
    "EulerLimit",
    "IntegratorOrder",
    "NonExpanding",
    "PerturbedWeights",
    "TightBound",
    "bound",
]

Activation = Callable[[Array], Array]
Pulling = Callable[[Array, Array], Array]
"""From the distance to a centre and a matrix to a velocity."""

DOUBLINGS = (16, 32, 64, 128, 256, 512)
NO_FACTOR = "the step 1/L → 1, so that layers add their residuals as they are"
NOT_LIPSCHITZ = "the residual → √|h| from h = 0, compared with the solution s²/4"
TWO_SOLUTIONS = (
    "h' = √|h| has two solutions from 0: s²/4, and 0. The network follows the other one, so it "
    "errs by 1/4 at every depth. This is what the hypothesis is for."
)


def growth_factor(lipschitz: float) -> float:
    """Return ``(e^Lambda - 1) / Lambda``, which is 1 for ``Lambda = 0``."""
    return float(np.expm1(lipschitz) / lipschitz) if lipschitz else 1.0


def bound(
    depths: Numbers,
    *,
    lipschitz: float,
    acceleration: float,
    weight_error: Numbers | float = 0.0,
    weight_lipschitz: float = 0.0,
) -> np.ndarray:
    """Return ``(e^Lambda - 1)/Lambda (Lambda_theta eps + C/(2 L))`` for each depth ``L``.

    Args:
        depths: the depths ``L``.
        lipschitz: ``Lambda``, Lipschitz constant of ``f`` in the state.
        acceleration: ``C``, the largest ``||H''||`` along the solution.
        weight_error: ``eps``, the largest ``||theta_k - Theta(k/L)||``.
        weight_lipschitz: ``Lambda_theta``, Lipschitz constant of ``f`` in the weights.

    Returns:
        The bound on ``max_k ||h_k - H(k/L)||`` at each depth.

    Source: proved in the chapter on residual networks as Euler schemes; after
        :cite:t:`sander2022residual` and Proposition 11 of :cite:t:`marion2024implicit`.
    """
    local = weight_lipschitz * np.asarray(weight_error) + acceleration / (2 * np.asarray(depths))
    return growth_factor(lipschitz) * local


def smooth(claim: "EulerBound | EulerLimit") -> Problem:
    """Return the claim's two-layer network with trigonometric weights in depth."""
    return _problems.smooth_network(claim.width, seed=claim.seed)


def error_checks(claim: Claim, measured: Measured) -> tuple[Check, ...]:
    """The bound at every depth, and its rate; a tenth is left for finite depths."""
    ratio = float((measured.errors / measured.bounds).max())
    return (
        Check("largest ratio error / bound", ratio, high=1),
        Check("slope of the error in L", slope(claim.depths, measured.errors), high=-0.9),
    )


def error_picture(claim: Claim, measured: Measured) -> Picture:
    """The error beside its bound."""
    return Picture(
        claim.depths,
        {"max ‖h - H‖ over layers": measured.errors},
        {"the bound": measured.bounds},
    )


@dataclass(frozen=True)
class EulerBound(
    Claim, label="thm-euler-bound", source="proved in the chapter, after Sander, Ablin, Peyré 2022"
):
    """With step 1/L a network stays within (e^Λ - 1)/(2ΛL) max‖H''‖ of its ODE.

    Λ is the Lipschitz constant in the state, H the solution of the ODE. A two-layer tanh network
    whose weights are random trigonometric curves in depth; Λ is computed from the norms of its
    weights, ‖H''‖ along its ODE.
    """

    width: int = 8
    depths: tuple[int, ...] = DOUBLINGS
    problem: Callable[["EulerBound"], Problem] = smooth
    step_size: StepSize = one_over_depth
    place: float = 1 / 3  # of the jump, where there is one

    family: ClassVar = {"width": (2, 4, 8, 16, 32), "place": (0.21, 1 / 3, 0.55, 0.8)}
    controls: ClassVar = {
        "no factor 1/L": Control(
            NO_FACTOR,
            fails=("largest ratio error / bound", "slope of the error in L"),
            why="L layers travel L times as far: the error grows.",
            step_size=no_factor,
        ),
        "a jump in depth": Control(
            "the network → h' = s + 4 [s > 1/3], with ‖H''‖ = 1 away from the jump",
            fails="largest ratio error / bound",
            why="The network notices the jump at most one layer late, which costs O(1/L): the "
            "rate survives, the constant does not.",
            problem=lambda claim: _problems.jump(place=claim.place),
        ),
        "not Lipschitz in the state": Control(
            NOT_LIPSCHITZ + ", with Λ = 1 in the bound",
            fails=("largest ratio error / bound", "slope of the error in L"),
            why=TWO_SOLUTIONS,
            problem=lambda claim: _problems.square_root(),
        ),
    }

    def run(self) -> Measured:
        """Measure the errors and evaluate the bound at each depth."""
        problem = self.problem(self)
        errors = network_errors(problem, self.depths, step_size=self.step_size)
        bounds = bound(self.depths, lipschitz=problem.lipschitz, acceleration=problem.acceleration)
        return Measured(errors=errors, bounds=bounds)

    judge = error_checks
    picture = error_picture


@dataclass(frozen=True)
class EulerLimit(
    Claim, label="cor-euler-limit", source="Marion, Wu, Sander, Biau 2023, Proposition 2"
):
    """If the weights are slices of one Lipschitz path, the network is O(1/L) close to its ODE.

    A two-layer tanh network whose weights are random trigonometric curves in depth.
    """

    width: int = 8
    depths: tuple[int, ...] = (32, 64, 128, 256, 512, 1024)
    problem: Callable[["EulerLimit"], Problem] = smooth
    step_size: StepSize = one_over_depth

    family: ClassVar = {"width": (2, 4, 8, 16, 32)}
    controls: ClassVar = {
        "no factor 1/L": Control(
            NO_FACTOR,
            fails="slope of the error in L",
            why="L layers travel L times as far: the error grows.",
            step_size=no_factor,
        ),
        "a path that is only Hölder": Control(
            "the network → a rotation whose speed is Hölder continuous of exponent 1/2 in depth, "
            "at powers of two, the worst depths for this speed",
            fails="slope of the error in L",
            why="The rate falls to the exponent, -1/2. At depths that are no powers of two the "
            "same speed is sampled more luckily, and the error may fall like 1/L.",
            problem=lambda claim: _problems.rough(),
        ),
        "not Lipschitz in the state": Control(
            NOT_LIPSCHITZ,
            fails="slope of the error in L",
            why=TWO_SOLUTIONS,
            problem=lambda claim: _problems.square_root(),
        ),
    }

    def run(self) -> Measured:
        """Measure ``max_k ||h_k - H(k/L)||`` at each depth."""
        problem = self.problem(self)
        return Measured(errors=network_errors(problem, self.depths, step_size=self.step_size))

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The error is O(1/L); a tenth is left for finite depths."""
        return (Check("slope of the error in L", slope(self.depths, measured.errors), high=-0.9),)

    def picture(self, measured: Measured) -> Picture:
        """The error beside the guaranteed rate, through the first point."""
        line = guide(self.depths, measured.errors)
        return Picture(
            self.depths, {"max ‖h - H‖ over layers": measured.errors}, {"rate 1/L": line}
        )


def shrinking(depth: int) -> float:
    """Return a distance to the path that falls like ``1/L``."""
    return 2 / depth


def lasting(depth: int) -> float:
    """Return a distance to the path that does not fall."""
    return 0.05


@dataclass(frozen=True)
class PerturbedWeights(
    Claim, label="cor-perturbed-weights", source="Marion, Wu, Sander, Biau 2023, Proposition 11"
):
    """Weights within O(1/L) of a Lipschitz path give a network within O(1/L) of its ODE.

    A rotation whose speed changes with depth. All weights are shifted by 2/L in one and the same
    direction of operator norm one. The residual is linear, so its Lipschitz constant in the weights
    is the norm of the exact state, one.
    """

    frequency: float = 3.0
    depths: tuple[int, ...] = DOUBLINGS
    distance: Callable[[int], float] = shrinking

    family: ClassVar = {"frequency": (1.0, 2.0, 3.0, 5.0)}
    controls: ClassVar = {
        "weights that stay away": Control(
            "the distance of the weights to the path 2/L → 0.05 at every depth",
            fails="slope of the error in L",
            why="The bound holds, and it does not vanish: the network stays where its weights are.",
            distance=lasting,
        )
    }

    def run(self) -> Measured:
        """Shift every slice and measure; the bound has the network's own Lipschitz constant."""
        problem = _problems.swinging(self.frequency)
        direction = jax.random.normal(jax.random.key(self.seed), (2, 2))
        direction /= jnp.linalg.norm(direction, ord=2)

        def shift(stack: Stack, depth: int) -> Stack:
            return jax.tree.map(lambda leaf: leaf + self.distance(depth) * direction[None], stack)

        distances = np.array([self.distance(depth) for depth in self.depths])
        bounds = bound(
            self.depths,
            lipschitz=problem.lipschitz + distances.max(),
            acceleration=problem.acceleration,
            weight_error=distances,
            weight_lipschitz=1.0,
        )
        return Measured(errors=network_errors(problem, self.depths, perturb=shift), bounds=bounds)

    judge = error_checks
    picture = error_picture


def drifting() -> Problem:
    """Return ``h' = s``: the error is ``1/(2 L)`` exactly, the bound for ``Lambda = 0, C = 1``."""
    return Problem(
        lambda s: Drift(s),
        jnp.zeros((1, 1)),
        lambda times: times[:, None, None] ** 2 / 2,
        lipschitz=0.0,
        acceleration=1.0,
    )


class Repulsion(nnx.Module):
    """The residual ``f(h) = rate (h - centre) + velocity``: away from a moving centre."""

    def __init__(self, rate: Array, centre: Array, velocity: Array):
        self.rate = nnx.Param(rate)
        self.centre = nnx.Param(centre)
        self.velocity = nnx.Param(velocity)

    def __call__(self, h: State) -> State:
        """Return ``rate (h - centre) + velocity``."""
        return self.rate[...] * (h - self.centre[...]) + self.velocity[...]


def repelled(claim: "TightBound") -> Problem:
    """Return ``h' = Lambda (h - y(s)) + y'(s)`` with ``y = C s^2 / 2``, solved by ``y``.

    Every local error points the same way and is amplified at the full rate.
    """
    rate, acceleration = claim.lipschitz, claim.acceleration

    def path(s: Scalar) -> Repulsion:
        return Repulsion(rate * jnp.ones_like(s), acceleration * s**2 / 2, acceleration * s)

    return Problem(
        path,
        jnp.zeros((1, 1)),
        lambda times: acceleration * times[:, None, None] ** 2 / 2,
        lipschitz=rate,
        acceleration=acceleration,
    )


@dataclass(frozen=True)
class TightBound(
    Claim, label="prop-tight-bound", source="proved in the chapter, after Sander, Ablin, Peyré 2022"
):
    """The Euler bound is attained for Λ = 0, and in the limit of large depth for Λ > 0.

    The fields h' = s, and h' = Λ(h - y) + y' with y = C s²/2, here with Λ = 2 and C = 3.
    """

    lipschitz: float = 2.0
    acceleration: float = 3.0
    depths: tuple[int, ...] = (10, 100, 1000)
    amplified: Callable[["TightBound"], Problem] = repelled

    family: ClassVar = {"lipschitz": (0.3, 1.0, 2.0, 3.0), "acceleration": (0.1, 1.0, 3.0, 20.0)}
    controls: ClassVar = {
        "local errors of different sizes": Control(
            "the second field → h' = h from 1, whose local errors grow with the state",
            fails=("Λ > 0: |ratio - closed form| / rounding", "Λ > 0: ratio / its lower bound"),
            why="The bound takes the largest local error for all of them: the ratio tends to "
            "1/(e - 1) = 0.58.",
            amplified=lambda claim: _problems.growth(),
        )
    }

    def run(self) -> Measured:
        """Measure both ratios error / bound."""

        def ratios(problem: Problem) -> np.ndarray:
            errors = network_errors(problem, self.depths)
            return errors / bound(
                self.depths, lipschitz=problem.lipschitz, acceleration=problem.acceleration
            )

        problem = self.amplified(self)
        depths, rate = np.asarray(self.depths), problem.lipschitz
        return Measured(
            drifting=ratios(drifting()),
            amplified=ratios(problem),
            predicted=((1 + rate / depths) ** depths - 1) / np.expm1(rate),
            # (1 + x)^L >= exp(L x - L x^2 / 2) and e^-u >= 1 - u
            lower=1 - rate**2 / (2 * depths) * np.exp(rate) / np.expm1(rate),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The first ratio is 1, the second is its closed form, which tends to 1.

        States of size C / 2 are rounded L times, in units of 2^-53, and amplified by at most
        (e^Lambda - 1) / Lambda; relative to the bound this is 2 L^2 2^-53.
        """
        rounding = 2 * np.square(self.depths, dtype=float) * 2.0**-53
        first = np.abs(measured.drifting - 1) / rounding
        second = np.abs(measured.amplified - measured.predicted) / rounding
        return (
            Check("Λ = 0: |ratio - 1| / rounding", float(first.max()), high=1),
            Check("Λ > 0: |ratio - closed form| / rounding", float(second.max()), high=1),
            Check(
                "Λ > 0: ratio / its lower bound",
                float((measured.amplified / measured.lower)[measured.lower > 0].min()),
                low=1,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """Both ratios, which tend to one."""
        return Picture(
            self.depths,
            {"Λ = 0": measured.drifting, "Λ > 0": measured.amplified},
            {"at least": measured.lower},
            ylabel="error / bound",
            log="x",
            lower=True,
        )


def towards(x: Array, U: Array, activation: Activation) -> Array:
    """Return ``-U^T sigma(U x)``: minus the gradient of a convex function of ``x``."""
    return -activation(x @ U.T) @ U


def away(x: Array, U: Array, activation: Activation) -> Array:
    """Return the opposite, of the same Lipschitz constant."""
    return activation(x @ U.T) @ U


def around(x: Array, U: Array, activation: Activation) -> Array:
    """Return ``||U||^2 J x``, which turns pairs of coordinates: one-sided Lipschitz constant 0."""
    turned = jnp.stack([-x[..., 1::2], x[..., ::2]], axis=-1).reshape(x.shape)
    return jnp.linalg.norm(U, ord=2) ** 2 * turned


class Pull(nnx.Module):
    """The residual ``f(h) = velocity + pull(h - centre)``, which follows a moving centre."""

    def __init__(self, centre: Array, velocity: Array, U: Array, *, pull: Pulling):
        self.centre = nnx.Param(centre)
        self.velocity = nnx.Param(velocity)
        self.U = nnx.Param(U)
        self.pull = pull

    def __call__(self, h: State) -> State:
        """Return the residual, shape (..., d)."""
        centre, velocity = (jnp.broadcast_to(a[...], h.shape) for a in (self.centre, self.velocity))
        return velocity + self.pull(h - centre, self.U[...])


@dataclass(frozen=True)
class NonExpanding(
    Claim, label="prop-non-expanding", source="proved in the chapter; the idea is Dahlquist's"
):
    """If no layer expands, the Euler bound holds without e^Λ: the error is at most e₀ + C/(2L).

    Layers c' - Uᵀtanh(U(h - c)) in R⁶ with a moving centre c(s) on a circle and three neurons,
    drawn anew for each layer with ‖U‖² = λ = 20, at the depths 12, 24, 96 and 384, all L ≥ λ/2. The
    circle solves the ODE, so C = 9 is exact. From the circle, e₀ = 0, and from a point at the
    distance 1 of it.
    """

    width: int = 6
    neurons: int = 3
    steepness: float = 20.0
    frequency: float = 3.0
    depths: tuple[int, ...] = (12, 24, 96, 384)
    activation: Activation = jnp.tanh
    pull: Callable[[Array, Array, Activation], Array] = towards

    family: ClassVar = {
        "width": (4, 6, 12),
        "neurons": (2, 3, 8),
        "steepness": (12.0, 20.0, 24.0),
        "frequency": (1.0, 3.0, 6.0),
        "activation": (jnp.tanh, jnp.arctan),
    }
    controls: ClassVar = {
        "a push": Control(
            "the pull -Uᵀσ(U(h - c)) → the push +Uᵀσ(U(h - c)), with the same U, c and C",
            fails="from the circle: largest ratio error / bound",
            why="The Lipschitz constant is the same, but errors grow now: the e^Λ is needed.",
            pull=away,
        ),
        "a turn": Control(
            "the pull → λ J (h - c), a rotation about the centre at the same rate λ",
            fails="from the circle: largest ratio error / bound",
            why="The one-sided constant is 0, and yet a step of Euler expands, by √(1 + λ²/L²): "
            "much at 12 layers, little at 384.",
            pull=around,
        ),
        "steeper than 2L": Control(
            "λ = 20 → 200, so that L ≥ λ/2 at the largest depth only",
            fails="from the circle: largest ratio error / bound",
            why="The ODE contracts more than before. The steps overshoot, so the layers expand.",
            steepness=200.0,
        ),
    }

    def run(self) -> Measured:
        """Follow the circle with each network, from two starts."""
        keys = jax.random.split(jax.random.key(self.seed), 3)
        plane = jnp.linalg.qr(jax.random.normal(keys[0], (self.width, 2)))[0]
        aside = jax.random.normal(keys[1], (self.width,))
        aside = aside / jnp.linalg.norm(aside)

        def on_circle(s: Array) -> tuple[Array, Array]:
            """Return the centre and its velocity, each of shape (d,)."""
            angle = self.frequency * s
            wave = jnp.stack([jnp.cos(angle), jnp.sin(angle)])
            return plane @ wave, self.frequency * (plane @ jnp.stack([-wave[1], wave[0]]))

        def block(s: Array, key: Key) -> Pull:
            U = jax.random.normal(key, (self.neurons, self.width))
            U = U * jnp.sqrt(self.steepness) / jnp.linalg.norm(U, ord=2)
            return Pull(*on_circle(s), U, pull=partial(self.pull, activation=self.activation))

        @partial(jax.jit, static_argnames="depth")
        def errors(depth: int) -> Array:
            times = jnp.arange(depth + 1) / depth
            stack = jax.vmap(block)(times[:-1], jax.random.split(keys[2], depth))
            exact = jax.vmap(on_circle)(times)[0]
            starts = exact[:1] + jnp.stack([0 * aside, aside])
            gaps = resnet.trajectory(stack, starts) - exact[:, None]
            return jnp.linalg.norm(gaps, axis=-1).max(axis=0)

        found = np.array([errors(depth) for depth in self.depths])
        local = self.frequency**2 / (2 * np.array(self.depths))
        return Measured(errors=found[:, 0], moved=found[:, 1], bounds=local)

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Both bounds at every depth; they leave more room than rounding takes."""
        exact = measured.errors / measured.bounds
        moved = measured.moved / (1 + measured.bounds)
        return (
            Check("from the circle: largest ratio error / bound", float(exact.max()), high=1),
            Check("from aside: largest ratio error / bound", float(moved.max()), high=1),
        )

    def picture(self, measured: Measured) -> Picture:
        """The error beside the bound, and beside what the Lipschitz constant alone gives."""
        return Picture(
            self.depths,
            {"max ‖h - H‖ over layers": measured.errors},
            {
                "C/(2L)": measured.bounds,
                "the same with e^Λ": growth_factor(self.steepness) * measured.bounds,
            },
        )


def as_many_as_layers(depth: int) -> int:
    """Return ``L``: the field has a tent on each cell."""
    return depth


def eight(depth: int) -> int:
    """Return 8, at every depth."""
    return 8


@dataclass(frozen=True)
class AttachedODE(
    Claim,
    label="prop-attached-ode",
    source="proved in the chapter, after Sander, Ablin, Peyré 2022",
):
    """An ODE can agree with a network at every node k/L and stay 1/4 away from it at every depth.

    The field is a tent of height 1/2 on each of n intervals of depth, with n = L. Slices of it at
    the nodes are zero, so the network does not move.
    """

    height: float = 0.5
    depths: tuple[int, ...] = (8, 32, 128, 512)
    tents: Callable[[int], int] = as_many_as_layers

    family: ClassVar = {"height": (0.1, 0.5, 3.0)}
    controls: ClassVar = {
        "one field for all depths": Control(
            "the number of tents L → 8 at every depth",
            fails="smallest distance at s = 1 / (height/2)",
            why="The field's Lipschitz constant in depth is fixed now, so the theorem applies and "
            "the distance vanishes.",
            tents=eight,
        )
    }

    def run(self) -> Measured:
        """Run the network of slices and the ODE, which Heun's method solves exactly.

        The field is linear on half tents, where one step of the trapezoidal rule is exact.
        """

        def distance(depth: int) -> float:
            count = self.tents(depth)

            def field(s: Array, h: Array) -> Array:
                fraction = count * s % 1.0
                return 2 * self.height * jnp.minimum(fraction, 1 - fraction) + 0 * h

            start = jnp.zeros((1, 1))
            nodes = jnp.arange(depth) / depth
            stack = jax.vmap(Drift)(jax.vmap(field)(nodes, jnp.zeros(depth)))
            network = resnet.forward(stack, start)
            solution = integrators.integrate(
                field, start, depth=2 * max(depth, count), integrator=integrators.heun
            )[-1]
            return float(jnp.abs(network - solution).max())

        return Measured(distances=np.array([distance(depth) for depth in self.depths]))

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The mean of a tent is half its height; 1e-9 is left for rounding."""
        relative = measured.distances / (self.height / 2)
        return (
            Check("smallest distance at s = 1 / (height/2)", float(relative.min()), low=1 - 1e-9),
            Check("largest distance at s = 1 / (height/2)", float(relative.max()), high=1 + 1e-9),
        )

    def picture(self, measured: Measured) -> Picture:
        """The distance, which does not shrink."""
        return Picture(
            self.depths,
            {"distance of network and ODE": measured.distances},
            {"half the height": np.full(len(self.depths), self.height / 2)},
            ylabel="distance at s = 1",
            log="x",
            lower=True,
        )


def on_the_path(
    problem: Problem, depths: tuple[int, ...], method: integrators.Integrator
) -> np.ndarray:
    """Return the error at ``s = 1`` when the method may evaluate the path anywhere."""
    field = continuous.field_of(problem.path)
    exact = problem.exact(jnp.array([0.0, 1.0]))[-1]

    def error(depth: int) -> float:
        states = integrators.integrate(field, problem.start, depth=depth, integrator=method)
        return float(jnp.linalg.norm(states[-1] - exact, axis=-1).max())

    return np.array([error(depth) for depth in depths])


def on_slices(
    problem: Problem, depths: tuple[int, ...], method: integrators.Integrator
) -> np.ndarray:
    """Return the error when only slices are known, as in a network, and joined by lines."""
    return network_errors(problem, depths, integrator=method)


@dataclass(frozen=True)
class IntegratorOrder(
    Claim, label="thm-integrator-order", source="classical; for Euler proved in the chapter"
):
    """On a smooth path the errors of Euler, midpoint, Heun and RK4 fall like L^-1, -2, -2 and -4.

    A rotation whose speed changes with depth, in closed form. At these depths the error of RK4 is
    two orders of magnitude above rounding.
    """

    frequency: float = 3.0
    place: float = 1 / 3  # of the jump, where there is one
    depths: tuple[int, ...] = (8, 16, 32, 64, 128)
    problem: Callable[["IntegratorOrder"], Problem] = lambda claim: _problems.swinging(
        claim.frequency
    )
    errors: Callable[..., np.ndarray] = on_the_path

    family: ClassVar = {"frequency": (1.0, 2.0, 3.0, 4.0), "place": (0.21, 1 / 3, 0.55, 0.8)}
    controls: ClassVar = {
        "the path known at the layers only": Control(
            "the methods read the path between the layers → they read the line between two slices",
            fails="slope of rk4",
            why="The line is wrong by L^-2: too much for RK4, while methods of second order do not "
            "notice.",
            errors=on_slices,
        ),
        "a jump in depth": Control(
            "the rotation → h' = s + 4 [s > 1/3]",
            fails=("slope of midpoint", "slope of heun", "slope of rk4"),
            why="Higher order rests on smoothness: one jump within a layer costs O(1/L).",
            problem=lambda claim: _problems.jump(place=claim.place),
        ),
    }

    def run(self) -> Measured:
        """Measure every method of the registry."""
        problem = self.problem(self)
        return Measured(
            errors={
                name: self.errors(problem, self.depths, method)
                for name, method in integrators.INTEGRATORS.items()
            }
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The error falls at least as fast as the order says, a tenth allowed for finite depth."""
        return tuple(
            Check(
                f"slope of {name}",
                slope(self.depths, errors),
                high=-integrators.get(name).order + 0.1,
            )
            for name, errors in measured.errors.items()
        )

    def picture(self, measured: Measured) -> Picture:
        """The errors of three methods; Heun's is near the midpoint rule's."""
        shown = {name: measured.errors[name] for name in ("euler", "midpoint", "rk4")}
        return Picture(self.depths, shown, ylabel="error at s = 1")
