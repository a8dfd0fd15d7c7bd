"""The tree of an expression: exact numbers, names, and applied operators and functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

COMPARISONS = ("=", "≠", "<", "≤", ">", "≥")
FLAT = ("+", "*", "and", "or")  # associative operators: one node with any number of arguments

GREEK = frozenset(
    (
        *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"),
        *("lambda", "mu", "nu", "xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi"),
        *("chi", "psi", "omega", "infinity", "inf", "oo"),
    )
)
"""Names that stand for one sign, so that they may stand beside another factor."""


@dataclass(frozen=True, slots=True)
class Constant:
    """An exact number."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Name:
    """A name, to be resolved by the user of the tree."""

    name: str


@dataclass(frozen=True, slots=True)
class Quoted:
    """Text in quotation marks."""

    text: str


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator or a function of the language applied to arguments.

    Operators: + * and or (two or more), / // % ** = ≠ < ≤ > ≥ → ↔ xor in (two), - not (one),
    `if` (condition, then, else), `list` (any number). `a - b` is the sum of a and -(b).
    """

    operator: str
    arguments: tuple[Tree, ...]


Tree = Constant | Name | Quoted | Apply


class Arity(NamedTuple):
    """The least and most arguments that a function takes."""

    least: int
    most: int

    @property
    def described(self) -> str:
        """The arity as error messages state it."""
        exactly = "" if self.least == self.most else "at least "
        return f"{exactly}{self.least} argument{'' if self.least == 1 else 's'}"


Language = Mapping[str, Arity]
"""The functions that may be used, by name."""


def join(operator: str, left: Tree, right: Tree) -> Apply:
    """Apply `operator` to both; if `left` applies it too, append `right` to its arguments."""
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
    """Replace names in the tree by other trees, all at once."""
    match tree:
        case Name(name=name):
            return values.get(name, tree)
        case Apply(operator=operator, arguments=arguments):
            return Apply(operator, tuple(replace(a, values) for a in arguments))
    return tree


def divisors(tree: Tree) -> list[Tree]:
    """The subtrees that a tree divides by: denominators, and bases of negative powers."""
    if not isinstance(tree, Apply):
        return []
    result = [divisor for argument in tree.arguments for divisor in divisors(argument)]
    match tree:
        case Apply(operator="/", arguments=(_, denominator)):
            result.append(denominator)
        case Apply(operator="**", arguments=(base, Apply(operator="-") | Constant() as exponent)):
            if isinstance(exponent, Apply) or exponent.value < 0:
                result.append(base)
    return result


def split_products(tree: Tree, known: Collection[str]) -> Tree:
    """Replace a name such as `xy` by the product of x and y if both are in `known`.

    `known` holds all names of the text, so that 2xy - x - y means 2*x*y - x - y. Of `ab` and `ba`
    both are products. Raises ValueError for a name that can be read in two ways.
    """
    words = {name for name in names(tree) if len(name) > 1 and name.isalpha()}
    products = {word for word in words if all(letter in known for letter in word)}
    products |= _reordered(words - products)
    for word in words - products:
        if len(word) == 2 and word.lower() not in GREEK and any(c in known for c in word):
            raise ValueError(
                f"{word} can be one name or a product; write {'*'.join(word)} for the product"
            )
    return replace(tree, {word: Apply("*", tuple(map(Name, word))) for word in products})


def _reordered(words: set[str]) -> set[str]:
    """The pairs such as ab and ba; raises ValueError for longer names with the same letters."""
    spelled = {word: "".join(sorted(word)) for word in words}
    same = {w for w in words if list(spelled.values()).count(spelled[w]) > 1}
    if longer := sorted(word for word in same if len(word) > 2):
        raise ValueError(
            f"{' and '.join(longer[:2])} can be names or products; write * between factors"
        )
    return same


def check_chain(tree: Tree) -> None:
    """Raise ValueError for x = 3y = 4, which may be two equations without a comma."""
    match tree:
        case Apply(operator="and", arguments=(Apply(operator="=", arguments=(_, Apply())), *rest)):
            if any(isinstance(part, Apply) and part.operator == "=" for part in rest):
                reason = "several = in one equation can be read in two ways"
                raise ValueError(f"{reason}; write each equation as a text of its own, with commas")
