import os

import jax
import matplotlib.pyplot as plt
import pytest

from resode_course import notebook, plotting


def test_start_is_silent_and_sets_precision_and_style(capsys):
    with plt.rc_context():
        plt.rcdefaults()
        jax.config.update("jax_enable_x64", False)
        notebook.start()
        assert jax.config.jax_enable_x64
        assert plt.rcParams["figure.figsize"] == list(plotting.STYLE["figure.figsize"])
    assert capsys.readouterr().out == ""


def test_on_colab_start_says_what_computes(capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "google.colab", object())
    with plt.rc_context():
        notebook.start()
    assert f"JAX {jax.__version__}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "there", "expected"),
    [
        (None, [], "--xla_backend_optimization_level=0"),
        ("", [], ""),
        ("--xla_dump_to=x", [], "--xla_dump_to=x"),
        (None, ["/dev/nvidia0"], None),
    ],
    ids=["a processor", "an empty choice", "a choice", "a GPU"],
)
def test_a_reader_does_not_wait_for_optimised_code_unless_he_chose(
    monkeypatch, flags, there, expected
):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    if flags is not None:
        monkeypatch.setenv("XLA_FLAGS", flags)
    monkeypatch.setattr("os.path.exists", lambda path: path in there)
    notebook.start()
    assert os.environ.get("XLA_FLAGS") == expected
