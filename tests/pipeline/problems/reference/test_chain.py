from __future__ import annotations

import pytest

import toolsets
from pipeline.agent.agent import with_agent_tools
from pipeline.agent.verdict import judge
from pipeline.problems.reference.chain import REFERENCE, reference_chain
from pipeline.records import Problem

ARITHMETIC = toolsets.load("arithmetic")


def _problem(answer: str, *reference: str) -> Problem:
    return Problem("p", "arithmetic", "How many?", answer, "train", reference)


def test_a_reference_solution_becomes_a_correct_chain() -> None:
    problem = _problem("72", "48/2=24", "48+24=72")
    chain = reference_chain(problem, ARITHMETIC)
    assert chain is not None
    assert (chain.chain_id, chain.model, chain.answer) == ("p/reference", REFERENCE, "72")
    assert [step.reply for step in chain.steps] == [
        "divide(a=48, b=2)",
        "add(a=48, b=24)",
        "answer(value=72)",
    ]
    results = [step.result and step.result.content for step in chain.steps]
    assert results == ["24", "72", None]
    assert judge(chain, problem).correct


def test_parsing_the_replies_gives_the_calls() -> None:
    chain = reference_chain(_problem("72", "48/2=24", "48+24=72"), ARITHMETIC)
    assert chain is not None
    toolset = with_agent_tools(ARITHMETIC)
    assert [toolset.parse(step.reply) for step in chain.steps] == [
        step.call for step in chain.steps
    ]


@pytest.mark.parametrize(
    ("gold", "reply"),
    [
        ("1,200", "answer(value=1200)"),
        ("-3", "answer(value=-3)"),
        ("0.5", "answer(value='0.5')"),
        ("$7", "answer(value='$7')"),
    ],
)
def test_an_integer_answer_is_written_as_an_integer(gold: str, reply: str) -> None:
    value = {"1,200": "600+600=1200", "-3": "1-4=-3", "0.5": "1/2=0.5", "$7": "3+4=7"}[gold]
    problem = _problem(gold, value)
    chain = reference_chain(problem, ARITHMETIC)
    assert chain is not None
    assert chain.steps[-1].reply == reply
    assert judge(chain, problem).correct


@pytest.mark.parametrize(
    "problem",
    [
        _problem("72"),  # no calculations
        _problem("71", "48/2=24", "48+24=72"),  # ends elsewhere
        _problem("72", "48/2=25", "48+24=72"),  # an incorrect calculation
    ],
)
def test_an_unsuitable_reference_gives_no_chain(problem: Problem) -> None:
    assert reference_chain(problem, ARITHMETIC) is None
