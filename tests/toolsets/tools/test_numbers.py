from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from toolsets import LimitExceeded
from toolsets.tools.numbers import read_argument, read_number, read_percent, write_number


@given(st.integers(-(10**300), 10**300))
def test_an_integer_is_written_and_read_exactly(value: int) -> None:
    assert write_number(Fraction(value)) == str(value)
    assert read_number(str(value)) == value


@given(st.integers(-(10**30) + 1, 10**30 - 1), st.integers(0, 29))
def test_a_decimal_of_up_to_30_digits_is_written_and_read_exactly(digits: int, places: int) -> None:
    value = Fraction(digits, 10**places)
    assume(abs(value) >= Fraction(1, 10**5))
    text = write_number(value)
    assert Fraction(text) == value
    assert "e" not in text.lower()


@given(st.integers(-(10**6), 10**6), st.integers(1, 100))
def test_a_fraction_with_a_small_denominator_is_read_back_exactly(top: int, bottom: int) -> None:
    value = Fraction(top, bottom)
    assert read_number(write_number(value)) == value


@given(st.integers(-1000, 1000), st.integers(1, 100_000))
def test_a_fraction_below_ten_with_a_larger_denominator_is_read_back_exactly(
    top: int, bottom: int
) -> None:
    value = Fraction(top, bottom)
    assume(abs(value) < 10)
    assert read_number(write_number(value)) == value


@given(st.fractions(min_value=-(10**12), max_value=10**12))
def test_any_fraction_is_written_to_15_digits(value: Fraction) -> None:
    assume(value != 0)
    assert abs(Fraction(write_number(value)) / value - 1) <= Fraction(1, 2 * 10**14)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9))
def test_a_literal_is_read_correctly_to_15_digits(value: Decimal) -> None:
    assume(value == 0 or value.adjusted() > -50)
    read, exact = read_number(f"{value:f}"), Fraction(value)
    assert abs(read - exact) <= abs(exact) / (2 * 10**14)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_read_as_its_shortest_decimal_to_15_digits(value: float) -> None:
    exact = Fraction(repr(value))
    assert abs(read_number(value) - exact) <= abs(exact) / (2 * 10**14)


@given(st.text())
def test_any_text_is_a_number_or_a_value_error(text: str) -> None:
    try:
        read_number(text)
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, Fraction(3)),
        (Fraction(1, 3), Fraction(1, 3)),
        (0.1, Fraction(1, 10)),
        (1e22, Fraction(10**22)),
        (" 2.50 ", Fraction(5, 2)),
        ("-.5", Fraction(-1, 2)),
        ("+7.", Fraction(7)),
        ("1,234,567.5", Fraction(2469135, 2)),
        ("6.02e3", Fraction(6020)),
        ("1/3", Fraction(1, 3)),
        ("-2 / 4", Fraction(-1, 2)),
        ("0.333333333333333", Fraction(1, 3)),
        ("3.33333333333333", Fraction(10, 3)),
        ("0.33333333333333", Fraction(33333333333333, 10**14)),  # 14 digits are not read as a third
        ("0.3333333333333333333", Fraction(3333333333333333333, 10**19)),
        ("140.710042265625", Fraction(140710042265625, 10**12)),  # 100 * 1.05**7, 15 digits
    ],
)
def test_a_number_is_read(value: object, number: Fraction) -> None:
    assert read_number(value) == number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(5), "5"),
        (Fraction(0), "0"),
        (Fraction(-1, 8), "-0.125"),
        (Fraction(10, 3), "3.33333333333333"),
        (Fraction(2, 3), "0.666666666666667"),
        (Fraction(1, 3_000_000), "0.000000333333333333333"),
        (Fraction(10**20, 3), "33333333333333300000"),
        (Fraction(1, 2**20), "0.00000095367431640625"),
        (Fraction(123456789012345678901234567891, 10**10), "12345678901234567890.1234567891"),
    ],
)
def test_a_number_is_written(value: Fraction, text: str) -> None:
    assert write_number(value) == text


@pytest.mark.parametrize("value", [True, None, [1], "", "abc", "1 2", "$5", "nan", "inf"])
def test_a_value_that_is_not_a_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"^expected a number$"):
        read_number(value)


@pytest.mark.parametrize("value", ["1,00", "0,125", "1234,567", "1,2345", "1.200,50", "$0,5"])
def test_a_comma_that_may_be_a_decimal_comma_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a number; write it with a decimal point"):
        read_argument(value)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("50%", Fraction(1, 2)),
        ("12.5 %", Fraction(1, 8)),
        ("20 percent", Fraction(1, 5)),
        ("$1,200", Fraction(1200)),
        ("-$1,200.50", Fraction(-2401, 2)),
        ("€5", Fraction(5)),
        ("3 1/2", Fraction(7, 2)),
        ("-3 1/2", Fraction(-7, 2)),
        ("\N{MINUS SIGN}5", Fraction(-5)),
        ("5/6 ≈ 0.833333333333333", Fraction(5, 6)),
        ("5/8 = 0.625", Fraction(5, 8)),
        ("sqrt(2) ≈ 1.4142135623731", Fraction("1.4142135623731")),
        ("≈ 0.333333333333333", Fraction(1, 3)),
        (0.5, Fraction(1, 2)),
    ],
)
def test_a_number_in_the_form_of_a_text_is_read(value: object, number: Fraction) -> None:
    assert read_argument(value) == number


@pytest.mark.parametrize(
    "value", ["$50%", "5 dollars", "3 5/2", "3-1/2", "1/2 = 0.6", "x = 5", "2 ≈ 3", "50%%", "1 000"]
)
def test_a_text_with_no_one_number_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a number"):
        read_argument(value)


def test_a_number_of_percent_may_have_its_sign() -> None:
    assert read_percent("15%") == read_percent(15) == read_percent("15") == 15


def test_a_float_nan_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^expected a number$"):
        read_number(float("nan"))


def test_a_ratio_with_denominator_0_is_refused() -> None:
    message = "^expected a number, and a ratio must not have the denominator 0$"
    with pytest.raises(ValueError, match=message):
        read_number("1/0")


@pytest.mark.parametrize("value", ["1e1001", "1e-1002", "1" * 1001, "1/" + "1" * 1001, 10**1005])
def test_a_number_that_is_too_long_is_refused(value: object) -> None:
    with pytest.raises(LimitExceeded, match=r"^the number has more than 1,000 digits$"):
        read_number(value)


@pytest.mark.parametrize("value", [Fraction(10**1005), Fraction(1, 10**1005)])
def test_a_number_that_is_too_long_is_not_written(value: Fraction) -> None:
    with pytest.raises(LimitExceeded, match=r"^the number has more than 1,000 digits$"):
        write_number(value)
