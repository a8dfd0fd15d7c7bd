"""The tree of an expression: exact numbers, names, and what is applied to them.

Not here: reading text (`toolsets.languages.expression.parser`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

COMPARISONS = ("=", "≠", "<", "≤", ">", "≥")
FLAT = ("+", "*", "and", "or")  # of any number of arguments, not nested


@dataclass(frozen=True, slots=True)
class Constant:
    """An exact number."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Name:
    """A name; what it stands for is for the reader of the tree to say."""

    name: str


@dataclass(frozen=True, slots=True)
class Quoted:
    """A text in quotation marks."""

    text: str


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator or a function of the language, and what it is applied to.

    Operators: + * and or (two or more), / // % ** = ≠ < ≤ > ≥ → ↔ xor in (two), - not (one),
    `if` (condition, then, else), `list` (any number). `a - b` is the sum of a and -(b).
    """

    operator: str
    arguments: tuple[Tree, ...]


Tree = Constant | Name | Quoted | Apply


class Arity(NamedTuple):
    """How many arguments a function takes."""

    least: int
    most: int

    @property
    def said(self) -> str:
        """The arity in a message."""
        exactly = "" if self.least == self.most else "at least "
        return f"{exactly}{self.least} argument{'' if self.least == 1 else 's'}"


Language = Mapping[str, Arity]
"""The functions that may be used, by name."""


def join(operator: str, left: Tree, right: Tree) -> Apply:
    """Both under a flat operator, in one list with what `left` already joins."""
    if isinstance(left, Apply) and left.operator == operator:
        return Apply(operator, (*left.arguments, right))
    return Apply(operator, (left, right))


def names(tree: Tree) -> set[str]:
    """The names in a tree."""
    match tree:
        case Name(name=name):
            return {name}
        case Apply(arguments=arguments):
            return {name for argument in arguments for name in names(argument)}
    return set()


def replace(tree: Tree, values: Mapping[str, Tree]) -> Tree:
    """The tree with other trees in place of names, all at once."""
    match tree:
        case Name(name=name):
            return values.get(name, tree)
        case Apply(operator=operator, arguments=arguments):
            return Apply(operator, tuple(replace(a, values) for a in arguments))
    return tree


def divisors(tree: Tree) -> list[Tree]:
    """What a tree divides by: below a /, or under a negative power."""
    if not isinstance(tree, Apply):
        return []
    found = [divisor for argument in tree.arguments for divisor in divisors(argument)]
    match tree:
        case Apply(operator="/", arguments=(_, below)):
            found.append(below)
        case Apply(operator="**", arguments=(base, Apply(operator="-") | Constant() as exponent)):
            if isinstance(exponent, Apply) or exponent.value < 0:
                found.append(base)
    return found


def split_products(tree: Tree, known: Collection[str]) -> Tree:
    """The tree with `xy` as the product of x and y, where x and y are known names too.

    `known` are all names of the text; so 2xy - x - y is read as it is meant.
    """
    words = [name for name in names(tree) if len(name) > 1 and name.isalpha()]
    products = [word for word in words if all(letter in known for letter in word)]
    return replace(tree, {word: Apply("*", tuple(map(Name, word))) for word in products})
