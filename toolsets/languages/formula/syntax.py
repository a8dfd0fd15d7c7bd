"""The syntax tree of first-order logic with equality: nodes, rendering, substitution.

    render(Quantified("∀", "x", Binary("→", Atom("Cat", (x,)), Atom("Furry", (x,)))))
    '∀x (Cat(x) → Furry(x))'

A symbol is its kind (predicate or function), its name and its number of arguments: the `Loves` of
`Loves(a)` and that of `Loves(a, b)` are different symbols. A constant is a function without
arguments. Two constants may denote the same thing, but numbers are equal only if their values are.

Not here: parsing (`toolsets.languages.formula.parser`), entailment
(`toolsets.shipped.logic.solver`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

_NUMBER = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?")

Connective = Literal["∧", "∨", "⊕", "→", "↔"]
Quantifier = Literal["∀", "∃"]

BINDING: dict[Connective, int] = {"↔": 1, "→": 2, "⊕": 3, "∨": 4, "∧": 5}  # larger is tighter
ASSOCIATIVE = ("∧", "∨", "⊕", "↔")  # written without parentheses when nested to the left


@dataclass(frozen=True, slots=True)
class Variable:
    """A name bound by a quantifier around it."""

    name: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function applied to terms; without arguments a constant."""

    name: str
    arguments: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Truth:
    """⊤ or ⊥."""

    value: bool


@dataclass(frozen=True, slots=True)
class Atom:
    """A predicate applied to terms; without arguments a proposition."""

    name: str
    arguments: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Equality:
    left: Term
    right: Term


@dataclass(frozen=True, slots=True)
class Not:
    operand: Formula


@dataclass(frozen=True, slots=True)
class Binary:
    connective: Connective
    left: Formula
    right: Formula


@dataclass(frozen=True, slots=True)
class Quantified:
    quantifier: Quantifier
    variable: str
    body: Formula


Term = Variable | Function
Formula = Truth | Atom | Equality | Not | Binary | Quantified
Node = Term | Formula


class Symbol(NamedTuple):
    """A predicate or function: its name and its number of arguments."""

    kind: Literal["predicate", "function"]
    name: str
    arity: int


def render(node: Node) -> str:
    """The text of a formula or term in FOLIO's notation, with no more parentheses than needed."""
    match node:
        case Truth(value=value):
            return "⊤" if value else "⊥"
        case Variable(name=name):
            return name
        case Function(name=name, arguments=arguments) | Atom(name=name, arguments=arguments):
            return f"{name}({', '.join(map(render, arguments))})" if arguments else name
        case Equality(left=left, right=right):
            return f"{render(left)} = {render(right)}"
        case Not(operand=operand):
            return f"¬{_operand(operand)}"
        case Quantified(quantifier=quantifier, variable=variable, body=body):
            return f"{quantifier}{variable} {_operand(body)}"
        case Binary(connective=connective, left=left, right=right):
            associative = connective in ASSOCIATIVE
            first = _side(left, connective, same=associative)
            return f"{first} {connective} {_side(right, connective, same=not associative)}"


def children(node: Node) -> tuple[Node, ...]:
    """The formulas and terms directly below a node."""
    match node:
        case Function(arguments=arguments) | Atom(arguments=arguments):
            return arguments
        case Equality(left=left, right=right) | Binary(left=left, right=right):
            return left, right
        case Not(operand=below) | Quantified(body=below):
            return (below,)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield all nodes in preorder, left to right; iterative, so any depth works."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))


def depth(node: Node) -> int:
    """The number of nodes on the longest path down; iterative, so any depth works."""
    deepest, level = 0, [node]
    while level:
        deepest += 1
        level = [child for parent in level for child in children(parent)]
    return deepest


def symbols(*nodes: Node) -> list[Symbol]:
    """The distinct predicates and functions in order of first use."""
    distinct: dict[Symbol, None] = {}
    for part in (part for node in nodes for part in walk(node)):
        if isinstance(part, Atom):
            distinct[Symbol("predicate", part.name, len(part.arguments))] = None
        elif isinstance(part, Function):
            distinct[Symbol("function", part.name, len(part.arguments))] = None
    return list(distinct)


def number_value(name: str) -> Fraction | None:
    """The value of a constant such as 7 or 2.50; None for other names, also for 007."""
    return Fraction(name) if _NUMBER.fullmatch(name) else None


def free_variables(node: Node) -> set[str]:
    """The names of the variables that no quantifier in `node` binds."""
    if isinstance(node, Variable):
        return {node.name}
    free = {name for child in children(node) for name in free_variables(child)}
    return free - {node.variable} if isinstance(node, Quantified) else free


def bound_variables(node: Node) -> set[str]:
    """The names of the variables that a quantifier in `node` binds."""
    return {part.variable for part in walk(node) if isinstance(part, Quantified)}


def substitute(formula: Formula, values: dict[str, Term]) -> Formula:
    """Replace free variables by terms; bound variables are renamed to avoid capture."""
    match formula:
        case Truth():
            return formula
        case Atom(name=name, arguments=arguments):
            return Atom(name, tuple(substitute_term(term, values) for term in arguments))
        case Equality(left=left, right=right):
            return Equality(substitute_term(left, values), substitute_term(right, values))
        case Not(operand=operand):
            return Not(substitute(operand, values))
        case Binary(connective=connective, left=left, right=right):
            return Binary(connective, substitute(left, values), substitute(right, values))
        case Quantified(quantifier=quantifier, variable=variable, body=body):
            values = {k: v for k, v in values.items() if k in free_variables(formula)}
            taken = {name for term in values.values() for name in names(term)}
            fresh = variable if variable not in taken else fresh_name(variable, taken | names(body))
            inner = values if fresh == variable else values | {variable: Variable(fresh)}
            return Quantified(quantifier, fresh, substitute(body, inner))


def substitute_term(term: Term, values: dict[str, Term]) -> Term:
    """Replace the variables of a term by terms."""
    if isinstance(term, Variable):
        return values.get(term.name, term)
    return Function(term.name, tuple(substitute_term(part, values) for part in term.arguments))


def rename(formula: Formula, other: Mapping[Symbol, str]) -> Formula:
    """Rename symbols of `formula`; `other` maps each symbol to its new name."""
    match formula:
        case Atom(name=name, arguments=arguments):
            new = other.get(Symbol("predicate", name, len(arguments)), name)
            return Atom(new, tuple(rename_term(term, other) for term in arguments))
        case Equality(left=left, right=right):
            return Equality(rename_term(left, other), rename_term(right, other))
        case Not(operand=operand):
            return Not(rename(operand, other))
        case Binary(connective=connective, left=left, right=right):
            return Binary(connective, rename(left, other), rename(right, other))
        case Quantified(quantifier=quantifier, variable=variable, body=body):
            return Quantified(quantifier, variable, rename(body, other))
        case Truth():
            return formula


def rename_term(term: Term, other: Mapping[Symbol, str]) -> Term:
    """Rename functions and constants of `term`, as in `rename`."""
    if isinstance(term, Variable):
        return term
    new = other.get(Symbol("function", term.name, len(term.arguments)), term.name)
    return Function(new, tuple(rename_term(part, other) for part in term.arguments))


def names(node: Node) -> set[str]:
    """All names in `node`: variables, functions and predicates."""
    used = {part.name for part in walk(node) if isinstance(part, Variable | Function | Atom)}
    return used | bound_variables(node)


def fresh_name(name: str, taken: set[str]) -> str:
    """`name` with the smallest number, from 1, that gives a name not in `taken`."""
    number = 1
    while f"{name}{number}" in taken:
        number += 1
    return f"{name}{number}"


def same(left: Formula, right: Formula) -> bool:
    """Whether two formulas are equal up to the names of their bound variables."""
    return _numbered(left) == _numbered(right)


def _numbered(formula: Formula, level: int = 0) -> Formula:
    match formula:
        case Not(operand=operand):
            return Not(_numbered(operand, level))
        case Binary(connective=connective, left=left, right=right):
            return Binary(connective, _numbered(left, level), _numbered(right, level))
        case Quantified(quantifier=quantifier, variable=variable, body=body):
            name = f"#{level}"  # the parser reads no such name
            renamed = substitute(body, {variable: Variable(name)})
            return Quantified(quantifier, name, _numbered(renamed, level + 1))
        case _:
            return formula


def _operand(formula: Formula) -> str:
    text = render(formula)
    return f"({text})" if isinstance(formula, Binary | Equality) else text


def _side(formula: Formula, connective: Connective, same: bool) -> str:
    text = render(formula)
    if not isinstance(formula, Binary):
        return text
    tighter = BINDING[formula.connective] > BINDING[connective]
    return text if tighter or (same and formula.connective == connective) else f"({text})"
