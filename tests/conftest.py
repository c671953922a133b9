"""Strict settings for every test: float64, no silent rank promotion, types checked at run time."""

import jax
import pytest
from jaxtyping import install_import_hook

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")

# Before anything imports the library: shapes and types of every annotated call are then checked.
install_import_hook("resode_lib", "beartype.beartype")


@pytest.fixture
def key():
    """A fixed random key: tests are deterministic."""
    return jax.random.key(0)
