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
