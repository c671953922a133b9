"""Checks for the exercises on a first network and its training."""

from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from resode_course._feedback import NO_RETURN, Feedback, first_wrong, recognised

__all__ = ["CHECKS"]

Weights = tuple[np.ndarray | jax.Array, ...]


def _weights(rng: np.random.Generator, depth: int, hidden: int) -> Weights:
    shapes = (depth, 3, hidden), (depth, hidden, 3), (depth, hidden)
    return tuple(rng.standard_normal(shape) for shape in shapes)


def _states(V: np.ndarray, W: np.ndarray, b: np.ndarray, h: np.ndarray, scale: float) -> np.ndarray:
    """All states of the network whose residuals are multiplied by ``scale``."""
    states = [h]
    for k in range(len(V)):
        h = h + scale * np.tanh(h @ W[k].T + b[k]) @ V[k].T
        states.append(h)
    return np.array(states)


@first_wrong
def check_forward(answers: Callable) -> Iterator[Feedback]:
    """Check ``answers(V, W, b, points)``: the last coordinate of the last states."""
    rng = np.random.default_rng(3)
    for depth, hidden in ((2, 5), (7, 3), (1, 4)):
        V, W, b = _weights(rng, depth, hidden)
        points = rng.standard_normal((6, 2))
        start = np.concatenate([points, np.zeros((6, 1))], axis=1)
        states = _states(V, W, b, start, 1 / depth)
        residuals = np.tanh(start @ W[-1].T + b[-1]) @ V[-1].T / depth
        mistakes = {
            "The factor 1/L is missing.": _states(V, W, b, start, 1.0)[-1, :, 2],
            "The bias b is missing.": _states(V, W, 0 * b, start, 1 / depth)[-1, :, 2],
            "The state is never updated: only the last layer acts.": (start + residuals)[:, 2],
            "This is the first coordinate; the answer is the last one.": states[-1, :, 0],
            "The layers act in reverse order.": _states(
                V[::-1], W[::-1], b[::-1], start, 1 / depth
            )[-1, :, 2],
        }
        got = answers(V, W, b, points)
        if np.shape(got) == (6, 3):
            yield "These are the last states; the answer is their last coordinate."
        yield recognised(got, states[-1, :, 2], mistakes, "The numbers are other ones.")


def _bowl(weights: Weights) -> jax.Array:
    """A loss with one minimum; no two weights are alike."""
    return sum(jnp.sum((1 + n) * (w - n) ** 2) for n, w in enumerate(weights)) / len(weights[0])


def _descended(weights: Weights, rate: float, steps: int) -> Weights:
    for _ in range(steps):
        gradient = jax.grad(_bowl)(weights)
        weights = tuple(w - rate * g for w, g in zip(weights, gradient, strict=True))
    return weights


def _flat(weights: Weights) -> np.ndarray:
    return np.concatenate([np.ravel(w) for w in weights])


@first_wrong
def check_train(trained: Callable) -> Iterator[Feedback]:
    """Check ``trained(loss, weights, rate, steps)``: gradient descent at ``rate L``."""
    rng = np.random.default_rng(4)
    for depth, steps in ((4, 3), (6, 1), (4, 0)):
        weights = tuple(map(jnp.asarray, _weights(rng, depth, 2)))
        got = trained(_bowl, weights, 0.05, steps)
        if got is None:
            yield NO_RETURN
            return
        if not isinstance(got, tuple | list) or len(got) != 3:
            yield "Return the weights: a tuple of as many arrays as you were given."
            return
        up = _descended(weights, -0.05 * depth, steps)
        mistakes = {
            "The factor L is missing: the rate is multiplied by the depth.": _flat(
                _descended(weights, 0.05, steps)
            ),
            "The weights move uphill: subtract the gradient.": _flat(up),
            "One step too many.": _flat(_descended(weights, 0.05 * depth, steps + 1)),
            "Only one step was made.": _flat(_descended(weights, 0.05 * depth, min(steps, 1))),
            "The gradient is that of the start in every step.": _flat(
                tuple(
                    w - steps * 0.05 * depth * g
                    for w, g in zip(weights, jax.grad(_bowl)(weights), strict=True)
                )
            ),
        }
        expected = _flat(_descended(weights, 0.05 * depth, steps))
        yield recognised(_flat(got), expected, mistakes, "The weights are other ones.")


@first_wrong
def check_steps(steps_needed: Callable) -> Iterator[Feedback]:
    """Check ``steps_needed(loss, weights, rate, goal)`` on the square of one number.

    A step multiplies ``w`` by ``1 - 2 rate``, so that the loss is ``(1 - 2 rate)^(2 k)``.
    """
    for rate, goal in ((0.05, 0.5), (0.01, 0.1), (0.2, 1.5)):
        count = max(0, int(np.floor(np.log(goal) / (2 * np.log(1 - 2 * rate)))) + 1)
        got = steps_needed(
            lambda weights: jnp.sum(weights[0] ** 2), (jnp.ones((1, 1)),), rate, goal
        )
        mistakes = {
            "One too many: how many steps were made when the loss is below the goal?": count + 1,
            "One too few: the loss is not below the goal yet.": count - 1,
        }
        yield recognised(got, count, mistakes, f"Got {got} steps, it takes {count}.")


CHECKS = {
    "ex-network-forward": check_forward,
    "ex-network-train": check_train,
    "ex-network-steps": check_steps,
}
"""Checks by the label of the exercise."""
