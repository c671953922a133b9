"""Memory and size of the compiled gradient: goals G5, G6 and G15 (memory); no clock, no noise."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks._driver import judged, report
from resode_lib import adjoint, blocks, diagnostics, resnet, stacks
from resode_lib.integrators import Integrator, euler, heun

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


def main() -> None:
    """Compile and count."""
    rows = []
    free = adjoint.reversing()
    for name, block, memory, integrator in (
        ("stored", blocks.FastTwoLayer, adjoint.stored, euler),
        ("reversing(0)", blocks.FastTwoLayer, free, euler),
        ("Heun, reversing(0)", blocks.FastTwoLayer, free, heun),
    ):
        small, large = (
            compiled(block, depth, memory, integrator=integrator) for depth in (SHALLOW, DEEP)
        )
        ratio = instructions(large) / instructions(small)
        what = f"{name}, L={DEEP} / L={SHALLOW}"
        rows.append({"goal": "G5"} | judged(f"instructions, {what}", ratio, 0, 1.0))
        if memory is free:
            ratio = temporary(large) / temporary(small)
            rows.append({"goal": "G6"} | judged(f"temporary bytes, {what}", ratio, 0, 1.01))
    ours = temporary(compiled(blocks.FastTwoLayer, DEEP, free))
    naive = temporary(compiled(blocks.TwoLayer, DEEP, adjoint.stored))
    what = f"temporary bytes, reversing(0) / plain scan, L={DEEP}"
    rows.append({"goal": "G6"} | judged(what, ours / naive, 0, 1 / 2000))
    what = "temporary bytes, ntk / Jacobian"
    rows.append({"goal": "G15"} | judged(what, of_the_kernel(), 0, 1 / 50))
    report("memory", rows)


if __name__ == "__main__":
    main()
