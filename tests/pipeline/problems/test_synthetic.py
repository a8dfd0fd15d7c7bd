from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import toolsets
from pipeline.agent.verdict import judge
from pipeline.problems.decontamination import SeenQuestions
from pipeline.problems.pocket.world import problems as pocket_problems
from pipeline.problems.reference.calculations import reference_calls
from pipeline.problems.reference.chain import reference_chain
from pipeline.problems.synthetic import (
    Refused,
    WrittenProblem,
    check_agreed,
    check_new,
    example,
    numbers,
    read,
    requests,
    verified,
)
from pipeline.records import Problem

ARITHMETIC = toolsets.load("arithmetic")
PENS = "Ava has 3 bags of 4 pens and loses 2. How many pens?"
LONG = "9" * 1001  # one digit more than allowed
SOLVED = """\
Problem: Ava has 3 bags of 4 pens and loses 2. How many pens?
Solution:
multiply(a=3, b=4) -> 12
subtract(a=12, b=2) -> 10
answer(value=10)"""


def _solved(*calls: str, question: str = PENS) -> Problem:
    return verified(
        WrittenProblem(question, calls), "self-7", "arithmetic", ARITHMETIC, ARITHMETIC.execute
    )


def _training(index: int, task: str = "arithmetic") -> Problem:
    reference = (f"{index}+1000={index + 1000}",)
    question = f"What is {index} and 1000?"
    return Problem(f"p{index}", task, question, str(index + 1000), "train", reference)


def test_a_few_shot_example_has_the_requested_form() -> None:
    problem = Problem("p", "arithmetic", PENS, "10", "train", ("3*4=12", "12-2=10"))
    assert example(problem, ARITHMETIC) == SOLVED


def test_every_example_passes_the_checks_of_written_problems() -> None:
    examples = 0
    for problem in pocket_problems(400, 0, "train"):
        text = example(problem, ARITHMETIC)
        if text is None:
            continue
        draft = read(text)
        result = verified(draft, "self-0", problem.task, ARITHMETIC, ARITHMETIC.execute)
        assert (result.question, result.answer) == (problem.question, problem.answer)
        assert reference_calls(result, ARITHMETIC)
        examples += 1
    assert examples > 100


def test_a_solution_with_a_number_missing_from_the_question_gives_no_example() -> None:
    week = Problem("p", "arithmetic", "2 a day, how many a week?", "14", "train", ("2*7=14",))
    assert example(week, ARITHMETIC) is None


def test_a_request_shows_the_given_number_of_examples_of_one_task() -> None:
    problems = [_training(i, "money" if i % 2 else "time") for i in range(20)]
    asked = requests(problems, ARITHMETIC, count=12, examples=3, seed=0)
    assert [request.problem_id for request in asked] == [f"self-{i:06d}" for i in range(12)]
    assert {request.task for request in asked} == {"money", "time"}
    for request in asked:
        shown = [p for p in problems if p.question in request.question]
        assert len(shown) == 3
        assert {p.task for p in shown} == {request.task}


def test_requests_show_training_problems_only_and_are_reproducible() -> None:
    held_out = Problem("t", "arithmetic", "What is 1 + 2?", "3", "test", ("1+2=3",))
    problems = [held_out, *map(_training, range(5))]
    asked = requests(problems, ARITHMETIC, count=10, examples=9, seed=0)
    assert not any(held_out.question in request.question for request in asked)
    assert asked == requests(problems, ARITHMETIC, count=10, examples=9, seed=0)
    assert asked != requests(problems, ARITHMETIC, count=10, examples=9, seed=1)
    assert requests([held_out], ARITHMETIC, count=10, examples=9, seed=0) == []


@pytest.mark.parametrize(
    "reply",
    [
        SOLVED,
        SOLVED.removeprefix("Problem: "),
        SOLVED.replace("Solution:\n", ""),
        f"Here is one.\n\n{SOLVED}\n\nProblem: And more?\nSolution:\nadd(a=1, b=1) -> 2",
        SOLVED.replace("Solution:\n", "Solution:\n```\n") + "\n```",
        SOLVED.replace(" -> 12", "").replace("How", "\nHow"),
    ],
)
def test_the_first_problem_of_a_reply_is_read(reply: str) -> None:
    calls = ("multiply(a=3, b=4)", "subtract(a=12, b=2)", "answer(value=10)")
    assert read(reply) == WrittenProblem(PENS, calls)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "no_problem"),
        ("Solution:\nadd(a=1, b=2) -> 3\nanswer(value=3)", "no_problem"),
        (PENS, "no_answer"),
        (SOLVED.replace("answer(value=10)", ""), "no_answer"),
        (SOLVED.replace("answer", "So the answer"), "unparseable_call"),
        (SOLVED.replace("subtract", "Then we subtract"), "unparseable_call"),
    ],
)
def test_a_reply_in_an_incorrect_form_is_refused(reply: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        read(reply)
    assert refused.value.reason == reason


def test_the_answer_is_the_last_result_and_the_calls_are_the_reference() -> None:
    problem = _solved("multiply(a=3, b=4)", "subtract(12, 2)", 'answer(value="10.0")')
    reference = ("multiply(a=3, b=4)", "subtract(a=12, b=2)")
    assert problem == Problem("self-7", "arithmetic", PENS, "10", "train", reference)
    chain = reference_chain(problem, ARITHMETIC)
    assert chain is not None
    assert judge(chain, problem).correct


@pytest.mark.parametrize(
    ("calls", "reason", "detail"),
    [
        (("multiply(a=3)", "answer(value=3)"), "unparseable_call", "multiply(a=3): "),
        (("steal(a=3, b=4)", "answer(value=7)"), "unparseable_call", "steal(a=3, b=4): "),
        (("divide(a=4, b=5)", "answer(value=1)"), "unfounded_number", "divide(a=4, b=5): 5 is not"),
        ((f"add(a={LONG}, b=4)", "answer(value=7)"), "unfounded_number", f"add(a={LONG}, b=4): 9"),
        (("subtract(a=3, b=3)", "divide(a=4, b=0)", "answer(value=1)"), "failed_call", "divide("),
        (("answer(value=3)",), "no_answer", "no function is called before the answer"),
        (
            ("add(a=3, b=4)", "answer(value=8)"),
            "other_answer",
            "the answer is 8, but the last result is 7",
        ),
    ],
)
def test_an_incorrect_solution_is_refused(calls: tuple[str, ...], reason: str, detail: str) -> None:
    with pytest.raises(Refused) as refused:
        _solved(*calls)
    assert (refused.value.reason, refused.value.detail[: len(detail)]) == (reason, detail)


def test_a_call_with_an_unfounded_number_is_not_executed() -> None:
    def run(call: toolsets.ToolCall) -> toolsets.ToolResult:
        raise AssertionError(call)

    with pytest.raises(Refused):
        verified(
            WrittenProblem(PENS, ("add(a=3, b=99)", "answer(value=1)")), "s", "t", ARITHMETIC, run
        )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ava has 1,200 pens at $0.50, not -3.", {1200, Fraction(1, 2), 3}),
        ("twenty-five cows", {20, 5, 25}),
        ("half of a dozen", {2, Fraction(1, 2), 12}),
        ("20% more", {20, Fraction(1, 5), 100}),
        ("Twice as many, a third of them red", {2, 3, Fraction(1, 3)}),
        ("nothing at all", set()),
    ],
)
def test_numbers_are_read_in_digits_and_in_words(text: str, expected: set[Fraction]) -> None:
    assert numbers(text) == expected


@given(st.text(max_size=300), st.text("0123456789.,%()->=aeb \nSolution:", max_size=200))
def test_any_reply_is_read_or_refused(before: str, after: str) -> None:
    try:
        draft = read(f"{before}\n{after}\nadd(a=1, b=2)\nanswer(value=3)")
        verified(draft, "self-0", "arithmetic", ARITHMETIC, ARITHMETIC.execute)
    except Refused as refused:
        assert refused.detail


@given(st.text("0123456789abc(),=' \n>-", max_size=80))
def test_any_text_in_a_call_is_read_or_refused(written: str) -> None:
    try:
        verified(
            read(f"What?\nadd({written})\nanswer(value=3)"),
            "self-0",
            "arithmetic",
            ARITHMETIC,
            ARITHMETIC.execute,
        )
    except Refused as refused:
        assert refused.detail


@pytest.mark.parametrize("split", ["train", "test", "ood", "heldout"])
def test_a_known_question_of_any_split_is_refused(split: str) -> None:
    known = SeenQuestions(13, [Problem("other", "arithmetic", PENS, "10", split)])
    problem = Problem("self-0", "arithmetic", PENS.upper(), "10", "train")
    with pytest.raises(Refused, match=f"the same words as other of split {split}$") as refused:
        check_new(problem, known)
    assert refused.value.reason == "known"
    check_new(Problem("self-0", "arithmetic", "What is 1 + 1?", "2", "train"), known)


def test_a_near_copy_is_refused() -> None:
    known = SeenQuestions(6, [Problem("other", "arithmetic", PENS, "10", "test")])
    near = Problem("self-0", "arithmetic", PENS.replace("How", "Tell me how"), "10", "train")
    with pytest.raises(Refused, match="shares consecutive words with other of split test"):
        check_new(near, known)


@pytest.mark.parametrize(
    ("correct", "agreed"),
    [
        ([True], True),
        ([False], False),
        ([True, True, False], True),
        ([True, False], False),
        ([True, False, None], False),
        ([None, None, None], False),
    ],
)
def test_more_than_half_of_the_solutions_must_agree(
    correct: list[bool | None], agreed: bool
) -> None:
    if agreed:
        check_agreed(correct)
    else:
        with pytest.raises(Refused, match=f"of {len(correct)} solutions"):
            check_agreed(correct)
