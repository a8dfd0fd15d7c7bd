"""Whether a chain's calls bear on its answer: a correct chain may also be a guess.

A call bears on a number if its result holds it, up to rounding, sign and percent. Any successful
call bears on another answer, as labels and letters are concluded from results in many ways; except
that nothing but `Uncertain` supports no True or False.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from pipeline.agent.agent import AGENT_TOOLS
from pipeline.agent.verdict import answer_value, same_answer
from pipeline.records import Chain
from toolsets.tools.numbers import read_number

LONGEST_RESULT = 5_000  # characters that are searched for numbers

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:[eE][+-]?\d{1,3})?(?: ?/ ?\d+)?|\.\d+")
_FIRST_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def has_bearing_call(chain: Chain, gold: str) -> bool:
    """Whether a successful call of a function bears on `gold`, the chain's correct answer."""
    results = list(_results(chain))
    value = answer_value(gold)
    if value is None and (first := _FIRST_NUMBER.match(gold.strip())):
        value = answer_value(first[0])  # of 5 km
    if value is not None:
        return any(_holds(result, abs(value)) for result in results)
    decides = any(same_answer(gold, label) for label in ("True", "False"))
    return any(not (decides and same_answer(result, "Uncertain")) for result in results)


def _results(chain: Chain) -> Iterator[str]:
    """The results of the chain's successful function calls."""
    for step in chain.steps:
        for each in step.executed:
            if each.result.ok and each.call.name not in AGENT_TOOLS:
                yield each.result.content


def _holds(result: str, size: Fraction) -> bool:
    """Whether a number in `result` is `size`, or is rounded to it, also as percent."""
    unit = _last_digit(size)
    for match in _NUMBER.finditer(result[:LONGEST_RESULT]):
        try:
            found = read_number(match[0].rstrip(","))
        except ValueError:
            continue
        if any(abs(found * factor - size) < unit for factor in (1, 100, Fraction(1, 100))):
            return True
    return False


def _last_digit(size: Fraction) -> Fraction:
    """The unit of the last digit of a number as it is written; of an exact ratio, next to none."""
    try:
        exponent = Decimal(size.numerator) / Decimal(size.denominator)
        exact = Fraction(exponent) == size
    except ArithmeticError:
        return Fraction(1, 10**12)
    if not exact:
        return Fraction(1, 10**12)
    places = exponent.normalize().as_tuple().exponent
    return Fraction(10) ** min(0, int(places))
