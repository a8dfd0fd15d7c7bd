"""Parser for the domains of variables: numbers, with or without bounds, truth values, lists.

{"x": "int 0..9", "a, b": "1..5", "s": "real", "door": ["red", "green"], "open": "bool"}
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from toolsets.errors import LimitExceeded
from toolsets.shipped.constraints.language import LANGUAGE, WORDS
from toolsets.tools.numbers import read_argument, read_number, write_number

Kind = Literal["whole", "real", "truth", "name"]
MOST_VARIABLES = 200
MOST_VALUES = 200  # of one variable

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("int", "integer", "integers", "whole", "whole number"), "whole"),
    **dict.fromkeys(("real", "reals", "number", "rational", "float"), "real"),
    **dict.fromkeys(("bool", "boolean", "true or false", "truth"), "truth"),
}
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:/\d+)?"
_RANGE = re.compile(
    rf"(?P<kind>[a-z ]+?)??\s*(?:from|in|(?P<between>between))?\s*(?P<open>\[)?(?P<low>{_NUMBER})"
    rf"\s*(?:\.{{2,3}}|…|to|-|\u2013|(?P<and>and)|(?P<comma>,))\s*(?P<high>{_NUMBER})(?P<close>\])?",
    re.IGNORECASE,
)
_PYTHON_RANGE = re.compile(
    r"(?P<kind>[a-z ]+?)?\s*(?:in )?range\(\s*(?:(?P<low>-?\d+)\s*,)?\s*(?P<stop>-?\d+)\s*\)", re.I
)
_CHAIN = re.compile(
    rf"(?P<low>{_NUMBER})\s*(?:<=|≤)\s*(?P<name>[^\W\d]\w*)\s*(?:<=|≤)\s*(?P<high>{_NUMBER})"
)
_OPEN = re.compile(rf"[^\w]*(?:[a-z ]+)?[\[(]\s*{_NUMBER}\s*(?:,|\.\.+)\s*{_NUMBER}\s*[\])]", re.I)
_LIKE_BOUNDS = re.compile(
    r"[<>=≤≥]|\.\.|^(?:int|real|bool|integer|number|between|range|from)\b", re.I
)
LONGEST_VALUE = 60  # characters of the name of a value
_BOUND = re.compile(rf"(?P<kind>[a-z ]+?)\s*(?P<sign>>=|≥|<=|≤)\s*(?P<bound>{_NUMBER})", re.I)
_NAME = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Domain:
    """The values of one variable: a kind, with bounds or a list of `values`."""

    kind: Kind
    low: Fraction | None = None
    high: Fraction | None = None
    values: tuple[Fraction, ...] | tuple[str, ...] = ()

    def describe(self, name: str) -> str:
        """A sentence such as `x is from 0 to 9`."""
        if self.values:
            listed = ", ".join(v if isinstance(v, str) else write_number(v) for v in self.values)
            return f"{name} is one of {listed}"
        low, high = (None if b is None else write_number(b) for b in (self.low, self.high))
        if low is not None and high is not None:
            return f"{name} is from {low} to {high}"
        if low is None and high is None:
            return f"{name} is {'a whole number' if self.kind == 'whole' else self.kind}"
        return f"{name} is at least {low}" if high is None else f"{name} is at most {high}"


def read_domains(value: object) -> dict[str, Domain]:
    """Parse variables with their domains; raises ValueError or LimitExceeded, for the model."""
    if not isinstance(value, dict) or not value:
        raise ValueError('expected variables with their domains, like {"x": "int 0..9"}')
    domains: dict[str, Domain] = {}
    for key, text in value.items():
        for name in re.split(r"[,\s]+", str(key).strip(", ")):
            if name in domains:
                raise ValueError(f"variable {name} is declared twice")
            domains[_variable(name)] = _domain(name, text)
    if len(domains) > MOST_VARIABLES:
        raise LimitExceeded(f"there are more than {MOST_VARIABLES} variables")
    _check_distinct_names(domains)
    return domains


def _variable(name: str) -> str:
    if not _NAME.fullmatch(name) or len(name) > 60:
        raise ValueError(f"{name[:60]!r} cannot be the name of a variable")
    if name in LANGUAGE or name.lower() in WORDS:
        raise ValueError(f"{name} is a reserved word; name the variable differently")
    return name


def _domain(name: str, value: object) -> Domain:
    if isinstance(value, list):
        return _one_of(name, value)
    if not isinstance(value, str):
        raise ValueError(
            f'the domain of {name} is not valid; write "int 0..9", "real", "bool" or […]'
        )
    text = value.strip().strip("{}").strip()
    if kind := _KINDS.get(text.lower()):
        return Domain(kind)
    if match := _PYTHON_RANGE.fullmatch(text):
        low, last = Fraction(match["low"] or 0), Fraction(match["stop"]) - 1
        if _kind(name, match["kind"], low) != "whole" or low > last:
            raise ValueError(f"the domain of {name} is an empty range, or not of whole numbers")
        return Domain("whole", low, last)
    if (match := _CHAIN.fullmatch(text)) and match["name"] == name:
        return _bounded(name, None, match["low"], match["high"])
    if (match := _RANGE.fullmatch(text)) and _is_range(match):
        return _bounded(name, match["kind"], match["low"], match["high"])
    if _OPEN.fullmatch(text):
        hint = f'write "real 0..1" with both ends, and constraints such as {name} > 0'
        raise ValueError(f"the domain of {name} can be read in two ways; {hint}")
    if match := _BOUND.fullmatch(text):
        bound = read_number(match["bound"])
        ends = (bound, None) if match["sign"] in (">=", "≥") else (None, bound)
        return Domain(_kind(name, match["kind"], bound), *ends)
    sign = r"[,|]" if "<" not in text else r"<"  # Monday < Tuesday: values in their order
    return _one_of(name, [part.strip().strip("'\"") for part in re.split(sign, text)])


def _is_range(match: re.Match[str]) -> bool:
    """Whether bounds with a comma or `and` are no list: int in [1, 6], between 1 and 6."""
    if bool(match["open"]) != bool(match["close"]):
        return False
    if match["comma"]:
        return bool(match["open"] and (match["kind"] or "").strip())
    return not match["and"] or bool(match["between"])


def _bounded(name: str, word: str | None, low: str, high: str) -> Domain:
    """A domain with both bounds; bounds with a decimal point are of real numbers."""
    is_decimal = "." in low + high
    word = "real" if is_decimal and not (word and word.strip()) else word
    ends = read_number(low), read_number(high)
    return Domain(_kind(name, word, *ends), *ends)


def _kind(name: str, word: str | None, *bounds: Fraction) -> Kind:
    if word is None or not word.strip():
        return "whole" if all(bound.denominator == 1 for bound in bounds) else "real"
    kind = _KINDS.get(word.strip().lower())
    if kind not in ("whole", "real"):
        raise ValueError(f"the domain of {name} has bounds and must begin with int or real")
    return kind


def _one_of(name: str, values: list[object]) -> Domain:
    if len(values) > MOST_VALUES:
        raise LimitExceeded(f"the domain of {name} has more than {MOST_VALUES} values")
    if values and all(isinstance(value, str) and _is_name(value) for value in values):
        words = tuple(" ".join(str(value).split()) for value in values)
        if reserved := [word for word in words if word.lower() in WORDS]:
            raise ValueError(f"{reserved[0]} is a reserved word; use another value")
        if len(words) > 1:
            return Domain("name", values=words)
    try:
        numbers = tuple(read_number(value) for value in values)
    except LimitExceeded:
        raise
    except ValueError:
        numbers = ()
    if not numbers:
        expected = 'write "int 0..9", "real", "bool", or a list of names or of numbers'
        raise ValueError(f"the domain of {name} is not valid; {expected}")
    whole = all(number.denominator == 1 for number in numbers)
    return Domain("whole" if whole else "real", values=numbers)


def _is_name(value: str) -> bool:
    """Whether a text can name a value: New York, 9 am, but no number and no bounds."""
    if not 0 < len(value.strip()) <= LONGEST_VALUE or _LIKE_BOUNDS.search(value):
        return False
    if re.search(r"['\"(){}\[\]]", value) or not re.search(r"[^\W\d_]", value):
        return False
    try:
        read_argument(value)
    except ValueError:
        return True
    return False


def _check_distinct_names(domains: dict[str, Domain]) -> None:
    """Raise ValueError if a name is both a variable and a value."""
    for domain in domains.values():
        for value in domain.values:
            if value in domains:
                raise ValueError(f"{value} is both a variable and a value; rename one")
