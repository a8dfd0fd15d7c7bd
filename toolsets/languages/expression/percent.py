"""The sign %, which is a remainder between two operands and a percent sign after one.

    percent      100% - 20%    (100% - 15%) * 80    20% x    15% of x    20% * 50    1/20%
    remainder    17 % 5    17%5    x%3    x % y    7 % -2    17 mod 5

Where spacing and neighbours allow both, it is refused: 7%-2, 20% 3, 20 % x.
"""

from __future__ import annotations

from toolsets.languages.expression.tokens import END, NUMBER, SIGN, ExpressionError, Token
from toolsets.languages.expression.tree import COMPARISONS

_ENDS = (*COMPARISONS, *("*", "/", "//", "**", ")", "]", "}", ",", "percent", "of"))
_ENDS += ("and", "or", "xor", "→", "↔", "if", "then", "else", "in", "not in", "not")
_OPERAND_ENDS = (")", "]", "}", "!", "°", "%", "percent")


def resolve(tokens: list[Token]) -> list[Token]:
    """Replace each % that is a percent sign by `percent`, and `of` after a part by *."""
    result: list[Token] = []
    for place, token in enumerate(tokens):
        if _is(token, "%") and token.written == "%" and place and _is_percent(tokens, place):
            token = token._replace(text="percent")
        if _is(token, "of"):
            token = _product(result, token)
        result.append(token)
    return result


def _is_percent(tokens: list[Token], place: int) -> bool:
    left, sign, right = tokens[place - 1 : place + 2]
    if right.kind == END or (right.kind == SIGN and right.text in _ENDS):
        return True
    if right.written in ("|", "||") and _open_bars(tokens[:place]):
        return True
    if _is(right, "+", "-"):
        return _before_sum(sign, right, tokens[place + 2 :])
    attached, apart = not sign.before, bool(right.before)
    if right.kind == NUMBER:
        return _refused(sign) if attached and apart else False
    if attached and apart and (left.kind == NUMBER or _is(left, ")")):
        return True
    return _refused(sign) if left.kind == NUMBER or (attached and apart) else False


def _open_bars(tokens: list[Token]) -> bool:
    """Whether a sign | is open inside the innermost parenthesis, so that the next one closes it."""
    counts, after_operand = [0], False
    for token in tokens:
        if _is(token, "(", "[", "{"):
            counts.append(0)
        elif _is(token, ")", "]", "}") and len(counts) > 1:
            counts.pop()
        is_bar = token.written in ("|", "||")
        if is_bar:  # it closes after an operand, else it opens
            counts[-1] += -len(token.written) if after_operand else len(token.written)
        else:
            after_operand = token.kind != SIGN or token.text in _OPERAND_ENDS
    return counts[-1] > 0


def _before_sum(sign: Token, operator: Token, rest: list[Token]) -> bool:
    """Whether % before + or - is a percent sign: in 100% - 20, not in 7 % -2."""
    if len(rest) > 2 and rest[0].kind == NUMBER and _is(rest[1], "%", "percent"):
        after = rest[2]
        if after.kind == END or (after.kind == SIGN and after.text in (*_ENDS, "+", "-")):
            return True
    attached, apart, operand = not sign.before, operator.before, rest[0].before
    if attached and ((apart and operand) or operator.text == "+"):
        return True
    if not attached and apart and not operand:
        return False
    return _refused(sign)


def _product(before: list[Token], of: Token) -> Token:
    """The sign * for `of` after a percentage or a fraction: 15% of x, 1/2 of x."""
    kinds = [token.kind for token in before[-3:]]
    is_fraction = kinds == [NUMBER, SIGN, NUMBER] and before[-2].text == "/"
    if before and (_is(before[-1], "percent") or is_fraction):
        divided = before[-5:-3] if is_fraction else before[-3:-2]
        if not any(_is(token, "/") for token in divided[-1:]):
            return of._replace(text="*")
    reason = "'of' stands only after a percentage or a fraction, as in 15% of x; write * or ( )"
    raise ExpressionError(f"column {of.column}: {reason}")


def _refused(sign: Token) -> bool:
    reason = "'%' can mean percent or remainder here; write (20/100)*x or mod(20, x)"
    raise ExpressionError(f"column {sign.column}: {reason}")


def _is(token: Token, *signs: str) -> bool:
    return token.kind == SIGN and token.text in signs
