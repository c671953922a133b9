"""What several tests of the grader use."""

import classroom
import pytest
from resode_grader import _batch, _jail


@pytest.fixture
def quick(monkeypatch):
    """No processes, no waiting."""
    monkeypatch.setattr(_batch, "_Worker", classroom.Quick)
    monkeypatch.setattr(_jail, "namespaces", lambda: [])
    monkeypatch.setattr(_jail, "hide", lambda: None)
