"""Formulas as SMT-LIB text, which Z3 reads: one sort of things, never empty, equality as such.

    script([forall x (Cat(x) → Furry(x))])            with quantifiers, over any number of things
    finite_script([forall x (Cat(x) → Furry(x))], 2)  without, over exactly two things

Names are numbered (`p0`, `f1`), so that nothing written in a formula can mean something to Z3.

Not here: asking Z3 (`toolsets.shipped.logic.solver`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    symbols,
)

LARGEST_SCRIPT = 50_000  # nodes of formulas written out over finitely many things

_OPERATORS: dict[Connective, str] = {"∧": "and", "∨": "or", "⊕": "xor", "→": "=>", "↔": "="}
Bound = Mapping[str, str]


def number_symbols(formulas: Sequence[Formula]) -> dict[Symbol, str]:
    """A name for each symbol: p for predicates, f for functions and constants."""
    return {symbol: f"{symbol.kind[0]}{n}" for n, symbol in enumerate(symbols(*formulas))}


def script(formulas: Sequence[Formula]) -> str:
    """Declarations, then one assertion per formula."""
    names = number_symbols(formulas)
    writer = _Writer(names, ())
    written = [f"(assert {writer.write(formula, {})})" for formula in formulas]
    return "\n".join(["(declare-sort T 0)", *_declarations(names), *written])


def finite_script(formulas: Sequence[Formula], size: int) -> str | None:
    """The same over things e0, e1, …, each quantifier written out; None where that is too long."""
    if sum(_written_nodes(formula, size) for formula in formulas) > LARGEST_SCRIPT:
        return None
    names = number_symbols(formulas)
    things = tuple(f"e{number}" for number in range(size))
    sort = f"(declare-datatypes ((T 0)) (({' '.join(f'({thing})' for thing in things)})))"
    writer = _Writer(names, things)
    written = [f"(assert {writer.write(formula, {})})" for formula in formulas]
    return "\n".join([sort, *_declarations(names), *_without_twins(names, things), *written])


def _declarations(names: Mapping[Symbol, str]) -> list[str]:
    return [
        f"(declare-fun {name} ({' '.join(['T'] * symbol.arity)}) "
        f"{'Bool' if symbol.kind == 'predicate' else 'T'})"
        for symbol, name in names.items()
    ]


def _without_twins(names: Mapping[Symbol, str], things: Sequence[str]) -> list[str]:
    """The n-th constant is one of the first n things: things are alike, so no model is lost."""
    constants = [n for symbol, n in names.items() if (symbol.kind, symbol.arity) == ("function", 0)]
    return [
        f"(assert (or {' '.join(f'(= {name} {thing})' for thing in things[: number + 1])} false))"
        for number, name in enumerate(constants[: len(things) - 1])
    ]


def _written_nodes(formula: Formula, size: int) -> int:
    match formula:
        case Quantified(body=body):
            return size * _written_nodes(body, size)
        case Binary(left=left, right=right):
            return 1 + _written_nodes(left, size) + _written_nodes(right, size)
        case Not(operand=operand):
            return 1 + _written_nodes(operand, size)
        case _:
            return 1


class _Writer:
    """Writes formulas; where `things` are given, a quantifier is written out over them."""

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
                return self._written_out(formula, bound)
            case Quantified(quantifier=quantifier, variable=variable, body=body):
                inner = f"v{len(bound)}"
                written = self.write(body, {**bound, variable: inner})
                return f"({'forall' if quantifier == '∀' else 'exists'} (({inner} T)) {written})"

    def _written_out(self, formula: Quantified, bound: Bound) -> str:
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
