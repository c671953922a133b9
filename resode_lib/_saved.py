"""A run in a folder: what a training has done so far, and what makes it that run.

A function cannot be compared with another one, but the program that JAX traces from it can: its
text, and the arrays that it closes over. That is loss, data, optimiser, rate and clipping at once.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["Saved", "of_arrays", "of_program"]

ADDRESS = re.compile(r" at 0x[0-9a-f]+")
"""Where a function lies in memory, elsewhere in each process; older versions of JAX print it."""

UNKNOWN = re.compile(r"\b(pure_callback|io_callback)\[")
"""Calls of Python functions whose text is no part of the program, and whose values are."""


def of_arrays(tree: Any) -> str:
    """Return a digest of arrays: their types, shapes and values."""
    digest = hashlib.sha256()
    for leaf in map(_plain, jax.tree.leaves(tree)):
        digest.update(f"{leaf.dtype}{leaf.shape}".encode())
        digest.update(leaf.tobytes())
    return digest.hexdigest()[:16]


def of_program(function: Callable, *arguments: Any) -> str:
    """Return a digest of what a function computes for arguments of these shapes and types.

    Raises:
        ValueError: if it gets numbers from a Python function, of which nothing is known.
    """
    traced = jax.make_jaxpr(function)(*arguments)
    text = str(traced)
    if found := UNKNOWN.search(text):
        raise ValueError(
            f"a saved run must be known again, got {found[1]}: what Python computes there is no "
            "part of the program. Write it in JAX, or train without folder=."
        )
    text = hashlib.sha256(ADDRESS.sub("", text).encode()).hexdigest()
    return f"{text[:16]}, constants {of_arrays(list(_constants(traced)))}"


def _constants(program: Any) -> Iterator[Any]:
    """Yield the arrays that a traced program, or one inside it, closes over."""
    yield from getattr(program, "consts", ())
    for equation in getattr(program, "jaxpr", program).eqns:
        for value in jax.tree.leaves(tuple(equation.params.values())):
            if hasattr(value, "jaxpr") or hasattr(value, "eqns"):
                yield from _constants(value)


def _plain(leaf: Any) -> np.ndarray:
    """Return an array, or the numbers in an array of random keys, as numpy has it."""
    if jnp.issubdtype(getattr(leaf, "dtype", None), jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    return np.asarray(leaf)


def _like(saved: np.ndarray, leaf: Any) -> Any:
    """Return saved numbers in the type of ``leaf``; files know neither keys nor bfloat16."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jnp.asarray(saved), impl=jax.random.key_impl(leaf))
    return jnp.asarray(saved.view(leaf.dtype) if saved.dtype.kind == "V" else saved)


class Saved:
    """One run in one file of a folder. The file is whole or absent.

    Args:
        folder: where it is; made if need be.
        identity: what makes it this run, names and values.
    """

    def __init__(self, folder: PathLike | str, identity: dict[str, str]):
        self.file = Path(folder).expanduser() / "run.npz"
        self.identity = identity

    def save(self, done: int, content: Any) -> None:
        """Write ``done`` and a tree of arrays."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        part = self.file.with_suffix(".part")
        leaves = map(_plain, jax.tree.leaves(content))
        with part.open("wb") as stream:
            np.savez(stream, *leaves, done=done, identity=json.dumps(self.identity))
        part.replace(self.file)

    def restore(self, like: Any) -> tuple[int, Any] | None:
        """Return ``done`` and the content, in the structure and types of ``like``, if there is one.

        Raises:
            ValueError: if the folder holds another run.
        """
        if not self.file.exists():
            return None
        with np.load(self.file) as saved:
            self._require_this_run(json.loads(str(saved["identity"])))
            leaves, structure = jax.tree.flatten(like)
            content = [_like(saved[f"arr_{i}"], leaf) for i, leaf in enumerate(leaves)]
            return int(saved["done"]), jax.tree.unflatten(structure, content)

    def _require_this_run(self, found: dict[str, str]) -> None:
        for name, value in self.identity.items():
            if found.get(name) != value:
                raise ValueError(
                    f"{self.file.parent} holds another run: its {name} is {found.get(name)}, here "
                    f"it is {value}. Name another folder, or call with the arguments of the run "
                    "that began there."
                )
