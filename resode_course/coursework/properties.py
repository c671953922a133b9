"""What a check asks of an answer where more than one result is right, or where one number is none.

Each class is one property: plain data, drawn when the notebook was written, and what is looked at.
Like a case, none of them knows how to solve its problem.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

from resode_course.coursework.cases import (
    AnswerError,
    Case,
    Feedback,
    NotAttemptedError,
    array,
    numbers,
    result,
    same,
    several,
)

__all__ = [
    "Along",
    "Alike",
    "Arrival",
    "Bits",
    "Blind",
    "Cells",
    "Cheapest",
    "Combination",
    "Depth",
    "End",
    "Impossible",
    "Order",
    "Plan",
    "Possible",
    "Sampled",
    "Slopes",
    "Widths",
    "smooth_slices",
]


# Problem set 1


def smooth_slices(coefficients: np.ndarray, depth: int) -> np.ndarray:
    """The slices of a smooth path at ``0, 1/L, ..., 1``."""
    s = np.linspace(0, 1, depth + 1)[:, None, None]
    return coefficients[0] + np.sin(2 * s) * coefficients[1] + np.cos(3 * s) * coefficients[2]


@dataclass(frozen=True)
class Order:
    """The last state of networks on slices of a smooth path tends to that of the ODE, in order two.

    Attributes:
        coefficients: of the path, see `smooth_slices`.
        start: the first state.
        end: the ODE's last state.
    """

    coefficients: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def feedback(self, answer: Any) -> Feedback:
        """Compare the errors of 16 and 64 layers."""
        errors = []
        for depth in (16, 64):
            got = answer(smooth_slices(self.coefficients, depth), self.start)
            states = numbers(got, (depth + 1, len(self.start)))
            if not same(states[0], self.start):
                return "The first of the states is not the input h."
            errors.append(float(np.linalg.norm(states[-1] - self.end)))
        size = float(np.linalg.norm(self.end))
        if errors[1] < 1e-5 * size:
            return None  # so near that the leading error may have cancelled
        order = log(errors[0] / errors[1]) / log(4)
        if order > 1.6:
            return None
        if errors[1] > 0.05 * size:
            return "On slices of a smooth path the last state does not tend to that of the ODE."
        return f"On slices of a smooth path the error falls like L^-{order:.1f}, not like L^-2."


@dataclass(frozen=True)
class Cells:
    """Nodes increase from 0 to 1, and the cells between them have the right lengths.

    Attributes:
        rate: how errors grow.
        depth: the number of cells.
        nodes: the right ones; None if any do.
        mistakes: the nodes of typical mistakes, by the sentence that explains them.
    """

    rate: float
    depth: int
    nodes: np.ndarray | None
    mistakes: Mapping[str, np.ndarray]

    def feedback(self, answer: Any) -> Feedback:
        """Compare the lengths of the cells."""
        returned = several(answer(self.rate, self.depth), ("nodes", "gain"))
        nodes = array(returned[0], (self.depth + 1,), "nodes")
        if abs(nodes[0]) > 1e-9 or abs(nodes[-1] - 1) > 1e-9:
            return f"The nodes go from {nodes[0]:.3g} to {nodes[-1]:.3g}, not from 0 to 1."
        if (np.diff(nodes) <= 0).any():
            return "The nodes do not increase."
        if self.nodes is None or np.abs(_excess(nodes, self.nodes)).max() < 0.02:
            return None
        for sentence, known in self.mistakes.items():
            if np.abs(_excess(nodes, known)).max() < 0.02:
                return sentence
        excess = _excess(nodes, self.nodes)
        worst = int(np.abs(excess).argmax())
        side = "long" if excess[worst] > 0 else "short"
        by = 100 * abs(excess[worst])
        return f"For a = {self.rate:g} cell {worst} of {self.depth} is too {side}, by {by:.0f} %."


def _excess(nodes: np.ndarray, right: np.ndarray) -> np.ndarray:
    """By what part of its length each cell is longer than it should be."""
    return np.diff(nodes) / np.diff(right) - 1


@dataclass(frozen=True)
class Arrival:
    """A network on the line carries points to their targets.

    Attributes:
        x: the points.
        y: their targets.
        Lambda: the Lipschitz constant of the residuals.
    """

    x: np.ndarray
    y: np.ndarray
    Lambda: float

    @property
    def words(self) -> str:
        """The task, for feedback."""
        order = np.argsort(self.x)
        factors = np.diff(self.y[order]) / np.diff(self.x[order])
        low, high = factors.min(initial=1.0), factors.max(initial=1.0)
        return f"For {len(self.x)} points whose gaps change by factors of {low:.3g} to {high:.3g}"

    def network(self, answer: Any) -> np.ndarray:
        """Return the residuals, a row for each layer.

        Raises:
            AnswerError: unless they carry the points to their targets.
        """
        residuals = numbers(answer(self.x, self.y), (None, len(self.x)))
        if len(residuals) == 0:
            raise AnswerError(f"{self.words} you say impossible; there is a network.")
        if len(residuals) <= self.Lambda:
            layers = len(residuals)
            raise AnswerError(f"{self.words} you take {layers} layers; L > Lambda is asked.")
        if not np.allclose(self.x + residuals.mean(axis=0), self.y, rtol=0, atol=1e-8):
            if np.allclose(self.x + residuals.sum(axis=0), self.y, rtol=0, atol=1e-8):
                raise AnswerError(
                    f"{self.words} your residuals add up to y - x; the network divides by L."
                )
            raise AnswerError(f"{self.words} your network ends elsewhere than at y.")
        return residuals

    def feedback(self, answer: Any) -> Feedback:
        """Run the network."""
        self.network(answer)
        return None


@dataclass(frozen=True)
class Slopes(Arrival):
    """No residual of that network is steeper than Lambda where the points are."""

    def feedback(self, answer: Any) -> Feedback:
        """Look at the slopes between neighbours, layer by layer."""
        x, residuals, steepest = self.x, self.network(answer), 0.0
        for r in residuals:
            order = np.argsort(x)
            gaps = np.maximum(np.diff(x[order]), 1e-300)
            steepest = max(steepest, float(np.abs(np.diff(r[order]) / gaps).max(initial=0.0)))
            x = x + r / len(residuals)
        if steepest <= self.Lambda * (1 + 1e-6):
            return None
        return f"{self.words} a residual has the slope {steepest:.3g}, above Lambda."


@dataclass(frozen=True)
class Depth(Arrival):
    """That network is as deep as it must be.

    Attributes:
        fewest: the smallest number of layers.
    """

    fewest: int

    def feedback(self, answer: Any) -> Feedback:
        """Count the layers."""
        layers = len(self.network(answer))
        if layers == self.fewest:
            return None
        than = "more" if layers > self.fewest else "fewer"
        return f"{self.words} you take {layers} layers, {than} than the smallest depth."


@dataclass(frozen=True)
class Possible:
    """Where there is a network, one is returned.

    Attributes:
        x: points.
        y: their targets.
    """

    x: np.ndarray
    y: np.ndarray

    def feedback(self, answer: Any) -> Feedback:
        """Count the layers."""
        layers = numbers(answer(self.x, self.y), (None, len(self.x)))
        return None if len(layers) else "You say impossible where there is a network."


@dataclass(frozen=True)
class Impossible:
    """Where there is no network, none is returned.

    Attributes:
        x: points.
        y: targets that no network reaches.
        reason: why not.
    """

    x: np.ndarray
    y: np.ndarray
    reason: str

    def feedback(self, answer: Any) -> Feedback:
        """Count the layers."""
        try:
            layers = len(numbers(answer(self.x, self.y), (None, len(self.x))))
        except NotAttemptedError:  # it was, since a possible task came before
            return (
                "Where a task is impossible you return nothing; an array of shape (0, n) is asked."
            )
        if not layers:
            return None
        return f"You return {layers} layers although {self.reason}; that is impossible."


# Problem set 2


@dataclass(frozen=True)
class End:
    """The flow of a network of width one ends there.

    Attributes:
        start: the weights at the start.
        end: those at the end.
        slope: the class's number.
        target: the class's number.
        mistakes: typical wrong ends, by the sentence that explains them.
    """

    start: np.ndarray
    end: np.ndarray
    slope: float
    target: float
    mistakes: Mapping[str, np.ndarray]

    def feedback(self, answer: Any) -> Feedback:
        """Look at the output first, then at the weights."""
        results = several(answer(self.start), ("end", "rate", "flattest"))
        got = self._factors(array(results[0], self.start.shape, "end"))
        if (got <= 0).any():
            return "A factor 1 + a theta_k / L became negative; the flow cannot pass zero."
        missed = float(np.prod(got)) - self.target
        if abs(missed) > 1e-6 * self.target:
            return (
                f"With {len(got)} layers from the start drawn here, the output at your end misses "
                f"the target {self.target:g} by {missed:.2g}: its loss is not zero."
            )
        if same(got**2, self._factors(self.end) ** 2, 1e-5):
            return None
        for sentence, known in self.mistakes.items():
            if same(got, self._factors(known), 1e-5):
                return sentence
        return "The loss is zero at your end, but the flow ends elsewhere; what does it conserve?"

    def _factors(self, theta: np.ndarray) -> np.ndarray:
        """What the layers multiply by."""
        return 1 + self.slope * theta / len(theta)


@dataclass(frozen=True)
class Combination:
    """Three numbers combine three runs to the result, and they satisfy some equations.

    Attributes:
        calls: arguments of some calls; the first one is the start.
        conditions: rows of a vector, the value of its product with the three numbers, and the
            sentence if it is another; ``{got}`` stands for that.
        hints: vectors and what is added to the sentence of the last condition if theirs is zero.
    """

    calls: Sequence[Sequence[Any]]
    conditions: Sequence[tuple[np.ndarray, float, str] | list[Any]]
    hints: Sequence[tuple[np.ndarray, str] | list[Any]]

    def feedback(self, answer: Any) -> Feedback:
        """Find the three numbers, then test the equations in turn."""
        weights = self._weights(answer)
        for vector, value, sentence in self.conditions:
            got = float(weights @ vector)
            if abs(got - value) > 1e-5:
                others = [words for other, words in self.hints if abs(weights @ other) < 1e-5]
                return " ".join([sentence.replace("{got}", f"{got:.4g}"), *others])
        return None

    def _weights(self, answer: Any) -> np.ndarray:
        """The three numbers.

        Raises:
            AnswerError: if no three numbers combine the runs to what the answer returns.
        """
        runs, combined = [], []
        for call in self.calls:
            one, other = several(answer(*call), ("runs", "combination"))
            runs.append(array(one, (3, *np.shape(call[0])), "runs"))
            combined.append(array(other, np.shape(call[0]), "combination"))
        all_runs, all_combined = np.hstack(runs), np.hstack(combined)
        weights = np.linalg.lstsq(all_runs.T, all_combined, rcond=None)[0]
        if not same(weights @ all_runs, all_combined, 1e-8):
            raise AnswerError("No three numbers combine your runs to your result, for all starts.")
        return weights


# Problem set 3


@dataclass(frozen=True)
class Blind:
    """Orthonormal directions that no neuron sees.

    Attributes:
        x: inputs.
        powers: of which the activation is the sum.
        columns: how many directions there are.
        neurons: random weights to test with.
        where: the inputs in words.
    """

    x: np.ndarray
    powers: Sequence[int]
    columns: int
    neurons: np.ndarray
    where: str

    def feedback(self, answer: Any) -> Feedback:
        """Apply the directions to the features of the neurons."""
        results = several(answer(self.x, 2), ("rank", "width", "blind"))
        blind = array(results[2], (len(self.x), self.columns), "blind")
        if not same(blind.T @ blind, np.eye(self.columns), 1e-6):
            return f"{self.where}: the columns must be orthonormal."
        features = sum((self.neurons @ self.x.T) ** r for r in self.powers)
        if np.abs(features @ blind).max(initial=0.0) > 1e-6 * np.abs(features).max():
            return f"{self.where}: a neuron of random weights does see one of your directions."
        return None


# Problem set 4


@dataclass(frozen=True)
class Along:
    """An array of derivatives gives this derivative along one direction.

    Attributes:
        arguments: of the call.
        direction: of the shape of the first argument.
        expected: the derivative along it.
        of: the names of the results; the first one is looked at.
        otherwise: the sentence if it is another.
    """

    arguments: Sequence[Any]
    direction: np.ndarray
    expected: float
    of: Sequence[str]
    otherwise: str

    def feedback(self, answer: Any) -> Feedback:
        """Sum the derivatives along the direction."""
        got = result(answer(*self.arguments), self.of, self.of[0], self.direction.shape)
        terms = got * self.direction
        right = abs(terms.sum() - self.expected) <= 1e-6 * np.abs(terms).sum()
        return None if right else self.otherwise


@dataclass(frozen=True)
class Plan:
    """A plan goes back through all layers.

    Attributes:
        depth: the number of layers.
        slots: how many states can be kept beside the input.
        costs: of running layers, in turn.
        least: what the cheapest plan costs; None if any plan will do.
    """

    depth: int
    slots: int
    costs: Sequence[int]
    least: int | None

    def feedback(self, answer: Any) -> Feedback:
        """Carry the plan out."""
        actions = _actions(several(answer(self.depth, self.slots), ("cost", "plan"))[1])
        cost, wrong = self._follow(actions)
        if wrong is not None:
            return f"Your plan cannot be carried out: depth {self.depth}, slots {self.slots}{wrong}"
        if self.least is None or cost <= self.least:
            return None
        return (
            f"With {self.depth} layers and {self.slots} slots your plan runs layers for {cost}; "
            f"{self.least} is enough."
        )

    def _follow(self, actions: list[tuple[str, int]]) -> tuple[int, str | None]:
        """What a plan costs, and the first thing that is wrong with it."""
        kept = {0: 0}  # slot 0 holds the input
        hand, todo, cost = 0, self.depth - 1, 0
        for line, (name, n) in enumerate(actions, 1):
            wrong = self._impossible(name, n, hand, todo, kept)
            if wrong is not None:
                return cost, f", action {line}, {[name, n]}: {wrong}"
            if name == "run":
                cost, hand = cost + self.costs[n % 3], n + 1
            elif name == "keep":
                kept[n] = hand
            elif name == "load":
                hand = kept[n]
            else:
                todo -= 1
        return cost, f": it ends before layer {todo} is done." if todo >= 0 else None

    def _impossible(
        self, name: str, n: int, hand: int, todo: int, kept: dict[int, int]
    ) -> str | None:
        """Why an action cannot be done now, None if it can."""
        if name == "run" and (n != hand or n >= self.depth):
            return f"the state in hand is h_{hand}; layer {n} cannot run on it."
        if name == "keep" and not 1 <= n <= self.slots:
            last = self.slots
            return f"there are the slots 1 to {last}; slot 0 holds the input and cannot be changed."
        if name == "load" and n not in kept:
            return "that slot is empty."
        if name == "back" and n != todo:
            return f"the next layer to go back through is {todo}."
        if name == "back" and n != hand:
            return f"that needs h_{n}, but h_{hand} is in hand."
        return None if name in ("run", "keep", "load", "back") else "there is no such action."


def _actions(plan: Any) -> list[tuple[str, int]]:
    """A plan as pairs of a word and a whole number.

    Raises:
        AnswerError: if it is something else.
    """
    if not isinstance(plan, list | tuple):
        raise AnswerError('Your plan must be a list of pairs such as ("run", 0).')
    for item in plan:
        pair = isinstance(item, list | tuple) and len(item) == 2
        if not pair or not isinstance(item[0], str) or np.asarray(item[1]).dtype.kind not in "iu":
            raise AnswerError(f'Your plan has {item!r:.60}; expected a pair such as ("run", 0).')
    return [(str(name), int(n)) for name, n in plan]


# Problem set 5


@dataclass(frozen=True)
class Bits:
    """Weights have one of two values, and none follow the line better.

    Attributes:
        part: numerator and denominator of the part of weights that are up.
        depth: the number of weights.
        up: one value.
        down: the other, with its sign changed.
        least: the least cost.
    """

    part: Sequence[int]
    depth: int
    up: float
    down: float
    least: float

    def feedback(self, answer: Any) -> Feedback:
        """Compute what the weights cost."""
        i, q = self.part
        of = ("weights", "cost", "constant", "price")
        u = result(answer(i, q, self.depth), of, "weights", (self.depth,))
        off = np.minimum(np.abs(u - self.up), np.abs(u + self.down))
        if off.max() > 1e-9:
            return f"A weight is {self.up} or {-self.down}; you return {u[off.argmax()]:.4g}."
        slope = i / q * self.up - (1 - i / q) * self.down
        ramp = slope * np.arange(1, self.depth + 1) / self.depth
        cost = float(np.mean((np.cumsum(u) / self.depth - ramp) ** 2))
        if cost <= self.least * (1 + 1e-9) + 1e-15:
            return None
        if self.least < 1e-15:
            return f"For the part {i}/{q} all weights can be equal, and the cost is zero."
        return (
            f"For the part {i}/{q} and {self.depth} layers the cost of your weights is "
            f"{cost / self.least:.3g} times the least."
        )


# Problem set 6


@dataclass(frozen=True)
class Alike:
    """Two calls give the same result, right or not.

    Attributes:
        arguments: of one call.
        others: of the other.
        pick: the name of the result.
        of: the names of all results.
        otherwise: the sentence if they differ.
    """

    arguments: Sequence[Any]
    others: Sequence[Any]
    pick: str
    of: Sequence[str]
    otherwise: str

    def feedback(self, answer: Any) -> Feedback:
        """Call twice."""
        one, other = (
            result(answer(*arguments), self.of, self.pick, ())
            for arguments in (self.arguments, self.others)
        )
        return None if same(one, other) else self.otherwise


DESIGN = ("J", "w", "J_cheap", "R_cheap")


@dataclass(frozen=True)
class Widths:
    """The narrowest interval, also for more doublings than are needed.

    Attributes:
        sigma: the noise.
        gap: the distance of the wrong slope.
        fewest: the smallest number of doublings that will do.
        by_doublings: what is compared for 2, 3, ... doublings.
    """

    sigma: float
    gap: float
    fewest: int
    by_doublings: Sequence[Case]

    def feedback(self, answer: Any) -> Feedback:
        """Compare with the width for the right number of doublings, or else for the answer's."""
        enough = self.by_doublings[self.fewest - 2].feedback(answer)
        if enough is None:
            return None
        J = result(answer(self.sigma, self.gap), DESIGN, "J", ())
        own = int(np.clip(J, 2, len(self.by_doublings) + 1))
        return self.by_doublings[own - 2].feedback(answer)


@dataclass(frozen=True)
class Cheapest:
    """The plan with the fewest layers.

    Attributes:
        sigma: the noise.
        gap: the distance of the wrong slope.
        plan: doublings and seeds of the cheapest plan.
        seeds: the fewest seeds that will do with 2, 3, ... doublings; with more, one will.
    """

    sigma: float
    gap: float
    plan: Sequence[int]
    seeds: Sequence[int]

    def feedback(self, answer: Any) -> Feedback:
        """Compare the plan, and say whether another one works."""
        plan = several(answer(self.sigma, self.gap), DESIGN)[2:]
        J, R = (float(array(value, (), name)) for value, name in zip(plan, DESIGN[2:], strict=True))
        if list(self.plan) == [J, R]:
            return None
        if J < 2 or R < 1 or np.round(J) != J or np.round(R) != R:
            return f"Expected whole numbers J >= 2 and R >= 1, got {J:g} and {R:g}."
        what = (
            f"With sigma = {self.sigma:g} and gap = {self.gap:g}, {J:g} doublings and {R:g} seeds"
        )
        known = int(J) - 2 < len(self.seeds)
        if (self.seeds[int(J) - 2] if known else 1) > R:
            return f"{what} fail."
        return f"{what} do, but another plan has fewer layers; what does a doubling cost?"


@dataclass(frozen=True)
class Sampled:
    """Errors of drawn networks agree with the exact ones, as far as chance lets them.

    Attributes:
        theta: the rate of the network.
        depths: the depths of the networks.
        seed: the seed of the answer's generator.
        exact: the exact errors.
        together: what they would be if layers were left out all together.
        chance: how far they may be off, relative to the exact ones.
    """

    theta: float
    depths: np.ndarray
    seed: int
    exact: np.ndarray
    together: np.ndarray
    chance: float

    def feedback(self, answer: Any) -> Feedback:
        """Call three times, with two seeds."""
        of, shape = ("scaled", "unscaled", "sampled"), self.depths.shape
        first, again, other = (
            result(answer(self.theta, self.depths, seed), of, "sampled", shape)
            for seed in (self.seed, self.seed, self.seed + 1)
        )
        if not (first == again).all():
            return "Two calls with one seed differ: make the generator inside, from the seed."
        if (first == other).any():
            return "Another seed gives the same numbers: draw, do not compute."
        ratios = np.stack([first, other]) / self.exact
        if np.abs(ratios - 1).max() < self.chance:
            return None
        if np.abs(first / self.together - 1).max() < self.chance:
            return "Each layer has its own chance; yours are kept or left out all together."
        return (
            f"For theta = {self.theta:g} the sampled errors are {ratios.min():.2f} to "
            f"{ratios.max():.2f} times the exact ones; 4,000 networks tell more exactly."
        )
