"""Depth and training time to infinity: the claims of the chapter."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import exp, sqrt
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims import overparameterization
from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_course.claims._measure import guide, slope
from resode_course.claims.implicit_regularization import (
    Start,
    difference,
    distance,
    flow,
    layer_norms,
    movement,
    tied,
    trained_limit,
)
from resode_course.claims.polyak_lojasiewicz import decay_picture, rates
from resode_lib import continuous, stacks
from resode_lib._types import Array, Stack
from resode_lib.blocks import TwoLayer, gelu
from resode_lib.resnet import ResNet

__all__ = ["DoubleLimit", "LongTime", "UniformTime", "speed_constant"]

Points = Callable[[int, int, int], np.ndarray]


def speed_constant(model: ResNet, M: float) -> float:
    """Return ``c`` such that on the ball no array moves faster than ``c sqrt(loss)``, for tanh.

    ``c = 2 e^a (1 + M) max(K_2, sqrt(d))`` with the bound ``a`` on the derivative of the residual
    in the state and ``K_2 = 1 + M e^a (1 + M) / sqrt(m)`` on that in the weights.
    """
    W = np.asarray(model.stack.W[0])
    m, d = W.shape
    a = M * (np.linalg.norm(W, ord=2) + M) / sqrt(m * d)
    in_weights = 1 + M * exp(a) * (1 + M) / sqrt(m)
    return 2 * exp(a) * (1 + M) * max(in_weights, sqrt(d))


@dataclass(frozen=True)
class LongTime(
    Claim,
    label="thm-long-time",
    source="Marion, Wu, Sander, Biau 2023, Proposition 8; proved in the course",
):
    """If 2c √ℓ(0) < μM no layer leaves its ball of radius M, and weights converge at rate μ/2.

    The network of the theorem on a ball, which gives M and μ = 0.3 λ/n, here with four inputs in R⁶
    and four layers. All weights move, up to time 1/μ, and the targets have 0.9 of the size that the
    theorem admits.
    """

    samples: int = 4
    inputs: int = 6
    width: int = 7
    hidden: int = 64
    depth: int = 4
    part: float = 0.9
    size: float | None = None
    horizon: float = 1.0
    points: Points = overparameterization.directions

    family: ClassVar = {
        "samples": (3, 4),
        "inputs": (6, 7),
        "width": (8, 10),
        "depth": (1, 4, 8),
        "part": (0.3, 0.9),
    }
    controls: ClassVar = {
        "targets of size one": Control(
            "the size of the targets: 0.9 of what is admitted → 1, ten thousand times as much",
            fails="farthest layer from its start / M",
            why="The flow leaves the ball. The loss decays all the same: the theorem is "
            "sufficient, not necessary.",
            size=1.0,
        ),
        "one input twice": Control(
            overparameterization.TWICE + "; M and μ as before",
            fails="smallest rate of decay / μ",
            why="The PL inequality fails: nothing fits two targets at one input.",
            points=overparameterization.duplicated,
        ),
    }

    def ball(self) -> overparameterization.PLBall:
        """Return the claim that gives radius and constant."""
        return overparameterization.PLBall(
            seed=self.seed,
            samples=self.samples,
            inputs=self.inputs,
            width=self.width,
            hidden=self.hidden,
        )

    def run(self) -> Measured:
        """Take radius and constant from the proof, scale the targets, follow the flow."""
        ball, n = self.ball(), self.samples
        model, x = ball.start(self.depth), ball.data(self.points)
        M, least = ball.ball()
        mu, c = 0.3 * least / n, speed_constant(model, M)
        allowed = mu * M / (2 * c)
        size = self.part * allowed if self.size is None else self.size
        vector = overparameterization.bottom(overparameterization.first_features(model, x))[2]
        y = size * sqrt(n) * jnp.asarray(vector[:, None])

        times = np.linspace(0, self.horizon / mu, 31)
        # The weights move by less than 1e-5.
        walk = flow(tuple(times), 1e-12)(model, jnp.asarray(x), y)
        return Measured(
            mu=mu,
            c=c,
            radius=M,
            allowed=allowed,
            times=times,
            losses=np.asarray(walk.losses),
            speeds=np.asarray(jax.vmap(layer_norms)(walk.records[1])).max(axis=1),
            moves=moved(walk.records[0], 0),
            lefts=moved(walk.records[0], -1),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The ball, and items 1 to 3 at all times.

        Up to the last time ``T`` a layer is left no more than the integral of the speeds' bound,
        ``(2 c / mu) sqrt(loss(0)) (e^(-mu t / 2) - e^(-mu T / 2))``.
        """
        size, half = sqrt(measured.losses[0]), np.exp(-measured.mu * measured.times / 2)
        speed = measured.c * size * half
        left = 2 * measured.c / measured.mu * size * (half - half[-1])
        decay = rates(measured.times, measured.losses) / measured.mu
        farthest = measured.moves.max() / measured.radius
        way = measured.lefts[:-1] / left[:-1]  # at the last time both are zero
        return (
            Check("farthest layer from its start / M", float(farthest), high=1),
            Check("smallest rate of decay / μ", float(decay.min()), low=1),
            Check("largest speed / bound", float((measured.speeds / speed).max()), high=1),
            Check("largest way left / bound", float(way.max()), high=1),
        )

    def picture(self, measured: Measured) -> Picture:
        """The loss below its envelope."""
        return decay_picture(measured.times, measured.losses, measured.mu)


def moved(models: ResNet, since: int) -> np.ndarray:
    """Return at all times how far the farthest array is from where it was, or will be."""
    fixed = jax.tree.map(lambda leaf: leaf[since], models)
    far = jax.vmap(lambda model: layer_norms(difference(model, fixed)).max())
    return np.asarray(far(models))


def networks(claim: "UniformTime", times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of trained linear networks in width one, and of their limit.

    All layers share one weight ``w``, the network is ``u = (1 + w/L)^L`` or ``exp(w)``, the loss
    ``(u - target)^2``; so ``dw/dt = -2 (u - target) u / (1 + w/L)``.
    """

    def walk(inverse: Array) -> Array:
        def field(t: Array, w: Array) -> Array:
            # log(u) = L log(1 + w/L), and w for infinite depth; the divisor is never zero.
            divisor = jnp.where(inverse > 0, inverse, 1.0)
            u = jnp.exp(jnp.where(inverse > 0, jnp.log1p(w * inverse) / divisor, w))
            return -2 * (u - claim.target) * u / (1 + w * inverse)

        return continuous.solve(field, jnp.zeros(1), times=jnp.asarray(times))[:, 0]

    walks = np.asarray(jax.vmap(walk)(jnp.array([*(1 / depth for depth in claim.depths), 0.0])))
    depths = np.array(claim.depths)
    ends = np.append(depths * (claim.target ** (1 / depths) - 1), np.log(claim.target))
    return walks, ends


def runaways(claim: "UniformTime", times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ``min(t/L, 1)`` and its limit 0: speeds are below ``1/t``, which has no integral."""
    walks = [np.minimum(times / depth, 1) for depth in claim.depths]
    return np.array([*walks, 0 * times]), np.append(np.ones(len(walks)), 0.0)


@dataclass(frozen=True)
class UniformTime(
    Claim,
    label="prop-uniform-time",
    source="Marion, Wu, Sander, Biau 2023, Propositions 9 and 15; proved in the course",
):
    """If all speeds are below one integrable b(t), limits in depth and time may be exchanged.

    Linear networks of width one, trained to the target 2, beside the flow of their limit. All
    speeds are below b(t) = 2·2(2-1) exp(-2t), and where every depth ends is known. For these
    networks PL holds with one constant for all targets, so distances fall like 1/L, which the
    proposition by itself does not say.
    """

    target: float = 2.0
    depths: tuple[int, ...] = (4, 8, 16, 32)
    curves: Callable[["UniformTime", np.ndarray], tuple[np.ndarray, np.ndarray]] = networks

    family: ClassVar = {"target": (0.5, 0.8, 1.3, 2.0, 5.0, 20.0)}
    controls: ClassVar = {
        "speeds without an integrable bound": Control(
            "the trained weights → min(t/L, 1), whose speeds are below 1/t",
            fails=(
                "largest distance to the end / integral of b",
                "slope of the largest distance over times",
                "slope of the distance to the double limit at t = L",
            ),
            why="At every time the limit in depth is 0, at every depth the limit in time is 1.",
            curves=runaways,
        )
    }

    def tail(self, times: np.ndarray) -> np.ndarray:
        """Return the integral of ``b`` from ``t`` on, ``b = 2 |T - 1| a exp(-2 r^2 t)``.

        With the target ``T``, ``a = max(T, 1)`` and ``r = min(T, 1)``: ``u`` stays between 1 and
        ``T``, so ``g = u / (1 + w/L)`` between ``r`` and ``a``, and ``u - T`` obeys
        ``d/dt (u - T) = -2 g^2 (u - T)``, where ``dw/dt = -2 (u - T) g``.
        """
        a, r = max(self.target, 1), min(self.target, 1)
        return abs(self.target - 1) * a / r**2 * np.exp(-2 * r**2 * times)

    def run(self) -> Measured:
        """Follow every depth and the limit."""
        times = np.linspace(0, 40, 401)
        walks, ends = self.curves(self, times)
        return Measured(times=times, walks=walks, ends=ends)

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Item 1 with its explicit tail, and item 2 for all times at once and along t = L.

        The tail is compared as long as it is far above the solver's tolerance, 1e-11. PL holds with
        one constant for all targets here, so the distances fall like ``1/L``.
        """
        tail = self.tail(measured.times)
        seen = tail > 1e-8
        left = np.abs(measured.walks - measured.ends[:, None])[:, seen] / tail[seen]
        gaps = np.abs(measured.walks[:-1] - measured.walks[-1])
        places = np.searchsorted(measured.times, np.array(self.depths) - 1e-9)
        diagonal = np.abs(measured.walks[np.arange(len(gaps)), places] - measured.ends[-1])
        return (
            Check("largest distance to the end / integral of b", float(left.max()), high=1),
            Check(
                "slope of the largest distance over times",
                slope(self.depths, gaps.max(axis=1)),
                high=-0.9,
            ),
            Check(
                "slope of the distance to the double limit at t = L",
                slope(self.depths, diagonal),
                high=-0.9,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """The largest distance over times beside the rate."""
        gaps = np.abs(measured.walks[:-1] - measured.walks[-1]).max(axis=1)
        line = guide(self.depths, gaps)
        return Picture(
            self.depths,
            {"largest distance over times": gaps},
            {"rate 1/L": line},
            ylabel="distance to the limit",
        )


def simplex(samples: int, inputs: int, seed: int) -> np.ndarray:
    """Return the ``inputs + 1`` corners of a regular simplex, unit vectors, randomly turned."""
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((inputs, inputs)))[0]
    corners = np.linalg.svd(np.eye(samples) - 1 / samples)[0][:, :inputs]
    return corners @ turn * sqrt(samples / inputs)


def simplex_twice(samples: int, inputs: int, seed: int) -> np.ndarray:
    """Return the same with the first corner given twice."""
    points = simplex(samples, inputs, seed)
    points[1] = points[0]
    return points


@dataclass(frozen=True)
class DoubleLimit(
    Claim,
    label="thm-double-limit",
    source="Marion, Wu, Sander, Biau 2023, Proposition 8 and Theorem 6",
):
    """Under a PL inequality uniform in depth, trained networks converge in depth and time together.

    The losses of all depths lie under one exponential, increments stay O(1/L) for all times, and
    the limit interpolates. Four inputs in R³, the corners of a regular simplex, whose sum is zero.
    The sum of the targets is not, so that no linear map fits them: GELU layers of 32 neurons do.
    All weights move, up to time 1.5/μ, where μ is a quarter of the PL constant at the start. The
    targets are larger than the explicit constants admit, or no layer would move by more than 1e-6:
    PL on a ball is assumed. Movements θ(t) - θ(0) are compared, since independent layers have
    increments of size one from the start; the limit is always that of equal layers.
    """

    inputs: int = 3
    width: int = 4
    hidden: int = 32
    size: float = 0.5
    horizon: float = 1.5
    depths: tuple[int, ...] = (4, 8, 16, 32)
    points: Points = simplex
    start: Start = tied

    family: ClassVar = {
        "inputs": (2, 3),
        "width": (4, 6),
        "hidden": (32, 48),
        "size": (0.2, 0.5, 1.0),
    }
    controls: ClassVar = {
        "one input twice": Control(
            overparameterization.TWICE,
            fails=("smallest rate of decay / μ", "loss of the limit at the end / exp(-μT)"),
            why="No μ above zero is left: the loss stalls, and the limit does not interpolate.",
            points=simplex_twice,
        ),
        "independent layers": Control(
            "one inner matrix for all layers → one for each",
            fails=(
                "slope of the largest increment of the movement",
                "slope of the largest distance to the limit",
            ),
            why="The losses decay all the same. But each layer moves as its own matrix says, and "
            "neighbours part: no function of depth is near.",
            start=stacks.iid,
        ),
    }

    def run(self) -> Measured:
        """Follow the flow of each network, and of the limit, which is solved without layers."""
        n, key = self.inputs + 1, jax.random.key(self.seed)
        draw = partial(
            TwoLayer.gaussian,
            width=self.width,
            hidden=self.hidden,
            outer_scale=0.0,
            activation=gelu,
        )
        W, u = np.asarray(draw(key).W[...]), simplex(n, self.inputs, self.seed)
        S = np.asarray(gelu(jnp.asarray(u @ W[:, : self.inputs].T)))
        gram = S @ S.T / self.hidden + 2 * self.width * u @ u.T  # of layers, and of both ends
        mu = np.linalg.eigvalsh(gram)[0] / n  # the constant at the start is four times as large
        y = self.size * jnp.ones((n, 1)).at[1].set(-1.0)
        x = jnp.asarray(self.points(n, self.inputs, self.seed) * sqrt(self.width))
        times = np.linspace(0, self.horizon / mu, 25)
        ends = jnp.eye(self.width, self.inputs), jnp.eye(1, self.width, k=self.width - 1)

        def model(stack: Stack) -> ResNet:
            return ResNet(ends[0], stack, ends[1])

        smooth = stacks.tied(draw(key), 1)
        limit = trained_limit(tuple(times), 1e-7)(model(smooth), x, y)
        follow = flow(tuple(times), 1e-7)
        walks = [follow(model(self.start(draw, key, depth)), x, y) for depth in self.depths]
        return Measured(
            mu=mu,
            times=times,
            losses=np.array([walk.losses for walk in walks]),
            limit_losses=np.asarray(limit.losses),
            distances=np.array([distance(walk.records[0], limit) for walk in walks]),
            increments=np.array([roughness(walk.records[0]) for walk in walks]),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Items 1 to 3; a tenth is left for finite depths."""
        decay = rates(measured.times, measured.losses) / measured.mu
        end = measured.limit_losses[-1] / measured.limit_losses[0]
        return (
            Check("smallest rate of decay / μ", float(decay.min()), low=1),
            Check(
                "slope of the largest increment of the movement",
                slope(self.depths, measured.increments),
                high=-0.9,
            ),
            Check(
                "slope of the largest distance to the limit",
                slope(self.depths, measured.distances),
                high=-0.9,
            ),
            Check(
                "loss of the limit at the end / exp(-μT)",
                float(end / exp(-measured.mu * measured.times[-1])),
                high=1,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """Distance and increments, largest over all times, beside the rate."""
        line = guide(self.depths, measured.distances)
        return Picture(
            self.depths,
            {"distance to the limit": measured.distances, "increments": measured.increments},
            {"rate 1/L": line},
            ylabel="largest over time",
        )


def roughness(models: ResNet) -> float:
    """Return the largest increment in depth of the movement, over all times."""
    norms = jax.vmap(stacks.increments)(movement(models).stack)
    return float(jnp.sqrt(sum(leaf**2 for leaf in jax.tree.leaves(norms)).max()))
