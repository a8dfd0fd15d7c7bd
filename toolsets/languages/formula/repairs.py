"""Mending the signs of a formula that people wrote, before it is read; each mend in a sentence.

Not here: what the signs say, as far as it needs mending (`toolsets.languages.formula.lenient`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from toolsets.languages.formula.parser import TOKEN, Token
from toolsets.languages.formula.syntax import BINDING

LAST_CLOSERS = 30  # one ) too many is looked for among so many

_BOUND = r"(?<![∀∃\w])(?<![∀∃] )(?<!forall )(?<!exists )"  # no variable, which a dot may follow
_ODD_NAME = re.compile(_BOUND + r"\w(?:[\w+’'`]|\.(?=\w)|-(?![>\s]))*[\w+’'`]")
_SIGNS = {"^": "∧", "⟷": "↔", "⟶": "→", "⟹": "→", "[": "(", "]": ")", "{": "(", "}": ")"}
_IN_NAMES = str.maketrans({"-": "_", ".": "_", "+": "_plus", "’": "", "'": "", "`": ""})
_OPENS = ("¬", "∀", "∃", "(", "⊤", "⊥")
_AND = Token("∧", "∧", 0)
_CLOSE = Token(")", ")", 0)


def mend_characters(text: str, warnings: list[str]) -> str:
    text = unicodedata.normalize("NFC", text)
    for sign, meant in _SIGNS.items():
        if sign in text:
            warnings.append(f"{sign} read as {meant}")
            text = text.replace(sign, meant)
    if ended := re.search(r"[.;,\s]+$", text):
        if ended.group().strip():
            warnings.append(f"{ended.group().strip()} at the end left out")
        text = text[: ended.start()]
    odd = {name for name in _ODD_NAME.findall(text) if not name.replace("_", "a").isalnum()}
    for name in sorted(odd - {n for n in odd if re.fullmatch(r"\d+\.\d+", n)}, key=len)[::-1]:
        plain = name.translate(_IN_NAMES)
        warnings.append(f"{name} read as {plain}")
        text = re.sub(rf"(?<![\w.+’'-]){re.escape(name)}(?![\w+’'-])", plain, text)
    return _mend_strays(text, warnings)


def _mend_strays(text: str, warnings: list[str]) -> str:
    """The text with _ for each sign that means nothing within a name, a space for any other."""
    mended, position = "", 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match or text[position].isspace():
            mended += match.group() if match else " "
        else:
            around = (text[position - 1 : position] + text[position + 1 : position + 2]).isalnum()
            warnings.append(f"{text[position]} {'read as _' if around else 'left out'}")
            mended += "_" if around else " "
        position = len(mended)
    return mended


def mend_gaps(tokens: list[Token], warnings: list[str]) -> list[Token]:
    """Join the words of a name; put ∧ where a comma or nothing stands between two formulas."""
    mended: list[Token] = []
    listing = False  # behind a quantifier, where names are variables
    in_arguments: list[bool] = []

    def named(place: int) -> bool:
        """Whether the words from here on are followed by arguments."""
        return next(token.sign for token in tokens[place:] if not token.is_name) == "("

    for place, token in enumerate(tokens):
        last = mended[-1] if mended else None
        inside = bool(in_arguments) and in_arguments[-1]
        if inside and token.sign in BINDING:
            warnings.append(f"arguments not closed before {token.text}; closed there")
            mended.append(_CLOSE)
            in_arguments.pop()
        if token.sign == "," and not inside and not listing:
            warnings.append(", between formulas read as ∧")
            token = _AND
        elif token.is_name and last and last.is_name and not listing and (inside or named(place)):
            warnings.append(f"{last.text} {token.text} read as one name")
            mended.pop()
            token = Token(f"{last.text}_{token.text}", f"{last.text}_{token.text}", last.column)
        elif last and last.sign == ")" and (token.is_name or token.sign in _OPENS):
            warnings.append(f"no connective before {token.text}; read as ∧")
            mended.append(_AND)
        if token.sign == "(":
            in_arguments.append(bool(last and last.is_name and not listing))
        elif token.sign == ")" and in_arguments:
            in_arguments.pop()
        listing = token.sign in ("∀", "∃") or (
            listing and (token.sign == "," or bool(last and last.sign in ("∀", "∃", ",")))
        )
        mended.append(token)
    return mended


def balance(tokens: list[Token]) -> Iterator[tuple[list[Token], tuple[str, ...]]]:
    """The tokens with as many ) as (, the likeliest repair first."""
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
        yield _without(tokens, _closing_nothing(tokens))
        yield _without(tokens, closers[-surplus:])


def _without(tokens: list[Token], dropped: list[int]) -> tuple[list[Token], tuple[str, ...]]:
    columns = " and ".join(str(tokens[place].column) for place in dropped)
    kept = [token for place, token in enumerate(tokens) if place not in dropped]
    return kept, (f"{len(dropped)} ) too many; that of column {columns} left out",)


def _closing_nothing(tokens: list[Token]) -> list[int]:
    """The places of ) that close nothing."""
    places, opened = [], 0
    for place, token in enumerate(tokens):
        opened += (token.sign == "(") - (token.sign == ")")
        if opened < 0:
            places.append(place)
            opened = 0
    return places
