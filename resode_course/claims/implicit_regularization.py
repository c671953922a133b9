"""Implicit regularization in depth: the claims of the chapter."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from math import sqrt
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_course.claims._measure import guide, slope
from resode_lib import continuous, diagnostics, resnet, stacks, training
from resode_lib._types import Array, Block, Key, Stack, State
from resode_lib.blocks import TwoLayer, gelu
from resode_lib.continuous import TrainingLimit
from resode_lib.resnet import ResNet
from resode_lib.training import Trajectory

__all__ = [
    "AdamAndNoise",
    "GrowthInTime",
    "Increments",
    "LossIsBlind",
    "Refinement",
    "ReluIncrements",
    "TrainedLimit",
    "TwoNorms",
    "deep_slope",
    "difference",
    "distance",
    "flow",
    "layer_norms",
    "movement",
    "tied",
    "trained_limit",
]

Draw = Callable[[Key], Block]
Start = Callable[[Draw, Key, int], Stack]
"""From what draws a layer, a key and a depth to the weights at the start."""

DOUBLINGS = (16, 32, 64, 128)
EVERY = 20  # steps between records


def tied(draw: Draw, key: Key, depth: int) -> Stack:
    """Return the same layer everywhere: the smooth start of the theory."""
    return stacks.tied(draw(key), depth)


def smooth(draw: Draw, key: Key, depth: int) -> Stack:
    """Return slices of Gaussian processes in depth."""
    return stacks.sample(stacks.gaussian_process(draw, key, length_scale=0.3), depth)


def loss_on(x: Array, y: Array) -> Callable[[Stack], Array]:
    """Return the mean squared error of the network without embedding and readout."""
    return lambda stack: training.mean_squared_error(resnet.forward(stack, x), y)


@cache  # the same runs serve several claims
def _trained(problem: "Regression", key: int, start: Start, depth: int) -> Trajectory:
    keys = jax.random.split(jax.random.key(key))
    stack = start(problem.draw, keys[0], depth)
    return _descend(stack, *problem.pairs(key), problem.steps)


@partial(jax.jit, static_argnames="steps")  # one program for all starts of a depth
def _descend(stack: Stack, x: Array, y: Array, steps: int) -> Trajectory:
    return training.gradient_descent(
        loss_on(x, y), stack, rate=0.1, steps=steps, every=EVERY, record=lambda stack: stack
    )


@dataclass(frozen=True)
class Regression:
    """Gaussian pairs, and two-layer tanh networks that start at the identity and fit them."""

    width: int = 8
    hidden: int = 32
    samples: int = 5
    steps: int = 300

    def draw(self, key: Key) -> Block:
        """Draw one layer with ``V = 0`` and a Gaussian ``W``."""
        return TwoLayer.gaussian(key, width=self.width, hidden=self.hidden, outer_scale=0.0)

    def pairs(self, seed: int) -> tuple[Array, Array]:
        """Return Gaussian inputs and targets, shape (n, d) each."""
        shape = (2, self.samples, self.width)
        x, y = jax.random.normal(jax.random.split(jax.random.key(seed))[1], shape)
        return x, y

    def train(self, seed: int, start: Start, depth: int) -> Trajectory:
        """Train by gradient descent, a surrogate of the flow, and record all weights."""
        problem = Regression(self.width, self.hidden, self.samples, self.steps)
        return _trained(problem, seed, start, depth)


FAMILY = {"width": (8, 10, 12), "hidden": (24, 32, 48), "samples": (4, 5)}
INDEPENDENT = "one inner matrix for all layers → one for each"
PARTED = "Smoothness is inherited, not created: neighbours with other matrices get other gradients."


def deep_slope(depths: Sequence[int], values: np.ndarray) -> float:
    """Return the slope between the two deepest networks.

    A quantity ``(K + c/L) / L`` has the slope -1 with an error of ``c / (K L)`` there, while all
    depths together show that of the shallowest.
    """
    return float(np.log(values[-1] / values[-2]) / np.log(depths[-1] / depths[-2]))


def increments(run: Trajectory) -> np.ndarray:
    """Return ``||theta_{k+1} - theta_k||`` over both arrays, shape (times, L - 1)."""
    squares = [leaf**2 for leaf in jax.tree.leaves(jax.vmap(stacks.increments)(run.records))]
    return np.sqrt(np.asarray(sum(squares)))


@dataclass(frozen=True)
class Increments(
    Regression,
    Claim,
    label="prop-increments",
    source="Marion, Wu, Sander, Biau 2023, Propositions 3 and 7",
):
    """From a smooth start, neighbouring layers differ by O(1/L) all through training.

    Gaussian regression: five pairs in R⁸, tanh layers of 32 neurons, no clipping, up to time 30,
    when the network fits. The largest increment over all layers and times.
    """

    depths: tuple[int, ...] = DOUBLINGS
    start: Start = tied

    family: ClassVar = FAMILY | {"start": (tied, smooth)}
    controls: ClassVar = {
        "independent layers": Control(
            INDEPENDENT, fails="slope of the largest increment", why=PARTED, start=stacks.iid
        )
    }

    def run(self) -> Measured:
        """Train one network per depth."""
        runs = [self.train(self.seed, self.start, depth) for depth in self.depths]
        return Measured(largest=np.array([increments(run).max() for run in runs]))

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Falling like ``1/L`` or faster; a tenth is left for finite depths."""
        rate = deep_slope(self.depths, measured.largest)
        return (Check("slope of the largest increment", rate, high=-0.9),)

    def picture(self, measured: Measured) -> Picture:
        """The increments beside the rate."""
        line = guide(self.depths, measured.largest)
        return Picture(
            self.depths,
            {"largest increment": measured.largest},
            {"rate 1/L": line},
            ylabel="max ‖θ_{k+1} - θ_k‖",
        )


@dataclass(frozen=True)
class GrowthInTime(
    Regression,
    Claim,
    label="obs-growth-in-time",
    source="measured; Proposition 3 of Marion, Wu, Sander, Biau 2023 bounds it by exp(alpha T)",
    kind="finding",
):
    """How rough weights are, L max ‖θ_{k+1} - θ_k‖, grows with training time and not with depth.

    The networks of the check of increments in depth, from time 2 to time 30.
    """

    depths: tuple[int, ...] = (32, 128)
    start: Start = tied

    family: ClassVar = FAMILY
    controls: ClassVar = {
        "independent layers": Control(
            INDEPENDENT, fails="K(t), deep over shallow", why=PARTED, start=stacks.iid
        )
    }

    def run(self) -> Measured:
        """Read the largest increment at each recorded time after the start."""
        runs = [self.train(self.seed, self.start, depth) for depth in self.depths]
        rough = [
            depth * increments(run).max(axis=1)
            for depth, run in zip(self.depths, runs, strict=True)
        ]
        return Measured(times=np.asarray(runs[0].times)[1:], lipschitz=np.array(rough)[:, 1:])

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The same curve at both depths, up to a tenth for finite ones, and it grows tenfold."""
        shallow, deep = measured.lipschitz
        ratio = np.exp(np.abs(np.log(deep / shallow)).max())
        return (
            Check("K(t), deep over shallow", float(ratio), high=1.1),
            Check("K(end) / K(2)", float(deep[-1] / deep[0]), low=10),
        )

    def picture(self, measured: Measured) -> Picture:
        """The curves of both depths."""
        names = [f"L = {depth}" for depth in self.depths]
        return Picture(
            measured.times,
            dict(zip(names, measured.lipschitz, strict=True)),
            xlabel="training time t",
            ylabel="K(t)",
            log="y",
        )


def layer_norms(model: ResNet) -> Array:
    """Return the norms of ``A``, ``B`` and every layer, in one array."""
    layers = jnp.sqrt(sum(norm**2 for norm in jax.tree.leaves(stacks.norms(model.stack))))
    ends = jnp.stack([jnp.linalg.norm(end) for end in (model.A[...], model.B[...])])
    return jnp.concatenate([ends, layers])


def difference(one: ResNet, other: ResNet) -> ResNet:
    """Return ``one - other``."""
    return jax.tree.map(lambda a, b: a - b, one, other)


def movement(models: ResNet) -> ResNet:
    """Return how far a model is from where it was at the first time."""
    return jax.tree.map(lambda leaf: leaf - leaf[:1], models)


@cache  # controls share one program
def flow(times: tuple[float, ...], tolerance: float) -> Callable[..., Trajectory]:
    """Return the gradient flow of a model on data; it records models and gradients."""
    seen = np.array(times)

    def walk(model: ResNet, x: Array, y: Array) -> Trajectory:
        def loss(now: ResNet) -> Array:
            return training.mean_squared_error(now(x), y)

        return training.gradient_flow(
            loss,
            model,
            times=seen,
            record=lambda now: (now, training.depth_gradient(loss, now)[1]),
            tolerance=tolerance,
        )

    return jax.jit(walk)


@cache  # controls share one program
def trained_limit(times: tuple[float, ...], tolerance: float) -> Callable[..., TrainingLimit]:
    """Return the limit of `flow` for infinite depth, from a network of equal layers."""
    seen = np.array(times)

    def solve(model: ResNet, x: Array, y: Array) -> TrainingLimit:
        path = stacks.piecewise_constant(model.stack)
        return continuous.training_limit(model, path, x, y, times=seen, tolerance=tolerance)

    return jax.jit(solve)


def distance(models: ResNet, limit: TrainingLimit) -> float:
    """Return the largest distance of ``A``, ``B`` or a layer to the limit, over all times.

    Movements are compared, so that a start other than the limit's counts for nothing by itself.
    """
    depth = models.stack.V[...].shape[1]
    sampled = limit.sample(depth)
    there = jax.vmap(ResNet)(limit.models.A[...], sampled, limit.models.B[...])
    return float(jax.vmap(layer_norms)(difference(movement(models), movement(there))).max())


@dataclass(frozen=True)
class TrainedLimit(
    Claim,
    label="thm-trained-limit",
    source="Marion, Wu, Sander, Biau 2023, Theorem 4; the rate is proved in the course",
):
    """Up to any time, trained networks converge to a system in continuous depth at rate 1/L.

    Ten Gaussian pairs in R², width 4, tanh layers of 8 neurons; A, B and all layers move, up to
    time 2. The limit is solved without layers, by polynomials in depth.
    """

    inputs: int = 2
    width: int = 4
    hidden: int = 8
    samples: int = 10
    depths: tuple[int, ...] = (8, 16, 32, 64)
    times: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0)
    start: Start = tied

    family: ClassVar = {"width": (4, 6), "hidden": (8, 16), "samples": (5, 10)}
    controls: ClassVar = {
        "independent layers": Control(
            INDEPENDENT,
            fails="slope of the distance of the movements",
            why="The outer weights start at zero in both, but a layer with another W moves another "
            "way: no depth comes nearer to the limit of equal layers.",
            start=stacks.iid,
        )
    }

    def run(self) -> Measured:
        """Solve the gradient flow of each network and compare it with the limit."""
        key, data = jax.random.split(jax.random.key(self.seed))
        x, y = jax.random.normal(data, (2, self.samples, self.inputs))
        draw = partial(TwoLayer.gaussian, width=self.width, hidden=self.hidden, outer_scale=0.0)
        A = jnp.eye(self.width, self.inputs)
        B = jnp.eye(self.inputs, self.width, k=self.width - self.inputs)
        limit = trained_limit(self.times, 1e-9)(ResNet(A, tied(draw, key, 1), B), x, y)
        follow = flow(self.times, 1e-9)
        walks = [follow(ResNet(A, self.start(draw, key, L), B), x, y) for L in self.depths]
        gaps = [np.abs(walk.losses - limit.losses).max() for walk in walks]
        return Measured(
            weights=np.array([distance(walk.records[0], limit) for walk in walks]),
            losses=np.array(gaps),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Both distances fall like ``1/L`` or faster; a tenth is left for finite depths."""
        names = {"movements": measured.weights, "losses": measured.losses}
        return tuple(
            Check(f"slope of the distance of the {name}", slope(self.depths, gaps), high=-0.9)
            for name, gaps in names.items()
        )

    def picture(self, measured: Measured) -> Picture:
        """The distances beside the rate."""
        line = guide(self.depths, measured.weights)
        return Picture(
            self.depths,
            {"weights": measured.weights, "loss": measured.losses},
            {"rate 1/L": line},
            ylabel="distance to the limit",
        )


class Scalar(nnx.Module):
    """The residual ``f(h) = sigma(w h)`` of a network of width one."""

    def __init__(self, w: Array, *, activation: Callable[[Array], Array]):
        self.w = nnx.Param(w)
        self.activation = activation

    def __call__(self, h: State) -> State:
        """Return ``sigma(w h)``."""
        return self.activation(self.w[...] * h)


@dataclass(frozen=True)
class ReluIncrements(
    Claim, label="prop-relu-increments", source="Marion, Wu, Sander, Biau 2023, Appendix D"
):
    """With ReLU, increments of order 1/L at the start can end above 2 log C at every depth.

    Width one, weights ± 1/L at the start, asked to map 1 to C = 2. Training goes on until the loss
    is rounding.
    """

    target: float = 2.0
    depths: tuple[int, ...] = DOUBLINGS
    activation: Callable[[Array], Array] = jax.nn.relu
    rate: float = 0.1
    steps: int = 2000

    family: ClassVar = {"target": (1.2, 1.5, 2.0, 2.5, 3.0)}
    controls: ClassVar = {
        "a smooth activation": Control(
            "ReLU → GELU",
            fails=("largest distance to the closed form", "smallest increment / (2 log C)"),
            why="Neighbours get nearly the same gradient again, and stay close.",
            activation=gelu,
        )
    }

    def run(self) -> Measured:
        """Measure, and evaluate ``L (C^(2/L) - 1) + 1/L``."""
        depths = np.array(self.depths)
        exact = depths * (self.target ** (2 / depths) - 1) + 1 / depths
        return Measured(exact=exact, largest=np.array([self._increment(L) for L in self.depths]))

    def _increment(self, depth: int) -> float:
        """Train from alternating weights; return the largest final increment in depth."""
        signs = jnp.where(jnp.arange(1, depth + 1) % 2, -1.0, 1.0)
        stack = jax.vmap(lambda w: Scalar(w, activation=self.activation))(signs / depth)
        run = training.gradient_descent(
            lambda stack: jnp.sum((resnet.forward(stack, jnp.ones(1)) - self.target) ** 2),
            stack,
            rate=self.rate,
            steps=self.steps,
            every=self.steps,
        )
        return float(stacks.increments(run.parameters).w[...].max())

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The closed form, and never below its limit; the loss has long been at rounding."""
        error = np.abs(measured.largest - measured.exact).max()
        least = measured.largest.min() / (2 * np.log(self.target))
        return (
            Check("largest distance to the closed form", float(error), high=1e-9),
            Check("smallest increment / (2 log C)", float(least), low=1),
        )

    def picture(self, measured: Measured) -> Picture:
        """The increments above their bound."""
        return Picture(
            self.depths,
            {"largest final increment": measured.largest},
            {"2 log C": np.full(len(self.depths), 2 * np.log(self.target))},
            ylabel="max |w_{k+1} - w_k|",
            log="xy",
            lower=True,
        )


class Silenced(nnx.Module):
    """A two-layer tanh residual whose hidden neurons are multiplied by ``mask``, (samples, m)."""

    def __init__(self, V: Array, W: Array, mask: Array):
        self.V = nnx.Param(V)
        self.W = nnx.Param(W)
        self.mask = nnx.Param(mask)

    def __call__(self, h: State) -> State:
        """Return ``V (mask tanh(W h / sqrt(d))) / sqrt(m)``."""
        V, W = self.V[...], self.W[...]
        m, d = W.shape
        return (self.mask[...] * jnp.tanh(h @ W.T / sqrt(d))) @ V.T / sqrt(m)


Masks = Callable[[Key, tuple[int, int, int]], Array]
"""From a key and (L, samples, m) to what multiplies each hidden neuron."""

KEPT = 0.9


def of_each_layer(key: Key, shape: tuple[int, int, int]) -> Array:
    """Silence a tenth of the neurons, in each layer others."""
    return jax.random.bernoulli(key, KEPT, shape) / KEPT


def of_all_layers(key: Key, shape: tuple[int, int, int]) -> Array:
    """Silence a tenth of the neurons, in all layers the same."""
    return jnp.broadcast_to(jax.random.bernoulli(key, KEPT, shape[1:]) / KEPT, shape)


def adam() -> optax.GradientTransformation:
    """Return Adam with its usual epsilon, 1e-8."""
    return optax.adam(0.01)


def gentle_adam() -> optax.GradientTransformation:
    """Return Adam with the epsilon 0.1: above the entries of the gradient it is descent."""
    return optax.adam(0.01, eps=0.1)


def descent() -> optax.GradientTransformation:
    """Return gradient descent."""
    return optax.sgd(0.1)


@cache  # controls share runs
def _largest_increment(
    problem: Regression,
    seed: int,
    depth: int,
    optimizer: Callable[[], optax.GradientTransformation],
    masks: Masks | None,
) -> float:
    """Train from tied layers; return the largest increment in depth at the end."""
    keys = jax.random.split(jax.random.key(seed))
    x, y = problem.pairs(seed)

    def loss(stack: Stack, key: Key) -> Array:
        if masks is not None:
            drawn = masks(key, (depth, problem.samples, problem.hidden))
            stack = jax.vmap(Silenced)(stack.V[...], stack.W[...], drawn)
        return loss_on(x, y)(stack)

    run = training.optimise(
        loss,
        tied(problem.draw, keys[0], depth),
        optimizer(),
        steps=problem.steps,
        key=keys[1],
        every=problem.steps,
    )
    return float(diagnostics.depth_lipschitz(run.parameters) / depth)


@dataclass(frozen=True)
class AdamAndNoise(
    Regression, Claim, label="obs-adam-and-noise", source="measured", kind="finding"
):
    """Adam, or noise of each layer's own, leaves increments that fall more slowly than 1/L.

    Noise always, Adam in 18 of 20 settings: it depends on the draw how long a gradient changes its
    sign between the same two layers. The tied networks and the data of the claim on increments.
    300 steps of Adam with rate 0.01, compared with 300 steps of gradient descent; and such steps in
    which each layer silences a tenth of its hidden neurons, drawn anew in every step and for every
    sample. The largest increment at the end.
    """

    depths: tuple[int, ...] = (8, 24, 80, 256)
    optimizer: Callable[[], optax.GradientTransformation] = adam
    masks: Masks = of_each_layer

    family: ClassVar = FAMILY
    controls: ClassVar = {
        "a large epsilon": Control(
            "the epsilon of Adam 1e-8 → 0.1",
            fails="Adam: slope of the largest increment, over that of descent",
            why="g / (|g| + ε) is Lipschitz with the constant 1/ε: neighbours that get nearly the "
            "same gradient take nearly the same step.",
            optimizer=gentle_adam,
        ),
        "gradient descent": Control(
            "Adam → gradient descent",
            fails="Adam: slope of the largest increment, over that of descent",
            why="This is the setting of the theorem, in steps.",
            optimizer=descent,
        ),
        "one draw for all layers": Control(
            "neurons silenced in each layer by itself → in all layers the same",
            fails="noise: slope of the largest increment",
            why="The gradient is as noisy as before. But neighbours get the same noise.",
            masks=of_all_layers,
        ),
    }

    def run(self) -> Measured:
        """Train with the optimiser, and by noisy gradient descent, at each depth."""
        problem = Regression(self.width, self.hidden, self.samples, self.steps)
        train = partial(_largest_increment, problem, self.seed)
        return Measured(
            adam=np.array([train(depth, self.optimizer, None) for depth in self.depths]),
            descent=np.array([train(depth, descent, None) for depth in self.depths]),
            noise=np.array([train(depth, descent, self.masks) for depth in self.depths]),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """By more than the tenth that finite depths take from -1; with noise nearer to 0."""
        by_adam, by_descent, with_noise = (
            slope(self.depths, values)
            for values in (measured.adam, measured.descent, measured.noise)
        )
        return (
            Check(
                "Adam: slope of the largest increment, over that of descent",
                by_adam - by_descent,
                low=0.1,
            ),
            Check("noise: slope of the largest increment", with_noise, low=-0.5),
        )

    def picture(self, measured: Measured) -> Picture:
        """All three increments."""
        return Picture(
            self.depths,
            {
                "the optimiser": measured.adam,
                "noise": measured.noise,
                "gradient descent": measured.descent,
            },
            ylabel="max ‖θ_{k+1} - θ_k‖",
        )


@dataclass(frozen=True)
class Refinement(
    Regression,
    Claim,
    label="cor-refinement",
    source="the course, from Propositions 3 and 11 of Marion, Wu, Sander, Biau 2023",
):
    """Doubling the layers of a trained network by linear interpolation changes it by O(1/L).

    The networks of the check of increments in depth at time 30, from tied layers and from slices of
    a smooth path. Outputs on the training inputs.
    """

    depths: tuple[int, ...] = DOUBLINGS
    starts: tuple[Start, ...] = (tied, smooth)

    family: ClassVar = FAMILY
    controls: ClassVar = {
        "independent layers": Control(
            "both smooth starts → independent layers",
            fails="largest slope of the change of the outputs",
            why="Between two unrelated layers the interpolation is a third one.",
            starts=(stacks.iid,),
        )
    }

    def run(self) -> Measured:
        """Train, interpolate, evaluate again."""
        x, _ = self.pairs(self.seed)

        @jax.jit
        def change(stack: Stack) -> Array:
            finer = stacks.resample(stack, 2 * stacks.depth(stack))
            gaps = resnet.forward(finer, x) - resnet.forward(stack, x)
            return jnp.linalg.norm(gaps, axis=-1).max()

        changes = np.array(
            [
                [change(self.train(self.seed, start, depth).parameters) for depth in self.depths]
                for start in self.starts
            ]
        )
        return Measured(changes=changes)

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The change falls like ``1/L`` or faster; a tenth is left for finite depths.

        A change ``e`` of the outputs changes the loss by at most ``2 sqrt(loss) e + e^2``.
        """
        slowest = max(deep_slope(self.depths, changes) for changes in measured.changes)
        return (Check("largest slope of the change of the outputs", slowest, high=-0.9),)

    def picture(self, measured: Measured) -> Picture:
        """The change of the outputs beside the rate."""
        names = [start.__name__ for start in self.starts]
        line = guide(self.depths, measured.changes[0])
        return Picture(
            self.depths,
            dict(zip(names, measured.changes, strict=True)),
            {"rate 1/L": line},
            ylabel="change of the outputs",
        )


@dataclass(frozen=True)
class LossIsBlind(Regression, Claim, label="obs-loss-is-blind", source="measured", kind="finding"):
    """Tied and independent layers fit alike; the Lipschitz number in depth separates them like L.

    The networks of the check of increments in depth at time 30.
    """

    depths: tuple[int, ...] = DOUBLINGS
    rough: Start = stacks.iid

    family: ClassVar = FAMILY
    controls: ClassVar = {
        "two smooth starts": Control(
            "independent layers → slices of a smooth path",
            fails="slope of the Lipschitz numbers' ratio",
            why="Both are slices of functions of depth: no factor grows with L.",
            rough=smooth,
        )
    }

    def run(self) -> Measured:
        """Train both starts at every depth and look at the end."""
        runs = [
            [self.train(self.seed, start, depth) for depth in self.depths]
            for start in (tied, self.rough)
        ]
        return Measured(
            left=np.array([[run.losses[-1] / run.losses[0] for run in row] for row in runs]),
            lipschitz=np.array(
                [[diagnostics.depth_lipschitz(run.parameters) for run in row] for row in runs]
            ),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Both fit, and the number of independent layers over that of tied ones grows like L.

        The maximum over Gaussian layers of 200 weights and more varies by some 4 % from draw to
        draw, which moves the slope between two depths by 0.08, and by 0.03 over all four.
        """
        ratio = measured.lipschitz[1] / measured.lipschitz[0]
        return (
            Check("largest loss left / loss at the start", float(measured.left.max()), high=0.05),
            Check("slope of the Lipschitz numbers' ratio", slope(self.depths, ratio), low=0.9),
        )

    def picture(self, measured: Measured) -> Picture:
        """Both Lipschitz numbers."""
        smooth_one, rough = measured.lipschitz
        return Picture(
            self.depths,
            {"tied": smooth_one, self.rough.__name__.replace("iid", "independent"): rough},
            ylabel="L max ‖θ_{k+1} - θ_k‖",
        )


@dataclass(frozen=True)
class TwoNorms(
    Regression,
    Claim,
    label="obs-two-norms",
    source="the course; it explains Figure 1 (left) of Marion, Wu, Sander, Biau 2023",
    kind="finding",
):
    """The root of the summed squares of increments falls like L^(-1/2), their maximum like 1/L.

    The networks of the check of increments in depth; sum and maximum over layers and times.
    """

    depths: tuple[int, ...] = DOUBLINGS
    start: Start = tied

    family: ClassVar = FAMILY
    controls: ClassVar = {
        "independent layers": Control(
            INDEPENDENT,
            fails=("slope of the root of the sum", "slope of the maximum"),
            why="Increments stay of order one, so the root of the sum grows like the root of L.",
            start=stacks.iid,
        )
    }

    def run(self) -> Measured:
        """Train one network per depth."""
        found = [increments(self.train(self.seed, self.start, depth)) for depth in self.depths]
        return Measured(
            root=np.array([np.sqrt((norms**2).sum()) for norms in found]),
            maximum=np.array([norms.max() for norms in found]),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """``L`` terms of size ``1/L^2``; a tenth is left for finite depths, on both sides."""
        return (
            Check(
                "slope of the root of the sum", deep_slope(self.depths, measured.root), -0.6, -0.4
            ),
            Check("slope of the maximum", deep_slope(self.depths, measured.maximum), -1.1, -0.9),
        )

    def picture(self, measured: Measured) -> Picture:
        """Both norms."""
        return Picture(
            self.depths,
            {"root of the sum": measured.root, "maximum": measured.maximum},
            ylabel="norm of the increments",
        )
