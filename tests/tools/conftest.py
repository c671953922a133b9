"""A tiny book for the tests of the tools."""

from pathlib import Path

import pytest
from tiny_book import TinyBook


@pytest.fixture
def tiny_book(tmp_path: Path) -> TinyBook:
    """A fresh tiny book."""
    return TinyBook(tmp_path)
