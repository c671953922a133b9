"""Style, spelling and the direction of imports."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = {
    "style (mend: ruff check --fix)": ["ruff", "check", "--no-cache", "."],
    "format (mend: ruff format)": ["ruff", "format", "--check", "--no-cache", "."],
    "spelling": ["codespell"],
    "direction of imports": ["lint-imports", "--no-cache"],
}


@pytest.mark.parametrize("what", COMMANDS)
def test_linter(what):
    program, *arguments = COMMANDS[what]
    command = [Path(sys.executable).with_name(program), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{what}\n{done.stdout}{done.stderr}"


SLOW = ("diffrax", "orbax", "sklearn")  # each takes about as long to import as JAX


def test_importing_the_library_does_not_wait_for_what_only_some_functions_need():
    program = (
        "import sys; from evidence import reproductions; from resode_course import claims\n"
        f"print(*(name for name in {SLOW} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not done.stdout.split()
