"""Meet the course as a reader on Colab does: ``make colab``.

Run by an environment that holds Colab's versions. The first cell of a chapter installs the
library, as it stands in the notebook, with a wheel of this checkout in the place of the repository;
pip finds whatever the index offers today. Then

- no package that was there may have moved, an old ``resode_lib`` aside;
- a library that cannot be installed without moving one must be refused, with advice;
- chapters must print there what they print on their pages, with XLA's own flags.

    python tools/colab.py            three chapters
    python tools/colab.py --times    all chapters, with the seconds that a reader waits
    python tools/colab.py --write    the same, and write them into the banners of the pages
"""

import argparse
import json
import math
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
CHECKED = ("start/jax-and-flax", "discretize/euler", "practice/images")
LONGEST = 75  # seconds that a reader may wait for a chapter
BANNER = re.compile(r"\*\*Runs in\*\* \d+ s")
NO_TEXT = re.compile(r"<(style|script)>.*?</\1>", re.DOTALL)  # how a table looks, not what it says
SOURCE = re.compile(r'git\+[^"]+(?=")')
REFUSAL = "Not installed"
ON_COLAB = 'import sys, types\nsys.modules["google.colab"] = types.ModuleType("google.colab")'
# A reader has none of these. How pip reaches an index stays: without it nothing can be installed.
FOREIGN = re.compile(
    r"JAX|XLA|EQX|MPL|MATPLOTLIB|JUPYTER|IPYTHON|PYTHON|RESODE|VIRTUAL_ENV|\w+_NUM_THREADS|"
    r"PIP_(?!(EXTRA_)?INDEX|FIND_LINKS|NO_INDEX|TRUSTED|CERT|PROXY|DEFAULT_TIMEOUT|CACHE)"
)


def readers_shell() -> dict[str, str]:
    """This shell's variables without those that a reader does not have."""
    shell = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
    binaries = str(Path(sys.executable).parent)
    return shell | {
        "PATH": f"{binaries}:{shell.get('PATH', '')}",
        "PIP_CONSTRAINT": os.devnull,  # over one in pip's settings; an empty value would not count
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # no messages of the debugger among the results
        "NO_COLOR": "1",
    }


def installed() -> dict[str, str]:
    """The versions of everything installed here."""
    command = [sys.executable, "-m", "pip", "list", "--format=json"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True)
    return {entry["name"]: entry["version"] for entry in json.loads(listed.stdout)}


def wheel_of_this_checkout(folder: Path) -> Path:
    """Build the library's wheel from a copy: a build leaves files behind, and takes up old ones."""
    source, built = folder / "source", folder / "built"
    left_out = shutil.ignore_patterns(".*", "_build", "build", "*.egg-info", "__pycache__", "book")
    shutil.copytree(ROOT, source, ignore=left_out)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", built, source]
    subprocess.run(command, check=True)
    return next(built.glob("resode_lib-*.whl"))


def empty_wheel(folder: Path, version: str, needs: str = "") -> Path:
    """A wheel named like the library, without a module."""
    path = folder / f"resode_lib-{version}-py3-none-any.whl"
    info = f"resode_lib-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: resode_lib\nVersion: {version}\n"
    metadata += f"Requires-Dist: {needs}\n" if needs else ""
    tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", tags)
        wheel.writestr(f"{info}/RECORD", "")
    return path


def first_cell(page: Path) -> str:
    """The cell that installs the library."""
    text = page.read_text(encoding="utf-8")
    return re.search(r"^```\{code-cell\}[^\n]*\n(?::[^\n]*\n)*\n?(.*?)^```", text, re.M | re.S)[1]


def run(notebook: NotebookNode, folder: Path, **options: bool) -> str:
    """Run a notebook in a clean kernel of this environment; return all that it printed."""
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=900, resources=resources, **options)
    client.execute(env=readers_shell())
    return "".join(text_of(cell) for cell in notebook.cells if cell.cell_type == "code")


def run_first_cell(source: str, wheel: Path, folder: Path) -> str:
    """Run the installing cell on Colab, with a wheel in the place of the repository."""
    source, count = SOURCE.subn(wheel.as_uri(), source)
    if count != 1:
        raise SystemExit(f"got {count} addresses in the first cell, expected one:\n{source}")
    cells = [nbformat.v4.new_code_cell(text) for text in (ON_COLAB, source)]
    return run(nbformat.v4.new_notebook(cells=cells), folder, allow_errors=True)


def text_of(cell: NotebookNode) -> str:
    """What a cell printed; pictures have no text, and an ignored cell no comparison."""
    if "nbval-ignore-output" in cell.metadata.get("tags", []):
        return ""
    outputs = cell.outputs
    streams = "".join(output.text for output in outputs if output.output_type == "stream")
    errors = [f"{one.ename}: {one.evalue}\n" for one in outputs if one.output_type == "error"]
    data = [output.data for output in outputs if "data" in output]
    shown = [str(one.get(kind, "")) for kind in ("text/plain", "text/html") for one in data]
    return streams + "".join(errors) + NO_TEXT.sub("", "".join(shown))


def moved(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What was there and is not, or is in another version; the library itself may move."""
    held = {name: version for name, version in before.items() if name != "resode_lib"}
    return [f"{n} {v} -> {after.get(n, 'gone')}" for n, v in held.items() if after.get(n) != v]


def check_installation(source: str, folder: Path) -> list[str]:
    """Run the first cell as it stands; return what is wrong."""
    faults, before = [], installed()
    other_numpy = empty_wheel(folder, "99", needs=f"numpy!={before['numpy']}")
    printed = run_first_cell(source, other_numpy, folder)
    if REFUSAL not in printed or moved(before, installed()):
        faults.append(f"what does not fit was not refused with advice; printed:\n{printed}")
    add = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*add, empty_wheel(folder, "0.0.1")], check=True)
    printed = run_first_cell(source, wheel_of_this_checkout(folder), folder)
    after = installed()
    if (version := after.get("resode_lib")) in (None, "0.0.1"):
        faults.append(f"got resode_lib {version}, expected the wheel's; printed:\n{printed}")
    faults += [f"moved: {line}" for line in moved(before, after)]
    added = sorted(f"{name} {after[name]}" for name in set(after) - set(before))
    print(f"{len(before)} packages were there; added: {', '.join(added)}", flush=True)
    return faults


@dataclass
class Run:
    """A chapter as a reader on Colab meets it."""

    wall: float
    cpu: float
    differing: list[str]


def run_chapter(path: Path, folder: Path) -> Run:
    """Run a chapter from a clean kernel; note the time and the cells that print something else."""
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    stored = [text_of(cell) for cell in cells]
    used, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run(notebook, folder)
    wall, now = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    pairs = zip(range(1, len(cells) + 1), stored, map(text_of, cells), strict=True)
    differing = [f"code cell {n}\n- {old}\n+ {new}" for n, old, new in pairs if old != new]
    return Run(wall, cpu, differing)


def write_banner(page: Path, seconds: float) -> None:
    """Write how long a chapter runs into its banner, rounded up to five seconds."""
    rounded = 5 * math.ceil(seconds / 5)
    text, count = BANNER.subn(f"**Runs in** {rounded} s", page.read_text(encoding="utf-8"))
    if count != 1:
        raise SystemExit(f"got {count} banners in {page.name}; expected one '**Runs in** 20 s'")
    page.write_text(text, encoding="utf-8")


def check_chapters(paths: list[Path], limit: float, folder: Path, write: bool) -> list[str]:
    """Run chapters one after the other, print a table, return what is wrong."""
    faults = []
    print(f"{'chapter':<34}{'seconds':>8}{'processor':>11}{'load':>6}{'cells that differ':>19}")
    for path in paths:
        name = path.relative_to(ROOT / "book").with_suffix("").as_posix()
        done = run_chapter(path, folder)
        columns = f"{done.wall:>8.0f}{done.cpu:>11.0f}{os.getloadavg()[0]:>6.1f}"
        print(f"{name:<34}{columns}{len(done.differing):>19}", flush=True)
        faults += [f"{name}, {difference}" for difference in done.differing]
        if write:
            write_banner(path.with_suffix(".md"), done.wall)
        if done.wall > limit:
            wanted = f"expected at most {limit:.0f} on a quiet machine"
            faults.append(f"{name}: got {done.wall:.0f} s, {wanted}")
    return faults


def chapters() -> list[Path]:
    """The notebooks that say on their page how long they run."""
    pages = sorted(path for path in (ROOT / "book").rglob("*.md") if path.name != "_template.md")
    running = [page for page in pages if "**Runs in**" in page.read_text(encoding="utf-8")]
    return [page.with_suffix(".ipynb") for page in running]


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--times", action="store_true", help="all chapters, and how long they take")
    parser.add_argument("--write", action="store_true", help="the same, into the banners")
    parser.add_argument("--only", nargs="*", default=[], help="these chapters, such as train/x")
    options = parser.parse_args()
    timed = options.times or options.write
    names = options.only or ([] if timed else CHECKED)
    paths = [ROOT / "book" / f"{name}.ipynb" for name in names] or chapters()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source = first_cell(paths[0].with_suffix(".md"))
        faults = check_installation(source, folder)
        if not faults:
            limit = LONGEST if timed else math.inf
            faults = check_chapters(paths, limit, folder, options.write)
    print(
        "\n\n".join(faults) or "As on Colab: everything stayed as it was, the pages print the same."
    )
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
