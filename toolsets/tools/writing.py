"""Write a function's result as text for the model.

A result is a JSON value, or something that has exactly one text: a date, a decimal, a dataclass.
Anything else is refused, such as a generator, NaN, or an object without a text of its own.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable, Collection, Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from toolsets.tools.numbers import write_number

# Texts of numbers that are none: of floats, decimals, numpy's and sympy's.
_NO_NUMBERS = {"nan", "snan", "inf", "infinity", "oo", "zoo"}
_NO_VALUES = (Iterator, ModuleType, BaseException, bytes, bytearray, memoryview)


def as_text(value: Any, quote: Callable[[str], str] = str) -> str:
    """The value as text: numbers as decimals, strings in dicts quoted; raises ValueError."""
    match value:
        case Fraction():
            return write_number(value)
        case str() if not isinstance(value, Enum):
            return quote(value)
        case Enum():
            return as_text(value.value, quote)
        case None | bool() | int():
            return str(value)
        case float() | complex() if cmath.isfinite(value):
            return str(value)
        case list() | tuple():
            return _list(value, quote)
        case Mapping():
            pairs = (f"{as_text(key, repr)}: {as_text(v, repr)}" for key, v in value.items())
            return f"{{{', '.join(pairs)}}}"
        case BaseModel():
            return as_text({name: getattr(value, name) for name in type(value).model_fields})
    return _object(value, quote)


def readable(text: str) -> str:
    """`text` as Unicode: a lone surrogate, which no file can hold, becomes U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _list(values: Any, quote: Callable[[str], str]) -> str:
    return f"[{', '.join(as_text(item, quote) for item in values)}]"


def _object(value: Any, quote: Callable[[str], str]) -> str:
    """The text of a value of another type than JSON's; raises ValueError unless it has one text."""
    has_text = type(value).__str__ is not object.__str__
    if is_dataclass(value) and not isinstance(value, type) and not has_text:
        return as_text({field.name: getattr(value, field.name) for field in fields(value)})
    if callable(to_list := getattr(value, "tolist", None)):  # numpy's text of an array has gaps
        return as_text(to_list(), quote)
    if isinstance(value, Set) and not has_text:
        return f"{{{_list(value, quote)[1:-1]}}}"
    if isinstance(value, Collection) and not has_text and not isinstance(value, _NO_VALUES):
        return _list(value, quote)
    if isinstance(value, _NO_VALUES) or callable(value) or not _has_own_text(value):
        raise ValueError(f"the result is no value that can be written: {_kind(value)}")
    text = str(value)
    if text.strip("+-").lower() in _NO_NUMBERS or isinstance(value, complex):
        raise ValueError(f"the result is {text}, which is no number")
    return text


def _has_own_text(value: Any) -> bool:
    kind = type(value)
    return kind.__str__ is not object.__str__ or kind.__repr__ is not object.__repr__


def _kind(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
