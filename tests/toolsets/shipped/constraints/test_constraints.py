"""The toolset `constraints` as a model uses it: puzzles, contradictions, messages, limits."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import toolsets
from tests.conftest import ROOT
from tests.toolsets.shipped import texts
from tests.toolsets.shipped.constraints.puzzles import CONTRADICTIONS, PUZZLES, call, find
from toolsets import Tool, ToolResult
from toolsets.shipped.constraints.solver import SECONDS

CONSTRAINTS = toolsets.load("toolsets.shipped.constraints:toolset")
EXTRA_SECONDS = 1.0  # beyond the solver's own, for building the model and the last query


result, failure = partial(texts.result, CONSTRAINTS), partial(texts.failure, CONSTRAINTS)


@pytest.mark.parametrize("tool", CONSTRAINTS.tools, ids=lambda tool: tool.name)
def test_every_example_runs(tool: Tool) -> None:
    parsed = CONSTRAINTS.parse(tool.example)
    assert parsed.name == tool.name
    assert CONSTRAINTS.execute(parsed).ok


@pytest.mark.parametrize(("text", "content"), PUZZLES, ids=[text[:60] for text, _ in PUZZLES])
def test_a_puzzle_is_solved(text: str, content: str) -> None:
    assert result(text) == ToolResult(True, content)


@pytest.mark.parametrize(
    ("text", "core"), CONTRADICTIONS, ids=[text[:60] for text, _ in CONTRADICTIONS]
)
def test_a_contradiction_lists_only_the_statements_that_cause_it(text: str, core: str) -> None:
    assert result(text) == ToolResult(True, f"These constraints cannot all hold: {core}")


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (
            find({"price": "real"}, "price * (100% - 20%) = 40"),
            "price = 50 (the only solution)",
        ),
        (find({"x": "range(1, 10)"}, "x > 8"), "x = 9 (the only solution)"),
        (find({"x": "1 <= x <= 10"}, "x > 9"), "x = 10 (the only solution)"),
        (find({"x": "int"}, "x in range(1, 10)", "x > 8"), "x = 9 (the only solution)"),
        (find({"x": "int"}, "x in range(1, 10, 4)", "x > 5"), "x = 9 (the only solution)"),
        (find({"x": "real"}, "x in range(3)", "x > 1"), "x = 2 (the only solution)"),
        (find({"x": "int"}, "1 <= x <= 10", "x > 9"), "x = 10 (the only solution)"),
        (find({"x": "1..3"}, "x not in [1, 2]"), "x = 3 (the only solution)"),
        (
            find({"x, y, z": "1..3"}, "AllDifferent([x, y, z])", "x > y", "y = 1", "z = 2"),
            "x = 3, y = 1, z = 2 (the only solution)",
        ),
        (
            find({"a, b, c": "bool"}, "if a then b", "a", "if b, then not c"),
            "a = true, b = true, c = false (the only solution)",
        ),
        (
            find({"x": "1..9"}, "if x > 3 then x = 5 else x = 1", "x not in [1, 2]"),
            "x = 5 (the only solution)",
        ),
        (
            find({"city, home": ["New York", "Boston"]}, "city = New York", "home != 'New York'"),
            "city = New York, home = Boston (the only solution)",
        ),
        (find({"t": "9 am, 10 am"}, "t != '9 am'"), "t = 10 am (the only solution)"),
        (
            find({"room": ["Room 12", "Room 13"]}, "room = Room 12"),
            "room = Room 12 (the only solution)",
        ),
        (
            find({"a, b": "Monday < Tuesday < Friday"}, "a < b", "b < Friday"),
            "a = Monday, b = Tuesday (the only solution)",
        ),
        (
            find({"a, b": ["Monday", "Tuesday", "Friday"]}, "a < b", "b < Friday"),
            "a = Monday, b = Tuesday (the only solution)",
        ),
        (
            find({"size": "small, medium, large"}, "size > medium"),
            "size = large (the only solution)",
        ),
        (
            find({"a": ["low", "high"], "b": ["low", "middle", "high"]}, "a < b", "b < high"),
            "a = low, b = middle (the only solution)",
        ),
        (
            find({"x": "int 1..9"}, "pow(x, 2) = 9", "round(2.5) = 3", "round(-2.5) = -3"),
            "x = 3 (the only solution)",
        ),
        (find({"x": "real"}, "3x = 2.66666666666667 * 9"), "x = 8 (the only solution)"),
    ],
)
def test_a_form_that_models_write_is_read(text: str, content: str) -> None:
    assert result(text) == ToolResult(True, content)


def test_bounds_with_a_decimal_point_are_of_real_numbers() -> None:
    assert result(find({"x": "0.0..1.0"}, "x > 0.2", "x < 0.8")).content.startswith("x = 0.")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (find({"x": "int"}, "x = 1,200"), "the comma in 1,200 can be read in two ways"),
        (find({"x": "real (0, 1)"}, "x > 0"), "the domain of x can be read in two ways"),
        (find({"x": "[1, 6]"}, "x > 0"), "the domain of x can be read in two ways"),
        (find({"day": "Tuesday, Monday"}, "day > Monday"), "list days in their own order"),
        (
            find({"a": ["x1", "x2"], "b": ["x2", "x1"]}, "a > b"),
            "two lists order their names differently",
        ),
        (
            find({"a": "red, green", "b": "small, large"}, "a > b"),
            "names are ordered only as values of one list",
        ),
        (find({"x, y": "int"}, "father son = 3"), "no variable or value 'father son'"),
        (find({"x": "int"}, "x > 3", "x + = 3"), "constraint 2, 'x + = 3': column 5"),
        (find({"x, y": "int"}, "x + y = 3x - y = 1"), "several = in one equation"),
        (find({"x": "int"}, "7%-2 = x"), "'%' can mean percent or remainder"),
        (find({"x": "int"}, "x in range(1, 2.5)"), "range needs whole numbers"),
    ],
)
def test_a_form_with_two_readings_is_refused(text: str, message: str) -> None:
    assert message in failure(text)[1]


def test_repeated_calls_give_the_same_answers() -> None:
    texts = [text for text, _ in PUZZLES[:12]]
    first = [result(text) for text in texts]
    assert [result(text) for text in reversed(texts)] == first[::-1]


DOMAINS = 'write "int 0..9", "real", "bool", or a list of names or of numbers'
USE = "Use: find_values(variables: dict of string or list of string, constraints: list of string)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            find({"x": "int"}, "x = 3 +"),
            "find_values: argument constraints: constraint 1, 'x = 3 +': column 8: "
            f"expected a number or a name, got the end, got ['x = 3 +']. {USE}",
        ),
        (
            find({"x": "integr"}, "x = 3"),
            f"find_values: argument variables: the domain of x is not valid; {DOMAINS}, "
            f"got {{'x': 'integr'}}. {USE}",
        ),
        (
            find({"x, x": "int"}, "x = 3"),
            "find_values: argument variables: variable x is declared twice, "
            f"got {{'x, x': 'int'}}. {USE}",
        ),
        (
            find({"abs": "int"}, "abs = 3"),
            "find_values: argument variables: abs is a reserved word; "
            f"name the variable differently, got {{'abs': 'int'}}. {USE}",
        ),
        (
            find({"red": "int", "c": "red, green"}, "c = red"),
            "find_values: argument variables: red is both a variable and a value; rename one, "
            f"got {{'red': 'int', 'c': 'red, green'}}. {USE}",
        ),
        (
            find({"price": "int"}, "prize > 3"),
            "find_values: constraint 1, 'prize > 3': "
            "there is no variable or value prize; did you mean price?",
        ),
        (
            find({"x": "int"}, "z > 3"),
            "find_values: constraint 1, 'z > 3': "
            "there is no variable or value z; declare it under variables",
        ),
        (
            find({"x": "int", "c": "red, green"}, "x = c"),
            "find_values: constraint 1, 'x = c': cannot compare a number with a name",
        ),
        (
            find({"a": "bool", "b": "bool"}, "a or b", "a < b"),
            "find_values: constraint 2, 'a < b': "
            "a condition cannot be less or greater than another",
        ),
        (
            find({"x": "int"}, "x + 1"),
            "find_values: constraint 1, 'x + 1': expected a condition such as x > 3, got a number",
        ),
        (
            find({"c": "red, green"}, "c + 1 = 2"),
            "find_values: constraint 1, 'c + 1 = 2': expected a number, got a name",
        ),
        (
            find({"x": "int"}, "x/0 = 1"),
            "find_values: constraint 1, 'x/0 = 1': a constraint divides by 0",
        ),
        (
            find({"x": "int"}, "x! = 6"),
            "find_values: constraint 1, 'x! = 6': factorial cannot be used in a constraint",
        ),
        (
            find({"x": "real"}, "x % 2 = 1"),
            "find_values: constraint 1, 'x % 2 = 1': "
            "% needs whole numbers; got a number that may not be whole",
        ),
    ],
)
def test_the_message_explains_an_error(text: str, message: str) -> None:
    assert failure(text)[1] == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (find({"x": "int"}, "x^9 = 1"), "an exponent must be a whole number from 0 to 8"),
        (find({"x": "int"}, "2^x = 8"), "an exponent must be a whole number from 0 to 8"),
        (find({"x": "int"}, *["x > 3"] * 301), "there are more than 300 constraints"),
        (find({f"x{k}": "int" for k in range(201)}), "there are more than 200 variables"),
        (
            find({"x": [f"v{k}" for k in range(201)]}),
            "the domain of x has more than 200 values",
        ),
        (find({"x": "int"}, "9" * 1_001 + " = x"), "a number has more than 1,000 digits"),
        (find({"x": "int"}, "(" * 50 + "x" + ")" * 50 + " = 1"), "nested deeper than 40 levels"),
        (
            find({"x": "int"}, f"apart(1, {', '.join(['x'] * 65)})"),
            "apart compares more than 2,000 pairs",
        ),
        (
            call("count_solutions", variables={"x": "int 1..9" + "9" * 1_001}, constraints=[]),
            "the number has more than 1,000 digits",
        ),
    ],
)
def test_a_call_over_a_limit_is_rejected(text: str, message: str) -> None:
    kind, content = failure(text)
    assert message in content
    assert kind == "limit_exceeded"


@pytest.mark.parametrize(
    "text",
    [
        find({"x, y, z": "int"}, "x^3 + y^3 + z^3 = 42"),
        find({"x, y, z": "int 1..1000"}, "x^3 + y^3 = z^3"),
        find(
            {"p1,p2,p3,p4,p5,p6,p7,p8,p9,p10,p11": "1..10"},
            "distinct(p1,p2,p3,p4,p5,p6,p7,p8,p9,p10,p11)",
        ),
        call("must_hold", variables={"x, y": "int"}, constraints=["x > 1", "y > 1"],
             claim="x*y != 1000000016000000063"),
    ],
)  # fmt: skip
def test_a_hard_problem_is_undecided_within_the_time_limit(text: str) -> None:
    start = time.process_time()
    answer = result(text)
    assert time.process_time() - start < SECONDS + EXTRA_SECONDS
    assert answer.ok
    assert answer.content.startswith(("Undecided", "False, for example"))


@pytest.mark.parametrize(
    ("variables", "constraints", "content"),
    [
        ({"x, y": "int"}, ["x + y = 3"], "infinitely many"),
        ({"x": "int"}, ["x > 0"], "infinitely many"),
        ({"x": "int"}, [], "infinitely many"),
        ({"x, y": "int >= 0"}, ["x + y = 3"], "4"),
        ({"x": "real 0..1"}, ["x > 0.2"], "infinitely many"),
        ({"x, y": "real"}, ["x + y = 3"], "infinitely many"),
        ({"x, y": "real"}, ["x + y = 3", "x - y = 1"], "1"),
        ({"x": "real"}, ["x = 1 or x = 2"], "2"),
        ({"x": "real"}, ["x = 1 or x > 2"], "infinitely many"),
        ({"x": "real"}, ["x * x = 2"], "2"),
        ({"x": [0.5, 1.5], "y": "int 0..2"}, ["x + y > 1"], "5"),
        ({"x": "int", "b": "bool"}, ["if b then x = 1", "if not b then x = 2"], "2"),
        ({"x, y": "int"}, ["x * y = 12"], "12"),
    ],
)
def test_infinitely_many_solutions_are_not_counted(
    variables: dict[str, object], constraints: list[str], content: str
) -> None:
    text = call("count_solutions", variables=variables, constraints=constraints)
    assert result(text).content == content


def test_counting_stops_at_the_time_limit() -> None:
    text = call("count_solutions", variables={"x, y": "int"}, constraints=["x * y = 0"])
    start = time.monotonic()
    kind, content = failure(text) if not result(text).ok else ("", result(text).content)
    assert content.startswith("Undecided") or kind == "limit_exceeded"
    assert time.monotonic() - start < 2 * (SECONDS + EXTRA_SECONDS)


def test_z3_is_loaded_by_the_first_call_only() -> None:
    code = (
        "import sys, toolsets.shipped.constraints as c\n"
        'c.toolset.parse(\'find_values({"x": "int"}, ["x = 1"])\')\n'
        "assert 'z3' not in sys.modules and 'sympy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


COMPARISONS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
TERMS = st.sampled_from(["x", "y", "x + y", "x - y", "x*y", "2*x", "abs(x - y)", "x // 2", "y % 3"])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(TERMS, COMPARISONS, st.integers(-3, 6)), min_size=1, max_size=3))
def test_the_count_equals_that_of_brute_force(parts: list[tuple[str, str, int]]) -> None:
    constraints = [f"{term} {sign} {number}" for term, sign, number in parts]
    python = " and ".join(c.replace(" = ", " == ") for c in constraints)
    code = compile(python, "constraints", "eval")
    pairs = itertools.product(range(-3, 4), repeat=2)
    expected = sum(bool(eval(code, {"x": x, "y": y})) for x, y in pairs)
    text = call("count_solutions", variables={"x, y": "-3..3"}, constraints=constraints)
    assert result(text).content == str(expected)
