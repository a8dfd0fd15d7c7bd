"""Checks of a formula for what may be read in two ways, and free variables.

Not here: the parser (`toolsets.languages.formula.parser`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from toolsets.languages.formula.syntax import (
    Atom,
    Binary,
    Equality,
    Formula,
    Function,
    Not,
    Quantified,
    Quantifier,
    Term,
    Truth,
    Variable,
    bound_variables,
    symbols,
)
from toolsets.languages.formula.tokens import FormulaError, Token

_GROUPED = re.compile(r"(?<![\w.])\d{1,3}(,\d{3})+(?![\w.])")


def check_numbers(text: str) -> None:
    """Raise FormulaError for 1,200, which may be one number or two arguments."""
    if grouped := _GROUPED.search(text):
        one, several = (grouped.group().replace(",", sign) for sign in ("", ", "))
        reason = f"{grouped.group()} may be one number or several; write {one} or {several}"
        raise FormulaError(reason, grouped.start() + 1)


def check_arrows(tokens: list[Token]) -> None:
    """Raise FormulaError if ← and another arrow stand side by side without parentheses."""
    last = [""]  # arrow in each open parenthesis
    for token in tokens:
        match token.sign:
            case "(":
                last.append("")
            case ")":
                last = last[:-1] or [""]
            case "," | "↔":
                last[-1] = ""
            case "←" | "→":
                if last[-1] and "←" in (last[-1], token.sign):
                    reason = f"{last[-1]} and {token.sign} side by side may be grouped in two ways"
                    raise FormulaError(f"{reason}; write parentheses", token.column)
                last[-1] = token.sign


def check_kinds(formula: Formula, tokens: list[Token]) -> None:
    """Raise FormulaError if one name is a predicate and also a constant, function or variable."""
    used = symbols(formula)
    predicates = {symbol.name for symbol in used if symbol.kind == "predicate"}
    others = {symbol.name for symbol in used if symbol.kind == "function"}
    if both := predicates & (others | bound_variables(formula)):
        token = next(token for token in tokens if token.sign in both)
        raise FormulaError(two_uses(token.sign), token.column)


def two_uses(name: str) -> str:
    """The reason why a name that is a predicate and also a thing is refused."""
    choice = "use two names, or join formulas by ∧ or ↔ instead of nesting or equating them"
    return f"{name} is used both as a predicate and as a thing; {choice}"


def shared_names(formulas: Sequence[Formula]) -> list[str]:
    """The names that are predicates and also constants or functions."""
    used = symbols(*formulas)
    things = {symbol.name for symbol in used if symbol.kind == "function"}
    return sorted({symbol.name for symbol in used if symbol.kind == "predicate"} & things)


def outside_scope(token: Token, quantifier: Quantifier) -> FormulaError:
    if token.is_quoted:
        reason = f"{token.text} is a constant, but {token.sign} is also a variable; rename one"
        return FormulaError(reason, token.column)
    reason = f"{token.text} is outside of its quantifier; put the whole scope in parentheses"
    return FormulaError(f"{reason}: {quantifier}{token.text} (…)", token.column)


def set_free(formula: Formula, free: frozenset[str]) -> Formula:
    """Read the constants whose names are in `free` as variables."""
    match formula:
        case Atom(name=name, arguments=arguments):
            return Atom(name, tuple(_set_free_in(term, free) for term in arguments))
        case Equality(left=left, right=right):
            return Equality(_set_free_in(left, free), _set_free_in(right, free))
        case Not(operand=operand):
            return Not(set_free(operand, free))
        case Binary(connective=connective, left=left, right=right):
            return Binary(connective, set_free(left, free), set_free(right, free))
        case Quantified(quantifier=quantifier, variable=variable, body=body):
            return Quantified(quantifier, variable, set_free(body, free))
        case Truth():
            return formula


def _set_free_in(term: Term, free: frozenset[str]) -> Term:
    if isinstance(term, Variable) or (not term.arguments and term.name in free):
        return Variable(term.name)
    return Function(term.name, tuple(_set_free_in(part, free) for part in term.arguments))
