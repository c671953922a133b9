"""Training: gradients in the metric of depth, gradient descent and gradient flow.

The gradient for the inner product ``1/L sum_k <a_k, b_k>`` of weights in depth is ``L`` times the
Euclidean one. That factor lives in `scale_by_depth`, and nowhere else. Embedding and readout have
no depth, hence no factor. Which weights have depth is said by `residual`, or by the caller.

A run with a ``folder`` is saved there and goes on there. The folder knows its run: the program of a
step (loss, data, optimiser, rate, clipping), the start, what is recorded, and the version of JAX.
Another run is refused. It saves arrays as NumPy does: of a training that is spread over several
machines save the parameters yourself, for example with orbax.
"""

from collections.abc import Callable
from os import PathLike
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.tree_util import keystr, tree_leaves_with_path

from resode_lib import continuous, stacks
from resode_lib._saved import Saved, of_arrays, of_program
from resode_lib._types import Array, Float, Key, Scalar, Stack, Times

__all__ = [
    "Trajectory",
    "clip_coordinates",
    "depth_gradient",
    "depth_norm",
    "gradient_descent",
    "gradient_flow",
    "mean_squared_error",
    "optimise",
    "residual",
    "scale_by_depth",
]

Parameters = Any
"""What is trained: a stack, a `resode_lib.resnet.ResNet`, or any model with a stack in it."""

Where = Callable[[Parameters], Stack]
"""Which part of a model is the stack, ``model -> stack``."""

Loss = Callable[[Parameters], Scalar]
Clip = Callable[[Array], Array]
Record = Callable[[Parameters], Any]
Progress = Callable[[int, int, float], Any]

PARTS = 20
"""A run that reports or saves does so this many times."""


class Trajectory(NamedTuple):
    """What a training left behind.

    Attributes:
        times: training times of the records, shape (r,); step times rate for gradient descent.
        losses: the loss at each of them, shape (r,).
        records: what ``record`` returned, every array with a leading axis r.
        parameters: the parameters at the last time.
    """

    times: Float[Array, " r"]
    losses: Float[Array, " r"]
    records: Any
    parameters: Parameters


def mean_squared_error(
    prediction: Float[Array, "n outputs"], target: Float[Array, "n outputs"]
) -> Float[Array, ""]:
    """Return ``1/n sum_i ||F(x_i) - y_i||^2``: a sum over outputs, a mean over samples, no 1/2.

    Source: :cite:t:`marion2024implicit`, Section 3.
    """
    return jnp.sum((prediction - target) ** 2, axis=-1).mean()


def clip_coordinates(bound: float) -> Clip:
    """Return the clipping ``g -> max(-bound, min(g, bound))``, entry by entry.

    It is bounded and Lipschitz, all that the clipped gradient flow asks for.

    Raises:
        ValueError: if ``bound`` is not positive: nothing would move.

    Source: :cite:t:`marion2024implicit`, Section 3.
    """
    if bound <= 0:
        raise ValueError(f"clipping needs a positive bound, got {bound}; give for example 1.0.")
    return lambda g: jnp.clip(g, -bound, bound)


def unclipped(g: Array) -> Array:
    """Return ``g``."""
    return g


def nothing(parameters: Parameters) -> tuple:
    """Record nothing but the loss."""
    return ()


def residual(parameters: Parameters) -> Stack:
    """Return the stack in a model: its attribute ``stack``; without one, all of it is the stack.

    Raises:
        ValueError: if there is none, but a single ``nnx.Linear``, which is no stack of them: then
            say where the stack is.
    """
    if hasattr(parameters, "stack"):
        return parameters.stack
    for path, part in tree_leaves_with_path(parameters, is_leaf=_is_linear):
        if _is_linear(part) and jax.tree.leaves(part.kernel)[0].ndim == 2:
            name = keystr(path) or "the model"
            raise ValueError(
                f"{name} is one nnx.Linear and no stack of them, so not all of the model is a "
                "stack; say which part is, for example where=lambda model: model.layers."
            )
    return parameters


def _is_linear(part: object) -> bool:
    return isinstance(part, nnx.Linear)


def _have_depth(parameters: Parameters, where: Where) -> tuple[list[bool], int]:
    """Return for each array of a model whether it belongs to the stack, and the depth ``L``."""
    depth = stacks.depth(where(parameters))
    leaves, structure = jax.tree.flatten(parameters)
    marks = [np.full((1, 1, 1), number) for number in range(len(leaves))]
    inside = {
        int(mark.item()) for mark in jax.tree.leaves(where(jax.tree.unflatten(structure, marks)))
    }
    return [number in inside for number in range(len(leaves))], depth


def _in_depth(gradient: Parameters, where: Where) -> Parameters:
    """Multiply the gradient of residual weights by their depth ``L``."""
    inside, depth = _have_depth(gradient, where)
    leaves, structure = jax.tree.flatten(gradient)
    scaled = [depth * leaf if scales else leaf for leaf, scales in zip(leaves, inside, strict=True)]
    return jax.tree.unflatten(structure, scaled)


def scale_by_depth(where: Where = residual) -> optax.GradientTransformation:
    """Return the factor ``L`` for an optimiser and a loop of one's own.

    Put it first: ``optax.chain(scale_by_depth(lambda model: model.layers), optax.adam(1e-3))``.
    With ``optax.sgd`` it is `gradient_descent`.

    Args:
        where: which part of a model is the stack; nothing else is scaled.
    """
    return optax.stateless(lambda gradient, _: _in_depth(gradient, where))


def depth_gradient(
    loss: Loss, parameters: Parameters, *, clip: Clip = unclipped, where: Where = residual
) -> tuple[Scalar, Parameters]:
    r"""Return the loss and its gradient for the :math:`L^2` inner product in depth.

    Residual weights get ``L dl/dZ_k``, embedding and readout ``dl/dA`` and ``dl/dB``. The
    Euclidean ``dl/dZ_k`` is ``O(1/L)``: without the factor training freezes as ``L`` grows.
    Clipping comes after the factor, or it would never act on a deep network.

    Args:
        loss: the loss of the parameters.
        parameters: a stack (all of it residual weights), or a model with a stack in it.
        clip: applied to every array of the scaled gradient.
        where: which part of a model is the stack.

    Returns:
        The loss and the gradient, in the structure of ``parameters``.

    Raises:
        TypeError: if ``parameters`` hold what no gradient should move, as in
            `resode_lib.stacks.depth`.

    Source: :cite:t:`marion2024implicit`, Section 3.
    """
    stacks.require_weights(parameters)
    value, gradient = jax.value_and_grad(loss)(parameters)
    return value, jax.tree.map(clip, _in_depth(gradient, where))


def depth_norm(parameters: Parameters, *, where: Where = residual) -> Float[Array, ""]:
    r"""Return the norm :math:`(\|A\|^2 + \|B\|^2 + \tfrac1L \sum_k \|Z_k\|^2)^{1/2}`.

    It is the norm whose gradient is `depth_gradient`; along the gradient flow
    ``-d loss / dt = depth_norm(depth_gradient)^2``.

    Args:
        parameters: a stack or a model, or a difference of two.
        where: which part of a model is the stack.
    """
    inside, depth = _have_depth(parameters, where)
    squares = [jnp.sum(leaf**2) for leaf in jax.tree.leaves(parameters)]
    layers = sum(s for s, scales in zip(squares, inside, strict=True) if scales)
    ends = sum(s for s, scales in zip(squares, inside, strict=True) if not scales)
    return jnp.sqrt(ends + layers / depth)


def gradient_descent(
    loss: Loss,
    parameters: Parameters,
    *,
    rate: float,
    steps: int,
    every: int = 1,
    record: Record = nothing,
    clip: Clip = unclipped,
    progress: Progress | None = None,
    folder: PathLike | str | None = None,
    where: Where = residual,
) -> Trajectory:
    """Run ``theta <- theta - rate * depth_gradient``: Euler's scheme for the gradient flow.

    Training time moves by ``rate`` per step, so the learning rate of a residual weight is
    ``rate * L``. The whole run is one compiled loop, cut into parts only to report or to save.

    Args:
        loss: the loss of the parameters.
        parameters: where to start: a stack or a model.
        rate: the step in training time.
        steps: how many steps.
        every: record the loss, and what ``record`` returns, every so many steps and at the end.
        record: chosen quantities, ``parameters -> arrays``.
        clip: see `depth_gradient`.
        progress: called as ``progress(done, steps, loss)`` from time to time.
        folder: where to keep the run; called again with the same arguments, or more steps, it goes
            on there.
        where: see `depth_gradient`.

    Returns:
        The trajectory, ``steps / every + 1`` records.

    Raises:
        ValueError: if ``every`` does not divide ``steps``, or ``folder`` holds another run, or
            more steps of this one.

    Source: :cite:t:`marion2024implicit`, Section 5 (the discretised flow).
    """

    def step(theta: Parameters, k: Array, _: Any) -> tuple[Parameters, Scalar]:
        value, gradient = depth_gradient(loss, theta, clip=clip, where=where)
        return jax.tree.map(lambda leaf, g: leaf - rate * g, theta, gradient), value

    loop = Loop(step, record, every)
    theta, losses, records = loop.run(parameters, steps, progress=progress, folder=folder)
    return _trajectory(rate * every, losses, jax.jit(loss)(theta), records, theta)


def optimise(
    loss: Callable[..., Scalar],
    parameters: Parameters,
    optimizer: optax.GradientTransformation,
    *,
    steps: int,
    key: Key | None = None,
    every: int = 1,
    record: Record = nothing,
    clip: Clip = unclipped,
    progress: Progress | None = None,
    folder: PathLike | str | None = None,
    where: Where = residual,
) -> Trajectory:
    """Train with an optimiser of optax, fed with the depth gradient.

    For comparison with `gradient_descent`: momentum, Adam, and with a ``key`` stochastic
    gradients. The theory of the course covers none of them.

    Args:
        loss: the loss of the parameters; with ``key``, of the parameters and a fresh key, from
            which it draws its minibatch.
        parameters: where to start.
        optimizer: for example ``optax.adam(1e-3)``.
        steps: how many steps; the times of the trajectory count them.
        key: a random key, if the loss draws.
        every: as in `gradient_descent`, like all that follows.
        record: chosen quantities, ``parameters -> arrays``.
        clip: see `depth_gradient`.
        progress: called as ``progress(done, steps, loss)``.
        folder: where to keep the run.
        where: see `depth_gradient`.

    Raises:
        ValueError: as `gradient_descent`.
    """

    def loss_at(theta: Parameters, k: Array) -> Scalar:
        return loss(theta) if key is None else loss(theta, jax.random.fold_in(key, k))

    def step(state: tuple, k: Array, _: Any) -> tuple[tuple, Scalar]:
        theta, memory = state
        value, gradient = depth_gradient(
            lambda theta: loss_at(theta, k), theta, clip=clip, where=where
        )
        updates, memory = optimizer.update(gradient, memory, theta)
        return (optax.apply_updates(theta, updates), memory), value

    loop = Loop(step, lambda state: record(state[0]), every)
    start = (parameters, optimizer.init(parameters))
    (theta, _), losses, records = loop.run(start, steps, progress=progress, folder=folder)
    last = jax.jit(loss_at)(theta, jnp.asarray(steps))
    return _trajectory(every, losses, last, records, theta)


def gradient_flow(
    loss: Loss,
    parameters: Parameters,
    *,
    times: Times,
    record: Record = nothing,
    clip: Clip = unclipped,
    tolerance: float = 1e-8,
    where: Where = residual,
) -> Trajectory:
    """Solve ``d theta / dt = -depth_gradient`` accurately, from the first of ``times``.

    Args:
        loss: the loss of the parameters.
        parameters: where to start: a stack or a model, float64.
        times: increasing training times; the first is the start.
        record: chosen quantities, ``parameters -> arrays``, at each time.
        clip: see `depth_gradient`; the clipped flow exists for all times.
        tolerance: of the adaptive solver, relative and absolute.
        where: see `depth_gradient`.

    Raises:
        TypeError: if the parameters are not float64.

    Source: :cite:t:`marion2024implicit`, Section 3.
    """

    def field(t: Scalar, theta: Parameters) -> Parameters:
        _, gradient = depth_gradient(loss, theta, clip=clip, where=where)
        return jax.tree.map(jnp.negative, gradient)

    (losses, records), parameters = continuous.evolve(
        field,
        parameters,
        times=times,
        observe=lambda theta: (loss(theta), record(theta)),
        tolerance=tolerance,
    )
    return Trajectory(times, losses, records, parameters)


def _trajectory(
    pace: int | float, losses: Array, last: Scalar, records: Any, parameters: Parameters
) -> Trajectory:
    """Put the last loss behind the others; ``pace`` is the time from record to record."""
    losses = jnp.append(losses, last)
    times = pace * jnp.arange(len(losses), dtype=losses.dtype)
    return Trajectory(times, losses, records, parameters)


class Loop:
    """The loop over steps of every training: compiled, it can stop between its parts and go on.

    Args:
        step: ``(state, k, data) -> (state, loss before the step)``.
        record: chosen quantities, ``state -> arrays``.
        every: how many steps lie between records.
    """

    def __init__(
        self,
        step: Callable[[Any, Array, Any], tuple[Any, Scalar]],
        record: Record,
        every: int = 1,
    ):
        self.step, self.record, self.every = step, record, every
        self._advance = jax.jit(self._parts, static_argnames="length")

    def run(
        self,
        state: Any,
        steps: int,
        *,
        data: Any = (),
        parts: int | None = None,
        progress: Progress | None = None,
        folder: PathLike | str | None = None,
        identity: dict[str, str] | None = None,
    ) -> tuple[Any, Array, Any]:
        """Run all steps, from the folder's last saved part if there is one.

        Args:
            state: where to start.
            steps: how many steps in all.
            data: what every step sees beside the state.
            parts: in how many parts it runs; left out, about 20 if it reports or saves.
            progress: called as ``progress(done, steps, loss)`` after each part.
            folder: where to save.
            identity: what else makes it this run, names and values.

        Returns:
            The last state, the losses before each ``every`` steps, and the records there and at
            the end.

        Raises:
            ValueError: if ``every`` does not divide ``steps``, or the folder holds another run.
        """
        if self.every < 1 or steps % self.every:
            raise ValueError(
                f"records come every so many steps: got every = {self.every} for {steps} steps; "
                "take a divisor."
            )
        blocks = steps // self.every
        alone = progress is None and folder is None
        part = max(1, blocks // (parts or (1 if alone else PARTS)))
        done, pieces, saved = 0, [], None
        if folder is not None:
            saved = Saved(folder, (identity or {}) | self._identity(state, data))
            done, state, pieces = self._restored(saved, state, data, steps)
        while done < blocks:
            length = min(part, blocks - done)
            state, piece = self._advance(state, done, data, length=length)
            done += length
            pieces.append(piece)
            if saved is not None:
                pieces = [_joined(pieces)]
                saved.save(done, (state, pieces[0]))
            if progress is not None:
                progress(done * self.every, steps, float(piece[0][-1]))
        last = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], jax.jit(self.record)(state))
        if not pieces:
            return state, jnp.zeros(0), last
        losses, records = _joined(pieces)
        return state, losses, _joined([records, last])

    def _parts(self, state: Any, done: Array, data: Any, length: int) -> tuple:
        """Take ``length`` times ``every`` steps, with a record before each ``every``."""

        def block(state: Any, b: Array) -> tuple:
            record = self.record(state)
            ks = b * self.every + jnp.arange(self.every)
            state, losses = jax.lax.scan(lambda state, k: self.step(state, k, data), state, ks)
            return state, (losses[0], record)

        return jax.lax.scan(block, state, done + jnp.arange(length))

    def _identity(self, state: Any, data: Any) -> dict[str, str]:
        """What shapes the result: another value of one of these is another run."""
        return {
            "version of JAX": jax.__version__,
            "start": of_arrays(state),
            "data": of_arrays(data),
            "step (loss, optimiser, rate, clip, key, data)": of_program(
                self.step, state, jnp.asarray(0), data
            ),
            "record": of_program(self.record, state),
            "every": str(self.every),
        }

    def _restored(self, saved: Saved, state: Any, data: Any, steps: int) -> tuple[int, Any, list]:
        """Return how many blocks are done, the state then, and the pieces so far."""
        _, piece = jax.eval_shape(lambda *a: self._parts(*a, length=1), state, 0, data)
        found = saved.restore((state, piece))
        if found is None:
            return 0, state, []
        done, (state, piece) = found
        if done * self.every > steps:
            raise ValueError(
                f"{saved.file.parent} holds {done * self.every} steps of this run, got steps = "
                f"{steps}: what it was then is not kept. Ask for as many or more, or name another "
                "folder."
            )
        return done, state, [piece]


def _joined(pieces: list) -> Any:
    """Return the pieces one after the other, array by array."""
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *pieces)
