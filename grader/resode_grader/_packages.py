"""Which packages a notebook may use, and where those of the course are."""

from pathlib import Path

import resode_course
import resode_grader
import resode_lib

__all__ = ["COURSE", "DECLARED", "GRADER", "LIBRARY", "ROOTS"]

LIBRARY, COURSE, GRADER = (
    Path(package.__file__).parent for package in (resode_lib, resode_course, resode_grader)
)

ROOTS = tuple(dict.fromkeys(str(folder.parent) for folder in (LIBRARY, COURSE, GRADER)))
"""What the path of a new process holds; one folder where all are installed together."""

DECLARED = ("resode_lib", "resode_course", "jax", "jaxlib", "flax", "diffrax", "equinox", "optax")
DECLARED += ("orbax", "jaxtyping", "numpy", "scipy", "sklearn", "matplotlib", "mpl_toolkits")
DECLARED += ("ipywidgets", "IPython")
"""What a notebook may import beside Python's own library, by name: all that students install."""
