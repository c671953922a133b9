"""Networks for images: the claims of the chapter."""

from dataclasses import dataclass, replace
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_course.claims._measure import guide
from resode_course.claims.implicit_regularization import deep_slope
from resode_lib import diagnostics, resnet, stacks, training
from resode_lib._types import Array, Stack
from resode_lib.datasets import Dataset
from resode_lib.image_training import (
    Fit,
    Setting,
    accuracy,
    digits,
    entropy,
    fit,
    fit_digits,
    large_batch_moments,
)
from resode_lib.images import BlockMoments, ImageResNet, with_moments

__all__ = ["ImagesIncrements", "ImagesPrice", "ImagesRefinement", "ImagesRoughness"]

INDEPENDENT = "layers that start alike → layers drawn independently"


@dataclass(frozen=True)
class ImagesIncrements(
    Claim,
    label="prop-images-increments",
    source="the course, after Proposition 7 of Marion, Wu, Sander, Biau 2023",
):
    """Minibatches, momentum and batch normalisation keep increments in depth of order 1/L.

    Tied GELU layers of four channels, on 176 digits: 44 steps of momentum 0.9 with minibatches of
    16. The largest increment of a layer, over all its arrays, at the end of four epochs.
    """

    depths: tuple[int, ...] = (24, 48, 96)
    channels: int = 4
    rate: float = 0.1
    momentum: float = 0.9
    activation: str = "gelu"
    tied: bool = True

    family: ClassVar = {"rate": (0.05, 0.1, 0.2), "momentum": (0.8, 0.9), "channels": (3, 4)}
    controls: ClassVar = {
        "independent layers": Control(
            INDEPENDENT,
            fails="slope of the largest increment",
            why="The increments at the start stand on the right of the bound.",
            tied=False,
        ),
        "a kink in the activation": Control(
            "GELU → ReLU",
            fails="slope of the largest increment",
            why="Two neighbours on two sides of a kink get different gradients, however close they "
            "are.",
            activation="relu",
        ),
    }

    def run(self) -> Measured:
        """Train one network per depth, on the same minibatches."""
        train = Dataset(*(part[:176] for part in digits()[0]))
        setting = Setting(
            channels=self.channels,
            epochs=4,
            batch=16,
            rate=self.rate,
            momentum=self.momentum,
            activation=self.activation,
            tied=self.tied,
            seed=self.seed,
        )

        def largest(depth: int) -> float:
            run = fit(replace(setting, depth=depth), train, record=training.residual)
            return float(jax.vmap(diagnostics.depth_lipschitz)(run.records).max() / depth)

        return Measured(increments=np.array([largest(depth) for depth in self.depths]))

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The increments fall like ``1/L`` or faster; a tenth is left for finite depths."""
        rate = deep_slope(self.depths, measured.increments)
        return (Check("slope of the largest increment", rate, high=-0.9),)

    def picture(self, measured: Measured) -> Picture:
        """The increments beside the rate."""
        line = guide(self.depths, measured.increments)
        return Picture(
            self.depths,
            {"largest increment": measured.increments},
            {"rate 1/L": line},
            ylabel="max ‖θ_{k+1} - θ_k‖",
        )


def trained(seed: int, activation: str = "gelu", *, tied: bool) -> Fit:
    """Return a network of 16 layers for digits after four epochs, as on the page."""
    return fit_digits(Setting(channels=4, epochs=4, activation=activation, tied=tied, seed=seed))


def roughness(stack: Stack) -> np.ndarray:
    """Return ``L ||theta_{k+1} - theta_k||`` of the kernels, over their mean norm, for each layer.

    In front of a normalisation the length of a kernel means nothing.
    """
    kernels = {"inner": stack.inner[...], "outer": stack.outer[...]}

    def length(norms: dict[str, Array]) -> Array:
        return jnp.sqrt(sum(norm**2 for norm in norms.values()))

    steps, size = length(stacks.increments(kernels)), length(stacks.norms(kernels)).mean()
    return np.asarray(stacks.depth(stack) * steps / size)


def refined_loss(run: Fit) -> float:
    """Return the relative change of the loss if ``2L`` layers are interpolated, in evaluation.

    The moments are interpolated as the weights are.
    """
    data = digits()[0]
    return float(_change(run.network, large_batch_moments(run.network, data), data.x, data.y))


@jax.jit
def _change(model: ImageResNet, moments: BlockMoments, x: Array, y: Array) -> Array:
    def loss(stack: Stack) -> Array:
        return entropy(model.read(resnet.forward(stack, model.embed(x))), y)

    return diagnostics.refinement_change(loss, with_moments(model.stack, moments))


@dataclass(frozen=True)
class ImagesRoughness(Claim, label="obs-images-roughness", source="measured", kind="finding"):
    """Trained on digits, tied GELU layers stay smooth, tied ReLU less so, independent layers rough.

    Sixteen layers of four channels after four epochs; L max ‖K_{k+1} - K_k‖ of the kernels over
    their mean length. Four draws, and geometric means of ratios: tied networks of one draw start
    from the same kernels and see the same minibatches.
    """

    draws: int = 4
    kinked: str = "relu"
    other_tied: bool = False

    controls: ClassVar = {
        "a second tied network": Control(
            "independent GELU layers → tied ones of another draw",
            fails=(
                "roughness, independent over tied GELU",
                "roughness, independent over tied ReLU",
            ),
            why="Two tied networks are apart by what draws differ, in no direction.",
            other_tied=True,
        ),
        "another activation without a kink": Control(
            "ReLU → SiLU, which is smooth",
            fails="roughness, tied ReLU over tied GELU",
            why="It is the kink that parts neighbours.",
            kinked="silu",
        ),
    }

    def run(self) -> Measured:
        """Train three networks of each draw; shape (draws, layers - 1)."""

        def of(shift: int, activation: str = "gelu", *, tied: bool) -> np.ndarray:
            fits = [
                trained(self.seed + shift + n, activation, tied=tied) for n in range(self.draws)
            ]
            return np.stack([roughness(fit.network.stack) for fit in fits])

        return Measured(
            smooth=of(0, tied=True),
            kinked=of(0, self.kinked, tied=True),
            rough=of(self.draws * self.other_tied, tied=self.other_tied),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Several times rougher is three times, and between is apart from both.

        Tied GELU networks of two draws differ by a factor of 1.7 or so, and the mean of four from
        that of four others by one of 1.3. From the same start ReLU over GELU varies by a factor of
        1.24 only, its mean over four by 1.11. It is near 1.55 and 1.2 is asked.
        """
        smooth, kinked, rough = (
            np.log(values.max(axis=1))
            for values in (measured.smooth, measured.kinked, measured.rough)
        )

        def ratio(above: np.ndarray, below: np.ndarray) -> float:
            return float(np.exp(np.mean(above - below)))

        return (
            Check("roughness, independent over tied GELU", ratio(rough, smooth), low=3),
            Check("roughness, tied ReLU over tied GELU", ratio(kinked, smooth), low=1.2),
            Check("roughness, independent over tied ReLU", ratio(rough, kinked), low=1.5),
        )

    def picture(self, measured: Measured) -> Picture:
        """The roughness from layer to layer, of the first draw."""
        return Picture(
            np.arange(1, measured.smooth.shape[1] + 1),
            {
                "tied GELU": measured.smooth[0],
                f"tied {self.kinked}": measured.kinked[0],
                "tied GELU, again" if self.other_tied else "independent GELU": measured.rough[0],
            },
            xlabel="layer k",
            ylabel="L ‖K_{k+1} - K_k‖ / mean ‖K‖",
            log="y",
        )


@dataclass(frozen=True)
class ImagesRefinement(Claim, label="obs-images-refinement", source="measured", kind="finding"):
    """In evaluation, twice the layers change the loss of tied GELU networks a little.

    They change that of independent layers by an order of magnitude more at least, in the mean over
    four draws. Sixteen layers of four channels after four epochs on digits; weights and moments are
    interpolated.
    """

    draws: int = 4
    other_tied: bool = False

    controls: ClassVar = {
        "more tied networks": Control(
            "independent layers → tied ones of other draws",
            fails="mean change, independent over tied",
            why="All are near an ODE. (One change over another would not do: it may be near zero.)",
            other_tied=True,
        )
    }

    def run(self) -> Measured:
        """Train all, interpolate weights and moments, evaluate again; shape (draws,)."""

        def changes(shift: int, *, tied: bool) -> np.ndarray:
            runs = [trained(self.seed + shift + n, tied=tied) for n in range(self.draws)]
            return np.array([refined_loss(run) for run in runs])

        return Measured(
            smooth=changes(0, tied=True),
            other=changes(self.draws * self.other_tied, tied=self.other_tied),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Small changes, and those that are an order of magnitude larger."""
        ratio = float(measured.other.mean() / measured.smooth.mean())
        return (
            Check(
                "largest relative change of the loss at 2L, tied start",
                float(measured.smooth.max()),
                high=0.1,
            ),
            Check("mean change, independent over tied", ratio, low=10),
        )


@dataclass(frozen=True)
class ImagesPrice(Claim, label="obs-images-price", source="measured", kind="finding"):
    """On digits, tied layers are a point or more of test accuracy behind independent ones.

    In 18 of 20 settings by more than three standard errors, in the other two by more than two and
    a half. Sixteen layers of four channels after four epochs, with GELU and with ReLU, eight draws
    of each.
    """

    draws: int = 8
    other_tied: bool = False

    controls: ClassVar = {
        "more tied networks": Control(
            "independent layers → tied ones of other draws",
            fails="points behind, mean / standard error",
            why="What is left is the noise of a draw.",
            other_tied=True,
        )
    }

    def run(self) -> Measured:
        """Return the test accuracies in points, shape (activations, draws)."""
        train, test = digits()

        def points(shift: int, *, tied: bool) -> np.ndarray:
            fits = [
                [trained(self.seed + shift + n, name, tied=tied).network for n in range(self.draws)]
                for name in ("gelu", "relu")
            ]
            return 100 * np.array(
                [
                    [accuracy(model, large_batch_moments(model, train), test) for model in row]
                    for row in fits
                ]
            )

        return Measured(
            tied=points(0, tied=True),
            other=points(self.draws * self.other_tied, tied=self.other_tied),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Behind on average over all, by a point, and by three standard errors.

        A draw has both activations, so the error is that of a mean over draws: near 0.4 points.
        That of two means over different draws, as in the control, is near 0.6.
        """
        behind = (measured.other - measured.tied).mean(axis=0)
        mean, error = behind.mean(), behind.std(ddof=1) / np.sqrt(self.draws)
        return (
            Check("points behind, mean", float(mean), low=1),
            Check("points behind, mean / standard error", float(mean / error), low=3),
        )
