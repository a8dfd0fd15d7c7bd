"""Repair the text and tokens of a formula in a data file before it is parsed.

Each repair adds a warning. Not here: repairs of quantifiers (`toolsets.languages.formula.lenient`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from toolsets.languages.formula.syntax import BINDING
from toolsets.languages.formula.tokens import Token

LAST_CLOSERS = 30  # candidates, from the end, for one surplus )

_BOUND = r"(?<![∀∃\w'\"])(?<![∀∃] )(?<!forall )(?<!exists )"  # not a variable: a dot may follow it
_ODD_NAME = re.compile(_BOUND + r"\w(?:[\w’'`]|\+(?!\w)|\.(?=\w)|-(?![>\s]))*(?:[\w’'`]|\+(?!\w))")
_SIGNS = {"^": "∧"}
_IN_NAMES = str.maketrans({"-": "_", ".": "_", "+": "_plus", "’": "", "'": "", "`": ""})
_FORMULA_STARTS = ("¬", "∀", "∃", "(", "⊤", "⊥")
_AND = Token("∧", "∧", 0)
_CLOSE = Token(")", ")", 0)


def repair_characters(text: str, warnings: list[str]) -> str:
    """Replace or drop characters that are not allowed; append a warning for each repair."""
    text = unicodedata.normalize("NFC", text)
    for sign, replacement in _SIGNS.items():
        if sign in text:
            warnings.append(f"{sign} read as {replacement}")
            text = text.replace(sign, replacement)
    if ending := re.search(r"[.;,\s]+$", text):
        if ending.group().strip():
            warnings.append(f"{ending.group().strip()} at the end left out")
        text = text[: ending.start()]
    return repair_names(text, warnings)


def repair_names(text: str, warnings: list[str]) -> str:
    """Replace signs within names, such as the - of tower-b; append a warning for each name."""
    odd = {name for name in _ODD_NAME.findall(text) if not name.replace("_", "a").isalnum()}
    for name in sorted(odd - {n for n in odd if re.fullmatch(r"\d+\.\d+", n)}, key=len)[::-1]:
        plain = name.translate(_IN_NAMES)
        warnings.append(f"{name} read as {plain}")
        text = re.sub(rf"(?<![\w.+’'-]){re.escape(name)}(?![\w+’'-])", plain, text)
    return text


def repair_gaps(tokens: list[Token], warnings: list[str]) -> list[Token]:
    """Join the words of a name; insert ∧ between formulas separated by a comma or by nothing."""
    repaired: list[Token] = []
    in_quantifier = False  # after a quantifier, in its list of variables
    in_arguments: list[bool] = []  # for each open parenthesis, whether it encloses arguments

    def has_arguments(place: int) -> bool:
        """Whether arguments follow the words that start at `place`."""
        return next(token.sign for token in tokens[place:] if not token.is_name) == "("

    for place, token in enumerate(tokens):
        last = repaired[-1] if repaired else None
        inside = bool(in_arguments) and in_arguments[-1]
        if inside and token.sign in BINDING:
            warnings.append(f"arguments not closed before {token.text}; closed there")
            repaired.append(_CLOSE)
            in_arguments.pop()
        if token.sign == "," and not inside and not in_quantifier:
            warnings.append(", between formulas read as ∧")
            token = _AND
        elif (
            token.is_name
            and last
            and last.is_name
            and not in_quantifier
            and (inside or has_arguments(place))
        ):
            warnings.append(f"{last.text} {token.text} read as one name")
            repaired.pop()
            token = Token(f"{last.text}_{token.text}", f"{last.text}_{token.text}", last.column)
        elif last and last.sign == ")" and (token.is_name or token.sign in _FORMULA_STARTS):
            warnings.append(f"no connective before {token.text}; read as ∧")
            repaired.append(_AND)
        if token.sign == "(":
            in_arguments.append(bool(last and last.is_name and not in_quantifier))
        elif token.sign == ")" and in_arguments:
            in_arguments.pop()
        in_quantifier = token.sign in ("∀", "∃") or (
            in_quantifier and (token.sign == "," or bool(last and last.sign in ("∀", "∃", ",")))
        )
        repaired.append(token)
    return repaired


def balance(tokens: list[Token]) -> Iterator[tuple[list[Token], tuple[str, ...]]]:
    """Yield repairs with as many ) as (, the most likely first, each with its warnings."""
    closers = [place for place, token in enumerate(tokens) if token.sign == ")"]
    surplus = len(closers) - sum(token.sign == "(" for token in tokens)
    if surplus == 0:
        yield tokens, ()
    elif surplus < 0:
        warning = f"{-surplus} ) missing; added at the end"
        yield [*tokens[:-1], *[_CLOSE] * -surplus, tokens[-1]], (warning,)
    elif surplus == 1:
        for place in closers[: -LAST_CLOSERS - 1 : -1]:
            yield _without(tokens, [place])
    else:
        yield _without(tokens, _unmatched_closers(tokens))
        yield _without(tokens, closers[-surplus:])


def _without(tokens: list[Token], dropped: list[int]) -> tuple[list[Token], tuple[str, ...]]:
    columns = " and ".join(str(tokens[place].column) for place in dropped)
    remaining = [token for place, token in enumerate(tokens) if place not in dropped]
    return remaining, (f"{len(dropped)} ) too many; removed at column {columns}",)


def _unmatched_closers(tokens: list[Token]) -> list[int]:
    """The indices of ) without a matching (."""
    places, opened = [], 0
    for place, token in enumerate(tokens):
        opened += (token.sign == "(") - (token.sign == ")")
        if opened < 0:
            places.append(place)
            opened = 0
    return places
