"""Gradescope: the results of one submission in its format, and a package to upload.

Source: https://gradescope-autograders.readthedocs.io (specifications of results.json and of the
zip file with setup.sh and run_autograder).
"""

import io
import zipfile
from pathlib import Path
from typing import Any

from resode_grader._batch import Batch
from resode_grader._packages import COURSE, GRADER, LIBRARY, distribution

__all__ = ["package", "results"]

SETUP = """#!/usr/bin/env bash
# Runs once, while Gradescope builds the image.
set -euo pipefail
cd /autograder/source
apt-get update -qq
apt-get install -y -qq --no-install-recommends python3 python3-venv util-linux
python=python3
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then  # Ubuntu 22.04 has 3.10
  apt-get install -y -qq --no-install-recommends python3.11 python3.11-venv
  python=python3.11
fi
"$python" -m venv /opt/resode
/opt/resode/bin/pip install --quiet -r requirements.txt
"""
RUN = """#!/usr/bin/env bash
# Runs once for each submission, in a fresh container. The key is gone before the notebook starts,
# which runs as a user who can neither write results nor read what is right.
set -uo pipefail
cd /autograder/source
chmod -R go-rwx /autograder/results resode_grader/sets
export PYTHONPATH=/autograder/source
/opt/resode/bin/python -m resode_grader /autograder/submission \\
  --set {number} --cohort '{cohort}' --key key --forget-key{also} \\
  --gradescope /autograder/results/results.json
"""
# What the library and the notebooks import; the container's Python decides the versions.
NEEDS = ("jax", "flax", "diffrax", "optax", "scikit-learn", "jaxtyping")
NEEDS += ("matplotlib", "ipywidgets", "ipython", "numpy", "scipy")


def results(result: dict[str, Any]) -> dict[str, Any]:
    """Return one result in Gradescope's format: each part is a test.

    Sentences are those that students may read, see `resode_grader._feedback.feedback`.
    """
    tests = []
    for problem in result["problems"]:
        for number, part in enumerate(problem["parts"], 1):
            right = part["feedback"] is None
            tests.append(
                {
                    "name": f"{problem['label']} {problem['name']}: {part['title']}",
                    "number": f"{problem['label']}.{number}",
                    "score": part["earned"],
                    "max_score": part["points"],
                    "status": "passed" if right else "failed",
                    "output": "right." if right else part["feedback"],
                    "output_format": "text",
                    "visibility": "visible",
                }
            )
    report: dict[str, Any] = {
        "output": " ".join(result["remarks"]) or "Written problems are marked by hand.",
        "output_format": "text",
        "stdout_visibility": "hidden",
        "visibility": "visible",
        "tests": tests,
    }
    if result.get("unmarked"):  # without a score Gradescope reports a failed autograder
        return report
    return {**report, "score": sum(test["score"] for test in tests)}


def package(batch: Batch, target: Path) -> None:
    """Write the zip file to upload: library, key, set-up and start.

    Args:
        batch: the set, the class and its key.
        target: the zip file; it contains the key, so keep it as you keep the key.
    """
    pins = LIBRARY.parent / "requirements.txt"
    needs = pins.read_text(encoding="utf-8") if pins.exists() else "\n".join(NEEDS) + "\n"
    needs += "".join(f"{distribution(name)}\n" for name in batch.also)
    also = "".join(f" --also {name}" for name in batch.also)
    files = {
        "setup.sh": SETUP,
        "run_autograder": RUN.format(number=batch.number, cohort=batch.cohort, also=also),
        "key": batch.key + "\n",
        "requirements.txt": needs,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o755 if text.startswith("#!") else 0o600) << 16
            archive.writestr(entry, text)
        for package in (LIBRARY, COURSE, GRADER):
            for path in sorted(package.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    inside = path.relative_to(package.parent)
                    archive.write(path, inside.as_posix())
    target.write_bytes(buffer.getvalue())
    target.chmod(0o600)
