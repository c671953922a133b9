"""Time to trace and compile one gradient, ours against others and against depth: goal G5."""

from collections.abc import Callable
from functools import partial
from typing import Any

from evidence.benchmarks._driver import Goal, compare
from evidence.benchmarks._setting import Setting
from evidence.benchmarks.methods import LOSSES

SETTINGS = {"A, L=256": Setting(16, 64, 50, 256)}
OURS, DIFFRAX, UNROLLED = "ours, stored", "diffrax", "nnx, unrolled"
SHALLOW, DEEP = "ours, L=64", "ours, L=4096"

GOALS = (
    Goal("G5", "A, L=256", (DEEP,), SHALLOW, high=1.2),
    Goal("G5", "A, L=256", (OURS,), DIFFRAX, high=1 / 3),
    Goal("G5", "A, L=256", (OURS,), UNROLLED, high=1 / 10),
)


def _compiling(name: str, depth: int, setting: Setting) -> Callable[[], Any]:
    """Return a function that compiles anew; its outputs come from a run before that."""
    import jax

    loss, weights = LOSSES[name](setting._replace(depth=depth))
    gradient = jax.value_and_grad(loss)
    outputs = jax.block_until_ready(jax.jit(gradient)(weights))
    leaves = jax.tree.leaves(outputs)

    def run() -> tuple:
        jax.clear_caches()
        jax.jit(gradient).lower(weights).compile()
        return leaves[0], leaves[1::2], leaves[2::2]

    return run


METHODS = {
    **{name: partial(_compiling, name, 256) for name in (OURS, DIFFRAX, UNROLLED)},
    SHALLOW: partial(_compiling, OURS, 64),
    DEEP: partial(_compiling, OURS, 4096),
}


def measure(name: str, rounds: int) -> list[dict[str, Any]]:
    """Compile every method in turn."""
    results = compare(
        [OURS, DIFFRAX, UNROLLED, SHALLOW, DEEP],
        SETTINGS[name],
        rounds=rounds,
        module=__spec__.name,
        different=(SHALLOW, DEEP),
    )
    return [goal.row(results) for goal in GOALS]
