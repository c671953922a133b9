"""Training without stored states: Sander et al., Figure 4, the discretisation curve, the memory."""

from collections.abc import Mapping
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from evidence.reproductions._reproduction import DATA, SANDER, Reproduction
from evidence.reproductions.images import DIGITS
from resode_course.claims import Check
from resode_lib import adjoint, image_training, resnet, stacks
from resode_lib._types import Array, Stack
from resode_lib.adjoint import Memory
from resode_lib.blocks import TwoLayer
from resode_lib.diagnostics import observed_slope
from resode_lib.images import ConvBlock

BATCH = 64
KERNELS = ("inner", "outer")


def gradient_error() -> DATA:
    """Return the squared relative error of the gradient by reversed steps, per kind of kernel.

    The layers of a trained network are repeated or left out to reach other depths.
    """
    depths: list[int] = [4, 8, 16, 32, 64]
    rows = [gradient_errors(depth) for depth in depths]
    return {"depths": depths, **{name: [row[name] for row in rows] for name in KERNELS}}


def gradient_errors(depth: int) -> dict[str, float]:
    """Return them at one depth."""
    train, _ = image_training.digits()
    setting = replace(DIGITS, depth=32, epochs=3, activation="relu", tied=False)
    model = image_training.fit_digits(setting).network
    h, labels = model.embed(train.x[:BATCH]), train.y[:BATCH]

    def gradient(stack: Stack, memory: Memory) -> Mapping[str, Array]:
        def loss(stack: Stack) -> Array:
            return image_training.entropy(
                model.read(adjoint.forward(stack, h, memory=memory)), labels
            )

        found = jax.jit(jax.grad(loss))(stack)
        return {name: getattr(found, name)[...] for name in KERNELS}

    chosen = np.arange(depth) * setting.depth // depth
    stack = jax.tree.map(lambda leaf: leaf[chosen], model.stack)
    exact, found = (gradient(stack, way) for way in (adjoint.stored, adjoint.reversing()))
    return {
        name: float(jnp.sum((found[name] - exact[name]) ** 2) / jnp.sum(exact[name] ** 2))
        for name in KERNELS
    }


def some_gradient_errors() -> Mapping[str, float]:
    """The shallowest network."""
    return {f"{name}/0": value for name, value in gradient_errors(4).items()}


def judge_gradient(data: DATA) -> tuple[Check, ...]:
    """It falls at every doubling, and much from 4 to 64 layers."""
    errors = np.array([data[name] for name in KERNELS])
    return (
        Check(
            "largest quotient after a doubling",
            float((errors[:, 1:] / errors[:, :-1]).max()),
            high=1,
        ),
        *(
            Check(
                f"{data['depths'][-1]} layers over {data['depths'][0]}, {name} kernels",
                row[-1] / row[0],
                high=0.05,
            )
            for name, row in zip(KERNELS, errors.tolist(), strict=True)
        ),
    )


def going_back() -> DATA:
    """Return the relative error of the input that reversed steps find, layers untrained."""
    depths = [2**j for j in range(1, 12, 2)]
    return {"depths": depths, "errors": [way_back(depth) for depth in depths]}


def way_back(depth: int) -> float:
    """Return the relative error of the input that reversed steps find."""
    train, _ = image_training.digits()
    h = image_training.network(DIGITS).embed(train.x[:BATCH])
    stack = stacks.iid(
        lambda key: ConvBlock.gaussian(key, channels=DIGITS.channels, outer_scale=1.0),
        jax.random.key(1),
        depth,
    )
    found = adjoint.reconstruction(stack, resnet.forward(stack, h))[0]
    return float(jnp.linalg.norm(found - h) / jnp.linalg.norm(h))


def some_ways_back() -> Mapping[str, float]:
    """The two shallowest networks."""
    return {f"errors/{k}": way_back(depth) for k, depth in enumerate((2, 8))}


def judge_going_back(data: DATA) -> tuple[Check, ...]:
    """At least order one, from a visible error to a small one."""
    return (
        Check("slope", observed_slope(data["depths"], data["errors"]).value, high=-0.9),
        Check("relative error of the deepest", data["errors"][-1], high=1e-3),
    )


def peak_memory() -> DATA:
    """Return the bytes that the compiled gradient needs, for some depths."""
    depths = [1, 101, 201, 301]
    ways = {"stored": adjoint.stored, "reversed": adjoint.reversing()}
    return {
        "depths": depths,
        **{name: [temporary(depth, way) for depth in depths] for name, way in ways.items()},
    }


def temporary(depth: int, memory: Memory) -> int:
    """Return the bytes that the compiled gradient needs beyond its arguments and results."""

    def shapes() -> tuple[Stack, Array]:
        layer = TwoLayer.gaussian(jax.random.key(0), width=500, hidden=8)
        return stacks.tied(layer, depth), jnp.zeros((500, 500))

    def loss(stack: Stack, x: Array) -> Array:
        return (adjoint.forward(stack, x, memory=memory) ** 2).sum()

    stack, x = jax.eval_shape(shapes)
    program = jax.jit(jax.grad(loss)).lower(stack, x).compile()
    return program.memory_analysis().temp_size_in_bytes


def some_memory() -> Mapping[str, float]:
    """One depth of both."""
    return {
        "stored/1": temporary(101, adjoint.stored),
        "reversed/1": temporary(101, adjoint.reversing()),
    }


def judge_memory(data: DATA) -> tuple[Check, ...]:
    """Stored states: linear in depth. Reversed steps: flat."""
    stored, reversed_ = (np.array(data[name]) for name in ("stored", "reversed"))
    last, first = np.diff(stored)[[-1, 0]]
    return (
        Check(
            "stored: growth per 100 layers, last over first",
            float(last / first),
            0.95,
            1.05,
        ),
        Check("stored, 301 layers over 1", float(stored[-1] / stored[0]), low=50),
        Check("reversed, 301 layers over 101", float(reversed_[-1] / reversed_[1]), high=1.05),
    )


THEIR_CODE = "the code that draws it, the result in the abstract; we have not seen the figure"

REPRODUCTIONS = (
    Reproduction(
        name="gradient error",
        item=f"{SANDER}, Figure 4",
        reports="the relative squared error of the gradient by reversed steps falls with depth",
        read=THEIR_CODE,
        theirs=(
            "CIFAR-10, a network trained with 32 layers whose layers are repeated or left out, "
            "L = 4 to 64, each tensor of parameters"
        ),
        ours="digits, 4 channels, trained with 32 layers for 3 epochs, both kinds of kernels",
        differs=(
            "digits; ours is summed over layers; they reconstruct with running moments, we with "
            "those of the batch; the theorem's slope -2 is not judged: ReLU is not smooth"
        ),
        run=gradient_error,
        judge=judge_gradient,
        spot=some_gradient_errors,
        smaller=True,
    ),
    Reproduction(
        name="going back",
        item=f"{SANDER}, discretisation curve",
        reports="the relative error of the input found by reversed steps falls with depth",
        read=THEIR_CODE,
        theirs="CIFAR-10, 64 images, one untrained stage of 2 to 2^15 residuals",
        ours="digits, 64 images, 4 channels, independent layers, L = 2 to 2^11",
        differs="digits; independent layers average, so the slope is below -1",
        run=going_back,
        judge=judge_going_back,
        spot=some_ways_back,
        smaller=True,
    ),
    Reproduction(
        name="peak memory",
        item=f"{SANDER}, memory against depth",
        reports="stored states: linear in depth; reversed steps: flat",
        read=THEIR_CODE,
        theirs="width 500, hidden 8, tanh, L = 1 to 301",
        ours="the same sizes, 500 samples, bytes by the compiler's own account, on a CPU",
        differs="the batch is ours; weights and gradients are not counted",
        run=peak_memory,
        judge=judge_memory,
        spot=some_memory,
    ),
)
