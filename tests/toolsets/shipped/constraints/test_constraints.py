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
            "find_values: argument constraints: column 8: expected a number or a name, "
            f"got the end, got ['x = 3 +']. {USE}",
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
            "find_values: there is no variable or value prize; did you mean price?",
        ),
        (
            find({"x": "int"}, "z > 3"),
            "find_values: there is no variable or value z; declare it under variables",
        ),
        (
            find({"x": "int", "c": "red, green"}, "x = c"),
            "find_values: cannot compare a number with a name",
        ),
        (
            find({"c": "red, green"}, "c < green"),
            "find_values: a name cannot be less or greater than another",
        ),
        (
            find({"x": "int"}, "x + 1"),
            "find_values: expected a condition such as x > 3, got a number",
        ),
        (
            find({"c": "red, green"}, "c + 1 = 2"),
            "find_values: expected a number, got a name",
        ),
        (find({"x": "int"}, "x/0 = 1"), "find_values: a constraint divides by 0"),
        (find({"x": "int"}, "x! = 6"), "find_values: factorial cannot be used in a constraint"),
        (
            find({"x": "real"}, "x % 2 = 1"),
            "find_values: % needs whole numbers; got a number that may not be whole",
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


def test_counting_stops_at_the_time_limit() -> None:
    content = result(call("count_solutions", variables={"x": "int"}, constraints=["x > 0"]))
    assert content.content.startswith("Undecided: at least") or "1,000 solutions" in content.content


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
