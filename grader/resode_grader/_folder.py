"""What lies in a folder of submissions: every file, also what no notebook can be.

Learning platforms name what they let one download after the person who handed it in:

    Canvas      doejane_12345_67890_set1.ipynb, or doejane_LATE_12345_67890_set1.ipynb
    Moodle      Jane Doe_123_assignsubmission_file_/set1.ipynb, in older versions one file
    Blackboard  Set 1_jdoe_attempt_2027-03-01-23-59-07_set1.ipynb
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

__all__ = ["File", "Origin", "read_folder", "text_name"]

SUFFIX = ".ipynb"
LEFT_OUT = {".ipynb_checkpoints", "__MACOSX", ".git", ".DS_Store", "Thumbs.db", "desktop.ini"}
KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
CANVAS = re.compile(r"(?P<who>[^_/]+)_(?P<late>LATE_)?(?P<id>\d+)_\d+_.+")
MOODLE = re.compile(r"(?P<who>.+)_(?P<id>\d+)_assignsubmission_\w+?(_.*)?")
BLACKBOARD = re.compile(r".*_(?P<who>[^_]+)_attempt_(?P<time>\d{4}(-\d\d){5}).*")


@dataclass(frozen=True)
class Origin:
    """What a platform's name tells about a file.

    Attributes:
        platform: which one.
        who: the person, as the name has it.
        id: the platform's number of the person, "" where it has none.
        late: whether the name says so.
        time: when it was handed in, if the name says so.
        part: the part of the path that says all this.
    """

    platform: str
    who: str
    id: str
    late: bool
    time: float | None
    part: str

    @property
    def person(self) -> str:
        """One name for one person."""
        return f"{self.who}_{self.id}" if self.id else self.who


@dataclass(frozen=True)
class File:
    """Something in the folder.

    Attributes:
        path: where it is.
        name: its path inside the folder, as text.
        fault: why it cannot be read, "" if it can.
        time: of its last change, in seconds.
    """

    path: Path
    name: str
    fault: str = ""
    time: float = 0.0

    @property
    def is_notebook(self) -> bool:
        """Whether its name says that it is one."""
        return self.name.casefold().endswith(SUFFIX)

    @cached_property
    def origin(self) -> Origin | None:
        """What the name of a platform tells."""
        for part in self.name.split("/"):
            for platform, pattern in (("Moodle", MOODLE), ("Canvas", CANVAS), ("", BLACKBOARD)):
                if found := pattern.fullmatch(part):
                    return _origin(platform or "Blackboard", found)
        return None


def _origin(platform: str, found: re.Match[str]) -> Origin:
    """What a matching part of a path says."""
    said = found.groupdict()
    time = None
    if said.get("time"):
        with suppress(ValueError):  # digits that are no date
            time = datetime.strptime(said["time"], "%Y-%m-%d-%H-%M-%S").timestamp()
    late = bool(said.get("late"))
    return Origin(platform, said["who"], said.get("id") or "", late, time, found[0])


def read_folder(folder: Path) -> list[File]:
    """Return everything below a folder, or the one file that it is, sorted by name.

    Links are not followed. A folder that cannot be read is itself an entry, and so is an empty
    one, and one that is called like a notebook. What computers leave behind, such as
    ``.ipynb_checkpoints``, is left out.
    """
    if not folder.is_dir():
        return [_file(folder, Path(folder.name))]
    found: dict[str, File] = {}
    for file in _walk(folder):
        name = file.name
        while name in found:  # two names of bytes may be one text
            name += "_"
        found[name] = File(file.path, name, file.fault, file.time)
    return [found[name] for name in sorted(found)]


def _walk(folder: Path) -> Iterator[File]:
    """Everything below a folder, without recursion: folders may be very deep."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        inside = here.relative_to(folder)
        try:
            with os.scandir(here) as entries:
                entries = list(entries)
        except OSError as error:
            yield File(here, text_name(inside), f"a folder that cannot be read ({_why(error)})")
            continue
        entries = [e for e in entries if e.name not in LEFT_OUT and not e.name.startswith("._")]
        if not entries and here != folder and not here.name.casefold().endswith(SUFFIX):
            yield File(here, text_name(inside), "an empty folder")
        for entry in entries:
            is_folder = _is_folder(entry)
            if is_folder:
                waiting.append(here / entry.name)
            if not is_folder or entry.name.casefold().endswith(SUFFIX):
                yield _file(here / entry.name, inside / entry.name)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """Whether an entry is a folder of its own, not a link to one."""
    with suppress(OSError):
        return entry.is_dir(follow_symlinks=False)
    return False


def _file(path: Path, inside: Path) -> File:
    """One entry, with what is wrong with it."""
    try:
        found = path.lstat()
    except OSError as error:
        return File(path, text_name(inside), f"what cannot be read ({_why(error)})")
    fault = KINDS.get(stat.S_IFMT(found.st_mode), "")
    if not fault:
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            fault = f"what cannot be read ({_why(error)})"
    return File(path, text_name(inside), fault, found.st_mtime)


def _why(error: OSError) -> str:
    """The system's words for what went wrong."""
    return error.strerror or type(error).__name__


def text_name(path: Path) -> str:
    """A path as text that every file can hold, also where its name is no text."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")
