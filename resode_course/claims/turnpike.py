"""Long horizons and the turnpike: the claims of the chapter."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims import _depth_limits, _steering
from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_course.claims._measure import guide, slope
from resode_course.claims._problems import Drift
from resode_course.claims._steering import CROSSED, TWINS, Problem
from resode_lib import control, resnet, stacks
from resode_lib._types import Block, Key, Scalar, Stack
from resode_lib.blocks import Inside, Outside
from resode_lib.control import Minimum, Profile
from resode_lib.diagnostics import observed_rate

__all__ = [
    "DepthConservation",
    "HorizonScaling",
    "LinearQuadratic",
    "LongHorizon",
    "Turnpike",
]

PAPER = "proved in the chapter, after Esteve, Geshkovski, Pighin, Zuazua 2020"
TWO_LABELS = "two of the four points → one point with two labels"


def relu_outside(key: Key, width: int) -> Block:
    """Return a block that is positively homogeneous, not linear, in its weights."""
    return Outside.gaussian(key, width=width, activation=jax.nn.relu)


def inside(key: Key, width: int) -> Block:
    """Return a block that is linear in its weights."""
    return Inside.gaussian(key, width=width)


def tanh_outside(key: Key, width: int) -> Block:
    """Return a block that saturates in its weights."""
    return Outside.gaussian(key, width=width)


@jax.jit
def cost_and_states(stack: Stack, points: jax.Array, penalty: Scalar, horizon: Scalar) -> tuple:
    """Return the terminal cost of controls over a horizon, and the states."""
    terms = [(1, control.terminal(_steering.distance)), (penalty, control.squared_norm)]
    states = resnet.trajectory(stack, points, step_size=horizon / stacks.depth(stack))
    return control.objective(points, terms, horizon=horizon)(stack), states


@dataclass(frozen=True)
class HorizonScaling(Claim, label="prop-horizon-scaling", source=PAPER):
    """If f(x, au) = a f(x, u), the horizon T with penalty λ is the horizon 1 with penalty λ/T.

    Networks of 12 layers with random controls, not minimisers, since it is an identity. The
    residual has its tanh inside, or a ReLU outside.
    """

    width: int = 3
    layers: int = 12
    horizons: tuple[float, ...] = (0.5, 1.0, 3.0, 20.0)
    penalty: float = 0.1
    blocks: tuple[Callable[[Key, int], Block], ...] = (inside, relu_outside)

    family: ClassVar = {"width": (1, 3, 8), "layers": (1, 12, 30), "penalty": (0.01, 0.1, 3.0)}
    controls: ClassVar = {
        "a residual that saturates": Control(
            "the residual w tanh(x) + b → tanh(Kx + b)",
            fails=("largest relative difference of the costs", "largest difference of the states"),
            why="Weights twice as large for half as long are not the same: tanh is bounded.",
            blocks=(tanh_outside,),
        )
    }

    def run(self) -> Measured:
        """Compare ``J_{T, lambda}(u)`` with ``J_{1, lambda/T}(v)`` for ``v(s) = T u(T s)``."""
        key = jax.random.key(self.seed)
        points = jax.random.normal(jax.random.fold_in(key, 1), (4, self.width))

        def differences(draw: Callable[[Key, int], Block], T: float) -> tuple[float, float]:
            v = stacks.iid(lambda key: draw(key, self.width), key, self.layers)
            short, there = cost_and_states(v, points, self.penalty / T, 1.0)
            stretched = control.stretch(v, 1.0, T)
            long, here = cost_and_states(stretched, points, self.penalty, T)
            return abs(float(long / short) - 1), float(jnp.abs(here - there).max())

        found = np.array([[differences(draw, T) for T in self.horizons] for draw in self.blocks])
        return Measured(costs=found[..., 0], states=found[..., 1])

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Identities: 30 layers at most round ten times to ``2^-53``, times ``e^3``: 1e-12."""
        return (
            Check(
                "largest relative difference of the costs", float(measured.costs.max()), high=1e-12
            ),
            Check("largest difference of the states", float(measured.states.max()), high=1e-12),
        )

    def picture(self, measured: Measured) -> Picture:
        """The differences over horizons, and rounding."""
        return Picture(
            self.horizons,
            {"relative difference of the costs": np.maximum(measured.costs.max(axis=0), 2.0**-53)},
            {"rounding": np.full(len(self.horizons), 1e-12)},
            xlabel="horizon T",
            ylabel="difference",
        )


@dataclass(frozen=True)
class LongHorizon(Claim, label="thm-long-horizon", source=PAPER):
    """With zero loss in reach, ℓ(x(T)) ≤ λ(‖v*‖² - ‖v_T‖²)/T, ‖v_T‖ grows to ‖v*‖, and Tℓ → 0.

    Four points in space that must pass one another, the residual w tanh(x) + b, 40 layers. Each
    horizon starts from the one before, the first from the best of four minimisers. The horizon 4096
    stands for v*: its norm is not larger, and neither is the bound.
    """

    horizons: tuple[float, ...] = (4.0, 8.0, 16.0, 32.0, 64.0)
    reference: float = 4096.0
    layers: int = 40
    penalty: float = 0.1
    degree: float = 1.0
    points: tuple[tuple[float, ...], ...] = CROSSED

    family: ClassVar = {"penalty": (0.05, 0.1, 0.2), "reference": (2048.0, 4096.0)}
    controls: ClassVar = {
        "a target out of reach": Control(
            TWO_LABELS,
            fails=("largest ratio loss / bound", "slope of the loss in T", "last T ℓ / first"),
            why="The loss does not vanish, however long the horizon.",
            points=TWINS,
        ),
        "a residual of degree 2": Control(
            "the weights enter as u → as u|u|, so that f(x, au) = a² f(x, u)",
            fails=("slope of the loss in T", "last T ℓ / first"),
            why="Then the horizon drops out: the cost over T is the cost over 1 with the same λ.",
            degree=2.0,
        ),
    }

    def run(self) -> Measured:
        """Follow the minimiser from horizon to horizon."""
        problem = Problem(
            terminal=1.0, penalty=self.penalty, degree=self.degree, points=self.points
        )
        levels = [*self.horizons, self.reference]
        profiles = {}

        def solve(start: Stack, T: float) -> Minimum:
            minimum, profiles[T] = _steering.steer(problem, start, layers=self.layers, horizon=T)
            return minimum

        sizes = {"layers": self.layers, "slices": self.layers}
        start = _steering.best(problem, **sizes, horizon=levels[0], seed=self.seed)
        minima = control.continuation(solve, start, levels, carry=control.stretch)
        v = [
            T * _depth_limits.entries(found.stack) for T, found in zip(levels, minima, strict=True)
        ]
        squares = np.array([np.mean(np.sum(each**2, axis=1)) for each in v])
        apart = [np.sqrt(np.mean(np.sum((each - v[-1]) ** 2, axis=1))) for each in v[:-1]]
        T = np.array(self.horizons)
        return Measured(
            losses=np.array([profiles[T].losses[-1] for T in self.horizons]),
            squared_norms=squares[:-1],
            minimal=squares[-1],
            bounds=self.penalty * (squares[-1] - squares[:-1]) / T,
            distances=np.array(apart),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The inequality at each horizon, norms that do not fall, limits without a rate.

        For a squared loss ``T l`` and the distance are of order ``1/T``: over a factor 16 in the
        horizon they fall to about 1/16, and a quarter is allowed.
        """
        scaled = measured.losses * np.array(self.horizons)
        return (
            Check(
                "largest ratio loss / bound",
                float((measured.losses / measured.bounds).max()),
                high=1,
            ),
            Check("smallest increase of ‖v‖²", float(np.diff(measured.squared_norms).min()), low=0),
            Check("slope of the loss in T", slope(self.horizons, measured.losses), high=-1),
            Check("last T ℓ / first", float(scaled[-1] / scaled[0]), high=0.25),
            Check(
                "last ‖v - v*‖ / first",
                float(measured.distances[-1] / measured.distances[0]),
                high=0.25,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """The loss and both bounds."""
        return Picture(
            self.horizons,
            {"loss at the end": measured.losses},
            {
                "bound with both norms": measured.bounds,
                "bound with ‖v*‖ only": self.penalty * measured.minimal / np.array(self.horizons),
            },
            xlabel="horizon T",
            ylabel="loss",
        )


@dataclass(frozen=True)
class DepthConservation(Claim, label="prop-depth-conservation", source=PAPER):
    """Along a minimiser λ|u|² - φ(x) is constant, and without terminal cost it is -φ(x(T)).

    Four points in space, the residual w tanh(x) + b. The law is one of the ODE, so networks satisfy
    it up to the step. The minimiser is followed from the shallowest network, where it is the best
    of four, to the deepest.
    """

    depths: tuple[int, ...] = (25, 50, 100, 200)
    horizon: float = 2.5
    penalty: float = 0.05
    draw: Callable[..., Block] = Inside.gaussian

    family: ClassVar = {"penalty": (0.03, 0.05, 0.1), "horizon": (2.0, 2.5, 3.0)}
    controls: ClassVar = {
        "a residual that saturates": Control(
            "the residual w tanh(x) + b → tanh(Kx + b)",
            fails=(
                "terminal cost: slope of the spread of |u|",
                "running cost: slope of the violation",
            ),
            why="To travel the same path at another pace is no longer a matter of scaling weights.",
            draw=Outside.gaussian,
        )
    }

    def run(self) -> Measured:
        """Minimise both costs at each depth."""
        spreads, violations = [], []
        for _, _, norms in self._profiles(Problem(terminal=1.0, penalty=self.penalty)):
            spreads.append(np.ptp(norms) / norms.mean())
        for _, losses, norms in self._profiles(Problem(running=1.0, penalty=self.penalty)):
            violations.append(np.abs(self.penalty * norms**2 - losses[:-1] + losses[-1]).max())
        return Measured(spreads=np.array(spreads), violations=np.array(violations))

    def _profiles(self, problem: Problem) -> list:
        first, deepest = self.depths[0], max(self.depths)
        stack = _steering.best(
            problem,
            layers=first,
            slices=deepest,
            horizon=self.horizon,
            seed=self.seed,
            draw=self.draw,
        )
        found, before = [], first
        for layers in self.depths:
            start = jax.tree.map(lambda u, n=before, m=layers: u[:n].repeat(m // n, 0), stack)
            minimum, profile = _steering.steer(
                problem, _steering.resting(start, deepest), layers=layers, horizon=self.horizon
            )
            stack, before = minimum.stack, layers
            found.append(profile)
        return found

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Both vanish with the step; a tenth is left for finite steps."""
        return (
            Check(
                "terminal cost: slope of the spread of |u|",
                slope(self.depths, measured.spreads),
                high=-0.9,
            ),
            Check(
                "running cost: slope of the violation",
                slope(self.depths, measured.violations),
                high=-0.9,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """Both, and the rate of the second."""
        return Picture(
            self.depths,
            {
                "terminal: (max|u| - min|u|)/mean": measured.spreads,
                "running: |λ|u|² - ℓ(x) + ℓ(x(T))|": measured.violations,
            },
            {"rate 1/L": guide(self.depths, measured.violations)},
            ylabel="violation",
        )


def network_state(times: np.ndarray, *, horizon: float, penalty: float, layers: int) -> np.ndarray:
    """Return ``cosh(kappa (T - t)/dt) / cosh(kappa T/dt)``, the optimal states of the network.

    Its cost is quadratic: ``x_{k+1} - 2 x_k + x_{k-1} = a x_k`` with ``a = dt^2 / lambda``, and
    ``x_{L-1} = (1 + a/2) x_L``. So ``cosh kappa = 1 + a/2``.
    """
    dt = horizon / layers
    rate = 2 * np.arcsinh(dt / (2 * penalty**0.5)) / dt
    return np.cosh(rate * (horizon - times)) / np.cosh(rate * horizon)


def the_step(dt: float) -> float:
    """Return 1: the penalty is an integral."""
    return 1.0


def no_step(dt: float) -> float:
    """Return what turns the integral into the sum of the squares: weight decay without ``dt``."""
    return 1 / dt


@cache
def _solver(tolerance: float) -> Callable[..., tuple]:
    def square(x: jax.Array) -> Scalar:
        return jnp.mean(x**2)

    @jax.jit
    def solve(stack: Stack, start: Scalar, penalty: Scalar, horizon: Scalar) -> tuple:
        terms = [(1, control.running(square)), (penalty, control.squared_norm)]
        value = control.objective(start * jnp.ones((1, 1)), terms, horizon=horizon)
        found = control.minimise(value, stack, tolerance=tolerance)
        states = resnet.trajectory(
            found.stack, start * jnp.ones((1, 1)), step_size=horizon / stacks.depth(stack)
        )
        return found, states[:, 0, 0]

    return solve


@dataclass(frozen=True)
class LinearQuadratic(Claim, label="prop-linear-quadratic", source="proved in the chapter"):
    """For x' = u and the cost x² + λu² the optimal state is a quotient of hyperbolic cosines.

    A network of 128 layers, minimised numerically over horizons from 2 to 16. Its own minimiser is
    known too, and is second order in the step away from that of the ODE.
    """

    start: float = 1.0
    layers: int = 128
    horizons: tuple[float, ...] = (2.0, 4.0, 8.0, 16.0)
    penalty: float = 0.25
    tolerance: float = 1e-9
    factor: Callable[[float], float] = the_step

    family: ClassVar = {
        "start": (-2.0, 0.5, 1.0),
        "layers": (64, 128),
        "penalty": (0.1, 0.25, 1.0, 4.0),
        "horizons": ((2.0, 4.0, 8.0, 16.0), (1.0, 2.0, 3.0, 5.0)),
    }
    controls: ClassVar = {
        "weight decay without the step": Control(
            "the penalty λ Δt Σ u² → λ Σ u²",
            fails=(
                "network: largest distance to its minimiser / what the search leaves",
                "states: largest error / bound",
                "cost: largest error / bound",
            ),
            why="Then the penalty changes with the step, and the decay in depth with it.",
            factor=no_step,
        )
    }

    def run(self) -> Measured:
        """Minimise numerically and compare."""
        root, rows = self.penalty**0.5, []
        start = stacks.tied(Drift(jnp.zeros(1)), self.layers)
        for T in self.horizons:
            charged = self.penalty * self.factor(T / self.layers)
            found, states = _solver(self.tolerance)(start, self.start, charged, T)
            state = np.asarray(states) / self.start
            times = T / self.layers * np.arange(self.layers + 1)
            exact = np.cosh((T - times) / root) / np.cosh(T / root)
            own = network_state(times, horizon=T, penalty=self.penalty, layers=self.layers)
            cost = float(found.checked().value) / self.start**2
            rows.append(
                (
                    np.abs(state - own).max(),
                    np.abs(state - exact).max(),
                    abs(cost / (root * np.tanh(T / root)) - 1),
                )
            )
        own, states, costs = np.transpose(rows)
        return Measured(own=own, states=states, costs=costs)

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Closed forms, with ``a = dt^2 / lambda``; numbers for ``x_0 = 1``.

        The network decays at ``(1 - a/24 + ...) / sqrt(lambda)``. The derivative of
        ``cosh(r(T-t))/cosh(rT)`` by ``r`` is at most ``1.2 * 2 / (e r)``: that of ``y tanh y`` is
        at most 1.2, and ``t e^(-rt) <= 1/(e r)``: states differ by ``a/24`` at most. The network's
        least cost is ``sqrt(lambda (1 + a/4)) tanh(kappa T/dt)``, relatively ``a/8`` more at most,
        and less by no more. The search stops at a gradient norm ``tol`` of a cost that is ``2
        lambda`` convex, so it leaves ``sqrt(T) tol / (2 lambda)`` of a state.
        """
        T = np.array(self.horizons)
        a = (T / self.layers) ** 2 / self.penalty
        left = np.sqrt(T) * self.tolerance / (2 * self.penalty * abs(self.start)) + 1e-12
        return (
            Check(
                "network: largest distance to its minimiser / what the search leaves",
                float((measured.own / left).max()),
                high=1,
            ),
            Check(
                "states: largest error / bound", float((measured.states / (a / 24)).max()), high=1
            ),
            Check("cost: largest error / bound", float((measured.costs / (a / 8)).max()), high=1),
        )

    def picture(self, measured: Measured) -> Picture:
        """Both errors and their bounds, over the step."""
        steps = np.array(self.horizons) / self.layers
        a = steps**2 / self.penalty
        return Picture(
            steps,
            {"error of the states": measured.states, "error of the cost": measured.costs},
            {"bound Δt²/(24λ)": a / 24, "bound Δt²/(8λ)": a / 8},
            xlabel="step Δt",
        )


@dataclass(frozen=True)
class Turnpike(Claim, label="thm-turnpike", source=PAPER):
    """With a running cost and zero loss in reach, loss and weights decay like e^(-t/C_R) in depth.

    Four points in space, the residual w tanh(x) + b, steps of 0.1, two horizons; over each of them
    the best is taken of what four starts lead to, and the other horizon. C_R is measured along the
    way, as the largest cost to go / loss. That of the shorter horizon is tested over the longer
    one, up to the depth 3.5. The cost to go counts the loss at all depths.
    """

    horizons: tuple[float, float] = (6.0, 12.0)
    step: float = 0.1
    window: tuple[float, float] = (1.0, 3.5)
    penalty: float = 0.05
    running: float = 1.0
    terminal: float = 0.0
    points: tuple[tuple[float, ...], ...] = CROSSED

    family: ClassVar = {"penalty": (0.04, 0.05, 0.07, 0.1)}
    controls: ClassVar = {
        "a loss at the end only": Control(
            "the loss is charged at all depths → at the last one only",
            fails=(
                "largest cost to go over 2T / bound by C_R over T",
                "largest rate of the loss times C_R",
                "C_R over 2T / over T",
            ),
            why="All layers work equally hard, and nothing decays over depth.",
            running=0.0,
            terminal=1.0,
        ),
        "a target out of reach": Control(
            TWO_LABELS,
            fails=(
                "largest cost to go over 2T / bound by C_R over T",
                "largest rate of the loss times C_R",
                "C_R over 2T / over T",
                "cost over 2T / over T",
            ),
            why="The loss stays where it can get no lower, and every further layer pays for it.",
            points=TWINS,
        ),
    }

    def run(self) -> Measured:
        """Minimise over each horizon, from the best of four over a short one and then rest.

        And from what was found over the other horizon: the lower one counts, since the theorem
        speaks of the global minimum.
        """
        problem = Problem(
            terminal=self.terminal,
            running=self.running,
            penalty=self.penalty,
            points=self.points,
        )
        depths = [round(T / self.step) for T in self.horizons]
        sizes = {"layers": 25, "slices": max(depths)}
        start = _steering.best(problem, **sizes, horizon=25 * self.step, seed=self.seed)

        def steered(start: Stack, T: float, layers: int) -> tuple[Minimum, Profile]:
            return _steering.steer(problem, start, layers=layers, horizon=T)

        def rested(minimum: Minimum, layers: int) -> Stack:
            first = jax.tree.map(lambda u: u[:layers], minimum.stack)
            return _steering.resting(first, max(depths))

        over = list(zip(self.horizons, depths, strict=True))
        found = [steered(start, *one) for one in over]
        ends = [rested(end, layers) for (end, _), layers in zip(found, depths, strict=True)]
        again = [steered(end, *one) for end, one in zip(ends[::-1], over, strict=True)]
        rows, values = [], []
        for pair in zip(found, again, strict=True):
            minimum, (times, losses, norms) = min(pair, key=lambda one: float(one[0].value))
            spent = (losses[1:] + losses[:-1]) / 2 + self.penalty * norms**2
            to_go = self.step * np.cumsum(spent[::-1])[::-1]
            rows.append((times[:-1], losses[:-1], norms, to_go))
            values.append(float(minimum.value))
        first, last = (round(t / self.step) for t in self.window)
        seen = slice(0, last + 1)
        late = slice(first, last + 1)
        return Measured(
            values=np.array(values),
            reach=np.array([(V / losses)[seen].max() for _, losses, _, V in rows]),
            loss_rates=np.array([observed_rate(t[late], x[late]).value for t, x, _, _ in rows]),
            norm_rates=np.array([observed_rate(t[late], u[late]).value for t, _, u, _ in rows]),
            times=rows[-1][0][seen],
            losses=rows[-1][1][seen],
            to_go=rows[-1][3][seen],
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The bound of the cost to go, the rates that it guarantees, and no constant with ``T``.

        By the proof ``V(t) <= V(0) exp(-t/C_R)`` wherever ``V <= C_R l``. With ``C_R`` of the same
        horizon that would hold for any control, so the one of the other horizon is taken. To go on
        from the end of the shorter horizon costs ``C_R l(x(T))`` at most, nothing to speak of: a
        hundredth is left for the search. The constant ``C`` of the theorem is about ``e^18`` times
        the loss, which would test nothing: it is the rates that are compared, over a window, where
        the theorem only leads one to expect them.
        """
        reach = measured.reach
        bound = measured.to_go[0] * np.exp(-measured.times / reach[0])
        return (
            Check(
                "largest cost to go over 2T / bound by C_R over T",
                float((measured.to_go / bound)[1:].max()),
                high=1,
            ),
            Check(
                "largest rate of the loss times C_R",
                float((measured.loss_rates * reach).max()),
                high=-1,
            ),
            Check(
                "largest rate of |u| times 2 C_R",
                float((2 * measured.norm_rates * reach).max()),
                high=-1,
            ),
            Check("C_R over 2T / over T", float(reach[1] / reach[0]), high=1.01),
            Check(
                "cost over 2T / over T", float(measured.values[1] / measured.values[0]), high=1.01
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """Loss and cost to go over depth, and the bound of the latter."""
        return Picture(
            measured.times,
            {"cost to go": measured.to_go, "loss": measured.losses},
            {
                "bound of the cost to go": measured.to_go[0]
                * np.exp(-measured.times / measured.reach[0])
            },
            xlabel="depth t",
            ylabel="cost",
            log="y",
        )
