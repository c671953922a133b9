"""Long horizons with the loss at the end and at every layer: the runs of Esteve et al."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from evidence.reproductions._reproduction import DATA, Reproduction
from resode_course.claims import Check
from resode_lib import control, datasets, stacks
from resode_lib._types import Array, Scalar
from resode_lib.blocks import Inside
from resode_lib.control import Cost, Loss

ESTEVE = "Esteve, Geshkovski, Pighin, Zuazua 2020"
HORIZON, LAYERS, SAMPLES = 36.0, 216, 64
DECAY = 0.5
"""Adam adds it to the gradient, so half of it weighs the square of the controls."""


def problem() -> tuple[Array, Loss]:
    """Return points on two moons, and the mean squared distance from two targets."""
    points, labels = datasets.moons(jax.random.key(0), samples=SAMPLES, noise=0.05)
    targets = jnp.where(labels[:, None] == 1, 2.0, -2.0)

    def loss(states: Array) -> Scalar:
        return jnp.mean(jnp.sum((states - targets) ** 2, axis=-1))

    return points, loss


def optimal(weight: float, charge: Callable[[Loss], Cost]) -> DATA:
    """Return loss and size of the controls over depth at a minimum, the loss charged this way."""
    points, loss = problem()
    terms = [(weight, charge(loss)), (DECAY / 2, control.squared_norm)]
    value = control.objective(points, terms, horizon=HORIZON)
    start = stacks.tied(Inside.gaussian(jax.random.key(1), width=2, scale=0.1), LAYERS)
    found = jax.jit(lambda u: control.minimise(value, u, tolerance=1e-5, limit=4000))(start)
    profile = control.profile(loss, found.checked().stack, points, horizon=HORIZON)
    return {
        "times": np.round(profile.times, 6).tolist(),
        "losses": profile.losses.tolist(),
        "norms": profile.norms.tolist(),
    }


def at_the_end() -> DATA:
    """The loss of the last states only."""
    return optimal(1.0, control.terminal)


def at_every_layer() -> DATA:
    """A tenth of the integral of the loss over depth."""
    return optimal(0.1, control.running)


def first_loss() -> Mapping[str, float]:
    """The loss of the points themselves, where both networks start."""
    points, loss = problem()
    return {"losses/0": float(loss(points))}


def judge_end(data: DATA) -> tuple[Check, ...]:
    """All layers work alike, and the loss is spread over depth."""
    norms, losses = np.array(data["norms"]), np.array(data["losses"])
    return (
        Check(
            "spread of the controls' norm over its mean",
            float(np.ptp(norms) / norms.mean()),
            high=0.1,
        ),
        Check("loss halfway over the first", float(losses[LAYERS // 2] / losses[0]), low=0.1),
        Check("last loss over the first", float(losses[-1] / losses[0]), high=0.1),
    )


def judge_every_layer(data: DATA) -> tuple[Check, ...]:
    """The work is done early: the loss is small halfway, and so are the controls."""
    norms, losses = np.array(data["norms"]), np.array(data["losses"])
    squares = np.cumsum(norms**2)
    return (
        Check(
            "part of the controls' energy in the first third",
            float(squares[LAYERS // 3] / squares[-1]),
            low=0.9,
        ),
        Check("loss halfway over the first", float(losses[LAYERS // 2] / losses[0]), high=0.1),
        Check("controls halfway over the first", float(norms[LAYERS // 2] / norms[0]), high=0.1),
    )


REPRODUCTIONS = (
    Reproduction(
        name="loss at the end",
        item=f"{ESTEVE}, a long horizon with a terminal loss",
        reports=(
            "that the training error falls like 1/T with the horizon; the code plots states and "
            "weights over depth"
        ),
        read="the abstract and the code; we have seen no figure",
        theirs=(
            "points in the plane, tanh, T = 36, 216 steps, mean squared error, weight decay 0.5 dt "
            "in Adam, 50 epochs"
        ),
        ours="64 points on two moons, targets (2, 2) and (-2, -2), L-BFGS to a stationary point",
        differs=(
            "data, targets and optimiser, so there is nothing to compare; the checks say what we "
            "see: all layers take part; half of a weight decay weighs the square of the controls"
        ),
        run=at_the_end,
        judge=judge_end,
        spot=first_loss,
        compared=False,
    ),
    Reproduction(
        name="loss at every layer",
        item=f"{ESTEVE}, a long horizon with the loss at every layer",
        reports=(
            "that loss and controls decay exponentially in depth; the code plots states and "
            "weights over depth"
        ),
        read="the abstract and the code; we have seen no figure",
        theirs="the same, a tenth of the integral of the loss",
        ours="the same as above",
        differs=(
            "as above; the checks say what we see: the work is done early; no flow brings all "
            "points of a moon to one target, so a little loss is left"
        ),
        run=at_every_layer,
        judge=judge_every_layer,
        spot=first_loss,
        compared=False,
    ),
)
