"""The tool `evaluate_expression`: a whole calculation in one text (`calculation` computes it)."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from toolsets.languages.expression import Tree
from toolsets.shipped.arithmetic.calculation import compute, read_calculation
from toolsets.tools.decorator import tool
from toolsets.tools.tool import Number

Calculation = Annotated[Tree, PlainValidator(read_calculation), WithJsonSchema({"type": "string"})]
"""Type of a parameter that takes a calculation: text in the call, a tree in the function."""


@tool
def evaluate_expression(expression: Calculation) -> Number:
    """Compute a whole calculation exactly: + - * / ** ! and parentheses, sqrt(4), max(2, 3).

    Also abs cbrt ceil combinations factorial floor gcd lcm min mod permutations pow root.

    Example:
        evaluate_expression(expression="(12 + 8) * 3/4 - 2**3")
    """
    return compute(expression)
