# ruff: noqa: RUF001  # questions in Chinese, signs of mathematics
from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.problems.decontamination import SeenQuestions, contaminated, words
from pipeline.problems.reader import decontaminated, read_problems
from pipeline.problems.source import read_source
from pipeline.recipe.load import load
from pipeline.records import Problem

LONG = "Ava has three bags of four pens each, and then she loses two of them. How many are left?"


def _problem(name: str, question: str, split: str = "train") -> Problem:
    return Problem(name, "arithmetic", question, "10", split)


def _overlap(train: str, held_out: str, ngram: int = 13, split: str = "test") -> str | None:
    overlaps = contaminated([_problem("a", train), _problem("b", held_out, split)], ngram)
    return overlaps["a"][0] if "a" in overlaps else None


def test_words_are_lower_case_without_punctuation_and_numbers_are_words() -> None:
    assert words("Ava's 1,200 pens (1.5 €)!\nÉté") == ("ava", "s", "1,200", "pens", "1.5", "été")


@pytest.mark.parametrize("sign", ["-", "*", "/", "^", "%", "//", "**", "=", "<", "×", "÷", "→"])
def test_questions_that_differ_in_an_operator_are_different(sign: str) -> None:
    assert _overlap(f"What is 3 {sign} 4?", "What is 3 + 4?") is None
    assert _overlap(f"What is x{sign}y?", "What is x+y?") is None
    assert _overlap(f"What is (1 + 2) {sign} (3 + 4)?", "What is (1 + 2) + (3 + 4)?") is None
    assert _overlap(f"What is 3{sign}4?", f"what is 3 {sign} 4") == "exact"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is -3 + 4?", "What is 3 + 4?"),
        ("What is 3 - -4?", "What is 3 - 4?"),
        ("What is .5 of it?", "What is 5 of it?"),
        ("What is 20% of 50?", "What is 20 of 50?"),
        ("What is 5! + 1?", "What is 5 + 1?"),
        ("Does ¬p ∧ q follow?", "Does p ∨ q follow?"),
        ("What is x² + 1?", "What is x³ + 1?"),
        ("What are 3 apples * 4?", "What are 3 apples / 4?"),
        ("कितने सेब हैं?", "कितना सेब है?"),
    ],
)
def test_signs_and_marks_are_part_of_the_words(one: str, other: str) -> None:
    assert words(one) != words(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3 − 4 × 2 ÷ 1", "3 - 4 * 2 / 1"),
        ("**Each** bag - as said - holds 3.", "each bag, as said, holds 3"),
        ("- 3 well-known km/h and/or more", "* 3 well known km h and or more"),
        ("cafe\u0301", "café"),
    ],
)
def test_punctuation_and_writing_do_not_matter(one: str, other: str) -> None:
    assert words(one) == words(other)


def test_each_character_of_a_script_without_spaces_is_a_word() -> None:
    assert words("小明有3个苹果。") == ("小", "明", "有", "3", "个", "苹", "果")
    assert words("ฉันมีแมว") == ("ฉั", "น", "มี", "แ", "ม", "ว")
    question = "小明有三个苹果，又买了四个，然后吃了两个，现在他还有几个苹果？"
    near = question.replace("现在他", "请问小明现在").replace("？", "呢？")
    assert _overlap(near, question) == "ngram"
    assert _overlap("小明有三本书，送给同学一本，又借来五本。", question) is None
    known = SeenQuestions(13, [_problem("other", question)])
    assert known.overlap(near) is not None  # synthetic problems share it


@pytest.mark.parametrize("split", ["test", "ood"])
def test_equal_words_are_an_exact_overlap_in_every_evaluation_split(split: str) -> None:
    assert _overlap(LONG, LONG, split=split) == "exact"
    assert _overlap(LONG.upper().replace(",", " -"), LONG, split=split) == "exact"
    assert _overlap("What is 2 + 3?", "what is 2 + 3", split=split) == "exact"


def test_thirteen_consecutive_words_overlap_and_twelve_do_not() -> None:
    start = LONG.split()[:13]
    rest = "but nobody counts the red ones that lie under the table at noon"
    assert _overlap(" ".join([*start, *rest.split()]), LONG) == "ngram"
    assert _overlap(" ".join([*start[:12], *rest.split()]), LONG) is None
    assert _overlap(" ".join([*start[:12], *rest.split()]), LONG, ngram=12) == "ngram"


def test_a_different_number_breaks_the_ngram() -> None:
    assert _overlap("Tom has 3 red pens and 4 blue pens today", LONG) is None
    one = "Tom buys 3 red pens and then 4 blue pens and sells 2 of them"
    assert _overlap(one, one.replace("4", "5") + " and rests", ngram=10) is None


def test_a_short_evaluation_question_is_one_ngram() -> None:
    assert _overlap("Please tell me: what is 2 + 3? Show how.", "What is 2 + 3?") == "ngram"
    assert _overlap("What is 2 + 4?", "What is 2 + 3?") is None
    assert _overlap("What is?", "What is 2 + 3?") is None


def test_training_problems_do_not_contaminate_each_other() -> None:
    assert contaminated([_problem("a", LONG), _problem("b", LONG)], 13) == {}


@given(st.lists(st.tuples(st.text("ab ", max_size=12), st.sampled_from(["train", "test"]))))
def test_contaminated_problems_are_those_that_share_words_with_an_evaluation_question(
    drawn: list[tuple[str, str]],
) -> None:
    problems = [_problem(str(i), text, split) for i, (text, split) in enumerate(drawn)]
    overlaps = contaminated(problems, 2)
    for problem in problems:
        if problem.split == "train":
            question = f" {' '.join(words(problem.question))} "
            test_words = [words(p.question) for p in problems if p.split == "test"]
            bigrams = [gram for text in test_words for gram in _bigrams(text)]
            shares = any(f" {' '.join(gram)} " in question for gram in bigrams)
            same = words(problem.question) in test_words
            assert (problem.problem_id in overlaps) == (shares or same)


def _bigrams(text: tuple[str, ...]) -> list[tuple[str, ...]]:
    pairs = [text[i : i + 2] for i in range(len(text) - 1)]
    return pairs or ([text] if text else [])


def test_a_dropped_problem_is_a_reject_with_line_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    rows = [
        {"problem_id": "clean", "question": "What is 7 - 5?", "answer": "2", "split": "train"},
        {"problem_id": "same", "question": "what is 2+3", "answer": "5", "split": "train"},
        {"problem_id": "test", "question": "What is 2 + 3?", "answer": "5", "split": "test"},
        {"problem_id": "near", "question": "So what is 2 + 3?", "answer": "5", "split": "train"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    source = decontaminated(read_problems(str(path)), 13)
    assert [problem.problem_id for problem in source.problems] == ["clean", "test"]
    assert source.contaminated == {"exact": 1, "ngram": 1}
    assert [(reject.line, reject.reason) for reject in source.rejects] == [
        (2, "the question has the same words as test of split test (exact)"),
        (4, "the question shares consecutive words with test of split test (ngram)"),
    ]
    assert json.loads(source.rejects[0].row)["question"] == "what is 2+3"


def test_no_problem_is_dropped_if_decontaminate_ngram_is_null() -> None:
    recipe = load("pocket", ["problems.decontaminate_ngram=null", "problems.limit=20"])
    source = read_source(recipe)
    assert len(source.problems) == 60
    assert source.contaminated == {"exact": 0, "ngram": 0}


def test_the_pocket_recipe_loses_no_problem() -> None:
    """Its questions are generated from templates, so the recipe uses longer n-grams."""
    counts = ("problems.counts.train=600", "problems.counts.test=150", "problems.counts.ood=60")
    source = read_source(load("pocket", counts))
    assert (len(source.rejects), source.contaminated) == (0, {"exact": 0, "ngram": 0})


def test_gsm8k_is_decontaminated_within_seconds(gsm8k_path: str) -> None:
    source = read_problems(gsm8k_path)
    started = time.perf_counter()
    clean = decontaminated(source, 13)
    assert time.perf_counter() - started < 5  # a quarter of a second on an idle core
    assert clean.contaminated == {"exact": 0, "ngram": 4}
