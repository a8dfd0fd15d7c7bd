"""The text of a result, and results that have none."""

import re
from collections import Counter, OrderedDict, deque, namedtuple
from datetime import date
from decimal import Decimal
from enum import IntEnum, StrEnum
from fractions import Fraction
from typing import Any

import numpy
import pytest
import sympy

from toolsets import ToolCall, ToolResult, Toolset, tool
from toolsets.tools.writing import as_text

Pair = namedtuple("Pair", "a b")


class Number(IntEnum):
    ONE = 1


class Word(StrEnum):
    A = "a"


class Unwritable:
    pass


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (2.5, "2.5"),
        (1 + 2j, "(1+2j)"),
        ("nan", "nan"),
        (Pair(1, "x"), "[1, x]"),
        ({1, 2}, "{1, 2}"),
        (frozenset(), "{}"),
        (range(3), "[0, 1, 2]"),
        (deque([1]), "[1]"),
        ({"a": 1}.values(), "[1]"),
        (OrderedDict(a="x"), "{'a': 'x'}"),
        (Counter("aab"), "{'a': 2, 'b': 1}"),
        ({Number.ONE: Word.A, Fraction(1, 2): 1}, "{1: 'a', 0.5: 1}"),
        ([Word.A, Number.ONE], "[a, 1]"),
        (date(2024, 2, 29), "2024-02-29"),
        (Decimal("1.50"), "1.50"),
        (sympy.Symbol("x") + 1, "x + 1"),
        (numpy.float32(0.5), "0.5"),
        (numpy.arange(2000), str(list(range(2000)))),
    ],
)
def test_a_value_has_one_text(value: object, text: str) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(
    "value",
    [
        (n for n in "ab"),
        iter([1]),
        map(str, [1]),
        zip("a", "b", strict=True),
        float("nan"),
        float("-inf"),
        [1, float("inf")],
        {"a": {"b": float("nan")}},
        {float("inf"): 1},
        (1, [float("nan")]),
        complex("nan"),
        Decimal("NaN"),
        Decimal("-Infinity"),
        numpy.float32("nan"),
        numpy.array([1.0, numpy.inf]),
        sympy.oo,
        sympy.nan,
        Unwritable(),
        [Unwritable()],
        Unwritable,
        print,
        re,
        ValueError("not an answer"),
        b"bytes",
        object(),
    ],
)
def test_a_result_that_is_no_value_is_refused(value: Any) -> None:
    @tool
    def give() -> Any:
        """Give the value."""
        return value

    result = Toolset("given", (give,)).execute(ToolCall("give", {}, ""))
    assert (result.ok, result.error_kind) == (False, "function_error")
    assert result.content.startswith("give: the result is ")


def test_a_lone_surrogate_in_an_error_is_replaced() -> None:
    @tool
    def fail() -> str:
        """Fail."""
        raise ValueError("a\ud800b")

    result = Toolset("failing", (fail,)).execute(ToolCall("fail", {}, ""))
    assert result == ToolResult(False, "fail: a\ufffdb", "function_error")
