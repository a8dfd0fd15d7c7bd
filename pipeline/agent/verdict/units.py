"""Units and words around a number: currency, percent, `per hour`, and words that change its value.

A unit is a sign (`$`, `%`, `°`) and words, each as one spelling: USD and dollars are `$`.
Words that may change the value of the number before them (half, squared, x) are no unit.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MOST_WORDS, LONGEST = 6, 60  # of a unit: words, characters
FIRST_IDEOGRAPH = "\u3005"
CURRENCY = (
    r"(?:US\$|USD|EUR|GBP|JPY|CNY|RMB|INR|CHF|AUD|CAD|KRW|RUB|[ACR]\$|Rs\.?|[$€£¥₹¢₩₽₪₫₦฿₺₴])"
)


class Unit(NamedTuple):
    """The sign and the words of a unit; empty without one."""

    sign: str = ""
    words: str = ""


NO_UNIT = Unit()

_SIGNS = {
    **dict.fromkeys(("us$", "usd", "$", "dollar", "dollars", "bucks"), "$"),
    **dict.fromkeys(("eur", "€", "euro", "euros"), "€"),
    **dict.fromkeys(("gbp", "£"), "£"),
    **dict.fromkeys(("jpy", "yen", "¥"), "¥"),
    **dict.fromkeys(("cny", "rmb", "yuan"), "CN¥"),
    **dict.fromkeys(("inr", "rs", "rupee", "rupees", "₹"), "₹"),
    **dict.fromkeys(("aud", "a$"), "A$"),
    **dict.fromkeys(("cad", "c$"), "C$"),
    **dict.fromkeys(("krw", "won", "₩"), "₩"),
    **dict.fromkeys(("rub", "ruble", "rubles", "₽"), "₽"),
    **{sign: sign for sign in ("chf", "r$", "₪", "₫", "₦", "฿", "₺", "₴")},
    **dict.fromkeys(("¢", "cent", "cents"), "¢"),
    **dict.fromkeys(("%", "percent", "pct", "per cent"), "%"),
    **dict.fromkeys(("°", "deg", "degree", "degrees"), "°"),
}
_PAIRS = ({"£", "pound"}, {"¥", "CN¥"})  # spellings that may mean the same
_SCALES = {
    **{"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12},
    **{"dozen": 12, "lakh": 10**5, "lakhs": 10**5, "crore": 10**7, "crores": 10**7},
}
_SINGLE = frozenset("mgshlLVWNJAΩ")  # one letter that is a unit, not a name
_MAY_CHANGE_THE_VALUE = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty "
    "ninety half halves third thirds fourth fourths fifth fifths sixth sixths seventh sevenths "
    "eighth eighths ninth ninths tenth tenths hundredth hundredths thousandth thousandths "
    "millionth millionths st nd rd th and or to plus minus times over than below above under "
    "negative not point squared cubed square-rooted factorial remainder mod modulo choose divided "
    "by multiplied power loss deficit debt is are was were equals am pm bc ad out pi theta phi "
    "alpha beta gamma tau infinity inf sqrt sin cos tan log ln exp hundreds thousands millions "
    "billions trillions dozens kilo mega giga bn mn mln mio mrd mil mille millones millionen "
    "milliard milliards milliarden tausend hundert тысяч тысячи тыс млн миллион миллиона "
    "миллионов no none yes true false xx xy xyz ab"
)
_NO_UNITS = frozenset(_MAY_CHANGE_THE_VALUE.split())
_SCALES_IN_CHINESE = frozenset("十百千万萬亿億兆半")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*(?:\^?[23]|[²³])?|°[CFK]?|[%$€£¥₹¢₩₽₪₫₦฿₺₴]")
_ALONE = frozenset("%°$€£¥₹¢₩₽₪₫₦฿₺₴")
_SEPARATOR = re.compile(r"[\s.]*/[\s.]*|[\s.]+|·|\*")


def read_unit(text: str, attached: bool) -> tuple[Unit, int] | None:
    """The unit in the text behind a number, and the factor of a word such as million.

    `attached`: no space stands between. None if the text may be more than a unit.
    """
    text = text.strip().rstrip(".")
    if not text:
        return NO_UNIT, 1
    words = [word for word in _SEPARATOR.sub(_spelled, text).split(" ") if word]
    if len(text) > LONGEST or len(words) > MOST_WORDS:
        return None
    scale = 1 if attached else _SCALES.get(words[0].casefold(), 1)
    words = words[scale > 1 :]
    if not all(map(_is_unit_word, words)) or any(word in _ALONE for word in words[1:]):
        return None
    if words and words[0] in _SINGLE and any(map(sign_of, words)):
        return None  # the m of `5m dollars` is a million
    return _unit(words), scale


def same_unit(one: Unit, other: Unit, strict: bool) -> bool:
    """Whether two units agree; without `strict`, a missing unit agrees with any."""
    if one.sign and other.sign and not _agree(one.sign, other.sign):
        return False
    if NO_UNIT in (one, other):
        return not strict or one.words == other.words
    if {one.sign, other.words} in _PAIRS or {other.sign, one.words} in _PAIRS:
        return True
    if not (one.sign and other.sign):
        return one == other
    return one.words == other.words or (not strict and "" in (one.words, other.words))


def joined(before: Unit, after: Unit) -> Unit | None:
    """The unit of `$12 per hour`; None where the parts do not go together: `$12%`, `$12m`."""
    if not before.sign:
        return after
    if (after.sign and after.sign != before.sign) or len(after.words.split(" ")[0]) == 1:
        return None
    return Unit(before.sign, after.words)


def sign_of(text: str) -> str:
    """The sign that a currency's code or sign stands for; empty for none."""
    return _SIGNS.get(text.casefold().rstrip("."), "")


def _spelled(match: re.Match[str]) -> str:
    return " per " if "/" in match[0] else " "


def _is_unit_word(word: str) -> bool:
    if not _WORD.fullmatch(word) or word.casefold() in _NO_UNITS or word.casefold() in _SCALES:
        return False
    if len(word) == 1 and word.isalpha() and word < FIRST_IDEOGRAPH:
        return word in _SINGLE
    return not _SCALES_IN_CHINESE & set(word)


def _unit(words: list[str]) -> Unit:
    if [word.casefold() for word in words[:2]] == ["per", "cent"]:
        words = ["%", *words[2:]]
    sign = _SIGNS.get(words[0].casefold(), "") if words else ""
    rest = words[1:] if sign else words
    return Unit(sign, " ".join(map(_singular, rest)))


def _singular(word: str) -> str:
    word = word.casefold().replace("²", "2").replace("³", "3").replace("^", "")
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _agree(one: str, other: str) -> bool:
    return one == other or {one, other} in _PAIRS
