"""How much of what the processor can do is used: goal G12.

The floor of a gradient is the time of its products at the rate of one large product, plus that of
its activations at their own rate, each measured in turn with the gradient. Recomputed numbers do
not count as useful.
"""

from collections.abc import Callable
from typing import Any

from evidence.benchmarks._driver import compare, judged
from evidence.benchmarks._setting import Setting
from evidence.benchmarks.methods import METHODS as GRADIENTS

SETTINGS = {
    "A, L=1024": Setting(16, 64, 50, 1024),
    "B, L=1024": Setting(32, 128, 256, 1024),
    "C, L=256": Setting(64, 256, 1024, 256),
}
LOWEST = {"A, L=1024": 0.3, "B, L=1024": 0.3, "C, L=256": 0.5}
OURS, PRODUCT, ACTIVATION = "ours, stored", "matrix product", "activation"
SIDE = 2048  # of the square matrices


def _product(setting: Setting) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    a = jax.random.normal(jax.random.key(0), (SIDE, SIDE), setting.dtype)
    product = jax.jit(jnp.matmul)
    return lambda: (jax.block_until_ready(product(a, a)),)


def _activation(setting: Setting) -> Callable[[], Any]:
    """Evaluate, in every layer, GELU on the way there and with its derivative on the way back."""
    import jax

    from evidence.benchmarks.own_derivative import DERIVATIVES
    from resode_lib import blocks

    both = DERIVATIVES[blocks.gelu]

    def layer(a: Any, _: None) -> tuple:
        z, slope = both(blocks.gelu(a))
        return z - slope, None

    @jax.jit
    def layers(a: Any) -> Any:
        return jax.lax.scan(layer, a, length=setting.depth)[0]

    a = jax.random.normal(jax.random.key(0), (setting.samples, setting.hidden), setting.dtype)
    return lambda: (jax.block_until_ready(layers(a)),)


METHODS = {OURS: GRADIENTS[OURS], PRODUCT: _product, ACTIVATION: _activation}


def measure(name: str, rounds: int) -> list[dict[str, Any]]:
    """Measure the gradient and both parts of its floor."""
    setting = SETTINGS[name]
    results = compare(
        [OURS, PRODUCT, ACTIVATION],
        setting,
        rounds=rounds,
        module=__spec__.name,
        different=(PRODUCT, ACTIVATION),
    )
    d, m, n, L = setting[:4]
    useful = 12 * n * d * m * L / (2 * SIDE**3)  # in large products
    fraction = useful * results[PRODUCT]["ratio"] + results[ACTIVATION]["ratio"]
    peak = 2 * SIDE**3 / results[PRODUCT]["milliseconds"] / 1e6
    return [
        judged("G12", "floor / ours, stored", fraction, low=LOWEST[name]),
        judged("", "large product, GFlop/s", peak),
    ]
