"""Sweeps: every claim in many settings that its statement allows, and each control in all of them.

``make sweep`` takes hours and may be stopped at any time: each setting is written down when it is
done, and not run again as long as the claim's code stays the same. The record then says how often
the claim held, how often each control failed, and how near to its requirement a check came.

    python -m evidence.sweeps                        all claims, up to 20 settings each
    python -m evidence.sweeps --settings 40 LABEL    more of one
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import jax

from evidence import records
from resode_course import claims
from resode_course.claims import Claim, Verdict

__all__ = ["lines", "main", "run", "summary"]

FOLDER = records.ROOT / "_build" / "sweeps"
ROUND = 4  # settings of one claim before the next claim: a run that is cut has some of each


def path_of(claim: Claim) -> Path:
    """Return where the settings of a claim are written down."""
    return FOLDER / f"{claim.label}.jsonl"


def lines(claim: Claim) -> list[dict[str, Any]]:
    """Return the settings that were run with the claim's code as it is."""
    path = path_of(claim)
    if not path.exists():
        return []
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [line for line in found if line["code"] == claim.code_hash()]


def differences(claim: Claim, setting: Claim) -> str:
    """Return the fields in which a setting differs, in a line."""
    changed = [
        f"{name}={value!r}" for name, value in vars(setting).items() if value != vars(claim)[name]
    ]
    return ", ".join(changed)


def tried(claim: Claim, setting: Claim) -> dict[str, Any]:
    """Measure one setting with all its controls."""
    try:
        verdict, *controls = setting.verdicts()
    except Exception as error:  # a setting that cannot be measured has not held
        return {"holds": False, "error": f"{type(error).__name__}: {error}", "controls": {}}
    nearest = min(verdict.checks, key=lambda check: check.slack)
    return {
        "holds": verdict.as_stated,
        "controls": {control.control: control.as_stated for control in controls},
        "nearest": [nearest.quantity, nearest.shown, nearest.requirement, nearest.slack],
        "failed": [str(check) for check in verdict.checks if not check.holds] + _missed(controls),
    }


def _missed(controls: list[Verdict]) -> list[str]:
    """What must have failed without a hypothesis, and did not."""
    return [
        f"{control.control}: {check}"
        for control in controls
        for check in control.checks
        if check.holds and check.quantity in control.must_fail
    ]


def run(claim: Claim, upto: int) -> Iterator[dict[str, Any]]:
    """Measure settings until there are ``upto``; yield each when it is written down."""
    done = {line["seed"] for line in lines(claim)}
    for setting in islice(claim.settings(), upto):
        if setting.seed in done:
            continue
        start = time.perf_counter()
        line = {
            "code": claim.code_hash(),
            "seed": setting.seed,
            "setting": differences(claim, setting),
            **tried(claim, setting),
            "seconds": round(time.perf_counter() - start, 2),
        }
        path_of(claim).parent.mkdir(parents=True, exist_ok=True)
        with path_of(claim).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        yield line


def summary(claim: Claim) -> dict[str, Any]:
    """Return how often the claim held and each control failed, and the nearest check."""
    found = lines(claim)
    nearest = min((line["nearest"] for line in found if "nearest" in line), key=lambda n: n[3])
    return {
        "tried": len(found),
        "held": sum(line["holds"] for line in found),
        "controls": {
            name: sum(line["controls"].get(name, False) for line in found)
            for name in claim.controls
        },
        "varied": {name: [repr(v) for v in values] for name, values in claim.family.items()},
        "nearest": nearest[:3],
        "seconds": round(sum(line["seconds"] for line in found) / len(found), 2),
        "exceptions": [
            f"{line['setting']}: {line.get('error') or '; '.join(line['failed'])}"
            for line in found
            if line.get("error") or line["failed"]
        ],
    }


def main(arguments: list[str] | None = None) -> int:
    """Run the sweeps that are missing and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("labels", nargs="*", help="of claims; all unless given")
    parser.add_argument("--settings", type=int, default=20, help="of each claim")
    options = parser.parse_args(arguments)
    jax.config.update("jax_enable_x64", True)
    chosen = [claims.get(label) for label in options.labels or claims.CLAIMS]
    rounds = [*range(ROUND, options.settings, ROUND), options.settings]
    for upto in rounds:
        for claim in chosen:
            new = list(run(claim, upto))
            if new:
                records.make(records.Entry("sweeps", claim.label, lambda c=claim: summary(c)))
                jax.clear_caches()
            for line in new:
                if line.get("error") or line["failed"]:
                    print(f"  {line['setting']}: {line.get('error') or line['failed']}", flush=True)
        print(f"{upto} settings of {len(chosen)} claims are done", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
