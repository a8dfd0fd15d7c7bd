"""Parse the formulas of a call, strictly, with error messages for the model.

`entails` and `consistent` are also called with formulas of data files. They repair formulas where
possible and add a warning for each repair (`read_query`).

Not here: the parsers (`toolsets.languages.formula`).
"""

from __future__ import annotations

from collections.abc import Sequence

from toolsets.errors import LimitExceeded
from toolsets.languages.formula.lenient import FREE, arity_warnings, parse_leniently, read_problem
from toolsets.languages.formula.names import plain
from toolsets.languages.formula.parser import FormulaError, FormulaTooLarge, parse, parse_term
from toolsets.languages.formula.syntax import Formula, Term, render, symbols

MOST_FORMULAS = 200  # in one call


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
    if len(texts) > MOST_FORMULAS:
        raise LimitExceeded(
            f"{len(texts)} formulas are too many; at most {MOST_FORMULAS} are allowed"
        )
    return [read_formula(text, f"{name} {number}") for number, text in enumerate(texts, 1)]


def read_query(
    premises: Sequence[str], conclusion: str = "", name: str = "premise"
) -> tuple[list[Formula], Formula | None, list[str]]:
    """Parse premises and a conclusion strictly, else leniently; also return warnings.

    Raises as `read_formula` if a formula that is not empty cannot be repaired.
    """
    try:
        known = read_formulas(premises, name)
        asked = read_formula(conclusion, "conclusion") if conclusion else None
    except (FormulaTooLarge, LimitExceeded):
        raise
    except ValueError:
        repaired = read_problem(premises, conclusion, name)
        empty = sum(not text.strip() for text in premises)
        if repaired.left_out > empty or (conclusion and repaired.conclusion is None):
            raise
        return repaired.premises, repaired.conclusion, list(repaired.warnings)
    return known, asked, ambiguities([*known, asked] if asked else known)


def read_term(text: str) -> Term:
    """Parse a term; raises FormulaError."""
    return parse_term(text)


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


def _suggestion(text: str) -> str:
    repaired = parse_leniently(text).formula
    return f"; did you mean {render(repaired)}?" if repaired else ""


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
