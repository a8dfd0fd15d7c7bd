"""Resolve what tokens alone leave open: commas in numbers, words, letters before parentheses, %.

Each has one meaning or is refused:

    1,200 + 300     a number, where no comma can separate; refused in max(1,200) and in lists
    f(x), C(5, 2)   refused: neither a known function nor clearly a product such as x(x + 1)
    Let x + 3       refused: a word beside a name is no factor; in constraints one name, `New York`
    Abs(x)          a function in another case, where only one fits
"""

from __future__ import annotations

import re

from toolsets.errors import nearest
from toolsets.languages.expression import percent
from toolsets.languages.expression.tokens import (
    END,
    GROUPED,
    NAME,
    NUMBER,
    SIGN,
    ExpressionError,
    Token,
)
from toolsets.languages.expression.tree import GREEK, Language

_WORD = re.compile(r"[^\W\d_]{2,}")
_NOT_DECIMAL = re.compile(r"0[xXbBoO][0-9a-fA-F]+")
_COMBINATIONS = {"C": "for combinations write nCr(5, 2)", "P": "for permutations write n!/(n - k)!"}


def interpret(
    tokens: list[Token], language: Language, single: bool = True, phrases: bool = False
) -> list[Token]:
    """The tokens with one meaning each; raises ExpressionError where there are two.

    With `single`, no comma separates expressions; with `phrases`, words side by side are one name.
    """
    tokens = _numbers(tokens, single)
    if not single:
        _check_decimal_commas(tokens)
    tokens = _not_in([_function(tokens, k, language) for k in range(len(tokens))])
    tokens = _phrases(tokens) if phrases else tokens
    for place in range(1, len(tokens)):
        _check_neighbours(tokens[place - 1], tokens[place], language)
    return percent.resolve(tokens)


def is_word(name: str) -> bool:
    """Whether a name is more than a letter with an index: `cost`, not `x`, `x_1` or `theta`."""
    return bool(_WORD.search(name)) and name.lower() not in GREEK


def _numbers(tokens: list[Token], single: bool) -> list[Token]:
    """Numbers with thousands commas as plain numbers; refused where a comma may separate."""
    result, open_lists = [], [not single]
    for place, token in enumerate(tokens):
        if token.kind == SIGN and token.text in ("(", "[", "{"):
            before = tokens[place - 1] if place else token
            calls = before.kind == NAME or before.text in ("in", "if")
            open_lists.append(open_lists[-1] or token.text != "(" or calls)
        elif token.kind == SIGN and token.text in (")", "]", "}") and len(open_lists) > 1:
            open_lists.pop()
        if token.kind == GROUPED:
            if open_lists[-1] or token.text.startswith("0"):
                raise _comma(token)
            token = token._replace(kind=NUMBER, text=token.text.replace(",", ""))
        result.append(token)
    return result


def _check_decimal_commas(tokens: list[Token]) -> None:
    """Raise ExpressionError for 0,5x = 2: outside of lists, a comma between digits is unclear."""
    depth = 0
    for place, token in enumerate(tokens[:-1]):
        depth += _is(token, "(", "[", "{") - _is(token, ")", "]", "}")
        left, right = tokens[place - 1], tokens[place + 1]
        is_tight = not token.before and not right.before and place > 0
        if depth == 0 and token.written == "," and is_tight and left.kind == right.kind == NUMBER:
            both = f"{left.text},{right.text}"
            hint = f"write {left.text}.{right.text} or {left.text}, {right.text}"
            reason = f"the comma in {both} can be read in two ways; {hint}"
            raise ExpressionError(f"column {left.column}: {reason}")


def _comma(token: Token) -> ExpressionError:
    plain, apart = token.text.replace(",", ""), token.text.replace(",", ", ")
    reason = f"the comma in {token.text} can be read in two ways; write {plain} or {apart}"
    if token.text.startswith("0"):
        reason = f"the comma in {token.text} can be read in two ways; write a decimal point"
    return ExpressionError(f"column {token.column}: {reason}")


def _function(tokens: list[Token], place: int, language: Language) -> Token:
    """A name before a parenthesis: the function of that name, or of one that differs in case."""
    token, after = tokens[place], tokens[min(place + 1, len(tokens) - 1)]
    if token.kind == NAME and token.text.lower() == "mod" and not _has_comma(tokens, place + 1):
        return token._replace(kind=SIGN, text="%")  # 17 mod (2 + 3), not mod(17, 5)
    if token.kind != NAME or not _is(after, "(") or token.text in language:
        return token
    if len(token.text) == 1:
        _check_letter(tokens, place)
        return token
    key = token.text.lower().replace("_", "")
    same = [name for name in language if name.lower().replace("_", "") == key]
    if len(same) == 1:
        return token._replace(text=same[0])
    near = nearest(token.text, language)
    hint = f"did you mean {near}?" if near else f"for a product write {token.text}*(...)"
    reason = f"there is no function {token.text}; {hint}"
    raise ExpressionError(f"column {token.column}: {reason}")


def _check_letter(tokens: list[Token], place: int) -> None:
    """Raise ExpressionError for a letter that may be a function: f(x), x(3), C(5, 2)."""
    letter, inside = tokens[place], _inside(tokens, place + 1)
    name, where = letter.text, f"column {letter.column}: "
    if _has_comma(tokens, place + 1):
        hint = _COMBINATIONS.get(name, "a product has no comma")
        raise ExpressionError(f"{where}there is no function {name}; {hint}")
    lone = len(inside) == 1 and inside[0][0].kind in (NAME, NUMBER) and inside[0][0].text != name
    if name in "fgh" or (lone and name.isascii()):
        hint = f"for a product write {name}*(...), for a function write its expression"
        raise ExpressionError(f"{where}there is no function {name}; {hint}")


def _has_comma(tokens: list[Token], opening: int) -> bool:
    """Whether the parenthesis holds several arguments."""
    return any(depth == 0 and _is(token, ",") for token, depth in _inside(tokens, opening))


def _inside(tokens: list[Token], opening: int) -> list[tuple[Token, int]]:
    """The tokens between a parenthesis and its partner, each with its depth."""
    inside, depth = [], 0
    for token in tokens[opening + 1 :]:
        depth -= _is(token, ")", "]", "}")
        if depth < 0 or token.kind == END:
            break
        inside.append((token, depth))
        depth += _is(token, "(", "[", "{")
    return inside


def _not_in(tokens: list[Token]) -> list[Token]:
    """`not in` as one sign."""
    result: list[Token] = []
    for token in tokens:
        if _is(token, "in") and result and _is(result[-1], "not") and result[-1].written != "!":
            result[-1] = result[-1]._replace(text="not in")
        else:
            result.append(token)
    return result


def _phrases(tokens: list[Token]) -> list[Token]:
    """Words side by side as one name: New York, Room 12."""
    result: list[Token] = []
    for token in tokens:
        before = result[-1] if result else token
        joins = token.before and before.kind == NAME and token.kind in (NAME, NUMBER)
        if result and joins and (is_word(before.text) or is_word(token.text)):
            phrase = f"{before.text} {token.text}"
            result[-1] = before._replace(text=phrase, written=phrase)
        else:
            result.append(token)
    return result


def _check_neighbours(left: Token, right: Token, language: Language) -> None:
    """Raise ExpressionError for neighbours that only look like a product or a sign."""
    where = f"column {left.column}: "
    if left.kind == NUMBER == right.kind and right.before:
        hint = f"an operator is missing after {left.text}; a mixed number is written (3 + 1/2)"
        raise ExpressionError(f"{where}{hint}")
    both = left.text + right.text
    attached = left.kind == NUMBER and right.kind == NAME and not right.before
    if attached and (right.text.startswith("_") or _NOT_DECIMAL.fullmatch(both)):
        raise ExpressionError(f"{where}write {both} as a decimal number")
    if left.kind in (NAME, NUMBER) and "\n" in right.before and right.kind in (NAME, NUMBER):
        raise ExpressionError(f"{where}an operator or a comma is missing before the line break")
    names = left.kind == NAME == right.kind and not {left.text, right.text} & language.keys()
    if names and (is_word(left.text) or is_word(right.text)):
        both = f"{left.text} {right.text}"
        hint = f"write {left.text}*{right.text} for a product, and no other words"
        raise ExpressionError(f"{where}{both!r} can be read in two ways; {hint}")
    if right.written == "!=" and not right.before and "factorial" in language:
        raise ExpressionError(
            f"column {right.column}: '!=' can be read in two ways here; write x != 3 or x! = 3"
        )


def _is(token: Token, *signs: str) -> bool:
    return token.kind == SIGN and token.text in signs
