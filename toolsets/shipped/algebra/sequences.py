"""Read recurrences such as a(n) = 2a(n-1) + 1, and compute their terms exactly, one by one.

Not here: formulas for all terms (`recurrences`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from toolsets.errors import LimitExceeded
from toolsets.languages.expression import (
    Apply,
    Arity,
    Constant,
    Tree,
    names,
    read,
    read_list,
    replace,
)
from toolsets.shipped.algebra.sizes import measure
from toolsets.shipped.algebra.symbolic import LANGUAGE, build
from toolsets.tools.numbers import check_magnitude

MOST_TERMS = 2_000  # that are computed one by one

_NAME = re.compile(r"\s*([^\W\d]\w*)\s*\(")
_SUBSCRIPT = re.compile(r"[^\W\d_]_\{?\w")
FORM = "write a recurrence such as a(n) = 2*a(n-1) + 1"


class MissingTerm(ValueError):
    """A term is needed that is not known; `index` is its index."""

    def __init__(self, index: Fraction) -> None:
        super().__init__(index)
        self.index = index


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The rule name(index + shift) = right."""

    name: str
    index: str
    shift: int
    right: Tree


def read_recurrence(text: str) -> Recurrence:
    """Parse a rule; raises ValueError, which names what is wrong."""
    if _SUBSCRIPT.search(text):
        raise ValueError("write a(n) for a_n and a(n-1) for a_{n-1}")
    match = _NAME.match(text)
    if match is None or match[1] in LANGUAGE:
        raise ValueError(FORM)
    name = match[1]
    tree = read(text, {**LANGUAGE, name: Arity(1, 1)})
    if not (isinstance(tree, Apply) and tree.operator == "=" and _is_term(tree.arguments[0], name)):
        raise ValueError(FORM)
    left, right = tree.arguments
    assert isinstance(left, Apply)
    indices = names(left)
    if len(indices) != 1:
        raise ValueError(f"the left side must be {name} of one letter, such as {name}(n)")
    (index,) = indices
    return Recurrence(name, index, _whole(offset(left.arguments[0], index)), right)


def read_initial(rule: Recurrence, texts: list[str]) -> dict[int, Fraction]:
    """Parse the first terms, such as a(1) = 3; raises ValueError."""
    language = {**LANGUAGE, rule.name: Arity(1, 1)}
    known: dict[int, Fraction] = {}
    for tree in (tree for text in texts for tree in read_list(text, language)):
        match tree:
            case Apply("=", (Apply(name, (at,)), value)) if name == rule.name:
                index = _whole(_number(at))
                if known.setdefault(index, _number(value)) != _number(value):
                    raise ValueError(f"{rule.name}({index}) has two values")
            case _:
                raise ValueError(f"initial must be terms such as {rule.name}(1) = 3")
    if not known:
        raise ValueError(f"initial must have a term such as {rule.name}(1) = 3")
    return known


def terms(rule: Recurrence, initial: dict[int, Fraction], last: int) -> dict[int, Fraction]:
    """The terms up to `last`, from the first initial one on.

    Raises ValueError if one cannot be computed, or if an initial term contradicts the rule.
    """
    first = min(initial)
    if last < first:
        raise ValueError(f"n must be at least {first}, the index of the first initial term")
    if last - first > MOST_TERMS:
        raise LimitExceeded(f"n may be at most {MOST_TERMS:,} above the first initial term")
    known = dict(initial)
    for k in range(first, last + 1):
        try:
            value = _next(rule, known, k)
        except MissingTerm as missing:
            if k not in initial:
                needed = f"{rule.name}({k}) needs {rule.name}({missing.index})"
                raise ValueError(f"{needed}; give the first terms in initial") from None
            continue
        if known.setdefault(k, value) != value:
            given = f"{rule.name}({k}) = {known[k]}"
            raise ValueError(f"{given} contradicts the rule, which gives {value} there")
    return known


def replace_terms(tree: Tree, name: str, term: Callable[[Tree], Tree]) -> Tree:
    """Replace each term of the sequence by `term` of its index."""
    if not isinstance(tree, Apply):
        return tree
    arguments = tuple(replace_terms(argument, name, term) for argument in tree.arguments)
    return term(arguments[0]) if _is_term(tree, name) else Apply(tree.operator, arguments)


def offset(index: Tree, letter: str) -> Fraction:
    """The k of an index n + k; raises ValueError for another index."""
    start, after = (_number(replace(index, {letter: Constant(Fraction(at))})) for at in (0, 1))
    if after - start != 1 or names(index) != {letter}:
        raise ValueError(f"an index must be {letter} plus or minus a whole number")
    return start


def _next(rule: Recurrence, known: dict[int, Fraction], k: int) -> Fraction:
    def term(index: Tree) -> Tree:
        at = _number(index)
        if at not in known or at == k:
            raise MissingTerm(at)
        return Constant(known[int(at)])

    n = Constant(Fraction(k - rule.shift))
    return _number(replace_terms(replace(rule.right, {rule.index: n}), rule.name, term))


def _is_term(tree: Tree, name: str) -> bool:
    return isinstance(tree, Apply) and tree.operator == name


def _number(tree: Tree) -> Fraction:
    """The exact value of a tree; raises ValueError if it is not rational."""
    if (value := measure(tree).value) is not None:
        return check_magnitude(value)
    if unknown := names(tree):
        raise ValueError(f"{min(unknown)} has no value")
    number: Any = build(tree)
    if not number.is_Rational:
        raise ValueError(f"{number} is not a rational number")
    return Fraction(int(number.p), int(number.q))


def _whole(value: Fraction) -> int:
    if value.denominator != 1:
        raise ValueError(f"an index must be a whole number, got {value}")
    return value.numerator
