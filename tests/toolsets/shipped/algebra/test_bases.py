"""Numbers in other bases, against Python's `int` and `format`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import toolsets
from tests.toolsets.shipped import texts

ALGEBRA = toolsets.load("algebra")


@pytest.mark.parametrize(
    ("arguments", "content"),
    [
        ("'1011', 2, 10", "11"),
        ("'ff', 16, 2", "11111111"),
        ("'0xFF', 16, 10", "255"),
        ("'0b101', 2, 10", "5"),
        ("'B1', 16, 10", "177"),
        ("'-255', 10, 16", "-FF"),
        ("'0', 10, 2", "0"),
        ("'-0', 10, 2", "0"),
        ("'007', 8, 10", "7"),
        ("'zz', 36, 10", "1295"),
        ("' 12 ', 3, 3", "12"),
    ],
)
def test_a_number_is_written_in_another_base(arguments: str, content: str) -> None:
    assert texts.result(ALGEBRA, f"convert_base({arguments})").content == content


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("1011, 2, 10", "expected the digits in quotes, such as '1011', got 1011"),
        ("0x1F, 16, 10", "expected the digits in quotes"),
        ("'0b1', 16, 10", "0b stands for base 2, but from_base is 16; correct one of them"),
        ("'0o17', 10, 2", "0o stands for base 8, but from_base is 10; correct one of them"),
        ("'102', 2, 10", "'2' is no digit in base 2; its digits are 0 to 1"),
        ("'1010 1010', 2, 10", "' ' is no digit in base 2"),
        ("'1_0', 2, 10", "'_' is no digit in base 2"),
        ("'1,000', 10, 2", "',' is no digit in base 10"),
        ("'1.1', 2, 10", "'.' is no digit in base 2"),
        ("'٣', 10, 2", "is no digit in base 10"),
        ("'', 2, 10", "number has no digits"),
        ("'-', 2, 10", "number has no digits"),
        ("'1', 1, 10", "from_base must be from 2 to 36, got 1"),
        ("'1', 10, 37", "to_base must be from 2 to 36, got 37"),
        (f"'{'1' * 3401}', 2, 10", "number has more than 3,400 digits"),
        (f"'{'z' * 3000}', 36, 10", "number has more than 1,000 decimal digits"),
    ],
)
def test_a_bad_number_or_base_is_refused(arguments: str, message: str) -> None:
    assert message in texts.failure(ALGEBRA, f"convert_base({arguments})")[1]


@given(st.integers(-(10**40), 10**40), st.integers(2, 36), st.integers(2, 36))
def test_conversion_agrees_with_python_and_back(value: int, base: int, other: int) -> None:
    convert = ALGEBRA["convert_base"]
    written = convert(str(value), 10, base)
    assert int(written, base) == value
    if not written.removeprefix("-").startswith(("0B", "0O", "0X")):
        assert convert(convert(written, base, other), other, 10) == str(value)


@given(st.integers(0, 10**30))
def test_common_bases_agree_with_format(value: int) -> None:
    for base, form in ((2, "b"), (8, "o"), (16, "X")):
        assert ALGEBRA["convert_base"](str(value), 10, base) == format(value, form)
