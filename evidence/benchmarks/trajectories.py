"""Time of a training of which all weights are recorded: goal G10."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from evidence.benchmarks._driver import Goal, compare
from evidence.benchmarks._setting import Setting
from evidence.benchmarks.methods import (
    LOSSES,
    stack_of,
    through,
    torch_layers,
    torch_residual,
    torch_step,
)

SETTINGS = {
    "A, L=8, every 10": Setting(16, 64, 50, 8, steps=500, every=10),
    "A, L=64, every 10": Setting(16, 64, 50, 64, steps=100, every=10),
    "A, L=256, every 10": Setting(16, 64, 50, 256, steps=100, every=10),
    "(16, 32, 100), L=1024, every step": Setting(16, 32, 100, 1024, steps=10),
    "B, L=256, every 10": Setting(32, 128, 256, 256, steps=20, every=10),
}

OURS, LOOP = "ours, trajectory", ("torch, trajectory@1", "torch, trajectory@2")
OPTIMIZER = "nnx.Optimizer, trajectory"

GOALS = (
    Goal("G10", "A, L=8, every 10", (OPTIMIZER,), OURS, low=4),
    Goal("", "A, L=8, every 10", LOOP, OURS),
    Goal("G10", "A, L=64, every 10", LOOP, OURS, low=3.5),
    Goal("G10", "A, L=256, every 10", LOOP, OURS, low=3.8),
    Goal("G10", "(16, 32, 100), L=1024, every step", LOOP, OURS, low=4),
    Goal("G10", "B, L=256, every 10", LOOP, OURS, low=1.25),
)


def our_training(setting: Setting) -> Callable[[], Any]:
    """Build the training as one compiled program; it returns a `Trajectory` of all weights."""
    import jax
    import jax.numpy as jnp

    from evidence.benchmarks.own_derivative import FastTwoLayer
    from resode_lib import blocks, resnet, training

    stack, x, y = stack_of(FastTwoLayer, setting, blocks.gelu)
    options = {"rate": setting.rate, "steps": setting.steps, "every": setting.every}

    def loss(stack: Any) -> Any:
        return jnp.mean((resnet.forward(stack, x) - y) ** 2)

    def train(stack: Any) -> Any:
        return training.gradient_descent(loss, stack, record=lambda weights: weights, **options)

    train = jax.jit(train)
    return lambda: jax.block_until_ready(train(stack))


def torch_training(setting: Setting) -> Callable[[], tuple]:
    """Build the loop of the papers; it returns losses and pairs of all V, all W."""
    import torch

    sigma, layers, x, y = torch_layers(setting)
    forward = partial(through, torch_residual(sigma, setting), layers)
    step = torch_step(forward, layers, x, y)
    flat = [leaf for layer in layers for leaf in layer]
    start = [leaf.detach().clone() for leaf in flat]
    optimizer = torch.optim.SGD(flat, lr=setting.rate * setting.depth)

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
        return [*losses, last], [*records, snapshot()]

    return run


def _ours(setting: Setting) -> Callable[[], Any]:
    import jax

    train = our_training(setting)

    def run() -> tuple:
        result = train()
        return result.losses, *jax.tree.leaves(result.parameters)

    return run


def _torch(setting: Setting) -> Callable[[], Any]:
    train = torch_training(setting)

    def run() -> tuple:
        losses, records = train()
        return np.array(losses), *records[-1]

    return run


def _nnx_optimizer(setting: Setting) -> Callable[[], Any]:
    """Build the loop of Flax's guide: one compiled step that updates a module in place."""
    import jax
    import optax
    from flax import nnx

    loss, start = LOSSES["nnx.scan"](setting)

    @nnx.jit
    def step(network: Any, optimizer: Any) -> Any:
        value, gradient = nnx.value_and_grad(loss)(network)
        optimizer.update(network, gradient)
        return value

    def run() -> tuple:
        network = nnx.clone(start)
        rule = optax.sgd(setting.rate * setting.depth)
        optimizer = nnx.Optimizer(network, rule, wrt=nnx.Param)
        losses, records = [], []
        for k in range(setting.steps):
            value = step(network, optimizer)
            if k % setting.every == 0:
                losses.append(float(value))
                records.append(nnx.state(network))
        return np.array([*losses, float(loss(network))]), *jax.tree.leaves(nnx.state(network))

    return run


METHODS = {OURS: _ours, LOOP[0].partition("@")[0]: _torch, OPTIMIZER: _nnx_optimizer}


def measure(name: str, rounds: int) -> list[dict[str, Any]]:
    """Compare at one setting."""
    goals = [goal for goal in GOALS if goal.setting == name]
    names = dict.fromkeys(method for goal in goals for method in (goal.below, *goal.above))
    results = compare(list(names), SETTINGS[name], rounds=rounds, module=__spec__.name)
    return [goal.row(results) for goal in goals]
