import matplotlib.pyplot as plt
import numpy as np
import pytest

from resode_course import plotting


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_convergence_draws_every_error_and_a_guide_of_the_predicted_slope():
    depths = [8, 16, 32, 64]
    ax = plotting.convergence(depths, {"a": [1, 0.5, 0.25, 0.125], "b": [2, 1, 1, 1]}, guides=(-2,))
    labels = [line.get_label() for line in ax.lines]
    assert labels == ["a", "b", "slope -2"]
    x, y = np.log(ax.lines[-1].get_data())
    np.testing.assert_allclose(np.diff(y) / np.diff(x), -2)
    assert ax.lines[-1].get_linestyle() == "--"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("depth L", "error")


def test_the_depths_are_named_on_the_axis():
    ax = plotting.convergence([8, 16, 32, 64], {"a": [1, 0.5, 0.25, 0.125]})
    assert [label.get_text() for label in ax.get_xticklabels()] == ["8", "16", "32", "64"]


def test_layer_arrows_lead_from_state_to_state():
    states = np.array([[[0.0, 0.0]], [[1.0, 0.0]], [[1.0, 2.0]]])
    ax = plotting.layer_arrows(states, ax=plt.subplots()[1])
    arrows = ax.collections[0]
    np.testing.assert_array_equal(arrows.XY, [[0, 0], [1, 0]])
    np.testing.assert_array_equal(arrows.U, [1, 0])
    np.testing.assert_array_equal(arrows.V, [0, 2])


def contrast(color, background):
    def luminance(rgb):
        rgb = np.array(rgb)
        linear = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    levels = sorted([luminance(plt.matplotlib.colors.to_rgb(c)) for c in (color, background)])
    return (levels[1] + 0.05) / (levels[0] + 0.05)


@pytest.mark.parametrize("name", ["BLUE", "ORANGE", "GREEN", "PURPLE", "GREY"])
def test_colours_stand_out_on_white(name):
    assert contrast(getattr(plotting, name), "white") >= 4.5
