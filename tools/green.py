"""Remember a fully green test run until any file of the repository changes.

``check`` exits with 0 when nothing changed since the last green run. ``run -- COMMAND`` runs the
command and remembers it when it succeeds and no file changed while it ran.
"""

import hashlib
import os
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STAMP = ROOT / "_build" / "green"

# What a run writes by itself; hidden folders other than these two are caches and environments.
GENERATED = {"_build", "build", "dist", "__pycache__", "node_modules"}
HIDDEN_SOURCES = {".ci", ".github", ".gitignore"}


def is_source(path: Path) -> bool:
    """True for a file that a test run can depend on."""
    parts = path.relative_to(ROOT).parts
    hidden = parts[0].startswith(".") and parts[0] not in HIDDEN_SOURCES
    nested_hidden = any(part.startswith(".") for part in parts[1:])
    return not (hidden or nested_hidden or GENERATED & set(parts) or ".egg-info" in str(path))


def source_files(folder: Path = ROOT) -> list[Path]:
    """All source files below a folder, without entering environments and caches."""
    found = []
    for entry in sorted(folder.iterdir()):
        if not is_source(entry):
            continue
        found += source_files(entry) if entry.is_dir() else [entry]
    return found


def fingerprint() -> str:
    """One hash of every source file, of Python and of every installed version."""
    digest = hashlib.sha256(sys.version.encode())
    digest.update(str(sorted(f"{d.name} {d.version}" for d in distributions())).encode())
    for path in source_files():
        digest.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def check() -> int:
    """Say whether the last green run still holds."""
    built = (ROOT / "_build" / "html" / "index.html").exists()
    if not built or not STAMP.exists() or STAMP.read_text() != fingerprint():
        return 1
    print("Nothing changed since all tests passed: nothing to run.")
    print(f"To run them again anyway: rm {STAMP.relative_to(ROOT)} && make test")
    return 0


def run(command: list[str]) -> int:
    """Run the tests; remember the state they passed on."""
    STAMP.unlink(missing_ok=True)
    before = fingerprint()
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if status == 0 and fingerprint() == before:
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
