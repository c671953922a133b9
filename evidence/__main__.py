"""Make records: ``python -m evidence`` what is missing, ``python -m evidence NAME ...`` these.

A name is the label of a claim or the name of a figure of a paper; ``claims`` and ``reproductions``
name all of a kind. Benchmarks have a command of their own, ``python -m evidence.benchmarks``: they
need peers and a quiet machine.
"""

import sys

import jax

from evidence import records


def main(arguments: list[str]) -> int:
    """Make entries one by one: a run that is cut leaves what it has."""
    jax.config.update("jax_enable_x64", True)
    known = [entry for entry in records.entries() if entry.record != "benchmarks"]
    chosen = [entry for entry in known if {entry.name, entry.record} & set(arguments)]
    names = {entry.name for entry in known} | {"claims", "reproductions"}
    if unknown := set(arguments) - names:
        print(f"error: no entry is called {sorted(unknown)}; got one of {sorted(names)}?")
        return 2
    if not arguments:
        chosen = [entry for entry in records.missing() if entry.record != "benchmarks"]
    for number, entry in enumerate(chosen, 1):
        print(f"[{number}/{len(chosen)}]", end=" ", flush=True)
        records.make(entry)
    records.rejudge()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
