"""Data: two moons in the plane, the packaged digits, CIFAR-10.

Every function returns a `Dataset` of arrays, or a training set and a test set. Random sets come
from a key. The same key gives the same numbers.
"""

import hashlib
import http.client
import sys
import tarfile
import urllib.request
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from resode_lib._types import Array, Key

__all__ = [
    "Dataset",
    "cifar10",
    "digits",
    "moons",
]

Curve = Callable[[Array, Array], tuple[Array, Array]]
Progress = Callable[[int, int], object]


class Dataset(NamedTuple):
    """Inputs and what belongs to them, one sample per index of the first axis.

    Attributes:
        x: inputs, shape (n, ...).
        y: targets, shape (n, outputs), or integer labels, shape (n,).
    """

    x: Array
    y: Array


def moons(key: Key, *, samples: int, noise: float = 0.0) -> Dataset:
    r"""Draw two half circles, one inside the arms of the other; label 1 is label 0 turned by pi.

    :math:`\pm(\cos\pi t - \frac12, \sin\pi t - \frac14)` with :math:`t` uniform on [0, 1].

    Args:
        key: random key.
        samples: ``n``; labels alternate, so both occur equally often if ``n`` is even.
        noise: standard deviation of Gaussian noise on each coordinate.

    Returns:
        ``x`` of shape (samples, 2) and labels 0 or 1, shape (samples,).
    """

    def half_circle(t: Array, label: Array) -> tuple[Array, Array]:
        sign = 1 - 2 * label
        return sign * (jnp.cos(jnp.pi * t) - 0.5), sign * (jnp.sin(jnp.pi * t) - 0.25)

    return _on_curves(key, samples, noise, half_circle)


def _on_curves(key: Key, samples: int, noise: float, curve: Curve) -> Dataset:
    """Draw points ``curve(t, label)`` with ``t`` uniform on [0, 1], labels 0, 1, 0, 1, ..."""
    key_t, key_noise = jax.random.split(key)
    labels = jnp.arange(samples) % 2
    points = jnp.stack(curve(jax.random.uniform(key_t, (samples,)), labels), axis=-1)
    return Dataset(points + noise * jax.random.normal(key_noise, points.shape), labels)


def _digits_of_sklearn() -> Callable[[], Any]:
    """Return scikit-learn's loader; imported here, since that takes as long as importing JAX."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            "the digits come with scikit-learn, which is not installed; run: "
            'pip install "resode_lib[course]"'
        ) from error
    return load_digits


def digits(key: Key, *, test_samples: int = 360) -> tuple[Dataset, Dataset]:
    """Return the 1,797 handwritten digits that scikit-learn packages, split at random.

    Args:
        key: random key of the split.
        test_samples: how many of the digits are kept for the test.

    Returns:
        A training set and a test set. Images have entries in [0, 1] and shape (n, 8, 8, 1), the
        last axis being the channel; labels are 0 to 9. Flatten them by ``x.reshape(n, -1)``.

    Raises:
        ImportError: without scikit-learn, which the extra ``course`` brings.
        ValueError: if one of the two sets would be empty.
    """
    packaged = _digits_of_sklearn()()
    total = len(packaged.target)
    if not 0 < test_samples < total:
        raise ValueError(
            f"digits has {total} samples: got test_samples = {test_samples}; "
            f"take 1 to {total - 1}, so that neither set is empty."
        )
    order = jax.random.permutation(key, total)
    x = jnp.asarray(packaged.images[..., None] / 16)[order]
    y = jnp.asarray(packaged.target)[order]
    return Dataset(x[test_samples:], y[test_samples:]), Dataset(x[:test_samples], y[:test_samples])


class Archive(NamedTuple):
    """A published file: where it is, and how to know that it is the right one.

    Attributes:
        url: its address; the last part is the name of the file.
        sha256: its checksum.
        images: number of images in each of its six files.
    """

    url: str
    sha256: str
    images: int = 10_000

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.url.rsplit("/", 1)[-1]


CIFAR10 = Archive(
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)
"""The binary version of CIFAR-10: no pickle, so reading it runs no code."""

TRAIN_FILES = tuple(f"data_batch_{k}.bin" for k in range(1, 6))
TEST_FILES = ("test_batch.bin",)
EXTRACTED = "cifar-10-batches-bin"
RECORD = 1 + 3 * 32 * 32
"""Bytes of a label and three planes."""
CACHE = Path.home() / ".cache" / "resode_lib"


def show(done: int, total: int) -> None:
    """Write how much of a file has arrived, over the line before."""
    sys.stderr.write(f"\r{done / 2**20:.0f} of {total / 2**20:.0f} MiB" + "\n" * (done == total))


def cifar10(
    folder: str | PathLike = CACHE, *, archive: Archive = CIFAR10, progress: Progress = show
) -> tuple[Dataset, Dataset]:
    """Return CIFAR-10: 50,000 images to train on and 10,000 to test with, in ten classes.

    The folder may hold the extracted ``.bin`` files (themselves or in ``cifar-10-batches-bin``)
    or the archive ``cifar-10-binary.tar.gz``. If it holds neither, the archive is downloaded into
    it once: 162 MiB. A download that was interrupted goes on where it stopped, and only a file
    with the published checksum is ever used.

    Args:
        folder: where the files are, or where to keep them.
        archive: the published archive.
        progress: called as ``progress(done, total)`` with bytes while downloading.

    Returns:
        A training set and a test set. Images have float32 entries in [0, 1] and shape
        (n, 32, 32, 3), the last axis being red, green, blue; labels are 0 to 9. The images fill
        0.7 GiB.

    Raises:
        OSError: if the files are not there and cannot be downloaded.
        ValueError: if a file is not the published one.
    """
    folder = Path(folder).expanduser()
    target = folder / archive.name
    extracted = _extracted(folder, archive, whole=target.exists())
    if extracted is not None:
        return _cifar_sets(lambda name: (extracted / name).read_bytes(), archive)
    if not target.exists():
        _download(archive, target, progress)
    _require_checksum(target, archive)
    with tarfile.open(target) as tar:
        return _cifar_sets(lambda name: tar.extractfile(f"{EXTRACTED}/{name}").read(), archive)


def _extracted(folder: Path, archive: Archive, *, whole: bool) -> Path | None:
    """Return where all files lie; beside the archive only if none was cut off on the way."""
    for place in (folder, folder / EXTRACTED):
        files = [place / name for name in (*TRAIN_FILES, *TEST_FILES)]
        size = archive.images * RECORD
        if all(f.exists() and (not whole or f.stat().st_size == size) for f in files):
            return place
    return None


def _cifar_sets(read: Callable[[str], bytes], archive: Archive) -> tuple[Dataset, Dataset]:
    return tuple(
        _cifar_set([_records(name, read(name), archive) for name in names])
        for names in (TRAIN_FILES, TEST_FILES)
    )


def _cifar_set(records: list[np.ndarray]) -> Dataset:
    """Turn records, a label and then three planes of 32 x 32 bytes, into images in [0, 1]."""
    joined = np.concatenate(records)
    planes = joined[:, 1:].reshape(-1, 3, 32, 32)
    images = np.multiply(planes.transpose(0, 2, 3, 1), np.float32(1 / 255))
    return Dataset(jnp.asarray(images), jnp.asarray(joined[:, 0].astype(int)))


def _records(name: str, content: bytes, archive: Archive) -> np.ndarray:
    if len(content) != archive.images * RECORD:
        raise ValueError(
            f"{name} is not the published file: got {len(content)} bytes, expected "
            f"{archive.images * RECORD}; delete it and extract {archive.name} again."
        )
    return np.frombuffer(content, np.uint8).reshape(-1, RECORD)


def _require_checksum(file: Path, archive: Archive) -> None:
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != archive.sha256:
        raise ValueError(
            f"{file} is not the published archive: got sha256 {found}, expected {archive.sha256}; "
            "delete it and call again to download it."
        )


def _download(archive: Archive, target: Path, progress: Progress) -> None:
    """Fetch into a ``.part`` file, which takes its name only once it is whole and right."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        _fetch(archive.url, part, progress)
    except (OSError, http.client.HTTPException) as error:
        if getattr(error, "code", None) == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink()  # longer than the file itself: nothing to go on with
        raise OSError(
            f"CIFAR-10 is not in {target.parent} and could not be downloaded from {archive.url}: "
            f"{error}. Call again to go on, or put {archive.name} or its .bin files into a folder "
            "and call cifar10(folder)."
        ) from error
    try:
        _require_checksum(part, archive)
    except ValueError:
        part.unlink()
        raise
    part.replace(target)


def _fetch(url: str, part: Path, progress: Progress) -> None:
    """Append to ``part`` what is missing of a file, or start again if the server cannot do so."""
    done = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={done}-"} if done else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        done = done if answer.status == http.client.PARTIAL_CONTENT else 0
        total = done + (answer.length or 0)
        with part.open("ab" if done else "wb") as file:
            while chunk := answer.read(2**20):
                file.write(chunk)
                done += len(chunk)
                progress(done, total)
    if done < total:
        raise ConnectionError(f"the connection ended after {done} of {total} bytes")
