"""The truth about an answer: whether it is the gold answer, and if not, what went wrong.

Numbers are compared as exact rationals; thousands commas, one currency sign and one percent sign
are forgiven, so "$1,200" is 1200 and "20%" is 20 (never 0.2). Words after a number are not: "12
apples" is text. Everything else is compared as text, without regard to case and spacing.

Not here: how an answer was written in the chain (`pipeline.agent.agent`), accuracies and intervals.
"""

from __future__ import annotations

import re
from fractions import Fraction

from pipeline.records import Chain, Failure, Problem, Verdict
from toolsets.tools.numbers import read_number

SYNONYMS = {"unknown": "uncertain"}  # FOLIO's label: its releases use both words

_NUMBER = re.compile(
    r"(?P<sign>[+-]?)\s*(?P<before>[$€£]?)\s*(?P<digits>[+-]?[\d.][^$€£%]*?)\s*(?P<after>[$€£%]?)"
)


def judge(chain: Chain, problem: Problem, tolerance: float = 0.0) -> Verdict:
    """The verdict on `chain`, whose `tolerance` is that of `same_answer`.

    A chain that ended at a limit, without an answer, fails by what its last step failed by, where
    that step's call failed: a model that never mends its call has failed by the call, not by the
    limit. A blank answer is `no_answer`. An engine error is no fault of the model: `correct` is
    None.
    """
    failure = _failure(chain, problem.answer, tolerance)
    correct = None if failure == "engine_error" else failure is None
    return Verdict(chain.chain_id, correct, problem.answer, chain.answer, failure)


def same_answer(got: str, expected: str, tolerance: float = 0.0) -> bool:
    """Whether `got` means `expected`.

    Two numbers do where |got - expected| <= tolerance * max(1, |expected|), unless both carry a
    sign (currency, percent) and these differ. Anything else is compared as text.
    """
    ours, theirs = _read(got), _read(expected)
    if ours is None or theirs is None:
        return _words(got) == _words(expected)
    if ours[1] and theirs[1] and ours[1] != theirs[1]:
        return False
    allowed = Fraction(repr(tolerance)) * max(Fraction(1), abs(theirs[0]))
    return abs(ours[0] - theirs[0]) <= allowed


def answer_value(text: str) -> Fraction | None:
    """The number that an answer stands for, its currency or percent sign dropped; None if none."""
    read = _read(text)
    return None if read is None else read[0]


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


def _read(text: str) -> tuple[Fraction, str] | None:
    match = _NUMBER.fullmatch(text.strip().replace("\N{MINUS SIGN}", "-"))
    if match is None or (match["before"] and match["after"]):
        return None
    try:
        return read_number(match["sign"] + match["digits"]), match["before"] or match["after"]
    except ValueError:
        return None


def _words(text: str) -> str:
    words = " ".join(text.split()).casefold()
    return SYNONYMS.get(words, words)
