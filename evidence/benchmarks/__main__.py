"""Measure what is stale, or what is named, and record it: ``python -m evidence.benchmarks [GROUP ...]``.

``--rounds 7`` is how often each method gets its turn, ``--list`` says what there is and how old it
is. A name is that of a group, or of one of its entries: ``"step_time: A, L=64"``.
"""

import argparse
import os
import sys
from typing import Any

from evidence.benchmarks._driver import ROOT, clean_environment

sys.path.insert(0, str(ROOT / "tools"))


def main() -> int:
    """Make entries of the record, one by one: a run that is cut leaves what it has."""
    import records

    parser = argparse.ArgumentParser(prog="python -m evidence.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="GROUP")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--list", action="store_true", dest="only_list")
    options = parser.parse_args()
    entries = list(records.benchmark_entries(options.rounds))
    stale = records.stale(entries)
    if options.only_list:
        print("\n".join(f"{'stale' if e in stale else 'good '}  {e.name}" for e in entries))
        return 0
    wanted = {name: [e for e in entries if name in (e.name, group_of(e))] for name in options.names}
    if unknown := [name for name, found in wanted.items() if not found]:
        parser.error(f"nothing is called {unknown}; --list names what there is")
    for entry in sum(wanted.values(), []) if wanted else stale:
        records.make(entry)
    return 0


def group_of(entry: Any) -> str:
    """Return the part of an entry's name that is the module which makes it."""
    return entry.name.partition(":")[0]


if __name__ == "__main__":
    environment = clean_environment()
    os.environ.clear()
    os.environ.update(environment)
    sys.exit(main())
