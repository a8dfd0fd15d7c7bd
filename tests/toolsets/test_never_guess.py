"""Calls that were once repaired into another meaning: each is right, or a refusal that helps.

The single rules have tests of their own in the rooms; here stand the inputs that broke them.
"""

from __future__ import annotations

import pytest

import toolsets
from toolsets import CallError, ToolResult

LOGIC = toolsets.load("logic")
OTHERS = toolsets.load("arithmetic+algebra+constraints")


@toolsets.tool
def answer(value: int) -> str:
    """Give the answer."""
    return str(value)


@toolsets.tool
def think(thought: str) -> str:
    """Note a thought."""
    return thought


REPLIES = toolsets.load("arithmetic[add,multiply,total]") + toolsets.Toolset(
    "tests.toolsets.test_never_guess:own", (answer, think)
)


def result(toolset: toolsets.Toolset, text: str) -> tuple[bool, str]:
    """Whether a call succeeds, and its result or the message of its refusal."""
    try:
        done: ToolResult = toolset.execute(toolset.parse(text))
    except CallError as error:
        return False, str(error)
    return done.ok, done.content


@pytest.mark.parametrize(
    ("premises", "conclusion", "expected"),
    [
        (["-Cat(tom)"], "Cat(tom)", "False"),
        (["Furry(tom) <- Cat(tom)"], "Cat(tom)", "Uncertain"),
        (["Cat(tom) | -Dog(tom)", "Dog(tom)"], "Cat(tom)", "True"),
        (["all x (Cat(x) -> Furry(x))", "Cat(tom)"], "Furry(tom)", "True"),
        (["Forall x (Cat(x) -> Furry(x))", "Cat(tom)"], "Furry(tom)", "True"),
        (["ForAll x (Cat(x) -> Furry(x))", "Cat(tom)"], "Furry(tom)", "True"),
        (["for all x (Cat(x) -> Furry(x))", "Cat(tom)"], "Furry(tom)", "True"),
        (["Cat(tom) Or Dog(tom)"], "Cat(tom)", "Uncertain"),
        (["∀x y (Likes(x, y) → Likes(y, x))", "Likes(a, b)"], "Likes(b, a)", "True"),
        (["Implies(Cat(tom), Furry(tom))", "Cat(tom)"], "Furry(tom)", "True"),
        (["Defeated(martin)", "P(b"], "Defeated(marvin)", "Uncertain"),
        (["2 = 3"], "p", "True"),
    ],
)
def test_a_formula_keeps_the_meaning_that_was_written(
    premises: list[str], conclusion: str, expected: str
) -> None:
    ok, content = result(LOGIC, f"entails({premises!r}, {conclusion!r})")
    assert (ok, content.partition("\n")[0]) == (True, expected)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ("entails(['Height(a) > Height(b)'], 'Height(a) < Height(b)')", "column 11: '>'"),
        ("entails(['Furry(Cat(tom)) ∧ Cat(tom)'], 'Cat(tom)')", "Cat is used both as a predicate"),
        ("entails(['Furry(Cat)', 'Cat(tom)'], 'Cat(tom)')", "Cat is used both as a predicate"),
        ("instantiate('exists x Cat(x)', 'tom')", "expected a formula that begins with ∀"),
    ],
)
def test_a_formula_without_one_meaning_is_refused(call: str, named: str) -> None:
    ok, message = result(LOGIC, call)
    assert not ok
    assert named in message


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("evaluate('100% - 20%')", "4/5 = 0.8"),
        ("evaluate('(100% - 15%) * 80')", "68"),
        ("evaluate('15% - 5%')", "1/10 = 0.1"),
        (
            "find_values({'price': 'real'}, ['price * (100% - 20%) = 40'])",
            "price = 50 (the only solution)",
        ),
        ("solve('x + 20% x = 120', 'x')", "x = 100"),
        ("solve('x + 15% of x = 115', 'x')", "x = 100"),
        ("solve('x + y = 3\\nx - y = 1', 'x, y')", "x = 2, y = 1"),
        ("solve('cbrt(x) = -2', 'x')", "x = -8"),
        ("solve('floor(x) = 3', 'x')", "3 <= x < 4"),
        ("summation('k', 'k', 10, 1)", "0"),
        ("simplify('3ab - 2ba')", "a*b"),
        ("count_solutions({'x, y': 'int'}, ['x + y = 3'])", "infinitely many"),
        ("add(a=12345678901234567890.5, b=0)", "12345678901234567890.5"),
        (
            '{"name": "add", "arguments": {"a": 12345678901234567890.5, "b": 0}}',
            "12345678901234567890.5",
        ),
        ("evaluate('2.66666666666667 * 3')", "8"),
        ("multiply(2.66666666666667, 3)", "8"),
        ("multiply('sqrt(2) ≈ 1.4142135623731', 2)", "2.8284271247462"),
        ("evaluate('log10(100)')", "2"),
        ("evaluate('log2(8)')", "3"),
        ("add('50%', 1)", "1.5"),
        ("add('$1,200', 1)", "1201"),
        ("add('3 1/2', 1)", "4.5"),
        ("evaluate('nCr(5, 2)')", "10"),
        ("evaluate('choose(5, 2)')", "10"),
        (r"evaluate('\frac{1}{2} + \sqrt{4} \cdot 3^{2}')", "37/2 = 18.5"),
        (
            "find_values({'x': 'range(1, 10)'}, ['1 <= x <= 2', 'x not in [1]'])",
            "x = 2 (the only solution)",
        ),
    ],
)
def test_a_calculation_has_its_one_value(call: str, expected: str) -> None:
    assert result(OTHERS, call) == (True, expected)


def test_a_real_domain_with_decimal_bounds_holds_reals() -> None:
    ok, content = result(OTHERS, "find_values({'x': '0.0..1.0'}, ['x > 0.2', 'x < 0.8'])")
    assert ok
    assert 0.2 < float(content.split()[2]) < 0.8


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ("solve('2,000x = 4,000', 'x')", "the comma in 2,000 can be read in two ways"),
        ("solve(['2x + y = 10', 'x = y'], 'x')", "the equations also contain y"),
        ("solve(['x + y = 3' 'x - y = 1'], 'x, y')", "stand side by side; put a comma"),
        ("solve('f(x) = 2x', 'x')", "there is no function f"),
        ("solve('Let x + 3 = 5', 'x')", "can be read in two ways"),
        ("evaluate('C(5,2)')", "write nCr(5, 2)"),
    ],
)
def test_a_calculation_with_two_readings_is_refused(call: str, named: str) -> None:
    ok, message = result(OTHERS, call)
    assert not ok
    assert named in message


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("<think>\nadd(a=1, b=1)\nNo.\n</think>\nSo I call add(a=2, b=3) now.", "5"),
        ("add(a=1, b=1)\nNo.\n</think>\nadd(a=2, b=3)", "5"),
        (
            'think(thought="Let me see:\\nadd(a=1, b=1)\\nthat is wrong")',
            "Let me see:\nadd(a=1, b=1)\nthat is wrong",
        ),
        ("add(a=1/3, b=2)", "2.33333333333333"),
        ("functions.add(a=2, b=3)", "5"),
        ("default_api.add(a=2, b=3)", "5"),
        ("print(add(a=2, b=3))", "5"),
        ('add({"a": 2, "b": 3})', "5"),
        ("Add(a=2, b=3)", "5"),
        ('total(values="[1, 2, 3]")', "6"),
    ],
)
def test_the_one_call_outside_the_thought_is_run(reply: str, expected: str) -> None:
    assert result(REPLIES, reply) == (True, expected)


@pytest.mark.parametrize(
    ("reply", "named"),
    [
        ("<think>\nLet me add(a=1, b=1)", "</think> is missing"),
        ('add(a=1, b=2)\n{"name": "add", "arguments": {"a": 3, "b": 4}}', "holds 2 calls"),
        ("x = add(a=2,b=3)\ny = multiply(a=5,b=4)\nanswer(value=20)", "answer(value=20)"),
        ("add(a=2³, b=0)", "³ is an exponent"),
        ('add(a="0,125", b=0)', "with a decimal point and no comma"),
        ("total(values=[1,200, 3,400])", "1,200 can be read as one number or as several"),
    ],
)
def test_a_reply_with_two_readings_is_refused(reply: str, named: str) -> None:
    ok, message = result(REPLIES, reply)
    assert not ok
    assert named in message
