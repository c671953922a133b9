"""Run methods side by side: a process each, in turn, with outputs compared before any timing.

A ratio of two methods is the median over rounds of the ratio within a round, so that a load that
comes and goes falls on both.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.methods import METHODS, Setting

__all__ = ["Goal", "compare", "judged", "report", "rounds"]

RESULTS = Path(__file__).parent / "results"
TURN = 0.06  # seconds: a turn is at least that long
EXACT = 1e-4  # relative, float32: gradients through a thousand layers in another order of sums


class Goal(NamedTuple):
    """A ratio that we ask for, ``time(above) / time(below)``.

    Attributes:
        number: of the goal.
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

    def row(self, results: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """Return a line of the report, from what `compare` measured at the setting."""
        measured = [results[name]["ratio"] for name in self.above if name in results]
        ratio = min(measured) / results[self.below]["ratio"]
        above = self.above[0].partition("@")[0]
        return {"goal": self.number, "setting": self.setting} | judged(
            f"{above} / {self.below}", ratio, self.low, self.high
        )


def judged(quantity: str, value: float, low: float, high: float) -> dict[str, Any]:
    """Return what was measured, what was asked for, and whether it was met."""
    asked = f">= {low:g}" if high == float("inf") else f"<= {high:g}"
    return {
        "quantity": quantity,
        "value": float(value),
        "goal is": asked,
        "met": "yes" if low <= value <= high else "NO",
    }


class Worker(NamedTuple):
    """A process that waits for its turn: it reads how many calls to time and writes seconds."""

    name: str
    process: subprocess.Popen
    outputs: list[np.ndarray]
    first_call: float

    @classmethod
    def start(cls, name: str, setting: Setting) -> "Worker":
        """Start a method; ``@2`` behind its name gives it two threads."""
        method, _, threads = name.partition("@")
        environment = dict(os.environ, JAX_PLATFORMS="cpu")
        if threads:
            environment["OMP_NUM_THREADS"] = threads
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/outputs.npz"
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks._driver", method, json.dumps(setting), path],
                cwd=Path(__file__).parents[1],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the process of {name!r} ended before its first result.")
            with np.load(path) as arrays:
                outputs = [arrays[key] for key in arrays.files]
        return cls(name, process, outputs, json.loads(line))

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


def serve(method: str, setting: Setting, path: str) -> None:
    """Do what a worker's process does."""
    if setting.dtype == "float64":
        import jax

        jax.config.update("jax_enable_x64", True)
    run = METHODS[method](setting)
    began = time.perf_counter()
    outputs = run()
    first_call = time.perf_counter() - began
    np.savez(path, *map(_array, outputs))
    print(json.dumps(first_call), flush=True)
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
    approximate: Sequence[str] = (),
) -> dict[str, dict[str, Any]]:
    """Time methods in turn; the first is the reference.

    Args:
        names: methods, with ``@threads`` if they have a choice.
        setting: the sizes.
        rounds: how many turns each method gets.
        approximate: methods whose gradient is off by ``O(1/L)`` by design.

    Returns:
        For each method: milliseconds, its ratio to the first, the error of its outputs relative
        to the first's, and the seconds of its first call.

    Raises:
        ValueError: if the outputs of a method are not those of the first.
    """
    workers = []
    try:
        for name in names:
            workers.append(Worker.start(name, setting))
        for worker in workers:
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
    errors = [_error(worker, workers[0]) for worker in workers]
    ratios = np.median(times / times[:, :1], axis=0)
    columns = zip(workers, np.median(times, axis=0), ratios, errors, strict=True)
    return {
        worker.name: {
            "milliseconds": 1e3 * seconds,
            "ratio": ratio,
            "error": error,
            "first call": worker.first_call,
        }
        for worker, seconds, ratio, error in columns
    }


def rounds() -> int:
    """Return how many rounds the command line asks for, 7 unless given."""
    return int(sys.argv[1]) if len(sys.argv) > 1 else 7


def _error(worker: Worker, reference: Worker) -> float:
    """Return the largest relative distance of an output in the Euclidean norm."""
    pairs = zip(worker.outputs, reference.outputs, strict=True)
    return max(float(np.linalg.norm(a - b) / np.linalg.norm(b)) for a, b in pairs)


def host() -> dict[str, Any]:
    """Return when, on what and with which versions this ran."""
    cpu = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if "model name" in line),
        platform.processor(),
    )
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "versions": {name: _version(name) for name in ("jax", "flax", "diffrax", "torch")},
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def report(group: str, rows: list[dict[str, Any]]) -> None:
    """Write ``results/<group>.json`` and a Markdown table of the same, and print the table."""
    RESULTS.mkdir(exist_ok=True)
    about = host()
    (RESULTS / f"{group}.json").write_text(json.dumps({"host": about, "rows": rows}, indent=1))
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [" | ".join(columns), " | ".join("---" for _ in columns)]
    lines += [" | ".join(_cell(row.get(column, "")) for column in columns) for row in rows]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    head = f"{about['date']}, {about['cores']} cores of {about['cpu']}, load {about['load']:.1f}"
    table = "\n".join(f"| {line} |" for line in lines)
    text = f"# {group}\n\n{head}; {versions}.\n\n{table}\n"
    (RESULTS / f"{group}.md").write_text(text)
    print(text)


def _cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    serve(sys.argv[1], Setting(*json.loads(sys.argv[2])), sys.argv[3])
