"""The text of an answer without its wrapping: markdown, LaTeX, quotation marks, odd characters.

Not here: what the text means (`pipeline.agent.verdict.quantities` and its neighbours).
"""

from __future__ import annotations

import re
import unicodedata

_PLAIN = re.compile(r"[0-9A-Za-z+-]*")
_LAYERS = 8  # of wrapping that are removed
_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d", "-")
_FULL_WIDTH = {chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F)}
_REMOVED = dict.fromkeys("\u200b\u2060\ufeff\u00ad\u200e\u200f", "")
_SAME = {"\u2044": "/", "\u2215": "/", "\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'"}
_CHARACTERS = str.maketrans(_SAME | _FULL_WIDTH | _DASHES | _REMOVED)
_UNUSUAL = re.compile(r"[^\x20-\x7e]")

_WRAPPINGS = (
    *("$$ $$", r"\( \)", r"\[ \]", "$ $", "** **", "__ __", "* *", "_ _", "``` ```", "` `"),
    *('" "', "' '"),
)
# at no power: x**2 + y**3 has no bold part
_BOLD = re.compile(r"(?<![\w)])\*\*(?=\S)([^*]+)(?<=\S)\*\*(?![\w(])")
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_WORDS = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}")
_NUMBER_PART = r"\{\s*(-?\d[\d.]*)\s*\}"
_DIGITS_OF_FRACTION = re.compile(
    rf"(\d?)\s*\\[dtc]?frac\s*(?:{_NUMBER_PART}\s*{_NUMBER_PART}|(\d)\s*(\d))"
)
_SQUARE = re.compile(r"\^\{([23])\}")
_SPACES = re.compile(r"\\[,;:! ]|\\quad\b|\\displaystyle\b|\\(?:left|right)(?![a-z])|~")
_LATEX = {
    **{"{,}": ",", r"\%": "%", r"\$": "$", r"\#": "#", r"\&": "&", r"\{": "{", r"\}": "}"},
    **{r"^{\circ}": "°", r"^\circ": "°", r"\degree": "°", r"\times": " * ", r"\cdot": " * "},
    **{r"\dfrac": r"\frac", r"\tfrac": r"\frac", r"\cfrac": r"\frac", r"\lbrace": "{"},
    **{r"\rbrace": "}", r"\emptyset": "{}", r"\varnothing": "{}", r"\pounds": "£", r"\euro": "€"},
}
_POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_SMALL = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "01234567890123456789")
_SMALL_FRACTION = re.compile(r"(\d?)\s*([⁰¹²³⁴⁵⁶⁷⁸⁹]+)/([₀₁₂₃₄₅₆₇₈₉]+)")
_VULGAR = re.compile("(\\d?) ?([¼-¾⅐-⅞↉])")
_SCIENTIFIC = re.compile(r"(?<=\d) ?[x\xd7*·] ?10(?:\^|\*\*)\{?\(?([+-]?\d{1,4})\)?\}?(?!\d)")
_SCIENTIFIC_SMALL = re.compile(r"(?<=\d) ?[x\xd7*·] ?10(⁻?)([⁰¹²³⁴⁵⁶⁷⁸⁹]{1,4})")


def unwrapped(text: str) -> str:
    """`text` with its spaces single, in plain characters, without wrapping."""
    text = " ".join(text.split())
    if _PLAIN.fullmatch(text):
        return text
    if _UNUSUAL.search(text):
        text = _plain_characters(text)
    for _ in range(_LAYERS):
        before, text = text, _without_layer(text)
        if text == before:
            break
    return _scientific(text)


def _plain_characters(text: str) -> str:
    text = unicodedata.normalize("NFC", text).translate(_CHARACTERS)
    text = _VULGAR.sub(_vulgar_fraction, text)
    return _SMALL_FRACTION.sub(
        lambda m: _mixed(m[1], m[2].translate(_SMALL), m[3].translate(_SMALL)), text
    )


def _vulgar_fraction(match: re.Match[str]) -> str:
    above, _, below = unicodedata.normalize("NFKC", match[2]).partition("\u2044")
    return _mixed(match[1], above, below)


def _mixed(whole: str, above: str, below: str) -> str:
    """A fraction in plain signs, behind the last digit of its whole number, if any."""
    return f"{whole} {above}/{below}" if whole else f"{above}/{below}"


def _without_layer(text: str) -> str:
    text = _BOLD.sub(r"\1", text.strip())
    for wrapping in _WRAPPINGS:
        opening, closing = wrapping.split()
        inner = text[len(opening) : -len(closing)]
        wraps = text.startswith(opening) and text.endswith(closing)
        bare = inner.replace(r"\$", "")
        nested = opening in bare or closing in bare
        if wraps and inner.strip() and (opening == "**" or not nested):
            return inner.strip()
    if text.endswith(".") and not text.endswith(".."):
        return text[:-1].rstrip()
    return _without_latex(text) if "\\" in text or "{,}" in text else text


def _without_latex(text: str) -> str:
    text = _SPACES.sub(lambda m: "" if m[0] == r"\!" or m[0][1:2] in "lrd" else " ", text)
    text = _SQUARE.sub(r"^\1", text)
    text = _without_box(_WORDS.sub(r"\1", text))
    text = _DIGITS_OF_FRACTION.sub(_fraction_of_digits, text)
    for latex, plain in _LATEX.items():
        text = text.replace(latex, plain)
    return " ".join(text.split())


def _fraction_of_digits(match: re.Match[str]) -> str:
    return _mixed(match[1], match[2] or match[4], match[3] or match[5])


def _without_box(text: str) -> str:
    """The text with its only \\boxed{...} replaced by what the box holds."""
    boxes = list(_BOX.finditer(text))
    if len(boxes) != 1:
        return text
    start, depth = boxes[0].end(), 1
    for place in range(start, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return f"{text[: boxes[0].start()]}{text[start:place]}{text[place + 1 :]}"
    return text


def _scientific(text: str) -> str:
    """6.02 x 10^23 as 6.02e23."""
    text = _SCIENTIFIC.sub(r"e\1", text)
    return _SCIENTIFIC_SMALL.sub(lambda m: f"e{'-' if m[1] else ''}{m[2].translate(_POWERS)}", text)
