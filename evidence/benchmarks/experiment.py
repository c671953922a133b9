"""A whole experiment end to end, importing and compiling included: goal G11.

The finite training time of the papers: networks of nine depths (theirs are eleven, to 16384),
trained for 50 steps, all weights recorded at every step, then the distances in depth of each
network from the deepest. The loop of torch does the same, in our own words. ``python -m
benchmarks.experiment 16384`` tries it once with other depths and prints the result; it writes no
record.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.linalg import norm

from evidence.benchmarks._driver import ROOT, clean_environment, judged
from evidence.benchmarks._setting import Setting
from evidence.benchmarks.trajectories import our_training, torch_training

SETTINGS = {"(16, 32, 100), L=16 to 4096": 4096}
SHALLOWEST, STEPS, RATE = 16, 50, 1.0
OURS, LOOP = "ours", ("torch@1", "torch@2")
ROUNDING = 1e-2  # relative: the smallest distances are near float32's rounding


def settings(deepest: int) -> Iterator[Setting]:
    """Yield the networks, the deepest first."""
    depth = deepest
    while depth >= SHALLOWEST:
        yield Setting(16, 32, 100, depth, steps=STEPS, rate=RATE, tied=True)
        depth //= 2


def ours(deepest: int) -> list:
    """Return the distances of V and of W after each step, for each shallower depth."""
    import jax
    import jax.numpy as jnp

    @jax.jit
    def distance(a: Any, b: Any) -> Any:
        steps, depth, *shape = a.shape
        layers = b.reshape(steps, depth, -1, *shape)
        return jnp.sqrt(((layers - a[:, :, None]) ** 2).sum((3, 4)).mean((1, 2)))

    weights = (jax.tree.leaves(our_training(s)().records) for s in settings(deepest))
    reference = next(weights)
    return [
        [distance(a, b).tolist() for a, b in zip(leaves, reference, strict=True)]
        for leaves in weights
    ]


def torch(deepest: int) -> list:
    """Return the same by the loop."""

    def distance(a: Any, b: Any) -> float:
        layers = b.reshape(a.shape[0], -1, *a.shape[1:])
        return ((layers - a[:, None]) ** 2).sum((2, 3)).mean().sqrt().item()

    records = (torch_training(s)()[1] for s in settings(deepest))
    reference = next(records)
    return [
        [[distance(a[i], b[i]) for a, b in zip(record, reference, strict=True)] for i in (0, 1)]
        for record in records
    ]


def run(name: str, deepest: int, limit: float | None = None) -> tuple[float, np.ndarray | None]:
    """Return the seconds of a process that does all of it, and the distances it found.

    After ``limit`` seconds it is stopped: infinity, and nothing found.
    """
    method, _, threads = name.partition("@")
    environment = clean_environment() | ({"OMP_NUM_THREADS": threads} if threads else {})
    command = [sys.executable, "-m", "benchmarks.experiment", str(deepest), method]
    options = {"cwd": ROOT, "env": environment, "stdout": subprocess.PIPE, "timeout": limit}
    began = time.perf_counter()
    try:
        done = subprocess.run(command, text=True, check=True, **options)
    except subprocess.TimeoutExpired:
        return float("inf"), None
    return time.perf_counter() - began, np.array(json.loads(done.stdout))


def one_round(deepest: int) -> list[float]:
    """Return the seconds of ours and of the loop, with one thread and with two.

    The faster loop counts, so two threads are stopped when they need longer than one.

    Raises:
        ValueError: if the distances differ.
    """
    seconds, expected = run(OURS, deepest)
    times = [seconds]
    for name in LOOP:
        seconds, distances = run(name, deepest, times[1] if times[1:] else None)
        times.append(seconds)
        if distances is None:
            continue
        error = (norm(distances - expected, axis=-1) / norm(expected, axis=-1)).max()
        if not error <= ROUNDING:
            raise ValueError(f"distances by {name!r} and ours differ by {error:.1e}.")
    return times


def compare(deepest: int, rounds: int) -> dict[str, float]:
    """Return the median ratio of the faster loop to ours, and our median seconds."""
    times = np.array([one_round(deepest) for _ in range(rounds)])
    ratios = np.median(times[:, 1:] / times[:, :1], axis=0)
    return {"ratio": float(ratios.min()), "seconds": float(np.median(times[:, 0]))}


def measure(name: str, rounds: int) -> list[dict[str, Any]]:
    """Run all of it by each method in turn."""
    results = compare(SETTINGS[name], rounds)
    return [
        judged("G11", "torch / ours, end to end", results["ratio"], low=4),
        judged("", "ours, end to end, seconds", results["seconds"]),
    ]


if __name__ == "__main__":
    deepest = int(sys.argv[1])
    if sys.argv[2:]:
        print(json.dumps({"ours": ours, "torch": torch}[sys.argv[2]](deepest)))
    else:
        print(compare(deepest, rounds=1))
