"""The ranges, the pins, the lowest versions and Colab's versions agree."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
COURSE = PROJECT["optional-dependencies"]["course"]
RANGES = {req.name: req for req in map(Requirement, [*PROJECT["dependencies"], *COURSE])}
# These come with the library on Colab; the install cell adds them and nothing else.
MISSING_ON_COLAB = {"diffrax", "jaxtyping"}


def pins(path):
    """The exact versions in a requirements file, by name."""
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    requirements = [Requirement(line) for line in lines if line]
    return {req.name: str(req.specifier).removeprefix("==") for req in requirements}


def outside(versions):
    """Those of the versions that a range of pyproject.toml does not contain."""
    return {
        name: f"got {versions[name]}, expected {req.specifier}"
        for name, req in RANGES.items()
        if name in versions and not req.specifier.contains(versions[name])
    }


PINNED = pins(ROOT / "requirements.txt")
LOWEST = pins(ROOT / "tests/lowest.txt")
COLAB = pins(ROOT / "tests/tools/colab-2026-08.txt")


def test_pins_satisfy_the_ranges_and_are_complete():
    assert outside(PINNED) == {}
    assert set(RANGES) <= set(PINNED), "run: make lock"


def test_the_pins_are_all_that_is_needed():
    """The Makefile installs them without resolving anything."""
    command = [sys.executable, "-m", "pip", "check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_loose_requirement_is_pinned():
    lines = (ROOT / "requirements.in").read_text().splitlines()
    loose = [Requirement(line.split("#")[0]) for line in lines if line.split("#")[0].strip()]
    bad = [str(req) for req in loose if not req.specifier.contains(PINNED.get(req.name, "0"))]
    assert not bad, f"{bad} not satisfied by requirements.txt; run: make lock"


# The peers of the benchmarks are compared with in an environment of their own, and not pinned.
@pytest.mark.parametrize("extra", sorted(set(PROJECT["optional-dependencies"]) - {"peers"}))
def test_extras_agree_with_the_pins(extra):
    wanted = map(Requirement, PROJECT["optional-dependencies"][extra])
    bad = [str(req) for req in wanted if not req.specifier.contains(PINNED.get(req.name, "0"))]
    assert not bad


def test_colab_satisfies_the_ranges():
    assert outside(COLAB) == {}
    assert set(RANGES) - set(COLAB) <= MISSING_ON_COLAB


def test_the_lowest_versions_are_the_lower_ends_of_the_ranges():
    assert outside(LOWEST) == {}
    assert set(RANGES) <= set(LOWEST)
    for name in ("jax", "flax", "ipywidgets"):
        assert str(RANGES[name].specifier) == f">={LOWEST[name]}"


def test_the_library_has_one_version():
    text = (ROOT / "resode_lib/__init__.py").read_text()
    assert f'__version__ = "{PROJECT["version"]}"' in text
    assert f"version: {PROJECT['version']}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## [{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text()
