"""Plain data over a pipe: JSON and raw arrays, nothing that could run when it is read.

A frame is two lengths, a JSON text, and the bytes of the arrays that the text refers to. Who reads
a frame trusts nothing in it.
"""

import json
import math
import struct
from typing import Any

import numpy as np

__all__ = ["ARRAYS", "LENGTHS", "TEXT", "WireError", "decode", "encode", "lengths"]

LENGTHS = struct.Struct("!QQ")
TEXT = 4_000_000  # bytes of JSON in one frame
ARRAYS = 64_000_000  # bytes of arrays in one frame
KINDS = "biufc"


class WireError(Exception):
    """A frame that is no plain data; the message says why, as part of a sentence."""


def encode(value: Any) -> bytes:
    """Return plain data (see `resode_course._plain`) as one frame.

    Raises:
        WireError: if it is too large for a frame.
    """
    arrays: list[bytes] = []
    text = json.dumps(_tagged(value, arrays)).encode()
    blob = b"".join(arrays)
    _check_size(len(text), len(blob))
    return LENGTHS.pack(len(text), len(blob)) + text + blob


def lengths(head: bytes) -> tuple[int, int]:
    """Return the lengths of text and arrays from the head of a frame.

    Raises:
        WireError: if they are too large: nothing of that size is read.
    """
    text, arrays = LENGTHS.unpack(head)
    _check_size(text, arrays)
    return text, arrays


def decode(text: bytes, blob: bytes) -> Any:
    """Return the plain data of a frame.

    Raises:
        WireError: if the frame holds anything else.
    """
    try:
        return _plain(json.loads(text), memoryview(blob))
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise WireError("something that is not plain data") from error


def _check_size(text: int, arrays: int) -> None:
    """Refuse a frame that could fill the memory."""
    if text > TEXT or arrays > ARRAYS:
        raise WireError(
            f"more than {TEXT // 10**6} MB of numbers or {ARRAYS // 10**6} MB of arrays"
        )


def _tagged(value: Any, arrays: list[bytes]) -> Any:
    """What JSON knows stays; the rest becomes a dictionary of one item, its kind."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case complex():
            return {"c": [value.real, value.imag]}
        case np.ndarray():
            start = sum(map(len, arrays))
            arrays.append(np.ascontiguousarray(value).tobytes())
            return {"a": [value.dtype.str, list(value.shape), start]}
        case list() | tuple():
            kind = "l" if isinstance(value, list) else "t"
            return {kind: [_tagged(item, arrays) for item in value]}
        case dict():
            return {"d": [[key, _tagged(item, arrays)] for key, item in value.items()]}
    raise WireError(f"a {type(value).__name__}")


def _plain(value: Any, blob: memoryview) -> Any:
    """The value that `_tagged` wrote."""
    if not isinstance(value, dict | list):
        return value
    ((kind, content),) = value.items()  # a list has no items: it is always tagged
    match kind:
        case "c":
            return complex(*map(float, content))
        case "a":
            return _array(content, blob)
        case "l":
            return [_plain(item, blob) for item in content]
        case "t":
            return tuple(_plain(item, blob) for item in content)
        case "d":
            return {_key(key): _plain(item, blob) for key, item in content}
    raise ValueError(kind)


def _key(key: Any) -> str | int:
    """A key of a dictionary."""
    if type(key) not in (str, int):
        raise TypeError(key)
    return key


def _array(content: list[Any], blob: memoryview) -> np.ndarray:
    """A copy of an array in the frame; a shape that does not fit its bytes is refused."""
    name, shape, start = content
    dtype = np.dtype(str(name))
    shape = tuple(int(n) for n in shape)
    if dtype.kind not in KINDS or start < 0 or any(n < 0 for n in shape):
        raise ValueError(content)
    size = math.prod(shape) * dtype.itemsize
    if start + size > len(blob):
        raise ValueError(content)
    return np.frombuffer(blob[start : start + size], dtype).reshape(shape).copy()
