"""Weights of trained linear networks: Sander et al., Figure 2."""

import jax
import jax.numpy as jnp
import numpy as np

from evidence.reproductions._reproduction import DATA, SANDER, Reproduction
from resode_course.claims import Check
from resode_lib import resnet, stacks, training
from resode_lib._types import Array, Key, Stack
from resode_lib.blocks import Linear

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


REPRODUCTIONS = (
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
)
