"""Reading formulas of data files, which people wrote: repaired where needed, each repair reported.

Repaired, in this order: signs that are none (`^`, `⟷`, `[`, a full stop at the end), names with `-
. + ’` or another sign within, several words in one name, a `,` or nothing between two formulas,
parentheses too many or too few, variables outside of their quantifier; then, over all formulas of a
problem, names that differ in capitals or by a slip (`toolsets.languages.formula.names`). A formula
that cannot be repaired is left out, and that is reported too.

A variable outside of its quantifier: first the quantifier is taken to reach to the end (`∀x A(x) →
B(x)`), then a quantifier that names the same variable twice is taken to mean the other (`∃x ∃x R(x,
y)`); what is free after that holds for all. Names from u to z are variables even where nothing
binds them. Behind ∀x, `∃y (A(x, y) → B(x))` is read as `∀y (…)`: taken literally it says next to
nothing, and in FOLIO's training data each such sentence means "whoever A, B". A predicate with two
numbers of arguments stays two predicates, and is reported.

Not here: formulas of a model, which are read as they stand (`toolsets.languages.formula.parser`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from toolsets.languages.formula.names import mend_conclusion, unify
from toolsets.languages.formula.parser import FormulaError, Token, read, tokenize
from toolsets.languages.formula.repairs import balance, mend_characters, mend_gaps
from toolsets.languages.formula.syntax import Binary, Formula, Quantified, free_variables, symbols

FREE = frozenset("uvwxyz")

_DOT = Token(".", ".", 0)


@dataclass(frozen=True, slots=True)
class Repaired:
    """A formula, None where it had to be left out, and what was done to read it.

    `error` says why it cannot be read, with the column.
    """

    formula: Formula | None
    warnings: tuple[str, ...]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """The formulas of a problem that could be read, and all that was done to read them.

    `left_out` counts the premises that could not.
    """

    premises: list[Formula]
    conclusion: Formula | None
    left_out: int
    warnings: tuple[str, ...]


class _Reading(NamedTuple):
    formula: Formula
    warnings: tuple[str, ...]


def parse_leniently(text: str) -> Repaired:
    """Read one formula of a data file; never raises."""
    if not text.strip():
        return Repaired(None, ("empty; the formula is left out",))
    warnings: list[str] = []
    try:
        tokens = tokenize(mend_characters(text, warnings))
        tokens = mend_gaps(tokens, warnings)
        reading = _read(tokens)
    except FormulaError as error:
        left_out = f"cannot be read ({error}); the formula is left out"
        return Repaired(None, (*warnings, left_out), str(error))
    return Repaired(reading.formula, (*warnings, *reading.warnings))


def read_problem(premises: Sequence[str], conclusion: str = "", name: str = "premise") -> Problem:
    """Read the formulas of one problem, and mend its names; never raises.

    Warnings call a premise `name` and its number.
    """
    *read_premises, last = [parse_leniently(text) for text in (*premises, conclusion)]
    kept = [repaired.formula for repaired in read_premises if repaired.formula]
    formulas, warnings = unify([*kept, last.formula] if last.formula else kept)
    concluded = formulas.pop() if last.formula else None
    if concluded:
        concluded, slips = mend_conclusion(formulas, concluded)
        warnings += slips
    where = [f"{name} {number}" for number in range(1, len(premises) + 1)]
    read_all = [*zip(where, read_premises, strict=True)]
    if conclusion:
        read_all.append(("conclusion", last))
    single = [f"{place}: {warning}" for place, one in read_all for warning in one.warnings]
    several = arity_warnings([*formulas, *([concluded] if concluded else [])])
    return Problem(formulas, concluded, len(premises) - len(kept), (*single, *warnings, *several))


def arity_warnings(formulas: Sequence[Formula]) -> list[str]:
    """A sentence for each predicate or function that comes with several numbers of arguments."""
    arities: dict[tuple[str, str], list[int]] = {}
    for symbol in symbols(*formulas):
        arities.setdefault((symbol.kind, symbol.name), []).append(symbol.arity)
    return [
        f"{name} comes with {' and '.join(map(str, sorted(counts)))} arguments;"
        f" these are different {kind}s"
        for (kind, name), counts in arities.items()
        if len(counts) > 1
    ]


def _read(tokens: list[Token]) -> _Reading:
    """The best of all readings: one without free variables, or the first one, closed."""
    readings = list(_readings(tokens))
    if not readings:
        read(tokens, FREE)  # says what is wrong
        raise FormulaError("its parentheses cannot be mended", 1)
    closed = (reading for reading in readings if not free_variables(reading.formula))
    return _widen(next(closed, None) or _close(readings[0]))


def _readings(tokens: list[Token]) -> Iterator[_Reading]:
    balanced = list(balance(tokens))
    for mend in (_as_it_stands, _reach_to_the_end, _name_the_other):
        for candidate, warnings in balanced:
            try:
                formula = read(candidate, FREE)
                changed, warning = mend(candidate, formula)
                formula = read(changed, FREE)
            except FormulaError:
                continue
            yield _Reading(formula, (*warnings, warning) if warning else warnings)


def _as_it_stands(tokens: list[Token], formula: Formula) -> tuple[list[Token], str]:
    return tokens, ""


def _reach_to_the_end(tokens: list[Token], formula: Formula) -> tuple[list[Token], str]:
    """A dot behind each row of quantifiers."""
    changed: list[Token] = []
    for place, token in enumerate(tokens):
        changed.append(token)
        behind = place > 0 and tokens[place - 1].sign in ("∀", "∃")
        if behind and tokens[place + 1].sign not in ("∀", "∃", ",", "."):
            changed.append(_DOT)
    names = ", ".join(sorted(free_variables(formula)))
    return changed, f"{names} outside of its quantifier, which is taken to reach to the end"


def _name_the_other(tokens: list[Token], formula: Formula) -> tuple[list[Token], str]:
    """`∃x ∃x` with one free variable y as `∃x ∃y`."""
    free = free_variables(formula)
    for first, name, second, again in zip(
        range(len(tokens)), tokens[1:], tokens[2:], tokens[3:], strict=False
    ):
        quantifiers = tokens[first].sign in ("∀", "∃") and second.sign in ("∀", "∃")
        if quantifiers and name.text == again.text and len(free) == 1:
            (other,) = free
            mended = Token(other, other, again.column)
            changed = [*tokens[: first + 3], mended, *tokens[first + 4 :]]
            return changed, f"{second.text}{name.text} a second time read as {second.text}{other}"
    return tokens, ""


def _close(reading: _Reading) -> _Reading:
    formula, warnings = reading
    free = sorted(free_variables(formula))
    for name in reversed(free):
        formula = Quantified("∀", name, formula)
    return _Reading(formula, (*warnings, f"{', '.join(free)} unbound; taken to hold for all"))


def _widen(reading: _Reading) -> _Reading:
    """`∀x ∃y (A(x, y) → B(x))` as `∀x ∀y (A(x, y) → B(x))`."""
    prefix: list[Quantified] = []
    body = reading.formula
    while isinstance(body, Quantified):
        prefix.append(body)
        body = body.body
    if not (isinstance(body, Binary) and body.connective == "→"):
        return reading
    about, formula, warnings = free_variables(body.left), body, list(reading.warnings)
    outermost = next((n for n, one in enumerate(prefix) if one.quantifier == "∀"), len(prefix))
    for place, one in reversed([*enumerate(prefix)]):
        quantifier, name = one.quantifier, one.variable
        if quantifier == "∃" and name in about and place > outermost:
            warnings.append(f"∃{name}, which the left side of → is about, read as ∀{name}")
            quantifier = "∀"
        formula = Quantified(quantifier, name, formula)
    return _Reading(formula, tuple(warnings))
