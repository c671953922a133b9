"""Time of one gradient, ours against others: goals G1 to G4, G7, G8 and G16."""

from typing import Any

from evidence.benchmarks._driver import Goal, compare
from evidence.benchmarks._setting import Setting

SETTINGS = {
    "A, L=64": Setting(16, 64, 50, 64),
    "A, L=1024": Setting(16, 64, 50, 1024),
    "B, L=256": Setting(32, 128, 256, 256),
    "B, L=1024": Setting(32, 128, 256, 1024),
    "C, L=256": Setting(64, 256, 1024, 256),
    "A, L=256, float64, tanh": Setting(16, 64, 50, 256, "float64", "tanh"),
}

STORED, FREE, EXACT = "ours, stored", "ours, reversing(0)", "ours, reversing(2)"
LOOP = ("torch loop@1", "torch loop@2")
LOOP_FREE = ("torch, memory-free@1", "torch, memory-free@2")
SCAN, REMAT = ("nnx.scan",), ("nnx.scan, nnx.remat",)
DIFFRAX, DIFFRAX_L = ("diffrax",), ("diffrax, checkpoints=L",)
TORCHDIFFEQ = ("torchdiffeq@1", "torchdiffeq@2")
TORCHDIFFEQ_FREE = ("torchdiffeq, adjoint@1", "torchdiffeq, adjoint@2")
HEUN_FREE, HEUN_SCAN = "ours, Heun, reversing(0)", ("nnx.scan, Heun",)
APPROXIMATE = (FREE, EXACT, HEUN_FREE, *LOOP_FREE, *TORCHDIFFEQ_FREE)

GOALS = (
    Goal("G1", "A, L=64", LOOP, STORED, low=3.5),
    Goal("G1", "A, L=1024", LOOP, STORED, low=4),
    Goal("G1", "B, L=1024", LOOP, STORED, low=1.2),
    Goal("G1", "C, L=256", LOOP, STORED, low=1.25),
    Goal("G2", "A, L=64", LOOP_FREE, FREE, low=8),
    Goal("G2", "A, L=1024", LOOP_FREE, FREE, low=8),
    Goal("G2", "B, L=1024", LOOP_FREE, FREE, low=1.8),
    Goal("G2", "C, L=256", LOOP_FREE, FREE, low=1.7),
    Goal("G3", "A, L=1024", DIFFRAX, STORED, low=1.8),
    Goal("G3", "B, L=1024", DIFFRAX, STORED, low=1.5),
    Goal("G3", "C, L=256", DIFFRAX, STORED, low=1.35),
    Goal("G3", "A, L=1024", DIFFRAX_L, STORED, low=1.25),
    Goal("G3", "B, L=1024", DIFFRAX_L, STORED, low=1.25),
    Goal("G3", "C, L=256", DIFFRAX_L, STORED, low=1.25),
    Goal("G4", "A, L=64", SCAN, STORED, low=1.25),
    Goal("G4", "A, L=1024", SCAN, STORED, low=1.8),
    Goal("G4", "B, L=1024", SCAN, STORED, low=1.8),
    Goal("G4", "C, L=256", SCAN, STORED, low=1.8),
    Goal("G4", "A, L=1024", REMAT, STORED, low=1.25),
    Goal("G4", "B, L=1024", REMAT, STORED, low=1.25),
    Goal("G4", "C, L=256", REMAT, STORED, low=1.25),
    Goal("G7", "A, L=1024", (FREE,), STORED, high=1.25),
    Goal("G7", "B, L=1024", (FREE,), STORED, high=1.25),
    Goal("G7", "C, L=256", (FREE,), STORED, high=1.25),
    Goal("G7", "B, L=1024", (FREE,), SCAN[0], high=0.7),
    Goal("G7", "C, L=256", (FREE,), SCAN[0], high=0.7),
    Goal("G7", "B, L=256", (HEUN_FREE,), HEUN_SCAN[0], high=0.75),
    Goal("G8", "A, L=1024", (EXACT,), STORED, high=1.7),
    Goal("G8", "B, L=1024", (EXACT,), STORED, high=1.7),
    Goal("G8", "C, L=256", (EXACT,), STORED, high=1.7),
    Goal("G16", "A, L=256, float64, tanh", LOOP, STORED, low=3),
    # Without a goal: reported only.
    Goal("", "A, L=64", TORCHDIFFEQ, STORED),
    Goal("", "A, L=64", TORCHDIFFEQ_FREE, FREE),
    Goal("", "B, L=256", TORCHDIFFEQ, STORED),
    Goal("", "B, L=256", TORCHDIFFEQ_FREE, FREE),
)


def measure(name: str, rounds: int) -> list[dict[str, Any]]:
    """Compare the methods that the goals at a setting name."""
    goals = [goal for goal in GOALS if goal.setting == name]
    named = [method for goal in goals for method in (*goal.above, goal.below)]
    rows = []
    # Heun's scheme computes another network: it is compared with itself only.
    for heun in (False, True):
        methods = dict.fromkeys(m for m in named if ("Heun" in m) == heun)
        if methods:
            first = HEUN_SCAN[0] if heun else STORED
            names = [first, *(m for m in methods if m != first)]
            results = compare(names, SETTINGS[name], rounds=rounds, approximate=APPROXIMATE)
            rows += [goal.row(results) for goal in goals if goal.below in results]
    return rows
