"""Strict settings for every test: float64, no silent rank promotion, types checked at run time."""

import own_shell

own_shell.clean()  # before anything reads a variable of the user's shell

import jax  # noqa: E402
import pytest  # noqa: E402
from jaxtyping import install_import_hook  # noqa: E402

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")

# Before anything imports the library: shapes and types of every annotated call are then checked.
install_import_hook("resode_lib", "beartype.beartype")
install_import_hook("resode_course", "beartype.beartype")


@pytest.fixture
def key():
    """A fixed random key: tests are deterministic."""
    return jax.random.key(0)


def pytest_terminal_summary(terminalreporter):
    """Print how many typical mistakes each problem caught; here, since workers send reports."""
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, [])]
    rows: dict[str, dict[str, str]] = {}
    for report in reports:
        for name, value in getattr(report, "user_properties", []):
            if name == "caught":
                label, cohort, caught, mistakes = value
                rows.setdefault(label, {})[cohort] = f"{caught}/{mistakes}"
    if rows:
        cohorts = sorted({cohort for row in rows.values() for cohort in row})
        terminalreporter.section("typical mistakes caught, public and hidden inputs")
        terminalreporter.write_line("problem  " + "  ".join(f"{c:>10}" for c in cohorts))
        for label in sorted(rows):
            cells = "  ".join(f"{rows[label].get(cohort, ''):>10}" for cohort in cohorts)
            terminalreporter.write_line(f"{label:<9}{cells}")
