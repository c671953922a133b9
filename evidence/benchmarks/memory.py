"""Memory and size of the compiled gradient: goals G5, G6 and G15 (memory); no clock, no noise."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from evidence.benchmarks._driver import judged
from evidence.benchmarks._setting import Setting
from evidence.benchmarks.methods import LOSSES
from evidence.benchmarks.own_derivative import FastTwoLayer
from resode_lib import adjoint, blocks, diagnostics, resnet, stacks
from resode_lib.integrators import Integrator, euler, heun

SETTINGS = ("B, L=4096",)
SHALLOW, DEEP = 64, 4096
WIDTH, HIDDEN, SAMPLES = 32, 128, 256


def compiled(
    block: Callable, depth: int, memory: adjoint.Memory, integrator: Integrator = euler
) -> Any:
    """Return the compiled gradient at size B; it is never run."""

    def shapes() -> tuple:
        layer = block.gaussian(
            jax.random.key(0), width=WIDTH, hidden=HIDDEN, activation=blocks.gelu
        )
        return stacks.tied(layer, depth), jnp.zeros((SAMPLES, WIDTH))

    def loss(stack: Any, h: Any) -> Any:
        return (adjoint.forward(stack, h, integrator=integrator, memory=memory) ** 2).mean()

    return jax.jit(jax.value_and_grad(loss)).lower(*jax.eval_shape(shapes)).compile()


def of_diffrax() -> Any:
    """Return the compiled gradient of diffrax at size B, with its own choice of checkpoints."""
    loss, weights = LOSSES["diffrax"](Setting(WIDTH, HIDDEN, SAMPLES, DEEP))
    return jax.jit(jax.value_and_grad(loss)).lower(weights).compile()


def temporary(program: Any) -> int:
    """Return the bytes of a program beyond its arguments and results."""
    return program.memory_analysis().temp_size_in_bytes


def instructions(program: Any) -> int:
    """Return how many instructions a program has."""
    return program.as_text().count(" = ")


def of_the_kernel() -> float:
    """Return the memory of our tangent kernel over that of the contraction of the Jacobian."""

    def shapes() -> tuple:
        layer = blocks.TwoLayer.gaussian(jax.random.key(0), width=16, hidden=64)
        return stacks.tied(layer, 64), jnp.zeros((50, 16))

    def jacobian(stack: Any, h: Any) -> Any:
        leaves = jax.tree.leaves(jax.jacobian(resnet.forward)(stack, h))
        J = jnp.concatenate([leaf.reshape(h.size, -1) for leaf in leaves], axis=1)
        return stacks.depth(stack) * J @ J.T

    ours, full = (
        temporary(jax.jit(kernel).lower(*jax.eval_shape(shapes)).compile())
        for kernel in (diagnostics.ntk, jacobian)
    )
    return ours / full


def measure(name: str, rounds: int) -> list[dict[str, Any]]:
    """Compile and count, once: the numbers do not vary."""
    rows = []
    free = adjoint.reversing()
    for scheme, memory, integrator in (
        ("stored", adjoint.stored, euler),
        ("reversing(0)", free, euler),
        ("Heun, reversing(0)", free, heun),
    ):
        small, large = (
            compiled(FastTwoLayer, depth, memory, integrator=integrator)
            for depth in (SHALLOW, DEEP)
        )
        what = f"{scheme}, L={DEEP} / L={SHALLOW}"
        ratio = instructions(large) / instructions(small)
        rows.append(judged("G5", f"instructions, {what}", ratio, high=1.0))
        if memory is free:
            ratio = temporary(large) / temporary(small)
            rows.append(judged("G6", f"temporary bytes, {what}", ratio, high=1.01))
    ours = temporary(compiled(FastTwoLayer, DEEP, free))
    what = "temporary bytes, reversing(0) / {}"
    naive = temporary(compiled(blocks.TwoLayer, DEEP, adjoint.stored))
    rows.append(judged("G6", what.format("plain scan"), ours / naive, high=1 / 2000))
    checkpointed = temporary(of_diffrax())
    rows.append(judged("G6", what.format("diffrax"), ours / checkpointed, high=1 / 5))
    ratio = of_the_kernel()
    return [*rows, judged("G15", "temporary bytes, ntk / Jacobian", ratio, high=1 / 50)]
