"""Translate variables and constraints to Z3 terms, each with its kind.

Each name of a value is encoded as a whole number, so that variables of different domains can be
compared. `/` is exact division; `//` and `%` round down as in Python. A divisor that is not a
literal number is required to be nonzero. Every model has its own Z3 context, so that no call
affects the answer of a later one.
"""

from __future__ import annotations

import difflib
from fractions import Fraction
from typing import Any

from toolsets.errors import LimitExceeded
from toolsets.languages.expression import COMPARISONS, Apply, Constant, Name, Quoted, Tree
from toolsets.shipped.constraints.domains import Domain
from toolsets.shipped.constraints.meanings import MEANINGS
from toolsets.shipped.constraints.order import check_order, ordered
from toolsets.shipped.constraints.terms import COMPARE, KIND_NAMES, Term, Terms

LARGEST_POWER = 8


class Model(Terms):
    """Declared variables, and constraints as terms over them."""

    def __init__(self, domains: dict[str, Domain]) -> None:
        import z3

        super().__init__()
        self.domains = domains
        self.codes = {word: code for code, word in enumerate(ordered(domains))}
        self.names = {code: word for word, code in self.codes.items()}
        self.variables = {name: self._declare(name, d) for name, d in domains.items()}
        for name, domain in domains.items():
            if limits := self._limits(self.variables[name], domain):
                self.conditions.append((domain.describe(name), z3.And(*limits)))

    def truth(self, tree: Tree) -> Any:
        """Translate a condition to a Z3 formula; raises ValueError for another tree."""
        return self.condition(self.term(tree)).z3

    def quantity(self, tree: Tree) -> Any:
        """Translate a quantity to a Z3 number; raises ValueError for another tree."""
        return self.number(self.term(tree)).z3

    def term(self, tree: Tree) -> Term:
        """Translate a tree; raises ValueError or LimitExceeded, for the model."""
        match tree:
            case Constant(value=value):
                return self._constant(value)
            case Name(name=name) | Quoted(text=name):
                return self._named(name)
            case Apply(operator=operator, arguments=arguments):
                return self._applied(operator, arguments)

    def _declare(self, name: str, domain: Domain) -> Term:
        import z3

        make = {"real": z3.Real, "truth": z3.Bool}.get(domain.kind, z3.Int)
        return Term(domain.kind, make(name, self.context))

    def _limits(self, variable: Term, domain: Domain) -> list[Any]:
        import z3

        values = [self.codes[v] if isinstance(v, str) else self.value(v) for v in domain.values]
        limits = [z3.Or(*(variable.z3 == value for value in values))] if values else []
        if domain.low is not None:
            limits.append(variable.z3 >= self.value(domain.low))
        if domain.high is not None:
            limits.append(variable.z3 <= self.value(domain.high))
        return limits

    def _constant(self, value: Fraction) -> Term:
        return Term("whole" if value.denominator == 1 else "real", self.value(value))

    def _named(self, name: str) -> Term:
        import z3

        if name in self.variables:
            return self.variables[name]
        if name in self.codes:
            return Term("name", z3.IntVal(self.codes[name], self.context))
        if name.lower() in ("true", "false"):
            return Term("truth", z3.BoolVal(name.lower() == "true", self.context))
        if " " in name:
            reason = "write * between factors, and texts in quotation marks"
            raise ValueError(f"there is no variable or value {name!r}; {reason}")
        near = difflib.get_close_matches(name, [*self.variables, *self.codes], n=1)
        hint = f"did you mean {near[0]}?" if near else "declare it under variables"
        raise ValueError(f"there is no variable or value {name}; {hint}")

    def _applied(self, operator: str, arguments: tuple[Tree, ...]) -> Term:
        if operator == "in":
            return self._member(*arguments)
        if operator == "**":
            return self._power(*arguments)
        terms = [self.term(part) for argument in arguments for part in _flat(argument)]
        if operator in COMPARISONS:
            if operator not in ("=", "≠") and {term.kind for term in terms} == {"name"}:
                check_order(self.domains, *arguments)
            return self._compare(operator, *terms)
        if meaning := MEANINGS.get(operator):
            return meaning(self, terms)
        raise ValueError(f"{operator} cannot be used in a constraint")

    def _member(self, left: Tree, right: Tree) -> Term:
        import z3

        if isinstance(right, Apply) and right.operator == "range":
            return self._in_range(left, right.arguments)
        one = self.term(left)
        others = [self.term(part) for part in _flat(right)]
        return Term("truth", z3.Or(*(self._compare("=", one, other).z3 for other in others)))

    def _in_range(self, value: Tree, ends: tuple[Tree, ...]) -> Term:
        """x in range(1, 10), as in Python: a whole number from 1 to 9."""
        import z3

        whole = self.number(self.term(value))
        start, *rest = ends if len(ends) > 1 else (Constant(Fraction(0)), *ends)
        low, stop = (self.number(self.term(end)) for end in (start, rest[0]))
        if {low.kind, stop.kind} != {"whole"}:
            raise ValueError("range needs whole numbers")
        limits = [whole.z3 >= low.z3, whole.z3 < stop.z3]
        if whole.kind == "real":
            limits.append(z3.IsInt(whole.z3))
        if len(rest) > 1:
            limits.append(self._in_steps(whole, low, rest[1]))
        return Term("truth", z3.And(*limits))

    def _in_steps(self, whole: Term, low: Term, step: Tree) -> Any:
        match step:
            case Constant(value=size) if (
                size.denominator == 1 and size > 0 and whole.kind == "whole"
            ):
                return (whole.z3 - low.z3) % size.numerator == 0
        raise ValueError("the step of range must be a whole number above 0")

    def _power(self, base: Tree, exponent: Tree) -> Term:
        factor = self.number(self.term(base))
        match exponent:
            case Constant(value=value) if value.denominator == 1 and 0 <= value <= LARGEST_POWER:
                product: Any = self.value(Fraction(1))
                for _ in range(value.numerator):
                    product = product * factor.z3
                return Term(factor.kind, product)
        raise LimitExceeded(f"an exponent must be a whole number from 0 to {LARGEST_POWER}")

    def _compare(self, operator: str, left: Term, right: Term) -> Term:
        numbers = ("whole", "real")
        if left.kind != right.kind and not (left.kind in numbers and right.kind in numbers):
            kinds = f"a {KIND_NAMES[left.kind]} with a {KIND_NAMES[right.kind]}"
            raise ValueError(f"cannot compare {kinds}")
        if operator not in ("=", "≠") and left.kind == "truth":
            raise ValueError(f"a {KIND_NAMES[left.kind]} cannot be less or greater than another")
        return Term("truth", COMPARE[operator](left.z3, right.z3))


def _flat(tree: Tree) -> tuple[Tree, ...]:
    """The items of a list, nested lists flattened; another tree as the only item."""
    if isinstance(tree, Apply) and tree.operator == "list":
        return tuple(part for argument in tree.arguments for part in _flat(argument))
    return (tree,)
