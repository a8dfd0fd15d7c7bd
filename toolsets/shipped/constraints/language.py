"""The functions and reserved words of constraints, and the parser of lists of constraints.

    x + y = 10        x != y        a -> not b        1 <= x < y        x in [1, 3, 5]
    distinct(a, b, c)      sum(x, y) <= 9      count(a, b, c) = 2      exactly(2, a, b, c)
    abs(x - y) = 1         apart(2, x, y, z): any two of x, y, z differ by at least 2

Not here: translation to Z3 (`toolsets.shipped.constraints.model`).
"""

from __future__ import annotations

from toolsets.errors import LimitExceeded
from toolsets.languages.expression import Arity, Language, Tree, read

MOST_CONSTRAINTS = 300

_SOME = Arity(1, 1_000)
LANGUAGE: Language = {
    **dict.fromkeys(("abs", "floor", "ceil"), Arity(1, 1)),
    **dict.fromkeys(("mod", "div"), Arity(2, 2)),
    **dict.fromkeys(("sum", "min", "max", "distinct", "all_different", "count"), _SOME),
    **dict.fromkeys(("exactly", "at_least", "at_most", "apart"), Arity(2, 1_000)),
}
WORDS = frozenset(
    ("and", "or", "not", "xor", "iff", "implies", "in", "mod", "if", "else", "true", "false")
)


def read_constraints(value: object) -> list[tuple[str, Tree]]:
    """Parse constraints from a list of texts or one text with commas or semicolons.

    Returns each constraint's text and tree.
    """
    texts = value if isinstance(value, list) else [value]
    pieces = [piece for text in texts for piece in _pieces(text)]
    if len(pieces) > MOST_CONSTRAINTS:
        raise LimitExceeded(f"there are more than {MOST_CONSTRAINTS} constraints")
    return [(piece, read(piece, LANGUAGE)) for piece in pieces]


def read_formula(value: object) -> tuple[str, Tree]:
    """Parse one constraint or quantity; returns its text and tree."""
    formulas = read_constraints(value)
    if len(formulas) != 1:
        raise ValueError(f"expected one expression, got {len(formulas)}")
    return formulas[0]


def _pieces(value: object) -> list[str]:
    """Split a text at commas, semicolons and line ends outside of brackets."""
    if isinstance(value, bool | list | dict) or value is None:
        raise ValueError("expected constraints as text")
    depth, parts = 0, [""]
    for character in str(value):
        depth += (character in "([{") - (character in ")]}")
        if character in ",;\n" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]
