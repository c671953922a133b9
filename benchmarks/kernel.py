"""Time of the tangent kernel against the contraction of the whole Jacobian: goal G15."""

from benchmarks._driver import Goal, compare, report, rounds
from benchmarks.methods import Setting

SETTING = Setting(16, 64, 50, 64)
OURS, JACOBIAN = "ours, kernel", "kernel by the Jacobian"


def main() -> None:
    """Measure size A."""
    results = compare([OURS, JACOBIAN], SETTING, rounds=rounds())
    report("kernel", [Goal("G15", "A, L=64", (JACOBIAN,), OURS, low=8).row(results)])


if __name__ == "__main__":
    main()
