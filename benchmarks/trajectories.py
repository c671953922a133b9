"""Time of a training of which all weights are recorded: goal G10."""

from benchmarks._driver import Goal, compare, report, rounds
from benchmarks.methods import Setting

SETTINGS = {
    "A, L=64, every 10": Setting(16, 64, 50, 64, steps=100, every=10),
    "A, L=256, every 10": Setting(16, 64, 50, 256, steps=100, every=10),
    "(16, 32, 100), L=1024, every step": Setting(16, 32, 100, 1024, steps=10),
    "B, L=256, every 10": Setting(32, 128, 256, 256, steps=20, every=10),
}

OURS, LOOP = "ours, trajectory", ("torch, trajectory@1", "torch, trajectory@2")

GOALS = tuple(
    Goal("G10", name, LOOP, OURS, low=low)
    for name, low in zip(SETTINGS, (3.5, 3.8, 4.0, 1.25), strict=True)
)


def main() -> None:
    """Measure every setting."""
    rows = []
    for goal in GOALS:
        results = compare([OURS, *LOOP], SETTINGS[goal.setting], rounds=rounds())
        rows.append(goal.row(results))
    report("trajectories", rows)


if __name__ == "__main__":
    main()
