import jax
import matplotlib.pyplot as plt

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
