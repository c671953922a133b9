"""What a reader waits for before anything runs, importing and compiling: goal G14."""

import json
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

from evidence.benchmarks._driver import ROOT, clean_environment, judged
from evidence.benchmarks._setting import Setting
from evidence.benchmarks.methods import LOSSES

SETTINGS = ("import", "compile")
DEPTHS = (8, 16, 32, 64, 128, 256)
PROGRAMS = ("ours, stored", "ours, reversing(0)", "nnx.scan")


def peers() -> None:
    """Import what everyone needs."""
    import jax  # noqa: F401
    import optax  # noqa: F401
    from flax import nnx  # noqa: F401


def networks() -> None:
    """Import the library's networks, with what they need."""
    from resode_lib import adjoint, blocks, integrators, resnet, stacks  # noqa: F401


def training() -> None:
    """Import the library with its training and its measurements."""
    from resode_lib import diagnostics, training  # noqa: F401


def compile_all() -> float:
    """Return the seconds that it takes to trace and compile a notebook's worth of gradients."""
    import jax

    spent = 0.0
    for depth in DEPTHS:
        for name in PROGRAMS:
            loss, weights = LOSSES[name](Setting(16, 64, 50, depth))
            began = time.perf_counter()
            jax.jit(jax.value_and_grad(loss)).lower(weights).compile()
            spent += time.perf_counter() - began
    return spent


def do(name: str) -> float:
    """Return the seconds of one of the above."""
    if name == "compile":
        return compile_all()
    began = time.perf_counter()
    {"peers": peers, "networks": networks, "training": training}[name]()
    return time.perf_counter() - began


def fresh(name: str, cache: str = "") -> float:
    """Return the seconds in a fresh process, by its own clock, with a folder of kept programs."""
    environment = clean_environment()
    if cache:
        environment["JAX_COMPILATION_CACHE_DIR"] = cache
        environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        environment["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    command = [sys.executable, "-m", "benchmarks.start", name]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout)


def of_imports(rounds: int) -> list[dict[str, Any]]:
    """Compare imports; the first of all reads files that later ones find in memory."""
    names = ("peers", "networks", "training")
    times = np.array([[fresh(name) for name in names] for _ in range(rounds + 1)])[1:]
    _, few, all_of_it = np.median(times / times[:, :1], axis=0)
    what = "import {} / jax, flax.nnx, optax"
    return [
        judged("G14", what.format("networks"), few, high=1.1),
        judged("G14", what.format("with training"), all_of_it, high=1.1),
        judged("", "jax, flax.nnx, optax, seconds", np.median(times[:, 0])),
    ]


def of_compiling(rounds: int) -> list[dict[str, Any]]:
    """Compare compiling with an empty and with a filled folder of kept programs."""
    times = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            times.append([fresh("compile", cache) for _ in ("cold", "warm")])
    times = np.array(times)
    ratio = np.median(times[:, 1] / times[:, 0])
    what = f"{len(DEPTHS) * len(PROGRAMS)} programs"
    return [
        judged("G14", f"compile {what}, warm / cold", ratio, high=0.25),
        judged("", f"compile {what}, cold, seconds", np.median(times[:, 0])),
    ]


def measure(name: str, rounds: int) -> list[dict[str, Any]]:
    """Measure imports or compiling."""
    return {"import": of_imports, "compile": of_compiling}[name](rounds)


if __name__ == "__main__":
    print(json.dumps(do(sys.argv[1])))
