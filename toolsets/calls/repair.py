"""Calls that are not valid Python: repair them, or explain what is wrong.

Only unambiguous mistakes are repaired: typographic quotes and signs, `a: 1` for `a=1`, a line break
in a string. A number that might be two (`1,200`), a value with a unit or a string that may be cut
off is refused, with a sentence that says how to correct it. Each step is one pass over the reply's
tokens.

Not here: which calls a reply holds (`toolsets.calls.scan`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

QUOTE = "a quote"  # as what is missing

# typographic quotes, double and single, and minus signs and dashes
_DOUBLE, _SINGLE, _DASHES = "\u201c\u201d\u201e", "\u2018\u2019\u201a", "\u2212\u2013\u2010\u2011"
_TOKEN = re.compile(
    r"""(?P<text>\"{3}(?:[^"\\]|\\.|"(?!""))*+\"{3}|'{3}(?:[^'\\]|\\.|'(?!''))*+'{3}"""
    r"""|"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')"""
    rf"""|(?P<smart>[{_DOUBLE}][^{_DOUBLE}"]*+[{_DOUBLE}"]|[{_SINGLE}][^{_SINGLE}']*+[{_SINGLE}'])"""
    rf"""|(?P<cut>["'{_DOUBLE}{_SINGLE[0]}].*)"""
    r"""|(?P<number>\.?\d(?:[eE][+-](?=\d)|[\w.])*)|(?P<name>[^\W\d]\w*)|(?P<space>\s+)"""
    r"""|(?P<sign>.)""",
    re.DOTALL,
)
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_MARKS = f"*_`~\"'{_DOUBLE}{_SINGLE}"
_OPERATOR_BEFORE = re.compile(r"(?:[+*/^%]|[\d)]\s*[-\u2212<>]|==|!=)\s*$|[\w.]$")
_OPERATOR_AFTER = re.compile(r"\s*(?:[+*/^%]|==|!=|[-\u2212<>]\s*[\d(])|\.\w|[\[(]|\w")
_SEPARATED = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?![\w.])")
_UNIT = re.compile(r"[=(,\[:] ?([-+]? ?(?:[$€£¥] ?\d[\d.]*|\d[\d.]* ?(?:[%$€£¥°]|[^\W\d_]+)))")
_NO_DIGIT = re.compile(  # superscripts, fractions, Roman and circled numbers
    r"(?<![\d.])[\d.]*+([\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209f\u2150-\u2189\u2460-\u249b])"
)
_DATE = re.compile(r"[=(,\[:] ?(\d+(?:[-/]\d+[-/]|:\d+)[\d:.]*)")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    gap: str = ""  # the space before it


def closing(text: str, start: int) -> tuple[int, str]:
    """The index after the bracket that closes the one at `start`, and what is missing, if any."""
    wanted: list[str] = []
    for match in _TOKEN.finditer(text, start):
        sign = _ascii(match.group()) if match.lastgroup == "sign" else ""
        if match.lastgroup == "cut":
            return len(text), QUOTE
        if sign in _PAIRS:
            wanted.append(_PAIRS[sign])
        elif sign in (")", "]", "}"):
            if sign != wanted[-1]:
                return len(text), wanted[-1]
            wanted.pop()
        if not wanted:
            return match.end(), ""
    return len(text), "".join(reversed(wanted))


def in_calculation(before: str, after: str) -> bool:
    """Whether a call between these texts is an operand, or part of a longer expression."""
    around = before[len(before.rstrip(_MARKS)) :]
    if around and after[: len(around)] == around[::-1]:
        before, after = before.removesuffix(around), after[len(around) :]
    before = before.rpartition("\n")[2]
    return bool(_OPERATOR_BEFORE.search(before) or _OPERATOR_AFTER.match(after))


def as_python(call: str) -> str:
    """`call` in Python's syntax, with unambiguous mistakes repaired."""
    out: list[str] = []
    brackets: list[str] = []
    previous = _Token("", "")
    tokens = list(_tokens(call))
    for token, following in zip(tokens, [*tokens[1:], _Token("", "")], strict=True):
        written = token.text
        if brackets == ["("] and _is_word(token) and following.text in ("=", ":"):
            comma = "" if previous.text in ("(", ",", ";") else ", "
            written = comma + written.strip("\"'")
        elif brackets == ["("] and written == ":" and _is_word(previous):
            written = "="
        elif brackets == ["("] and written == ";":
            written = ","
        elif token.kind == "number" and following.text not in ("-", "/", ":"):  # not a date
            written = re.sub(r"^0+(?=\d+$)", "", written)
        elif token.kind == "sign":
            _track(brackets, written)
        out.append(token.gap + written)
        previous = token
    return "".join(out)


def with_quoted_keys(text: str) -> str:
    """A JSON-like object as a Python dict: its bare keys are quoted."""
    tokens = list(_tokens(text))
    following = [*tokens[1:], _Token("", "")]
    return "".join(
        token.gap
        + (f'"{token.text}"' if token.kind == "name" and after.text == ":" else token.text)
        for token, after in zip(tokens, following, strict=True)
    )


def without_texts(call: str) -> str:
    """`call` with each quoted text as two quotes."""
    return "".join(t.gap + ("''" if t.kind == "text" else t.text) for t in _tokens(call))


def texts_side_by_side(call: str) -> tuple[str, str] | None:
    """Two quoted texts in `call` without a comma between them, which Python would join."""
    tokens = [t for t in _tokens(call) if not (t.kind == "name" and t.text in ("r", "R", "u", "U"))]
    for one, other in pairwise(tokens):
        if one.kind == other.kind == "text":
            return one.text, other.text
    return None


def problem(call: str) -> str:
    """Why a call cannot be parsed, as a sentence that says how to correct it."""
    tokens = list(_tokens(call))
    for one, other in pairwise(tokens):
        if one.kind == "text" and other.kind in ("name", "number", "text", "cut"):
            return f"A quote inside a text must be written \\{one.text[-1]}."
        if one.text == "=" and other.text in (",", ")"):
            return "An argument has no value."
    bare = without_texts(call)
    if match := _NO_DIGIT.search(bare):
        return _sign(match.group(1))
    if match := _SEPARATED.search(bare):
        number = match.group()
        return f"Write numbers without separators: {number.replace(',', '')}, not {number}."
    if match := _DATE.search(bare):
        return f"Write dates, times and other texts in quotes: '{match.group(1)}'."
    if match := _UNIT.search(bare):
        return f"Write {match.group(1).strip()} as a plain number, without a unit or sign."
    return "Its arguments are not written as name=value, with a comma between them."


def unclosed(call: str, missing: str) -> str:
    """What is missing at the end of a call, or which quote inside it ends a string too early."""
    if (reason := problem(call)).startswith("A quote"):
        return reason
    return f"It is not closed: {missing} is missing."


def _tokens(text: str) -> Iterator[_Token]:
    """The tokens in Python's characters, each with the space before it as `gap`."""
    gap = ""
    for match in _TOKEN.finditer(text):
        kind, written = match.lastgroup or "", match.group()
        if kind == "space":
            gap = " "
        elif plain := _plain(kind, written):
            yield _Token("text" if kind == "smart" else kind, plain, gap)
            gap = ""


def _plain(kind: str, written: str) -> str:
    match kind:
        case "text" if not written.startswith(('"""', "'''")):
            return written.replace("\n", "\\n")
        case "smart":
            text = written[1:-1].replace('"', '\\"').replace("\n", "\\n")
            return f'"{text}"'
        case "number":
            return "".join(map(_digit, written))
        case "sign":
            return _ascii(written)
    return written


def _digit(sign: str) -> str:
    return str(unicodedata.decimal(sign)) if sign.isdecimal() and not sign.isascii() else sign


def _sign(sign: str) -> str:
    """What a sign such as a superscript may mean, and what to write."""
    plain = unicodedata.normalize("NFKD", sign)
    if unicodedata.decomposition(sign).startswith("<super>"):
        return f"{sign} is an exponent, not a digit; compute the power by a call first."
    if "\u2044" in plain:
        fraction = plain.replace("\u2044", "/")
        return f"{sign} is a fraction, not a digit; write {fraction} or a decimal."
    return f"{sign} is not a digit; write numbers with 0 to 9."


def _ascii(sign: str) -> str:
    """A full-width sign, minus sign or dash as ASCII; empty for an invisible character."""
    if "\uff01" <= sign <= "\uff5e":
        return chr(ord(sign) - 0xFEE0)
    if sign in _DASHES:
        return "-"
    return "" if unicodedata.category(sign) == "Cf" else sign


def _is_word(token: _Token) -> bool:
    return token.kind == "name" or (token.kind == "text" and token.text[1:-1].isidentifier())


def _track(brackets: list[str], sign: str) -> None:
    if sign in _PAIRS:
        brackets.append(sign)
    elif brackets and sign == _PAIRS[brackets[-1]]:
        brackets.pop()
