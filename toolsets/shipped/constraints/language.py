"""The functions and reserved words of constraints, and the parser of lists of constraints.

    x + y = 10        x != y        a -> not b        1 <= x < y        x in [1, 3, 5]
    if a then b       x not in [1, 2]       x in range(1, 10)       city = New York
    distinct(a, b, c)      sum(x, y) <= 9      count(a, b, c) = 2      exactly(2, a, b, c)
    abs(x - y) = 1         apart(2, x, y, z): any two of x, y, z differ by at least 2

Not here: translation to Z3 (`toolsets.shipped.constraints.model`).
"""

from __future__ import annotations

import re

from toolsets.errors import LimitExceeded, shorten
from toolsets.languages.expression import Arity, Language, Tree, read
from toolsets.languages.expression.tree import check_chain

MOST_CONSTRAINTS = 300

LONGEST_QUOTE = 80  # characters of a constraint in an error

_GROUPED = re.compile(r"(?<![\w.])\d{1,3}(?:,\d{3})+(?![\w,])")
_SOME = Arity(1, 1_000)
LANGUAGE: Language = {
    **dict.fromkeys(("abs", "floor", "ceil"), Arity(1, 1)),
    **dict.fromkeys(("mod", "div", "pow"), Arity(2, 2)),
    "round": Arity(1, 1),
    "range": Arity(1, 3),
    **dict.fromkeys(("sum", "min", "max", "distinct", "all_different", "count"), _SOME),
    **dict.fromkeys(("alldistinct", "allunique"), _SOME),
    **dict.fromkeys(("exactly", "at_least", "at_most", "apart"), Arity(2, 1_000)),
}
WORDS = frozenset(
    (
        *("and", "or", "not", "xor", "iff", "implies", "in", "mod", "if", "then", "else", "of"),
        *("percent", "true", "false"),
    )
)


def read_constraints(value: object) -> list[tuple[str, Tree]]:
    """Parse constraints from a list of texts or one text with commas or semicolons.

    Returns each constraint's text and tree.
    """
    texts = value if isinstance(value, list) else [value]
    pieces = [piece for text in texts for piece in _pieces(text)]
    if len(pieces) > MOST_CONSTRAINTS:
        raise LimitExceeded(f"there are more than {MOST_CONSTRAINTS} constraints")
    return [(piece, _read(piece, number)) for number, piece in enumerate(pieces, 1)]


def read_formula(value: object) -> tuple[str, Tree]:
    """Parse one constraint or quantity; returns its text and tree."""
    pieces = _pieces(value)
    if len(pieces) != 1:
        raise ValueError(f"expected one expression, got {len(pieces)}")
    return pieces[0], read(pieces[0], LANGUAGE, phrases=True)


def within(text: str, number: int) -> str:
    """The start of an error in one of several constraints."""
    return f"constraint {number}, {shorten(text, LONGEST_QUOTE)!r}: "


def _read(text: str, number: int) -> Tree:
    try:
        tree = read(text, LANGUAGE, phrases=True)
        check_chain(tree)
        return tree
    except LimitExceeded:
        raise
    except ValueError as error:
        raise ValueError(f"{within(text, number)}{error}") from None


def _pieces(value: object) -> list[str]:
    """Split a text at commas, semicolons and line ends outside of brackets."""
    if isinstance(value, bool | list | dict) or value is None:
        raise ValueError("expected constraints as text")
    if match := _GROUPED.search(str(value)):
        plain, apart = match.group().replace(",", ""), match.group().replace(",", ", ")
        reason = f"the comma in {match.group()} can be read in two ways; write {plain} or {apart}"
        raise ValueError(reason)
    depth, parts = 0, [""]
    for character in str(value):
        depth += (character in "([{") - (character in ")]}")
        if character in ",;\n" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return _with_then([part.strip() for part in parts if part.strip()])


def _with_then(parts: list[str]) -> list[str]:
    """Join `if a` and `then b`, which a comma may separate."""
    joined: list[str] = []
    for part in parts:
        if joined and part.lower().startswith(("then ", "else ")):
            joined[-1] += f" {part}"
        else:
            joined.append(part)
    return joined
