"""Parse the formulas of a call, strictly, with error messages for the model.

What a model wrote is not repaired into another meaning. `entails` and `consistent` skip an empty
premise and close one final parenthesis, with a warning; anything else that cannot be read is an
error, with a suggestion where one keeps the meaning.

Not here: the parsers (`toolsets.languages.formula`), formulas of data files
(`toolsets.languages.formula.lenient`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator

from toolsets.errors import LimitExceeded
from toolsets.languages.formula.checks import shared_names, two_uses
from toolsets.languages.formula.lenient import FREE, arity_warnings
from toolsets.languages.formula.names import plain
from toolsets.languages.formula.parser import parse, parse_term
from toolsets.languages.formula.suggestions import close, suggest
from toolsets.languages.formula.syntax import Formula, Term, names, render, symbols
from toolsets.languages.formula.tokens import FormulaError, FormulaTooLarge

MOST_FORMULAS = 200  # in one call

Formulas = Annotated[
    list[str], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)
]
"""The type of a parameter for a list of formulas; a text is a list of one formula."""


def read_formula(text: str, name: str = "") -> Formula:
    """Parse the argument `name`.

    Raises ValueError with its name, the column and a suggested correction, or FormulaTooLarge.
    """
    try:
        return parse(text)
    except FormulaTooLarge:
        raise
    except FormulaError as error:
        place = f"{name}, " if name else ""
        raise ValueError(f"{place}{error}{_suggestion(text)}") from None


def read_formulas(texts: Sequence[str], name: str) -> list[Formula]:
    """Parse a list of formulas, each called `name` and its number; raises as `read_formula`."""
    _check_number(texts)
    read = [read_formula(text, f"{name} {number}") for number, text in enumerate(texts, 1)]
    check_names(read)
    return read


def read_pair(first: str, second: str, first_name: str, second_name: str) -> list[Formula]:
    """Parse two arguments; raises as `read_formula`, also for a name used in two ways."""
    read = [read_formula(first, first_name), read_formula(second, second_name)]
    check_names(read)
    return read


def read_query(
    premises: Sequence[str], conclusion: str = "", name: str = "premise"
) -> tuple[list[Formula], Formula | None, list[str]]:
    """Parse premises and a conclusion, closing a final parenthesis; also return warnings.

    Raises as `read_formula` if a formula that is not empty cannot be read.
    """
    _check_number(premises)
    warnings: list[str] = []
    known: list[Formula] = []
    for number, text in enumerate(premises, 1):
        if text.strip():
            known.append(_read_or_close(text, f"{name} {number}", warnings))
        else:
            warnings.append(f"{name} {number}: empty; the formula is left out")
    asked = _read_or_close(conclusion, "conclusion", warnings) if conclusion else None
    formulas = [*known, asked] if asked else known
    check_names(formulas)
    return known, asked, [*warnings, *ambiguities(formulas)]


def read_term(text: str, formula: Formula) -> Term:
    """Parse a term to put into `formula`; raises ValueError."""
    term = parse_term(text)
    predicates = {symbol.name for symbol in symbols(formula) if symbol.kind == "predicate"}
    if both := sorted(predicates & names(term)):
        raise ValueError(two_uses(both[0]))
    return term


def check_names(formulas: Sequence[Formula]) -> None:
    """Raise ValueError if one name is a predicate and also a constant or function."""
    if both := shared_names(formulas):
        raise ValueError(two_uses(both[0]))


def ambiguities(formulas: Sequence[Formula]) -> list[str]:
    """Warnings for valid formulas that may not mean what their author intended."""
    return [
        *arity_warnings(formulas),
        *_spelling_warnings(formulas),
        *_unbound_warnings(formulas),
    ]


def with_warnings(answer: str, warnings: Sequence[str]) -> str:
    """The answer on the first line, then each warning on its own line."""
    return "\n".join([answer, *(f"Warning: {warning}" for warning in warnings)])


def _check_number(texts: Sequence[str]) -> None:
    if len(texts) > MOST_FORMULAS:
        raise LimitExceeded(
            f"{len(texts)} formulas are too many; at most {MOST_FORMULAS} are allowed"
        )


def _read_or_close(text: str, name: str, warnings: list[str]) -> Formula:
    try:
        return read_formula(text, name)
    except FormulaTooLarge:
        raise
    except ValueError:
        closed = close(text)
        if closed is None:
            raise
    warnings.append(f"{name}: 1 ) missing; added at the end")
    return closed


def _suggestion(text: str) -> str:
    suggested = suggest(text)
    return f"; did you mean {render(suggested)}?" if suggested else ""


def _spelling_warnings(formulas: Sequence[Formula]) -> list[str]:
    spellings: dict[tuple[str, int, str], list[str]] = {}
    for symbol in symbols(*formulas):
        spellings.setdefault((symbol.kind, symbol.arity, plain(symbol.name)), []).append(
            symbol.name
        )
    return [
        f"{' and '.join(names)} are different names" for names in spellings.values() if names[1:]
    ]


def _unbound_warnings(formulas: Sequence[Formula]) -> list[str]:
    constants = {symbol.name for symbol in symbols(*formulas) if symbol.kind == "function"}
    unbound = sorted(constants & FREE)
    return [f"{name} is not bound by a quantifier, so it is a constant" for name in unbound]
