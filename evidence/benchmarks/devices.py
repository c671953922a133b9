"""Time of one gradient on one and on two devices of the same machine: goal G13."""

from collections.abc import Callable
from typing import Any

from evidence.benchmarks._driver import Goal, compare
from evidence.benchmarks._setting import Setting
from evidence.benchmarks.methods import METHODS as ON_ONE
from evidence.benchmarks.methods import stack_of

SETTINGS = {"B, L=256": Setting(32, 128, 256, 256)}
ONE, TWO = "ours, stored", "ours, two devices"


def _on_two_devices(setting: Setting) -> Callable[[], Any]:
    """Build the stored gradient with the samples spread over two devices of one machine."""
    import jax

    jax.config.update("jax_num_cpu_devices", 2)  # before anything else asks for a device
    import jax.numpy as jnp
    from jax.sharding import Mesh
    from jax.sharding import PartitionSpec as P

    from evidence.benchmarks.own_derivative import FastTwoLayer
    from resode_lib import blocks, resnet

    stack, x, y = stack_of(FastTwoLayer, setting, blocks.gelu)

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


METHODS = {ONE: ON_ONE[ONE], TWO: _on_two_devices}


def measure(name: str, rounds: int) -> list[dict[str, Any]]:
    """Compare one device with two."""
    results = compare([ONE, TWO], SETTINGS[name], rounds=rounds, module=__spec__.name)
    return [Goal("G13", name, (ONE,), TWO, low=1.25).row(results)]
