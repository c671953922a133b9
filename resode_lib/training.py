"""Training: gradients in the metric of depth, gradient descent and gradient flow.

The gradient for the inner product ``1/L sum_k <a_k, b_k>`` of weights in depth is ``L`` times the
Euclidean one. That factor lives in `depth_gradient`, and nowhere else. Embedding and readout have
no depth, hence no factor.
"""

import hashlib
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from resode_lib import continuous, stacks
from resode_lib._types import Array, Float, Key, Scalar
from resode_lib.resnet import ResNet

__all__ = [
    "Trajectory",
    "clip_coordinates",
    "depth_gradient",
    "depth_norm",
    "gradient_descent",
    "gradient_flow",
    "mean_squared_error",
    "optimise",
]

Parameters = Any
"""A stack, or a `ResNet`: what is trained."""

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


def _in_depth(gradient: Parameters) -> Parameters:
    """Multiply the gradient of residual weights by their depth ``L``."""
    if isinstance(gradient, ResNet):
        return ResNet(gradient.A[...], _in_depth(gradient.stack), gradient.B[...])
    depth = stacks.depth(gradient)
    return jax.tree.map(lambda leaf: depth * leaf, gradient)


def depth_gradient(
    loss: Loss, parameters: Parameters, *, clip: Clip = unclipped
) -> tuple[Scalar, Parameters]:
    r"""Return the loss and its gradient for the :math:`L^2` inner product in depth.

    Residual weights get ``L dl/dZ_k``, embedding and readout ``dl/dA`` and ``dl/dB``. The
    Euclidean ``dl/dZ_k`` is ``O(1/L)``: without the factor training freezes as ``L`` grows.
    Clipping comes after the factor, or it would never act on a deep network.

    Args:
        loss: the loss of the parameters.
        parameters: a stack (all of it residual weights) or a `ResNet`.
        clip: applied to every array of the scaled gradient.

    Returns:
        The loss and the gradient, in the structure of ``parameters``.

    Source: :cite:t:`marion2024implicit`, Section 3.
    """
    value, gradient = jax.value_and_grad(loss)(parameters)
    return value, jax.tree.map(clip, _in_depth(gradient))


def depth_norm(parameters: Parameters) -> Float[Array, ""]:
    r"""Return the norm :math:`(\|A\|^2 + \|B\|^2 + \tfrac1L \sum_k \|Z_k\|^2)^{1/2}`.

    It is the norm whose gradient is `depth_gradient`; along the gradient flow
    ``-d loss / dt = depth_norm(depth_gradient)^2``.

    Args:
        parameters: a stack or a `ResNet`, or a difference of two.
    """
    return jnp.sqrt(_squared(parameters))


def _squared(parameters: Parameters) -> Array:
    if isinstance(parameters, ResNet):
        ends = jnp.sum(parameters.A[...] ** 2) + jnp.sum(parameters.B[...] ** 2)
        return ends + _squared(parameters.stack)
    leaves = jax.tree.leaves(parameters)
    return jnp.asarray(sum(jnp.sum(leaf**2) for leaf in leaves)) / stacks.depth(parameters)


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
) -> Trajectory:
    """Run ``theta <- theta - rate * depth_gradient``: Euler's scheme for the gradient flow.

    Training time moves by ``rate`` per step, so the learning rate of a residual weight is
    ``rate * L``. The whole run is one compiled loop, cut into parts only to report or to save.

    Args:
        loss: the loss of the parameters.
        parameters: where to start: a stack or a `ResNet`.
        rate: the step in training time.
        steps: how many steps.
        every: record the loss, and what ``record`` returns, every so many steps and at the end.
        record: chosen quantities, ``parameters -> arrays``.
        clip: see `depth_gradient`.
        progress: called as ``progress(done, steps, loss)`` from time to time.
        folder: where to keep the run; called again with the same arguments it goes on there.

    Returns:
        The trajectory, ``steps / every + 1`` records.

    Raises:
        ValueError: if ``every`` does not divide ``steps``, or ``folder`` holds another run.

    Source: :cite:t:`marion2024implicit`, Section 5 (the discretised flow).
    """

    def step(theta: Parameters, k: Array) -> tuple[Parameters, Scalar]:
        value, gradient = depth_gradient(loss, theta, clip=clip)
        return jax.tree.map(lambda leaf, g: leaf - rate * g, theta, gradient), value

    run = _Run(step, lambda theta: theta, loss, record, steps, every)
    return run.trajectory(parameters, rate, progress, folder)


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

    Raises:
        ValueError: as `gradient_descent`.
    """

    def loss_at(theta: Parameters, k: Array) -> Scalar:
        return loss(theta) if key is None else loss(theta, jax.random.fold_in(key, k))

    def step(state: tuple, k: Array) -> tuple[tuple, Scalar]:
        theta, memory = state
        value, gradient = depth_gradient(lambda theta: loss_at(theta, k), theta, clip=clip)
        updates, memory = optimizer.update(gradient, memory, theta)
        return (optax.apply_updates(theta, updates), memory), value

    last = jnp.asarray(steps)
    run = _Run(step, lambda state: state[0], lambda p: loss_at(p, last), record, steps, every)
    return run.trajectory((parameters, optimizer.init(parameters)), 1.0, progress, folder)


def gradient_flow(
    loss: Loss,
    parameters: Parameters,
    *,
    times: Float[Array, " r"],
    record: Record = nothing,
    clip: Clip = unclipped,
    tolerance: float = 1e-8,
) -> Trajectory:
    """Solve ``d theta / dt = -depth_gradient`` accurately, from the first of ``times``.

    Args:
        loss: the loss of the parameters.
        parameters: where to start: a stack or a `ResNet`, float64.
        times: increasing training times; the first is the start.
        record: chosen quantities, ``parameters -> arrays``, at each time.
        clip: see `depth_gradient`; the clipped flow exists for all times.
        tolerance: of the adaptive solver, relative and absolute.

    Raises:
        TypeError: if the parameters are not float64.

    Source: :cite:t:`marion2024implicit`, Section 3.
    """

    def field(t: Scalar, theta: Parameters) -> Parameters:
        _, gradient = depth_gradient(loss, theta, clip=clip)
        return jax.tree.map(jnp.negative, gradient)

    (losses, records), parameters = continuous.evolve(
        field,
        parameters,
        times=times,
        observe=lambda theta: (loss(theta), record(theta)),
        tolerance=tolerance,
    )
    return Trajectory(times, losses, records, parameters)


class _Run(NamedTuple):
    """A loop over steps, compiled, that can stop between its parts and go on later.

    Attributes:
        step: ``(state, k) -> (state, loss before the step)``.
        parameters: the parameters in a state.
        last_loss: the loss after the last step.
        record: chosen quantities of the parameters.
        steps: how many steps in all.
        every: steps between records.
    """

    step: Callable[[Any, Array], tuple[Any, Scalar]]
    parameters: Callable[[Any], Parameters]
    last_loss: Loss
    record: Record
    steps: int
    every: int

    def trajectory(
        self,
        state: Any,
        rate: float,
        progress: Progress | None,
        folder: PathLike | str | None,
    ) -> Trajectory:
        """Run all steps, from the folder's last saved part if there is one."""
        if self.every < 1 or self.steps % self.every:
            raise ValueError(
                f"records come every so many steps: got every = {self.every} for {self.steps} "
                "steps; take a divisor."
            )
        blocks = self.steps // self.every
        part = blocks if progress is None and folder is None else max(1, blocks // PARTS)
        done, pieces = 0, []
        if folder is not None:
            saved = _Saved(Path(folder), state, self.every, rate)
            observed = jax.eval_shape(self._observe, self.parameters(state))
            done, state, pieces = saved.restore(state, observed)
        advance = jax.jit(self._advance, static_argnames="length")
        while done < blocks:
            length = min(part, blocks - done)
            state, observed = advance(state, done, length=length)
            done += length
            pieces.append(observed)
            if folder is not None:
                saved.save(done, state, pieces)
            if progress is not None:
                progress(done * self.every, self.steps, float(observed[0][-1]))
        theta = self.parameters(state)
        last = jax.tree.map(lambda leaf: leaf[None], jax.jit(self._observe)(theta))
        losses, records = _joined([*pieces, last])
        times = rate * self.every * jnp.arange(blocks + 1, dtype=losses.dtype)
        return Trajectory(times, losses, records, theta)

    def _observe(self, theta: Parameters) -> tuple:
        return jnp.asarray(self.last_loss(theta)), self.record(theta)

    def _advance(self, state: Any, done: Array, length: int) -> tuple:
        """Take ``length`` times ``every`` steps, with a record before each ``every``."""

        def block(state: Any, b: Array) -> tuple:
            record = self.record(self.parameters(state))
            ks = b * self.every + jnp.arange(self.every)
            state, losses = jax.lax.scan(self.step, state, ks)
            return state, (losses[0], record)

        return jax.lax.scan(block, state, done + jnp.arange(length))


def _joined(pieces: list) -> Any:
    """Return the pieces one after the other, array by array."""
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *pieces)


class _Saved:
    """The saved parts of a run in a folder; each save is whole or absent.

    Orbax is imported where it saves: most runs are short, and need not wait for it.
    """

    def __init__(self, folder: Path, start: Any, every: int, rate: float):
        start = b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(start))
        digest = np.frombuffer(hashlib.sha256(start).digest(), np.uint8)
        self.folder = folder.absolute()
        self.identity = {"every": every, "rate": rate, "start": digest.astype(np.int32)}

    def save(self, done: int, state: Any, pieces: list) -> None:
        """Write all that the rest of the run needs; return when it is on the disk."""
        import orbax.checkpoint as ocp

        leaves = {"state": jax.tree.leaves(state), "observed": jax.tree.leaves(_joined(pieces))}
        content = {"identity": jax.tree.map(np.asarray, self.identity), **leaves}
        options = ocp.CheckpointManagerOptions(max_to_keep=2)
        with ocp.CheckpointManager(self.folder, options=options) as manager:
            manager.save(done, args=ocp.args.StandardSave(content))
            manager.wait_until_finished()

    def restore(self, state: Any, observed: Any) -> tuple[int, Any, list]:
        """Return how many blocks are done, the state then, and what was observed so far.

        Raises:
            ValueError: if the folder holds another run.
        """
        import orbax.checkpoint as ocp

        if not self.folder.exists():
            return 0, state, []
        with ocp.CheckpointManager(self.folder) as manager:
            done = manager.latest_step()
            if done is None:
                return 0, state, []
            content = manager.restore(done, args=ocp.args.StandardRestore())
        for name, value in self.identity.items():
            if not np.array_equal(content["identity"][name], value):
                raise ValueError(
                    f"{self.folder} holds another run: its {name!r} differs from this one's. "
                    "Name another folder, or call with the arguments of the run that began there."
                )
        state = jax.tree.unflatten(jax.tree.structure(state), content["state"])
        observed = jax.tree.unflatten(jax.tree.structure(observed), content["observed"])
        return done, state, [observed]
