"""Verdicts: whether an answer equals the gold answer and, if not, how the chain failed.

    writing      an answer without markdown, LaTeX and odd characters
    quantities   numbers, exact or as precise as a float's text
    units        units and words at a number
    choices      labels, and letters of multiple-choice questions
    sequences    sets, tuples, lists
    symbolic     expressions and relations, compared by their values; the only part that uses sympy

What fits none of these is compared as text, ignoring case and spacing.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Literal

from pipeline.agent.verdict.choices import LABELS, chosen_letter, letter, normalized
from pipeline.agent.verdict.quantities import (
    Quantity,
    answer_value,
    is_decimal,
    is_whole,
    read_quantity,
    same_value,
)
from pipeline.agent.verdict.sequences import read_elements, same_elements
from pipeline.agent.verdict.symbolic import (
    constant,
    is_expression,
    is_name,
    relation,
    same_expression,
)
from pipeline.agent.verdict.units import NO_UNIT, same_unit
from pipeline.agent.verdict.writing import unwrapped
from pipeline.records import Chain, Failure, Problem, Verdict

__all__ = ["RULES", "Kind", "Units", "answer_value", "judge", "kind", "same_answer", "units_of"]

RULES = "2"  # of verdicts; another number means that a stored chain may be judged differently
DEEPEST = 3  # nesting of sequences and relations

Units = Literal["ignore", "strict"]
Kind = Literal["number", "label", "expression", "other"]


def judge(
    chain: Chain, problem: Problem, tolerance: float = 0.0, units: Units = "ignore"
) -> Verdict:
    """The verdict on `chain`; `tolerance` and `units` as in `same_answer`.

    If a chain reached a limit without an answer and its last call failed, the failure is that of
    the call, not of the limit: the model never corrected the call. A blank answer is `no_answer`.
    For an engine error, which is not the model's fault, `correct` is None.
    """
    failure = _failure(chain, problem.answer, tolerance, units)
    correct = None if failure == "engine_error" else failure is None
    return Verdict(chain.chain_id, correct, problem.answer, chain.answer, failure)


def same_answer(got: str, expected: str, tolerance: float = 0.0, units: Units = "ignore") -> bool:
    """Whether `got` and `expected` are the same answer.

    Two numbers are the same if |got - expected| <= tolerance * max(1, |expected|), and at the
    precision of a float if one is written as a float. Signs such as $ and % count only if both have
    one; so do words after a number, unless `units` is strict: then they must be the same words.
    """
    if got == expected:
        return True
    if not tolerance and is_whole(got) and is_whole(expected):
        return int(got) == int(expected)
    exact = Fraction(repr(tolerance)) if tolerance else Fraction(0)
    return _same(unwrapped(got), unwrapped(expected), exact, units == "strict", DEEPEST)


def kind(gold: str) -> Kind:
    """What a gold answer is: a number (also with a unit), a label or letter, or an expression."""
    text = unwrapped(gold)
    if read_quantity(text) is not None:
        return "number"
    if normalized(text) in LABELS or letter(text):
        return "label"
    if is_expression(text):
        return "expression"
    elements = read_elements(text)
    parts = elements.parts if elements else relation(text)
    if parts and all(part in "=<≤≠" or is_name(part) or kind(part) != "other" for part in parts):
        return "expression"
    return "other"


def units_of(golds: Iterable[str]) -> Units:
    """The rule for units of a data set: they are ignored where every gold is a bare number."""
    return "ignore" if all(map(_is_bare, golds)) else "strict"


def _failure(chain: Chain, expected: str, tolerance: float, units: Units) -> Failure | None:
    if chain.stop_reason == "engine_error":
        return "engine_error"
    if chain.stop_reason == "context_full":
        return _last_error(chain) or "context_full"
    if chain.stop_reason != "answer":
        return _last_error(chain) or "max_steps"
    if chain.answer is None or not chain.answer.strip():
        return "no_answer"
    return None if same_answer(chain.answer, expected, tolerance, units) else "wrong_answer"


def _last_error(chain: Chain) -> Failure | None:
    result = chain.steps[-1].result if chain.steps else None
    return result.error_kind if result is not None and not result.ok else None


def _is_bare(gold: str) -> bool:
    quantity = read_quantity(unwrapped(gold))
    return quantity is not None and quantity.unit == NO_UNIT


def _same(got: str, expected: str, tolerance: Fraction, strict: bool, depth: int) -> bool:
    """Whether two unwrapped answers are the same; cheap readings first."""
    if normalized(got) == normalized(expected):
        return True
    one, other = read_quantity(got), read_quantity(expected)
    if one is not None and other is not None:
        return same_value(one, other, tolerance) and same_unit(one.unit, other.unit, strict)
    if (gold_letter := letter(expected)) is not None:
        return chosen_letter(got) == gold_letter
    if depth and (parts := read_elements(expected)) and (found := read_elements(got)):
        return same_elements(
            found,
            parts,
            lambda a, b: _same(unwrapped(a), unwrapped(b), tolerance, strict, depth - 1),
        )
    if depth and (relation(got) or relation(expected)):
        return _same_relation(got, expected, tolerance, strict, depth - 1)
    if (one and one.unit != NO_UNIT) or (other and other.unit != NO_UNIT):
        return False
    return same_expression(got, expected) or _same_constants(
        one or constant(got), other or constant(expected), tolerance
    )


def _same_constants(one: Quantity | None, other: Quantity | None, tolerance: Fraction) -> bool:
    """Whether two expressions without names, or one and a number, are equal within `tolerance`, or
    the number is the other's decimal as functions write it."""
    if one is None or other is None:
        return False
    return same_value(one, other, tolerance) or is_decimal(one, other) or is_decimal(other, one)


def _same_relation(got: str, expected: str, tolerance: Fraction, strict: bool, depth: int) -> bool:
    """Whether two relations have the same sides, or x = 5 stands for 5."""
    one, other = relation(got), relation(expected)
    if one is None or other is None:
        named, plain = (one, expected) if one else (other, got)
        assert named is not None
        name, sign, value = named
        is_value = sign == "=" and name.isidentifier() and name.isascii()
        return is_value and _same(value, plain, tolerance, strict, 0)
    if one[1] != other[1]:
        return False

    def same(a: str, b: str) -> bool:
        return _same(a, b, tolerance, strict, depth)

    as_written = same(one[0], other[0]) and same(one[2], other[2])
    turned = one[1] in "=≠" and same(one[0], other[2]) and same(one[2], other[0])
    return as_written or turned
