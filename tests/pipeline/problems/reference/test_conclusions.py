"""Conclusions read off their words: FOLIO's beside those written by hand, and what is not read."""

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


def _read(sentence: str) -> str | None:
    found = plain_conclusion(lenient.read_problem(PREMISES).premises, sentence)
    return None if found is None else render(found)


@pytest.mark.parametrize(
    ("sentence", "formula"),
    [
        ("James has a high income.", "HighIncome(james)"),
        ("James does not have a high income.", "¬HighIncome(james)"),
        ("James isn't in the office.", "¬InOffice(james)"),
        ("Mary Ann is an employee.", "Employee(mary_ann)"),
        ("L-2021 is one of the employees.", None),  # "one" is in no name
        ("L-2021 is an employee.", "Employee(l_2021)"),
        ("James managed.", None),  # whom?
        ("James manages Mary Ann.", None),  # or she him: names alone do not say who does it
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
def test_a_plain_sentence_is_read_and_nothing_is_guessed(
    sentence: str, formula: str | None
) -> None:
    assert _read(sentence) == formula


def test_what_is_read_of_folio_is_what_a_person_wrote(folio_path: str) -> None:
    read = {}
    for problem in read_problems(folio_path).problems:
        example = int(problem.problem_id.removeprefix("folio-"))
        premises = lenient.read_problem(premises_of(problem)).premises
        sentence = problem.question.partition("\nConclusion: ")[2].partition("\n")[0]
        found = plain_conclusion(premises, sentence)
        if found is not None:
            read[example] = render(found)
    assert len(read) == 192
    by_hand = SAMPLE | NOISY | DIFFERENT_NAMES
    both = read.keys() & by_hand.keys()
    assert len(both) >= 15
    assert [plain(read[example]) for example in both] == [plain(by_hand[e]) for e in both]


def test_an_example_without_a_formula_of_its_conclusion_gets_a_worked_chain(
    folio_path: str,
) -> None:
    toolset = toolsets.load("logic")
    problems = read_problems(folio_path).problems
    chains = [chain for problem in problems if (chain := reference_chain(problem, toolset))]
    assert len(chains) == 188
    assert {chain.answer for chain in chains} == {"True", "False", "Uncertain"}


@pytest.mark.parametrize(("label", "calls"), [("True", 2), ("Uncertain", 0)])
def test_a_chain_comes_of_it_only_where_z3_answers_the_label(label: str, calls: int) -> None:
    question = "Premises:\nTom is a cat.\nConclusion: Tom is a cat.\nTrue?"
    problem = Problem("p", "logic", question, label, "train", ("Cat(tom)",))
    chain = reference_chain(problem, toolsets.load("logic"))
    assert len(chain.steps if chain else ()) == calls
