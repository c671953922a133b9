"""Remember a fully green test run until any file of the repository changes.

``check`` exits with 0 when nothing changed since the last green run. ``run -- COMMAND`` runs the
command and remembers it when it succeeds and no file changed while it ran.
"""

import os
import subprocess
import sys
from pathlib import Path

from fingerprint import fingerprint

ROOT = Path(__file__).resolve().parents[1]
STAMP = ROOT / "_build" / "green"


def check() -> int:
    """Say whether the last green run still holds."""
    built = (ROOT / "_build" / "html" / "index.html").exists()
    if not built or not STAMP.exists() or STAMP.read_text() != fingerprint(ROOT):
        return 1
    print("Nothing changed since all tests passed: nothing to run.")
    print(f"To run them again anyway: rm {STAMP.relative_to(ROOT)} && make test")
    return 0


def run(command: list[str]) -> int:
    """Run the tests; remember the state they passed on."""
    STAMP.unlink(missing_ok=True)
    before = fingerprint(ROOT)
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if status == 0 and fingerprint(ROOT) == before:
        STAMP.parent.mkdir(exist_ok=True)
        STAMP.write_text(before)
    return status


def main(arguments: list[str]) -> int:
    """Command line: ``check`` or ``run -- COMMAND``."""
    os.chdir(ROOT)
    match arguments:
        case ["check"]:
            return check()
        case ["run", "--", *command] if command:
            return run(command)
    print(f"got {arguments}, expected 'check' or 'run -- COMMAND'", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
