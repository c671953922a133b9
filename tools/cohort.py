"""Set up a class: ``make cohort NAME=spring-2027``.

Writes the class's secret key, from which the grader draws its hidden inputs, and the editions of
all problem sets. The key stays outside git; whoever loses it cannot repeat a grading.
"""

import argparse
import secrets
import sys
from pathlib import Path

import assignments

ROOT = Path(__file__).resolve().parents[1]
NEXT = """
Hand out    {editions}/student
Keep        {key}  (a copy in a safe place; git ignores it)
Grade       .venv/bin/resode-grade submissions/ --set 1 --cohort {name}
"""


def write_key(root: Path, name: str) -> Path:
    """Write a fresh key, readable for its owner only; an old one stays.

    Args:
        root: the repository.
        name: the class.
    """
    path = root / "cohorts" / f"{name}.key"
    if path.exists():
        print(f"kept {path.relative_to(root)}: a new key would change the marks")
        return path
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(32) + "\n", encoding="utf-8")
    print(f"wrote {path.relative_to(root)}")
    return path


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", help="the class, such as spring-2027")
    parser.add_argument("--version", default="main", help="the branch or tag to install on Colab")
    options = parser.parse_args(arguments)
    name = options.name
    if not assignments.NAME.fullmatch(name):
        print(
            f"error: got the name {name!r}, expected letters, digits, dots, dashes and "
            "underscores\n  mend: make cohort NAME=spring-2027",
            file=sys.stderr,
        )
        return 1
    if status := assignments.main(["--cohort", name, "--version", options.version], root):
        return status
    key = write_key(root, name)
    editions = f"_build/assignments/{name}"
    print(NEXT.format(editions=editions, key=key.relative_to(root), name=name), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
