"""Plain data: what an answer may take and return."""

from typing import Any

import numpy as np

__all__ = ["NotPlainError", "plain"]

KINDS = "biufc"  # truth values, integers, floating and complex numbers
DEEPEST = 20


class NotPlainError(TypeError):
    """A value that cannot travel between processes; the message goes on after "Your answer"."""


def plain(value: Any, depth: int = 0) -> Any:
    """Return a value as numbers, strings, numpy arrays, and lists, tuples and dicts of these.

    Args:
        value: arrays of any library that numpy can read become numpy arrays.
        depth: how many containers surround it.

    Raises:
        NotPlainError: if it is, or contains, anything else; the message ends with the mend.
    """
    if depth > DEEPEST:
        raise NotPlainError(f"returned containers within containers, more than {DEEPEST} deep.")
    if value is None or type(value) in (bool, int, float, complex, str):
        return value
    if isinstance(value, tuple | list):
        items = [plain(item, depth + 1) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, dict) and all(type(key) in (str, int) for key in value):
        return {key: plain(item, depth + 1) for key, item in value.items()}
    return _array(value)


def _array(value: Any) -> np.ndarray:
    """An array of any library as one of numpy's."""
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        if array.dtype.name == "bfloat16":  # numpy cannot store it
            return array.astype(np.float32)
        if array.dtype.kind in KINDS:
            return array
    raise NotPlainError(
        f"returned a {type(value).__name__}; return numbers, strings, arrays, or lists, tuples and "
        "dicts of these."
    )
