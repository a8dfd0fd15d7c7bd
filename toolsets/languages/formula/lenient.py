"""Lenient parser for the hand-written formulas of data files; each repair is reported.

Repairs, in this order: wrong signs (`^`, a full stop at the end), names that contain `- . ’` or end
in `+`, names of several words, a `,` or nothing between two formulas, surplus or
missing parentheses, variables outside of their quantifier; then, across all formulas of a problem,
names that differ in capitals or by a typo (`toolsets.languages.formula.names`). A formula that
cannot be repaired is left out with a warning; no other sign is ever dropped or replaced.

Variables outside of their quantifier are repaired in three steps. First, the scope of the
quantifier is extended to the end (`∀x A(x) → B(x)`). Second, if the same variable is quantified
twice, the second quantifier gets the free variable (`∃x ∃x R(x, y)`). Third, the remaining free
variables are universally quantified. Names from u to z are variables even if nothing binds them.

After ∀x, `∃y (A(x, y) → B(x))` is read as `∀y (…)`: the literal reading is almost always true, and
in FOLIO's training data each such sentence means that any y with A(x, y) implies B(x). A predicate
used with two numbers of arguments stays two predicates and is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from toolsets.languages.formula.names import repair_conclusion, unify
from toolsets.languages.formula.parser import body_starts, read
from toolsets.languages.formula.repairs import balance, repair_characters, repair_gaps
from toolsets.languages.formula.syntax import Binary, Formula, Quantified, free_variables, symbols
from toolsets.languages.formula.tokens import FormulaError, Token, tokenize

FREE = frozenset("uvwxyz")

_DOT = Token(".", ".", 0)


@dataclass(frozen=True, slots=True)
class Repaired:
    """A formula, or None if it cannot be read, and a warning for each repair.

    `error` is the reason why it cannot be read, with the column.
    """

    formula: Formula | None
    warnings: tuple[str, ...]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """The readable formulas of a problem and a warning for each repair.

    `left_out` counts the premises that cannot be read.
    """

    premises: list[Formula]
    conclusion: Formula | None
    left_out: int
    warnings: tuple[str, ...]


class _Reading(NamedTuple):
    formula: Formula
    warnings: tuple[str, ...]


def parse_leniently(text: str) -> Repaired:
    """Parse one formula of a data file; never raises."""
    if not text.strip():
        return Repaired(None, ("empty; the formula is left out",))
    warnings: list[str] = []
    try:
        tokens = tokenize(repair_characters(text, warnings))
        reading = _read(tokens if _is_readable(tokens) else repair_gaps(tokens, warnings))
    except FormulaError as error:
        left_out = f"cannot be read ({error}); the formula is left out"
        return Repaired(None, (*warnings, left_out), str(error))
    return Repaired(reading.formula, (*warnings, *reading.warnings))


def read_problem(premises: Sequence[str], conclusion: str = "", name: str = "premise") -> Problem:
    """Parse the formulas of one problem and unify their names; never raises.

    Warnings call a premise `name` and its number.
    """
    *parsed, last = [parse_leniently(text) for text in (*premises, conclusion)]
    readable = [repaired.formula for repaired in parsed if repaired.formula]
    formulas, name_warnings = unify([*readable, last.formula] if last.formula else readable)
    concluded = formulas.pop() if last.formula else None
    if concluded:
        concluded, typo_warnings = repair_conclusion(formulas, concluded)
        name_warnings += typo_warnings
    labels = [f"{name} {number}" for number in range(1, len(premises) + 1)]
    labelled = [*zip(labels, parsed, strict=True)]
    if conclusion:
        labelled.append(("conclusion", last))
    single = [f"{label}: {warning}" for label, one in labelled for warning in one.warnings]
    arities = arity_warnings([*formulas, *([concluded] if concluded else [])])
    left_out = len(premises) - len(readable)
    return Problem(formulas, concluded, left_out, (*single, *name_warnings, *arities))


def arity_warnings(formulas: Sequence[Formula]) -> list[str]:
    """A warning for each predicate or function used with several numbers of arguments."""
    arities: dict[tuple[str, str], list[int]] = {}
    for symbol in symbols(*formulas):
        arities.setdefault((symbol.kind, symbol.name), []).append(symbol.arity)
    return [
        f"{name} is used with {' and '.join(map(str, sorted(counts)))} arguments;"
        f" these are different {kind}s"
        for (kind, name), counts in arities.items()
        if len(counts) > 1
    ]


def _is_readable(tokens: list[Token]) -> bool:
    try:
        read(tokens, FREE)
    except FormulaError:
        return False
    return True


def _read(tokens: list[Token]) -> _Reading:
    """The first reading without free variables, else the first one, universally closed."""
    readings = list(_readings(tokens))
    if not readings:
        read(tokens, FREE)  # raises with the reason
        raise FormulaError("its parentheses cannot be repaired", 1)
    closed = (reading for reading in readings if not free_variables(reading.formula))
    return _widen(next(closed, None) or _close(readings[0]))


def _readings(tokens: list[Token]) -> Iterator[_Reading]:
    balanced = list(balance(tokens))
    for repair in (_unchanged, _extend_scope, _rename_second):
        for candidate, warnings in balanced:
            try:
                formula = read(candidate, FREE)
                changed, warning = repair(candidate, formula)
                formula = read(changed, FREE)
            except FormulaError:
                continue
            yield _Reading(formula, (*warnings, warning) if warning else warnings)


def _unchanged(tokens: list[Token], formula: Formula) -> tuple[list[Token], str]:
    return tokens, ""


def _extend_scope(tokens: list[Token], formula: Formula) -> tuple[list[Token], str]:
    """Insert a dot after the variables of each quantifier."""
    starts = body_starts(tokens)
    changed: list[Token] = []
    for place, token in enumerate(tokens):
        if place in starts and token.sign not in (".", ":", ",", "∀", "∃"):
            changed.append(_DOT)
        changed.append(token)
    names = ", ".join(sorted(free_variables(formula)))
    return changed, f"{names} outside of its quantifier, whose scope is extended to the end"


def _rename_second(tokens: list[Token], formula: Formula) -> tuple[list[Token], str]:
    """Read `∃x ∃x` with one free variable y as `∃x ∃y`."""
    free = free_variables(formula)
    for first, name, second, again in zip(
        range(len(tokens)), tokens[1:], tokens[2:], tokens[3:], strict=False
    ):
        quantifiers = tokens[first].sign in ("∀", "∃") and second.sign in ("∀", "∃")
        if quantifiers and name.text == again.text and len(free) == 1:
            (other,) = free
            renamed = Token(other, other, again.column)
            changed = [*tokens[: first + 3], renamed, *tokens[first + 4 :]]
            return changed, f"second {second.text}{name.text} read as {second.text}{other}"
    return tokens, ""


def _close(reading: _Reading) -> _Reading:
    """Quantify the free variables universally."""
    formula, warnings = reading
    free = sorted(free_variables(formula))
    for name in reversed(free):
        formula = Quantified("∀", name, formula)
    return _Reading(formula, (*warnings, f"{', '.join(free)} unbound; universally quantified"))


def _widen(reading: _Reading) -> _Reading:
    """Read `∀x ∃y (A(x, y) → B(x))` as `∀x ∀y (A(x, y) → B(x))`."""
    prefix: list[Quantified] = []
    body = reading.formula
    while isinstance(body, Quantified):
        prefix.append(body)
        body = body.body
    if not (isinstance(body, Binary) and body.connective == "→"):
        return reading
    in_condition, formula, warnings = free_variables(body.left), body, list(reading.warnings)
    outermost = next((n for n, one in enumerate(prefix) if one.quantifier == "∀"), len(prefix))
    for place, one in reversed([*enumerate(prefix)]):
        quantifier, name = one.quantifier, one.variable
        if quantifier == "∃" and name in in_condition and place > outermost:
            warnings.append(f"∃{name}, used on the left side of →, read as ∀{name}")
            quantifier = "∀"
        formula = Quantified(quantifier, name, formula)
    return _Reading(formula, tuple(warnings))
