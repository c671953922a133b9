"""Convolutional networks on images: Marion et al., Table 1, Figures 3 and 4; Sander et al., 3c."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import jax.numpy as jnp
import numpy as np

from evidence.reproductions._reproduction import DATA, MARION, SANDER, Reproduction
from resode_course.claims import Check
from resode_lib import adjoint, image_training, integrators
from resode_lib._types import Array
from resode_lib.image_training import Fit, Setting

DIGITS = Setting(depth=32, channels=4, epochs=4)
"""The networks for digits that stand for those for CIFAR-10."""

KINDS = [(name, tied) for name in ("gelu", "relu", "identity") for tied in (True, False)]
TABLE_1 = [79.9, 85.7, 88.1, 88.4, 59.8, 59.6]
"""Test accuracies on CIFAR-10 of these kinds, median of five runs, in percent."""

SEEDS = 2


def trained(activation: str, tied: bool, seed: int = 0) -> Fit:
    """Return a network trained on digits."""
    return image_training.fit_digits(replace(DIGITS, activation=activation, tied=tied, seed=seed))


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
    train, test = image_training.digits()
    moments = image_training.large_batch_moments(run.network, train)
    return image_training.accuracy(run.network, moments, test)


def accuracies() -> DATA:
    """Train the six kinds of Table 1 on digits: test accuracy in percent, and roughness."""
    runs = [[trained(*kind, seed) for seed in range(SEEDS)] for kind in KINDS]
    return {
        "kinds": [f"{name}, {'tied' if tied else 'independent'}" for name, tied in KINDS],
        "test": [[round(100 * score(run), 2) for run in row] for row in runs],
        "roughness": [[round(roughness(r), 3) for r in row] for row in runs],
    }


def some_accuracies() -> Mapping[str, float]:
    """The first network of the table."""
    run = trained("gelu", tied=True)
    return {"test/0/0": 100 * score(run), "roughness/0/0": roughness(run)}


def judge_smoothness(data: DATA) -> tuple[Check, ...]:
    """The column of smooth weights, by means over runs: tied GELU and tied identity, no other."""
    gelu_tied, gelu_free, relu_tied, relu_free, id_tied, id_free = np.mean(
        data["roughness"], axis=1
    )
    smooth, rough = max(gelu_tied, id_tied), min(gelu_free, relu_free, id_free)
    return (
        Check("roughness, least independent over largest smooth", float(rough / smooth), low=5),
        Check(
            "roughness of tied ReLU over the geometric mean of these two: above one it counts as "
            "rough",
            float(relu_tied / np.sqrt(smooth * rough)),
            low=1,
        ),
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


def some_coefficients() -> Mapping[str, float]:
    """The coefficients of one layer of the first network."""
    run = trained("gelu", tied=True)
    return {f"tied/{k}/9": float(K[9, 1, 1, 0, 0]) for k, K in enumerate(kernels(run))}


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
    return {
        name: [means(trained("gelu", tied, seed)) for seed in range(SEEDS)]
        for name, tied in (("tied", True), ("independent", False))
    }


def means(run: Fit) -> list[float]:
    """Return the mean over layers of the increments of both kernels."""
    return [float(jnp.sqrt((jnp.diff(K, axis=0) ** 2).sum((1, 2, 3))).mean()) for K in kernels(run)]


def some_means() -> Mapping[str, float]:
    """The first tied network."""
    found = means(trained("gelu", tied=True))
    return {f"tied/0/{k}": value for k, value in enumerate(found)}


def judge_means(data: DATA) -> tuple[Check, ...]:
    """An order of magnitude between the two starts, for both kernels."""
    smallest = np.min(data["independent"], axis=0) / np.max(data["tied"], axis=0)
    return tuple(
        Check(f"mean increment, independent over tied, {name}", float(value), low=5)
        for name, value in zip(("inner", "outer"), smallest, strict=True)
    )


METHODS = [(name, memory) for name in ("euler", "heun") for memory in ("stored", "reversed")]


LITTLE = 3
"""So many points of accuracy are little: eleven of the 360 test images."""


def without_memory() -> DATA:
    """Train Euler and Heun networks with and without stored states, at several depths."""
    depths = [4, 16]
    return {
        "depths": depths,
        **{f"{name}, {how}": [error(L, name, how) for L in depths] for name, how in METHODS},
    }


def error(depth: int, name: str, memory: str) -> float:
    """Train a network with a way to remember its states; return its test error in percent."""
    train, test = image_training.digits()
    way = adjoint.stored if memory == "stored" else adjoint.reversing()
    forward = partial(adjoint.forward, integrator=integrators.get(name), memory=way)
    setting = replace(DIGITS, depth=depth, epochs=3, activation="relu", tied=False)
    model = image_training.fit(setting, train, forward=forward).network
    guess = model.read(forward(model.stack, model.embed(test.x))).argmax(-1)
    return round(100 * float((guess != test.y).mean()), 2)


def some_errors() -> Mapping[str, float]:
    """The shallow Euler network without stored states."""
    return {"euler, reversed/0": error(4, "euler", "reversed")}


def judge_memory(data: DATA) -> tuple[Check, ...]:
    """The deepest networks lose little without stored states; all of them learn."""
    return tuple(
        Check(
            f"points lost without stored states at the largest depth, {name}",
            data[f"{name}, reversed"][-1] - data[f"{name}, stored"][-1],
            high=LITTLE,
        )
        for name in ("euler", "heun")
    ) + (
        Check(
            "largest error in percent, states stored",
            max(data["euler, stored"] + data["heun, stored"]),
            high=20,
        ),
    )


def judge_fewer_layers(data: DATA) -> tuple[Check, ...]:
    """A shallow Euler network loses much without stored states, a Heun network less."""
    euler, heun = (
        data[f"{name}, reversed"][0] - data[f"{name}, stored"][0] for name in ("euler", "heun")
    )
    return (
        Check("points lost without stored states at 4 layers, euler", euler, low=LITTLE),
        Check("points that heun loses less than euler at 4 layers", euler - heun, low=0),
    )


THEIR_IMAGES = (
    "CIFAR-10, L = 256, 16 channels, 180 epochs, batches of 64, momentum 0.9, weight decay 5e-4, "
    "cosine from 0.04, five runs"
)
THEIR_TEXT = "the paper, and in the code for what it leaves open"
THEIR_ABSTRACT = "the abstract, the setting in the code; we have not seen the figure"
OUR_IMAGES = (
    f"digits, L = {DIGITS.depth}, {DIGITS.channels} channels, {DIGITS.epochs} epochs, batches of "
    f"64, momentum 0.9, no weight decay, cosine from {DIGITS.rate} L, {SEEDS} runs"
)

REPRODUCTIONS = (
    Reproduction(
        name="smooth images",
        item=f"{MARION}, Table 1, smooth weights",
        reports="by eye: smooth for GELU and identity from tied layers, not otherwise",
        read=THEIR_TEXT,
        theirs=THEIR_IMAGES,
        ours=OUR_IMAGES,
        differs=(
            "digits; for the eye, L max ||increment|| / mean ||K||; by it all independent layers "
            "are rough, as in the paper, but tied ReLU counts as smooth, and there it is not"
        ),
        run=accuracies,
        judge=judge_smoothness,
        spot=some_accuracies,
        smaller=True,
    ),
    Reproduction(
        name="price",
        item=f"{MARION}, Table 1, test accuracy",
        reports="tied 79.9, 88.1, 59.8, independent 85.7, 88.4, 59.6 (GELU, ReLU, identity)",
        read=THEIR_TEXT,
        theirs=THEIR_IMAGES,
        ours=OUR_IMAGES,
        differs="digits are too easy to show it; CIFAR-10 we have not run",
        run=accuracies,
        judge=judge_price,
        spot=some_accuracies,
        smaller=True,
    ),
    Reproduction(
        name="coefficients",
        item=f"{MARION}, Figure 3",
        reports="a coefficient of each kernel against the layer: smooth if tied, rough if not",
        read=THEIR_TEXT,
        theirs=THEIR_IMAGES,
        ours=OUR_IMAGES,
        differs="the first of the runs above; total variation for the eye",
        run=coefficients,
        judge=judge_coefficients,
        spot=some_coefficients,
        smaller=True,
    ),
    Reproduction(
        name="mean increments",
        item=f"{MARION}, Figure 4",
        reports=(
            "mean over layers of ||increment||, read off: 0.07 and 0.1 for the two kernels if "
            "tied, 0.8 to 0.9 if not"
        ),
        read=THEIR_TEXT,
        theirs=THEIR_IMAGES,
        ours=OUR_IMAGES,
        differs="another size and no weight decay, so the quotient is compared, not the values",
        run=mean_increments,
        judge=judge_means,
        spot=some_means,
        smaller=True,
    ),
    Reproduction(
        name="without memory",
        item=f"{SANDER}, Figure 3c, deep networks",
        reports=(
            "on CIFAR-10, training without stored states reaches the accuracy of training with "
            "them if the network is deep enough"
        ),
        read=THEIR_ABSTRACT,
        theirs="16 channels, L = 2 to 64, ReLU, 90 epochs, batches of 256, rate 0.1, 4 seeds",
        ours="digits, 4 channels, L = 4 and 16, 3 epochs, batches of 64, one seed",
        differs=(
            "digits for CIFAR-10; they reconstruct with running moments, we with those of the "
            "batch, and test with the moments of the test set"
        ),
        run=without_memory,
        judge=judge_memory,
        spot=some_errors,
        smaller=True,
    ),
    Reproduction(
        name="fewer layers",
        item=f"{SANDER}, Figure 3c, shallow networks",
        reports="shallow networks need stored states, and Heun needs fewer layers without them",
        read=THEIR_ABSTRACT,
        theirs="as above",
        ours="as above, L = 4",
        differs=(
            "digits are too easy: at 4 layers Euler loses two test images, and Heun four; one seed"
        ),
        run=without_memory,
        judge=judge_fewer_layers,
        spot=some_errors,
        smaller=True,
        same_run_as="without memory",
    ),
)
