"""Figures of the papers, run again: what they report, our setting, and whether the numbers agree.

A reproduction is too slow for every build. ``make records`` runs it, and the page shows the record.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from resode_lib import (
    adjoint,
    classification,
    datasets,
    integrators,
    records,
    resnet,
    stacks,
    training,
)
from resode_lib._types import Array, Key, Stack, State
from resode_lib.blocks import Linear, TwoLayer, gelu
from resode_lib.claims import Check, relu_increments
from resode_lib.classification import Fit, Setting
from resode_lib.datasets import Dataset
from resode_lib.diagnostics import observed_slope
from resode_lib.training import Trajectory

__all__ = ["REPRODUCTIONS", "Reproduction", "get", "recorded"]

DATA = Mapping[str, Any]
"""What JSON can hold: numbers, lists, text."""

WIDTH = 16


@dataclass(frozen=True)
class Reproduction:
    """A figure or a table of a paper beside ours.

    Attributes:
        name: a short name for the record.
        item: paper and figure.
        reports: what the paper shows there.
        theirs: its setting.
        ours: our setting, where it differs.
        differs: why the numbers differ, or what the paper leaves open.
        run: the computation.
        judge: from its data to inequalities, which must all hold.
        smaller: whether our setting is smaller than theirs.
    """

    name: str
    item: str
    reports: str
    theirs: str
    ours: str
    differs: str
    run: Callable[[], DATA]
    judge: Callable[[DATA], tuple[Check, ...]]
    smaller: bool = False

    def report(self, data: DATA) -> str:
        """Return the row of the table, some lines of text."""
        checks = self.judge(data)
        agrees = "REPRODUCED AT A SMALLER SIZE" if self.smaller else "REPRODUCED"
        verdict = agrees if all(check.holds for check in checks) else "NOT REPRODUCED"
        words = ("reports", "theirs", "ours", "differs")
        lines = [f"  {word + ':':9s}{getattr(self, word)}" for word in words]
        return "\n".join([f"{self.item}: {verdict}", *lines, *(f"  {check}" for check in checks)])


class Unscaled(TwoLayer):
    """``V sigma(W h)``: the released scripts leave out the scalings by ``m`` and ``d``."""

    def __call__(self, h: State) -> State:
        """Return ``V sigma(W h)``, shape (..., d)."""
        return self.activation(h @ self.W[...].T) @ self.V[...].T


def descend(
    record: Callable[[Stack], Any],
    *,
    samples: int,
    hidden: int,
    depth: int,
    rate: float,
    steps: int,
    every: int,
    seed: int = 0,
) -> Trajectory:
    """Train as the released scripts: width 16, GELU, ``V = 0``, one ``W``, Gaussian pairs.

    Their loss is averaged over outputs, too.
    """
    key_x, key_y, key_W = jax.random.split(jax.random.key(seed), 3)
    x, y = (jax.random.normal(key, (samples, WIDTH)) for key in (key_x, key_y))
    layer = Unscaled.gaussian(key_W, width=WIDTH, hidden=hidden, outer_scale=0.0, activation=gelu)
    return training.gradient_descent(
        lambda stack: training.mean_squared_error(resnet.forward(stack, x), y) / WIDTH,
        stacks.tied(layer, depth),
        rate=rate,
        steps=steps,
        every=every,
        record=record,
    )


READINGS = {2: 20.0, 1014: 0.85}
"""What one reads off Figure 1 (left), per depth."""


def norms_of_increments(depth: int, seed: int) -> tuple[float, float]:
    """Return the largest increment of a run of Figure 1 (left), and the root of the sum."""

    def norms(stack: Stack) -> list[tuple[Array, Array]]:
        leaves = jax.tree.leaves(stacks.increments(stack))
        return [(leaf.max(), (leaf**2).sum()) for leaf in leaves]

    run = descend(
        norms, samples=100, hidden=32, depth=depth, rate=1e-2, steps=450, every=1, seed=seed
    )
    largest = max(float(maxima.max()) for maxima, _ in run.records)
    return largest, max(float(jnp.sqrt(squares.sum())) for _, squares in run.records)


def increments() -> DATA:
    """Measure the increments of Figure 1 (left), and how much they vary between draws."""
    depths = [2, 16, 64, 256, 1014]
    largest, roots = zip(*(norms_of_increments(depth, seed=0) for depth in depths), strict=True)
    draws = [norms_of_increments(64, seed)[1] for seed in range(8)]
    return {"depths": depths, "largest": largest, "roots": roots, "draws": draws}


def judge_increments(data: DATA) -> tuple[Check, ...]:
    """The theorem's rate for the maximum, the released script's for the sum."""
    ours = dict(zip(data["depths"], data["roots"], strict=True))
    between_draws = max(data["draws"]) / min(data["draws"])
    slopes = {
        name: observed_slope(data["depths"][1:], data[name][1:]).value
        for name in ("largest", "roots")
    }
    return (
        Check("slope of the largest increment", slopes["largest"], -1.1, -0.9),
        Check("slope of the root of the sum", slopes["roots"], -0.55, -0.45),
        *(
            Check(
                f"root of the sum at L = {L}, ours {ours[L]:.3g}, the plot's about {read:g}: "
                "quotient, against that of two draws of data",
                max(read / ours[L], ours[L] / read),
                high=between_draws,
            )
            for L, read in READINGS.items()
        ),
    )


def distance(stack: Stack, reference: Stack) -> list[float]:
    """Return the L2 distances in depth of ``V`` and ``W`` from a deeper network, at each time."""
    gaps = []
    for a, b in zip(*(jax.tree.leaves(tree) for tree in (stack, reference)), strict=True):
        repeated = jnp.repeat(a, b.shape[1] // a.shape[1], axis=1)
        gaps.append(jnp.sqrt(jnp.sum((repeated - b) ** 2, axis=(2, 3)).mean(axis=1)))
    return np.max(gaps, axis=0).tolist()


def to_the_limit() -> DATA:
    """Measure the distance of Figure 1 (right) from a deep network, at three training times."""
    depths, rows = [8, 16, 32, 64, 128], jnp.array([10, 25, 45])

    def chosen(depth: int) -> Stack:
        run = descend(
            lambda stack: stack,
            samples=100,
            hidden=32,
            depth=depth,
            rate=1e-2,
            steps=450,
            every=10,
        )
        return jax.tree.map(lambda leaf: leaf[rows], run.records)

    reference = chosen(1024)
    gaps = [distance(chosen(depth), reference) for depth in depths]
    return {"depths": depths, "iterations": (10 * rows).tolist(), "distances": gaps}


def judge_limit(data: DATA) -> tuple[Check, ...]:
    """Every curve falls like 1/L; later ones lie higher."""
    gaps = np.array(data["distances"])
    slopes = [observed_slope(data["depths"], column).value for column in gaps.T]
    return (
        *(
            Check(f"slope after {steps} iterations", slope, -1.25, -0.9)
            for steps, slope in zip(data["iterations"], slopes, strict=True)
        ),
        Check(
            "smallest quotient of a later and an earlier distance",
            float((gaps[:, 1:] / gaps[:, :-1]).min()),
            low=1.0,
        ),
    )


def weights_over_depth() -> DATA:
    """Train the network of Figure 2 and keep entries of its weights and its loss."""
    run = descend(
        lambda stack: stack,
        samples=50,
        hidden=64,
        depth=64,
        rate=5e-3,
        steps=10_000,
        every=500,
    )
    rows = jnp.array([0, 1, 4, 20])
    V, W = run.records.V[...][rows], run.records.W[...][rows]
    lipschitz = [
        64 * float(leaf.max())
        for leaf in jax.tree.leaves(
            jax.vmap(stacks.increments)(jax.tree.map(lambda leaf: leaf[rows], run.records))
        )
    ]
    return {
        "iterations": [0, 500, 2_000, 10_000],
        "V": np.round(V[:, :, 0, 0], 5).tolist(),
        "W": np.round(W[:, :, 0, 0], 5).tolist(),
        "lipschitz": max(lipschitz),
        "losses": [float(f"{loss:.4g}") for loss in run.losses],
    }


def judge_weights(data: DATA) -> tuple[Check, ...]:
    """A smooth path in depth, and a loss that decays."""
    losses = data["losses"]
    independent = 64 * np.sqrt(2 * WIDTH * 64)  # neighbours drawn independently
    return (
        Check(
            "L max ||increment|| over that of independent W",
            data["lipschitz"] / independent,
            high=0.1,
        ),
        Check("loss at the end over loss at the start", losses[-1] / losses[0], high=0.01),
    )


def relu_example() -> DATA:
    """Train the scalar network of Appendix D."""
    result = relu_increments.CLAIM.measure()
    return {
        "depths": list(result.depths),
        "largest": result.largest.tolist(),
        "exact": result.exact.tolist(),
    }


def judge_relu(data: DATA) -> tuple[Check, ...]:
    """The increments have the closed form and stay above its limit."""
    largest = np.array(data["largest"])
    return (
        Check(
            "largest distance to the closed form",
            float(abs(largest - data["exact"]).max()),
            high=1e-9,
        ),
        Check("smallest increment, against 2 log 2", float(largest.min()), low=2 * np.log(2)),
    )


LINEAR_DEPTH, LINEAR_STEPS, THEIR_RATE, PLOTTED = 100, 2000, 0.25, 10
"""Depth, steps and rate of the linear networks, and the draw whose weights are kept."""

FITS = 1e-5
"""The mean squared entry at which they stop."""


def linear_weights() -> DATA:
    """Train linear networks of width 2 towards ``I`` plus Gaussian noise, at two rates.

    The released script averages over the four entries, so its rate 100 = L is 0.25 in our training
    time; the weights are those of a fifth of it.
    """
    eye = jnp.eye(2)

    def train(key: Key, rate: float) -> tuple[Array, Array, Stack, Array]:
        target = eye + jax.random.normal(key, (2, 2))
        run = training.gradient_descent(
            lambda stack: jnp.sum((resnet.forward(stack, eye) - target.T) ** 2),
            stacks.tied(Linear(0 * eye), LINEAR_DEPTH),
            rate=rate,
            steps=LINEAR_STEPS,
            every=20,
            record=lambda stack: stack,
        )
        return target, run.losses / 4, run.records, stable_rate(run.parameters)

    keys = jax.vmap(jax.random.key)(jnp.arange(12))
    at_their_rate = jax.jit(jax.vmap(lambda key: train(key, THEIR_RATE)[1]))(keys)
    targets, losses, records, stable = jax.jit(jax.vmap(lambda key: train(key, 0.05)))(keys)
    theta = records.theta[...]  # (draws, times, L, 2, 2)
    steps = jnp.linalg.norm(jnp.diff(theta, axis=2), axis=(3, 4)).max(axis=(1, 2))
    sizes = jnp.linalg.norm(theta, axis=(3, 4)).max(axis=(1, 2))
    return {
        "targets": targets.tolist(),
        "determinants": jnp.linalg.det(targets).tolist(),
        "floors": (jnp.linalg.norm(targets, ord=-2, axis=(1, 2)) ** 2 / 4).tolist(),
        "losses": losses[:, -1].tolist(),
        "losses at their rate": at_their_rate[:, -1].tolist(),
        "stable rates": stable.tolist(),
        "roughness": (LINEAR_DEPTH * steps / sizes).tolist(),
        "iterations": [20, 100],
        "weights": theta[PLOTTED, jnp.array([1, 5])].reshape(2, -1, 4).round(5).tolist(),
    }


def stable_rate(stack: Stack) -> Array:
    """Return ``2 / beta`` where a linear network fits: the Hessian is then ``2 J^T J``."""
    jacobian = jax.jacrev(lambda stack: resnet.forward(stack, jnp.eye(2)))(stack).theta[...]
    return 1 / (LINEAR_DEPTH * jnp.linalg.norm(jacobian.reshape(4, -1), ord=2) ** 2)


def judge_linear(data: DATA) -> tuple[Check, ...]:
    """Smooth weights at all times; loss zero if the determinant of the target is positive."""
    negative = np.array(data["determinants"]) < 0
    losses, at_their_rate = np.array(data["losses"]), np.array(data["losses at their rate"])
    above_floor = losses[negative] / np.array(data["floors"])[negative]
    stable = np.array(data["stable rates"]) > THEIR_RATE
    surprises = (at_their_rate < FITS) != stable
    return (
        # Independent weights would give about L = 100.
        Check("L max ||increment|| / max ||theta||, all draws", max(data["roughness"]), high=10),
        Check(
            f"largest loss of {sum(~negative)} draws with det B > 0",
            float(losses[~negative].max()),
            high=FITS,
        ),
        Check(
            f"smallest loss of {sum(negative)} draws with det B < 0, over the least that a network "
            "with positive determinant can have",
            float(above_floor.min()),
            low=1.0,
        ),
        Check(
            "draws with det B > 0 where 2 / beta at the end does not tell whether 0.25 converges",
            int(sum(surprises[~negative])),
            high=0,
        ),
    )


DIGITS = Setting(depth=32, channels=4, epochs=4)
"""The networks for digits that stand for those for CIFAR-10."""

KINDS = [(name, tied) for name in ("gelu", "relu", "identity") for tied in (True, False)]
TABLE_1 = [79.9, 85.7, 88.1, 88.4, 59.8, 59.6]
"""Test accuracies on CIFAR-10 of these kinds, median of five runs, in percent."""

SEEDS = 2


@cache
def digits() -> tuple[Dataset, Dataset]:
    """Return the digits, standardised."""
    return classification.standardised(*datasets.digits(jax.random.key(0)))


@cache
def trained(activation: str, tied: bool, seed: int = 0) -> Fit:
    """Return a network trained on digits."""
    return classification.fit(
        replace(DIGITS, activation=activation, tied=tied, seed=seed), digits()[0]
    )


def kernels(run: Fit) -> list[Array]:
    """Return the inner and the outer kernels of all layers."""
    return [run.network.stack.inner[...], run.network.stack.outer[...]]


def roughness(run: Fit) -> float:
    """Return ``L max_k ||K_{k+1} - K_k||`` over the mean norm of a kernel, the larger of both."""
    numbers = []
    for K in kernels(run):
        steps, sizes = (jnp.sqrt((leaf**2).sum((1, 2, 3))) for leaf in (jnp.diff(K, axis=0), K))
        numbers.append(len(K) * float(steps.max() / sizes.mean()))
    return max(numbers)


def score(run: Fit) -> float:
    """Return the test accuracy."""
    train, test = digits()
    moments = classification.large_batch_moments(run.network, train)
    return classification.accuracy(run.network, moments, test)


def accuracies() -> DATA:
    """Train the six kinds of Table 1 on digits: test accuracy in percent, and roughness."""
    runs = [[trained(*kind, seed) for seed in range(SEEDS)] for kind in KINDS]
    return {
        "kinds": [f"{name}, {'tied' if tied else 'independent'}" for name, tied in KINDS],
        "test": [[round(100 * score(run), 2) for run in row] for row in runs],
        "roughness": [[round(roughness(r), 3) for r in row] for row in runs],
    }


def judge_smoothness(data: DATA) -> tuple[Check, ...]:
    """The column of smooth weights, by means over runs: tied GELU and tied identity, no other."""
    gelu_tied, gelu_free, relu_tied, relu_free, id_tied, id_free = np.mean(
        data["roughness"], axis=1
    )
    smooth, rough = max(gelu_tied, id_tied), min(gelu_free, relu_free, id_free)
    return (
        Check("roughness, least independent over largest smooth", float(rough / smooth), low=5),
        Check("roughness, ReLU tied over GELU tied", float(relu_tied / gelu_tied), low=1.2),
    )


def judge_price(data: DATA) -> tuple[Check, ...]:
    """The column of test accuracies: independent GELU layers gain as much over tied ones."""
    ours = np.array(data["test"]).mean(axis=1)
    return (
        Check(
            f"points that independent layers gain, GELU; theirs {TABLE_1[1] - TABLE_1[0]:.1f}",
            float(ours[1] - ours[0]),
            low=(TABLE_1[1] - TABLE_1[0]) / 2,
        ),
        Check(
            f"points that ReLU gains over GELU, both tied; theirs {TABLE_1[2] - TABLE_1[0]:.1f}",
            float(ours[2] - ours[0]),
            low=(TABLE_1[2] - TABLE_1[0]) / 2,
        ),
        Check(
            "points that the identity is behind GELU, both tied", float(ours[0] - ours[4]), low=1
        ),
    )


def coefficients() -> DATA:
    """Return one coefficient of each kernel against the layer, GELU, tied and independent."""
    return {
        name: [np.round(K[:, 1, 1, 0, 0], 5).tolist() for K in kernels(trained("gelu", tied))]
        for name, tied in (("tied", True), ("independent", False))
    }


def judge_coefficients(data: DATA) -> tuple[Check, ...]:
    """The way that a curve goes up and down: short if smooth, long if not."""
    ways = {name: np.abs(np.diff(data[name])).sum(axis=1) for name in ("tied", "independent")}
    return (
        Check(
            "total variation, independent over tied, inner",
            ways["independent"][0] / ways["tied"][0],
            5,
        ),
        Check(
            "total variation, independent over tied, outer",
            ways["independent"][1] / ways["tied"][1],
            5,
        ),
    )


def mean_increments() -> DATA:
    """Return the mean over layers of the increments of both kernels, GELU."""

    def means(run: Fit) -> list[float]:
        return [
            float(jnp.sqrt((jnp.diff(K, axis=0) ** 2).sum((1, 2, 3))).mean()) for K in kernels(run)
        ]

    return {
        name: [means(trained("gelu", tied, seed)) for seed in range(SEEDS)]
        for name, tied in (("tied", True), ("independent", False))
    }


def judge_means(data: DATA) -> tuple[Check, ...]:
    """An order of magnitude between the two starts, for both kernels."""
    smallest = np.min(data["independent"], axis=0) / np.max(data["tied"], axis=0)
    return tuple(
        Check(f"mean increment, independent over tied, {name}", float(value), low=5)
        for name, value in zip(("inner", "outer"), smallest, strict=True)
    )


METHODS = [(name, memory) for name in ("euler", "heun") for memory in ("stored", "reversed")]


def without_memory() -> DATA:
    """Train Euler and Heun networks with and without stored states, at several depths."""
    train, test = digits()
    depths = [4, 16]

    def error(depth: int, name: str, memory: str) -> float:
        way = adjoint.stored if memory == "stored" else adjoint.reversing()
        forward = partial(adjoint.forward, integrator=integrators.get(name), memory=way)
        setting = replace(DIGITS, depth=depth, epochs=3, activation="relu", tied=False)
        model = classification.fit(setting, train, forward=forward).network
        guess = model.read(forward(model.stack, model.embed(test.x))).argmax(-1)
        return round(100 * float((guess != test.y).mean()), 2)

    return {
        "depths": depths,
        **{f"{name}, {how}": [error(L, name, how) for L in depths] for name, how in METHODS},
    }


def judge_memory(data: DATA) -> tuple[Check, ...]:
    """The deepest networks lose nothing without stored states; all of them learn."""
    return tuple(
        Check(
            f"points lost without stored states at the largest depth, {name}",
            data[f"{name}, reversed"][-1] - data[f"{name}, stored"][-1],
            high=3,
        )
        for name in ("euler", "heun")
    ) + (
        Check(
            "largest error in percent, states stored",
            max(data["euler, stored"] + data["heun, stored"]),
            high=20,
        ),
    )


MARION, SANDER = "Marion, Wu, Sander, Biau 2023", "Sander, Ablin, Peyré 2022"

THEIR_IMAGES = (
    "CIFAR-10, L = 256, 16 channels, 180 epochs, batches of 64, momentum 0.9, weight decay 5e-4, "
    "cosine from 0.04, five runs"
)
OUR_IMAGES = (
    f"digits, L = {DIGITS.depth}, {DIGITS.channels} channels, {DIGITS.epochs} epochs, batches of "
    f"64, momentum 0.9, no weight decay, cosine from {DIGITS.rate} L, {SEEDS} runs"
)

REPRODUCTIONS = {
    entry.name: entry
    for entry in (
        Reproduction(
            name="increments",
            item=f"{MARION}, Figure 1 (left)",
            reports=(
                "increments of the weights in depth against L; read off the plot, from about 20 "
                "at L = 2 to about 0.85 at L = 1014"
            ),
            theirs="n = 100, q = d = 16, m = 32, GELU, up to 451 steps of 0.01 L, L = 2 to 1014",
            ours="the same, other random numbers",
            differs=(
                "the axis names the maximum; the released script plots the root of a sum over "
                "layers and iterations, and leaves out the scalings by m and d, as we do here"
            ),
            run=increments,
            judge=judge_increments,
        ),
        Reproduction(
            name="limit",
            item=f"{MARION}, Figure 1 (right)",
            reports="the distance to a very deep network falls with L, slower at later iterations",
            theirs="as on the left, the reference with 2^14 layers, L = 2 to 1024",
            ours="the reference with 2^10 layers, L = 8 to 128; the larger of V and W",
            differs="a finite reference makes slopes a little too steep",
            run=to_the_limit,
            judge=judge_limit,
            smaller=True,
        ),
        Reproduction(
            name="weights",
            item=f"{MARION}, Figure 2",
            reports="entries of the weights are smooth in depth at all times; the loss decays",
            theirs="n = 50, d = 16, m = 64, L = 64, 80,000 steps of 0.005 L, loss to about 1e-7",
            ours="the same, other random numbers, 10,000 steps, as the released script has it",
            differs="an eighth of the training time, so the loss ends higher",
            run=weights_over_depth,
            judge=judge_weights,
            smaller=True,
        ),
        Reproduction(
            name="relu",
            item=f"{MARION}, Appendix D",
            reports="with ReLU, increments of order 1/L at the start end above 2 log 2 for all L",
            theirs="proved",
            ours="trained, one sample, L = 16 to 128",
            differs="nothing",
            run=relu_example,
            judge=judge_relu,
        ),
        Reproduction(
            name="linear",
            item=f"{SANDER}, Figure 2",
            reports=(
                "weights of a linear network are smooth in depth while it trains to loss zero, "
                "entries up to about 3"
            ),
            theirs=(
                "width 2, L = 100, target I plus one Gaussian draw, steps of 0.25 in our training "
                "time until the mean squared entry is below 1e-5"
            ),
            ours="twelve draws of the target, steps of 0.05, 2,000 of them",
            differs=(
                "at 0.25 some of our draws with det B > 0 do not converge; with det B < 0 even the "
                "gradient flow cannot"
            ),
            run=linear_weights,
            judge=judge_linear,
        ),
        Reproduction(
            name="smooth images",
            item=f"{MARION}, Table 1, smooth weights",
            reports="by eye: smooth for GELU and identity from tied layers, not otherwise",
            theirs=THEIR_IMAGES,
            ours=OUR_IMAGES,
            differs=(
                "digits; for the eye, L max ||increment|| / mean ||K||, by which tied ReLU is "
                "nearer to tied GELU than to independent layers"
            ),
            run=accuracies,
            judge=judge_smoothness,
            smaller=True,
        ),
        Reproduction(
            name="price",
            item=f"{MARION}, Table 1, test accuracy",
            reports="tied 79.9, 88.1, 59.8, independent 85.7, 88.4, 59.6 (GELU, ReLU, identity)",
            theirs=THEIR_IMAGES,
            ours=OUR_IMAGES,
            differs="digits are too easy to show it; CIFAR-10 we have not run",
            run=accuracies,
            judge=judge_price,
            smaller=True,
        ),
        Reproduction(
            name="coefficients",
            item=f"{MARION}, Figure 3",
            reports="a coefficient of each kernel against the layer: smooth if tied, rough if not",
            theirs=THEIR_IMAGES,
            ours=OUR_IMAGES,
            differs="the first of the runs above; total variation for the eye",
            run=coefficients,
            judge=judge_coefficients,
            smaller=True,
        ),
        Reproduction(
            name="mean increments",
            item=f"{MARION}, Figure 4",
            reports=(
                "mean over layers of ||increment||, read off: 0.07 and 0.1 for the two kernels if "
                "tied, 0.8 to 0.9 if not"
            ),
            theirs=THEIR_IMAGES,
            ours=OUR_IMAGES,
            differs="another size and no weight decay, so the quotient is compared, not the values",
            run=mean_increments,
            judge=judge_means,
            smaller=True,
        ),
        Reproduction(
            name="without memory",
            item=f"{SANDER}, Figure 3c",
            reports=(
                "on CIFAR-10, training without stored states reaches the accuracy of training with "
                "them if the network is deep enough; Heun needs fewer layers"
            ),
            theirs="16 channels, L = 2 to 64, ReLU, 90 epochs, batches of 256, rate 0.1, 4 seeds",
            ours="digits, 4 channels, L = 4 and 16, 3 epochs, batches of 64, one seed",
            differs=(
                "digits for CIFAR-10; they reconstruct with running moments, we with those of the "
                "batch, and test with the moments of the test set; the need for depth is not judged"
            ),
            run=without_memory,
            judge=judge_memory,
            smaller=True,
        ),
    )
}


def get(name: str) -> Reproduction:
    """Return the reproduction called ``name``.

    Raises:
        KeyError: if there is none; the message lists them.
    """
    if name not in REPRODUCTIONS:
        raise KeyError(f"no reproduction {name!r}; there are {list(REPRODUCTIONS)}.")
    return REPRODUCTIONS[name]


def recorded(name: str) -> DATA:
    """Return the data of the record; ``make records`` makes it."""
    return records.load("reproductions")[get(name).name]["data"]
