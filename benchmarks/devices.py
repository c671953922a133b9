"""Time of one gradient on one and on two devices of the same machine: goal G13."""

from benchmarks._driver import Goal, compare, report, rounds
from benchmarks.methods import Setting

SETTING = Setting(32, 128, 256, 256)
ONE, TWO = "ours, stored", "ours, two devices"


def main() -> None:
    """Measure size B."""
    results = compare([ONE, TWO], SETTING, rounds=rounds())
    report("devices", [Goal("G13", "B, L=256", (ONE,), TWO, low=1.25).row(results)])


if __name__ == "__main__":
    main()
