"""Checks for the exercises on networks for images."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from resode_course._feedback import NO_RETURN, Feedback, close, first_wrong, recognised

__all__ = ["CHECKS"]

EPSILON = 1e-5


@first_wrong
def check_affine(affine: Callable) -> Iterator[Feedback]:
    """Check ``affine(scale, shift, mean, variance)``: ``a`` and ``b`` of ``a h + b``."""
    rng = np.random.default_rng(0)
    scale, shift, mean = rng.standard_normal((3, 5))
    for variance in (rng.uniform(0.5, 2, 5), np.full(5, 1e-5)):
        a = scale / np.sqrt(variance + EPSILON)
        naive = scale / np.sqrt(variance)
        mistakes = {
            "The 1e-5 that is added to the variance is missing.": [naive, shift - naive * mean],
            "Divide by the root of the variance, not by the variance.": [
                scale / (variance + EPSILON),
                shift - scale / (variance + EPSILON) * mean,
            ],
            "The mean is subtracted before the scaling: b = shift - a mean.": [a, shift - mean],
            "The mean is subtracted, not added.": [a, shift + a * mean],
            "The mean is missing in b.": [a, shift],
            "First a, what multiplies h, then b.": [shift - a * mean, a],
        }
        yield recognised(
            _stacked(affine(scale, shift, mean, variance)),
            np.stack([a, shift - a * mean]),
            {sentence: np.stack(value) for sentence, value in mistakes.items()},
            "a h + b with your a and b is not the normalisation of h.",
        )


def _stacked(pair: Any) -> Any:
    """Return a pair of arrays as one array, or None as it is."""
    return None if pair is None else np.stack([np.asarray(value, float) for value in pair])


@first_wrong
def check_independent(expected: Callable) -> Iterator[Feedback]:
    """Check ``expected(depth, channels)``: ``L`` times the root mean square increment."""
    for depth, channels in [(16, 8), (64, 8), (256, 16)]:
        right = 2 * depth * np.sqrt(channels)
        mistakes = {
            "That is the increment; the Lipschitz number has a factor L.": right / depth,
            "A root of two is missing: a layer has two kernels, whose squares add up, and a "
            "difference of independent numbers has twice the variance.": right / np.sqrt(2),
            "That is for one kernel, and without the difference.": right / 2,
            "Take the root of the mean square.": depth * 4 * channels,
            "The variance is 1/(9c), not 1/c: nine numbers are summed for each channel.": 3 * right,
            "The variance is 1/(9c), not 1.": right * 3 * np.sqrt(channels),
        }
        yield recognised(
            float(expected(depth, channels)),
            right,
            mistakes,
            f"For L = {depth} and {channels} channels it is {right:.4g}.",
        )


@first_wrong
def check_fold(fold: Callable) -> Iterator[Feedback]:
    """Check ``fold(kernel, scale, shift, mean, variance)``: a kernel and a bias."""
    rng = np.random.default_rng(1)
    kernel = rng.standard_normal((3, 3, 4, 4))
    scale, shift, mean = rng.standard_normal((3, 4))
    variance = rng.uniform(0.1, 3, 4)
    a = scale / np.sqrt(variance + EPSILON)
    b = shift - a * mean
    answer = fold(kernel, scale, shift, mean, variance)
    if answer is None:
        yield NO_RETURN
        return
    got_kernel, got_bias = (np.asarray(part) for part in answer)
    yield recognised(
        got_kernel,
        kernel * a,
        {
            "The factor belongs to the channels that leave, the last axis of the kernel.": kernel
            * a[:, None],
            "The scale is missing in the kernel.": kernel / np.sqrt(variance + EPSILON),
            "The deviation is missing in the kernel.": kernel * scale,
            "The 1e-5 under the root is missing.": kernel * scale / np.sqrt(variance),
            "Divide by the root of the variance.": kernel * scale / (variance + EPSILON),
            "The kernel has to change with the normalisation.": kernel,
        },
        "Convolving with your kernel is not scale / deviation times the convolution.",
    )
    yield recognised(
        got_bias,
        b,
        {
            "The mean has to move into the bias.": shift,
            "The mean is divided by the deviation, too.": shift - scale * mean,
            "The mean is multiplied by the scale, too.": shift - mean / np.sqrt(variance + EPSILON),
            "The mean is subtracted.": shift + a * mean,
            "The shift is missing in the bias.": -a * mean,
        },
        "Your bias is not what the normalisation makes of a convolution that returns zero.",
    )


@first_wrong
def check_radius(radius: Callable) -> Iterator[Feedback]:
    """Check ``radius(start, size, rate, steps)``: the norm after steps at a right angle."""
    for start, size, rate, steps in [(1.0, 2.0, 0.1, 5), (0.5, 1.0, 0.4, 20), (2.0, 0.3, 1.0, 1)]:
        square = parallel = flat = start**2
        for _ in range(steps):
            square = square + rate**2 * size**2 / square
            flat = flat + rate**2 * size**2
            parallel = (np.sqrt(parallel) + rate * size / np.sqrt(parallel)) ** 2
        mistakes = {
            "The flow keeps the norm; a step along the tangent leaves the sphere.": start,
            "The gradient at w is that at w / |w| divided by |w|.": np.sqrt(flat),
            "The gradient is at a right angle to w: squares add up.": np.sqrt(parallel),
            "That is the square of the norm.": square,
            "That is the limit of small steps; here each step counts.": (
                start**4 + 2 * rate**2 * size**2 * steps
            )
            ** 0.25,
        }
        got = float(radius(start, size, rate, steps))
        yield recognised(
            got,
            float(np.sqrt(square)),
            mistakes,
            f"From {start:g}, size {size:g}, rate {rate:g}, {steps} steps: expected "
            f"{np.sqrt(square):.5g}, got {got:.5g}.",
        )


@first_wrong
def check_jacobian(jacobian: Callable) -> Iterator[Feedback]:
    """Check ``jacobian(h)``: how each normalised number depends on each number of the batch."""
    rng = np.random.default_rng(2)
    for n, size in [(6, 1.0), (4, 3e-3), (2, 1.0)]:
        h = 2 + size * rng.standard_normal(n)
        s = np.sqrt(h.var() + EPSILON)
        z = (h - h.mean()) / s
        eye, mean, outer = np.eye(n), np.full((n, n), 1 / n), np.outer(z, z) / n
        plain = np.sqrt(h.var())
        unit = (h - h.mean()) / plain
        mistakes = {
            "Mean and variance depend on the batch, too.": eye / s,
            "The variance depends on the batch, too.": (eye - mean) / s,
            "The mean depends on the batch, too.": (eye - outer) / s,
            "The 1e-5 under the root is missing.": (eye - mean - np.outer(unit, unit) / n) / plain,
            "Divide by the deviation, not by the variance.": (eye - mean - outer) / s**2,
            "The factor 1/n of the variance is missing.": (eye - mean - n * outer) / s,
            "An increase of h_j lowers the others through mean and variance: mind the signs.": (
                eye + mean + outer
            )
            / s,
        }
        yield recognised(
            jacobian(h),
            (eye - mean - outer) / s,
            mistakes,
            f"For a batch of {n} numbers it differs from the derivative.",
            same=lambda a, b: close(a, b, 1e-5),  # what central differences reach
        )


@first_wrong
def check_steps(bound: Callable) -> Iterator[Feedback]:
    """Check ``bound(rates, momentum, start, alpha, beta, depth)``: the recursion, exactly."""
    rng = np.random.default_rng(3)
    for momentum in (0.0, 0.9):
        rates = np.sort(rng.uniform(0, 0.1, 12))[::-1]
        start, alpha, beta, depth = 0.2, 1.3, 0.7, 16
        expected = _recursion(rates, momentum, start, alpha, beta / depth)
        time = rates.sum() / (1 - momentum)
        mistakes = {
            "That is the bound of the proposition; the recursion itself gives less.": (
                start + beta * time / depth
            )
            * np.exp(alpha * time),
            "beta comes with 1/L.": _recursion(rates, momentum, start, alpha, beta),
            "The velocity is missing: earlier gradients act again.": _recursion(
                rates, 0.0, start, alpha, beta / depth
            ),
            "The gradients are weighted by powers of the momentum, without 1 - momentum.": (
                _recursion((1 - momentum) * rates, momentum, start, alpha, beta / depth)
            ),
            "A gradient gets its weight 1 / (1 - momentum) bit by bit: carry the velocity.": (
                _recursion(rates / (1 - momentum), 0.0, start, alpha, beta / depth)
            ),
            "A tied start is assumed; here the increment at the start counts.": _recursion(
                rates, momentum, 0.0, alpha, beta / depth
            ),
            "The new gradient enters the velocity before the step, not after it.": _recursion(
                rates, momentum, start, alpha, beta / depth, late=True
            ),
        }
        if not momentum:  # then two sentences are true
            del mistakes["The velocity is missing: earlier gradients act again."]
            del mistakes[
                "The gradients are weighted by powers of the momentum, without 1 - momentum."
            ]
        got = float(bound(rates, momentum, start, alpha, beta, depth))
        yield recognised(
            got,
            expected,
            mistakes,
            f"With momentum {momentum:g} and 12 rates, expected {expected:.6g}, got {got:.6g}.",
        )


def _recursion(
    rates: np.ndarray,
    momentum: float,
    start: float,
    alpha: float,
    source: float,
    late: bool = False,
) -> float:
    """Return ``d`` after ``v <- momentum v + alpha d + source`` and ``d <- d + rate v``."""
    d, v = start, 0.0
    for rate in rates:
        fresh = alpha * d + source
        new = momentum * v + fresh
        d += rate * (v if late else new)
        v = new
    return float(d)


@first_wrong
def check_curve(drawn: Callable) -> Iterator[Feedback]:
    """Check ``drawn(rng, depth)``: random kernels on a smooth curve in depth."""
    for depth in (16, 64):
        draws = [drawn(np.random.default_rng(seed), depth) for seed in range(40)]
        if draws[0] is None:
            yield NO_RETURN
            return
        shape = (depth, 3, 3, 4, 4)
        if np.shape(draws[0]) != shape:
            yield f"Expected an array of shape {shape}, got {np.shape(draws[0])}."
            return
        yield _curve_is_drawn(6 * np.array(draws).reshape(40, depth, -1))
    steps = [_largest_step(drawn(np.random.default_rng(0), depth)) for depth in (64, 256)]
    if steps[1] > 0.4 * steps[0]:
        yield (
            "Four times the layers must have increments a quarter as large; the largest goes from "
            f"{steps[0]:.3f} to {steps[1]:.3f}."
        )


def _curve_is_drawn(draws: np.ndarray) -> Feedback:
    """Check mean, variance and independence of draws, shape (draws, depth, entries)."""
    size, depth = draws[0].size / draws.shape[1] * len(draws), draws.shape[1]
    if abs(draws[:, 0].mean()) > 6 / size**0.5:
        return f"The entries of the first layer have the mean {draws[:, 0].mean() / 6:.3f}, not 0."
    for k in (0, depth // 2, depth - 1):
        variance = (draws[:, k] ** 2).mean()
        if not 0.85 < variance < 1.15:
            return (
                f"In layer {k} of {depth} entries have {variance:.2f} times the variance 1/36; "
                "squares of the two factors must add up to one."
            )
    together = (draws[:, 0] * draws[:, -1]).mean()
    if abs(together) > 6 / size**0.5:
        return f"First and last layer are not independent: their correlation is {together:.2f}."
    return None


def _largest_step(kernels: Any) -> float:
    """Return the largest increment in depth."""
    kernels = np.asarray(kernels, float)
    return float(np.linalg.norm(np.diff(kernels.reshape(len(kernels), -1), axis=0), axis=1).max())


@first_wrong
def check_disguise(disguise: Callable) -> Iterator[Feedback]:
    """Check ``disguise(kernels)``: the same network, and a rough number."""
    rng = np.random.default_rng(4)
    for depth, channels in [(16, 4), (12, 3)]:
        s = np.arange(depth).reshape(-1, 1, 1, 1, 1) / depth
        first, last = rng.standard_normal((2, 1, 3, 3, channels, channels))
        kernels = np.cos(1.5 * s) * first + np.sin(1.5 * s) * last
        got = disguise(kernels.copy())
        if got is None:
            yield NO_RETURN
            return
        got = np.asarray(got, float)
        if got.shape != kernels.shape:
            yield f"Expected an array of shape {kernels.shape}, got {got.shape}."
            return
        yield _same_network(got / kernels)
        before, after = _first_number(kernels), _first_number(got)
        if after < 5 * before:
            yield (
                f"The same network, but the number goes from {before:.2f} to {after:.2f} only; "
                "let neighbouring layers differ in length."
            )


def _same_network(factors: np.ndarray) -> Feedback:
    """Check that filters were multiplied by positive numbers, each by its own."""
    if not np.isfinite(factors).all() or (factors == 0).any():
        return "A filter of zeros, or of no numbers, is lost for good."
    if (factors < 0).any():
        return "A negative factor turns the sign of what is normalised: another network."
    if close(factors / factors[:, :1, :1, :1], np.ones_like(factors)):
        return None
    if close(factors / factors[:, :1, :1, :, :1], np.ones_like(factors)):
        return "One factor for each channel that leaves, the last axis; yours belong to the inputs."
    return "Entries of one filter get different factors: another network."


def _first_number(kernels: np.ndarray) -> float:
    """Return L times the largest increment over the mean length."""
    lengths = np.linalg.norm(kernels.reshape(len(kernels), -1), axis=1)
    return len(kernels) * _largest_step(kernels) / float(lengths.mean())


CHECKS: dict[str, Callable[[Any], Feedback]] = {
    "ex-images-curve": check_curve,
    "ex-images-disguise": check_disguise,
    "ex-images-affine": check_affine,
    "ex-images-independent": check_independent,
    "ex-images-fold": check_fold,
    "ex-images-radius": check_radius,
    "ex-images-jacobian": check_jacobian,
    "ex-images-steps": check_steps,
}
