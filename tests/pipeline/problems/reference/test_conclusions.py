"""Conversion of English conclusions to formulas, compared with FOLIO formulas written by hand."""

from __future__ import annotations

import pytest

import toolsets
from pipeline.problems.reader import read_problems
from pipeline.problems.reference.chain import reference_chain
from pipeline.problems.reference.conclusions import plain_conclusion
from pipeline.problems.reference.formulas import premises_of
from pipeline.records import Problem
from tests.toolsets.shipped.logic.conclusions import DIFFERENT_NAMES, NOISY, SAMPLE
from toolsets.languages.formula import lenient
from toolsets.languages.formula.names import plain
from toolsets.languages.formula.syntax import render

PREMISES = (
    "∀x (Employee(x) → HighIncome(x) ∨ InOffice(x))",
    "Employee(james) ∧ Manages(james, mary_ann) ∧ Manages(mary_ann, l_2021)",
    "Likes(james, james) ∧ NotHappy(james) ∧ Harm(l_2021)",
)


def _converted(sentence: str) -> str | None:
    formula = plain_conclusion(lenient.read_problem(PREMISES).premises, sentence)
    return None if formula is None else render(formula)


@pytest.mark.parametrize(
    ("sentence", "formula"),
    [
        ("James has a high income.", "HighIncome(james)"),
        ("James does not have a high income.", "¬HighIncome(james)"),
        ("James isn't in the office.", "¬InOffice(james)"),
        ("Mary Ann is an employee.", "Employee(mary_ann)"),
        ("L-2021 is one of the employees.", None),  # no name contains "one"
        ("L-2021 is an employee.", "Employee(l_2021)"),
        ("James managed.", None),  # whom?
        ("James manages Mary Ann.", None),  # ambiguous: names alone do not show who manages whom
        ("James is an employee or in the office.", None),
        ("All employees have a high income.", None),
        ("There is an office.", None),
        ("James is not unhappy.", None),
        ("James is not happy.", None),  # NotHappy(james), or ¬Happy(james)?
        ("James does not have no high income, and not in the office.", None),
        ("L-2021 is harmless.", None),
        ("L-2021 harms.", "Harm(l_2021)"),
        ("He is an employee.", None),
        ("", None),
    ],
)
def test_only_unambiguous_sentences_are_converted(sentence: str, formula: str | None) -> None:
    assert _converted(sentence) == formula


def test_converted_folio_conclusions_equal_those_written_by_hand(folio_path: str) -> None:
    converted = {}
    for problem in read_problems(folio_path).problems:
        example = int(problem.problem_id.removeprefix("folio-"))
        premises = lenient.read_problem(premises_of(problem)).premises
        sentence = problem.question.partition("\nConclusion: ")[2].partition("\n")[0]
        formula = plain_conclusion(premises, sentence)
        if formula is not None:
            converted[example] = render(formula)
    assert len(converted) == 192
    by_hand = SAMPLE | NOISY | DIFFERENT_NAMES
    both = converted.keys() & by_hand.keys()
    assert len(both) >= 15
    assert [plain(converted[example]) for example in both] == [plain(by_hand[e]) for e in both]


def test_converted_folio_conclusions_give_reference_chains(
    folio_path: str,
) -> None:
    toolset = toolsets.load("logic")
    problems = read_problems(folio_path).problems
    chains = [chain for problem in problems if (chain := reference_chain(problem, toolset))]
    assert len(chains) == 188
    assert {chain.answer for chain in chains} == {"True", "False", "Uncertain"}


@pytest.mark.parametrize(("label", "calls"), [("True", 2), ("Uncertain", 0)])
def test_a_converted_conclusion_gives_a_chain_only_if_z3_agrees_with_the_label(
    label: str, calls: int
) -> None:
    question = "Premises:\nTom is a cat.\nConclusion: Tom is a cat.\nTrue?"
    problem = Problem("p", "logic", question, label, "train", ("Cat(tom)",))
    chain = reference_chain(problem, toolsets.load("logic"))
    assert len(chain.steps if chain else ()) == calls
