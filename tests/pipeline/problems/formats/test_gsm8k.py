"""Rows of GSM8K: the final answer, and the reference from annotations and prose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.problems.formats.gsm8k import calculations, final_answer, last_step, matches, read
from pipeline.problems.formats.row import BadRow
from pipeline.records import Problem

QUESTION = "Natalia sold 48 clips in April, and half as many in May. How many in both?"
SOLUTION = "In May she sold 48/2 = <<48/2=24>>24 clips.\nIn both <<48+24=72>>72.\n#### 72"


def test_a_row_becomes_a_problem() -> None:
    row = {"question": f" {QUESTION}", "answer": SOLUTION, "id": 3, "split": "validation"}
    assert read(row) == Problem(
        problem_id="3",
        task="arithmetic",
        question=QUESTION,
        answer="72",
        split="test",
        reference=("48/2=24", "48+24=72"),
    )


def test_a_row_without_an_id_or_a_split_gets_an_id_from_its_question() -> None:
    problem = read({"question": QUESTION, "answer": SOLUTION})
    # printf of the question | sha256sum
    assert (problem.problem_id, problem.split) == ("gsm8k-9e836c71a314", "")


def test_a_row_is_recognised_by_the_mark_of_the_final_answer() -> None:
    assert matches({"question": "?", "answer": "#### 1"})
    assert not matches({"question": "?", "answer": "1"})
    assert not matches({"question": "?", "answer": 1})
    assert not matches({"answer": "#### 1"})


@pytest.mark.parametrize(
    ("final", "answer"),
    [
        ("1,200", "1200"),
        ("$1,200.50", "1200.5"),
        ("-7", "-7"),
        ("\N{MINUS SIGN}7", "-7"),
        ("20%", "20"),
        ("007", "7"),
        ("1/4", "0.25"),
        ("Tuesday", "Tuesday"),
        ("12 apples", "12 apples"),
    ],
)
def test_a_final_answer_is_normalised(final: str, answer: str) -> None:
    assert final_answer(f"So.\n#### {final}\n") == answer


def test_the_last_mark_counts() -> None:
    assert final_answer("#### 5 is half of it.\n#### 10") == "10"


@pytest.mark.parametrize("solution", ["It is 4.", "It is 4.\n#### ", "####"])
def test_a_solution_without_a_final_answer_is_refused(solution: str) -> None:
    with pytest.raises(BadRow, match=r"^field answer has no final answer after ####$"):
        final_answer(solution)


def test_annotations_are_read_in_order_as_written() -> None:
    assert calculations("a <<1+1=2>>2, then\n<< 2 * 3 =6>>6 <<5>>5") == ("1+1=2", " 2 * 3 =6", "5")
    assert calculations("1 + 1 = 2") == ()


def test_an_equation_after_the_last_annotation_is_the_last_step() -> None:
    half = "Half is <<10/2=5>>5. So she has 5+3 = 8 left.\n#### 8"
    assert last_step(half, "8") == ("prose: 5+3=8",)
    assert read({"question": "?", "answer": half}).reference == ("10/2=5", "prose: 5+3=8")
    marked = "Half is <<10/2=5>>5.\n#### 5 of them. So she has 5+3 = 8 left.\n#### 8"
    assert last_step(marked, "8") == ("prose: 5+3=8",)


def test_without_annotations_prose_gives_no_step() -> None:
    assert last_step("So she has 5+3 = 8 left.\n#### 8", "8") == ()


def test_an_equation_before_the_last_annotation_is_no_last_step() -> None:
    assert last_step("So 5+3 = 8. Half is <<16/2=8>>8.\n#### 8", "8") == ()


@given(st.integers(-(10**12), 10**12), st.sampled_from(["", "$", "€"]), st.booleans())
def test_any_whole_number_is_read_as_itself(number: int, sign: str, commas: bool) -> None:
    written = f"{abs(number):,}" if commas else str(abs(number))
    minus = "-" if number < 0 else ""
    assert final_answer(f"So.\n#### {minus}{sign}{written}") == str(number)


@given(st.lists(st.text("0123456789+-*/=. ()", min_size=1, max_size=12), max_size=6))
def test_annotations_in_prose_are_read_back(written: list[str]) -> None:
    prose = "".join(f"Then <<{text}>>it.\n" for text in written)
    assert calculations(f"{prose}#### 1") == tuple(written)


@given(st.text("#0123456789<>=+,.$% \nab", max_size=40))
def test_any_solution_is_read_or_refused(solution: str) -> None:
    row = {"question": "How many?", "answer": solution}
    try:
        problem = read(row)
    except BadRow:
        assert not solution.rpartition("####")[2].strip() or "####" not in solution
        return
    assert problem.answer == problem.answer.strip() != ""
