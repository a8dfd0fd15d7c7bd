"""One name for one thing, across the formulas of a problem that people wrote.

Two symbols of the same kind and number of arguments are taken for one where their names differ in
capitals, accents and underscores only (`team` and `Team`, `shafaq_asiman` and `shafaqasiman`): in
FOLIO's training data each such pair is a slip, and labels are right only when they are one.

A name of the conclusion that no premise has is taken for the only name of the premises that
differs in one letter, or in two that are swapped, where both have six letters or more: not in the
first letter (Typical, Atypical), nor in the last two but for a plural (LocatedIn, LocatedOn), nor
in a digit (gpt_2, gpt_3), nor in the title of a name (mr_smith, mrs_smith).

Not here: names that are none (`toolsets.languages.formula.lenient`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from toolsets.languages.formula.syntax import Formula, Symbol, rename, symbols

SHORTEST = 6  # letters of a name in which one letter may be a slip

_NUMBER = re.compile(r"[\d.]+")


def unify(formulas: Sequence[Formula]) -> tuple[list[Formula], list[str]]:
    """The formulas with the first spelling of each name, and a sentence for each other one."""
    first: dict[tuple[str, int, str], str] = {}
    other: dict[Symbol, str] = {}
    for symbol in symbols(*formulas):
        kept = first.setdefault((symbol.kind, symbol.arity, plain(symbol.name)), symbol.name)
        if kept != symbol.name:
            other[symbol] = kept
    return [rename(formula, other) for formula in formulas], _sentences(other)


def mend_conclusion(premises: Sequence[Formula], conclusion: Formula) -> tuple[Formula, list[str]]:
    """The conclusion with names of the premises for slips, and a sentence for each."""
    known = symbols(*premises)
    other: dict[Symbol, str] = {}
    for symbol in symbols(conclusion):
        near = [k for k in known if k[::2] == symbol[::2] and one_slip(k.name, symbol.name)]
        if symbol not in known and len(near) == 1:
            other[symbol] = near[0].name
    return rename(conclusion, other), _sentences(other)


def plain(name: str) -> str:
    """The name without capitals, accents and underscores; a number as it is."""
    if _NUMBER.fullmatch(name):
        return name
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if letter.isalnum()) or name


def one_slip(one: str, other: str) -> bool:
    """Whether two names may be one, with one letter wrong, missing, added or swapped."""
    short, long = sorted((plain(one), plain(other)), key=len)
    if len(short) < SHORTEST or (short.startswith("mr") and long.startswith("mrs")):
        return False
    if long == f"{short}s":
        return True
    start = _common(short, long)
    end = _common(short[start:][::-1], long[start:][::-1])
    here, there = short[start : len(short) - end], long[start : len(long) - end]
    swapped = len(here) == 2 and here == there[::-1]
    if start == 0 or any(letter.isdigit() for letter in here + there):
        return False
    return end >= 1 if swapped else len(there) == 1 and end >= 2


def _common(one: str, other: str) -> int:
    """The number of letters that both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _sentences(other: Mapping[Symbol, str]) -> list[str]:
    return [f"{symbol.name} read as {kept}" for symbol, kept in other.items()]
