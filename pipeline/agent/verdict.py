"""Verdicts: whether an answer equals the gold answer and, if not, how the chain failed.

Numbers are compared as exact rationals. Thousands commas, one currency sign and one percent sign
are ignored: "$1,200" is 1200 and "20%" is 20 (never 0.2). Words after a number are not: "12 apples"
is text. Everything else is compared as text, ignoring case and spacing.
"""

from __future__ import annotations

import re
from fractions import Fraction

from pipeline.records import Chain, Failure, Problem, Verdict
from toolsets.tools.numbers import read_number

RULES = "1"  # of verdicts; another number means that a stored chain may be judged differently
SYNONYMS = {"unknown": "uncertain"}  # FOLIO's releases use both words for this label

_NUMBER = re.compile(
    r"(?P<sign>[+-]?)\s*(?P<before>[$€£]?)\s*(?P<digits>[+-]?[\d.][^$€£%]*?)\s*(?P<after>[$€£%]?)"
)


def judge(chain: Chain, problem: Problem, tolerance: float = 0.0) -> Verdict:
    """The verdict on `chain`; `tolerance` as in `same_answer`.

    If a chain reached a limit without an answer and its last call failed, the failure is that of
    the call, not of the limit: the model never corrected the call. A blank answer is `no_answer`.
    For an engine error, which is not the model's fault, `correct` is None.
    """
    failure = _failure(chain, problem.answer, tolerance)
    correct = None if failure == "engine_error" else failure is None
    return Verdict(chain.chain_id, correct, problem.answer, chain.answer, failure)


def same_answer(got: str, expected: str, tolerance: float = 0.0) -> bool:
    """Whether `got` and `expected` are the same answer.

    Two numbers are the same if |got - expected| <= tolerance * max(1, |expected|), unless both have
    a sign (currency, percent) and the signs differ. Other answers are compared as text.
    """
    got_number, expected_number = _parse(got), _parse(expected)
    if got_number is None or expected_number is None:
        return _normalized(got) == _normalized(expected)
    (got_value, got_sign), (expected_value, expected_sign) = got_number, expected_number
    if got_sign and expected_sign and got_sign != expected_sign:
        return False
    allowed = Fraction(repr(tolerance)) * max(Fraction(1), abs(expected_value))
    return abs(got_value - expected_value) <= allowed


def answer_value(text: str) -> Fraction | None:
    """The number in an answer, without its currency or percent sign; None if it is not a number."""
    number = _parse(text)
    return None if number is None else number[0]


def _failure(chain: Chain, expected: str, tolerance: float) -> Failure | None:
    if chain.stop_reason == "engine_error":
        return "engine_error"
    if chain.stop_reason == "context_full":
        return _last_error(chain) or "context_full"
    if chain.stop_reason != "answer":
        return _last_error(chain) or "max_steps"
    if chain.answer is None or not chain.answer.strip():
        return "no_answer"
    return None if same_answer(chain.answer, expected, tolerance) else "wrong_answer"


def _last_error(chain: Chain) -> Failure | None:
    result = chain.steps[-1].result if chain.steps else None
    return result.error_kind if result is not None and not result.ok else None


def _parse(text: str) -> tuple[Fraction, str] | None:
    """The value and its currency or percent sign, or None."""
    match = _NUMBER.fullmatch(text.strip().replace("\N{MINUS SIGN}", "-"))
    if match is None or (match["before"] and match["after"]):
        return None
    try:
        return read_number(match["sign"] + match["digits"]), match["before"] or match["after"]
    except ValueError:
        return None


def _normalized(text: str) -> str:
    words = " ".join(text.split()).casefold()
    return SYNONYMS.get(words, words)
