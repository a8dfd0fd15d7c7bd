"""Reading the formulas of a call: strictly, and with words for a model that wrote them wrongly.

What follows and what is consistent is asked of data as well, and there a formula that can be mended
is mended, and each mend said behind the answer (`read_question`).

Not here: the grammar (`parser`), reading data files (`lenient`).
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
    """The formula in the argument `name`; raises FormulaError, naming it, the column and a mend."""
    try:
        return parse(text)
    except FormulaTooLarge:
        raise
    except FormulaError as error:
        place = f"{name}, " if name else ""
        raise ValueError(f"{place}{error}{_suggestion(text)}") from None


def read_formulas(texts: Sequence[str], name: str) -> list[Formula]:
    """The formulas of a list, each called `name` and its number; raises as read_formula does."""
    if len(texts) > MOST_FORMULAS:
        raise LimitExceeded(f"{len(texts)} formulas are too many; at most {MOST_FORMULAS} can be")
    return [read_formula(text, f"{name} {number}") for number, text in enumerate(texts, 1)]


def read_question(
    premises: Sequence[str], conclusion: str = "", name: str = "premise"
) -> tuple[list[Formula], Formula | None, list[str]]:
    """The formulas of a question as they stand, else all of them mended; and what may be doubted.

    Raises as read_formula does, where even mending leaves a formula out that is not empty.
    """
    try:
        known = read_formulas(premises, name)
        asked = read_formula(conclusion, "conclusion") if conclusion else None
    except (FormulaTooLarge, LimitExceeded):
        raise
    except ValueError:
        mended = read_problem(premises, conclusion, name)
        empty = sum(not text.strip() for text in premises)
        if mended.left_out > empty or (conclusion and mended.conclusion is None):
            raise
        return mended.premises, mended.conclusion, list(mended.warnings)
    return known, asked, doubts([*known, asked] if asked else known)


def read_term(text: str) -> Term:
    """The term in `text`; raises FormulaError."""
    return parse_term(text)


def doubts(formulas: Sequence[Formula]) -> list[str]:
    """What may not be meant, a sentence each: it reads as it stands, all the same."""
    return [*arity_warnings(formulas), *_spelling_doubts(formulas), *_variable_doubts(formulas)]


def with_warnings(answer: str, warnings: Sequence[str]) -> str:
    """The answer on the first line, each warning on a line of its own."""
    return "\n".join([answer, *(f"Warning: {warning}" for warning in warnings)])


def _suggestion(text: str) -> str:
    mended = parse_leniently(text).formula
    return f"; did you mean {render(mended)}?" if mended else ""


def _spelling_doubts(formulas: Sequence[Formula]) -> list[str]:
    spelled: dict[tuple[str, int, str], list[str]] = {}
    for symbol in symbols(*formulas):
        spelled.setdefault((symbol.kind, symbol.arity, plain(symbol.name)), []).append(symbol.name)
    return [f"{' and '.join(names)} are different names" for names in spelled.values() if names[1:]]


def _variable_doubts(formulas: Sequence[Formula]) -> list[str]:
    constants = {symbol.name for symbol in symbols(*formulas) if symbol.kind == "function"}
    unbound = sorted(constants & FREE)
    return [f"{name} is bound by no quantifier, so it names one thing" for name in unbound]
