"""Arrays in, Axes out: the figures that more than one chapter draws.

Colours keep three to one contrast on white and, hue kept and lightness inverted, on the dark theme.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

__all__ = ["BLUE", "GREEN", "GREY", "ORANGE", "PURPLE", "STYLE", "convergence", "layer_arrows"]

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072b2", "#c05000", "#00795c", "#a3428a", "#5f5f5f"
"""Darker relatives of Okabe and Ito's colours, told apart by colour-blind readers."""

STYLE = {
    "axes.prop_cycle": plt.cycler(
        color=[BLUE, ORANGE, GREEN, PURPLE, GREY], marker=["o", "s", "^", "D", "v"]
    ),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "figure.figsize": (5.6, 3.5),
    "font.size": 11,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "savefig.dpi": 160,
    "savefig.transparent": True,
    "svg.hashsalt": "resode",
}
"""Sizes that stay legible at the width of a phone; transparent, so that the page's theme shows."""

MOST_TICKS = 7
Numbers = Sequence[int | float] | np.ndarray


def convergence(
    depths: Numbers,
    errors: Mapping[str, Numbers],
    *,
    guides: Numbers = (-1,),
    ax: Axes | None = None,
    xlabel: str = "depth L",
    ylabel: str = "error",
) -> Axes:
    """Draw errors against depth, both logarithmic, with a dashed guide for each predicted slope.

    Args:
        depths: the depths.
        errors: for each legend entry one error per depth.
        guides: predicted slopes, drawn through the first curve's first point, lowered a little.
        ax: where to draw; new axes unless given.
        xlabel: what the horizontal axis shows.
        ylabel: what the vertical axis shows.

    Returns:
        The axes.
    """
    ax = plt.subplots()[1] if ax is None else ax
    for label, values in errors.items():
        ax.loglog(depths, values, label=label)
    depths = np.asarray(depths, float)
    first = next(iter(errors.values()))[0]
    for slope in guides:
        line = 0.5 * first * (depths / depths[0]) ** slope
        ax.loglog(depths, line, "--", color=GREY, marker="", label=f"slope {slope:g}")
    ax.set(xlabel=xlabel, ylabel=ylabel)
    # Depths are doublings: name every one of a few, every second of many, and nothing between.
    named = depths[:: 1 if len(depths) <= MOST_TICKS else 2]
    ax.set_xticks(named, [f"{depth:g}" for depth in named])
    ax.minorticks_off()
    ax.legend()
    return ax


def layer_arrows(states: np.ndarray, *, ax: Axes, color: str = ORANGE, label: str = "") -> Axes:
    """Draw the layers of a network in the plane: one arrow from each state to the next.

    Args:
        states: the hidden states, shape (L + 1, n, 2).
        ax: where to draw.
        color: of the arrows.
        label: legend entry.

    Returns:
        The axes.
    """
    start, move = states[:-1].reshape(-1, 2), np.diff(states, axis=0).reshape(-1, 2)
    ax.quiver(
        *start.T,
        *move.T,
        angles="xy",
        scale_units="xy",
        scale=1,
        color=color,
        width=0.007,
        label=label,
        zorder=3,
    )
    ax.plot(*states[-1].T, "o", color=color, markersize=4, zorder=4)
    return ax
