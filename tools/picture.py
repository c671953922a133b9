"""Draw the idea of the course: the layers of a network on their way to the flow of an ODE.

    python tools/picture.py

writes ``book/_static/layers.svg``, which moves, for the README, and ``book/_static/layers.png``,
which other sites show with a link. The field is that of the first figure of the book.
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np

from resode_course import plotting
from resode_lib import continuous, integrators
from resode_lib._types import Array

STATIC = Path(__file__).resolve().parents[1] / "book" / "_static"
TITLE = "ResNets as Euler schemes"
DEPTHS = (2, 3, 4, 6, 8, 12, 16, 32)
SECONDS = 1.2  # a depth is shown
WIDTH, HEIGHT, SCALE = 720, 378, 92  # of the picture in pixels, and pixels per unit


def field(s: Array, h: Array) -> Array:
    """Turn faster near the centre, and drift along a wave."""
    x, y = h[:, 0], h[:, 1]
    speed = 5 * jnp.exp(-(x**2) - y**2)
    wave = (1.5 * jnp.sin(2 * y), 0.8 * jnp.cos(3 * x))
    return jnp.stack([wave[0] - speed * y, wave[1] + speed * x], axis=1)


def starts() -> Array:
    """Return two rings of points."""
    angle = 2 * np.pi * np.arange(9) / 9
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return jnp.asarray(np.concatenate([0.45 * circle, 1.05 * circle + 0.1]))


def paths() -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Return the flow, shape (times, points, 2), and the states of each network."""
    flow = continuous.solve(field, starts(), times=jnp.linspace(0, 1, 81))
    networks = {L: integrators.integrate(field, starts(), depth=L) for L in DEPTHS}
    return np.asarray(flow), {L: np.asarray(states) for L, states in networks.items()}


def line(points: np.ndarray) -> str:
    """Return a polyline's points in pixels."""
    pixels = points * (SCALE, -SCALE) + (WIDTH / 2, HEIGHT / 2 + 8)
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pixels)


def moving() -> str:
    """Return the picture as SVG that shows one depth after another."""
    flow, networks = paths()
    times = ";".join(f"{n / len(DEPTHS):.4g}" for n in range(len(DEPTHS)))
    shown = []
    for n, (L, states) in enumerate(networks.items()):
        values = ";".join("1" if n == m else "0" for m in range(len(DEPTHS)))
        last = " ".join(
            f'<circle cx="{x}" cy="{y}" r="3.5"/>'
            for x, y in (line(point[None]).split(",") for point in states[-1])
        )
        shown.append(
            f'<g opacity="{int(n == len(DEPTHS) - 1)}">'
            f'<animate attributeName="opacity" calcMode="discrete" repeatCount="indefinite" '
            f'dur="{SECONDS * len(DEPTHS):g}s" values="{values}" keyTimes="{times}"/>'
            f'<g fill="none" stroke="{plotting.BLUE}" stroke-width="2">'
            + "".join(f'<polyline points="{line(p)}"/>' for p in states.swapaxes(0, 1))
            + f'</g><g fill="{plotting.ORANGE}">{last}</g>'
            f'<text x="24" y="40">{L} layers</text></g>'
        )
    curves = "".join(f'<polyline points="{line(p)}"/>' for p in flow.swapaxes(0, 1))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="sans-serif" font-size="22" fill="#222">\n'
        "<title>The states of a residual network with more and more layers, on the flow of its "
        "ODE</title>\n"
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="#fff"/>\n'
        f'<g fill="none" stroke="#bbb" stroke-width="1.5">{curves}</g>\n'
        + "\n".join(shown)
        + "\n</svg>\n"
    )


def still(path: Path) -> None:
    """Write the picture with one depth and the name of the course, 1200 by 630 pixels."""
    flow, networks = paths()
    figure = plt.figure(figsize=(12, 6.3), dpi=100, facecolor="white")
    ax = figure.add_axes((0.36, 0.03, 0.62, 0.94))
    ax.plot(*flow.transpose(2, 0, 1), color="#bbbbbb", linewidth=1.5)
    states = networks[8]
    ax.plot(*states.transpose(2, 0, 1), color=plotting.BLUE, linewidth=2)
    ax.plot(*states[-1].T, "o", color=plotting.ORANGE, markersize=8)
    ax.set_axis_off()
    ax.set_aspect("equal")
    name = TITLE.replace(" as ", "\nas ").replace(" schemes", "\nschemes")
    figure.text(0.05, 0.9, name, fontsize=44, weight="bold", va="top", color="#222222")
    about = "Theorems with checks that run,\nand fail when a hypothesis\nis dropped. JAX and Flax."
    figure.text(0.05, 0.36, about, fontsize=20, va="top", color="#444444", linespacing=1.4)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def main() -> int:
    """Write both pictures."""
    jax.config.update("jax_enable_x64", True)
    (STATIC / "layers.svg").write_text(moving(), encoding="utf-8")
    still(STATIC / "layers.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
