"""Translate formulas to SMT-LIB text for Z3: one nonempty sort of things, built-in equality.

    script([forall x (Cat(x) → Furry(x))])            with quantifiers, any number of things
    finite_script([forall x (Cat(x) → Furry(x))], 2)  without quantifiers, exactly two things

Names are numbered (`p0`, `f1`), so that no name of a formula is a keyword of Z3. Constants that are
numbers are equal if their values are, and different otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from toolsets.languages.formula.syntax import (
    Atom,
    Binary,
    Connective,
    Equality,
    Formula,
    Not,
    Quantified,
    Symbol,
    Term,
    Truth,
    Variable,
    number_value,
    symbols,
)

LARGEST_SCRIPT = 50_000  # nodes of formulas with all quantifiers expanded

_OPERATORS: dict[Connective, str] = {"∧": "and", "∨": "or", "⊕": "xor", "→": "=>", "↔": "="}
Bound = Mapping[str, str]  # bound variables to SMT-LIB terms


def number_symbols(formulas: Sequence[Formula]) -> dict[Symbol, str]:
    """Number the symbols: p0, p1, … for predicates, f0, f1, … for functions and constants."""
    return {symbol: f"{symbol.kind[0]}{n}" for n, symbol in enumerate(symbols(*formulas))}


def script(formulas: Sequence[Formula]) -> str:
    """Declarations, then one assertion per formula."""
    names = number_symbols(formulas)
    writer = _Writer(names, ())
    assertions = [f"(assert {writer.write(formula, {})})" for formula in formulas]
    parts = [*_declarations(names), *_number_axioms(names), *assertions]
    return "\n".join(["(declare-sort T 0)", *parts])


def finite_script(formulas: Sequence[Formula], size: int) -> str | None:
    """`script` over `size` things e0, e1, …, all quantifiers expanded; None if it is too long."""
    if sum(_expanded_nodes(formula, size) for formula in formulas) > LARGEST_SCRIPT:
        return None
    names = number_symbols(formulas)
    things = tuple(f"e{number}" for number in range(size))
    sort = f"(declare-datatypes ((T 0)) (({' '.join(f'({thing})' for thing in things)})))"
    writer = _Writer(names, things)
    assertions = [f"(assert {writer.write(formula, {})})" for formula in formulas]
    symmetry = _symmetry_breaking(names, things)
    axioms = [*symmetry, *_number_axioms(names)]
    return "\n".join([sort, *_declarations(names), *axioms, *assertions])


def _unused(bound: Bound) -> str:
    """A variable that no quantifier around uses; a shadowed one still counts."""
    number = len(bound)
    while f"v{number}" in bound.values():
        number += 1
    return f"v{number}"


def _declarations(names: Mapping[Symbol, str]) -> list[str]:
    return [
        f"(declare-fun {name} ({' '.join(['T'] * symbol.arity)}) "
        f"{'Bool' if symbol.kind == 'predicate' else 'T'})"
        for symbol, name in names.items()
    ]


def count_numbers(formulas: Sequence[Formula]) -> int:
    """How many different numbers the formulas name."""
    return len(_numbers(number_symbols(formulas)))


def _numbers(names: Mapping[Symbol, str]) -> dict[Fraction, list[str]]:
    """The names of the constants that are numbers, by value."""
    by_value: dict[Fraction, list[str]] = {}
    for symbol, name in names.items():
        if symbol[::2] == ("function", 0) and (value := number_value(symbol.name)) is not None:
            by_value.setdefault(value, []).append(name)
    return by_value


def _number_axioms(names: Mapping[Symbol, str]) -> list[str]:
    by_value = _numbers(names).values()
    equal = [f"(assert (= {' '.join(same)}))" for same in by_value if len(same) > 1]
    different = f"(assert (distinct {' '.join(same[0] for same in by_value)}))"
    return [*equal, different] if len(by_value) > 1 else equal


def _symmetry_breaking(names: Mapping[Symbol, str], things: Sequence[str]) -> list[str]:
    """Assert that the n-th constant is one of the first n things.

    Things are interchangeable, so this excludes only isomorphic copies of models.
    """
    constants = [n for symbol, n in names.items() if (symbol.kind, symbol.arity) == ("function", 0)]
    return [
        f"(assert (or {' '.join(f'(= {name} {thing})' for thing in things[: number + 1])} false))"
        for number, name in enumerate(constants[: len(things) - 1])
    ]


def _expanded_nodes(formula: Formula, size: int) -> int:
    match formula:
        case Quantified(body=body):
            return size * _expanded_nodes(body, size)
        case Binary(left=left, right=right):
            return 1 + _expanded_nodes(left, size) + _expanded_nodes(right, size)
        case Not(operand=operand):
            return 1 + _expanded_nodes(operand, size)
        case _:
            return 1


class _Writer:
    """Writes formulas; expands quantifiers over `things` if there are any."""

    def __init__(self, names: Mapping[Symbol, str], things: tuple[str, ...]) -> None:
        self._names, self._things = names, things

    def write(self, formula: Formula, bound: Bound) -> str:
        match formula:
            case Truth(value=value):
                return "true" if value else "false"
            case Atom(name=name, arguments=arguments):
                return self._application(
                    Symbol("predicate", name, len(arguments)), arguments, bound
                )
            case Equality(left=left, right=right):
                return f"(= {self._term(left, bound)} {self._term(right, bound)})"
            case Not(operand=operand):
                return f"(not {self.write(operand, bound)})"
            case Binary(connective=connective, left=left, right=right):
                first, second = self.write(left, bound), self.write(right, bound)
                return f"({_OPERATORS[connective]} {first} {second})"
            case Quantified() if self._things:
                return self._expanded(formula, bound)
            case Quantified(quantifier=quantifier, variable=variable, body=body):
                inner = _unused(bound)
                written = self.write(body, {**bound, variable: inner})
                return f"({'forall' if quantifier == '∀' else 'exists'} (({inner} T)) {written})"

    def _expanded(self, formula: Quantified, bound: Bound) -> str:
        each = [self.write(formula.body, {**bound, formula.variable: e}) for e in self._things]
        return f"({'and' if formula.quantifier == '∀' else 'or'} {' '.join(each)})"

    def _term(self, term: Term, bound: Bound) -> str:
        if isinstance(term, Variable):
            return bound[term.name]
        symbol = Symbol("function", term.name, len(term.arguments))
        return self._application(symbol, term.arguments, bound)

    def _application(self, symbol: Symbol, arguments: tuple[Term, ...], bound: Bound) -> str:
        name = self._names[symbol]
        if not arguments:
            return name
        return f"({name} {' '.join(self._term(argument, bound) for argument in arguments)})"
