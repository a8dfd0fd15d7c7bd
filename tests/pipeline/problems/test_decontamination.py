from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.problems.decontamination import contaminated, words
from pipeline.problems.reader import decontaminated, read_problems
from pipeline.problems.source import read_source
from pipeline.recipe.load import load
from pipeline.records import Problem

LONG = "Ava has three bags of four pens each, and then she loses two of them. How many are left?"


def _problem(name: str, question: str, split: str = "train") -> Problem:
    return Problem(name, "arithmetic", question, "10", split)


def _found(train: str, held_out: str, ngram: int = 13, split: str = "test") -> str | None:
    found = contaminated([_problem("a", train), _problem("b", held_out, split)], ngram)
    return found["a"][0] if "a" in found else None


def test_words_are_lower_case_without_punctuation_and_numbers_are_words() -> None:
    assert words("Ava's 1,200 pens (1.5 €)!\nÉté") == ("ava", "s", "1,200", "pens", "1.5", "été")


@pytest.mark.parametrize("split", ["test", "ood"])
def test_the_same_words_are_exact_in_every_evaluation_split(split: str) -> None:
    assert _found(LONG, LONG, split=split) == "exact"
    assert _found(LONG.upper().replace(",", " -"), LONG, split=split) == "exact"
    assert _found("What is 2 + 3?", "what is 2 + 3", split=split) == "exact"


def test_thirteen_words_in_a_row_are_an_overlap_and_twelve_are_none() -> None:
    start = LONG.split()[:13]
    rest = "but nobody counts the red ones that lie under the table at noon"
    assert _found(" ".join([*start, *rest.split()]), LONG) == "ngram"
    assert _found(" ".join([*start[:12], *rest.split()]), LONG) is None
    assert _found(" ".join([*start[:12], *rest.split()]), LONG, ngram=12) == "ngram"


def test_another_number_breaks_the_row() -> None:
    assert _found("Tom has 3 red pens and 4 blue pens today", LONG) is None
    one = "Tom buys 3 red pens and then 4 blue pens and sells 2 of them"
    assert _found(one, one.replace("4", "5") + " and rests", ngram=10) is None


def test_a_short_evaluation_question_counts_whole() -> None:
    assert _found("Please tell me: what is 2 + 3? Show how.", "What is 2 + 3?") == "ngram"
    assert _found("What is 2 + 4?", "What is 2 + 3?") is None
    assert _found("What is?", "What is 2 + 3?") is None


def test_training_problems_do_not_contaminate_each_other() -> None:
    assert contaminated([_problem("a", LONG), _problem("b", LONG)], 13) == {}


@given(st.lists(st.tuples(st.text("ab ", max_size=12), st.sampled_from(["train", "test"]))))
def test_what_is_kept_shares_no_row_of_words_with_an_evaluation_question(
    drawn: list[tuple[str, str]],
) -> None:
    problems = [_problem(str(i), text, split) for i, (text, split) in enumerate(drawn)]
    found = contaminated(problems, 2)
    for problem in problems:
        if problem.split == "train":
            asked = f" {' '.join(words(problem.question))} "
            rows = [_rows(words(p.question)) for p in problems if p.split == "test"]
            shares = any(f" {' '.join(row)} " in asked for some in rows for row in some)
            same = any(
                words(p.question) == words(problem.question) for p in problems if p.split == "test"
            )
            assert (problem.problem_id in found) == (shares or same)


def _rows(text: tuple[str, ...]) -> list[tuple[str, ...]]:
    pairs = [text[i : i + 2] for i in range(len(text) - 1)]
    return pairs or ([text] if text else [])


def test_what_is_dropped_is_a_reject_with_its_line_and_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    rows = [
        {"problem_id": "kept", "question": "What is 7 - 5?", "answer": "2", "split": "train"},
        {"problem_id": "same", "question": "what is 2+3", "answer": "5", "split": "train"},
        {"problem_id": "test", "question": "What is 2 + 3?", "answer": "5", "split": "test"},
        {"problem_id": "near", "question": "So what is 2 + 3?", "answer": "5", "split": "train"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    found = decontaminated(read_problems(str(path)), 13)
    assert [problem.problem_id for problem in found.problems] == ["kept", "test"]
    assert found.contaminated == {"exact": 1, "ngram": 1}
    assert [(reject.line, reject.reason) for reject in found.rejects] == [
        (2, "the question has the words of test of split test (exact)"),
        (4, "the question shares words in a row with test of split test (ngram)"),
    ]
    assert json.loads(found.rejects[0].row)["question"] == "what is 2+3"


def test_null_drops_nothing() -> None:
    recipe = load("pocket", ["problems.decontaminate_ngram=null", "problems.limit=20"])
    found = read_source(recipe)
    assert len(found.problems) == 60
    assert found.contaminated == {"exact": 0, "ngram": 0}


def test_the_pocket_recipe_loses_no_problem() -> None:
    """Its questions are made of templates, hence its longer row of words."""
    found = read_source(load("pocket"))
    assert (len(found.rejects), found.contaminated) == (0, {"exact": 0, "ngram": 0})


def test_near_copies_in_grade_school_mathematics_are_found_within_seconds(gsm8k_path: str) -> None:
    found = read_problems(gsm8k_path)
    started = time.perf_counter()
    clean = decontaminated(found, 13)
    assert time.perf_counter() - started < 5  # a quarter of a second on an idle core
    assert clean.contaminated == {"exact": 0, "ngram": 4}
