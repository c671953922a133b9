"""A problem set as one class gets it, and the text that holds it in a notebook.

The text is what a notebook's ``CHECKS`` stands for: numbers, inputs, expected values and the values
of typical mistakes, compressed. Whoever writes a set draws them; a notebook only compares.
"""

import base64
import json
import textwrap
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from resode_course.coursework import properties
from resode_course.coursework.cases import Case
from resode_course.coursework.marks import DrawnPart, DrawnProblem

__all__ = ["KINDS", "Sheet", "pack", "unpack"]

KINDS: dict[str, Any] = {
    "Case": Case,
    **{name: getattr(properties, name) for name in properties.__all__ if name[0].isupper()},
}
"""What a part may ask, by the name that a text has for it."""

EXACT, ROUGH = 17, 8  # digits: of every number, and of those that recognise a mistake to 1e-6
WIDTH = 96  # characters of a line


@dataclass(frozen=True)
class Sheet:
    """A problem set as one class gets it.

    Attributes:
        number: the set, such as "1".
        cohort: the class.
        problems: its programming problems.
    """

    number: str
    cohort: str
    problems: Sequence[DrawnProblem]

    def problem(self, label: str) -> DrawnProblem:
        """Return the problem of this number.

        Raises:
            KeyError: if there is none; the message lists those there are.
        """
        for problem in self.problems:
            if problem.label == label:
                return problem
        labels = [problem.label for problem in self.problems]
        raise KeyError(f"no problem of this notebook has the number {label!r}; it has {labels}.")


def pack(sheet: Sheet) -> str:
    """Return a sheet as lines of text."""
    data = json.dumps(_data(sheet, EXACT), separators=(",", ":"))
    packed = base64.b64encode(zlib.compress(data.encode(), 9)).decode()
    return textwrap.fill(packed, WIDTH)


def unpack(text: str) -> Sheet:
    """Return the sheet that a text holds.

    Raises:
        ValueError: if the text is damaged.
    """
    try:
        packed = base64.b64decode("".join(text.split()), validate=True)
        return json.loads(zlib.decompress(packed), object_hook=_value)
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        raise ValueError(
            "got CHECKS that cannot be read; expected the cell as it was handed out, with the "
            "version of the course that its first cell installs. Copy the cell from there again."
        ) from error


def _data(value: Any, digits: int) -> Any:
    """What JSON can hold: an array and a kind become dictionaries."""
    value = value.item() if isinstance(value, np.generic) else value
    match value:
        case np.ndarray():
            return {"array": _data(value.tolist(), digits)}
        case float():
            return float(f"{value:.{digits}g}")
        case dict():
            return {key: _data(item, digits) for key, item in value.items()}
        case list() | tuple():
            return [_data(item, digits) for item in value]
        case str() | int() | None:
            return value
    return {"kind": type(value).__name__, **_fields(value, digits)}


def _fields(value: Any, digits: int) -> dict[str, Any]:
    """The fields of a case that differ from what they are without a word."""
    found = {}
    for field in fields(value):
        content = getattr(value, field.name)
        if field.name == "mistakes":
            content = content() if callable(content) else content
            found[field.name] = _data(content, ROUGH)
        elif content is not field.default:
            found[field.name] = _data(content, digits)
    return found


def _value(data: dict[str, Any]) -> Any:
    """What `_data` wrote."""
    if data.keys() == {"array"}:
        return np.array(data["array"])
    if "kind" not in data:
        return data
    kinds = KINDS | {kind.__name__: kind for kind in (Sheet, DrawnProblem, DrawnPart)}
    return kinds[data["kind"]](**{name: item for name, item in data.items() if name != "kind"})
