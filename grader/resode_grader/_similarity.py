"""Answers that are alike up to names and numbers: to look at, never a mark.

An answer is the definition of its name and of what it calls in the notebook. Names become their
order of appearance, numbers and the class's parameters one sign, and texts and comments go. What is
left is compared by its runs of `RUN` words: the share of runs that both have, among all that one of
them has. Short answers to one question are alike by themselves, so they are left out.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from IPython.core.inputtransformer2 import TransformerManager

from resode_grader._files import table
from resode_grader._notebook import Notebook
from resode_grader.sets import Problem

__all__ = ["Pair", "answer_words", "pairs", "similar_table"]

RUN = 5  # words in a run
SHORTEST = 60  # words of an answer that is compared
ALIKE = 0.8  # share of runs from which on a pair is listed
SOLUTION = "the published solution"
LARGEST = 20_000  # characters of a cell that is read
SILENT = ("annotation", "returns", "ctx", "decorator_list")  # say nothing about what is computed
DEEPEST = 5  # calls that are followed


@dataclass(frozen=True)
class Pair:
    """Answers that are alike.

    Attributes:
        label: the problem.
        first: who gave one answer, all of them equal.
        second: who gave one like it; nobody for a group of equal answers.
        share: of runs that both have; 1 is equal.
        words: how long the shorter one is.
    """

    label: str
    first: tuple[str, ...]
    second: tuple[str, ...]
    share: float
    words: int


def pairs(
    notebooks: Mapping[str, Notebook], solution: Notebook | None, problems: Sequence[Problem]
) -> list[Pair]:
    """Return what is alike in the class and with the solution, the most alike first.

    Args:
        notebooks: by student.
        solution: the published solution, if it is there.
        problems: those that are programs.
    """
    sources = {name: _definitions(notebook.code) for name, notebook in notebooks.items()}
    if solution:
        sources[SOLUTION] = _definitions(solution.code)
    found: list[Pair] = []
    for problem in problems:
        words = {name: _words(problem.name, known) for name, known in sources.items()}
        found += _alike(problem.label, words)
    return sorted(found, key=lambda pair: (-pair.share, len(pair.first + pair.second), pair.label))


def similar_table(found: Iterable[Pair]) -> str:
    """Return what is alike as a table, few people first: much that all share says little."""
    head = ("problem", "students", "like", "share", "words", "how many")
    lines = [
        (
            *(p.label, "; ".join(p.first), "; ".join(p.second) or "each other"),
            *(f"{p.share:.2f}", p.words, len(p.first + p.second)),
        )
        for p in found
    ]
    return "\ufeff" + table([head, *lines])


def answer_words(source: str, name: str) -> tuple[str, ...]:
    """Return the words of an answer in a source, none if it is not defined there."""
    return _words(name, _definitions([source]))


def _alike(label: str, words: Mapping[str, tuple[str, ...]]) -> list[Pair]:
    """The groups of equal answers to one problem, and those that are nearly equal."""
    people: dict[tuple[str, ...], tuple[str, ...]] = {}
    for name, text in words.items():
        if len(text) >= SHORTEST:
            people[text] = (*people.get(text, ()), name)
    found = [
        Pair(label, names, (), 1.0, len(text)) for text, names in people.items() if len(names) > 1
    ]
    runs = {text: _runs(text) for text in people}
    for first, second in combinations(people, 2):
        if share := _share(runs[first], runs[second]):
            shorter = min(len(first), len(second))
            found.append(Pair(label, people[first], people[second], share, shorter))
    return found


def _runs(words: Sequence[str]) -> frozenset[int]:
    """All runs of an answer."""
    return frozenset(hash(tuple(words[n : n + RUN])) for n in range(len(words) - RUN + 1))


def _share(first: frozenset[int], second: frozenset[int]) -> float:
    """The share of runs that both have, 0 if it is too small to tell."""
    if min(len(first), len(second)) < ALIKE * max(len(first), len(second)):
        return 0.0
    share = len(first & second) / max(len(first | second), 1)
    return share if share >= ALIKE else 0.0


def _definitions(sources: Iterable[str]) -> dict[str, ast.AST]:
    """What the names in cells stand for in the end; cells that are no Python are left out."""
    found: dict[str, ast.AST] = {}
    for source in sources:
        if len(source) >= LARGEST:
            continue
        try:
            body = ast.parse(TransformerManager().transform_cell(source)).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found[node.name] = node
            elif isinstance(node, ast.Assign):
                targets = (target for target in node.targets if isinstance(target, ast.Name))
                found.update((target.id, node.value) for target in targets)
    return found


def _words(name: str, known: Mapping[str, ast.AST], depth: int = 0) -> tuple[str, ...]:
    """An answer and the helpers that it calls, as words."""
    try:
        return tuple(_told(name, known, {}, {name}, depth))
    except RecursionError:
        return ()


def _told(
    name: str, known: Mapping[str, ast.AST], names: dict[str, str], seen: set[str], depth: int
) -> Iterator[str]:
    """The words of one definition, then those of what it uses."""
    node = known.get(name)
    if node is None:
        return
    yield from _spoken(node, names)
    used = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and n.id in known]
    for helper in dict.fromkeys(used):
        if helper not in seen and depth < DEEPEST:
            seen.add(helper)
            yield from _told(helper, known, names, seen, depth + 1)


def _spoken(node: ast.AST, names: dict[str, str]) -> Iterator[str]:
    """A tree as words: kinds of nodes, attributes, and names by their order."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if isinstance(node, ast.Constant) or _is_parameter(node):
        yield "text" if isinstance(getattr(node, "value", 0), str) else "number"
        return
    yield type(node).__name__
    for field, value in ast.iter_fields(node):
        if isinstance(value, str):
            yield value if field == "attr" else names.setdefault(value, f"n{len(names)}")
        elif field not in SILENT:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _spoken(child, names)


def _is_parameter(node: ast.AST) -> bool:
    """Whether this is one of the class's numbers, which a printed solution has as a number."""
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    )
