"""Time of the tangent kernel against the contraction of the whole Jacobian: goal G15."""

from collections.abc import Callable
from typing import Any

from evidence.benchmarks._driver import Goal, compare
from evidence.benchmarks._setting import Setting
from evidence.benchmarks.methods import naive_activation, stack_of

SETTINGS = {"A, L=64": Setting(16, 64, 50, 64)}
OURS, JACOBIAN = "ours, kernel", "kernel by the Jacobian"


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

    return _timed_kernel(kernel, setting, naive_activation(setting))


def _timed_kernel(kernel: Callable, setting: Setting, activation: Callable) -> Callable[[], Any]:
    import jax

    from resode_lib import blocks

    stack, x, _ = stack_of(blocks.TwoLayer, setting, activation)
    compiled = jax.jit(kernel)
    return lambda: (jax.block_until_ready(compiled(stack, x)),)


METHODS = {OURS: _our_kernel, JACOBIAN: _kernel_by_jacobian}


def measure(name: str, rounds: int) -> list[dict[str, Any]]:
    """Compare the two kernels."""
    results = compare([OURS, JACOBIAN], SETTINGS[name], rounds=rounds, module=__spec__.name)
    return [Goal("G15", name, (JACOBIAN,), OURS, low=8).row(results)]
