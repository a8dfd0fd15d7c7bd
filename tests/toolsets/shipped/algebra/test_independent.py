"""Random calculations and linear systems against Python's fractions."""

from __future__ import annotations

import random
from fractions import Fraction
from functools import partial

import toolsets
from tests.toolsets.shipped import texts
from toolsets.tools.numbers import read_argument

ALGEBRA = toolsets.load("toolsets.shipped.algebra:toolset")
EXPRESSIONS = 10_000
SYSTEMS = 300
result = partial(texts.result, ALGEBRA)

Term = tuple[str, Fraction]


def number(chance: random.Random) -> Term:
    """A literal in one of the forms that models write."""
    size = chance.randint(0, 999)
    match chance.randrange(5):
        case 0:
            return f"{size}%", Fraction(size, 100)
        case 1:
            return f"{size / 100:.2f}", Fraction(size, 100)
        case 2:
            return f"{size + 1000:,}", Fraction(size + 1000)
    return str(size), Fraction(size)


def expression(chance: random.Random, depth: int) -> Term:
    """A random expression with its value, computed by Python."""
    if depth == 0 or chance.random() < 0.2:
        return number(chance)
    (left, a), (right, b) = (expression(chance, depth - 1) for _ in range(2))
    match chance.choice(["+", "-", "*", "/", "//", "%", "**", "-1", "of", "abs"]):
        case "+":
            return f"({left} + {right})", a + b
        case "-":
            return f"({left} - {right})", a - b
        case "*":
            return f"{_group(left)} * {_group(right)}", a * b
        case "/" if b:
            return f"({_group(left)} / {_group(right)})", a / b
        case "//" if b:
            return f"({_group(left)} // {_group(right)})", Fraction(a // b)
        case "%" if b:
            return f"({_group(left)} % {_group(right)})", a % b
        case "**":
            return f"({left})^3", a**3
        case "of":
            percent = chance.randint(0, 200)
            return f"({percent}% of {_group(left)})", percent * a / 100
        case "abs":
            return f"|{left} - {right}|", abs(a - b)
    return f"(-({left}))", -a


def _group(text: str) -> str:
    return f"({text})"


def test_random_expressions_equal_python_fractions() -> None:
    chance = random.Random(18)
    for _ in range(EXPRESSIONS):
        text, value = expression(chance, chance.randint(1, 4))
        answer = result(f"evaluate({text!r})")
        if not answer.ok:
            assert answer.error_kind == "limit_exceeded", (text, answer.content)
            continue
        exact = answer.content.partition(" ")[0]
        assert Fraction(exact) == value, (text, answer.content, value)
        assert float(read_argument(answer.content)) == float(value) or "≈" in answer.content


def test_random_linear_systems_equal_elimination_with_fractions() -> None:
    chance = random.Random(300)
    for _ in range(SYSTEMS):
        size = chance.randint(1, 4)
        rows = [[chance.randint(-5, 5) for _ in range(size + 1)] for _ in range(size)]
        equations = [" + ".join(f"({c})x{k}" for k, c in enumerate(row[:-1])) for row in rows]
        written = [f"{left} = {row[-1]}" for left, row in zip(equations, rows, strict=True)]
        names = [f"x{k}" for k in range(size)]
        content = result(f"solve({written}, {names})").content
        solution = eliminate(rows)
        if solution is None:
            assert not content.startswith("x0 = ") or size == 1, (written, content)
            assert "infinitely" in content or "no solution" in content or "every" in content
        else:
            wanted = ", ".join(f"{n} = {v}" for n, v in zip(names, solution, strict=True))
            assert content == wanted, written


def eliminate(rows: list[list[int]]) -> list[Fraction] | None:
    """The one solution by Gauss and Jordan, or None if there is none or more than one."""
    matrix = [[Fraction(value) for value in row] for row in rows]
    size = len(matrix)
    for column in range(size):
        pivot = next((k for k in range(column, size) if matrix[k][column]), None)
        if pivot is None:
            return None
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        matrix[column] = [value / matrix[column][column] for value in matrix[column]]
        for k in range(size):
            if k != column:
                factor = matrix[k][column]
                matrix[k] = [a - factor * b for a, b in zip(matrix[k], matrix[column], strict=True)]
    return [row[-1] for row in matrix]
