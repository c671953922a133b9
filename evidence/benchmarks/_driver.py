"""Run methods side by side: a process each, in turn, with outputs compared before any timing.

A ratio of two methods is the median over rounds of the ratio within a round, so that a load that
comes and goes falls on both.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evidence.benchmarks._setting import Setting

__all__ = ["Goal", "compare", "judged"]

READY = "ready\n"
ROOT = Path(__file__).parents[1]
TURN = 0.06  # seconds: a turn is at least that long
EXACT = 1e-4  # relative, float32: gradients through a thousand layers in another order of sums

Results = dict[str, dict[str, Any]]


class Goal(NamedTuple):
    """A ratio that we ask for, ``time(above) / time(below)``.

    Attributes:
        number: of the goal, or nothing for a ratio that is reported only.
        setting: the name of a setting.
        above: methods of which the fastest counts: a peer with one and with two threads.
        below: a method.
        low: the ratio is to be at least that,
        high: and at most that.
    """

    number: str
    setting: str
    above: tuple[str, ...]
    below: str
    low: float = 0.0
    high: float = float("inf")

    def row(self, results: Results) -> dict[str, Any]:
        """Return a line of the report, from what `compare` measured at the setting."""
        measured = [results[name]["ratio"] for name in self.above if name in results]
        ratio = min(measured) / results[self.below]["ratio"]
        above = self.above[0].partition("@")[0]
        return judged(self.number, f"{above} / {self.below}", ratio, self.low, self.high)


def judged(
    number: str, quantity: str, value: float, low: float = 0.0, high: float = float("inf")
) -> dict[str, Any]:
    """Return a line of the report: what was measured, what was asked for, whether it was met."""
    row = {"goal": number, "quantity": quantity, "value": float(f"{value:.4g}")}
    if not number:
        return row
    asked = f">= {low:g}" if high == float("inf") else f"<= {high:.3g}"
    return row | {"asked": asked, "met": bool(low <= value <= high)}


class Worker(NamedTuple):
    """A process that waits for its turn: it reads how many calls to time and writes seconds."""

    name: str
    process: subprocess.Popen
    outputs: list[np.ndarray]

    @classmethod
    def start(cls, module: str, name: str, setting: Setting) -> "Worker":
        """Start a method of a module; ``@2`` behind its name gives it two threads."""
        method, _, threads = name.partition("@")
        environment = clean_environment()
        if threads:
            environment["OMP_NUM_THREADS"] = threads
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/outputs.npz"
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "benchmarks._driver",
                    module,
                    method,
                    json.dumps(setting),
                    path,
                ],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            if process.stdout.readline() != READY:
                raise RuntimeError(f"the process of {name!r} ended before its first result.")
            with np.load(path) as arrays:
                outputs = [arrays[key] for key in arrays.files]
        return cls(name, process, outputs)

    def time(self, calls: int) -> float:
        """Return the median seconds of so many calls."""
        self.process.stdin.write(f"{calls}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def clean_environment() -> dict[str, str]:
    """Return the environment without what a build of the book sets to compile faster."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "XLA_", "EQX_"))}
    return ours | {"JAX_PLATFORMS": "cpu"}


def serve(module: str, method: str, setting: Setting, path: str) -> None:
    """Do what a worker's process does."""
    if setting.dtype == "float64":
        import jax

        jax.config.update("jax_enable_x64", True)
    run = import_module(module).METHODS[method](setting)
    np.savez(path, *map(_array, run()))
    print(end=READY, flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            began = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - began)
        print(json.dumps(float(np.median(seconds))), flush=True)


def _without_stalled(workers: list[Worker], warm: dict[str, float]) -> list[Worker]:
    """Stop the variants that need 4 times as long as the same method with other threads.

    On a loaded machine two threads of torch can wait for each other 20 to 40 times as long as they
    work. The fastest variant counts, so nothing is lost for torch.
    """

    def fastest(worker: Worker) -> float:
        method = worker.name.partition("@")[0]
        return min(seconds for name, seconds in warm.items() if name.partition("@")[0] == method)

    kept = []
    for worker in workers:
        if warm[worker.name] <= 4 * fastest(worker):
            kept.append(worker)
        else:
            worker.stop()
    return kept


def _array(output: Any) -> np.ndarray:
    """Return an output of any framework, a list of them stacked, as numpy has it."""
    if isinstance(output, list):
        return np.stack([_array(entry) for entry in output])
    return output.detach().numpy() if hasattr(output, "detach") else np.asarray(output)


def compare(
    names: Sequence[str],
    setting: Setting,
    *,
    rounds: int,
    module: str = "benchmarks.methods",
    approximate: Sequence[str] = (),
    different: Sequence[str] = (),
) -> Results:
    """Time methods in turn; the first is the reference.

    Args:
        names: methods, with ``@threads`` if they have a choice.
        setting: the sizes.
        rounds: how many turns each method gets.
        module: where the methods are.
        approximate: methods whose gradient is off by ``O(1/L)`` by design.
        different: methods that compute something else, on purpose: nothing is compared.

    Returns:
        For each method: milliseconds, and its ratio to the first.

    Raises:
        ValueError: if the outputs of a method are not those of the first.
    """
    workers = []
    try:
        for name in names:
            workers.append(Worker.start(module, name, setting))
        for worker in workers:
            if worker.name in different:
                continue
            error = _error(worker, workers[0])
            allowed = 10 / setting.depth if worker.name in approximate else EXACT
            if not error <= allowed:
                raise ValueError(
                    f"{worker.name!r} and {workers[0].name!r} differ by {error:.1e} at {setting}; "
                    f"expected at most {allowed:.1e}: they do not compute the same thing."
                )
        warm = {worker.name: worker.time(1) for worker in workers}
        workers = _without_stalled(workers, warm)
        calls = [max(1, round(TURN / warm[worker.name])) for worker in workers]
        times = np.array(
            [[w.time(k) for w, k in zip(workers, calls, strict=True)] for _ in range(rounds)]
        )
    finally:
        for worker in workers:
            worker.stop()
    ratios = np.median(times / times[:, :1], axis=0)
    columns = zip(workers, np.median(times, axis=0), ratios, strict=True)
    return {
        worker.name: {"milliseconds": 1e3 * seconds, "ratio": ratio}
        for worker, seconds, ratio in columns
    }


def _error(worker: Worker, reference: Worker) -> float:
    """Return the largest relative distance of an output in the Euclidean norm."""
    pairs = zip(worker.outputs, reference.outputs, strict=True)
    return max(float(np.linalg.norm(a - b) / np.linalg.norm(b)) for a, b in pairs)


if __name__ == "__main__":
    serve(*sys.argv[1:3], Setting(*json.loads(sys.argv[3])), sys.argv[4])
