"""A Z3 expression with its kind, and how kinds are called in messages."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

from toolsets.constraints.domains import Kind

SAID = {"whole": "number", "real": "number", "truth": "statement", "name": "name"}
COMPARE = {
    **{"=": operator.eq, "≠": operator.ne, "<": operator.lt},
    **{"≤": operator.le, ">": operator.gt, "≥": operator.ge},
}


class Term(NamedTuple):
    """A Z3 expression and what kind of thing it stands for."""

    kind: Kind
    z3: Any
