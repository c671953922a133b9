"""Measure and record: ``python -m evidence.benchmarks`` what is missing, with names these.

``--rounds 7`` is how often each method gets its turn, ``--list`` says what there is and which code
made it. A name is that of a group, or of one of its entries: ``"step_time: A, L=64"``; ``all`` is
everything.
"""

import argparse
import os
import sys

from evidence.benchmarks._driver import clean_environment


def main() -> int:
    """Make entries of the record, one by one: a run that is cut leaves what it has."""
    from evidence import records

    parser = argparse.ArgumentParser(prog="python -m evidence.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="GROUP")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--list", action="store_true", dest="only_list")
    options = parser.parse_args()
    entries = list(records.benchmark_entries(options.rounds))
    if options.only_list:
        made = records.read("benchmarks")
        for entry in entries:
            print(f"{made.get(entry.name, {}).get('code', 'missing'):28s}{entry.name}")
        return 0
    wanted = {
        name: [e for e in entries if name in ("all", e.name, e.name.partition(":")[0])]
        for name in options.names
    }
    if unknown := [name for name, found in wanted.items() if not found]:
        parser.error(f"nothing is called {unknown}; --list names what there is")
    missing = [entry for entry in records.missing() if entry.record == "benchmarks"]
    for entry in sum(wanted.values(), []) if wanted else missing:
        records.make(entry)
    return 0


if __name__ == "__main__":
    environment = clean_environment()
    os.environ.clear()
    os.environ.update(environment)
    sys.exit(main())
