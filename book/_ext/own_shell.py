"""The shell of a user neither changes nor breaks a build: one list, for pages, notebooks and tests.

Whoever starts `jupyter-book` or `pytest` gets this. Under make the Makefile has done the same, has
set what the course wants, and says so in ``RESODE_MAKE``.
"""

import os
import re
from pathlib import Path

__all__ = ["clean"]

# Each changes what a kernel loads, computes or draws. Where JAX keeps compiled programs may stay.
FOREIGN = re.compile(
    r"JAX_(?!COMPILATION_CACHE|PERSISTENT_CACHE)|XLA_|EQX_|MPLBACKEND|MATPLOTLIB|"
    r"JUPYTER_(?!RUNTIME)|IPYTHON|VIRTUAL_ENV$|"
    r"PYTHON(PATH|HOME|STARTUP|SAFEPATH|OPTIMIZE|DEVMODE|INSPECT|WARNINGS|WARNDEFAULT)"
)
OURS = {
    "JAX_PLATFORMS": "cpu",  # the same numbers on a machine with a GPU
    "JUPYTER_PREFER_ENV_PATH": "1",  # the kernel of this environment
    "IPYTHONDIR": str(Path(__file__).parents[2] / ".ipython"),  # no start-up files
    "MATPLOTLIBRC": os.devnull,  # nor the user's own settings of figures
}


def clean() -> None:
    """Take from this process, and so from the kernels that it starts, what is the user's own."""
    if "RESODE_MAKE" in os.environ:
        return
    for name in [name for name in os.environ if FOREIGN.match(name)]:
        del os.environ[name]
    os.environ.update(OURS)
