"""The same training step on eight devices; the library has no code for it.

The number of devices is set before JAX starts, hence a process of its own: this file is its own
program.
"""

import json
import os
import subprocess
import sys

import pytest

DEVICES = 8
CASES = ("stored", "checkpointed", "reversing(0)", "reversing(4)")


def gradient_step(mesh, memory):
    """Return the step for one device and the same step with the samples spread over ``mesh``."""
    import jax
    from jax.sharding import PartitionSpec as P

    from resode_lib import adjoint

    def loss(stack, x, y):
        return ((adjoint.forward(stack, x, memory=memory) - y) ** 2).mean()

    step = jax.value_and_grad(loss)

    def varying(leaf):
        pcast = getattr(jax.lax, "pcast", None)  # newer than the oldest JAX that we support
        return pcast(leaf, "i", to="varying") if pcast else jax.lax.pvary(leaf, "i")

    def share(stack, x, y):
        # Each device differentiates its own copy of the weights; one mean at the end.
        result = step(jax.tree.map(varying, stack), x, y)
        return jax.lax.pmean(result, "i")

    spread = jax.shard_map(share, mesh=mesh, in_specs=(P(), P("i"), P("i")), out_specs=P())
    return jax.jit(step), jax.jit(spread)


def all_reduces(text):
    """Return how many all-reduces a compiled program has, and how many outside of its entry."""
    entry = text[text.index("\nENTRY ") :]
    mark = " all-reduce("
    return text.count(mark), text.count(mark) - entry.count(mark)


def measure(memory):
    """Compare the two programs, and the one that the compiler spreads by itself."""
    import jax
    import jax.numpy as jnp
    from jax.sharding import Mesh, NamedSharding
    from jax.sharding import PartitionSpec as P

    from resode_lib import stacks
    from resode_lib.blocks import TwoLayer

    assert len(jax.devices()) == DEVICES
    mesh = Mesh(jax.devices(), ("i",))
    keys = jax.random.split(jax.random.key(0), 3)
    stack = stacks.iid(lambda k: TwoLayer.gaussian(k, width=4, hidden=6), keys[0], 12)
    x, y = (jax.random.normal(key, (2 * DEVICES, 4)) for key in keys[1:])

    def distance(a, b):
        pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
        return max(float(jnp.abs(p - q).max() / jnp.abs(q).max()) for p, q in pairs)

    one, spread = gradient_step(mesh, memory)
    expected = one(stack, x, y)
    samples = NamedSharding(mesh, P("i"))
    automatic = one(stack, jax.device_put(x, samples), jax.device_put(y, samples))
    total, inside = all_reduces(spread.lower(stack, x, y).compile().as_text())
    return {
        "spread": distance(spread(stack, x, y), expected),
        "automatic": distance(automatic, expected),
        "all-reduces": total,
        "all-reduces in loops": inside,
    }


@pytest.fixture(scope="module")
def results():
    """What the program below prints, for every memory."""
    flags = os.environ.get("XLA_FLAGS", "") + f" --xla_force_host_platform_device_count={DEVICES}"
    environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    run = subprocess.run(
        [sys.executable, __file__], capture_output=True, text=True, env=environment
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("name", CASES)
def test_eight_devices_compute_what_one_does(name, results):
    # float64, means over 16 samples in another order.
    assert results[name]["spread"] < 1e-13
    assert results[name]["automatic"] < 1e-13


@pytest.mark.parametrize("name", CASES)
def test_the_devices_speak_once_per_step(name, results):
    assert results[name]["all-reduces"] == 1
    assert results[name]["all-reduces in loops"] == 0


def test_the_count_sees_a_reduction_in_a_loop():
    text = "body {\n x = f32[] all-reduce(y)\n}\n\nENTRY main {\n z = f32[] all-reduce(w)\n}"
    assert all_reduces(text) == (2, 1)


if __name__ == "__main__":
    import jax

    from resode_lib import adjoint

    jax.config.update("jax_enable_x64", True)
    memories = [
        adjoint.stored,
        adjoint.checkpointed,
        adjoint.reversing(0),
        adjoint.reversing(4),
    ]
    print(json.dumps({name: measure(m) for name, m in zip(CASES, memories, strict=True)}))
