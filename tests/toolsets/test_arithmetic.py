from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import toolsets
from toolsets import CallError, Tool, ToolCall, ToolResult
from toolsets.errors import ErrorKind
from toolsets.numbers import write_number

ARITHMETIC = toolsets.load("arithmetic")
DECIMALS = st.decimals(-(10**6), 10**6, places=3).map(str)


def result(text: str) -> ToolResult:
    return ARITHMETIC.execute(ARITHMETIC.parse(text))


@pytest.mark.parametrize("tool", ARITHMETIC.tools, ids=lambda tool: tool.name)
def test_every_example_is_a_call_that_works(tool: Tool) -> None:
    call = ARITHMETIC.parse(tool.example)
    assert call.name == tool.name
    assert ARITHMETIC.execute(call).ok


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("add(a=2, b=3)", "5"),
        ("add(a=0.1, b=0.2)", "0.3"),
        ("add(a='1/3', b='1/6')", "0.5"),
        ("subtract(a=7, b=4)", "3"),
        ("subtract(a=1, b=0.9)", "0.1"),
        ("multiply(a=6, b=4)", "24"),
        ("multiply(a=3.33333333333333, b=3)", "10"),
        ("multiply(a='1,200', b=-0.5)", "-600"),
        ("divide(a=9, b=4)", "2.25"),
        ("divide(a=10, b=3)", "3.33333333333333"),
        ("divide(a=-2, b=3)", "-0.666666666666667"),
        ("percent_of(percent=15, value=80)", "12"),
        ("percent_of(percent=33.3, value=10)", "3.33"),
        ("integer_divide(a=17, b=5)", "3"),
        ("integer_divide(a=-17, b=5)", "-4"),
        ("integer_divide(a=7.5, b=2)", "3"),
        ("remainder(a=17, b=5)", "2"),
        ("remainder(a=-17, b=5)", "3"),
        ("remainder(a=7.5, b=2)", "1.5"),
        ("power(base=2, exponent=10)", "1024"),
        ("power(base=2, exponent=-2)", "0.25"),
        ("power(base=0, exponent=0)", "1"),
        ("power(base=0, exponent=1000000000)", "0"),
        ("power(base=-1, exponent=1000000001)", "-1"),
        ("power(base=-1, exponent=-3)", "-1"),
        ("round_number(value=3.456, digits=2)", "3.46"),
        ("round_number(value=2.5)", "3"),
        ("round_number(value=-2.5)", "-3"),
        ("round_number(value=1.005, digits=2)", "1.01"),
        ("round_number(value=1250, digits=-2)", "1300"),
    ],
)
def test_a_call_gives_its_exact_result(text: str, content: str) -> None:
    assert result(text) == ToolResult(True, content)


@pytest.mark.parametrize(
    ("text", "message", "kind"),
    [
        ("divide(a=1, b=0)", "divide: b must not be 0", "function_error"),
        ("integer_divide(a=1, b=0)", "integer_divide: b must not be 0", "function_error"),
        ("remainder(a=1, b=0)", "remainder: b must not be 0", "function_error"),
        ("power(base=2, exponent=0.5)", "power: exponent must be a whole number", "function_error"),
        (
            "power(base=0, exponent=-1)",
            "power: 0 cannot be raised to a negative exponent",
            "function_error",
        ),
        (
            "power(base=2, exponent=1000000000000)",
            "power: the result has more than 1,000 digits",
            "limit_exceeded",
        ),
        (
            "power(base=10, exponent=1200)",
            "power: the result has more than 1,000 digits",
            "limit_exceeded",
        ),
        (
            f"multiply(a=1{'0' * 600}, b=1{'0' * 600})",
            "multiply: the number has more than 1,000 digits",
            "limit_exceeded",
        ),
        (
            "round_number(value=1, digits=101)",
            "round_number: digits must be between -100 and 100",
            "function_error",
        ),
    ],
)
def test_a_failure_is_told_to_the_letter(text: str, message: str, kind: ErrorKind) -> None:
    assert result(text) == ToolResult(False, message, kind)


@pytest.mark.parametrize(
    ("text", "message", "kind"),
    [
        (
            "add(a='two', b=3)",
            "add: argument a: expected a number, got 'two'. Use: add(a: number, b: number)",
            "bad_arguments",
        ),
        (
            "add(a=true, b=3)",
            "add: argument a: expected a number, got True. Use: add(a: number, b: number)",
            "bad_arguments",
        ),
        (
            "add(a=2)",
            "add: argument b is missing. Use: add(a: number, b: number)",
            "bad_arguments",
        ),
        (
            "add(a=2, b=3, c=4)",
            "add: there is no argument c. Use: add(a: number, b: number)",
            "bad_arguments",
        ),
        (
            "add(a=2, b='1e2000')",
            "add: argument b: the number has more than 1,000 digits, got '1e2000'. "
            "Use: add(a: number, b: number)",
            "limit_exceeded",
        ),
        (
            "round_number(value=2, digits=0.5)",
            "round_number: argument digits: input should be a valid integer, got a number with a "
            "fractional part, got 0.5. Use: round_number(value: number, digits: integer)",
            "bad_arguments",
        ),
    ],
)
def test_a_bad_argument_is_told_to_the_letter(text: str, message: str, kind: str) -> None:
    with pytest.raises(CallError) as caught:
        ARITHMETIC.parse(text)
    assert (str(caught.value), caught.value.kind) == (message, kind)


@given(DECIMALS, DECIMALS)
def test_the_four_operations_are_those_of_rationals(a: str, b: str) -> None:
    x, y = Fraction(a), Fraction(b)
    expected = {"add": x + y, "subtract": x - y, "multiply": x * y}
    if y:
        expected["divide"] = x / y
    for name, value in expected.items():
        call = ToolCall(name, {"a": a, "b": b}, "")
        assert ARITHMETIC.execute(call) == ToolResult(True, write_number(value))


@given(DECIMALS, DECIMALS.filter(lambda text: Fraction(text) != 0))
def test_whole_steps_and_what_is_left_make_the_number(a: str, b: str) -> None:
    arguments = {"a": Fraction(a), "b": Fraction(b)}
    steps, rest = (ARITHMETIC[name](**arguments) for name in ("integer_divide", "remainder"))
    assert steps.denominator == 1
    assert steps * Fraction(b) + rest == Fraction(a)


@given(st.fractions(-(10**6), 10**6), st.integers(-3, 6))
def test_rounding_moves_by_half_a_step_at_most(value: Fraction, digits: int) -> None:
    rounded = ARITHMETIC["round_number"](value, digits)
    step = Fraction(10) ** -digits
    assert (rounded / step).denominator == 1
    assert abs(rounded - value) <= step / 2
    assert ARITHMETIC["round_number"](-value, digits) == -rounded


@given(st.fractions(), st.integers(-(10**20), 10**20))
def test_power_is_right_or_says_that_it_is_too_much(base: Fraction, exponent: int) -> None:
    arguments = {"base": str(base), "exponent": str(exponent)}
    answer = ARITHMETIC.execute(ToolCall("power", arguments, ""))
    if answer.ok and abs(exponent) < 100:
        assert answer.content == write_number(base**exponent)
    else:
        assert answer.ok or answer.error_kind in ("limit_exceeded", "function_error")
