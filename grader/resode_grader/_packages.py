"""Which packages a notebook may use, and where those of the course are."""

from functools import cache
from importlib import metadata
from pathlib import Path

import resode_course
import resode_grader
import resode_lib

__all__ = ["COURSE", "DECLARED", "GRADER", "LIBRARY", "ROOTS", "distribution", "version"]

LIBRARY, COURSE, GRADER = (
    Path(package.__file__).parent for package in (resode_lib, resode_course, resode_grader)
)

ROOTS = tuple(dict.fromkeys(str(folder.parent) for folder in (LIBRARY, COURSE, GRADER)))
"""What the path of a new process holds; one folder where all are installed together."""

DECLARED = ("resode_lib", "resode_course", "jax", "jaxlib", "flax", "diffrax", "equinox", "optax")
DECLARED += ("orbax", "jaxtyping", "numpy", "scipy", "sklearn", "matplotlib", "mpl_toolkits")
DECLARED += ("ipywidgets", "IPython")
"""What a notebook may import beside Python's own library, by name: all that students install."""


@cache
def distribution(module: str) -> str:
    """Return what pip calls the package that is imported under this name."""
    return metadata.packages_distributions().get(module, [module])[0]


def version(module: str) -> str:
    """Return what is installed under this name, such as "numpy 2.4.6"."""
    name = distribution(module)
    try:
        return f"{name} {metadata.version(name)}"
    except metadata.PackageNotFoundError:
        return f"{name} is not there"
