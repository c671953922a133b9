"""Where the packages of the course are, for processes that must find them and nothing else."""

from pathlib import Path

import resode_course
import resode_grader
import resode_lib

__all__ = ["COURSE", "GRADER", "LIBRARY", "ROOTS"]

LIBRARY, COURSE, GRADER = (
    Path(package.__file__).parent for package in (resode_lib, resode_course, resode_grader)
)

ROOTS = tuple(dict.fromkeys(str(folder.parent) for folder in (LIBRARY, COURSE, GRADER)))
"""What the path of a new process holds; one folder where all are installed together."""
