"""The gradient flow: the claims of the chapter."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_course.claims._measure import slope
from resode_course.claims._regression import Regression
from resode_lib import training
from resode_lib._types import Array, Stack
from resode_lib.training import Trajectory

__all__ = ["BlowUp", "ClippedFlow", "Displacement", "LayerBound"]


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
