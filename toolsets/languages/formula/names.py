"""Unify the spellings of names across the formulas of a problem in a data file.

Two symbols of the same kind and number of arguments are merged if their names differ only in
capitals, accents and underscores (`team` and `Team`, `shafaq_asiman` and `shafaqasiman`): in
FOLIO's training data each such pair is a typo, and the labels are correct only after merging.

A name of the conclusion that no premise uses is replaced by a name of the premises if exactly one
of them differs from it by one letter or by two swapped letters and both have six letters or more.
Differences that do not count as typos: in the first letter (Typical, Atypical), in the last two
letters except a plural s (LocatedIn, LocatedOn), in a digit (gpt_2, gpt_3), and in a title
(mr_smith, mrs_smith).

Not here: names with invalid characters (`toolsets.languages.formula.repairs`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from toolsets.languages.formula.syntax import Formula, Symbol, rename, symbols

SHORTEST = 6  # letters; shorter names are never compared for typos

_NUMBER = re.compile(r"[\d.]+")


def unify(formulas: Sequence[Formula]) -> tuple[list[Formula], list[str]]:
    """Rename all spellings of a name to the first one; return the formulas and a warning each."""
    first: dict[tuple[str, int, str], str] = {}
    renamed: dict[Symbol, str] = {}
    for symbol in symbols(*formulas):
        name = first.setdefault((symbol.kind, symbol.arity, plain(symbol.name)), symbol.name)
        if name != symbol.name:
            renamed[symbol] = name
    return [rename(formula, renamed) for formula in formulas], _warnings(renamed)


def repair_conclusion(
    premises: Sequence[Formula], conclusion: Formula
) -> tuple[Formula, list[str]]:
    """Replace typos in the conclusion by names of the premises, with a warning for each."""
    known = symbols(*premises)
    renamed: dict[Symbol, str] = {}
    for symbol in symbols(conclusion):
        near = [k for k in known if k[::2] == symbol[::2] and is_typo(k.name, symbol.name)]
        if symbol not in known and len(near) == 1:
            renamed[symbol] = near[0].name
    return rename(conclusion, renamed), _warnings(renamed)


def plain(name: str) -> str:
    """Normalize a name: no capitals, accents or underscores; a number stays unchanged."""
    if _NUMBER.fullmatch(name):
        return name
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if letter.isalnum()) or name


def is_typo(one: str, other: str) -> bool:
    """Whether two names differ by one letter changed, missing or added, or by two swapped."""
    short, long = sorted((plain(one), plain(other)), key=len)
    if len(short) < SHORTEST or (short.startswith("mr") and long.startswith("mrs")):
        return False
    if long == f"{short}s":
        return True
    start = _common_prefix(short, long)
    end = _common_prefix(short[start:][::-1], long[start:][::-1])
    short_rest, long_rest = short[start : len(short) - end], long[start : len(long) - end]
    swapped = len(short_rest) == 2 and short_rest == long_rest[::-1]
    if start == 0 or any(letter.isdigit() for letter in short_rest + long_rest):
        return False
    return end >= 1 if swapped else len(long_rest) == 1 and end >= 2


def _common_prefix(one: str, other: str) -> int:
    """The length of the common prefix."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _warnings(renamed: Mapping[Symbol, str]) -> list[str]:
    return [f"{symbol.name} read as {name}" for symbol, name in renamed.items()]
