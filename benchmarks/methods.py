"""The same training step by us and by others: each method is a builder of a function to time.

A builder gets a `Setting` and returns a function without arguments that runs once, waits for the
result and returns it. Every method starts from the same weights, samples and targets. Peers are
imported where they are used: only their own process needs them.
"""

from collections.abc import Callable
from functools import partial
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

__all__ = ["METHODS", "Setting", "data"]


class Setting(NamedTuple):
    """The sizes of a network and of its training.

    Attributes:
        width: ``d``.
        hidden: ``m``.
        samples: ``n``.
        depth: ``L``.
        dtype: of everything.
        activation: "gelu" or "tanh".
        steps: of gradient descent, for trajectories.
        every: steps between the records of all weights.
    """

    width: int
    hidden: int
    samples: int
    depth: int
    dtype: str = "float32"
    activation: str = "gelu"
    steps: int = 0
    every: int = 1


def data(setting: Setting) -> tuple[np.ndarray, ...]:
    """Return ``V (L, d, m)``, ``W (L, m, d)``, inputs and targets ``(n, d)``."""
    rng = np.random.default_rng(0)
    d, m, n, L = setting[:4]
    shapes = ((L, d, m), (L, m, d), (n, d), (n, d))
    return tuple(rng.standard_normal(shape).astype(setting.dtype) for shape in shapes)


# ours


def _stack(block: Callable, setting: Setting, activation: Callable) -> tuple:
    import jax
    import jax.numpy as jnp

    V, W, x, y = (jnp.asarray(a) for a in data(setting))
    return jax.vmap(partial(block, activation=activation))(V, W), x, y


def _ours(iterations: int | None, integrator: str, setting: Setting) -> Callable[[], Any]:
    import jax.numpy as jnp

    from resode_lib import adjoint, blocks, integrators

    sigma = {"gelu": blocks.gelu, "tanh": jnp.tanh}[setting.activation]
    stack, x, y = _stack(blocks.FastTwoLayer, setting, sigma)
    memory = adjoint.stored if iterations is None else adjoint.reversing(iterations)
    scheme = {"integrator": integrators.get(integrator), "memory": memory}

    def loss(stack: Any) -> Any:
        return jnp.mean((adjoint.forward(stack, x, **scheme) - y) ** 2)

    return _timed_gradient(loss, stack)


def _timed_gradient(loss: Callable, stack: Any) -> Callable[[], Any]:
    """Return a compiled step on a tree of weights whose arrays are ``V`` and ``W``."""
    import jax

    step = jax.jit(jax.value_and_grad(loss))

    def run() -> tuple:
        value, gradient = jax.block_until_ready(step(stack))
        return value, *jax.tree.leaves(gradient)

    return run


def _naive_activation(setting: Setting) -> Callable:
    import jax

    return {"gelu": partial(jax.nn.gelu, approximate=False), "tanh": jax.numpy.tanh}[
        setting.activation
    ]


def _jax_scan(wrap: str, integrator: str, setting: Setting) -> Callable[[], Any]:
    """Build what one writes first: `nnx.scan` over the layers, differentiated automatically."""
    import jax.numpy as jnp
    from flax import nnx

    from resode_lib import blocks, integrators, resnet

    stack, x, y = _stack(blocks.TwoLayer, setting, _naive_activation(setting))
    method = integrators.get(integrator)
    layer = resnet.layer(method, 1 / setting.depth)
    body = {"plain": layer, "remat": nnx.remat(layer)}[wrap]
    through = nnx.scan(body, in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)

    def loss(stack: Any) -> Any:
        return jnp.mean((through(x, resnet.cells(stack, method)) - y) ** 2)

    return _timed_gradient(loss, stack)


def _on_two_devices(setting: Setting) -> Callable[[], Any]:
    """Build the stored gradient with the samples spread over two devices of one machine."""
    import jax

    jax.config.update("jax_num_cpu_devices", 2)  # before anything else asks for a device
    import jax.numpy as jnp
    from jax.sharding import Mesh
    from jax.sharding import PartitionSpec as P

    from resode_lib import blocks, resnet

    stack, x, y = _stack(blocks.FastTwoLayer, setting, blocks.gelu)

    def loss(stack: Any, x: Any, y: Any) -> Any:
        return jnp.mean((resnet.forward(stack, x) - y) ** 2)

    def share(stack: Any, x: Any, y: Any) -> Any:
        # Each device differentiates its own copy of the weights: one mean, outside of the loop.
        stack = jax.tree.map(lambda leaf: jax.lax.pcast(leaf, "i", to="varying"), stack)
        return jax.lax.pmean(jax.value_and_grad(loss)(stack, x, y), "i")

    mesh = Mesh(jax.devices(), ("i",))
    step = jax.jit(jax.shard_map(share, mesh=mesh, in_specs=(P(), P("i"), P("i")), out_specs=P()))

    def run() -> tuple:
        value, gradient = jax.block_until_ready(step(stack, x, y))
        return value, *jax.tree.leaves(gradient)

    return run


def _our_kernel(setting: Setting) -> Callable[[], Any]:
    from resode_lib import blocks, diagnostics

    return _timed_kernel(diagnostics.ntk, setting, blocks.gelu)


def _kernel_by_jacobian(setting: Setting) -> Callable[[], Any]:
    """Build the contraction of the whole Jacobian, a row for every output of every sample."""
    import jax
    import jax.numpy as jnp

    from resode_lib import resnet

    def kernel(stack: Any, x: Any) -> Any:
        leaves = jax.tree.leaves(jax.jacobian(resnet.forward)(stack, x))
        J = jnp.concatenate([leaf.reshape(x.size, -1) for leaf in leaves], axis=1)
        return setting.depth * J @ J.T

    return _timed_kernel(kernel, setting, _naive_activation(setting))


def _timed_kernel(kernel: Callable, setting: Setting, activation: Callable) -> Callable[[], Any]:
    import jax

    from resode_lib import blocks

    stack, x, _ = _stack(blocks.TwoLayer, setting, activation)
    compiled = jax.jit(kernel)
    return lambda: (jax.block_until_ready(compiled(stack, x)),)


# peers


def _diffrax(adjoint: Callable[[Any, Setting], Any], setting: Setting) -> Callable[[], Any]:
    """Build Euler by diffrax with steps of ``1/L`` through piecewise constant weights."""
    import diffrax
    import jax.numpy as jnp

    sigma = _naive_activation(setting)
    V, W, x, y = (jnp.asarray(a) for a in data(setting))
    d, m, _, L = setting[:4]

    def field(t: Any, h: Any, weights: tuple) -> Any:
        V, W = (leaf[jnp.round(t * L).astype(int)] for leaf in weights)
        return sigma(h @ W.T / sqrt(d)) @ V.T / sqrt(m)

    def loss(weights: tuple) -> Any:
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(field),
            diffrax.Euler(),
            0.0,
            1.0,
            1 / L,
            x,
            args=weights,
            adjoint=adjoint(diffrax, setting),
            max_steps=L,  # 1/L is a power of two in all our settings, so L steps it is
        )
        return jnp.mean((solution.ys[-1] - y) ** 2)

    return _timed_gradient(loss, (V, W))


def _torch_layers(setting: Setting) -> tuple:
    """Return the activation, a list of (V_k, W_k) that want gradients, inputs and targets."""
    import torch

    sigma = {"gelu": torch.nn.functional.gelu, "tanh": torch.tanh}[setting.activation]
    V, W, x, y = (torch.from_numpy(a) for a in data(setting))
    layers = [
        (v.clone().requires_grad_(), w.clone().requires_grad_()) for v, w in zip(V, W, strict=True)
    ]
    return sigma, layers, x, y


def _torch_residual(sigma: Callable, setting: Setting) -> Callable:
    d, m, _, L = setting[:4]

    def residual(h: Any, V: Any, W: Any) -> Any:
        return sigma(h @ W.T / sqrt(d)) @ V.T / (L * sqrt(m))

    return residual


def _through(residual: Callable, layers: list, h: Any) -> Any:
    """Run the loop over layers of the papers' released scripts, in our own words."""
    for V, W in layers:
        h = h + residual(h, V, W)
    return h


def _torch_step(forward: Callable, layers: list, x: Any, y: Any) -> Callable[[], Any]:
    def run() -> tuple:
        for leaf in (leaf for layer in layers for leaf in layer):
            leaf.grad = None
        loss = ((forward(x) - y) ** 2).mean()
        loss.backward()
        return loss, *([layer[i].grad for layer in layers] for i in (0, 1))

    return run


def _torch_loop(setting: Setting) -> Callable[[], Any]:
    sigma, layers, x, y = _torch_layers(setting)
    residual = _torch_residual(sigma, setting)
    return _torch_step(partial(_through, residual, layers), layers, x, y)


def _torch_reversed(setting: Setting) -> Callable[[], Any]:
    """Build the memory-free loop: states recomputed backwards by explicit steps."""
    import torch

    sigma, layers, x, y = _torch_layers(setting)
    residual = _torch_residual(sigma, setting)

    class Network(torch.autograd.Function):
        """All layers as one function with its own backward pass."""

        @staticmethod
        def forward(ctx: Any, h: Any, *weights: Any) -> Any:
            last = _through(residual, layers, h)
            ctx.save_for_backward(last)
            return last

        @staticmethod
        def backward(ctx: Any, a: Any) -> tuple:
            (h,) = ctx.saved_tensors
            gradients = []
            for V, W in reversed(layers):
                h = (h - residual(h, V, W)).detach().requires_grad_()
                with torch.enable_grad():
                    out = h + residual(h, V, W)
                a, dV, dW = torch.autograd.grad(out, (h, V, W), a)
                gradients[:0] = [dV, dW]
                h = h.detach()
            return a, *gradients

    flat = [leaf for layer in layers for leaf in layer]
    return _torch_step(lambda h: Network.apply(h, *flat), layers, x, y)


# trajectories of gradient descent, all weights recorded


RATE = 1e-2


def _our_trajectory(setting: Setting) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    from resode_lib import blocks, resnet, training

    stack, x, y = _stack(blocks.FastTwoLayer, setting, blocks.gelu)

    def loss(stack: Any) -> Any:
        return jnp.mean((resnet.forward(stack, x) - y) ** 2)

    def train(stack: Any) -> Any:
        return training.gradient_descent(
            loss, stack, rate=RATE, steps=setting.steps, every=setting.every, record=lambda p: p
        )

    train = jax.jit(train)

    def run() -> tuple:
        result = jax.block_until_ready(train(stack))
        return result.losses, *jax.tree.leaves(result.parameters)

    return run


def _torch_trajectory(setting: Setting) -> Callable[[], Any]:
    import torch

    sigma, layers, x, y = _torch_layers(setting)
    forward = partial(_through, _torch_residual(sigma, setting), layers)
    step = _torch_step(forward, layers, x, y)
    flat = [leaf for layer in layers for leaf in layer]
    start = [leaf.detach().clone() for leaf in flat]
    optimizer = torch.optim.SGD(flat, lr=RATE * setting.depth)

    def snapshot() -> list:
        with torch.no_grad():
            return [torch.stack(flat[i::2]) for i in (0, 1)]

    def run() -> tuple:
        with torch.no_grad():
            for leaf, first in zip(flat, start, strict=True):
                leaf.copy_(first)
        losses, records = [], []
        for k in range(setting.steps):
            loss = step()[0]
            if k % setting.every == 0:
                losses.append(loss.item())
                records.append(snapshot())
            optimizer.step()
        last = ((forward(x) - y) ** 2).mean().item()
        return np.array([*losses, last]), *snapshot()

    return run


METHODS: dict[str, Callable[[Setting], Callable[[], Any]]] = {
    "ours, stored": partial(_ours, None, "euler"),
    "ours, reversing(0)": partial(_ours, 0, "euler"),
    "ours, reversing(2)": partial(_ours, 2, "euler"),
    "ours, Heun, reversing(0)": partial(_ours, 0, "heun"),
    "ours, two devices": _on_two_devices,
    "ours, kernel": _our_kernel,
    "kernel by the Jacobian": _kernel_by_jacobian,
    "nnx.scan": partial(_jax_scan, "plain", "euler"),
    "nnx.scan, nnx.remat": partial(_jax_scan, "remat", "euler"),
    "nnx.scan, Heun": partial(_jax_scan, "plain", "heun"),
    "diffrax": partial(_diffrax, lambda diffrax, s: diffrax.RecursiveCheckpointAdjoint()),
    "diffrax, checkpoints=L": partial(
        _diffrax, lambda diffrax, s: diffrax.RecursiveCheckpointAdjoint(checkpoints=s.depth)
    ),
    "torch loop": _torch_loop,
    "torch, memory-free": _torch_reversed,
    "ours, trajectory": _our_trajectory,
    "torch, trajectory": _torch_trajectory,
}
"""Every method by name. ``@2`` behind a name in a benchmark means two threads."""
