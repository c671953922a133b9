"""One gradient, by us and by others: each method is a builder of a function to time.

A builder gets a `Setting` and returns a function without arguments that runs once, waits for the
result and returns it. Every method starts from the same weights, samples and targets. Peers are
imported where they are used: only their own process needs them.
"""

from collections.abc import Callable
from functools import partial
from math import sqrt
from typing import Any

from evidence.benchmarks._setting import Setting, data

__all__ = [
    "LOSSES",
    "METHODS",
    "naive_activation",
    "stack_of",
    "through",
    "torch_layers",
    "torch_residual",
    "torch_step",
]

# in JAX: a loss, and the tree of weights at which it is differentiated


def stack_of(block: Callable, setting: Setting, activation: Callable) -> tuple:
    """Return all layers as one stack, inputs and targets."""
    import jax
    import jax.numpy as jnp

    V, W, x, y = (jnp.asarray(a) for a in data(setting))
    return jax.vmap(partial(block, activation=activation))(V, W), x, y


def _ours(iterations: int | None, integrator: str, setting: Setting) -> tuple:
    import jax.numpy as jnp

    from evidence.benchmarks.own_derivative import FastTwoLayer
    from resode_lib import adjoint, blocks, integrators

    sigma = {"gelu": blocks.gelu, "tanh": jnp.tanh}[setting.activation]
    stack, x, y = stack_of(FastTwoLayer, setting, sigma)
    memory = adjoint.stored if iterations is None else adjoint.reversing(iterations)
    scheme = {"integrator": integrators.get(integrator), "memory": memory}
    return lambda stack: jnp.mean((adjoint.forward(stack, x, **scheme) - y) ** 2), stack


def naive_activation(setting: Setting) -> Callable:
    """Return the activation as one writes it first."""
    import jax

    return {"gelu": partial(jax.nn.gelu, approximate=False), "tanh": jax.numpy.tanh}[
        setting.activation
    ]


def _nnx_scan(wrap: str, integrator: str, setting: Setting) -> tuple:
    """Build what one writes first: `nnx.scan` over the layers, differentiated automatically."""
    import jax.numpy as jnp
    from flax import nnx

    from resode_lib import blocks, integrators, resnet

    stack, x, y = stack_of(blocks.TwoLayer, setting, naive_activation(setting))
    method = integrators.get(integrator)
    layer = resnet.layer(method, 1 / setting.depth)
    body = {"plain": layer, "remat": nnx.remat(layer)}[wrap]
    through = nnx.scan(body, in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)
    return lambda stack: jnp.mean((through(x, resnet.cells(stack, method)) - y) ** 2), stack


def _nnx_unrolled(setting: Setting) -> tuple:
    """Build a module with a list of layers and a Python loop over them."""
    import jax.numpy as jnp
    from flax import nnx

    from resode_lib import blocks

    sigma = naive_activation(setting)
    V, W, x, y = map(jnp.asarray, data(setting))
    layers = [blocks.TwoLayer(*weights, activation=sigma) for weights in zip(V, W, strict=True)]
    network = nnx.List(layers)

    def loss(network: Any) -> Any:
        h = x
        for layer in network:
            h = h + layer(h) / setting.depth
        return jnp.mean((h - y) ** 2)

    return loss, network


def _diffrax(adjoint: Callable[[Any, Setting], Any], setting: Setting) -> tuple:
    """Build Euler by diffrax with steps of ``1/L`` through piecewise constant weights."""
    import diffrax
    import jax.numpy as jnp

    sigma = naive_activation(setting)
    V, W, x, y = map(jnp.asarray, data(setting))
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

    return loss, (V, W)


LOSSES: dict[str, Callable[[Setting], tuple]] = {
    "ours, stored": partial(_ours, None, "euler"),
    "ours, reversing(0)": partial(_ours, 0, "euler"),
    "ours, reversing(2)": partial(_ours, 2, "euler"),
    "ours, Heun, reversing(0)": partial(_ours, 0, "heun"),
    "nnx.scan": partial(_nnx_scan, "plain", "euler"),
    "nnx.scan, nnx.remat": partial(_nnx_scan, "remat", "euler"),
    "nnx.scan, Heun": partial(_nnx_scan, "plain", "heun"),
    "nnx, unrolled": _nnx_unrolled,
    "diffrax": partial(_diffrax, lambda diffrax, s: diffrax.RecursiveCheckpointAdjoint()),
    "diffrax, checkpoints=L": partial(
        _diffrax, lambda diffrax, s: diffrax.RecursiveCheckpointAdjoint(checkpoints=s.depth)
    ),
}
"""What is differentiated in JAX: for a setting a loss and its argument, a tree of weights."""


def _gradient(build: Callable[[Setting], tuple], setting: Setting) -> Callable[[], Any]:
    """Return a compiled step that returns the loss and the gradients of ``V`` and ``W``."""
    import jax

    loss, weights = build(setting)
    step = jax.jit(jax.value_and_grad(loss))

    def run() -> tuple:
        value, gradient = jax.block_until_ready(step(weights))
        leaves = jax.tree.leaves(gradient)  # V and W, or those of each layer in turn
        return value, *(leaves if len(leaves) == 2 else (leaves[0::2], leaves[1::2]))

    return run


# torch


def torch_layers(setting: Setting) -> tuple:
    """Return the activation, a list of (V_k, W_k) that want gradients, inputs and targets."""
    import torch

    sigma = {"gelu": torch.nn.functional.gelu, "tanh": torch.tanh}[setting.activation]
    V, W, x, y = (torch.from_numpy(a) for a in data(setting))
    layers = [
        (v.clone().requires_grad_(), w.clone().requires_grad_()) for v, w in zip(V, W, strict=True)
    ]
    return sigma, layers, x, y


def torch_residual(sigma: Callable, setting: Setting) -> Callable:
    """Return what a layer adds to its state."""
    d, m, _, L = setting[:4]

    def residual(h: Any, V: Any, W: Any) -> Any:
        return sigma(h @ W.T / sqrt(d)) @ V.T / (L * sqrt(m))

    return residual


def through(residual: Callable, layers: list, h: Any) -> Any:
    """Run the loop over layers of the papers' released scripts, in our own words."""
    for V, W in layers:
        h = h + residual(h, V, W)
    return h


def torch_step(forward: Callable, layers: list, x: Any, y: Any) -> Callable[[], Any]:
    """Return a function that computes the loss and all gradients."""

    def run() -> tuple:
        for leaf in (leaf for layer in layers for leaf in layer):
            leaf.grad = None
        loss = ((forward(x) - y) ** 2).mean()
        loss.backward()
        V, W = ([layer[i].grad for layer in layers] for i in (0, 1))
        return (loss, V, W) if len(layers) > 1 else (loss, V[0], W[0])  # one stack of all layers

    return run


def _torch_loop(setting: Setting) -> Callable[[], Any]:
    sigma, layers, x, y = torch_layers(setting)
    residual = torch_residual(sigma, setting)
    return torch_step(partial(through, residual, layers), layers, x, y)


def _torch_reversed(setting: Setting) -> Callable[[], Any]:
    """Build the memory-free loop: states recomputed backwards by explicit steps."""
    import torch

    sigma, layers, x, y = torch_layers(setting)
    residual = torch_residual(sigma, setting)

    class Network(torch.autograd.Function):
        """All layers as one function with its own backward pass."""

        @staticmethod
        def forward(ctx: Any, h: Any, *weights: Any) -> Any:
            last = through(residual, layers, h)
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
    return torch_step(lambda h: Network.apply(h, *flat), layers, x, y)


def _torchdiffeq(name: str, setting: Setting) -> Callable[[], Any]:
    """Build Euler by torchdiffeq with steps of ``1/L`` through piecewise constant weights.

    ``perturb`` evaluates at the float next to a time, inside of the step: then the way back meets
    the same layers as the way there. Weights are kept as is faster for torchdiffeq: its adjoint
    asks at every step for the gradient of every parameter, so two of them; else two per layer.
    """
    import torch
    import torchdiffeq

    sigma, layers, x, y = torch_layers(setting)
    residual = torch_residual(sigma, setting)
    L, stacked = setting.depth, name == "odeint_adjoint"

    class Field(torch.nn.Module):
        """The right-hand side; its weights are parameters, for which the adjoint looks."""

        def __init__(self) -> None:
            super().__init__()
            kinds = [torch.stack(kind).detach() for kind in zip(*layers, strict=True)]
            self.pairs = [kinds] if stacked else layers
            self.pairs = [tuple(map(torch.nn.Parameter, pair)) for pair in self.pairs]
            self.weights = torch.nn.ParameterList(leaf for pair in self.pairs for leaf in pair)

        def forward(self, t: Any, h: Any) -> Any:
            k = int(t * L)
            V, W = (leaf[k] for leaf in self.pairs[0]) if stacked else self.pairs[k]
            return L * residual(h, V, W)

    field, solve = Field(), getattr(torchdiffeq, name)
    options = {"step_size": 1 / L, "perturb": True}
    ends = torch.tensor([0.0, 1.0], dtype=x.dtype)

    def forward(h: Any) -> Any:
        return solve(field, h, ends, method="euler", options=options)[-1]

    return torch_step(forward, field.pairs, x, y)


METHODS: dict[str, Callable[[Setting], Callable[[], Any]]] = {
    **{name: partial(_gradient, build) for name, build in LOSSES.items()},
    "torch loop": _torch_loop,
    "torch, memory-free": _torch_reversed,
    "torchdiffeq": partial(_torchdiffeq, "odeint"),
    "torchdiffeq, adjoint": partial(_torchdiffeq, "odeint_adjoint"),
}
"""Every method by name. ``@2`` behind a name in a benchmark means two threads."""
