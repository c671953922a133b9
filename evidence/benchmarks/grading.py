"""How long a class takes to grade: ``python -m evidence.benchmarks.grading --submissions 60 --set 1``.

Half of the class hands in the solution, a quarter the student edition as handed out, a quarter
another class's solution, which fails its checks and so is checked twice.
"""

import argparse
import os
import secrets
import sys
import tempfile
import time
from pathlib import Path

from resode_grader import _command

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))


def hand_in(folder: Path, number: str, submissions: int) -> None:
    """Write the submissions of a class called spring."""
    import assignments
    from labels import read_book

    path = ROOT / f"coursework/set{number}.md"
    source = assignments.read_source(path, assignments.problems_of(path), read_book(ROOT))
    for cohort in ("spring", "book"):
        assignments.write_set(source, folder / cohort, cohort)
    kinds = ("spring/solution", "spring/student", "spring/solution", "book/solution")
    (folder / "hand-in").mkdir()
    for n in range(submissions):
        text = (folder / kinds[n % len(kinds)] / f"set{number}.ipynb").read_text(encoding="utf-8")
        text = text.replace('COHORT = \\"book\\"', 'COHORT = \\"spring\\"')
        (folder / f"hand-in/student {n:02d}.ipynb").write_text(text, encoding="utf-8")


def main() -> None:
    """Write a class's submissions, grade them, and print the time."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--submissions", type=int, default=60)
    parser.add_argument("--set", default="1", dest="number")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hand_in(folder, options.number, options.submissions)
        (folder / "key").write_text(secrets.token_hex(32), encoding="utf-8")
        command = [str(folder / "hand-in"), "--set", options.number, "--cohort", "spring"]
        command += ["--key", str(folder / "key"), "--out", str(folder / "grades.csv")]
        started = time.perf_counter()
        _command.main([*command, "--workers", str(options.workers)])
        seconds = time.perf_counter() - started
    print(
        f"{options.submissions} submissions of set {options.number}, {options.workers} at a time "
        f"on {os.cpu_count()} processors (load {os.getloadavg()[0]:.1f}): {seconds:.0f} s"
    )


if __name__ == "__main__":
    main()
