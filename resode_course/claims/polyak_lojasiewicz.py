"""The Polyak-Łojasiewicz inequality: the claims of the chapter."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_lib import stacks, training
from resode_lib._types import Array, Stack
from resode_lib.blocks import Linear
from resode_lib.training import Trajectory

__all__ = ["LocalPL", "PLDecay", "PLDescent", "PLGrowth", "decay_picture", "rates"]

Landscape = Callable[[Array], Array]
EPS = float(np.finfo(float).eps)


def wave(x: Array, height: float = 3.0) -> Array:
    """Return ``x^2 + b sin^2 x``: not convex for ``b > 1``, with the PL inequality up to 4.6."""
    return x**2 + height * jnp.sin(x) ** 2


def quartic(x: Array) -> Array:
    """Return ``x^4``: convex, and so flat at its minimum that no PL inequality holds."""
    return x**4


def parabola(x: Array) -> Array:
    """Return ``x^2``, for which the inequalities of the chapter are equalities, with PL 4."""
    return x**2


trap = partial(wave, height=10.0)
"""A wave with a minimum above zero."""

QUARTIC = "the wave → x⁴, which is convex; μ is still that of the wave"
TRAP = "the wave → x² + 10 sin²x, which has a minimum above zero; μ is still that of the wave"
TRAPPED = "There is a point without gradient and with a loss."


def constant(landscape: Landscape, end: float) -> float:
    """Return the smallest ``l'^2 / l`` on ``(0, end]``, by a fine grid."""
    x = jnp.linspace(1e-3, end, 4000)
    return float((jax.vmap(jax.grad(landscape))(x) ** 2 / landscape(x)).min())


def rates(times: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Return ``-log(loss(t) / loss(0)) / t`` for the times after the first."""
    return -np.log(losses[..., 1:] / losses[..., :1]) / times[1:]


def walk(loss: Callable[[Stack], Array], point: Array, times: np.ndarray) -> Trajectory:
    """Follow the gradient flow of a loss of the diagonal of one layer."""
    start = stacks.tied(Linear(jnp.diag(point)), 1)
    return training.gradient_flow(
        loss,
        start,
        times=jnp.asarray(times),
        record=lambda stack: jnp.diagonal(stack.theta[0]),
        tolerance=1e-12,
    )


def decay_picture(times: np.ndarray, losses: np.ndarray, mu: float) -> Picture:
    """The loss below the exponential that is promised."""
    return Picture(
        times,
        {"ℓ(t)": losses},
        {"exp(-μt) ℓ(0)": losses[0] * np.exp(-mu * times)},
        xlabel="time t",
        ylabel="loss",
        log="y",
    )


@dataclass(frozen=True)
class PLDecay(
    Claim,
    label="thm-pl-decay",
    source="Karimi, Nutini, Schmidt 2016; Marion, Wu, Sander, Biau 2023, Proposition 8",
):
    """Under ‖∇ℓ‖² ≥ μℓ the gradient flow has ℓ(t) ≤ exp(-μt) ℓ(0) and a path of finite length.

    The landscape x² + 3 sin²x, which is not convex, from 3 and up to time 20/μ. From every time on
    the path is at most 2 √(ℓ(t)/μ) long. μ is the smallest ratio on (0, 3], and the rate of decay
    is that from 0 to t, -log(ℓ(t)/ℓ(0))/t. The picture ends at 1e-12.
    """

    height: float = 3.0
    start: float = 3.0
    landscape: Landscape | None = None

    family: ClassVar = {"height": (0.5, 1.0, 2.0, 3.0), "start": (2.0, 3.0, 6.0)}
    controls: ClassVar = {
        "a flat minimum": Control(
            QUARTIC,
            fails=("smallest rate of decay / μ", "largest way left / bound"),
            why="Near its minimum the gradient is too small: slower than any exponential.",
            landscape=quartic,
        ),
        "a second minimum": Control(
            TRAP, fails="smallest rate of decay / μ", why=TRAPPED, landscape=trap
        ),
    }

    def run(self) -> Measured:
        """Take the constant from a grid, and follow the flow."""
        promised = partial(wave, height=self.height)
        landscape, mu = self.landscape or promised, constant(promised, self.start)
        times = np.linspace(0.0, 20 / mu, 161)
        path = walk(lambda stack: landscape(stack.theta[0, 0, 0]), jnp.array([self.start]), times)
        moves = np.abs(np.diff(np.asarray(path.records)[:, 0]))
        return Measured(
            mu=mu,
            times=times,
            losses=np.asarray(path.losses),
            left=np.append(moves[::-1].cumsum()[::-1], 0.0),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Decay and length, at all times; below 1e-20 the loss is rounding of the solver."""
        seen = measured.losses > 1e-20
        bound = 2 * np.sqrt(measured.losses[seen] / measured.mu)
        decay = rates(measured.times, measured.losses) / measured.mu
        return (
            Check("smallest rate of decay / μ", float(decay.min()), low=1),
            Check("largest way left / bound", float((measured.left[seen] / bound).max()), high=1),
        )

    def picture(self, measured: Measured) -> Picture:
        """The loss below its envelope."""
        shown = np.maximum(measured.losses, 1e-12)
        return decay_picture(measured.times, shown, measured.mu)


@dataclass(frozen=True)
class PLGrowth(Claim, label="prop-pl-growth", source="Karimi, Nutini, Schmidt 2016, Theorem 2"):
    """Under ‖∇ℓ‖² ≥ μℓ the loss is at least μ/4 times the squared distance to its zeros.

    The landscape x² + 3 sin²x, from 1e-4 to 10 around its zero, and x², for which there is
    equality.
    """

    height: float = 3.0
    landscape: Landscape | None = None

    family: ClassVar = {"height": (0.0, 0.5, 1.0, 2.0, 3.0, 4.0)}
    controls: ClassVar = {
        "a flat minimum": Control(
            QUARTIC,
            fails="smallest growth / (μ/4)",
            why="No zero of a loss with PL is flatter than that of a parabola.",
            landscape=quartic,
        )
    }

    def run(self) -> Measured:
        """Evaluate ``loss / dist^2`` and the constants on a grid, refined towards the zero."""
        x = jnp.asarray(np.geomspace(1e-4, 10, 2000))
        promised = partial(wave, height=self.height)

        def smallest(landscape: Landscape) -> float:
            return float((jax.vmap(jax.grad(landscape))(x) ** 2 / landscape(x)).min())

        return Measured(
            x=np.asarray(x),
            mu=smallest(promised),
            growth=np.asarray((self.landscape or promised)(x) / x**2),
            parabola=float((parabola(x) / x**2).min()) / (smallest(parabola) / 4),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The growth, and equality for the parabola; a few operations round by ``eps`` each."""
        ratio = float(measured.growth.min() / (measured.mu / 4))
        error = abs(measured.parabola - 1) / (10 * EPS)
        return (
            Check("smallest growth / (μ/4)", ratio, low=1 - 10 * EPS),
            Check("parabola: |growth / (μ/4) - 1| / rounding", error, high=1),
        )

    def picture(self, measured: Measured) -> Picture:
        """Loss over squared distance, above a quarter of the constant."""
        few = slice(None, None, 20)
        return Picture(
            measured.x[few],
            {"ℓ / dist²": measured.growth[few]},
            {"μ/4": np.full(len(measured.x[few]), measured.mu / 4)},
            xlabel="distance to the zero",
            ylabel="ℓ / dist²",
            lower=True,
        )


@dataclass(frozen=True)
class LocalPL(Claim, label="thm-local-pl", source="Chatterjee 2022; proved in the course"):
    """If PL holds on a ball of radius r and 4ℓ(0) < μr², the flow stays and converges in the ball.

    The loss (xy - 1)², zero on a hyperbola and with a saddle at the origin, from (1.6, 1) and up to
    time 20/μ. ‖∇ℓ‖²/ℓ = 4(x² + y²), so μ = 4(‖start‖ - r)² on the ball of radius r = 1. The rate of
    decay is that from 0 to t.
    """

    start: tuple[float, float] = (1.6, 1.0)
    radius: float = 1.0

    family: ClassVar = {
        "start": ((1.6, 1.0), (2.0, 0.7), (-1.5, -0.8), (1.2, 1.2), (0.5, 2.5)),
        "radius": (0.8, 1.0),
    }
    controls: ClassVar = {
        "a large loss at the start": Control(
            "the start (1.6, 1) → (0.9, -0.9), where 4ℓ(0) is 44 times μr²",
            fails=(
                "farthest from the start / r",
                "smallest rate of decay / μ",
            ),
            why="PL holds on the ball, but the flow leaves it and ends in the saddle, with loss 1.",
            start=(0.9, -0.9),
        )
    }

    def run(self) -> Measured:
        """Follow the flow from the centre of the ball."""
        mu = 4 * (np.linalg.norm(self.start) - self.radius) ** 2
        times = np.linspace(0.0, 20 / mu, 81)

        def loss(stack: Stack) -> Array:
            theta = stack.theta[0]
            return (theta[0, 0] * theta[1, 1] - 1) ** 2

        path = walk(loss, jnp.array(self.start), times)
        points = np.asarray(path.records)
        return Measured(
            mu=mu,
            times=times,
            losses=np.asarray(path.losses),
            far=np.linalg.norm(points - points[0], axis=1),
            left=np.linalg.norm(points - points[-1], axis=1),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Ball, decay and convergence.

        At the last time ``T`` the limit is at most ``r e^(-mu T / 2)`` away, 5e-5 of ``r``, which
        is added to the bound.
        """
        half = np.exp(-measured.mu * measured.times / 2)
        left = measured.left / (self.radius * (half + half[-1]))
        decay = rates(measured.times, measured.losses) / measured.mu
        return (
            Check("farthest from the start / r", float(measured.far.max() / self.radius), high=1),
            Check("smallest rate of decay / μ", float(decay.min()), low=1),
            Check("largest distance to the end / bound", float(left.max()), high=1),
        )

    def picture(self, measured: Measured) -> Picture:
        """The loss below its envelope."""
        shown = np.maximum(measured.losses, 1e-12)
        return decay_picture(measured.times, shown, measured.mu)


@dataclass(frozen=True)
class PLDescent(
    Claim,
    label="thm-pl-descent",
    source="Karimi, Nutini, Schmidt 2016, Theorem 1, in the convention without 1/2",
):
    """A step η < 2/β of gradient descent multiplies the loss by at most 1 - ημ(1 - βη/2).

    The landscape x² + 3 sin²x with β = 8: one step of each of nineteen lengths from 4000 points of
    [-10, 10]. For x² there is equality.
    """

    height: float = 3.0
    steps: tuple[float, ...] = tuple(np.arange(1, 20) / 10)  # in units of 1 / beta
    landscape: Landscape | None = None
    smoothness: float | None = None

    family: ClassVar = {"height": (0.0, 0.5, 1.0, 2.0, 3.0, 4.0)}
    controls: ClassVar = {
        "steps beyond 2/β": Control(
            "steps from 0.1/β to 1.9/β → from 2.1/β to 4/β",
            fails="largest factor minus guarantee",
            why="Where the landscape curves most a step overshoots to a larger loss.",
            steps=tuple(np.arange(21, 40) / 10),
        ),
        "a second minimum": Control(
            f"{TRAP}, but β = 22 is its own",
            fails="largest factor minus guarantee",
            why=TRAPPED,
            landscape=trap,
            smoothness=22.0,
        ),
    }

    def run(self) -> Measured:
        """Take every step from every point; the second derivative is at most ``2 + 2 b``."""
        promised = partial(wave, height=self.height)
        beta = self.smoothness or 2 + 2 * self.height
        x = jnp.linspace(-10, 10, 4000)  # not at zero
        mu = constant(promised, 10.0)
        eta = np.array(self.steps)

        def factors(landscape: Landscape, beta: float) -> np.ndarray:
            moved = x[None] - (eta[:, None] / beta) * jax.vmap(jax.grad(landscape))(x)[None]
            return np.asarray(landscape(moved) / landscape(x)[None]).max(axis=1)

        def guarantees(mu: float, beta: float) -> np.ndarray:
            return 1 - eta / beta * mu * (1 - eta / 2)

        exact = guarantees(4.0, 2.0)
        return Measured(
            factors=factors(self.landscape or promised, beta),
            guarantees=guarantees(mu, beta),
            parabola=np.abs(factors(parabola, 2.0) - exact) / np.maximum(exact, 1),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The guarantee for every step, and equality for the parabola; rounding is ``10 eps``.

        That of a factor above one is relative.
        """
        slack = float((measured.factors - measured.guarantees).max())
        error = float(measured.parabola.max() / (10 * EPS))
        return (
            Check("largest factor minus guarantee", slack, high=10 * EPS),
            Check("parabola: |factor - guarantee| / rounding", error, high=1),
        )

    def picture(self, measured: Measured) -> Picture:
        """The largest factor over all points, below the guarantee."""
        return Picture(
            self.steps,
            {"largest ℓ(θ⁺) / ℓ(θ)": measured.factors},
            {"1 - ημ(1 - βη/2)": measured.guarantees},
            xlabel="step η, in units of 1/β",
            ylabel="factor of the loss",
            log="",
        )
