"""The toolset `algebra` as a model uses it: correct answers, rejected bombs, messages."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from fractions import Fraction
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import toolsets
from tests.conftest import ROOT
from tests.toolsets.shipped import texts
from tests.toolsets.shipped.algebra.bombs import BOMBS, INJECTIONS
from tests.toolsets.shipped.algebra.school import PROBLEMS
from toolsets import Tool, ToolResult
from toolsets.shipped.algebra.symbolic import build, read_expression

ALGEBRA = toolsets.load("toolsets.shipped.algebra:toolset")
LONGEST_SECONDS = 1.0  # of processor time, to reject a call


result, failure = partial(texts.result, ALGEBRA), partial(texts.failure, ALGEBRA)


@pytest.mark.parametrize("tool", ALGEBRA.tools, ids=lambda tool: tool.name)
def test_every_example_runs(tool: Tool) -> None:
    call = ALGEBRA.parse(tool.example)
    assert call.name == tool.name
    assert ALGEBRA.execute(call).ok


@pytest.mark.parametrize(("text", "content"), PROBLEMS, ids=[text for text, _ in PROBLEMS])
def test_a_school_problem_gets_its_answer(text: str, content: str) -> None:
    assert result(text) == ToolResult(True, content)


def test_there_are_enough_school_problems_and_bombs() -> None:
    assert len({text for text, _ in PROBLEMS}) >= 80
    assert len(BOMBS) >= 40


@pytest.mark.parametrize(("text", "message"), BOMBS, ids=[text[:50] for text, _ in BOMBS])
def test_a_bomb_is_rejected_at_once(text: str, message: str) -> None:
    import sympy

    assert sympy.Symbol("x")  # loaded before the clock starts
    start = time.process_time()
    kind, content = failure(text)
    assert time.process_time() - start < LONGEST_SECONDS
    assert message in content
    assert kind == "limit_exceeded"


@pytest.mark.parametrize("text", INJECTIONS)
def test_text_that_is_not_an_expression_is_rejected(text: str) -> None:
    kind, _ = failure(text)
    assert kind in ("bad_arguments", "function_error", "unparseable_call")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "simplify('2 +')",
            "simplify: argument expression: column 4: expected a number or a name, got the end, "
            "got '2 +'. Use: simplify(expression: string)",
        ),
        (
            "simplify('x = 3')",
            "simplify: argument expression: expected one expression without =, < or a comma, "
            "got 'x = 3'. Use: simplify(expression: string)",
        ),
        (
            "evaluate('1/(2 - 2)')",
            "evaluate: argument expression: the expression divides by 0, got '1/(2 - 2)'. "
            "Use: evaluate(expression: string)",
        ),
        (
            "evaluate('1/(sqrt(4) - 2)')",
            "evaluate: the expression is undefined: it divides by 0",
        ),
        ("evaluate('x + y')", "evaluate: x, y has no value; give it one with substitute"),
        (
            "substitute('x + 1', {'z': 3})",
            "substitute: z does not occur in the expression; its names: x",
        ),
        ("solve('x = 3', 'y')", "solve: y does not occur in the equations; their names: x"),
        (
            "solve('2xz = 4', 'x')",
            "solve: xz can be one name or a product; write x*z for the product",
        ),
        (
            "solve(['x + y = 1', 'a = 2'], 'x, y')",
            "solve: the equation a - 2 = 0 contains none of the unknowns",
        ),
        ("limit('max(x, 2)', 'x', 0)", "limit: the limit of a min or max cannot be found"),
        ("solve('x + y < 3', 'x, y')", "solve: inequalities can be solved for one unknown only"),
        (
            "solve(['2x + y = 10', 'x = y'], 'x')",
            "solve: the equations also contain y; solve them for x, y, or give values",
        ),
        (
            "solve('x^(1/3) = -2', 'x')",
            "solve: (x)**(1/3) for a negative base can be read in two ways; write root(x, 3)",
        ),
        (
            "solve('floor(x) = x', 'x')",
            "solve: an equation with floor of x can be solved only alone on one side, "
            "as in floor(x) = 3",
        ),
        (
            "solve('floor(x) > 3', 'x')",
            "solve: an equation with floor of x can be solved only alone on one side, "
            "as in floor(x) = 3",
        ),
        ("solve('gcd(x, 6) = 3', 'x')", "solve: an equation with gcd of x cannot be solved"),
        (
            "simplify('gcd(2x, 6)')",
            "simplify: gcd needs numbers; use factor to see what polynomials share",
        ),
        (
            "summation('k', 'k', 1, 2.5)",
            "summation: a bound must be a whole number, a name or oo, got 5/2",
        ),
        ("solve('sin(x) > 0', 'x')", "solve: an inequality with sin, cos or tan cannot be solved"),
        ("solve('x + a < 3', 'x')", "solve: an inequality may contain no name other than x"),
        ("integral('x^x', 'x')", "integral: no closed form was found"),
        ("integral('x', 'x', 1)", "integral: give both bounds or none"),
        ("limit('sin(x)', 'x', 'oo')", "limit: no closed form was found"),
        ("summation('k', 'k', 1, 'k')", "summation: a bound must not contain k"),
        (
            "inverse_matrix([[1, 2], [2, 4]])",
            "inverse_matrix: the matrix has no inverse: its determinant is 0",
        ),
        (
            "multiply_matrices([[1, 2]], [[3, 4]])",
            "multiply_matrices: a has 2 columns but b has 1 rows",
        ),
        (
            "determinant([[1, 2]])",
            "determinant: expected a square matrix, got 1 rows and 2 columns",
        ),
        (
            "determinant([[1, 2], [3]])",
            "determinant: the rows of a matrix must have the same length",
        ),
        ("prime_factors(0)", "prime_factors: n must be at least 1"),
        (
            "is_prime(2.5)",
            "is_prime: argument n: expected a whole number, got 2.5. "
            "Use: is_prime(n: integer or string)",
        ),
        (
            "inverse_modulo(2, 4)",
            "inverse_modulo: value has no inverse: it shares a divisor with modulus",
        ),
    ],
)
def test_the_message_explains_an_error(text: str, message: str) -> None:
    assert failure(text)[1] == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("solve('2,000x = 4,000', 'x')", "column 1: the comma in 2,000 can be read in two ways"),
        ("solve('x + y = 3\\n+ y', 'x, y')", "line 2 is no equation"),
        ("solve('0,5x = 2', 'x')", "the comma in 0,5 can be read in two ways; write 0.5 or 0, 5"),
        ("solve('x = 3y = 4', 'x, y')", "several = in one equation"),
        ("evaluate('3 1/2 + 1')", "a mixed number is written (3 + 1/2)"),
        ("evaluate('5 choose 2')", "like choose(x, y)"),
        ("solve('f(x) = 2x', 'x')", "there is no function f"),
        ("solve('Let x + 3 = 5', 'x')", "'Let x' can be read in two ways"),
        ("simplify('2xy + x')", "xy can be one name or a product; write x*y"),
        ("simplify('abc - cab')", "abc and cab can be names or products"),
        ("evaluate('C(5,2)')", "for combinations write nCr(5, 2)"),
        ("evaluate('7%-2')", "'%' can mean percent or remainder here"),
    ],
)
def test_a_text_with_two_readings_is_refused(text: str, message: str) -> None:
    kind, content = failure(text)
    assert message in content
    assert kind == "bad_arguments"


@pytest.mark.parametrize("equation", ["x^2 = 2", "2^x = 5", "x^2 - x = 1", "log(x) = 2"])
def test_the_decimal_of_a_solution_is_taken_by_the_next_call(equation: str) -> None:
    content = result(f"solve({equation!r}, 'x')").content
    arithmetic = toolsets.load("arithmetic")
    solution = content.split(" or ")[-1].removeprefix("x = ")
    taken = arithmetic.execute(arithmetic.parse(f"multiply(a={solution!r}, b=1)"))
    assert taken.content == solution.partition(" ≈ ")[2]


def test_sympy_is_loaded_by_the_first_call_only() -> None:
    code = (
        "import sys, toolsets.shipped.algebra as a\n"
        "assert 'sympy' not in sys.modules\n"
        "a.toolset.parse('expand(\"(x+1)^2\")')\n"
        "assert 'sympy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


COEFFICIENTS = st.lists(st.integers(-9, 9), min_size=2, max_size=5)


def polynomial_text(coefficients: list[int]) -> str:
    return " + ".join(f"({c})x^{power}" for power, c in enumerate(coefficients))


def value_at(text: str, x: int) -> object:
    return build(read_expression(text)).subs("x", x)


@settings(max_examples=40, deadline=None)
@given(COEFFICIENTS, st.integers(-20, 20))
def test_rewritten_forms_have_the_same_values(coefficients: list[int], x: int) -> None:
    polynomial = polynomial_text(coefficients)
    value = sum(c * x**power for power, c in enumerate(coefficients))
    for form in ("factor", "expand", "simplify"):
        assert value_at(result(f"{form}({polynomial!r})").content, x) == value
    factored = result(f"factor({polynomial!r})").content
    assert value_at(result(f"expand({factored!r})").content, x) == value


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-9, 9), min_size=1, max_size=4))
def test_a_product_of_linear_factors_has_their_roots(roots: list[int]) -> None:
    polynomial = "".join(f"(x - ({root}))" for root in roots)
    solutions = " or ".join(f"x = {root}" for root in sorted(set(roots)))
    assert result(f"solve('{polynomial} = 0', 'x')").content == solutions


FACTORS = st.lists(st.tuples(st.integers(-5, 5), st.sampled_from("*/")), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(FACTORS, st.sampled_from(["<", "<=", ">", ">=", "!="]))
def test_an_inequality_holds_exactly_on_its_solution_set(
    factors: list[tuple[int, str]], sign: str
) -> None:
    left = "1" + "".join(f" {operator} (x - ({root}))" for root, operator in factors)
    content = result(f"solve('{left} {sign} 0', 'x')").content
    python = re.sub("no solution", "False", re.sub(r"(?<![<>])=", "==", content))
    python = re.sub("every real number x", "True", python)
    for x in (Fraction(k, 2) for k in range(-13, 14)):
        try:
            expected = bool(eval(f"{left} {sign} 0", {"x": x}))
        except ZeroDivisionError:
            expected = False
        assert bool(eval(python, {"x": x})) == expected, (x, content)


@settings(max_examples=30, deadline=None)
@given(st.integers(-9, 9), st.integers(-9, 9), st.lists(st.integers(-5, 5), min_size=4, max_size=4))
def test_a_system_has_the_solution_it_was_built_from(x: int, y: int, c: list[int]) -> None:
    a, b, d, e = c
    equations = [f"({a})x + ({b})y = {a * x + b * y}", f"({d})x + ({e})y = {d * x + e * y}"]
    content = result(f"solve({equations}, ['x', 'y'])").content
    if a * e != b * d:
        assert content == f"x = {x}, y = {y}"
    else:
        assert content.startswith("infinitely many solutions")


@settings(max_examples=30, deadline=None)
@given(COEFFICIENTS)
def test_the_derivative_of_the_integral_is_the_function(coefficients: list[int]) -> None:
    integral = result(f"integral({polynomial_text(coefficients)!r}, 'x')").content
    back = result(f"derivative({integral!r}, 'x')").content
    assert all(value_at(back, x) == value_at(polynomial_text(coefficients), x) for x in (-2, 0, 3))
