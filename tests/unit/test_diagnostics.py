import numpy as np
import pytest

from resode_lib.diagnostics import observed_slope

DEPTHS = np.array([8, 16, 32, 64, 128])


def test_a_power_law_is_recovered():
    slope = observed_slope(DEPTHS, 3.0 * DEPTHS**-2.0)
    assert slope.value == pytest.approx(-2, abs=1e-12)
    assert slope.half_width < 1e-10


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    noisy = [
        observed_slope(DEPTHS, DEPTHS**-1.0 * np.exp(0.1 * rng.standard_normal(5)))
        for _ in range(400)
    ]
    covered = np.mean([abs(slope.value + 1) <= slope.half_width for slope in noisy])
    assert 0.92 <= covered <= 0.98  # 95 % with a standard deviation of 1.1 % over 400 draws


def test_fewer_than_four_points_show_no_rate():
    with pytest.raises(ValueError, match="at least 4 depths"):
        observed_slope([8, 16, 32], [1.0, 0.5, 0.25])


def test_float32_is_refused():
    with pytest.raises(TypeError, match="measured in float64, got float32"):
        observed_slope(DEPTHS, (1 / DEPTHS).astype(np.float32))


@pytest.mark.parametrize("bad", [0.0, -1.0, np.inf, np.nan])
def test_errors_without_a_logarithm_are_refused(bad):
    with pytest.raises(ValueError, match="positive and finite"):
        observed_slope(DEPTHS, np.array([1.0, 0.5, bad, 0.1, 0.05]))
